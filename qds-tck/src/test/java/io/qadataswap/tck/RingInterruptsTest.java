package io.qadataswap.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.qadataswap.api.IfExists;
import io.qadataswap.api.Message;
import io.qadataswap.api.Qds;
import io.qadataswap.api.QdsException.Reason;
import io.qadataswap.api.Reader;
import io.qadataswap.api.ReaderMode;
import io.qadataswap.api.Region;
import io.qadataswap.api.StartPosition;
import io.qadataswap.api.Writer;
import io.qadataswap.api.codec.RegionCodec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/**
 * Threads that are interrupted at random, thousands of times, wherever they are: they get an {@link
 * InterruptedException} where it is declared and nothing else, and the others never notice.
 */
class RingInterruptsTest extends RingFixture {
  private static final int SEED = 1;
  private static final int BASE_ROUNDS = 4_000;

  private final Random random = new Random(SEED);
  private final AtomicLong interruptionCount = new AtomicLong();
  private final AtomicLong operationCount = new AtomicLong();
  private volatile boolean filesOver;
  private volatile boolean over;

  RingInterruptsTest() {
    super(Runtime.version().feature() < 22 ? "agrona" : "ffm");
  }

  @Test
  void interruptsEverywhereHarmNobody() throws Exception {
    try (Writer<Region> writer = writer().open();
        Reader<Region> bystander = reader().open();
        Reader<Region> lossless = reader().backend("agrona").open();
        Reader<Region> observer = observer().open()) {
      List<Task<Long>> interrupted = new ArrayList<>();
      interrupted.add(new Task<>("writer", () -> writeToEnd(writer)));
      interrupted.add(new Task<>("lossless", () -> readToEnd(lossless)));
      interrupted.add(new Task<>("observer", () -> readToEnd(observer)));
      interrupted.add(new Task<>("files ffm", () -> useFiles("other", backend())));
      interrupted.add(new Task<>("files agrona", () -> useFiles("another", "agrona")));
      Task<Long> reading = new Task<>("bystander", () -> readToEnd(bystander));

      for (int round = 0; round < Stress.rounds(BASE_ROUNDS); round++) {
        Thread victim = interrupted.get(random.nextInt(interrupted.size())).thread;
        assertTrue(victim.isAlive() && reading.thread.isAlive(), () -> firstFailure(interrupted));
        victim.interrupt();
        for (int i = random.nextInt(20_000); i > 0; i--) {
          Thread.onSpinWait();
        }
      }
      assertTrue(interruptionCount.get() > 0, "nobody was interrupted while he waited");
      assertTrue(operationCount.get() > 0, "no file was opened");
      assertLocksOf(4);
      // First those who count on the writer to be there.
      filesOver = true;
      for (Task<Long> task : interrupted.subList(3, 5)) {
        assertTrue(task.get() > 0);
      }
      over = true;
      long written = interrupted.get(0).get();
      assertEquals(written, reading.get());
      assertEquals(written, interrupted.get(1).get());
      assertEquals(written, interrupted.get(2).get());
    }
    assertFalse(Files.exists(file()), "all was read and all have left");
    assertEquals(List.of(), Qds.list(directory, Qds.DEFAULT_LAYOUT));
  }

  private static String firstFailure(List<Task<Long>> tasks) {
    for (Task<Long> task : tasks) {
      if (!task.thread.isAlive()) {
        try {
          return task.thread.getName() + " has ended with " + task.get();
        } catch (InterruptedException | RuntimeException | AssertionError e) {
          return task.thread.getName() + " has failed: " + e;
        }
      }
    }
    return "the bystander has failed";
  }

  /** What the kernel knows of, not this process. */
  private void assertLocksOf(int participantCount) throws IOException {
    Path locks = Path.of("/proc/locks");
    if (Files.isReadable(locks)) {
      String inode = ":" + Files.getAttribute(file(), "unix:ino") + " ";
      long count = Files.readAllLines(locks).stream().filter(l -> l.contains(inode)).count();
      // Neighbours that one process holds are one line.
      assertTrue(count >= 1 && count <= participantCount, () -> "locks: " + count);
      long lockedCount =
          Files.readAllLines(locks).stream()
              .filter(line -> line.contains(inode))
              .map(line -> line.trim().split("\\s+"))
              .mapToLong(f -> Long.parseLong(f[f.length - 1]) - Long.parseLong(f[f.length - 2]) + 1)
              .sum();
      assertEquals(participantCount, lockedCount);
    }
    assertRefused(Reason.SECOND_WRITER, () -> writer().open(), NAME);
    assertEquals(participantCount - 1, inspect().readers().size());
  }

  private Long writeToEnd(Writer<Region> writer) {
    while (!over) {
      long sequence = writer.stats().nextSequence();
      int length = Payloads.lengthOf(sequence);
      try {
        var claim = writer.claim(length);
        Payloads.fill(claim.region(), sequence, length);
        assertEquals(sequence, claim.commit(length, sequence));
      } catch (InterruptedException e) {
        interruptionCount.incrementAndGet();
        assertEquals(sequence, writer.stats().nextSequence(), "nothing was written");
      }
    }
    long written = writer.stats().nextSequence();
    writer.close();
    return written;
  }

  private Long readToEnd(Reader<Region> reader) {
    while (true) {
      long expected = reader.stats().nextSequence();
      long lost = reader.stats().lostCount();
      try (Message<Region> message = reader.read()) {
        if (message == null) {
          break;
        }
        assertEquals(expected + reader.stats().lostCount() - lost, message.sequence());
        Payloads.checkSelfDescribed(message);
      } catch (InterruptedException e) {
        interruptionCount.incrementAndGet();
        // An observer may have skipped forward before it waited.
        assertEquals(
            expected + reader.stats().lostCount() - lost,
            reader.stats().nextSequence(),
            "nothing was read");
      }
    }
    assertTrue(reader.isEnded());
    long end = reader.stats().nextSequence();
    reader.close();
    return end;
  }

  /** Does all that opens, maps, locks, lists and removes files, none of which waits. */
  private Long useFiles(String name, String otherBackend) {
    long count = 0;
    while (!filesOver) {
      try (Writer<Region> writer =
              Qds.writer(name, RegionCodec.instance())
                  .directory(directory)
                  .backend(otherBackend)
                  .capacity(1 << 18)
                  .messageSlots(SLOT_COUNT)
                  .readerEntries(READER_ENTRY_COUNT)
                  .ifExists(count % 2 == 0 ? IfExists.TAKE_OVER : IfExists.REPLACE)
                  .open();
          Reader<Region> reader =
              Qds.reader(name, RegionCodec.instance())
                  .directory(directory)
                  .backend(otherBackend)
                  .mode(count % 3 == 0 ? ReaderMode.OBSERVER : ReaderMode.LOSSLESS)
                  .start(StartPosition.latest())
                  .open()) {
        long sequence = writer.stats().nextSequence();
        assertTrue(tryWrite(writer, 100));
        try (Message<Region> message = reader.poll()) {
          assertEquals(sequence, message.sequence());
          Payloads.check(message);
        }
        assertTrue(tryWrite(writer, 8));
        assertTrue(inspect().isLive());
        assertTrue(Qds.list(directory, Qds.DEFAULT_LAYOUT).containsAll(List.of(NAME, name)));
        assertTrue(Qds.inspect(directory, name, Qds.DEFAULT_LAYOUT).unreadCount() > 0);
        assertRefused(
            Reason.IN_USE, () -> Qds.remove(directory, NAME, Qds.DEFAULT_LAYOUT, false), NAME);
        assertRefused(Reason.SECOND_WRITER, () -> writer().open(), NAME);
        Qds.sweep(directory);
      }
      if (count % 4 == 3) {
        Qds.remove(directory, name, Qds.DEFAULT_LAYOUT, false);
      }
      count++;
      operationCount.incrementAndGet();
    }
    if (Qds.list(directory, Qds.DEFAULT_LAYOUT).contains(name)) {
      Qds.remove(directory, name, Qds.DEFAULT_LAYOUT, false);
    }
    return count;
  }
}
