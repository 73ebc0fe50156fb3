package io.qadataswap.api.codec;

import io.qadataswap.api.layout.Loan;

/**
 * Decodes the messages of one reader. {@link #decode} is used by one thread at a time; {@link
 * #release} may be called by any thread, also at the same time as {@link #decode}.
 *
 * @param <T> the type of the values
 */
public interface Decoder<T> extends AutoCloseable {
  /**
   * Makes a view over a message. Does not block. The bytes may be hostile: everything that the view
   * relies on is copied to private memory or checked first, and a bad message is refused with a
   * {@link io.qadataswap.api.QdsException} of reason {@code CORRUPT} that names the channel, the
   * field, what was found and what is allowed; or {@code UNSUPPORTED}, where it is of a version or
   * has a feature of the format that this codec does not have.
   *
   * @param loan the message. Its memory stays while the message is open; a view that may live
   *     longer calls {@link Loan#retain()} now and {@link Loan#release()} when its last part is
   *     gone
   * @return the value
   */
  T decode(Loan loan);

  /**
   * Gives back what a value holds. Called once for each value, when its message is closed.
   *
   * @param value made by this decoder
   */
  void release(T value);

  /**
   * Frees what the decoder holds. Called after the reader was closed and all its messages were.
   * Idempotent.
   */
  @Override
  void close();
}
