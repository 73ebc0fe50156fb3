package io.qadataswap.bench;

import io.qadataswap.api.ChannelInfo;
import io.qadataswap.api.Qds;
import io.qadataswap.api.Writer;
import io.qadataswap.api.codec.RegionCodec;
import java.nio.file.Path;

/**
 * What a channel with default settings takes that holds no messages.
 *
 * @param overheadLength in bytes
 * @param segmentLength of the whole file, in bytes
 */
record Overhead(long overheadLength, long segmentLength) {
  /** Creates a channel in a directory and looks at it. */
  static Overhead measure(Path directory) {
    try (Writer<?> writer =
        Qds.writer("overhead", RegionCodec.instance()).directory(directory).open()) {
      ChannelInfo info = Qds.inspect(directory, writer.name(), Qds.DEFAULT_LAYOUT);
      long arenaLength = Long.parseLong(info.header().get("arenaLength"));
      return new Overhead(info.length() - arenaLength, info.length());
    }
  }

  double percent() {
    return 100.0 * overheadLength / segmentLength;
  }
}
