package io.qadataswap.api.layout;

import io.qadataswap.api.Region;
import io.qadataswap.api.WriterStats;

/**
 * The writing end of a ring. The facade calls {@link #claim}, {@link #commit} and {@link #abort}
 * from one thread at a time, never two claims at once; {@link #stats} and {@link #interruptWait}
 * come from any thread; {@link #close} comes once, when nothing else runs.
 */
public interface RingWriter extends AutoCloseable {
  /**
   * Finds room for a message. Waits for readers if the overflow policy says so.
   *
   * @param maxLength most bytes that the message will have, 0 or more
   * @param timeoutNs longest wait; 0 never waits, {@link Long#MAX_VALUE} waits for ever
   * @return whether there is room now; if so {@link #region()} is open until commit or abort
   * @throws InterruptedException if the thread was interrupted while it waited
   * @throws io.qadataswap.api.QdsException if waiting is pointless, with the reason: {@code
   *     MESSAGE_TOO_LARGE}, {@code NO_ROOM}, {@code READER_HOLDS_LOANS}, {@code REPLACED}, {@code
   *     LOCK_LOST}, {@code CLOSED}
   */
  boolean claim(long maxLength, long timeoutNs) throws InterruptedException;

  /**
   * Returns the region of the open claim. The same object for every claim.
   *
   * @return the region, writable
   */
  Region region();

  /**
   * Publishes the open claim. Does not block.
   *
   * @param length bytes used, from the start of the region
   * @param tag a value that travels with the message
   * @return the message's sequence
   * @throws IllegalArgumentException if the layout has no tags, and this is not 0: nothing was
   *     published
   * @throws io.qadataswap.api.QdsException with reason {@code REPLACED} or {@code LOCK_LOST} if
   *     another writer has taken over: nothing was published
   */
  long commit(long length, long tag);

  /** Gives the open claim up; nothing is published. */
  void abort();

  /**
   * Returns counters.
   *
   * @return a snapshot
   */
  WriterStats stats();

  /** Makes a wait that is under way, and every later one, end with reason {@code CLOSED}. */
  void interruptWait();

  /** Ends the stream for the readers and leaves the channel. */
  @Override
  void close();
}
