package io.qadataswap.bench;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Starts what shows the machine's limits: compiled C, or the same in Java without a compiler. */
final class Limits {
  private static final long PING_PONG_LENGTH = 4096;
  private static final long RING_HEADER_LENGTH = 4096;

  private final Placement placement;
  private final Path program;
  private final String description;
  private int started;

  private Limits(Placement placement, Path program, String description) {
    this.placement = placement;
    this.program = program;
    this.description = description;
  }

  /** Compiles the C program into a directory, if there is a compiler. */
  static Limits prepare(Placement placement, Path directory)
      throws IOException, InterruptedException {
    Path compiler = Placement.findProgram("cc");
    if (compiler == null) {
      return new Limits(placement, null, "bare Java, since there is no C compiler (cc)");
    }
    Path source = directory.resolve("limits.c");
    try (InputStream resource = Limits.class.getResourceAsStream("limits.c")) {
      Files.copy(resource, source);
    }
    Path program = directory.resolve("limits");
    List<String> command =
        List.of(
            compiler.toString(),
            "-std=c11",
            "-D_DEFAULT_SOURCE",
            "-O3",
            "-o",
            program.toString(),
            source.toString());
    Process process = new ProcessBuilder(command).inheritIO().start();
    int exitCode = process.waitFor();
    if (exitCode != 0) {
      return new Limits(placement, null, "bare Java, since cc failed with exit code " + exitCode);
    }
    return new Limits(placement, program, "C, compiled with cc -O3");
  }

  /** The round trip of a 64-byte message; value: p50_ns. */
  Sides startPingPong(Path directory) throws IOException {
    return start(directory, PING_PONG_LENGTH, "ping-pong");
  }

  /** Batches of so many bytes copied in, the first quarter summed; value: bytes_per_s. */
  Sides startCopyRing(Path directory, long length, int slotCount) throws IOException {
    return start(
        directory, RING_HEADER_LENGTH + slotCount * length, "copy-ring", length, slotCount);
  }

  @Override
  public String toString() {
    return description;
  }

  private Sides start(Path directory, long fileLength, String kind, Object... arguments)
      throws IOException {
    Path own = Files.createDirectory(directory.resolve("limit" + started++));
    Path file = own.resolve("limit");
    Mapping.create(file, fileLength);
    return Sides.start(
        kind,
        placement,
        command(own, file, kind, 0, arguments),
        command(own, file, kind, 1, arguments));
  }

  private List<String> command(
      Path directory, Path file, String kind, int side, Object... arguments) {
    if (program == null) {
      return SideMain.command("bare-" + kind, directory, side, arguments);
    }
    List<String> command = new ArrayList<>();
    command.add(program.toString());
    command.add(kind);
    command.add(file.toString());
    command.add(Integer.toString(side));
    for (Object argument : arguments) {
      command.add(argument.toString());
    }
    return command;
  }
}
