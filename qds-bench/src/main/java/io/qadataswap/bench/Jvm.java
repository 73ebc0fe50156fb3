package io.qadataswap.bench;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** How every measured JVM is started. */
final class Jvm {
  /**
   * One collector thread and a fixed heap, so that a pinned JVM stays out of its own way;
   * compilation in the foreground, so that a warm-up ends warm. The rest opens what Agrona and
   * Arrow need.
   */
  static final List<String> FLAGS =
      List.of(
          "-XX:+UseSerialGC",
          "-Xms128m",
          "-Xmx128m",
          "-XX:+AlwaysPreTouch",
          "-XX:MaxDirectMemorySize=1g",
          "-XX:-BackgroundCompilation",
          "--add-opens=java.base/jdk.internal.misc=ALL-UNNAMED",
          "--add-opens=java.base/java.nio=ALL-UNNAMED",
          "--enable-native-access=ALL-UNNAMED",
          "--sun-misc-unsafe-memory-access=allow");

  private Jvm() {}

  /** Starts both sides of a kind in JVMs of their own. */
  static Sides start(Bench bench, Path directory, String kind, Object... arguments)
      throws IOException {
    return Sides.start(
        kind,
        bench.placement(),
        SideMain.command(kind, directory, 0, arguments),
        SideMain.command(kind, directory, 1, arguments));
  }
}
