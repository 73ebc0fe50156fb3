package io.qadataswap.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.qadataswap.api.Claim;
import io.qadataswap.api.Message;
import io.qadataswap.api.Qds;
import io.qadataswap.api.QdsException;
import io.qadataswap.api.QdsException.Reason;
import io.qadataswap.api.Reader;
import io.qadataswap.api.Region;
import io.qadataswap.api.Timestamps;
import io.qadataswap.api.WaitStrategy;
import io.qadataswap.api.Writer;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;

/** What calls end in, one by one, and what threads may do. */
@SuppressWarnings("try") // closing by hand is what is tested
abstract class RingOutcomes extends RingFixture {
  RingOutcomes(String backend) {
    super(backend);
  }

  @Test
  void aMessageComesAsItWasWritten() throws Exception {
    try (Writer<Region> writer = writer().timestamps(Timestamps.ALWAYS).open();
        Reader<Region> reader = reader().open()) {
      for (int length = 0; length < 200; length++) {
        long before = System.nanoTime();
        Claim claim = writer.claim(length + 10L);
        assertEquals(length + 10L, claim.region().length());
        assertTrue(claim.region().isWritable());
        assertEquals(0, claim.region().address() % 64);
        Payloads.fill(claim.region(), length, length);
        assertEquals(length, claim.commit(length, -7L * length));
        long after = System.nanoTime();
        try (Message<Region> message = read(reader, length)) {
          assertEquals(length, message.value().length());
          assertEquals(-7L * length, message.tag());
          assertTrue(message.timeNs() >= before && message.timeNs() <= after);
          assertEquals(0, message.value().address() % 64);
          assertSame(message.value(), message.payload());
          assertFalse(message.value().isWritable());
          assertThrows(
              UnsupportedOperationException.class, () -> message.value().putByte(0, (byte) 1));
          assertThrows(
              IndexOutOfBoundsException.class,
              () -> message.value().getByte(message.value().length()));
        }
      }
    }
  }

  @Test
  void aRegionThatWasReceivedCanBeForwarded() throws Exception {
    try (Writer<Region> writer = writer().open();
        Reader<Region> reader = reader().open()) {
      write(writer, 20_000);
      try (Message<Region> message = read(reader, 0)) {
        assertEquals(1, writer.write(message.value(), 5));
        assertTrue(writer.tryWrite(message.value()));
      }
      try (Message<Region> copy = reader.read(LONG)) {
        assertEquals(5, copy.tag());
        assertEquals(20_000, copy.value().length());
        Payloads.check(copy.value(), 0);
      }
    }
  }

  @Test
  void onlyLargeMessagesCarryTheirTimeByDefault() throws Exception {
    try (Writer<Region> writer = writer().open();
        Reader<Region> reader = reader().open()) {
      write(writer, 4095);
      write(writer, 4096);
      try (Message<Region> small = read(reader, 0);
          Message<Region> large = read(reader, 1)) {
        assertEquals(0, small.timeNs());
        assertTrue(large.timeNs() != 0);
      }
    }
  }

  @Test
  void aTimeOutIsNullAndNotTheEnd() throws Exception {
    for (WaitStrategy strategy : WaitStrategy.values()) {
      try (Writer<Region> writer = writer().open();
          Reader<Region> reader = reader().waitStrategy(strategy).open()) {
        long start = System.nanoTime();
        assertNull(reader.read(SHORT));
        assertTrue(System.nanoTime() - start >= SHORT.toNanos());
        assertFalse(reader.isEnded());
        assertEquals(1, reader.stats().waitTimeoutCount());
        assertNull(reader.poll());
        write(writer, 8);
        readAndClose(reader, 0);
      }
    }
  }

  @Test
  void aSleepingReaderWakesForAMessage() throws Exception {
    for (WaitStrategy strategy : WaitStrategy.values()) {
      try (Writer<Region> writer = writer().waitStrategy(strategy).open();
          Reader<Region> reader = reader().waitStrategy(strategy).open()) {
        Task<Message<Region>> read = new Task<>("read", reader::read);
        awaitWaitingReader();
        write(writer, 8);
        try (Message<Region> message = read.get()) {
          assertEquals(0, message.sequence());
        }
        await(() -> inspect().readers().stream().noneMatch(r -> r.waiting()));
      }
    }
  }

  @Test
  void theEndComesAfterEverythingWasRead() throws Exception {
    try (Reader<Region> reader = writeThenClose(3)) {
      for (int i = 0; i < 3; i++) {
        assertFalse(reader.isEnded());
        readAndClose(reader, i);
      }
      assertNull(reader.read());
      assertTrue(reader.isEnded());
      assertNull(reader.read(LONG));
      assertNull(reader.poll());
      assertTrue(reader.isEnded());
    }
  }

  private Reader<Region> writeThenClose(int count) throws InterruptedException {
    try (Writer<Region> writer = writer().open()) {
      write(writer, 100, count);
      return reader().open();
    }
  }

  @Test
  void aCloseEndsTheWaitOfReaders() throws Exception {
    Task<Boolean> read;
    try (Writer<Region> writer = writer().open()) {
      Reader<Region> reader = reader().open();
      read =
          new Task<>(
              "read",
              () -> {
                try (reader) {
                  return reader.read() == null && reader.isEnded();
                }
              });
      awaitWaitingReader();
      assertEquals(1, writer.stats().readerCount());
    }
    assertTrue(read.get());
  }

  @Test
  void theEndIsOverWhenAnotherWriterGoesOn() throws Exception {
    try (Reader<Region> reader = writeThenClose(2)) {
      readAndClose(reader, 0);
      readAndClose(reader, 1);
      assertNull(reader.read());
      assertTrue(reader.isEnded());
      try (Writer<Region> writer = writer().open()) {
        assertNull(reader.read(SHORT));
        assertFalse(reader.isEnded());
        write(writer, 8);
        readAndClose(reader, 2);
      }
      assertNull(reader.read());
      assertTrue(reader.isEnded());
    }
  }

  @Test
  void anInterruptedReaderStaysUsable() throws Exception {
    try (Writer<Region> writer = writer().open();
        Reader<Region> reader = reader().open()) {
      for (int i = 0; i < 5; i++) {
        Task<Message<Region>> read = new Task<>("read", reader::read);
        awaitWaitingReader();
        read.thread.interrupt();
        assertThrows(InterruptedException.class, read::get);
        write(writer, 8);
        readAndClose(reader, i);
      }
      assertStillLocked();
    }
  }

  @Test
  void anInterruptedWriterStaysUsable() throws Exception {
    try (Writer<Region> writer = writer().open();
        Reader<Region> reader = reader().open()) {
      write(writer, 8, SLOT_COUNT);
      Task<Claim> claim = new Task<>("claim", () -> writer.claim(8));
      await(() -> writer.stats().waitCount() == 1);
      claim.thread.interrupt();
      assertThrows(InterruptedException.class, claim::get);
      for (int i = 0; i < SLOT_COUNT; i++) {
        readAndClose(reader, i);
      }
      write(writer, 8);
      readAndClose(reader, SLOT_COUNT);
      assertStillLocked();
    }
  }

  @Test
  void openingByAnInterruptedThreadLeavesLocksIntact() throws Exception {
    try (Writer<Region> writer = writer().open()) {
      Thread.currentThread().interrupt();
      try (Reader<Region> reader = reader().open()) {
        inspect();
        assertTrue(Thread.interrupted());
        write(writer, 8);
        readAndClose(reader, 0);
        assertStillLocked();
      } finally {
        Thread.interrupted();
      }
    }
  }

  /** A writer in this process is refused because of the lock alone. */
  private void assertStillLocked() {
    assertRefused(Reason.SECOND_WRITER, () -> writer().open());
    assertTrue(inspect().readers().get(0).alive());
  }

  @Test
  void aClosedReaderRefuses() throws Exception {
    try (Writer<Region> writer = writer().open();
        Reader<Region> reader = reader().open()) {
      write(writer, 8);
      reader.close();
      assertRefused(Reason.CLOSED, () -> reader.read(), NAME);
      assertRefused(Reason.CLOSED, () -> reader.read(LONG), NAME);
      assertRefused(Reason.CLOSED, reader::poll, NAME);
      assertRefused(Reason.CLOSED, reader::stats, NAME);
      assertRefused(Reason.CLOSED, () -> reader.drain(m -> {}, 1), NAME);
      reader.close();
      assertEquals(0, writer.stats().readerCount());
    }
  }

  @Test
  void aClosedWriterRefuses() {
    Writer<Region> writer = writer().open();
    writer.close();
    assertRefused(Reason.CLOSED, () -> writer.claim(1), NAME);
    assertRefused(Reason.CLOSED, () -> writer.tryClaim(1), NAME);
    assertRefused(Reason.CLOSED, writer::stats, NAME);
    writer.close();
  }

  @Test
  void closingEndsABlockedRead() throws Exception {
    for (WaitStrategy strategy : WaitStrategy.values()) {
      try (Writer<Region> writer = writer().open();
          Reader<Region> reader = reader().waitStrategy(strategy).open()) {
        Task<Message<Region>> read = new Task<>("read", reader::read);
        awaitWaitingReader();
        reader.close();
        assertRefused(Reason.CLOSED, read::get, NAME);
        assertEquals(0, writer.stats().readerCount());
      }
    }
  }

  @Test
  void closingEndsABlockedWrite() throws Exception {
    for (WaitStrategy strategy : WaitStrategy.values()) {
      Writer<Region> writer = writer().waitStrategy(strategy).open();
      try (Reader<Region> reader = reader().open()) {
        write(writer, 8, SLOT_COUNT);
        Task<Claim> claim = new Task<>("claim", () -> writer.claim(8));
        await(() -> writer.stats().waitCount() == 1);
        writer.close();
        assertRefused(Reason.CLOSED, claim::get, NAME);
        for (int i = 0; i < SLOT_COUNT; i++) {
          readAndClose(reader, i);
        }
        assertNull(reader.read());
        assertTrue(reader.isEnded());
      }
    }
  }

  @Test
  void anOpenWaitsForItsChannelAsLongAsAsked() throws Exception {
    assertRefused(Reason.NO_SUCH_CHANNEL, () -> reader().awaitChannel(SHORT).open(), NAME);
    Task<Reader<Region>> opening = new Task<>("open", () -> reader().awaitChannel(LONG).open());
    awaitParked(opening.thread);
    try (Writer<Region> writer = writer().open();
        Reader<Region> reader = opening.get()) {
      write(writer, 8);
      readAndClose(reader, 0);
    }
  }

  @Test
  void anInterruptEndsAnOpenThatWaits() throws Exception {
    Task<Boolean> opening =
        new Task<>(
            "open",
            () -> {
              assertRefused(
                  Reason.INTERRUPTED, () -> reader().awaitChannel(LONG).open(), NAME, "appear");
              return Thread.currentThread().isInterrupted();
            });
    awaitParked(opening.thread);
    opening.thread.interrupt();
    assertTrue(opening.get());
  }

  private static void awaitParked(Thread thread) {
    await(() -> thread.getState() == Thread.State.TIMED_WAITING);
  }

  @Test
  void aWriterThatLostItsPlacePublishesNothing() throws Exception {
    try (Writer<Region> writer = writer().open();
        Reader<Region> reader = reader().open()) {
      write(writer, 8);
      Claim claim = writer.claim(8);
      Patch patch = new Patch(file());
      long token = patch.getLong(Patch.WRITER_TOKEN_OFFSET);
      patch.putLong(Patch.WRITER_TOKEN_OFFSET, token + 1);
      assertRefused(Reason.REPLACED, () -> claim.commit(8), NAME, "pid=");
      assertRefused(Reason.REPLACED, () -> write(writer, 8), NAME);
      readAndClose(reader, 0);
      assertNull(reader.poll());
      writer.close();
      assertFalse(reader.isEnded(), "it is no longer this writer's to end");
      assertNull(reader.read(SHORT));
    }
  }

  @Test
  void aReaderThatLostItsPlaceIsTold() throws Exception {
    try (Writer<Region> writer = writer().open();
        Reader<Region> reader = reader().open()) {
      Task<Message<Region>> read = new Task<>("read", reader::read);
      awaitWaitingReader();
      Patch patch = new Patch(file());
      patch.putLong(Patch.READER_TABLE_OFFSET + Patch.ENTRY_TOKEN_OFFSET, 1);
      assertRefused(Reason.EVICTED, read::get, NAME, "entry=0");
      write(writer, 8);
      assertRefused(Reason.EVICTED, reader::poll, NAME);
    }
  }

  @Test
  void bothEndsAreToldThatTheChannelWasRemoved() throws Exception {
    try (Writer<Region> writer = writer().open();
        Reader<Region> reader = reader().open()) {
      write(writer, 8);
      assertRefused(
          Reason.IN_USE,
          () -> Qds.remove(directory, NAME, Qds.DEFAULT_LAYOUT, false),
          "pid=" + ProcessHandle.current().pid());
      Qds.remove(directory, NAME, Qds.DEFAULT_LAYOUT, true);
      assertRefused(Reason.REMOVED, () -> writer.claim(8), NAME);
      readAndClose(reader, 0);
      assertRefused(Reason.REMOVED, () -> reader.read(), NAME);
      assertRefused(Reason.NO_SUCH_CHANNEL, () -> reader().open(), NAME);
    }
  }

  @Test
  void aDamagedDescriptorIsPassedOver() throws Exception {
    long[] badOffsets = {-64, 1, ARENA_LENGTH, Long.MAX_VALUE, Long.MIN_VALUE};
    long[] badLengths = {-1, ARENA_LENGTH + 1L, Long.MAX_VALUE};
    for (boolean lossless : new boolean[] {true, false}) {
      try (Writer<Region> writer = writer().open();
          Reader<Region> reader = lossless ? reader().open() : observer().open()) {
        write(writer, 8, badOffsets.length + badLengths.length + 1);
        Patch patch = new Patch(file());
        int sequence = 0;
        for (long offset : badOffsets) {
          patch.putLong(DESCRIPTOR_RING_OFFSET + 64L * sequence + 8, offset);
          int bad = sequence;
          assertRefused(
              Reason.CORRUPT, () -> reader.read(), NAME, "message " + bad, "offset=" + offset);
          sequence++;
        }
        for (long length : badLengths) {
          patch.putLong(DESCRIPTOR_RING_OFFSET + 64L * sequence + 16, length);
          int bad = sequence;
          assertRefused(Reason.CORRUPT, reader::poll, NAME, "message " + bad, "length=" + length);
          sequence++;
        }
        readAndClose(reader, sequence);
      }
    }
  }

  @Test
  void aMissingStampIsNotWaitedFor() throws Exception {
    for (WaitStrategy strategy : WaitStrategy.values()) {
      aMissingStampIsNotWaitedFor(strategy, 0);
      // Nor is it taken for reclaimed: the reader has not read it.
      aMissingStampIsNotWaitedFor(strategy, 3);
    }
  }

  private void aMissingStampIsNotWaitedFor(WaitStrategy strategy, long floor) throws Exception {
    try (Writer<Region> writer = writer().open();
        Reader<Region> reader = reader().waitStrategy(strategy).open()) {
      write(writer, 8, 3);
      Patch patch = new Patch(file());
      patch.putLong(DESCRIPTOR_RING_OFFSET + 64L, 0);
      patch.putLong(1024, floor);
      readAndClose(reader, 0);
      assertRefused(Reason.CORRUPT, () -> reader.read(LONG), NAME, "stamp of message 1=0");
      readAndClose(reader, 2);
    }
  }

  @Test
  void aChecksumFindsAFlippedByte() throws Exception {
    try (Writer<Region> writer = writer().payloadChecksum(true).open();
        Reader<Region> reader = reader().open();
        Reader<Region> observer = observer().open()) {
      write(writer, 1000, 3);
      Patch patch = new Patch(file());
      patch.flip(ARENA_OFFSET + 1024 + 999);
      for (Reader<Region> each : List.of(reader, observer)) {
        readAndClose(each, 0);
        assertRefused(Reason.CORRUPT, () -> each.read(), NAME, "message 1", "checksum=");
        readAndClose(each, 2);
        assertEquals(0, each.stats().openLoanCount());
      }
    }
  }

  @Test
  @EnabledForJreRange(min = JRE.JAVA_22, disabledReason = "Java 17 may report a fault later")
  void aFileCutShortIsAnExceptionThatNamesTheChannel() throws Exception {
    try (Writer<Region> writer = writer().open();
        Reader<Region> reader = reader().open()) {
      write(writer, 400_000, 2);
      Message<Region> message = read(reader, 0);
      Message<Region> second = reader.read();
      new Patch(file()).truncate(ARENA_OFFSET);
      assertThrows(InternalError.class, () -> second.value().getLong(300_000));
      message.close();
      second.close();
      new Patch(file()).truncate(0);
      assertRefused(Reason.CORRUPT, reader::poll, NAME);
      assertRefused(Reason.CORRUPT, () -> writer.claim(8), NAME);
      assertRefused(Reason.CORRUPT, reader::close, NAME);
      assertRefused(Reason.CORRUPT, writer::close, NAME);
    }
  }

  @Test
  void aSecondThreadIsRefusedByName() throws Exception {
    try (Writer<Region> writer = writer().open();
        Reader<Region> reader = reader().open()) {
      String here = Thread.currentThread().getName();
      Task<Message<Region>> read = new Task<>("first-thread", reader::read);
      awaitWaitingReader();
      assertNames(
          assertThrows(IllegalStateException.class, reader::poll),
          "reader of channel " + NAME,
          "thread=" + here,
          "was inside");
      assertEquals(0, reader.stats().readCount());

      Claim claim = writer.claim(8);
      Task<Claim> other = new Task<>("other-thread", () -> writer.tryClaim(8));
      assertNames(
          assertThrows(IllegalStateException.class, other::get),
          "writer of channel " + NAME,
          "thread=other-thread",
          "was inside");
      assertNames(
          assertThrows(IllegalStateException.class, () -> writer.tryClaim(8)), "this thread");
      Payloads.fill(claim.region(), 0, 8);
      claim.commit(8);
      read.get().close();

      // handed over
      new Task<>(
              "other-thread",
              () -> {
                write(writer, 8);
                readAndClose(reader, 1);
                return null;
              })
          .get();
      write(writer, 8);
      readAndClose(reader, 2);
    }
  }

  @Test
  void aClaimOfAnotherThreadEndsAfterTheClose() throws Exception {
    Writer<Region> writer = writer().open();
    try (Reader<Region> reader = reader().open()) {
      Claim claim = writer.claim(8);
      new Task<>(
              "closer",
              () -> {
                writer.close();
                return null;
              })
          .get();
      assertRefused(Reason.CLOSED, () -> claim.commit(8), NAME);
      assertNull(reader.read());
      assertTrue(reader.isEnded());
    }
  }

  @Test
  void aLoopOverAReaderEndsWithTheStream() throws Exception {
    try (Reader<Region> reader = writeThenClose(10)) {
      List<Long> sequences = new ArrayList<>();
      Message<Region> last = null;
      for (Message<Region> message : reader) {
        Payloads.check(message);
        sequences.add(message.sequence());
        assertTrue(last == null || last == message, "one object for all");
        assertEquals(1, reader.stats().openLoanCount());
        last = message;
      }
      assertEquals(List.of(0L, 1L, 2L, 3L, 4L, 5L, 6L, 7L, 8L, 9L), sequences);
      assertEquals(0, reader.stats().openLoanCount());
      assertTrue(reader.isEnded());
      Iterator<Message<Region>> more = reader.iterator();
      assertFalse(more.hasNext());
      assertThrows(NoSuchElementException.class, more::next);
    }
  }

  @Test
  void aLoopThatWasLeftGivesItsMessageBack() throws Exception {
    try (Writer<Region> writer = writer().open()) {
      write(writer, 8, 3);
      Reader<Region> reader = reader().open();
      Message<Region> first = reader.iterator().next();
      assertEquals(0, first.sequence());
      Message<Region> second = reader.iterator().next();
      assertEquals(1, second.sequence());
      assertEquals(1, reader.stats().openLoanCount());
      reader.close();
      assertEquals(0, writer.stats().readerCount());
      assertThrows(IllegalStateException.class, second::value);
    }
  }

  @Test
  void anInterruptEndsALoop() throws Exception {
    try (Writer<Region> writer = writer().open();
        Reader<Region> reader = reader().open()) {
      Task<Boolean> loop =
          new Task<>(
              "loop",
              () -> {
                assertRefused(Reason.INTERRUPTED, () -> reader.iterator().hasNext(), NAME);
                return Thread.currentThread().isInterrupted();
              });
      awaitWaitingReader();
      loop.thread.interrupt();
      assertTrue(loop.get());
      write(writer, 8);
      readAndClose(reader, 0);
    }
  }

  @Test
  void drainHandsOverWhatIsThere() throws Exception {
    try (Writer<Region> writer = writer().open();
        Reader<Region> reader = reader().open()) {
      assertEquals(0, reader.drain(m -> {}, 100));
      write(writer, 8, 10);
      List<Long> sequences = new ArrayList<>();
      assertEquals(4, reader.drain(m -> sequences.add(m.sequence()), 4));
      assertEquals(List.of(0L, 1L, 2L, 3L), sequences);
      QdsException failure = new QdsException(Reason.IO, "of the handler");
      assertSame(
          failure,
          assertThrows(
              QdsException.class,
              () ->
                  reader.drain(
                      m -> {
                        throw failure;
                      },
                      4)));
      assertEquals(0, reader.stats().openLoanCount(), "the message was closed");
      assertEquals(5, reader.drain(RingOutcomes::check, 100));
    }
  }

  private static void check(Message<Region> message) {
    Payloads.check(message);
  }

  @Test
  void aMessageIsGoneWhenItIsClosed() throws Exception {
    try (Writer<Region> writer = writer().open();
        Reader<Region> reader = reader().open()) {
      write(writer, 8);
      Message<Region> message = read(reader, 0);
      Region value = message.value();
      message.close();
      message.close();
      assertNames(
          assertThrows(IllegalStateException.class, message::value), NAME, "message 0", "closed");
      assertThrows(IllegalStateException.class, () -> value.getLong(0));
      assertThrows(IllegalStateException.class, value::address);
      assertFalse(value.isOpen());
    }
  }

  @Test
  void namesAreChecked() throws IOException {
    for (String bad :
        List.of("", ".a", "-a", "_a", "a/b", "../a", "a b", "ä", "a\0", "a".repeat(101))) {
      assertThrows(IllegalArgumentException.class, () -> Qds.writer(bad, codec()), bad);
      assertThrows(IllegalArgumentException.class, () -> Qds.reader(bad, codec()), bad);
      assertThrows(
          IllegalArgumentException.class,
          () -> Qds.inspect(directory, bad, Qds.DEFAULT_LAYOUT),
          bad);
      assertThrows(
          IllegalArgumentException.class,
          () -> Qds.remove(directory, bad, Qds.DEFAULT_LAYOUT, true),
          bad);
    }
    for (String good : List.of("a", "0", "A.b_c-9", "a".repeat(100))) {
      try (Writer<Region> writer =
          Qds.writer(good, codec())
              .directory(directory)
              .backend(backend())
              .capacity(1 << 18)
              .open()) {
        assertEquals(good, writer.name());
        assertEquals(List.of(good), Qds.list(directory, Qds.DEFAULT_LAYOUT));
      }
    }
  }

  private static io.qadataswap.api.codec.RegionCodec codec() {
    return io.qadataswap.api.codec.RegionCodec.instance();
  }
}
