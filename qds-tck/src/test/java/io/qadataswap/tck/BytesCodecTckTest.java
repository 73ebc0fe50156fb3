package io.qadataswap.tck;

import io.qadataswap.api.Region;

class BytesCodecTckTest extends CodecTck<Region> {
  @Override
  protected CodecSamples<Region> samples() {
    return new BytesSamples();
  }

  @Override
  protected boolean allocatesNothing() {
    return true;
  }
}
