package io.qadataswap.api;

/** What a reader is to the writer. Chosen when it attaches. */
public enum ReaderMode {
  /** The writer does not reuse memory that this reader has not released. */
  LOSSLESS,
  /**
   * Never holds the writer back. When the writer laps it, it skips forward and counts exactly what
   * it lost; what it holds in an open message stays intact for as long as it holds it.
   */
  OBSERVER
}
