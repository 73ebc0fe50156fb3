package io.qadataswap.api;

/** What a new writer does with a channel that exists. */
public enum IfExists {
  /**
   * Goes on where the last writer stopped, if that one is closed or dead and geometry, policy and
   * codec are the same.
   */
  TAKE_OVER,
  /** Removes the channel and creates a new one, if nobody is attached. Unread messages go. */
  REPLACE,
  /** Refuses. */
  FAIL
}
