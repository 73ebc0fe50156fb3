package io.qadataswap.tck;

import io.qadataswap.api.Message;
import io.qadataswap.api.Qds;
import io.qadataswap.api.QdsException;
import io.qadataswap.api.Reader;
import io.qadataswap.api.Region;
import io.qadataswap.api.Writer;
import io.qadataswap.api.channel.SegmentFile;
import io.qadataswap.api.codec.RegionCodec;
import java.io.BufferedReader;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The process of {@link RingEnvironmentTest} that lacks something: does what it reads from standard
 * input, line by line, and answers each command with a line. Uses nothing of JUnit.
 */
final class EnvironmentChild {
  private static final int EXCHANGED_COUNT = 10;

  private final String backend;
  private final Deque<AutoCloseable> opened = new ArrayDeque<>();
  private final Deque<FileInputStream> hogged = new ArrayDeque<>();

  private EnvironmentChild(String backend) {
    this.backend = backend;
  }

  /**
   * Runs until standard input ends.
   *
   * @param args name of the backend
   * @throws IOException if standard input fails
   */
  public static void main(String[] args) throws IOException {
    EnvironmentChild child = new EnvironmentChild(args[0]);
    BufferedReader commands =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = commands.readLine(); line != null; line = commands.readLine()) {
      System.out.println(child.answer(line.split(" ", -1)));
    }
  }

  private String answer(String[] words) {
    try {
      return result(words);
    } catch (QdsException e) {
      return e.reason() + " " + e.getMessage();
    } catch (Exception | Error e) {
      return "unexpected " + e;
    }
  }

  private String result(String[] words) throws Exception {
    switch (words[0]) {
      case "writer" -> {
        opened.push(writer(Path.of(words[1]), Long.parseLong(words[2])));
        return "open";
      }
      case "reader" -> {
        opened.push(reader(Path.of(words[1])));
        return "open";
      }
      case "exchange" -> {
        try (Writer<Region> writer = writer(Path.of(words[1]), RingFixture.CAPACITY);
            Reader<Region> reader = reader(Path.of(words[1]))) {
          for (long i = 0; i < EXCHANGED_COUNT; i++) {
            var claim = writer.claim(Long.BYTES);
            claim.region().putLong(0, i);
            claim.commit(Long.BYTES);
            try (Message<Region> message = reader.read()) {
              if (message.value().getLong(0) != i) {
                throw new AssertionError(message.value().getLong(0) + " for " + i);
              }
            }
          }
        }
        return "exchanged";
      }
      case "create" -> {
        SegmentFile.create(
                Path.of(words[1]),
                RingFixture.NAME,
                Long.parseLong(words[2]),
                PosixFilePermissions.fromString("rw-------"),
                1L << 62,
                1)
            .close();
        return "created";
      }
      case "inspect" -> {
        return "published "
            + Qds.inspect(Path.of(words[1]), RingFixture.NAME, Qds.DEFAULT_LAYOUT).publishedCount();
      }
      case "remove" -> {
        Qds.remove(Path.of(words[1]), RingFixture.NAME, Qds.DEFAULT_LAYOUT, false);
        return "removed";
      }
      case "list" -> {
        return "channels " + Qds.list(Path.of(words[1]), Qds.DEFAULT_LAYOUT);
      }
      case "names" -> {
        try (Stream<Path> files = Files.list(Path.of(words[1]))) {
          List<String> names = files.map(f -> f.getFileName().toString()).sorted().toList();
          return names.stream().collect(Collectors.joining(" ", "names", ""));
        }
      }
      case "threads" -> {
        return Thread.getAllStackTraces().keySet().stream()
            .map(Thread::getName)
            .filter(name -> name.startsWith("qds"))
            .sorted()
            .collect(Collectors.joining(" "));
      }
      case "hog" -> {
        return hog(Integer.parseInt(words[1]));
      }
      case "release" -> {
        while (!hogged.isEmpty()) {
          hogged.pop().close();
        }
        return "released";
      }
      case "close" -> {
        while (!opened.isEmpty()) {
          opened.pop().close();
        }
        System.gc();
        return "closed";
      }
      default -> throw new IllegalArgumentException(words[0]);
    }
  }

  /** Opens as many files as the system allows, but for a few. */
  private String hog(int freeCount) throws IOException {
    try {
      while (true) {
        hogged.push(new FileInputStream("/dev/null"));
      }
    } catch (IOException e) {
      for (int i = 0; i < freeCount; i++) {
        hogged.pop().close();
      }
      return "hogged";
    }
  }

  private Writer<Region> writer(Path directory, long capacity) {
    return Qds.writer(RingFixture.NAME, RegionCodec.instance())
        .directory(directory)
        .backend(backend)
        .capacity(capacity)
        .messageSlots(RingFixture.SLOT_COUNT)
        .readerEntries(RingFixture.READER_ENTRY_COUNT)
        .open();
  }

  private Reader<Region> reader(Path directory) {
    return Qds.reader(RingFixture.NAME, RegionCodec.instance())
        .directory(directory)
        .backend(backend)
        .open();
  }
}
