package io.qadataswap.tck;

import io.qadataswap.api.Claim;
import io.qadataswap.api.Message;
import io.qadataswap.api.Qds;
import io.qadataswap.api.Reader;
import io.qadataswap.api.Region;
import io.qadataswap.api.Unavailability;
import io.qadataswap.api.Writer;
import io.qadataswap.api.channel.Channel;
import io.qadataswap.api.channel.ChannelProvider;
import io.qadataswap.api.channel.SegmentFile;
import io.qadataswap.api.codec.RegionCodec;
import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.FutureTask;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;

/** A small program of a user, in a JVM of its own. Uses nothing of JUnit, runs on Java 17. */
final class UserChild {
  private UserChild() {}

  /** A JVM that runs this program. */
  static final class Jvm {
    private final List<String> wrapper = new ArrayList<>();
    private final List<String> flags = new ArrayList<>(List.of("-XX:+UseSerialGC", "-Xmx64m"));
    private final List<String> libraries = new ArrayList<>();
    private String javaHome = System.getProperty("java.home");
    private boolean onModulePath;

    /** Puts the command before that starts the JVM's, such as one that changes the user. */
    Jvm wrapper(String... words) {
      wrapper.addAll(Arrays.asList(words));
      return this;
    }

    Jvm flags(String... more) {
      flags.addAll(Arrays.asList(more));
      return this;
    }

    Jvm libraries(Class<?>... types) {
      for (Class<?> type : types) {
        libraries.add(Child.location(type));
      }
      return this;
    }

    Jvm library(Path path) {
      libraries.add(path.toString());
      return this;
    }

    Jvm javaHome(String home) {
      javaHome = home;
      return this;
    }

    Jvm onModulePath(boolean is) {
      onModulePath = is;
      return this;
    }

    /** Runs the program to its end, with its error output among its output. */
    String run(Object... arguments) throws IOException {
      Process process = start(arguments);
      process.getOutputStream().close();
      return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
    }

    Process start(Object... arguments) throws IOException {
      String libraryPath =
          libraries.stream().distinct().collect(Collectors.joining(File.pathSeparator));
      String program = Child.location(UserChild.class);
      List<String> command = new ArrayList<>(wrapper);
      command.add(Path.of(javaHome, "bin", "java").toString());
      command.addAll(flags);
      command.addAll(
          onModulePath
              ? List.of("-p", libraryPath, "--add-modules", "ALL-MODULE-PATH", "-cp", program)
              : List.of("-cp", program + File.pathSeparator + libraryPath));
      command.add(UserChild.class.getName());
      for (Object argument : arguments) {
        command.add(argument.toString());
      }
      ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
      builder.environment().keySet().removeAll(List.of("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS"));
      return builder.start();
    }
  }

  /**
   * Does one thing.
   *
   * @param args what, and its arguments
   * @throws Exception if it was not to be
   */
  public static void main(String[] args) throws Exception {
    Path directory = Path.of(args[1]);
    String backend = args[2].equals("-") ? null : args[2];
    switch (args[0]) {
      case "open" -> System.out.println(tryToOpen(directory, backend));
      case "read" -> System.out.println(tryToRead(directory, backend));
      case "open-on-musl" -> {
        Path linker = Files.write(directory.resolve("ld-musl-x86_64.so.1"), new byte[4096]);
        try (FileChannel file = FileChannel.open(linker, StandardOpenOption.READ)) {
          ByteBuffer mapped = file.map(FileChannel.MapMode.READ_ONLY, 0, 4096);
          System.out.println(tryToOpen(directory, backend) + (mapped.get(0) == 0 ? "" : "?"));
        }
      }
      case "lose-lock" -> {
        Writer<Region> writer = writer(directory, backend);
        Files.readAllBytes(directory.resolve("ring.qds"));
        System.out.println("lost");
        System.in.read();
        writer.close();
      }
      case "forget" -> forget(directory, backend);
      case "overwrite" -> overwrite(directory, backend);
      case "lend-claim" -> lendClaim(directory, backend);
      default -> throw new IllegalArgumentException(args[0]);
    }
  }

  private static Writer<Region> writer(Path directory, String backend) {
    return Qds.writer("ring", RegionCodec.instance())
        .directory(directory)
        .backend(backend)
        .capacity(1 << 20)
        .messageSlots(16)
        .readerEntries(8)
        .open();
  }

  private static Reader<Region> reader(Path directory, String backend) {
    return Qds.reader("ring", RegionCodec.instance()).directory(directory).backend(backend).open();
  }

  private static String tryToOpen(Path directory, String backend) {
    try (Writer<Region> writer = writer(directory, backend)) {
      return "opened " + writer.name();
    } catch (RuntimeException e) {
      return e.getMessage();
    }
  }

  private static String tryToRead(Path directory, String backend) {
    try (Reader<Region> reader = reader(directory, backend)) {
      return "opened " + reader.name();
    } catch (RuntimeException e) {
      return e.getMessage();
    }
  }

  /** Opens both ends and loses them; ends when it is told that both were reported. */
  @SuppressWarnings("resource") // that is the point
  private static void forget(Path directory, String backend) throws IOException {
    writer(directory, backend);
    reader(directory, backend);
    try (Reader<Region> closed = reader(directory, backend)) {
      System.out.println("closed " + closed.name());
    }
    while (System.in.available() == 0) {
      System.gc();
      LockSupport.parkNanos(10_000_000);
    }
  }

  private static void overwrite(Path directory, String backend) throws Exception {
    try (Writer<Region> writer = writer(directory, backend);
        Reader<Region> reader = reader(directory, backend)) {
      Claim claim = writer.claim(100);
      ByteBuffer slice = claim.region().slice(0, 100);
      claim.commit(100);
      Message<Region> message = reader.read();
      slice.put(99, (byte) (slice.get(99) + 1));
      try {
        message.close();
        System.out.println("closed");
      } catch (RuntimeException e) {
        System.out.println(e.getMessage());
      }
      System.out.println("open loans: " + reader.stats().openLoanCount());
    }
  }

  private static void lendClaim(Path directory, String backend) throws Exception {
    try (Writer<Region> writer = writer(directory, backend)) {
      Claim claim = writer.claim(100);
      FutureTask<String> other =
          new FutureTask<>(() -> {
            try {
              return "length " + claim.region().length();
            } catch (RuntimeException e) {
              return e.getMessage();
            }
          });
      Thread thread = new Thread(other, "other");
      thread.start();
      System.out.println(other.get());
      claim.commit(100);
      System.out.println("committed");
    }
  }

  /** A backend that works, beside another one of the same rank. */
  public abstract static class Twin implements ChannelProvider {
    @Override
    public int rank() {
      return 77;
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
    public long maxLength() {
      return Long.MAX_VALUE;
    }

    @Override
    public Channel map(SegmentFile file, long length, boolean writable) {
      throw new UnsupportedOperationException();
    }
  }

  /** One of two. */
  public static final class Castor extends Twin {
    /** Called by the service loader. */
    public Castor() {}

    @Override
    public String name() {
      return "castor";
    }
  }

  /** The other. */
  public static final class Pollux extends Twin {
    /** Called by the service loader. */
    public Pollux() {}

    @Override
    public String name() {
      return "pollux";
    }
  }
}
