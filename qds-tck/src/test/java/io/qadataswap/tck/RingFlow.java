package io.qadataswap.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.qadataswap.api.Claim;
import io.qadataswap.api.Message;
import io.qadataswap.api.OverflowPolicy;
import io.qadataswap.api.Qds;
import io.qadataswap.api.QdsException.Reason;
import io.qadataswap.api.Reader;
import io.qadataswap.api.ReaderMode;
import io.qadataswap.api.ReaderStats;
import io.qadataswap.api.Region;
import io.qadataswap.api.StartPosition;
import io.qadataswap.api.Trust;
import io.qadataswap.api.Writer;
import io.qadataswap.api.WriterStats;
import io.qadataswap.api.codec.Codec;
import io.qadataswap.api.codec.Decoder;
import io.qadataswap.api.codec.Encoder;
import io.qadataswap.api.codec.RegionCodec;
import io.qadataswap.api.layout.Loan;
import java.nio.file.Files;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.LinkedBlockingQueue;
import org.junit.jupiter.api.Test;

/** Room and the lack of it: who waits for whom, what is kept, what is lost, and loans. */
@SuppressWarnings("try") // closing by hand is what is tested
abstract class RingFlow extends RingFixture {
  private static final int LARGEST = ARENA_LENGTH / 2 - 64;
  private static final int PIN_COUNT = 12;

  RingFlow(String backend) {
    super(backend);
  }

  @Test
  void tooLargeAMessageIsRefusedAtOnce() throws Exception {
    try (Writer<Region> writer = writer().open();
        Reader<Region> reader = reader().open()) {
      assertRefused(
          Reason.MESSAGE_TOO_LARGE,
          () -> writer.claim(LARGEST + 1),
          NAME,
          "length=" + (LARGEST + 1),
          "0 to " + LARGEST);
      assertRefused(
          Reason.MESSAGE_TOO_LARGE, () -> writer.claim(Long.MAX_VALUE), "" + Long.MAX_VALUE);
      assertThrows(IllegalArgumentException.class, () -> writer.claim(-1));
      for (int i = 0; i < 10; i++) {
        // never a deadlock: one message is held while the next is written
        write(writer, LARGEST);
        try (Message<Region> held = read(reader, 2L * i)) {
          assertTrue(write(writer, LARGEST, LONG));
          readAndClose(reader, 2L * i + 1);
          Payloads.check(held);
        }
      }
    }
  }

  @Test
  void oneMessageMayFillTheChannelIfAskedFor() throws Exception {
    try (Writer<Region> writer = writer().maxMessageLength(ARENA_LENGTH).open();
        Reader<Region> reader = reader().open()) {
      for (int i = 0; i < 3; i++) {
        write(writer, ARENA_LENGTH);
        assertNull(writer.tryClaim(0));
        readAndClose(reader, i);
      }
    }
    assertThrows(
        IllegalArgumentException.class, () -> writer().maxMessageLength(ARENA_LENGTH + 1L).open());
  }

  @Test
  void aReaderThatWaitsWhileItHoldsIsNamed() throws Exception {
    try (Writer<Region> writer = writer().maxMessageLength(ARENA_LENGTH).open();
        Reader<Region> reader = reader().label("hoarder").open()) {
      write(writer, ARENA_LENGTH);
      Message<Region> held = read(reader, 0);
      Task<Message<Region>> read = new Task<>("read", reader::read);
      awaitWaitingReader();
      assertFalse(tryWrite(writer, 8));
      assertFalse(write(writer, 8, SHORT));
      assertRefused(
          Reason.READER_HOLDS_LOANS,
          () -> writer.claim(8),
          NAME,
          "label=hoarder",
          "pid=" + ProcessHandle.current().pid());
      held.close();
      write(writer, 8);
      read.get().close();
    }
  }

  @Test
  void aReaderThatOnlyWaitsIsNotBlamed() throws Exception {
    try (Writer<Region> writer = writer().open();
        Reader<Region> observer = observer().open();
        Reader<Region> reader = reader().open()) {
      write(writer, 300_000, 2);
      Message<Region> low = read(observer, 0);
      Message<Region> high = read(observer, 1);
      readAndClose(reader, 0);
      readAndClose(reader, 1);
      Task<Message<Region>> read = new Task<>("read", reader::read);
      awaitWaitingReader();
      // longer than it takes to blame a reader that holds messages
      assertFalse(write(writer, LARGEST, Duration.ofMillis(1500)));
      low.close();
      assertTrue(write(writer, LARGEST, LONG));
      Payloads.check(high);
      high.close();
      read.get().close();
    }
  }

  @Test
  void openMessagesOfObserversThatLeaveNoRoomAreNamed() throws Exception {
    try (Writer<Region> writer = writer().overflow(OverflowPolicy.DROP_OLDEST).open();
        Reader<Region> observer = observer().label("monitor").open();
        Reader<Region> innocent = observer().label("innocent").open()) {
      write(writer, 300_000, 2);
      Message<Region> low = read(observer, 0);
      Message<Region> high = read(observer, 1);
      assertRefused(
          Reason.NO_ROOM,
          () -> writer.claim(LARGEST),
          NAME,
          "label=monitor",
          "pid=" + ProcessHandle.current().pid());
      write(writer, 100, 100);
      Payloads.check(low);
      Payloads.check(high);
      low.close();
      write(writer, LARGEST);
      Payloads.check(high);
      high.close();
      assertEquals(0, innocent.stats().readCount());
    }
  }

  @Test
  void noRoomInTimeIsFalse() throws Exception {
    try (Writer<Region> writer = writer().open();
        Reader<Region> reader = reader().open()) {
      write(writer, 8, SLOT_COUNT);
      Message<Region> first = read(reader, 0);
      assertNull(writer.tryClaim(8));
      assertFalse(writer.tryWrite(first.value()));
      assertFalse(writer.tryWrite(first.value(), 1));
      long start = System.nanoTime();
      assertFalse(writer.write(first.value(), SHORT));
      assertTrue(System.nanoTime() - start >= SHORT.toNanos());
      assertFalse(writer.write(first.value(), 1, SHORT));
      assertNull(writer.claim(8, SHORT));
      assertEquals(6, writer.stats().waitTimeoutCount());
      assertEquals(3, writer.stats().waitCount());
      assertThrows(IllegalArgumentException.class, () -> writer.claim(8, Duration.ofNanos(-1)));
      first.close();
      assertTrue(tryWrite(writer, 8));
    }
  }

  @Test
  void roomEndsAWait() throws Exception {
    try (Writer<Region> writer = writer().open();
        Reader<Region> reader = reader().open()) {
      write(writer, 8, SLOT_COUNT);
      Message<Region> first = read(reader, 0);
      for (int i = 0; i < 3; i++) {
        int waits = i + 1;
        Task<Boolean> write = new Task<>("write", () -> write(writer, 8, LONG));
        await(() -> writer.stats().waitCount() == waits);
        first.close();
        assertTrue(write.get());
        first = read(reader, 1 + i);
      }
      first.close();
    }
  }

  @Test
  void withoutAReaderAllIsKept() throws Exception {
    for (boolean checksum : new boolean[] {false, true}) {
      try (Writer<Region> writer = writer().payloadChecksum(checksum).open()) {
        int count = 0;
        while (tryWrite(writer, Payloads.lengthOf(count, LARGEST))) {
          count++;
        }
        assertTrue(count > 1);
        assertEquals(count, writer.stats().unreadCount());
        Task<Claim> claim = new Task<>("claim", () -> writer.claim(8, SHORT));
        assertNull(claim.get());
        try (Reader<Region> reader = reader().open()) {
          assertEquals(0, reader.startSequence());
          for (int i = 0; i < count; i++) {
            readAndClose(reader, i);
          }
          assertNull(reader.poll());
        }
        // what the last reader left is kept for the next one
        assertTrue(tryWrite(writer, 100));
        try (Reader<Region> reader = reader().open()) {
          while (reader.startSequence() + reader.stats().readCount() <= count) {
            readAndClose(reader, reader.stats().nextSequence());
          }
          assertEquals(0, reader.stats().lag());
        }
      }
    }
  }

  @Test
  void everyReaderSeesEveryMessage() throws Exception {
    try (Writer<Region> writer = writer().open()) {
      write(writer, 100, 3);
      List<Reader<Region>> readers = new ArrayList<>();
      for (int i = 0; i < READER_ENTRY_COUNT; i++) {
        readers.add((i % 2 == 0 ? reader() : observer()).open());
      }
      for (int i = 0; i < 5 * SLOT_COUNT; i++) {
        if (i >= 3) {
          write(writer, Payloads.lengthOf(i, 10_000));
        }
        for (Reader<Region> reader : readers) {
          readAndClose(reader, i);
        }
      }
      assertEquals(READER_ENTRY_COUNT, writer.stats().readerCount());
      readers.forEach(Reader::close);
      assertEquals(0, writer.stats().readerCount());
    }
  }

  @Test
  void theSlowestReaderHoldsTheWriter() throws Exception {
    try (Writer<Region> writer = writer().open();
        Reader<Region> fast = reader().open();
        Reader<Region> slow = reader().open();
        Reader<Region> observer = observer().open()) {
      for (int i = 0; i < SLOT_COUNT; i++) {
        write(writer, 8);
        readAndClose(fast, i);
      }
      assertNull(writer.tryClaim(8));
      assertEquals(SLOT_COUNT, writer.stats().unreadCount());
      assertEquals(SLOT_COUNT, slow.stats().lag());
      readAndClose(slow, 0);
      assertTrue(tryWrite(writer, 8));
      slow.close();
      write(writer, 8, SLOT_COUNT - 1);
      assertNull(writer.tryClaim(8));
      // the observer held nobody, and lost what was overwritten
      List<Long> sequences = new ArrayList<>();
      observer.drain(m -> sequences.add(m.sequence()), 1000);
      assertEquals(2L * SLOT_COUNT - 1, sequences.get(sequences.size() - 1));
      assertEquals(2L * SLOT_COUNT - sequences.size(), observer.stats().lostCount());
      assertTrue(observer.stats().lostCount() >= SLOT_COUNT);
    }
  }

  @Test
  void readersStartWhereTheyAskedTo() throws Exception {
    try (Writer<Region> writer = writer().open();
        Reader<Region> first = reader().open()) {
      for (int i = 0; i < 2 * SLOT_COUNT; i++) {
        write(writer, 8);
        readAndClose(first, i);
      }
      write(writer, 8, 4);
      long oldest = inspect().oldestSequence();
      long published = 2 * SLOT_COUNT + 4;
      assertTrue(oldest > 0);
      for (ReaderMode mode : ReaderMode.values()) {
        assertStart(mode, StartPosition.oldest(), oldest, published);
        assertStart(mode, StartPosition.latest(), published, published);
        for (long at = oldest; at <= published; at++) {
          assertStart(mode, StartPosition.at(at), at, published);
          assertStart(mode, StartPosition.atOrAfter(at), at, published);
        }
        for (long gone = 0; gone < oldest; gone++) {
          StartPosition at = StartPosition.at(gone);
          assertRefused(
              Reason.SEQUENCE_GONE,
              () -> reader().mode(mode).start(at).open(),
              NAME,
              "sequence=" + gone,
              "allowed=" + oldest);
          assertStart(mode, StartPosition.atOrAfter(gone), oldest, published);
        }
        assertRefused(
            Reason.SEQUENCE_GONE,
            () -> reader().mode(mode).start(StartPosition.atOrAfter(published + 1)).open(),
            "sequence=" + (published + 1),
            "to " + published);
      }
      assertThrows(IllegalArgumentException.class, () -> StartPosition.at(-1));
      assertEquals(1, writer.stats().readerCount());
    }
  }

  private void assertStart(ReaderMode mode, StartPosition start, long sequence, long published)
      throws InterruptedException {
    try (Reader<Region> reader = reader().mode(mode).start(start).open()) {
      assertEquals(sequence, reader.startSequence());
      assertEquals(published - sequence, reader.stats().lag());
      if (sequence < published) {
        readAndClose(reader, sequence);
      } else {
        assertNull(reader.poll());
      }
    }
  }

  @Test
  void historyIsRetainedForLateJoiners() throws Exception {
    int retained = 5;
    boolean[] kept = new boolean[2];
    for (int retain : new int[] {0, retained}) {
      boolean all = true;
      try (Writer<Region> writer = writer().retain(retain).open();
          Reader<Region> reader = reader().open()) {
        for (int i = 0; i < 10 * SLOT_COUNT; i++) {
          write(writer, 100);
          readAndClose(reader, i);
          all &= inspect().oldestSequence() <= Math.max(0, i + 1 - retained);
        }
        if (retain > 0) {
          try (Reader<Region> late = reader().open()) {
            assertTrue(late.startSequence() <= 10 * SLOT_COUNT - retained);
            readAndClose(late, late.startSequence());
          }
          // it is in nobody's way
          write(writer, LARGEST);
          readAndClose(reader, 10L * SLOT_COUNT);
          write(writer, LARGEST);
          readAndClose(reader, 10L * SLOT_COUNT + 1);
        }
      }
      kept[retain == 0 ? 0 : 1] = all;
    }
    assertTrue(kept[1], "what retain says stays");
    assertFalse(kept[0], "and does not stay without");
  }

  @Test
  void aLosslessReaderIsRefusedWhereMessagesAreDropped() throws Exception {
    try (Writer<Region> writer = writer().overflow(OverflowPolicy.DROP_OLDEST).open()) {
      assertRefused(
          Reason.UNSUPPORTED, () -> reader().open(), NAME, "mode=LOSSLESS", "DROP_OLDEST");
      write(writer, 8);
    }
  }

  @Test
  void observersCountExactlyWhatTheyLost() throws Exception {
    int count = 60_000;
    try (Writer<Region> writer =
            writer().overflow(OverflowPolicy.DROP_OLDEST).capacity(1 << 17).open();
        Reader<Region> fast = observer().open();
        Reader<Region> holder = observer().open();
        Reader<Region> copier = observer().trust(Trust.NONE).open()) {
      Task<ReaderStats> fastEnd = new Task<>("fast", () -> readToEnd(fast, 1));
      Task<ReaderStats> holderEnd = new Task<>("holder", () -> readToEnd(holder, 7));
      Task<ReaderStats> copierEnd = new Task<>("copier", () -> readToEnd(copier, 40));
      for (int i = 0; i < count; i++) {
        writeOrSkip(writer, Payloads.lengthOf(i, 3000));
      }
      long written = writer.stats().nextSequence();
      writer.close();
      for (Task<ReaderStats> end : List.of(fastEnd, holderEnd, copierEnd)) {
        ReaderStats stats = end.get();
        assertEquals(written, stats.readCount() + stats.lostCount(), stats.toString());
        assertTrue(stats.readCount() > 0, stats.toString());
      }
      assertEquals(copierEnd.get().readCount(), copierEnd.get().copyCount());
    }
  }

  /** Reads with some messages open all the time, checks every one twice. */
  private static ReaderStats readToEnd(Reader<Region> reader, int openCount)
      throws InterruptedException {
    List<Message<Region>> open = new ArrayList<>();
    Random random = new Random(openCount);
    long next = 0;
    long lost = 0;
    for (Message<Region> m = reader.read(); m != null; m = reader.read()) {
      Payloads.check(m);
      assertTrue(m.sequence() >= next);
      lost += m.sequence() - next;
      next = m.sequence() + 1;
      assertEquals(lost, reader.stats().lostCount());
      open.add(m);
      if (open.size() == openCount) {
        Message<Region> closing = open.remove(random.nextInt(openCount));
        Payloads.check(closing);
        closing.close();
      }
    }
    assertTrue(reader.isEnded());
    for (Message<Region> message : open) {
      Payloads.check(message);
      message.close();
    }
    assertEquals(0, reader.stats().openLoanCount());
    return reader.stats();
  }

  /** Gives a message up that does not fit beside what observers hold. */
  private static void writeOrSkip(Writer<Region> writer, int length) throws InterruptedException {
    try {
      write(writer, length);
    } catch (io.qadataswap.api.QdsException e) {
      assertEquals(Reason.NO_ROOM, e.reason());
    }
  }

  @Test
  void moreOpenMessagesThanPinsAreCopies() throws Exception {
    for (boolean checksum : new boolean[] {false, true}) {
      try (Writer<Region> writer =
              writer()
                  .overflow(OverflowPolicy.DROP_OLDEST)
                  .messageSlots(64)
                  .payloadChecksum(checksum)
                  .open();
          Reader<Region> observer = observer().open()) {
        write(writer, 5_000, 30);
        List<Message<Region>> open = new ArrayList<>();
        for (int i = 0; i < 30; i++) {
          open.add(read(observer, i));
          assertEquals(0, open.get(i).value().address() % 64);
        }
        assertEquals(30 - PIN_COUNT, observer.stats().copyCount());
        assertEquals(30, observer.stats().openLoanCount());
        for (int i = 0; i < 1000; i++) {
          write(writer, Payloads.lengthOf(i, 50_000));
        }
        open.forEach(Payloads::check);
        open.forEach(Message::close);
        assertEquals(0, observer.stats().openLoanCount());
        observer.poll().close();
        assertEquals(30 - PIN_COUNT, observer.stats().copyCount(), "pins are free again");
      }
      Qds.remove(directory, NAME, Qds.DEFAULT_LAYOUT, false);
    }
  }

  @Test
  void anUntrustedMessageIsACopy() throws Exception {
    for (ReaderMode mode : ReaderMode.values()) {
      try (Writer<Region> writer = writer().open();
          Reader<Region> distrusting = reader().mode(mode).trust(Trust.NONE).open();
          Reader<Region> trusting = reader().mode(mode).open()) {
        write(writer, 1000);
        try (Message<Region> copy = read(distrusting, 0);
            Message<Region> view = read(trusting, 0)) {
          new Patch(file()).flip(ARENA_OFFSET);
          Payloads.check(copy);
          assertThrows(AssertionError.class, () -> Payloads.check(view));
        }
        assertEquals(1, distrusting.stats().copyCount());
        assertEquals(0, trusting.stats().copyCount());
        for (int i = 1; i < SLOT_COUNT; i++) {
          write(writer, 100);
          readAndClose(distrusting, i);
          readAndClose(trusting, i);
        }
      }
    }
  }

  @Test
  void messagesAreClosedInAnyOrderByAnyThread() throws Exception {
    int slotCount = 512;
    int count = 20_000;
    LinkedBlockingQueue<Message<Region>> toClose = new LinkedBlockingQueue<>();
    try (Writer<Region> writer = writer().messageSlots(slotCount).open();
        Reader<Region> reader = reader().open()) {
      Task<Void> write =
          new Task<>(
              "write",
              () -> {
                for (int i = 0; i < count; i++) {
                  write(writer, Payloads.lengthOf(i, 4000));
                }
                return null;
              });
      List<Task<Integer>> closers = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        closers.add(new Task<>("closer " + i, () -> closeAll(toClose)));
      }
      Random random = new Random(1);
      List<Message<Region>> open = new ArrayList<>();
      int most = 0;
      for (int i = 0; i < count; i++) {
        open.add(read(reader, i));
        if (open.size() == 300 || i == count - 1) {
          most = Math.max(most, reader.stats().openLoanCount());
          Collections.shuffle(open, random);
          toClose.addAll(open);
          open.clear();
        }
      }
      write.get();
      await(() -> reader.stats().openLoanCount() == 0);
      assertTrue(most >= 300, "open at once: " + most);
      assertEquals(count, inspect().readers().get(0).sequence(), "the cursor is behind all");
      assertEquals(0, writer.stats().unreadCount());
      closers.forEach(closer -> closer.thread.interrupt());
      int closed = 0;
      for (Task<Integer> closer : closers) {
        closed += closer.get();
      }
      assertEquals(count, closed);
    }
  }

  private static int closeAll(LinkedBlockingQueue<Message<Region>> queue) {
    int count = 0;
    try {
      while (true) {
        Message<Region> message = queue.take();
        Payloads.check(message);
        message.close();
        count++;
      }
    } catch (InterruptedException e) {
      return count;
    }
  }

  @Test
  void messagesOutliveTheirReader() throws Exception {
    for (ReaderMode mode : ReaderMode.values()) {
      try (Writer<Region> writer = writer().open()) {
        write(writer, 1000, 10);
        Reader<Region> reader = reader().mode(mode).open();
        List<Message<Region>> open = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
          open.add(read(reader, i));
        }
        open.remove(3).close();
        reader.close();
        assertEquals(1, writer.stats().readerCount(), "it lingers");
        try (Reader<Region> next = reader().start(StartPosition.latest()).open()) {
          for (int i = 10; i < 1000; i++) {
            write(writer, Payloads.lengthOf(i, 10_000));
            readAndClose(next, i);
          }
        }
        Collections.shuffle(open, new Random(1));
        for (Message<Region> message : open) {
          Payloads.check(message);
          message.close();
        }
        assertEquals(0, writer.stats().readerCount());
        assertTrue(inspect().readers().isEmpty());
      }
      assertFalse(Files.exists(file()));
    }
  }

  @Test
  void hundredsOfMessagesOutliveTheirReader() throws Exception {
    int slotCount = 512;
    int openCount = 400;
    for (ReaderMode mode : ReaderMode.values()) {
      LinkedBlockingQueue<Message<Region>> toClose = new LinkedBlockingQueue<>();
      List<Task<Integer>> closers = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        closers.add(new Task<>("closer " + i, () -> closeAll(toClose)));
      }
      try (Writer<Region> writer = writer().messageSlots(slotCount).open();
          Reader<Region> next = reader().open()) {
        List<Message<Region>> open = new ArrayList<>();
        Reader<Region> reader = reader().mode(mode).open();
        for (int i = 0; i < openCount; i++) {
          write(writer, Payloads.lengthOf(i, 4000));
          open.add(read(reader, i));
          readAndClose(next, i);
        }
        reader.close();
        assertEquals(2, writer.stats().readerCount(), "it lingers");
        Collections.shuffle(open, new Random(1));
        toClose.addAll(open);
        // They hold the writer back, or not, until the last of them is closed.
        for (int i = openCount; i < 5 * slotCount; i++) {
          write(writer, Payloads.lengthOf(i, 4000));
          readAndClose(next, i);
        }
        await(() -> writer.stats().readerCount() == 1);
      }
      closers.forEach(closer -> closer.thread.interrupt());
      int closed = 0;
      for (Task<Integer> closer : closers) {
        closed += closer.get();
      }
      assertEquals(openCount, closed);
      assertFalse(Files.exists(file()));
    }
  }

  @Test
  void moreOpenMessagesThanPinsHoldTheWriterAfterTheirReader() throws Exception {
    try (Writer<Region> writer = writer().open()) {
      write(writer, 1000, SLOT_COUNT);
      Reader<Region> reader = reader().open();
      List<Message<Region>> open = new ArrayList<>();
      for (int i = 0; i < SLOT_COUNT; i++) {
        open.add(read(reader, i));
      }
      reader.close();
      assertNull(writer.tryClaim(8));
      for (int left = SLOT_COUNT; left > PIN_COUNT; left--) {
        open.remove(left - 1).close();
      }
      write(writer, 1000, SLOT_COUNT);
      open.forEach(Payloads::check);
      assertNull(writer.tryClaim(8), "nobody has read these");
      open.forEach(Message::close);
      assertEquals(0, writer.stats().readerCount());
    }
  }

  @Test
  void aClaimEndsOnce() throws Exception {
    try (Writer<Region> writer = writer().open();
        Reader<Region> reader = reader().open()) {
      Claim claim = writer.claim(100);
      assertNames(
          assertThrows(IllegalArgumentException.class, () -> claim.commit(101)),
          NAME,
          "length=101",
          "0 to 100");
      assertThrows(IllegalArgumentException.class, () -> claim.commit(-1));
      Region region = claim.region();
      assertThrows(IndexOutOfBoundsException.class, () -> region.putByte(100, (byte) 0));
      Payloads.fill(region, 0, 60);
      claim.commit(60);
      assertThrows(IllegalStateException.class, () -> region.putByte(0, (byte) 0));
      assertNames(
          assertThrows(IllegalStateException.class, () -> claim.commit(60)), NAME, "committed");
      assertNames(assertThrows(IllegalStateException.class, claim::abort), "committed");
      assertNames(assertThrows(IllegalStateException.class, claim::region), "committed");
      claim.close();

      Claim aborted = writer.claim(100);
      aborted.abort();
      assertNames(
          assertThrows(IllegalStateException.class, () -> aborted.commit(1)), NAME, "aborted");
      try (Claim unused = writer.claim(100)) {
        assertNotNull(unused.region());
      }
      assertEquals(1, writer.stats().writeCount());
      readAndClose(reader, 0);
      assertNull(reader.poll());
      write(writer, 100);
      readAndClose(reader, 1);
    }
  }

  @Test
  void claimsOfAnySizeMayBeAborted() throws Exception {
    Random random = new Random(1);
    try (Writer<Region> writer = writer().open();
        Reader<Region> reader = reader().open()) {
      for (int i = 0; i < 5_000; i++) {
        int abortCount = random.nextInt(4);
        for (int j = 0; j < abortCount; j++) {
          Claim claim = writer.tryClaim(random.nextInt(LARGEST));
          if (claim != null) {
            claim.abort();
          }
        }
        write(writer, Payloads.lengthOf(i, 200_000));
        if (i >= 3) {
          readAndClose(reader, i - 3);
        }
      }
    }
  }

  /** Passes regions on, and counts who has an encoder or a decoder. */
  private static final class CountingCodec implements Codec<Region> {
    private final Codec<Region> codec = RegionCodec.instance();
    private final Set<Encoder<Region>> encoders = ConcurrentHashMap.newKeySet();
    private final Set<Decoder<Region>> decoders = ConcurrentHashMap.newKeySet();

    @Override
    public String id() {
      return codec.id();
    }

    @Override
    public Encoder<Region> newEncoder(String channel) {
      Encoder<Region> encoder = codec.newEncoder(channel);
      Encoder<Region> counted =
          new Encoder<>() {
            @Override
            public long measure(Region value) {
              return encoder.measure(value);
            }

            @Override
            public long encode(Region value, Region target) {
              return encoder.encode(value, target);
            }

            @Override
            public void close() {
              encoder.close();
              encoders.remove(this);
            }
          };
      encoders.add(counted);
      return counted;
    }

    @Override
    public Decoder<Region> newDecoder(String channel, boolean fullValidation) {
      Decoder<Region> decoder = codec.newDecoder(channel, fullValidation);
      Decoder<Region> counted =
          new Decoder<>() {
            @Override
            public Region decode(Loan loan) {
              return decoder.decode(loan);
            }

            @Override
            public void release(Region value) {
              decoder.release(value);
            }

            @Override
            public void close() {
              decoder.close();
              decoders.remove(this);
            }
          };
      decoders.add(counted);
      return counted;
    }
  }

  @Test
  void oneCodecServesFourChannelsAtOnce() throws Exception {
    int channelCount = 4;
    CountingCodec codec = new CountingCodec();
    CyclicBarrier together = new CyclicBarrier(channelCount);
    List<Task<Void>> exchanges = new ArrayList<>();
    for (int i = 0; i < channelCount; i++) {
      String name = NAME + i;
      int seed = 1000 * i;
      exchanges.add(new Task<>(name, () -> exchange(codec, name, seed, together)));
    }
    for (Task<Void> exchange : exchanges) {
      exchange.get();
    }
    assertEquals(0, codec.encoders.size(), "closed with their writers");
    assertEquals(0, codec.decoders.size(), "closed with their readers");
  }

  /** Writes messages of one channel, forwards them in another by the codec, and checks them. */
  private Void exchange(CountingCodec codec, String name, int seed, CyclicBarrier together)
      throws Exception {
    try (Writer<Region> source = writer(name + "-source", codec);
        Reader<Region> relay = reader(name + "-source", codec);
        Writer<Region> writer = writer(name, codec);
        Reader<Region> reader = reader(name, codec)) {
      together.await();
      assertEquals(2 * together.getParties(), codec.encoders.size(), "one for each writer");
      assertEquals(2 * together.getParties(), codec.decoders.size(), "one for each reader");
      together.await();
      for (int i = 0; i < 300; i++) {
        int length = Payloads.lengthOf(seed + i);
        Claim claim = source.claim(length);
        Payloads.fill(claim.region(), seed + i, length);
        claim.commit(length);
        try (Message<Region> message = relay.read(LONG)) {
          writer.write(message.value());
        }
        try (Message<Region> message = reader.read(LONG)) {
          assertEquals(length, message.value().length());
          Payloads.check(message.value(), seed + i);
        }
      }
    }
    return null;
  }

  private Writer<Region> writer(String name, Codec<Region> codec) {
    return Qds.writer(name, codec)
        .directory(directory)
        .backend(backend())
        .capacity(CAPACITY)
        .open();
  }

  private Reader<Region> reader(String name, Codec<Region> codec) {
    return Qds.reader(name, codec).directory(directory).backend(backend()).open();
  }

  @Test
  void bothEndsCount() throws Exception {
    try (Writer<Region> writer = writer().open();
        Reader<Region> reader = reader().open()) {
      write(writer, 100, 3);
      readAndClose(reader, 0);
      try (Message<Region> open = read(reader, 1)) {
        assertTrue(open.value().isOpen());
        assertEquals(new ReaderStats(2, 200, 0, 0, 0, 1, 1, 2), reader.stats());
        assertEquals(new WriterStats(3, 300, 0, 0, 0, 1, 2, 3), writer.stats());
      }
    }
    try (Writer<Region> successor = writer().open()) {
      assertEquals(new WriterStats(0, 0, 0, 0, 0, 0, 1, 3), successor.stats());
    }
  }
}
