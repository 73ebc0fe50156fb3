package io.qadataswap.codec.arrow;

import io.qadataswap.api.QdsException.Reason;
import io.qadataswap.api.Unavailability;
import io.qadataswap.api.codec.Codec;
import io.qadataswap.api.codec.CodecProvider;
import java.nio.ByteOrder;
import java.util.Optional;
import org.apache.arrow.memory.RootAllocator;

/** Finds {@link ArrowCodec} by its id. */
public final class ArrowCodecProvider implements CodecProvider {
  private static final String MEMORY_FACTORY = "DefaultAllocationManagerFactory.class";

  /** For {@link java.util.ServiceLoader}. */
  public ArrowCodecProvider() {}

  @Override
  public String name() {
    return ArrowCodec.ID;
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
    if (ByteOrder.nativeOrder() != ByteOrder.LITTLE_ENDIAN) {
      return Optional.of(
          new Unavailability(
              Reason.PLATFORM_UNSUPPORTED,
              "Arrow data is exchanged in little-endian order, this machine is big-endian"));
    }
    ClassLoader loader = ArrowCodecProvider.class.getClassLoader();
    if (loader.getResource("org/apache/arrow/memory/unsafe/" + MEMORY_FACTORY) == null
        && loader.getResource("org/apache/arrow/memory/netty/" + MEMORY_FACTORY) == null) {
      return Optional.of(
          new Unavailability(
              Reason.NO_PROVIDER,
              "Arrow has no memory implementation here: add org.apache.arrow:arrow-memory-unsafe in"
                  + " the version of arrow-vector"));
    }
    return Optional.empty();
  }

  /**
   * Creates a codec over an allocator of its own.
   *
   * @return the codec; the allocator holds memory only while messages are open
   */
  @Override
  public Codec<ArrowTable> codec() {
    return ArrowCodec.with(new RootAllocator());
  }
}
