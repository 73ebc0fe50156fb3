package io.qadataswap.tck.live;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** Directories for channels, in memory where there is one. */
final class Directories {
  private Directories() {}

  static Path create() throws IOException {
    Path shared = Path.of("/dev/shm");
    return Files.isWritable(shared)
        ? Files.createTempDirectory(shared, "qds-tck-live")
        : Files.createTempDirectory("qds-tck-live");
  }

  static void delete(Path directory) throws IOException {
    List<Path> all;
    try (Stream<Path> files = Files.walk(directory)) {
      all = files.sorted(Comparator.reverseOrder()).toList();
    }
    for (Path each : all) {
      Files.deleteIfExists(each);
    }
  }
}
