package io.qadataswap.tck;

import io.qadataswap.api.codec.Codec;
import java.util.List;

/**
 * What the kit has to know of a codec to try it: values, and how to look at one. {@link CodecTck}
 * asks for it; registered as a service ({@link java.util.ServiceLoader}), it also brings the codec
 * into the matrix of {@link MatrixTck}.
 *
 * <p>Used by one thread, but for {@link #contentOf}, which several may call.
 *
 * @param <T> the type of the values
 */
public interface CodecSamples<T> extends AutoCloseable {
  /**
   * Makes samples of immutable values that have {@code equals}, such as records of numbers and
   * texts: such a value is its own content. Not for views of a message's memory, nor for arrays.
   *
   * @param codec to try; holds nothing outside of the heap
   * @param values as {@link #values()} says
   * @param <T> the type of the values
   * @return the samples
   */
  static <T> CodecSamples<T> of(Codec<T> codec, List<T> values) {
    return new ImmutableSamples<>(codec, List.copyOf(values));
  }

  /**
   * Returns the codec to try.
   *
   * @return the same codec at each call
   */
  Codec<T> codec();

  /**
   * Returns values of all kinds that the codec has: empty ones, large ones, each type, each way to
   * have nothing in it. Each should be below 64 KiB when it is encoded; a few hundred bytes are
   * best, since every one is damaged in many ways.
   *
   * @return the same values at each call, at least two that differ
   */
  List<T> values();

  /**
   * Copies all that a user can see of a value: reads every part of it.
   *
   * @param value one of {@link #values()}, or one that the codec has decoded
   * @return something that is equal for equal values and does not change with the value's memory,
   *     such as a list of boxed numbers and texts
   */
  Object contentOf(T value);

  /**
   * Returns what the codec's encoders and decoders hold outside of the heap, or in any other place
   * from which it has to be given back.
   *
   * @return bytes; 0 once all are closed; always 0 for codecs that hold nothing
   */
  default long heldLength() {
    return 0;
  }

  /** Frees the values. By default there is nothing to free. */
  @Override
  default void close() {}
}
