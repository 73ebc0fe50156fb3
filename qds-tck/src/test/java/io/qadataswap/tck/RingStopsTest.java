package io.qadataswap.tck;

import static io.qadataswap.tck.Debugger.Point.before;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.qadataswap.api.Message;
import io.qadataswap.api.OverflowPolicy;
import io.qadataswap.api.Qds;
import io.qadataswap.api.QdsException.Reason;
import io.qadataswap.api.Reader;
import io.qadataswap.api.Region;
import io.qadataswap.api.WaitStrategy;
import io.qadataswap.api.Writer;
import io.qadataswap.tck.Child.Side;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.JRE;
import org.junit.jupiter.api.condition.OS;

/**
 * A process that stands still, however long, is alive; one that was killed is dead at the next
 * look.
 */
@SuppressWarnings("try") // closing by hand is what is tested
@EnabledOnOs(value = OS.LINUX, disabledReason = "the state of a process is read from /proc")
@EnabledForJreRange(min = JRE.JAVA_22, disabledReason = "qds-shm-ffm needs JDK 22")
class RingStopsTest extends ProcessFixture {
  /** A wait of this length looks at the other side at least once. */
  private static final Duration ONE_CHECK = Duration.ofMillis(150);

  /** Longer together than any interval that the ring goes by while a participant waits. */
  private static final int CHECK_COUNT = 9;

  private static final List<Side> SIDES = List.of(Side.FFM_WITH_FUTEX, Side.AGRONA);

  private static List<Side> someSides(Side side) {
    return Stress.isLong() ? SIDES : List.of(side);
  }

  private static void stop(Child child) throws IOException, InterruptedException {
    child.signal("STOP");
    await(() -> isStopped(child));
  }

  private static boolean isStopped(Child child) {
    try {
      String stat = Files.readString(Path.of("/proc/" + child.pid() + "/stat"));
      return stat.charAt(stat.lastIndexOf(')') + 2) == 'T';
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** QDS1-ID-03, QDS1-END-04. */
  @Test
  void aStoppedWriterIsAlive() throws Exception {
    for (Side side : someSides(Side.FFM_WITH_FUTEX)) {
      Child writer = start(side);
      assertEquals("open 0", writer.ask("writer " + CAPACITY));
      assertEquals("wrote 3", writer.ask("write 3"));
      stop(writer);
      long next = 3;
      for (WaitStrategy strategy : WaitStrategy.values()) {
        try (Reader<Region> reader = reader().waitStrategy(strategy).open()) {
          assertEquals(3, reader.drain(Payloads::checkSelfDescribed, 4));
          for (int i = 0; i < CHECK_COUNT / WaitStrategy.values().length; i++) {
            assertNull(reader.read(ONE_CHECK));
            assertFalse(reader.isEnded());
          }
        }
      }
      assertTrue(inspect().writer().orElseThrow().alive());
      String pid = "pid=" + writer.pid();
      assertRefused(Reason.SECOND_WRITER, () -> writer().open(), NAME, pid);
      assertRefused(
          Reason.IN_USE, () -> Qds.remove(directory, NAME, Qds.DEFAULT_LAYOUT, false), NAME, pid);
      writer.signal("CONT");
      try (Reader<Region> reader = reader().open()) {
        assertEquals("wrote 6", writer.ask("write 3"));
        assertEquals("closed", writer.ask("close"));
        assertEquals(2 * next, readToEnd(reader));
      }
      assertFalse(Files.exists(file()));
    }
  }

  /** QDS1-EVICT-01, QDS1-EVICT-02. */
  @Test
  void aStoppedLosslessReaderIsAlive() throws Exception {
    for (Side side : someSides(Side.AGRONA)) {
      Child reader = start(side);
      try (Writer<Region> writer = writer().open()) {
        assertEquals("open 0", reader.ask("reader LOSSLESS"));
        assertEquals("reading", reader.ask("read-on"));
        awaitWaitingReader();
        stop(reader);
        for (int i = 0; i < SLOT_COUNT; i++) {
          writeChecked(writer);
        }
        for (int i = 0; i < CHECK_COUNT; i++) {
          assertFalse(write(writer, 8, ONE_CHECK));
          assertFalse(tryWrite(writer, 8));
        }
        reader().open().close(); // who joins does not evict it either
        assertEquals(0, writer.stats().evictionCount());
        assertTrue(inspect().readers().get(0).alive());
        reader.signal("CONT");
        for (int i = 0; i < SLOT_COUNT; i++) {
          writeChecked(writer);
        }
        writer.close();
        assertEquals("ended " + 2 * SLOT_COUNT, reader.answer());
        assertEquals("closed", reader.ask("close"));
      }
      assertFalse(Files.exists(file()));
    }
  }

  /** What an observer has on loan stays whole however long it stands, and it is not evicted. */
  @Test
  void aStoppedObserverKeepsItsLoans() throws Exception {
    for (Side side : SIDES) {
      Child observer = start(side);
      try (Writer<Region> writer = writer().overflow(OverflowPolicy.DROP_OLDEST).open()) {
        for (int i = 0; i < SLOT_COUNT; i++) {
          writeChecked(writer);
        }
        assertEquals("open 0", observer.ask("reader OBSERVER"));
        assertEquals("held 3", observer.ask("hold 3"));
        stop(observer);
        for (int i = 0; i < 100 * SLOT_COUNT; i++) {
          writeChecked(writer);
        }
        assertEquals(0, writer.stats().evictionCount());
        assertTrue(inspect().readers().get(0).alive());
        observer.signal("CONT");
        assertEquals("checked 3", observer.ask("check-held"));
        assertEquals("released", observer.ask("release"));
        assertTrue(observer.ask("read 1").startsWith("read "));
        assertEquals("closed", observer.ask("close"));
      }
      Qds.remove(directory, NAME, Qds.DEFAULT_LAYOUT, true);
    }
  }

  /** QDS1-LEAVE-03: one that joins is counted, and not dead because it takes its time. */
  @Test
  void aReaderThatStandsWhileItJoinsIsAlive() throws Exception {
    Child joining = startStoppable(Side.AGRONA);
    Debugger debugger = Debugger.attach(joining);
    try (Writer<Region> writer = writer().open()) {
      debugger.runTo(
          before("io.qadataswap.shm.agrona.AgronaMemory", "putIntRelease")
              .in("Segments.enter")
              .hit(2),
          joining,
          "reader LOSSLESS");
      assertEquals("JOINING", inspect().readers().get(0).state());
      for (int i = 0; i < SLOT_COUNT; i++) {
        writeChecked(writer);
      }
      for (int i = 0; i < CHECK_COUNT; i++) {
        assertFalse(write(writer, 8, ONE_CHECK));
      }
      debugger.goOn();
      assertEquals("open 0", joining.answer());
      assertEquals("read " + SLOT_COUNT, joining.ask("read " + SLOT_COUNT));
      writeChecked(writer);
    }
  }

  /** QDS1-NEW-06: a creator that has its lock may take as long as it likes. */
  @Test
  void aStoppedCreatorIsNotSwept() throws Exception {
    Child creator = startStoppable(Side.FFM);
    Debugger debugger = Debugger.attach(creator);
    debugger.runTo(
        before("sun.nio.ch.FileChannelImpl", "write").in("SegmentFile.fill").hit(2),
        creator,
        "writer " + (3 << 20));
    assertEquals(1, temporaryFiles().size());
    Path temporary = directory.resolve(temporaryFiles().get(0));
    Files.setLastModifiedTime(temporary, FileTime.from(Instant.EPOCH));
    assertEquals(List.of(), Qds.sweep(directory));
    try (Writer<Region> writer = writer().capacity(3 << 20).open()) {
      assertTrue(Files.exists(temporary));
      debugger.goOn();
      // QDS1-NEW-05: the name is taken now.
      String refusal = creator.answer();
      assertTrue(refusal.startsWith(Reason.SECOND_WRITER.name()), refusal);
      assertFalse(Files.exists(temporary));
      writeChecked(writer);
    }
  }

  /** QDS1-WAIT-05: whoever waits notices a death, in whatever way it waits. */
  @Test
  void aKilledWriterIsNoticedByWhoWaits() throws Exception {
    for (WaitStrategy strategy : WaitStrategy.values()) {
      for (Side side : SIDES) {
        Child writer = start(side);
        assertEquals("open 0", writer.ask("writer " + CAPACITY));
        try (Reader<Region> reader = reader().waitStrategy(strategy).open();
            Reader<Region> polling = reader().open()) {
          Task<Message<Region>> read = new Task<>("read", reader::read);
          awaitWaitingReader();
          assertNull(polling.poll());
          writer.kill();
          assertRefused(Reason.WRITER_DIED, read::get, NAME, "pid=" + writer.pid());
          assertRefused(
              Reason.WRITER_DIED,
              () -> await(() -> polling.poll() != null),
              NAME,
              "pid=" + writer.pid());
          assertRefused(Reason.WRITER_DIED, reader::read, NAME);
        }
        writer().open().close();
        assertFalse(Files.exists(file()));
      }
    }
  }

  /** QDS1-EVICT-02: also by a writer that never waits. */
  @Test
  void aKilledReaderIsNoticedByAWriterThatDoesNotWait() throws Exception {
    for (Side side : SIDES) {
      Child reader = start(side);
      try (Writer<Region> writer = writer().open()) {
        assertEquals("open 0", reader.ask("reader LOSSLESS"));
        for (int i = 0; i < SLOT_COUNT; i++) {
          writeChecked(writer);
        }
        try (Reader<Region> other = reader().open()) {
          assertEquals(SLOT_COUNT, other.drain(Payloads::checkSelfDescribed, SLOT_COUNT));
          assertFalse(tryWrite(writer, 8));
          reader.kill();
          await(() -> tryWrite(writer, 8));
          assertEquals(1, writer.stats().evictionCount());
          other.drain(m -> {}, 1);
        }
      }
      assertFalse(Files.exists(file()));
    }
  }
}
