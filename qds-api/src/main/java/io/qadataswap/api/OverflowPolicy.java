package io.qadataswap.api;

/** What a writer does when the channel is full. Fixed when the channel is created. */
public enum OverflowPolicy {
  /**
   * The writer waits for the slowest lossless reader; nothing that a lossless reader is due is
   * lost.
   */
  BLOCK,
  /** The writer never waits: the oldest messages go. Only observers may attach. */
  DROP_OLDEST
}
