package io.qadataswap.api;

/** What a new writer does with a channel that exists. */
public enum IfExists {
  /**
   * Goes on where the last writer stopped, if that one is closed or dead, the codec is the same,
   * and so are geometry and policies as far as they were set.
   */
  TAKE_OVER,
  /** Removes the channel and creates a new one, if nobody is attached. Unread messages go. */
  REPLACE,
  /** Refuses. */
  FAIL
}
