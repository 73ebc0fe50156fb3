package io.qadataswap.tck;

import io.qadataswap.api.Claim;
import io.qadataswap.api.IfExists;
import io.qadataswap.api.Message;
import io.qadataswap.api.OverflowPolicy;
import io.qadataswap.api.Qds;
import io.qadataswap.api.QdsException;
import io.qadataswap.api.Reader;
import io.qadataswap.api.ReaderBuilder;
import io.qadataswap.api.ReaderMode;
import io.qadataswap.api.Region;
import io.qadataswap.api.WaitStrategy;
import io.qadataswap.api.Writer;
import io.qadataswap.api.WriterBuilder;
import io.qadataswap.api.codec.RegionCodec;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/**
 * The other process of tests of the native ring: a writer or reader that does what it reads from
 * standard input, line by line, and answers each command with a line. Uses nothing of JUnit and
 * runs on Java 17.
 */
final class RingChild {
  /** Messages until the other side pauses. */
  private static final int PACE = 50;

  /** Half of them are long enough for the other side to fall asleep. */
  private static final int LONGEST_PAUSE_NS = 200_000;

  private final String backend;
  private final Path directory;
  private final List<Message<Region>> held = new ArrayList<>();
  private final Random random = new Random(1);
  private boolean paced;
  private Writer<Region> writer;
  private Reader<Region> reader;
  private RingFixture.Task<String> waiting;

  private RingChild(String backend, Path directory) {
    this.backend = backend;
    this.directory = directory;
  }

  /**
   * Runs until standard input ends.
   *
   * @param args name of the backend, directory of the channel
   * @throws IOException if standard input fails
   */
  public static void main(String[] args) throws IOException {
    RingChild child = new RingChild(args[0], Path.of(args[1]));
    BufferedReader commands =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = commands.readLine(); line != null; line = commands.readLine()) {
      System.out.println(child.answer(line.split(" ", -1)));
    }
    // Like a program that ends without closing anything.
    Runtime.getRuntime().halt(0);
  }

  private String answer(String[] words) {
    try {
      return result(words);
    } catch (QdsException e) {
      return e.reason() + " " + position() + " " + e.getMessage();
    } catch (Exception | AssertionError e) {
      return e + " " + position();
    }
  }

  private long position() {
    try {
      return reader == null ? -1 : reader.stats().nextSequence();
    } catch (QdsException e) {
      return -1; // it is closed
    }
  }

  /** What an observer lost, if it did. */
  private String lost() {
    long count = reader.stats().lostCount();
    return count == 0 ? "" : " lost " + count;
  }

  /** Returns the words after the command and its first argument. */
  private static List<String> options(String[] words) {
    return List.of(words).subList(2, words.length);
  }

  private String result(String[] words) throws Exception {
    switch (words[0]) {
      case "writer" -> {
        WriterBuilder<Region> builder =
            Qds.writer(RingFixture.NAME, RegionCodec.instance())
                .directory(directory)
                .backend(backend)
                .capacity(Integer.parseInt(words[1]))
                .messageSlots(RingFixture.SLOT_COUNT)
                .readerEntries(RingFixture.READER_ENTRY_COUNT);
        for (String option : options(words)) {
          switch (option) {
            case "ONE_READER" -> builder.readerEntries(1);
            case "REPLACE" -> builder.ifExists(IfExists.REPLACE);
            case "DROP_OLDEST" -> builder.overflow(OverflowPolicy.DROP_OLDEST);
            default -> builder.waitStrategy(WaitStrategy.valueOf(option));
          }
        }
        writer = builder.open();
        return "open " + writer.stats().nextSequence();
      }
      case "write" -> {
        for (int i = 0; i < Integer.parseInt(words[1]); i++) {
          write();
        }
        return "wrote " + writer.stats().nextSequence();
      }
      case "write-on" -> {
        System.out.println("writing");
        while (true) {
          write();
        }
      }
      case "reader" -> {
        ReaderBuilder<Region> builder =
            Qds.reader(RingFixture.NAME, RegionCodec.instance())
                .directory(directory)
                .backend(backend)
                .mode(ReaderMode.valueOf(words[1]));
        for (String option : options(words)) {
          switch (option) {
            case "AWAIT_SUCCESSOR" -> builder.awaitSuccessor(true);
            default -> builder.waitStrategy(WaitStrategy.valueOf(option));
          }
        }
        reader = builder.open();
        return "open " + reader.startSequence();
      }
      case "read" -> {
        for (int i = 0; i < Integer.parseInt(words[1]); i++) {
          readChecked().close();
        }
        return "read " + position();
      }
      case "read-on" -> {
        System.out.println("reading");
        for (Message<Region> message = readChecked(); message != null; message = readChecked()) {
          message.close();
        }
        return (reader.isEnded() ? "ended " : "gave up ") + position() + lost();
      }
      case "hold" -> {
        for (int i = 0; i < Integer.parseInt(words[1]); i++) {
          held.add(readChecked());
        }
        return "held " + held.size();
      }
      case "check-held" -> {
        held.forEach(Payloads::checkSelfDescribed);
        return "checked " + held.size();
      }
      case "release" -> {
        held.forEach(Message::close);
        held.clear();
        return "released";
      }
      case "remove" -> {
        Qds.remove(directory, RingFixture.NAME, Qds.DEFAULT_LAYOUT, false);
        return "removed";
      }
      case "pace" -> {
        paced = true;
        return "paced";
      }
      case "sleeps" -> {
        return "sleeps " + PatientBackend.sleepCount();
      }
      case "read-file" -> {
        // drops the process's locks on it
        return "read " + Files.readAllBytes(directory.resolve(RingFixture.NAME + ".qds")).length;
      }
      case "copy-file" -> {
        // so does this
        Path copy = Path.of(words[1]);
        Files.copy(directory.resolve(RingFixture.NAME + ".qds"), copy);
        return "copied " + Files.size(copy);
      }
      case "lose-file" -> {
        // and so does what is opened and forgotten, when its garbage is collected
        FileChannel forgotten = FileChannel.open(directory.resolve(RingFixture.NAME + ".qds"));
        return "lost " + forgotten.size();
      }
      case "collect-garbage" -> {
        System.gc();
        return "collected";
      }
      case "start" -> {
        List<String> command = List.of(words).subList(1, words.length);
        return "started " + new ProcessBuilder(command).start().pid();
      }
      case "list" -> {
        return "listed " + String.join(" ", Qds.list(directory, Qds.DEFAULT_LAYOUT));
      }
      case "sweep" -> {
        return "swept " + Qds.sweep(directory).size();
      }
      case "inspect-on" -> {
        System.out.println("inspecting");
        while (true) {
          Qds.inspect(directory, RingFixture.NAME, Qds.DEFAULT_LAYOUT);
        }
      }
      case "contend" -> {
        return contend(Integer.parseInt(words[1]));
      }
      case "wait" -> {
        String[] command = Arrays.copyOfRange(words, 1, words.length);
        waiting = new RingFixture.Task<>(words[1], () -> answer(command));
        return "waiting";
      }
      case "outcome" -> {
        return waiting.get();
      }
      case "close" -> {
        if (writer != null) {
          writer.close();
        }
        if (reader != null) {
          reader.close();
        }
        return "closed";
      }
      default -> throw new IllegalArgumentException(words[0]);
    }
  }

  /** Writes a message each time that it becomes the writer, until it has done so as often. */
  private String contend(int count) throws Exception {
    int refusalCount = 0;
    for (int i = 0; i < count; i++) {
      writer = null;
      while (writer == null) {
        try {
          result(new String[] {"writer", Integer.toString(RingFixture.CAPACITY)});
        } catch (QdsException e) {
          if (e.reason() != QdsException.Reason.SECOND_WRITER) {
            throw e;
          }
          refusalCount++;
        }
      }
      write();
      writer.close();
    }
    return "wrote " + count + " refused " + refusalCount;
  }

  /** Pauses at random, so that now this side has to wait and now the other one. */
  private void pause(long sequence, boolean writes) {
    if (paced && (sequence / PACE % 2 == 0) == writes) {
      long end = System.nanoTime() + random.nextInt(LONGEST_PAUSE_NS);
      while (System.nanoTime() < end) {
        Thread.onSpinWait();
      }
    }
  }

  private void write() throws InterruptedException {
    long sequence = writer.stats().nextSequence();
    pause(sequence, true);
    int length = Payloads.lengthOf(sequence);
    Claim claim = writer.claim(length);
    Payloads.fill(claim.region(), sequence, length);
    claim.commit(length, sequence);
  }

  /** Checks that the next message is whole, and the next one but for those counted as lost. */
  private Message<Region> readChecked() throws InterruptedException {
    long expected = position() - reader.stats().lostCount();
    pause(position(), false);
    Message<Region> message = reader.read();
    if (message != null) {
      if (message.sequence() - reader.stats().lostCount() != expected) {
        throw new AssertionError(
            "message " + message.sequence() + " lost " + reader.stats().lostCount());
      }
      Payloads.checkSelfDescribed(message);
    }
    return message;
  }
}
