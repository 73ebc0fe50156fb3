package io.qadataswap.tck;

import io.qadataswap.api.Claim;
import io.qadataswap.api.IfExists;
import io.qadataswap.api.Message;
import io.qadataswap.api.Qds;
import io.qadataswap.api.QdsException;
import io.qadataswap.api.QdsException.Reason;
import io.qadataswap.api.Reader;
import io.qadataswap.api.ReaderMode;
import io.qadataswap.api.Region;
import io.qadataswap.api.Writer;
import io.qadataswap.api.codec.RegionCodec;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.Set;

/**
 * One of the processes of {@link RemovalTest}, which all create, read and remove one channel.
 * Answers each line of standard input with how often it got to do what it should.
 */
final class RemovalChild {
  private static final List<IfExists> CHOICES = List.of(IfExists.values());

  /** Somebody else was faster, or is at it. */
  private static final Set<Reason> TAKEN =
      Set.of(Reason.SECOND_WRITER, Reason.IN_USE, Reason.CHANNEL_EXISTS);

  private final String backend;
  private final Path directory;

  /** Is there while a process is the writer of the name: an independent witness. */
  private final Path witness;

  private final Random random = new Random(ProcessHandle.current().pid());

  private RemovalChild(String backend, Path directory) {
    this.backend = backend;
    this.directory = directory;
    this.witness = directory.resolve("witness");
  }

  public static void main(String[] args) throws IOException {
    RemovalChild child = new RemovalChild(args[0], Path.of(args[1]));
    BufferedReader commands =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = commands.readLine(); line != null; line = commands.readLine()) {
      System.out.println(child.answer(line.split(" ", -1)));
    }
    Runtime.getRuntime().halt(0);
  }

  private String answer(String[] words) {
    try {
      int rounds = Integer.parseInt(words[1]);
      int done = 0;
      for (int round = 0; round < rounds; round++) {
        boolean did =
            switch (words[0]) {
              case "create" -> create();
              case "create-until-removed" -> createUntilRemoved();
              case "read" -> read();
              case "remove" -> remove(false);
              case "remove-by-force" -> remove(true);
              default -> throw new IllegalArgumentException(words[0]);
            };
        done += did ? 1 : 0;
      }
      return "done " + done;
    } catch (Exception | AssertionError e) {
      return e.toString();
    }
  }

  private Writer<Region> open() {
    try {
      return Qds.writer(RingFixture.NAME, RegionCodec.instance())
          .directory(directory)
          .backend(backend)
          .capacity(1 << 17)
          .messageSlots(RingFixture.SLOT_COUNT)
          .readerEntries(RingFixture.READER_ENTRY_COUNT)
          .ifExists(CHOICES.get(random.nextInt(CHOICES.size())))
          .open();
    } catch (QdsException e) {
      if (TAKEN.contains(e.reason())) {
        return null;
      }
      throw e;
    }
  }

  /** Nobody removes by force: so the name has one writer at a time. */
  private boolean create() throws Exception {
    Writer<Region> writer = open();
    if (writer == null) {
      return false;
    }
    try (writer) {
      Files.createFile(witness); // fails if there is another writer
      for (int i = random.nextInt(4); i > 0 && write(writer); i--) {
        Thread.onSpinWait();
      }
      Files.delete(witness);
    }
    return true;
  }

  private boolean createUntilRemoved() throws Exception {
    Writer<Region> writer = open();
    if (writer == null) {
      return false;
    }
    try (writer) {
      while (true) {
        write(writer);
      }
    } catch (QdsException e) {
      if (e.reason() == Reason.REMOVED) {
        return true;
      }
      throw e;
    }
  }

  private static boolean write(Writer<Region> writer) throws InterruptedException {
    long sequence = writer.stats().nextSequence();
    int length = Payloads.lengthOf(sequence, 500);
    Claim claim = writer.claim(length, RingFixture.SHORT);
    if (claim != null) {
      Payloads.fill(claim.region(), sequence, length);
      claim.commit(length, sequence);
    }
    return claim != null;
  }

  /** Reads until there is an end of any kind; every message is whole and the next one. */
  private boolean read() throws Exception {
    try (Reader<Region> reader =
        Qds.reader(RingFixture.NAME, RegionCodec.instance())
            .directory(directory)
            .backend(backend)
            .mode(random.nextBoolean() ? ReaderMode.LOSSLESS : ReaderMode.OBSERVER)
            .open()) {
      boolean any = false;
      for (Message<Region> message = reader.read(); message != null; message = reader.read()) {
        Payloads.check(message);
        if (message.tag() != message.sequence()) {
          throw new AssertionError("message " + message.sequence() + " tag=" + message.tag());
        }
        message.close();
        any = true;
      }
      return any;
    } catch (QdsException e) {
      if (e.reason() == Reason.NO_SUCH_CHANNEL || e.reason() == Reason.REMOVED) {
        return false;
      }
      throw e;
    }
  }

  private boolean remove(boolean force) {
    try {
      Qds.remove(directory, RingFixture.NAME, Qds.DEFAULT_LAYOUT, force);
      return true;
    } catch (QdsException e) {
      if (e.reason() == Reason.NO_SUCH_CHANNEL || e.reason() == Reason.IN_USE) {
        return false;
      }
      throw e;
    }
  }
}
