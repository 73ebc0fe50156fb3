package io.qadataswap.tck;

import io.qadataswap.api.codec.Codec;
import java.util.List;

/** Values that are their own content. */
record ImmutableSamples<T>(Codec<T> codec, List<T> values) implements CodecSamples<T> {
  @Override
  public Object contentOf(T value) {
    return value;
  }
}
