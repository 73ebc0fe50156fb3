package io.qadataswap.tck.live;

import io.qadataswap.codec.raw.RawBatch;
import io.qadataswap.tck.CodecSamples;
import io.qadataswap.tck.CodecTck;

class RawCodecTckTest extends CodecTck<RawBatch> {
  @Override
  protected CodecSamples<RawBatch> samples() {
    return new RawSamples();
  }

  @Override
  protected boolean allocatesNothing() {
    return true;
  }
}
