package io.qadataswap.api.channel;

/**
 * A counting semaphore of the operating system, which every process can open by its name. Any
 * thread may call; after {@link #close()} each method ends in {@link IllegalStateException}.
 *
 * <p>Taking a token has acquire order, giving one has release order, in every process.
 */
public interface NamedSemaphore extends AutoCloseable {
  /**
   * Takes a token if there is one. Does not block.
   *
   * @return whether a token was taken
   */
  boolean tryWait();

  /**
   * Returns whether {@link #await} can block this thread: not where the system has no wait on the
   * monotonic clock, and not a virtual thread, whose carrier would be pinned.
   *
   * @return whether there is a native wait
   */
  boolean canBlock();

  /**
   * Blocks until a token can be taken, or the time is up. May return early without a reason. Does
   * not notice interrupts: callers bound the time, and ask {@link #canBlock()} before.
   *
   * @param timeoutNs longest wait on the monotonic clock
   * @return whether a token was taken
   */
  boolean await(long timeoutNs);

  /** Gives a token, and wakes one who waits for it. Does not block. */
  void post();

  /**
   * Returns how many tokens there are at this moment.
   *
   * @return 0 or more
   */
  int value();

  /**
   * Lets go of the semaphore, which stays. Idempotent.
   *
   * @throws IllegalStateException if a call is under way in another thread: closing again works
   */
  @Override
  void close();
}
