package io.qadataswap.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.qadataswap.api.Message;
import io.qadataswap.api.Qds;
import io.qadataswap.api.QdsException;
import io.qadataswap.api.QdsException.Reason;
import io.qadataswap.api.Reader;
import io.qadataswap.api.Region;
import io.qadataswap.api.Writer;
import io.qadataswap.shm.ffm.FfmChannelProvider;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** With a second implementation in other processes, which follows the protocol as the original. */
@SuppressWarnings("try") // a writer that only has to be there
class Qads1LiveTest extends Qads1Fixture {
  private static final int ROUNDS = Stress.rounds(4);

  /** Of those that start a JVM, which takes longer than all else in them. */
  private static final int JVM_ROUNDS = Stress.rounds(3);

  private static final int MESSAGES = 2000;

  @BeforeEach
  void pythonIsThere() {
    Original.assumeIsThere();
  }

  @Test
  void thousandsOfMessagesComeFromTheOriginal() throws Exception {
    try (Original writer =
        new Original(directory, "count-up", name, "--count", MESSAGES, "--length", 4096)) {
      writer.expect("created");
      await(() -> inspect().publishedCount() > 0);
      try (Reader<Region> reader = reader().open()) {
        for (long number = 0; number < MESSAGES; number++) {
          readAndClose(reader, number);
        }
        assertNull(reader.read(LONG));
        assertTrue(reader.isEnded());
      }
      assertEquals(numbers(0, MESSAGES), writer.numbers());
    }
    assertFalse(Files.exists(object()));
  }

  @Test
  void thousandsOfMessagesGoToTheOriginal() throws Exception {
    try (Original reader = new Original(directory, "check", name, "--count", MESSAGES);
        Writer<Region> writer = writer().open()) {
      reader.expect("attached");
      for (long number = 0; number < MESSAGES; number++) {
        write(writer, number, 4096);
      }
      assertEquals(numbers(0, MESSAGES), reader.numbers());
      assertTokens(BUFFER_COUNT, 0);
    }
    assertFalse(Files.exists(object()));
  }

  @Test
  void readersOfTheOriginalAreKilledAndTheWriterGoesOn() throws Exception {
    Random random = new Random();
    List<Long> read = new ArrayList<>();
    int count = MESSAGES;
    try (Writer<Region> writer = writer().open()) {
      Thread writing =
          new Thread(() -> {
            try {
              for (long number = 0; number < count; number++) {
                write(writer, number);
              }
            } catch (InterruptedException e) {
              throw new AssertionError(e);
            }
          });
      writing.start();
      for (int kills = 0; kills < ROUNDS; kills++) {
        try (Original reader = new Original(directory, "check", name)) {
          reader.expect("attached");
          for (int some = random.nextInt(100); some > 0; some--) {
            read.add(Long.parseLong(reader.line()));
          }
          reader.kill();
          read.addAll(reader.numbers());
        }
        // The writer finds that it is alone, and restores what the reader took along.
        await(() -> !writing.isAlive() || isBalanced());
      }
      try (Original reader = new Original(directory, "check", name, "--patience", 5)) {
        reader.expect("attached");
        read.addAll(reader.numbers());
      }
      writing.join();
      // A killed reader takes the one along that it had just read; all others come once, in order.
      assertEquals(read, read.stream().distinct().sorted().toList());
      assertTrue(read.size() >= count - ROUNDS, () -> read.size() + " of " + count);
      for (int i = 0; i < BUFFER_COUNT; i++) {
        write(writer, count);
      }
      assertTrue(isBalanced());
      assertFalse(tryWrite(writer, count));
    }
  }

  private boolean isBalanced() {
    return "0 write, 0 read".equals(field("missing tokens"));
  }

  @Test
  void writersOfTheOriginalAreKilledAndTheReaderSaysSo() throws Exception {
    Random random = new Random();
    for (int round = 0; round < ROUNDS; round++) {
      try (Original writer = new Original(directory, "count-up", name)) {
        writer.expect("created");
        await(this::isComplete);
        List<Long> read = new ArrayList<>();
        try (Reader<Region> reader = reader().open()) {
          int some = random.nextInt(200);
          for (int i = 0; i < some; i++) {
            try (Message<Region> message = reader.read(LONG)) {
              read.add(number(message));
            }
          }
          writer.kill();
          QdsException end =
              assertThrows(
                  QdsException.class,
                  () -> {
                    while (true) {
                      try (Message<Region> message = reader.read(LONG)) {
                        read.add(number(message));
                      }
                    }
                  });
          assertEquals(Reason.WRITER_DIED, end.reason(), end.getMessage());
          assertEquals(numbers(0, read.size()), read);
          // What it had said of itself was written.
          assertTrue(read.containsAll(writer.numbers()));
        }
      }
      assertFalse(Files.exists(object()), "the next writer of the original could not create");
    }
  }

  private boolean isComplete() {
    try {
      return inspect().publishedCount() > 0;
    } catch (QdsException e) {
      return false;
    }
  }

  @Test
  void readersAndWritersOfQdsAreKilledBesideTheOriginal() throws Exception {
    Random random = new Random();
    for (int round = 0; round < JVM_ROUNDS; round++) {
      // The reader of QDS, of a writer of the original that lives.
      Set<Long> seen = new HashSet<>();
      try (Original writer = new Original(directory, "count-up", name)) {
        writer.expect("created");
        await(this::isComplete);
        Process reader = child("read", 0, 0);
        try (BufferedReader lines = reader.inputReader()) {
          assertEquals("attached", lines.readLine());
          for (int some = random.nextInt(50); some > 0; some--) {
            assertTrue(seen.add(Long.parseLong(lines.readLine())));
          }
          Original.kill(reader);
          lines.lines().forEach(line -> assertTrue(seen.add(Long.parseLong(line))));
        }
        try (Reader<Region> successor = reader().open()) {
          for (int i = 0; i < 100; i++) {
            try (Message<Region> message = successor.read(LONG)) {
              assertTrue(seen.add(number(message)), "twice");
            }
          }
          writer.kill();
          assertRefused(
              Reason.WRITER_DIED,
              () -> {
                while (true) {
                  successor.read(LONG).close();
                }
              });
        }
      }
    }
  }

  @Test
  void writerOfQdsThatWasKilledIsFollowedByAnother() throws Exception {
    Random random = new Random();
    List<Long> read = new ArrayList<>();
    long next = 0;
    for (int round = 0; round < JVM_ROUNDS; round++) {
      Process writer = child("write", next, 1000);
      try (BufferedReader lines = writer.inputReader()) {
        assertEquals("created", lines.readLine());
        Original reader =
            round % 2 == 0 ? new Original(directory, "check", name, "--patience", 1) : null;
        long said = next - 1;
        // Without a reader it may have no room for any.
        for (int some = reader == null ? 0 : random.nextInt(100); some > 0; some--) {
          said = Long.parseLong(lines.readLine());
        }
        Original.kill(writer);
        for (String line = lines.readLine(); line != null && !line.equals("closed"); ) {
          said = Long.parseLong(line);
          line = lines.readLine();
        }
        if (reader != null) {
          reader.expect("attached");
          read.addAll(reader.numbers());
        }
        // It may have published one more than it had said.
        next = said + 2;
      }
    }
    try (Writer<Region> writer = writer().open();
        Reader<Region> reader = reader().open()) {
      write(writer, next);
      while (read.isEmpty() || read.get(read.size() - 1) != next) {
        try (Message<Region> message = reader.read(LONG)) {
          read.add(number(message));
        }
      }
      assertTokens(BUFFER_COUNT, 0);
    }
    assertEquals(read, read.stream().distinct().sorted().toList());
  }

  @Test
  void readersOfQdsCompeteAndAreKilledAndNobodyReadsTwice() throws Exception {
    Random random = new Random();
    int count = 2000;
    List<Long> read = new ArrayList<>();
    List<Process> started = new ArrayList<>();
    Set<Integer> kills =
        random.ints(0, count).distinct().limit(JVM_ROUNDS).boxed().collect(Collectors.toSet());
    try (Writer<Region> writer = writer().messageSlots(8).open()) {
      for (int i = 0; i < 2 + JVM_ROUNDS; i++) {
        started.add(child("read", 0, 0));
      }
      for (Process reader : started) {
        assertEquals("attached", reader.inputReader().readLine());
      }
      List<Process> readers = new ArrayList<>(started);
      for (long number = 0; number < count; number++) {
        if (kills.contains((int) number)) {
          // It takes along what it was reading, and maybe a token.
          Original.kill(readers.remove(0));
        }
        write(writer, number);
      }
    }
    for (Process reader : started) {
      List<Long> numbers = numbers(reader.inputReader());
      assertEquals(numbers.stream().sorted().toList(), numbers);
      read.addAll(numbers);
    }
    assertEquals(read.size(), read.stream().distinct().count(), "a message was read twice");
    assertTrue(read.size() >= count - JVM_ROUNDS, () -> read.size() + " of " + count);
  }

  @Test
  void lostTokensAreReportedWhileTheOriginalIsAttachedAndRestoredAfterwards() throws Exception {
    Process writer = child("write", 0, 100, ProcessBuilder.Redirect.PIPE);
    try (BufferedReader lines = writer.inputReader();
        BufferedReader errors = writer.errorReader()) {
      assertEquals("created", lines.readLine());
      for (int number = 0; number < BUFFER_COUNT; number++) {
        assertEquals(Integer.toString(number), lines.readLine());
      }
      try (Original idle = new Original(directory, "attach", name)) {
        idle.expect("attached");
        // As readers do that are killed with the tokens in their hands.
        for (int number = 0; number < BUFFER_COUNT; number++) {
          takeToken("/qads_r_");
        }
        String account =
            "channel="
                + name
                + " buffers=3 write tokens=0 read tokens=0 unread=3 held=0 missing=0 write, 3 read"
                + " allowed=0 missing";
        String said = errors.lines().collect(Collectors.joining("\n"));
        assertTrue(said.contains("WARNING: " + account), said);
        assertTrue(said.contains("QdsException: " + account), said);
        assertTrue(said.contains("(./qds rm " + name + " --layout qads1)"), said);
        assertEquals(1, writer.waitFor());
      }
    }
    // Nobody has the object mapped any more: who comes first restores them.
    try (Writer<Region> successor = writer().open();
        Reader<Region> reader = reader().open()) {
      assertTokens(0, BUFFER_COUNT);
      for (long number = 0; number < BUFFER_COUNT; number++) {
        readAndClose(reader, number);
      }
      write(successor, BUFFER_COUNT);
      readAndClose(reader, BUFFER_COUNT);
    }
  }

  /** Starts a process of QDS, on the class path. */
  private Process child(String command, long first, long count) throws IOException {
    return child(command, first, count, ProcessBuilder.Redirect.INHERIT);
  }

  private Process child(String command, long first, long count, ProcessBuilder.Redirect errors)
      throws IOException {
    String path =
        Stream.of(Qads1Child.class, Qds.class, FfmChannelProvider.class)
            .map(Child::location)
            .collect(Collectors.joining(File.pathSeparator));
    return new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-XX:+UseSerialGC",
            "-Xmx128m",
            "-Xshare:auto",
            "-XX:TieredStopAtLevel=1",
            "--enable-native-access=ALL-UNNAMED",
            "-cp",
            path,
            Qads1Child.class.getName(),
            command,
            directory.toString(),
            name,
            Long.toString(first),
            Long.toString(count))
        .redirectError(errors)
        .start();
  }

  private static List<Long> numbers(BufferedReader output) {
    return output.lines().filter(line -> !line.equals("closed")).map(Long::valueOf).toList();
  }

  private static List<Long> numbers(long from, long to) {
    return LongStream.range(from, to).boxed().toList();
  }
}
