package io.qadataswap.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.qadataswap.api.Message;
import io.qadataswap.api.OverflowPolicy;
import io.qadataswap.api.ParticipantInfo;
import io.qadataswap.api.Qds;
import io.qadataswap.api.QdsException.Reason;
import io.qadataswap.api.Reader;
import io.qadataswap.api.Region;
import io.qadataswap.api.StartPosition;
import io.qadataswap.api.Writer;
import io.qadataswap.tck.Child.Side;
import java.io.IOException;
import java.nio.file.Files;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;

/** The native ring between real processes, which are killed now and then. */
@SuppressWarnings("try") // closing by hand is what is tested
@EnabledForJreRange(min = JRE.JAVA_22, disabledReason = "qds-shm-ffm needs JDK 22")
class RingProcessesTest extends ProcessFixture {
  private static final int SEED = 1;

  private final Random random = new Random(SEED);

  @Test
  void everythingArrivesInOrderBetweenAnyBackends() throws Exception {
    Side[] sides = {Side.FFM, Side.FFM_WITH_FUTEX, Side.AGRONA};
    for (Side writing : sides) {
      Child writer = start(writing);
      List<Child> readers = new ArrayList<>();
      for (Side reading : sides) {
        readers.add(start(reading));
      }
      exchange(writer, readers, 4_000);
    }
  }

  @Test
  void java17WithAgronaTalksToJava25WithFfm() throws Exception {
    assumeTrue(Side.AGRONA_ON_17.isThere(), "no JDK 17 was found");
    exchange(start(Side.AGRONA_ON_17), List.of(start(Side.FFM)), 4_000);
    exchange(start(Side.FFM), List.of(start(Side.AGRONA_ON_17)), 4_000);
  }

  private void exchange(Child writer, List<Child> readers, int count) throws IOException {
    assertEquals("open 0", writer.ask("writer " + CAPACITY));
    for (Child reader : readers) {
      assertEquals("open 0", reader.ask("reader LOSSLESS"));
      assertEquals("reading", reader.ask("read-on"));
    }
    assertEquals("wrote " + count, writer.ask("write " + count));
    assertEquals("closed", writer.ask("close"));
    for (Child reader : readers) {
      assertEquals("ended " + count, reader.answer());
      assertEquals("closed", reader.ask("close"));
    }
    assertFalse(Files.exists(file()), "all was read and all have left");
  }

  @Test
  void aSlowReaderHoldsTheWriter() throws Exception {
    Child writer = start(Side.FFM);
    Child fast = start(Side.FFM);
    Child slow = start(Side.AGRONA);
    assertEquals("open 0", writer.ask("writer " + CAPACITY));
    assertEquals("open 0", fast.ask("reader LOSSLESS"));
    assertEquals("open 0", slow.ask("reader LOSSLESS"));
    assertEquals("reading", fast.ask("read-on"));
    assertEquals("writing", writer.ask("write-on"));
    for (int i = 1; i < 20; i++) {
      assertEquals("read " + i, slow.ask("read 1"));
      await(() -> inspect().writer().orElseThrow().waiting());
      long ahead = inspect().publishedCount() - i;
      assertTrue(ahead > 0 && ahead <= SLOT_COUNT, "ahead by " + ahead);
    }
  }

  @Test
  void aKilledWriterIsSucceededAndReadersMissNothing() throws Exception {
    Side[] sides = {Side.FFM, Side.AGRONA};
    int killCount = Stress.rounds(8);
    List<Task<Long>> readers = new ArrayList<>();
    Reader<Region> ending = null;
    Child writer = start(Side.FFM);
    for (int round = 0; round < killCount; round++) {
      final Child next = start(sides[round % sides.length]);
      String opened = writer.ask("writer " + CAPACITY);
      assertTrue(opened.startsWith("open "), opened);
      if (round == 0) {
        for (String backend : List.of("ffm", "agrona", "ffm")) {
          Reader<Region> reader = reader().backend(backend).awaitSuccessor(true).open();
          readers.add(new Task<>("reader on " + backend, () -> readToEnd(reader)));
        }
      }
      long first = inspect().publishedCount();
      if (round == killCount - 1) {
        ending = reader().start(StartPosition.latest()).open();
      }
      assertEquals("writing", writer.ask("write-on"));
      long enough = first + random.nextInt(200);
      Reader<Region> drained = ending;
      await(() -> {
        if (drained != null) {
          drained.drain(Payloads::checkSelfDescribed, 100);
        }
        return inspect().publishedCount() > enough;
      });
      spin(random.nextInt(100_000));
      writer.kill();
      assertFalse(inspect().writer().orElseThrow().alive());
      if (round == killCount - 1) {
        long pid = writer.pid();
        assertRefused(Reason.WRITER_DIED, () -> readToEnd(drained), NAME, "pid=" + pid);
        assertEquals(inspect().publishedCount(), drained.stats().nextSequence());
        drained.close();
      }
      writer = next;
    }
    long written;
    try (Writer<Region> last = writer().open()) {
      for (int i = 0; i < 100; i++) {
        writeChecked(last);
      }
      written = last.stats().nextSequence();
    }
    for (Task<Long> reader : readers) {
      assertEquals(written, reader.get());
    }
    assertFalse(Files.exists(file()));
  }

  @Test
  void aKilledReaderIsEvictedAndTheWriterGoesOn() throws Exception {
    Side[] sides = {Side.FFM, Side.AGRONA};
    int killCount = Stress.rounds(7);
    try (Writer<Region> writer = writer().open();
        Reader<Region> survivor = reader().backend("agrona").open()) {
      Task<Long> reading = new Task<>("survivor", () -> readToEnd(survivor));
      Task<Long> writing = new Task<>("writer", () -> writeUntilInterrupted(writer));
      Child victim = start(Side.FFM);
      for (int round = 0; round < killCount; round++) {
        final Child next = start(sides[round % sides.length]);
        String opened = victim.ask("reader " + (round / 2 % 2 == 0 ? "LOSSLESS" : "OBSERVER"));
        assertTrue(opened.startsWith("open "), opened);
        if (round % 3 == 0) {
          assertEquals("held 3", victim.ask("hold 3"));
        }
        if (round % 3 > 0) {
          assertEquals("reading", victim.ask("read-on"));
          spin(random.nextInt(2_000_000));
        }
        victim.kill();
        long enough = writer.stats().nextSequence() + 3 * SLOT_COUNT;
        await(() -> writer.stats().nextSequence() > enough);
        victim = next;
      }
      writing.thread.interrupt();
      long written = writing.get();
      await(() -> survivor.stats().lag() == 0);
      // Observers that died stand in nobody's way; who joins next, or needs their room, frees them.
      for (ParticipantInfo reader : inspect().readers()) {
        assertTrue(reader.alive() || reader.mode().equals("OBSERVER"), reader.toString());
      }
      writer.close();
      assertEquals(written, reading.get());
    }
    assertFalse(Files.exists(file()));
  }

  @Test
  void aWriterAloneEvictsWhoStandsInItsWay() throws Exception {
    try (Writer<Region> writer = writer().open()) {
      Child reader = start(Side.AGRONA);
      writeChecked(writer);
      assertEquals("open 0", reader.ask("reader LOSSLESS"));
      assertEquals("held 1", reader.ask("hold 1"));
      for (int i = 1; i < SLOT_COUNT; i++) {
        writeChecked(writer);
      }
      assertNull(writer.tryClaim(8));
      Task<Boolean> write =
          new Task<>(
              "write",
              () -> {
                writeChecked(writer);
                return true;
              });
      await(() -> writer.stats().waitCount() == 1);
      reader.kill();
      // What the dead one had not read stays for the next reader.
      await(() -> writer.stats().evictionCount() == 1);
      assertTrue(inspect().readers().isEmpty());
      try (Reader<Region> next = reader().open()) {
        assertEquals(0, next.startSequence());
        while (next.stats().nextSequence() <= SLOT_COUNT) {
          next.drain(Payloads::checkSelfDescribed, SLOT_COUNT);
        }
        assertTrue(write.get());
      }
    }
  }

  @Test
  void bothEndsMayBeKilled() throws Exception {
    Side[] sides = {Side.FFM, Side.AGRONA};
    for (int round = 0; round < Stress.rounds(4); round++) {
      Child writer = start(sides[round % 2]);
      Child reader = start(sides[round / 2 % 2]);
      String opened = writer.ask("writer " + CAPACITY);
      assertTrue(opened.startsWith("open "), opened);
      assertTrue(reader.ask("reader LOSSLESS").startsWith("open "));
      assertEquals("reading", reader.ask("read-on"));
      assertEquals("writing", writer.ask("write-on"));
      long enough = inspect().publishedCount() + random.nextInt(100);
      await(() -> inspect().publishedCount() > enough);
      writer.process.destroyForcibly();
      reader.kill();
      writer.kill();
      assertFalse(inspect().isLive());
    }
    try (Writer<Region> writer = writer().open();
        Reader<Region> reader = reader().open()) {
      long start = reader.startSequence();
      assertTrue(start <= writer.stats().nextSequence());
      reader.drain(Payloads::checkSelfDescribed, 1000);
      for (int i = 0; i < 5 * SLOT_COUNT; i++) {
        writeChecked(writer);
        try (Message<Region> message = reader.read(LONG)) {
          Payloads.checkSelfDescribed(message);
        }
      }
    }
    assertFalse(Files.exists(file()));
  }

  /**
   * A writer, a lossless reader and an observer come and die, in any order, among some who live.
   */
  @Test
  void whoLivesMissesNothingWhoeverDies() throws Exception {
    List<String> roles =
        List.of(
            "writer " + CAPACITY,
            "reader LOSSLESS AWAIT_SUCCESSOR",
            "reader OBSERVER AWAIT_SUCCESSOR");
    List<Side> sides = List.of(Side.FFM, Side.AGRONA, Side.FFM_WITH_FUTEX);
    List<Child> children = new ArrayList<>();
    List<Task<Long>> living = new ArrayList<>();
    for (String role : roles) {
      children.add(begin(start(sides.get(children.size())), role));
      if (living.isEmpty()) {
        for (String backend : List.of("ffm", "agrona")) {
          Reader<Region> lasting = reader().backend(backend).awaitSuccessor(true).open();
          living.add(new Task<>("lasting on " + backend, () -> readToEnd(lasting)));
        }
      }
    }
    for (int round = 0; round < Stress.rounds(7); round++) {
      Child next = start(sides.get(random.nextInt(sides.size())));
      int role = random.nextInt(roles.size());
      long enough = inspect().publishedCount() + random.nextInt(200);
      await(() -> inspect().publishedCount() >= enough);
      spin(random.nextInt(100_000));
      for (Child child : children) {
        assertFalse(child.hasAnswer(), "ended, or found something wrong");
      }
      children.get(role).kill();
      if (role > 0 && random.nextInt(4) == 0) {
        children.get(0).kill();
        children.set(0, begin(start(sides.get(round % sides.size())), roles.get(0)));
      }
      children.set(role, begin(next, roles.get(role)));
    }
    children.get(0).kill();
    try (Writer<Region> last = writer().open()) {
      for (int i = 0; i < 5 * SLOT_COUNT; i++) {
        writeChecked(last);
      }
      long written = last.stats().nextSequence();
      last.close();
      for (Task<Long> reader : living) {
        assertEquals(written, reader.get());
      }
      assertEquals("ended " + written, children.get(1).answer());
      assertTrue(children.get(2).answer().startsWith("ended " + written));
    }
    for (Child child : children) {
      child.kill();
    }
    try (Writer<Region> writer = writer().open()) {
      writer.stats();
    }
    assertFalse(Files.exists(file()), "all was read");
  }

  /** The same where the writer never waits: who lives has read or counted as lost each message. */
  @Test
  void aDroppingChannelGoesOnWhoeverDies() throws Exception {
    String writerRole = "writer " + CAPACITY + " DROP_OLDEST";
    String observerRole = "reader OBSERVER AWAIT_SUCCESSOR";
    List<Side> sides = List.of(Side.FFM, Side.AGRONA, Side.FFM_WITH_FUTEX);
    Child writer = begin(start(Side.FFM), writerRole);
    Child reading = begin(start(Side.AGRONA), observerRole);
    Child holding = start(Side.FFM);
    List<Task<Long>> living = new ArrayList<>();
    for (String backend : List.of("ffm", "agrona")) {
      Reader<Region> lasting = observer().backend(backend).awaitSuccessor(true).open();
      living.add(new Task<>("lasting on " + backend, () -> observeToEnd(lasting)));
    }
    for (int round = 0; round < Stress.rounds(5); round++) {
      Child next = start(sides.get(random.nextInt(sides.size())));
      assertTrue(holding.ask(observerRole).startsWith("open "));
      // What a dead one had pinned must not stay in the writer's way.
      assertEquals("held 5", holding.ask("hold 5"));
      long enough = inspect().publishedCount() + random.nextInt(1_000);
      await(() -> inspect().publishedCount() >= enough);
      assertEquals("checked 5", holding.ask("check-held"));
      assertFalse(writer.hasAnswer() || reading.hasAnswer(), "ended, or found something wrong");
      switch (round % 3) {
        case 0 -> {
          writer.kill();
          writer = begin(next, writerRole);
        }
        case 1 -> {
          reading.kill();
          reading = begin(next, observerRole);
        }
        default -> {
          writer.process.destroyForcibly();
          reading.kill();
          writer.kill();
          writer = begin(next, writerRole);
          reading = begin(start(Side.FFM), observerRole);
        }
      }
      holding.kill();
      holding = start(sides.get(round % sides.size()));
    }
    writer.kill();
    try (Writer<Region> last = writer().overflow(OverflowPolicy.DROP_OLDEST).open()) {
      for (int i = 0; i < 5 * SLOT_COUNT; i++) {
        writeChecked(last);
      }
      long written = last.stats().nextSequence();
      last.close();
      for (Task<Long> reader : living) {
        assertEquals(written, reader.get());
      }
      assertTrue(reading.answer().startsWith("ended " + written));
    }
    assertEquals("closed", reading.ask("close"));
    assertFalse(Files.exists(file()), "somebody has seen all there was, and all have left");
  }

  /** Reads all there is, checks that each sequence was read or lost, and closes the observer. */
  private static long observeToEnd(Reader<Region> reader) throws InterruptedException {
    long count = reader.stats().nextSequence();
    for (Message<Region> message : reader) {
      assertEquals(count + reader.stats().lostCount(), message.sequence());
      Payloads.checkSelfDescribed(message);
      count++;
    }
    assertTrue(reader.isEnded());
    long end = count + reader.stats().lostCount();
    reader.close();
    return end;
  }

  private static Child begin(Child child, String role) throws IOException {
    String opened = child.ask(role);
    assertTrue(opened.startsWith("open "), opened);
    boolean writes = role.startsWith("writer");
    assertEquals(writes ? "writing" : "reading", child.ask(writes ? "write-on" : "read-on"));
    return child;
  }

  @Test
  void aSecondWriterIsRefused() throws Exception {
    Child first = start(Side.FFM);
    Child second = start(Side.AGRONA);
    assertEquals("open 0", first.ask("writer " + CAPACITY));
    String refusal = second.ask("writer " + CAPACITY);
    assertTrue(refusal.startsWith(Reason.SECOND_WRITER.name()), refusal);
    assertTrue(refusal.contains("pid=" + first.pid() + " since "), refusal);
    assertRefused(Reason.SECOND_WRITER, () -> writer().open(), NAME, "pid=" + first.pid());
    assertRefused(
        Reason.IN_USE,
        () -> Qds.remove(directory, NAME, Qds.DEFAULT_LAYOUT, false),
        "pid=" + first.pid());
    assertEquals("wrote 5", first.ask("write 5"));
    first.kill();
    assertEquals("open 5", second.ask("writer " + CAPACITY));
  }

  @Test
  void aLostLockIsNotTakenForDeath() throws Exception {
    Child writer = start(Side.FFM);
    Child reader = start(Side.AGRONA);
    assertEquals("open 0", writer.ask("writer " + CAPACITY));
    assertEquals("open 0", reader.ask("reader LOSSLESS"));
    assertEquals("read " + CAPACITY, writer.ask("read-file"));
    assertEquals("read " + CAPACITY, reader.ask("read-file"));
    assertRefused(Reason.LOCK_LOST, () -> writer().open(), NAME, "pid=" + writer.pid());
    assertEquals("reading", reader.ask("read-on"));
    assertEquals("wrote 1000", writer.ask("write 1000"));
    assertTrue(inspect().writer().orElseThrow().alive());
    assertTrue(inspect().readers().get(0).alive());
    assertEquals("closed", writer.ask("close"));
    assertEquals("ended 1000", reader.answer());
  }

  @Test
  void aStoppedReaderIsNotEvicted() throws Exception {
    try (Writer<Region> writer = writer().open()) {
      Child reader = start(Side.FFM);
      assertEquals("open 0", reader.ask("reader LOSSLESS"));
      assertEquals("reading", reader.ask("read-on"));
      writeChecked(writer);
      await(() -> inspect().readers().get(0).sequence() == 1);
      reader.signal("STOP");
      try {
        for (int i = 0; i < SLOT_COUNT; i++) {
          writeChecked(writer);
        }
        // longer than it takes to look at who is alive
        assertFalse(write(writer, 8, Duration.ofMillis(500)));
        assertEquals(0, writer.stats().evictionCount());
        assertTrue(inspect().readers().get(0).alive());
      } finally {
        reader.signal("CONT");
      }
      for (int i = 0; i < 5 * SLOT_COUNT; i++) {
        writeChecked(writer);
      }
      long written = writer.stats().nextSequence();
      writer.close();
      assertEquals("ended " + written, reader.answer());
    }
  }

  @Test
  void whatACreatorThatDiedLeftIsSwept() throws Exception {
    List<String> left = List.of();
    while (left.isEmpty()) {
      Child creator = start(Side.FFM);
      creator.send("writer " + (64 << 20));
      await(() -> !temporaryFiles().isEmpty() || Files.exists(file()));
      creator.kill();
      left = temporaryFiles();
      if (Files.exists(file())) {
        Qds.remove(directory, NAME, Qds.DEFAULT_LAYOUT, false);
      }
    }
    assertEquals(List.of(), Qds.list(directory, Qds.DEFAULT_LAYOUT));
    Child alive = start(Side.AGRONA);
    assertEquals(left, Qds.sweep(directory));
    assertEquals(List.of(), temporaryFiles());
    Files.write(directory.resolve(left.get(0)), new byte[1]);
    assertEquals("open 0", alive.ask("writer " + CAPACITY), "opening sweeps too");
    assertEquals(List.of(), temporaryFiles());
    assertNotNull(inspect());
  }
}
