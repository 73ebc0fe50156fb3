package io.qadataswap.api.layout;

import io.qadataswap.api.ReaderStats;

/**
 * A reading end of a ring. The facade calls {@link #poll} and {@link #await} from one thread at a
 * time; {@link #release}, {@link #stats} and {@link #interruptWait} come from any thread; {@link
 * #close} comes once, when nothing but {@link #release} runs.
 *
 * <p>All messages of one reader lie in one mapping, which stays until the reader is closed and the
 * last of its loans is released: codecs keep objects that show a place of it from one message to
 * the next. Only a reader that says {@link #validateFully()} may lend memory of its own instead.
 */
public interface RingReader extends AutoCloseable {
  /**
   * Takes the next message if it is there. Does not block.
   *
   * @param loan a closed loan, which this method opens
   * @return whether there was a message
   * @throws io.qadataswap.api.QdsException with reason {@code WRITER_DIED} when all messages of a
   *     dead writer were read, {@code EVICTED} or {@code LOCK_LOST} if this reader has lost its
   *     place, {@code CORRUPT} if the segment holds what no writer writes
   */
  boolean poll(Loan loan);

  /**
   * Waits for the next message and takes it.
   *
   * @param loan a closed loan, which this method opens
   * @param timeoutNs longest wait; {@link Long#MAX_VALUE} waits for ever
   * @return whether there was a message; false after the time-out and at the end of the stream
   * @throws InterruptedException if the thread was interrupted while it waited
   * @throws io.qadataswap.api.QdsException as {@link #poll}, and {@code CLOSED} after {@link
   *     #interruptWait}
   */
  boolean await(Loan loan, long timeoutNs) throws InterruptedException;

  /**
   * Returns whether the writer has closed the channel and every message was read.
   *
   * @return whether no message will come any more
   */
  boolean isEnded();

  /**
   * Returns the first sequence that this reader is due.
   *
   * @return the sequence at which it started
   */
  long startSequence();

  /**
   * Returns the id of the codec from the segment's header.
   *
   * @return the id
   */
  String codecId();

  /**
   * Returns whether everything that the writer stores is to be doubted: the codec then validates in
   * full.
   *
   * @return whether the segment belongs to another user, or the reader asked for it
   */
  boolean validateFully();

  /**
   * Takes a loan back. Called by {@link Loan#release()} for the last reference, from any thread,
   * also after {@link #close}.
   *
   * @param loan to take back
   */
  void release(Loan loan);

  /**
   * Returns counters.
   *
   * @return a snapshot
   */
  ReaderStats stats();

  /** Makes a wait that is under way, and every later one, end with reason {@code CLOSED}. */
  void interruptWait();

  /** Leaves the channel. Open loans stay valid; the last one to be released frees the mapping. */
  @Override
  void close();
}
