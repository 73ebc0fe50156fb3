package io.qadataswap.tck;

import io.qadataswap.api.Region;
import io.qadataswap.api.channel.Channel;
import io.qadataswap.api.channel.Memory;
import io.qadataswap.api.channel.SegmentFile;
import io.qadataswap.api.codec.Codec;
import io.qadataswap.api.codec.RegionCodec;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.stream.IntStream;

/** Values for {@link RegionCodec}: plain bytes of several lengths. */
public final class BytesSamples implements CodecSamples<Region> {
  private static final int[] LENGTHS = {0, 1, 7, 64, 1000, 5000};

  private final List<Region> values;

  /** Makes the values. A usable backend must be on the path. */
  public BytesSamples() {
    values = IntStream.of(LENGTHS).mapToObj(BytesSamples::bytes).toList();
  }

  private static Region bytes(int length) {
    Memory memory = privateMemory(Math.max(1, length));
    Region region = new Region();
    region.open(memory, 0, length, true);
    Payloads.fill(region, length, length);
    return region;
  }

  /** A copy of a part of a channel is memory that lives as long as it is reachable. */
  private static Memory privateMemory(int length) {
    try {
      Path directory = KitDirectory.create();
      try {
        SegmentFile file =
            SegmentFile.create(
                directory.resolve("bytes"),
                "tck",
                length,
                PosixFilePermissions.fromString("rw-------"),
                1L << 62,
                1);
        try (Channel channel = Plugins.anyBackend().map(file, length, true)) {
          return channel.copyOf(0, length);
        }
      } finally {
        KitDirectory.delete(directory);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public Codec<Region> codec() {
    return RegionCodec.instance();
  }

  @Override
  public List<Region> values() {
    return values;
  }

  @Override
  public Object contentOf(Region value) {
    byte[] bytes = new byte[Math.toIntExact(value.length())];
    value.getBytes(0, bytes, 0, bytes.length);
    return ByteBuffer.wrap(bytes);
  }
}
