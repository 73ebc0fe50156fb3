package io.qadataswap.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import io.qadataswap.api.ChannelInfo;
import io.qadataswap.api.ParticipantInfo;
import io.qadataswap.api.Qds;
import io.qadataswap.api.QdsException;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;

/**
 * The built tool, run in processes of its own, with a directory of channels of its own. Closing it
 * ends what still runs.
 */
final class Tool implements AutoCloseable {
  /** After this long a test hangs; nothing is measured by it. */
  private static final Duration WATCHDOG = Duration.ofMinutes(3);

  private static final Path JAR = Path.of(System.getProperty("qds.test.jar"));
  private static final List<String> JVM =
      List.of(
          Path.of(System.getProperty("java.home"), "bin", "java").toString(),
          "--sun-misc-unsafe-memory-access=allow",
          "-XX:TieredStopAtLevel=1",
          "-XX:+UseSerialGC");

  private final Path channels;
  private final Path files;
  private final List<Run> runs = new ArrayList<>();

  private Tool(Path channels, Path files) {
    this.channels = channels;
    this.files = files;
  }

  static Tool create() {
    Path shared = Path.of("/dev/shm");
    try {
      return new Tool(
          Files.isDirectory(shared)
              ? Files.createTempDirectory(shared, "qds-test-")
              : Files.createTempDirectory("qds-test-"),
          Files.createTempDirectory("qds-test-files-"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Returns a path for a file of the test. */
  Path file(String name) {
    return files.resolve(name);
  }

  Path channels() {
    return channels;
  }

  /** Returns the names of the files in the directory of channels. */
  List<String> channelFiles() throws IOException {
    try (Stream<Path> paths = Files.list(channels)) {
      return paths.map(path -> path.getFileName().toString()).sorted().toList();
    }
  }

  /** Describes a channel, if it is there. */
  Optional<ChannelInfo> info(String channel) {
    try {
      return Optional.of(Qds.inspect(channels, channel, Qds.DEFAULT_LAYOUT));
    } catch (QdsException e) {
      assertEquals(QdsException.Reason.NO_SUCH_CHANNEL, e.reason(), e::getMessage);
      return Optional.empty();
    }
  }

  /** Waits until so many messages were published on a channel. */
  void awaitPublished(String channel, long count) {
    await(
        count + " messages",
        () -> info(channel).map(ChannelInfo::publishedCount).orElse(0L) == count);
  }

  void awaitUnread(String channel, long count) {
    await(
        count + " unread messages",
        () -> info(channel).map(ChannelInfo::unreadCount).orElse(-1L) == count);
  }

  void awaitReaders(String channel, long count) {
    await(
        count + " readers",
        () ->
            info(channel)
                    .map(info -> info.readers().stream().filter(ParticipantInfo::alive).count())
                    .orElse(0L)
                == count);
  }

  /** Runs a command to its end. */
  Run run(Object... arguments) throws IOException {
    return start(arguments).await();
  }

  /** Runs a command to its end, which must be a good one. */
  Run ok(Object... arguments) throws IOException {
    return run(arguments).expect(ExitCode.OK);
  }

  Run start(Object... arguments) throws IOException {
    return start((File) null, arguments);
  }

  /** Starts a command that reads a file from its standard input, or from a pipe if it is null. */
  Run start(File standardInput, Object... arguments) throws IOException {
    return start(command(List.of(), arguments), standardInput, Map.of());
  }

  /** Starts a command with further flags of the JVM. */
  Run startWith(List<String> flags, Object... arguments) throws IOException {
    return start(command(flags, arguments), null, Map.of());
  }

  private static List<String> command(List<String> flags, Object... arguments) throws IOException {
    List<String> command = new ArrayList<>(JVM);
    command.add("-XX:SharedArchiveFile=" + classArchive());
    command.addAll(flags);
    command.addAll(List.of("-jar", JAR.toString()));
    Arrays.stream(arguments).map(Object::toString).forEach(command::add);
    return command;
  }

  /**
   * Returns the tool's classes as the JVM maps them, which makes most commands of the tests start
   * in two thirds of the time; the first test of a build writes them.
   */
  private static synchronized Path classArchive() throws IOException {
    Path archive = JAR.resolveSibling("qds-test.jsa");
    try (FileChannel channel =
            FileChannel.open(
                JAR.resolveSibling("qds-test.jsa.lock"),
                StandardOpenOption.CREATE,
                StandardOpenOption.WRITE);
        FileLock lock = channel.lock()) {
      if (Files.notExists(archive)
          || Files.getLastModifiedTime(archive).compareTo(Files.getLastModifiedTime(JAR)) < 0) {
        try (Tool tool = create()) {
          List<String> send = new ArrayList<>(JVM);
          send.add("-XX:ArchiveClassesAtExit=" + archive);
          Path file = ArrowFiles.mixed(tool.file("mixed.arrow"));
          send.addAll(List.of("-jar", JAR.toString(), "send", file.toString(), "--channel", "c"));
          tool.start(send, null, Map.of()).expect(ExitCode.OK);
        }
      }
      assertTrue(lock.isValid());
    }
    return archive;
  }

  /** Starts any command with this tool's directory of channels. */
  Run start(List<String> command, File standardInput, Map<String, String> environment)
      throws IOException {
    Path out = files.resolve("out-" + runs.size());
    Path err = files.resolve("err-" + runs.size());
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .directory(files.toFile())
            .redirectOutput(out.toFile())
            .redirectError(err.toFile());
    if (standardInput != null) {
      builder.redirectInput(standardInput);
    }
    builder.environment().put("QDS_DIR", channels.toString());
    builder.environment().remove("QDS_DEBUG");
    builder.environment().putAll(environment);
    Run run = new Run(command, builder.start(), out, err);
    runs.add(run);
    return run;
  }

  /** Waits for something that other processes do. */
  static void await(String what, BooleanSupplier condition) {
    long startNs = System.nanoTime();
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() - startNs > WATCHDOG.toNanos()) {
        fail("waited " + WATCHDOG + " for: " + what);
      }
      LockSupport.parkNanos(10_000_000);
    }
  }

  @Override
  public void close() throws IOException {
    for (Run run : runs) {
      run.process.destroyForcibly();
      run.process.onExit().join();
    }
    deleteAll(channels);
    deleteAll(files);
  }

  static void deleteAll(Path directory) throws IOException {
    try (Stream<Path> paths = Files.walk(directory)) {
      for (Path path : paths.sorted((a, b) -> b.compareTo(a)).toList()) {
        Files.delete(path);
      }
    }
  }

  /** One process. */
  static final class Run {
    private static final int SIGINT = 2;

    private final List<String> command;
    private final Process process;
    private final Path out;
    private final Path err;

    private Run(List<String> command, Process process, Path out, Path err) {
      this.command = command;
      this.process = process;
      this.out = out;
      this.err = err;
    }

    Process process() {
      return process;
    }

    Path outFile() {
      return out;
    }

    String out() {
      return read(out);
    }

    String err() {
      return read(err);
    }

    Run await() {
      Tool.await("the end of " + command, () -> !process.isAlive());
      return this;
    }

    Run expect(int exitCode) {
      await();
      assertEquals(exitCode, process.exitValue(), () -> command + "\n" + out() + err());
      return this;
    }

    /** Sends a signal as the shell does. */
    void signal(String name) throws IOException {
      if (name.equals("INT")) {
        assumeFalse(ignoresInterrupts(), "whoever started this build has it ignore SIGINT");
      }
      Process kill =
          new ProcessBuilder("kill", "-" + name, Long.toString(process.pid())).inheritIO().start();
      assertEquals(0, kill.onExit().join().exitValue());
    }

    /** Of a job that a script starts in the background: programs then leave it at that. */
    private boolean ignoresInterrupts() throws IOException {
      Path status = Path.of("/proc", Long.toString(process.pid()), "status");
      if (Files.notExists(status)) {
        return false;
      }
      String ignored = Files.readString(status).replaceAll("(?s).*\nSigIgn:\\s*(\\w+).*", "$1");
      return (Long.parseUnsignedLong(ignored, 16) >> (SIGINT - 1) & 1) != 0;
    }

    private static String read(Path path) {
      try {
        return Files.readString(path, StandardCharsets.UTF_8);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
