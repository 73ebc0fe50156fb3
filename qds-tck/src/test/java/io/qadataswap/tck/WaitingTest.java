package io.qadataswap.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.qadataswap.api.QdsException.Reason;
import io.qadataswap.api.WaitStrategy;
import io.qadataswap.tck.Child.Side;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.locks.LockSupport;
import java.util.function.ToLongFunction;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.JRE;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** Who waits is woken, whatever either side can do, and costs little meanwhile. */
@EnabledOnOs(value = OS.LINUX, disabledReason = "native waits and counters are Linux's")
@EnabledForJreRange(min = JRE.JAVA_22, disabledReason = "qds-shm-ffm needs JDK 22")
class WaitingTest extends RingFixture {
  /** Of a core. */
  private static final double IDLE_SHARE = 0.01;

  private static final int IDLE_WINDOW_COUNT = 100;

  /** With the right to native calls, and without: then threads park for a time. */
  private static final List<Side> SIDES = List.of(Side.FFM_WITH_FUTEX, Side.FFM);

  private static final List<WaitStrategy> STRATEGIES =
      List.of(WaitStrategy.BLOCKING, WaitStrategy.BACKOFF);

  private static final long LOOK_INTERVAL_NS = 50_000_000;

  private final List<Child> children = new ArrayList<>();
  @TempDir private Path services;

  WaitingTest() {
    super("ffm");
  }

  /** A child whose sleeps are ended by its peer alone, see {@link PatientBackend}. */
  private Child startPatient(Side side) throws IOException {
    Child child =
        new Child(
            side, PatientBackend.NAME, RingChild.class, directory, PatientBackend.flag(services));
    children.add(child);
    return child;
  }

  @AfterEach
  void endChildren() throws InterruptedException {
    for (Child child : children) {
      child.kill();
    }
  }

  @Test
  void noWakeUpGetsLost() throws Exception {
    int count = Stress.rounds(800);
    for (Side writing : SIDES) {
      for (Side reading : SIDES) {
        Child writer = startPatient(writing);
        Child reader = startPatient(reading);
        assertEquals("paced", writer.ask("pace"));
        assertEquals("paced", reader.ask("pace"));
        for (WaitStrategy writersWait : STRATEGIES) {
          for (WaitStrategy readersWait : STRATEGIES) {
            assertEquals("open 0", writer.ask("writer " + CAPACITY + " " + writersWait));
            assertEquals("open 0", reader.ask("reader LOSSLESS " + readersWait));
            writer.send("write " + count);
            assertEquals("read " + count, reader.ask("read " + count));
            assertEquals("wrote " + count, writer.answer());
            assertEquals("closed", writer.ask("close"));
            assertEquals("closed", reader.ask("close"));
            assertFalse(Files.exists(file()));
          }
        }
        if (writing == Side.FFM_WITH_FUTEX && reading == Side.FFM_WITH_FUTEX) {
          sleepAndWake(writer, reader);
        } else {
          assertEquals("sleeps 0", writer.ask("sleeps"), writing + " writes for " + reading);
          assertEquals("sleeps 0", reader.ask("sleeps"), reading + " reads from " + writing);
        }
        writer.kill();
        reader.kill();
      }
    }
  }

  /** On a busy machine random pauses may all be over before the other side falls asleep. */
  private static void sleepAndWake(Child writer, Child reader) throws IOException {
    assertEquals("open 0", writer.ask("writer " + CAPACITY));
    assertEquals("open 0", reader.ask("reader LOSSLESS"));
    fallAsleep(reader, "read 1");
    assertEquals("wrote 1", writer.ask("write 1"));
    assertEquals("read 1", reader.ask("outcome"));
    int more = SLOT_COUNT + 1;
    fallAsleep(writer, "write " + more);
    assertEquals("read " + (1 + more), reader.ask("read " + more));
    assertEquals("wrote " + (1 + more), writer.ask("outcome"));
    assertEquals("closed", writer.ask("close"));
    assertEquals("closed", reader.ask("close"));
  }

  private static void fallAsleep(Child child, String command) throws IOException {
    String before = child.ask("sleeps");
    assertEquals("waiting", child.ask("wait " + command));
    String after;
    do {
      after = child.ask("sleeps");
    } while (after.equals(before));
  }

  @Test
  void closingWakesWhoSleeps() throws Exception {
    for (WaitStrategy strategy : STRATEGIES) {
      Child reader = startPatient(Side.FFM_WITH_FUTEX);
      Child writer = startPatient(Side.FFM_WITH_FUTEX);
      assertEquals("open 0", writer.ask("writer " + CAPACITY + " " + strategy));
      assertEquals("open 0", reader.ask("reader LOSSLESS " + strategy));
      assertEquals("waiting", reader.ask("wait read 1"));
      awaitWaitingReader();
      assertEquals("closed", reader.ask("close"));
      assertClosed(reader.ask("outcome"));

      assertEquals("open 0", writer.ask("reader LOSSLESS"));
      assertEquals("waiting", writer.ask("wait write " + (SLOT_COUNT + 1)));
      await(() -> inspect().writer().orElseThrow().waiting());
      assertEquals("closed", writer.ask("close"));
      assertClosed(writer.ask("outcome"));
      writer.kill();
      reader.kill();
      Files.deleteIfExists(file());
    }
  }

  private static void assertClosed(String outcome) {
    assertTrue(outcome.startsWith(Reason.CLOSED.name() + " "), outcome);
  }

  @Test
  void whoWaitsUsesLittleOfACore() throws Exception {
    List<Task<Void>> pairs = new ArrayList<>();
    for (Side side : SIDES) {
      Path own = Files.createDirectory(directory.resolve(side.name()));
      Child writer = new Child(side, RingChild.class, own);
      Child reader = new Child(side, RingChild.class, own);
      children.addAll(List.of(writer, reader));
      pairs.add(new Task<>(side.name(), () -> waitIdly(side, own, writer, reader)));
    }
    for (Task<Void> pair : pairs) {
      pair.get();
    }
  }

  private static Void waitIdly(Side side, Path own, Child writer, Child reader) throws Exception {
    assertEquals("open 0", writer.ask("writer " + CAPACITY));
    assertEquals("open 0", reader.ask("reader LOSSLESS"));
    assertEquals("reading", reader.ask("read-on"));
    await(() -> inspect(own).readers().stream().anyMatch(end -> end.waiting()));
    assertIdle(side, "reader", reader);
    reader.signal("STOP"); // alive, and holds the writer back
    writer.send("write " + 2 * SLOT_COUNT);
    await(() -> inspect(own).writer().orElseThrow().waiting());
    assertIdle(side, "writer", writer);
    return null;
  }

  /**
   * Compares the time on a CPU with the time that a number of sleeps took, all of the kernel's,
   * until the threads that the JVM itself starts with have come to rest: compilers, above all.
   */
  private static void assertIdle(Side side, String who, Child child) {
    Path tasks = Path.of("/proc", Long.toString(child.pid()), "task");
    // The wait has lasted: the short sleeps of its beginning are over.
    awaitSleeps(tasks, side == Side.FFM_WITH_FUTEX ? 20 : 1_000);
    double share = 1;
    for (int window = 0; window < IDLE_WINDOW_COUNT && share >= IDLE_SHARE; window++) {
      long cpuNs = cpuNs(tasks);
      long startNs = System.nanoTime();
      awaitSleeps(tasks, 40);
      share = (double) (cpuNs(tasks) - cpuNs) / (System.nanoTime() - startNs);
    }
    System.out.printf(Locale.ROOT, "%s %s waits with %.2f %% of a core%n", side, who, share * 100);
    assertTrue(share < IDLE_SHARE, who + " " + share);
  }

  /** Looks seldom, to take no time from what is measured. */
  private static void awaitSleeps(Path tasks, long count) {
    long enough = sleepCount(tasks) + count;
    while (sleepCount(tasks) < enough) {
      LockSupport.parkNanos(LOOK_INTERVAL_NS);
    }
  }

  private static long sleepCount(Path tasks) {
    return sum(
        tasks,
        "status",
        text ->
            Long.parseLong(text.replaceAll("(?s).*\nvoluntary_ctxt_switches:\\s+(\\d+).*", "$1")));
  }

  private static long cpuNs(Path tasks) {
    return sum(tasks, "schedstat", text -> Long.parseLong(text.split("\\s", -1)[0]));
  }

  private static long sum(Path tasks, String file, ToLongFunction<String> value) {
    long sum = 0;
    try (DirectoryStream<Path> all = Files.newDirectoryStream(tasks)) {
      for (Path task : all) {
        sum += value.applyAsLong(textOf(task.resolve(file)));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return sum;
  }

  /** The figures of a thread that has just ended are no great loss. */
  private static String textOf(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      return "0\nvoluntary_ctxt_switches:\t0\n";
    }
  }
}
