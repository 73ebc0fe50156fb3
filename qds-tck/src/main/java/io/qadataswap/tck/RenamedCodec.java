package io.qadataswap.tck;

import io.qadataswap.api.Region;
import io.qadataswap.api.codec.Codec;
import io.qadataswap.api.codec.Decoder;
import io.qadataswap.api.codec.Encoder;
import io.qadataswap.api.codec.RegionCodec;

/** The bytes of {@link RegionCodec} by another name. */
record RenamedCodec(String id) implements Codec<Region> {
  @Override
  public Encoder<Region> newEncoder(String channel) {
    return RegionCodec.instance().newEncoder(channel);
  }

  @Override
  public Decoder<Region> newDecoder(String channel, boolean fullValidation) {
    return RegionCodec.instance().newDecoder(channel, fullValidation);
  }
}
