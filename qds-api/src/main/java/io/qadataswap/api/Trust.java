package io.qadataswap.api;

/** How far a reader trusts what the writer stores. */
public enum Trust {
  /** {@link #FULL} for a segment of this user, {@link #NONE} for one of another user. */
  BY_OWNER,
  /** Messages are read in place; codecs check their structure. */
  FULL,
  /** Messages are read in place; codecs check every byte that a view may depend on. */
  VALIDATE,
  /**
   * Messages are copied to private memory, which the writer cannot change, and validated in full:
   * safe against a hostile writer.
   */
  NONE
}
