package io.qadataswap.codec.raw;

import io.qadataswap.api.Unavailability;
import io.qadataswap.api.codec.Codec;
import io.qadataswap.api.codec.CodecProvider;
import java.util.Optional;

/** Finds {@link RawCodec} by its id. */
public final class RawCodecProvider implements CodecProvider {
  /** For {@link java.util.ServiceLoader}. */
  public RawCodecProvider() {}

  @Override
  public String name() {
    return RawCodec.ID;
  }

  @Override
  public int rank() {
    return 50;
  }

  @Override
  public int apiVersion() {
    return 1;
  }

  @Override
  public Optional<Unavailability> unavailableReason() {
    return Optional.empty();
  }

  @Override
  public Codec<?> codec() {
    return RawCodec.instance();
  }
}
