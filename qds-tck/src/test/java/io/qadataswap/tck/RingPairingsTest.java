package io.qadataswap.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.qadataswap.api.QdsException.Reason;
import io.qadataswap.api.ReaderMode;
import io.qadataswap.tck.Child.Side;
import java.io.IOException;
import java.nio.file.Files;
import java.util.EnumMap;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;

/**
 * Lost messages and dead writers: each backend writes to a reader of each, in processes of their
 * own.
 */
@EnabledForJreRange(min = JRE.JAVA_22, disabledReason = "qds-shm-ffm needs JDK 22")
class RingPairingsTest extends RingFixture {
  private static final int COUNT = 2_000;

  private final Map<Side, Child> readers = new EnumMap<>(Side.class);
  private Child writer;

  RingPairingsTest() {
    super("ffm");
  }

  /** What this machine has. */
  private static Side[] sides() {
    return Stream.of(Side.values()).filter(Side::isThere).toArray(Side[]::new);
  }

  @BeforeEach
  void startReaders() throws IOException {
    for (Side side : sides()) {
      readers.put(side, new Child(side, RingChild.class, directory));
    }
  }

  @AfterEach
  void endChildren() throws InterruptedException {
    for (Child reader : readers.values()) {
      reader.kill();
    }
    writer.kill();
  }

  private void startWriter(Side side, String options) throws IOException {
    writer = new Child(side, RingChild.class, directory);
    assertEquals("open 0", writer.ask("writer " + CAPACITY + options));
  }

  /** Ends a round in which everything was read. */
  private void closeReaders() throws Exception {
    for (Child reader : readers.values()) {
      assertEquals("closed", reader.ask("close"));
    }
    assertFalse(Files.exists(file()), "all was read and all have left");
  }

  @Test
  void whatObserversLostIsCountedExactly() throws Exception {
    for (Side writing : sides()) {
      startWriter(writing, " DROP_OLDEST");
      for (Child reader : readers.values()) {
        assertEquals("open 0", reader.ask("reader OBSERVER"));
      }
      // The one of the writer's own kind sleeps through it all; the others do what they can.
      for (Map.Entry<Side, Child> reader : readers.entrySet()) {
        if (reader.getKey() != writing) {
          assertEquals("reading", reader.getValue().ask("read-on"));
        }
      }
      assertEquals("wrote " + COUNT, writer.ask("write " + COUNT));
      assertEquals("closed", writer.ask("close"));
      assertEquals("reading", readers.get(writing).ask("read-on"));
      for (Map.Entry<Side, Child> reader : readers.entrySet()) {
        // Each message was checked, and its sequence held against the count of lost ones.
        String end = reader.getValue().answer();
        assertTrue(end.startsWith("ended " + COUNT), end);
        if (reader.getKey() == writing) {
          assertTrue(end.contains(" lost "), end);
          long lost = Long.parseLong(end.substring(end.lastIndexOf(' ') + 1));
          assertTrue(lost >= COUNT - SLOT_COUNT && lost < COUNT, end);
        }
      }
      closeReaders();
      writer.kill();
    }
  }

  @Test
  void aDeadWriterIsReportedAfterItsLastMessage() throws Exception {
    ReaderMode mode = ReaderMode.OBSERVER;
    for (Side writing : sides()) {
      startWriter(writing, "");
      for (Child reader : readers.values()) {
        assertEquals("open 0", reader.ask("reader " + mode));
        assertEquals("reading", reader.ask("read-on"));
        mode = mode == ReaderMode.OBSERVER ? ReaderMode.LOSSLESS : ReaderMode.OBSERVER;
      }
      assertEquals("writing", writer.ask("write-on"));
      await(() -> inspect().publishedCount() > COUNT);
      writer.kill();
      long published = inspect().publishedCount();
      for (Child reader : readers.values()) {
        String[] end = reader.answer().split(" ", 3);
        assertEquals(Reason.WRITER_DIED.name(), end[0], String.join(" ", end));
        assertTrue(end[2].contains(NAME) && end[2].contains("pid=" + writer.pid()), end[2]);
        // It may have died between the stamp of a message and the count.
        long readTo = Long.parseLong(end[1]);
        assertTrue(readTo == published || readTo == published + 1, end[1] + " of " + published);
      }
      closeReaders();
    }
  }

  @Test
  void aSuccessorIsWaitedForIfAsked() throws Exception {
    Side[] sides = sides();
    for (int i = 0; i < sides.length; i++) {
      startWriter(sides[i], "");
      for (Child reader : readers.values()) {
        assertEquals("open 0", reader.ask("reader LOSSLESS AWAIT_SUCCESSOR"));
        assertEquals("reading", reader.ask("read-on"));
      }
      assertEquals("wrote " + COUNT, writer.ask("write " + COUNT));
      writer.kill();
      await(() -> inspect().readers().stream().allMatch(r -> r.sequence() == COUNT && r.waiting()));
      writer = new Child(sides[(i + 1) % sides.length], RingChild.class, directory);
      assertEquals("open " + COUNT, writer.ask("writer " + CAPACITY));
      assertEquals("wrote " + 2 * COUNT, writer.ask("write " + COUNT));
      assertEquals("closed", writer.ask("close"));
      for (Child reader : readers.values()) {
        assertEquals("ended " + 2 * COUNT, reader.answer());
      }
      closeReaders();
      writer.kill();
    }
  }
}
