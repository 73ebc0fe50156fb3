package io.qadataswap.codec.raw;

import io.qadataswap.api.PluginInfo;
import io.qadataswap.api.Qds;
import io.qadataswap.api.Reader;
import io.qadataswap.api.ReaderBuilder;
import io.qadataswap.api.Writer;
import io.qadataswap.api.codec.Codec;
import java.nio.file.Path;
import java.util.List;

/** Opens both ends of a channel, on each backend that works in this JVM. */
final class Channels {
  static final String NAME = "raw";
  private static final int CAPACITY = 1 << 20;

  private Channels() {}

  static List<String> backends() {
    return Qds.backends().stream()
        .filter(backend -> backend.unavailableReason().isEmpty())
        .map(PluginInfo::name)
        .toList();
  }

  static <T> Writer<T> writer(Path directory, String backend, Codec<T> codec) {
    return Qds.writer(NAME, codec).directory(directory).backend(backend).capacity(CAPACITY).open();
  }

  static <T> Reader<T> reader(Path directory, String backend, Codec<T> codec) {
    return readerBuilder(directory, backend, codec).open();
  }

  static <T> ReaderBuilder<T> readerBuilder(Path directory, String backend, Codec<T> codec) {
    return Qds.reader(NAME, codec).directory(directory).backend(backend);
  }
}
