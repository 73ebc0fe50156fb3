package io.qadataswap.tck.live;

import io.qadataswap.api.codec.Codec;
import io.qadataswap.codec.raw.RawBatch;
import io.qadataswap.codec.raw.RawCodec;
import io.qadataswap.tck.CodecSamples;
import io.qadataswap.tck.fixtures.RawCases;
import java.util.List;

/** The batches of raw columns that all languages exchange, for the tests of codecs. */
public final class RawSamples implements CodecSamples<RawBatch> {
  /** Each value is damaged in thousands of ways, so the long ones are left out. */
  private static final int MOST_TEXT_LENGTH = 1 << 14;

  private final List<RawBatch> values =
      RawCases.names().stream()
          .map(RawCases::text)
          .filter(text -> text.length() <= MOST_TEXT_LENGTH)
          .map(RawFiles::parse)
          .toList();

  /** For {@link java.util.ServiceLoader}. */
  public RawSamples() {}

  @Override
  public Codec<RawBatch> codec() {
    return RawCodec.instance();
  }

  @Override
  public List<RawBatch> values() {
    return values;
  }

  @Override
  public Object contentOf(RawBatch value) {
    return RawFiles.text(value);
  }
}
