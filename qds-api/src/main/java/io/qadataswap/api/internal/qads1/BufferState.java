package io.qadataswap.api.internal.qads1;

/**
 * The state of one buffer, packed: offsets from its start.
 *
 * <pre>
 * offset width field      written by
 *      0     8 data_size  writer     bytes of the message
 *      8     1 ready      both       see below
 *      9     8 timestamp  writer     microseconds of the monotonic clock
 * </pre>
 *
 * <p>{@code ready} is 0 when the writer may have the buffer (it also needs the token), 1 when a
 * message is in it that nobody has taken. The original knows these two. A reader of QDS that takes
 * a message stores {@link #lentTo}, and {@link #CLOSED} when it is done with it while an earlier
 * message is still lent; with the token the buffer gets its 0 again. The original does not look at
 * buffers in these states: its writer has no token for them, and its readers are past them.
 */
final class BufferState {
  static final int DATA_SIZE_OFFSET = 0;
  static final int READY_OFFSET = 8;
  static final int TIMESTAMP_OFFSET = 9;
  static final int LENGTH = 17;

  static final int FREE = 0;
  static final int READY = 1;

  /** The message was read; its token waits for those of earlier messages. */
  static final int CLOSED = 255;

  private static final int FIRST_LENT = 2;

  /** The most readers of QDS at once. */
  static final int MAX_READER_COUNT = CLOSED - FIRST_LENT;

  private BufferState() {}

  /** The state of a buffer whose message a reader of QDS has taken and not yet closed. */
  static int lentTo(int reader) {
    return FIRST_LENT + reader;
  }

  static boolean isLent(int state) {
    return state >= FIRST_LENT && state < CLOSED;
  }

  /** Whether a reader of QDS has taken the message and not yet given the token back. */
  static boolean isOwed(int state) {
    return state >= FIRST_LENT;
  }

  static int readerOf(int state) {
    return state - FIRST_LENT;
  }
}
