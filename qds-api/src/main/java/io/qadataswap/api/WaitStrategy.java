package io.qadataswap.api;

/** How a blocked call waits. */
public enum WaitStrategy {
  /** Spins: the shortest reaction, a core for each waiting thread. */
  BUSY_SPIN,
  /**
   * Spins, yields, then parks for growing times: up to a millisecond, and up to 10 ms when the wait
   * has lasted for a second. Never sleeps in the kernel for a peer to wake it.
   */
  BACKOFF,
  /**
   * Spins and yields for a moment, then sleeps until the other side wakes it, where the backend has
   * native waiting; else parks as {@link #BACKOFF} does.
   */
  BLOCKING
}
