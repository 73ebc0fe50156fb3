package org.example.trade;

import io.qadataswap.tck.CodecSamples;
import io.qadataswap.tck.CodecTck;
import java.util.List;

// tag::tck[]
class TradeCodecTckTest extends CodecTck<Trade> {
  @Override
  protected CodecSamples<Trade> samples() {
    return CodecSamples.of(
        new TradeCodec(),
        List.of(
            new Trade(1, 10.5, 100, "QDS"),
            new Trade(-1, Double.NaN, Integer.MIN_VALUE, ""),
            new Trade(Long.MAX_VALUE, -0.0, 0, "Zürich, 東京")));
  }
}
// end::tck[]
