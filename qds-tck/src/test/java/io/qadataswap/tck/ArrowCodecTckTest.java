package io.qadataswap.tck;

import io.qadataswap.codec.arrow.ArrowTable;

class ArrowCodecTckTest extends CodecTck<ArrowTable> {
  @Override
  protected CodecSamples<ArrowTable> samples() {
    return new ArrowSamples();
  }
}
