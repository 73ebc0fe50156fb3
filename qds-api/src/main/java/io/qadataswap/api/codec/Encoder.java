package io.qadataswap.api.codec;

import io.qadataswap.api.Region;

/**
 * Encodes the values of one writer. Used by one thread at a time.
 *
 * @param <T> the type of the values
 */
public interface Encoder<T> extends AutoCloseable {
  /**
   * Returns how much room a value needs. {@link #encode} follows with the same value, unchanged, or
   * the value is given up.
   *
   * @param value to be encoded
   * @return bytes, exact if possible, else an upper bound
   */
  long measure(T value);

  /**
   * Writes the value that was measured last. Does not block. An exception aborts the message.
   *
   * @param value to encode
   * @param target claimed memory of at least the measured length, starting at a multiple of 64
   * @return the bytes used, from the start
   */
  long encode(T value, Region target);

  /** Frees what the encoder holds. Idempotent. */
  @Override
  void close();
}
