package io.qadataswap.cli;

import io.qadataswap.api.Qds;
import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine.Option;

/** What both sides of the demo have to know; handed over on their command lines. */
final class DemoPlan {
  @Option(names = "--channel", required = true)
  String channel;

  @Option(names = "--dir", required = true)
  Path directory;

  @Option(names = "--layout")
  String layout = Qds.DEFAULT_LAYOUT;

  @Option(names = "--backend")
  String backend;

  @Option(names = "--rows")
  int rowCount;

  @Option(names = "--batches")
  int streamCount;

  @Option(names = "--capacity")
  long capacity;

  /** Returns the options as arguments, all but the backend, which each side has its own. */
  List<String> arguments() {
    return List.of(
        "--channel",
        channel,
        "--dir",
        directory.toString(),
        "--layout",
        layout,
        "--rows",
        Integer.toString(rowCount),
        "--batches",
        Integer.toString(streamCount),
        "--capacity",
        Long.toString(capacity));
  }

  /** Returns how many messages a phase has. */
  int messageCount(DemoPhase phase) {
    return switch (phase) {
      case WARM_UP -> Math.max(1, streamCount / 5);
      case STREAM -> streamCount;
      case HAND_OVER -> Math.max(1, Math.min(streamCount, 2000));
      case MIXED -> Math.max(1, streamCount / 10);
    };
  }

  long messageCount() {
    long total = 0;
    for (DemoPhase phase : DemoPhase.values()) {
      total += messageCount(phase);
    }
    return total;
  }
}
