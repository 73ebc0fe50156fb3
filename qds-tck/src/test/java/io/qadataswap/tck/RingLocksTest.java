package io.qadataswap.tck;

import static io.qadataswap.tck.Debugger.Point.before;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.qadataswap.api.IfExists;
import io.qadataswap.api.Message;
import io.qadataswap.api.ParticipantInfo;
import io.qadataswap.api.Qds;
import io.qadataswap.api.QdsException;
import io.qadataswap.api.QdsException.Reason;
import io.qadataswap.api.Reader;
import io.qadataswap.api.Region;
import io.qadataswap.api.StartPosition;
import io.qadataswap.api.Writer;
import io.qadataswap.api.codec.RegionCodec;
import io.qadataswap.tck.Child.Side;
import java.io.File;
import java.io.IOException;
import java.lang.ref.WeakReference;
import java.lang.reflect.Constructor;
import java.lang.reflect.Method;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;
import org.junit.jupiter.api.io.TempDir;

/**
 * Who is attached, who lives and who is dead, whatever else happens to the locks: nobody is evicted
 * while his process runs, nobody is refused who may enter, there are never two writers.
 */
@SuppressWarnings("try") // closing by hand is what is tested
@EnabledForJreRange(min = JRE.JAVA_22, disabledReason = "qds-shm-ffm needs JDK 22")
class RingLocksTest extends ProcessFixture {
  private static final long WRITER_LOCK_POSITION = 1L << 62;
  private static final int WRITER_PID_OFFSET = 2072;
  private static final int WRITER_NAMESPACE_OFFSET = 2088;
  private static final int ENTRY_PID_OFFSET = 144;
  private static final int ENTRY_NAMESPACE_OFFSET = 160;

  private static final int ENOUGH = 3 * SLOT_COUNT;

  /** Nobody is refused after it who has reason to wait. */
  private static final Duration BUSY_LONGER_THAN_A_PROBE = Duration.ofMillis(300);

  @TempDir Path elsewhere;

  /** Finds by another process that a participant of this one still has its lock. */
  private void assertWriterIsLocked() throws IOException {
    String refusal = start(Side.FFM).ask("writer " + CAPACITY);
    assertTrue(refusal.startsWith(Reason.SECOND_WRITER.name()), refusal);
  }

  // ---------------------------------------------------------------- what keeps the locks

  /** QDS1-LOCK-03: all that looks at a channel goes by the descriptor that holds the locks. */
  @Test
  void listingAndInspectingDropsNoLock() throws Exception {
    try (Writer<Region> writer = writer().open();
        Reader<Region> reader = reader().backend("agrona").open()) {
      for (int i = 0; i < 3; i++) {
        assertEquals(List.of(NAME), Qds.list(directory, Qds.DEFAULT_LAYOUT));
        assertTrue(inspect().isLive());
        assertEquals(List.of(), Qds.sweep(directory));
        assertRefused(Reason.SECOND_WRITER, () -> writer().open(), NAME);
        assertRefused(
            Reason.IN_USE, () -> Qds.remove(directory, NAME, Qds.DEFAULT_LAYOUT, false), NAME);
        assertRefused(
            Reason.SEQUENCE_GONE, () -> reader().start(StartPosition.at(99)).open(), NAME);
        reader().open().close();
      }
      assertWriterIsLocked();
      writeChecked(writer);
      try (Message<Region> message = reader.read(LONG)) {
        Payloads.checkSelfDescribed(message);
      }
    }
  }

  @Test
  void aReaderThatIsCollectedAsGarbageDropsNoLock() throws Exception {
    try (Writer<Region> writer = writer().open()) {
      WeakReference<Reader<Region>> forgotten = new WeakReference<>(observer().open());
      await(() -> {
        System.gc();
        return forgotten.refersTo(null);
      });
      assertWriterIsLocked();
      // It was never closed: it is attached as long as this process runs.
      assertTrue(inspect().readers().get(0).alive());
      write(writer, 8, SLOT_COUNT);
    }
    Qds.remove(directory, NAME, Qds.DEFAULT_LAYOUT, true);
  }

  @Test
  void bothBackendsInOneProcessShareTheLocks() throws Exception {
    try (Writer<Region> writer = writer().open();
        Reader<Region> reader = reader().backend("agrona").open()) {
      for (String backend : List.of("agrona", "ffm")) {
        reader().backend(backend).open().close();
        observer().backend(backend).open().close();
        assertRefused(Reason.SECOND_WRITER, () -> writer().backend(backend).open(), NAME);
        assertWriterIsLocked();
      }
      Child probing = start(Side.AGRONA);
      assertEquals("open 0", probing.ask("reader LOSSLESS"));
      assertEquals(2, inspect().readers().stream().filter(ParticipantInfo::alive).count());
      write(writer, 8);
      readAndClose(reader, 0);
      assertEquals("closed", probing.ask("close"));
      // Also with only the reader left its lock is there.
      writer.close();
      assertEquals("open 1", start(Side.FFM).ask("writer " + CAPACITY));
      assertTrue(inspect().readers().get(0).alive());
    }
  }

  @Test
  void twoClassLoadersShareTheLocks() throws Exception {
    try (OtherLoader other = new OtherLoader(directory);
        Writer<Region> writer = writer().open();
        Reader<Region> reader = reader().open()) {
      useFromElsewhere(other, writer, reader);
    }
    assertFalse(Files.exists(file()));
  }

  /** QDS1-LOCK-03: programs replace the system properties, and with them the shared table. */
  @Test
  void aClassLoaderThatCannotShareTheLocksDropsNone() throws Exception {
    Properties shared = System.getProperties();
    try (Writer<Region> writer = writer().open();
        Reader<Region> reader = reader().open()) {
      Properties replaced = new Properties();
      for (String name : shared.stringPropertyNames()) {
        replaced.setProperty(name, shared.getProperty(name));
      }
      System.setProperties(replaced);
      try (OtherLoader other = new OtherLoader(directory)) {
        useFromElsewhere(other, writer, reader);
      } finally {
        System.setProperties(shared);
      }
    }
  }

  private void useFromElsewhere(OtherLoader other, Writer<Region> writer, Reader<Region> reader)
      throws Exception {
    String refusal = other.ask("writer " + CAPACITY);
    assertTrue(refusal.startsWith(Reason.SECOND_WRITER.name()), refusal);
    assertWriterIsLocked();
    refusal = other.ask("remove");
    assertTrue(refusal.startsWith(Reason.IN_USE.name()), refusal);
    assertWriterIsLocked();
    assertEquals("listed " + NAME, other.ask("list"));
    assertWriterIsLocked();
    assertEquals("open 0", other.ask("reader LOSSLESS"));
    writeChecked(writer);
    try (Message<Region> message = reader.read(LONG)) {
      Payloads.checkSelfDescribed(message);
    }
    assertEquals("read 1", other.ask("read 1"));
    assertEquals("closed", other.ask("close"));
    assertWriterIsLocked();
    assertTrue(inspect().isLive());
  }

  /** QDS as loaded by another class loader; obeys as a {@link RingChild} does. */
  private static final class OtherLoader implements AutoCloseable {
    private final URLClassLoader loader;
    private final Object child;
    private final Method answer;

    OtherLoader(Path directory) throws IOException, ReflectiveOperationException {
      List<URL> path = new ArrayList<>();
      for (String part : Child.classPath(Side.FFM).split(File.pathSeparator, -1)) {
        path.add(Path.of(part).toUri().toURL());
      }
      loader = new URLClassLoader(path.toArray(new URL[0]), null);
      Class<?> type = Class.forName(RingChild.class.getName(), true, loader);
      assertNotSame(RingChild.class, type);
      Constructor<?> constructor = type.getDeclaredConstructor(String.class, Path.class);
      constructor.setAccessible(true);
      child = constructor.newInstance("ffm", directory);
      answer = type.getDeclaredMethod("answer", String[].class);
      answer.setAccessible(true);
    }

    String ask(String command) throws ReflectiveOperationException {
      return (String) answer.invoke(child, (Object) command.split(" ", -1));
    }

    @Override
    public void close() throws IOException {
      loader.close();
    }
  }

  @Test
  void copiesMadeByOthersDropNoLock() throws Exception {
    Child writer = start(Side.FFM);
    assertEquals("open 0", writer.ask("writer " + CAPACITY));
    try (Reader<Region> reader = reader().open()) {
      Path copy = elsewhere.resolve("copy.qds");
      Process copying =
          new ProcessBuilder("cp", file().toString(), copy.toString()).inheritIO().start();
      assertEquals(0, copying.waitFor());
      assertWriterIsLocked();
      // QDS1-OPEN-07: a copy is no channel, whoever is recorded in it.
      assertRefused(
          Reason.NO_SUCH_CHANNEL,
          () -> Qds.reader("copy", RegionCodec.instance()).directory(elsewhere).open(),
          "copy");
      Qds.remove(elsewhere, "copy", Qds.DEFAULT_LAYOUT, false);
      assertFalse(Files.exists(copy));
      assertEquals("wrote 3", writer.ask("write 3"));
      assertEquals(3, reader.drain(Payloads::checkSelfDescribed, 4));
    }
  }

  @Test
  void aProcessThatAParticipantStartedInheritsNoLock() throws Exception {
    for (Side side : List.of(Side.FFM, Side.AGRONA)) {
      Child writer = start(side);
      assertEquals("open 0", writer.ask("writer " + CAPACITY));
      String answer = writer.ask("start sleep 3600");
      ProcessHandle started =
          ProcessHandle.of(Long.parseLong(answer.substring("started ".length()))).orElseThrow();
      try (Reader<Region> reader = reader().open()) {
        writer.kill();
        assertRefused(Reason.WRITER_DIED, reader::read, NAME, "pid=" + writer.pid());
        assertTrue(started.isAlive());
        writer().open().close();
      } finally {
        started.destroyForcibly();
      }
      assertFalse(Files.exists(file()));
    }
  }

  // ---------------------------------------------------------------- lost locks

  @Test
  void whoReadsTheFileLosesItsLockAndLives() throws Exception {
    lockIsLostBy("read-file", "read-file");
  }

  @Test
  void whoCopiesTheFileLosesItsLockAndLives() throws Exception {
    lockIsLostBy(
        "copy-file " + elsewhere.resolve("copy1"), "copy-file " + elsewhere.resolve("copy2"));
  }

  @Test
  void whoForgetsAFileChannelLosesItsLockAndLives() throws Exception {
    lockIsLostBy("lose-file", "lose-file");
  }

  /** QDS1-ID-04: nobody takes over, replaces, removes or evicts; each says that a lock is lost. */
  private void lockIsLostBy(String writerCommand, String readerCommand) throws Exception {
    Child writer = start(Side.FFM);
    Child reader = start(Side.AGRONA);
    assertEquals("open 0", writer.ask("writer " + CAPACITY));
    assertEquals("open 0", reader.ask("reader LOSSLESS"));
    writer.ask(writerCommand);
    reader.ask(readerCommand);
    awaitLoss(writer, WRITER_LOCK_POSITION);
    awaitLoss(reader, WRITER_LOCK_POSITION + 1);
    String pid = "pid=" + writer.pid();
    assertRefused(Reason.LOCK_LOST, () -> writer().open(), NAME, pid);
    assertRefused(Reason.LOCK_LOST, () -> writer().ifExists(IfExists.REPLACE).open(), NAME, pid);
    assertRefused(
        Reason.LOCK_LOST,
        () -> Qds.remove(directory, NAME, Qds.DEFAULT_LAYOUT, false),
        NAME,
        pid,
        "pid=" + reader.pid());
    assertTrue(Files.exists(file()));
    // A full ring makes the writer look who lives.
    writer.send("write " + ENOUGH);
    await(() -> inspect().writer().orElseThrow().waiting());
    try (Reader<Region> observer = observer().start(StartPosition.latest()).open()) {
      assertNull(observer.read(Duration.ofMillis(300)));
    }
    assertEquals("reading", reader.ask("read-on"));
    assertEquals("wrote " + ENOUGH, writer.answer());
    assertTrue(inspect().writer().orElseThrow().alive());
    assertTrue(inspect().readers().get(0).alive());
    assertEquals("closed", writer.ask("close"));
    assertEquals("ended " + ENOUGH, reader.answer());
    assertEquals("closed", reader.ask("close"));
    assertFalse(Files.exists(file()));
  }

  private void awaitLoss(Child child, long position) throws IOException {
    // Nobody in this process is attached, so closing this drops no lock.
    try (FileChannel probe = FileChannel.open(file(), StandardOpenOption.WRITE)) {
      while (true) {
        assertEquals("collected", child.ask("collect-garbage"));
        FileLock lock = probe.tryLock(position, 1, false);
        if (lock != null) {
          lock.release();
          return;
        }
      }
    }
  }

  /** QDS1-ID-05: where nothing tells that the process runs, it is replaced, and writes no more. */
  @Test
  void whoLostItsLockInAnotherPidNamespaceIsFenced() throws Exception {
    Child writer = start(Side.AGRONA);
    Child reader = start(Side.FFM);
    assertEquals("open 0", writer.ask("writer " + CAPACITY));
    assertEquals("open 0", reader.ask("reader LOSSLESS"));
    assertEquals("wrote 3", writer.ask("write 3"));
    Patch patch = new Patch(file());
    patch.putLong(WRITER_NAMESPACE_OFFSET, 1);
    patch.putLong(Patch.READER_TABLE_OFFSET + ENTRY_NAMESPACE_OFFSET, 1);
    // As long as it has its lock it is alive, wherever it runs.
    assertRefused(Reason.SECOND_WRITER, () -> writer().open(), NAME);
    assertTrue(inspect().readers().get(0).alive());
    writer.ask("read-file");
    reader.ask("read-file");
    try (Writer<Region> successor = writer().open();
        Reader<Region> live = reader().open()) {
      assertEquals(3, successor.stats().nextSequence());
      Task<Long> toTheEnd = new Task<>("live", () -> readToEnd(live));
      String refusal = writer.ask("write 1");
      assertTrue(refusal.startsWith(Reason.REPLACED.name()), refusal);
      assertEquals("closed", writer.ask("close"));
      assertTrue(inspect().writer().orElseThrow().alive());
      for (int i = 0; i < ENOUGH; i++) {
        writeChecked(successor); // evicts the reader when there is no room
      }
      refusal = reader.ask("read 1");
      assertTrue(refusal.startsWith(Reason.EVICTED.name()), refusal);
      assertEquals("closed", reader.ask("close"));
      successor.close();
      assertEquals(3 + ENOUGH, toTheEnd.get());
    }
  }

  /** QDS1-ID-03: the process with the recorded number is another one by now. */
  @Test
  void aProcessIdThatWasUsedAgainIsNotTakenForTheDeadOne() throws Exception {
    Child writer = start(Side.FFM);
    Child reader = start(Side.AGRONA);
    assertEquals("open 0", writer.ask("writer " + CAPACITY));
    assertEquals("open 0", reader.ask("reader LOSSLESS"));
    assertEquals("wrote 3", writer.ask("write 3"));
    assertEquals("held 1", reader.ask("hold 1"));
    writer.kill();
    reader.kill();
    // The numbers are those of a process that runs, but that was started at another time.
    Patch patch = new Patch(file());
    long pid = ProcessHandle.current().pid();
    patch.putLong(WRITER_PID_OFFSET, pid);
    patch.putLong(Patch.READER_TABLE_OFFSET + ENTRY_PID_OFFSET, pid);
    assertFalse(inspect().isLive());
    try (Reader<Region> told = reader().open()) {
      assertEquals(3, told.drain(Payloads::checkSelfDescribed, 3));
      assertRefused(Reason.WRITER_DIED, told::read, NAME);
    }
    try (Writer<Region> successor = writer().open()) {
      write(successor, 8, SLOT_COUNT);
      assertEquals(0, successor.stats().readerCount());
    }
  }

  // ---------------------------------------------------------------- probes

  /** QDS1-LOCK-04, QDS1-LOCK-05: probes hold a byte for a moment, and refuse nobody by that. */
  @Test
  void manyProbersRefuseNobody() throws Exception {
    Child keeper = start(Side.FFM);
    List<Child> probers = List.of(start(Side.FFM), start(Side.AGRONA), start(Side.FFM));
    writer().open().close();
    try (Writer<Region> writer = writer().open()) {
      assertEquals("open 0", keeper.ask("reader LOSSLESS"));
      writeChecked(writer);
    }
    for (Child prober : probers) {
      assertEquals("inspecting", prober.ask("inspect-on"));
    }
    for (int i = 0; i < Stress.rounds(30); i++) {
      try (Writer<Region> writer = writer().backend(i % 2 == 0 ? "ffm" : "agrona").open();
          Reader<Region> reader = reader().open();
          Reader<Region> observer = observer().open()) {
        assertEquals(1, writer.stats().nextSequence());
        assertEquals(0, reader.startSequence());
        assertEquals(0, observer.startSequence());
      }
    }
    for (Child prober : probers) {
      assertFalse(prober.hasAnswer(), "ended");
    }
    assertEquals("read 1", keeper.ask("read 1"));
  }

  /** Processes that all want to be the writer take turns: never two, and no message is lost. */
  @Test
  void thereAreNeverTwoWriters() throws Exception {
    int count = Stress.rounds(30);
    List<Child> contenders = List.of(start(Side.FFM), start(Side.AGRONA), start(Side.FFM));
    long total = (long) count * contenders.size();
    writer().open().close();
    try (Writer<Region> first = writer().open()) {
      writeChecked(first);
    }
    try (Reader<Region> reader = reader().open()) {
      for (Child contender : contenders) {
        contender.send("contend " + count);
      }
      for (long next = 0; next <= total; ) {
        try (Message<Region> message = reader.read(LONG)) {
          if (message != null) {
            assertEquals(next++, message.sequence());
            Payloads.checkSelfDescribed(message);
          }
        }
      }
      for (Child contender : contenders) {
        String answer = contender.answer();
        assertTrue(answer.startsWith("wrote " + count + " "), answer);
      }
    }
    assertFalse(Files.exists(file()));
  }

  // ---------------------------------------------------------------- evictions

  /** QDS1-EVICT-01: that an owner was dead counts only if it is so under the lock. */
  @Test
  void whoAttachesDuringAnEvictionIsNotEvicted() throws Exception {
    for (String step : List.of("evictIfDead", "describe")) {
      Child writer = startStoppable(Side.FFM);
      Debugger debugger = Debugger.attach(writer);
      Child dead = start(Side.AGRONA);
      assertEquals("open 0", writer.ask("writer " + CAPACITY + " ONE_READER"));
      assertEquals("open 0", dead.ask("reader LOSSLESS"));
      dead.kill();
      debugger.runTo(
          before("io.qadataswap.api.internal.qds1.ReaderTable", step).in("Qds1Writer.evictDead"),
          writer,
          "write " + ENOUGH);
      try (Reader<Region> reader = reader().open()) {
        debugger.goOn();
        for (int i = 0; i < ENOUGH; i++) {
          try (Message<Region> message = reader.read(LONG)) {
            assertEquals(i, message.sequence());
            Payloads.checkSelfDescribed(message);
          }
        }
        assertEquals("wrote " + ENOUGH, writer.answer());
        assertEquals("closed", writer.ask("close"));
      }
      assertFalse(Files.exists(file()));
    }
  }

  /** QDS1-EVICT-01: two find the same reader dead, and one of them frees its entry. */
  @Test
  void twoWhoEvictTheSameReaderBothGoOn() throws Exception {
    Child writer = startStoppable(Side.FFM);
    Debugger debugger = Debugger.attach(writer);
    Child dead = start(Side.AGRONA);
    assertEquals("open 0", writer.ask("writer " + CAPACITY + " ONE_READER"));
    assertEquals("open 0", dead.ask("reader LOSSLESS"));
    dead.kill();
    debugger.runTo(
        before("io.qadataswap.api.internal.qds1.ReaderTable", "leave").in("Qds1Writer.evictDead"),
        writer,
        "write " + ENOUGH);
    // It stands in the eviction for longer than a busy lock is waited for.
    assertRefused(Reason.READER_TABLE_FULL, () -> reader().open(), NAME);
    Task<Reader<Region>> joining =
        new Task<>(
            "joining",
            () -> {
              while (true) {
                try {
                  return reader().open();
                } catch (QdsException e) {
                  assertEquals(Reason.READER_TABLE_FULL, e.reason());
                }
              }
            });
    debugger.goOn();
    try (Reader<Region> reader = joining.get()) {
      assertEquals(0, reader.startSequence());
      for (int i = 0; i < ENOUGH; i++) {
        try (Message<Region> message = reader.read(LONG)) {
          assertEquals(i, message.sequence());
          Payloads.checkSelfDescribed(message);
        }
      }
    }
  }

  /** QDS1-LOCK-04: who only passes by keeps nobody out, however long the machine lets him wait. */
  @Test
  void whoHoldsTheBytesOfNobodyInPassingIsWaitedFor() throws Exception {
    Child leaving = startStoppable(Side.FFM);
    Debugger debugger = Debugger.attach(leaving);
    assertEquals("open 0", leaving.ask("writer " + CAPACITY));
    assertEquals("wrote 1", leaving.ask("write 1"));
    debugger.runTo(
        before("io.qadataswap.api.internal.qds1.Segments", "isAbandoned")
            .in("Segments.removeIfDrained"),
        leaving,
        "close");
    Task<Writer<Region>> writing = new Task<>("writer", () -> writer().open());
    Task<Reader<Region>> reading = new Task<>("reader", () -> reader().open());
    long startNs = System.nanoTime();
    await(() -> System.nanoTime() - startNs > BUSY_LONGER_THAN_A_PROBE.toNanos());
    assertTrue(writing.thread.isAlive() && reading.thread.isAlive());
    debugger.goOn();
    try (Writer<Region> writer = writing.get();
        Reader<Region> reader = reading.get()) {
      assertEquals(1, writer.stats().nextSequence());
      assertEquals(0, reader.startSequence());
    }
    assertEquals("closed", leaving.answer());
  }

  // ---------------------------------------------------------------- creation

  /** QDS1-NEW-06: between creation and lock nothing tells that the creator lives. */
  @Test
  void aCreatorWhoseFileIsSweptStartsAgain() throws Exception {
    Child creator = startStoppable(Side.FFM);
    Debugger debugger = Debugger.attach(creator);
    debugger.runTo(
        before("sun.nio.ch.FileChannelImpl", "tryLock").in("SegmentFile.openNew"),
        creator,
        "writer " + CAPACITY);
    assertEquals(List.of(), Qds.sweep(directory), "it is young");
    age(temporaryName());
    assertEquals(1, Qds.sweep(directory).size());
    debugger.goOn();
    assertEquals("open 0", creator.answer());
    assertEquals("wrote 3", creator.ask("write 3"));
  }

  @Test
  void aCreatorWhoseFileIsProbedStartsAgain() throws Exception {
    Child creator = startStoppable(Side.AGRONA);
    Debugger debugger = Debugger.attach(creator);
    debugger.runTo(
        before("sun.nio.ch.FileChannelImpl", "tryLock").in("SegmentFile.openNew"),
        creator,
        "writer " + CAPACITY);
    try (FileChannel probe =
            FileChannel.open(temporaryName(), StandardOpenOption.READ, StandardOpenOption.WRITE);
        FileLock lock = probe.tryLock(WRITER_LOCK_POSITION, 1, true)) {
      assertTrue(lock.isValid());
      debugger.goOn();
      assertEquals("open 0", creator.answer());
    }
    assertEquals("wrote 3", creator.ask("write 3"));
  }

  @Test
  void aCreatorWhoseFileIsSweptLateStartsAgain() throws Exception {
    Child creator = startStoppable(Side.FFM);
    Child sweeper = startStoppable(Side.AGRONA);
    Debugger creating = Debugger.attach(creator);
    Debugger sweeping = Debugger.attach(sweeper);
    creating.runTo(
        before("sun.nio.ch.FileChannelImpl", "tryLock").in("SegmentFile.openNew"),
        creator,
        "writer " + CAPACITY);
    age(temporaryName());
    // It has found no lock, and deletes the file when there is one.
    sweeping.runTo(
        before("java.nio.file.Files", "deleteIfExists").in("SegmentDirectory.sweepOne"),
        sweeper,
        "sweep");
    creating.goOnTo(before("java.nio.file.Files", "createLink").in("SegmentFile.moveTo"), creator);
    sweeping.goOn();
    assertEquals("swept 1", sweeper.answer());
    creating.goOn();
    assertEquals("open 0", creator.answer());
    assertEquals("wrote 3", creator.ask("write 3"));
    try (Reader<Region> reader = reader().open()) {
      assertEquals(3, reader.drain(Payloads::checkSelfDescribed, 4));
    }
  }

  private Path temporaryName() throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files.filter(f -> f.toString().endsWith(".tmp")).findFirst().orElseThrow();
    }
  }

  /** Makes it older than the time that a creator has between creation and lock. */
  private static void age(Path file) throws IOException {
    Files.setLastModifiedTime(file, FileTime.from(Instant.now().minus(Duration.ofMinutes(1))));
  }
}
