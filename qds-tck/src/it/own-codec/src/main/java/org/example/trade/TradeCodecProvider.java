package org.example.trade;

import io.qadataswap.api.Unavailability;
import io.qadataswap.api.codec.Codec;
import io.qadataswap.api.codec.CodecProvider;
import java.util.Optional;

// tag::provider[]
/** By which {@code Qds.codec(id)} finds the codec of a channel. */
public final class TradeCodecProvider implements CodecProvider {
  @Override
  public String name() {
    return TradeCodec.ID;
  }

  @Override
  public Codec<?> codec() {
    return new TradeCodec();
  }

  @Override
  public int rank() {
    return 0; // of those with the same name the highest one is taken
  }

  @Override
  public int apiVersion() {
    return 1; // of the interfaces that this class was written for
  }

  @Override
  public Optional<Unavailability> unavailableReason() {
    return Optional.empty();
  }
}
// end::provider[]
