package io.qadataswap.tck;

import static io.qadataswap.tck.Debugger.Point.before;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.qadataswap.api.Message;
import io.qadataswap.api.ParticipantInfo;
import io.qadataswap.api.Qds;
import io.qadataswap.api.QdsException;
import io.qadataswap.api.QdsException.Reason;
import io.qadataswap.api.Reader;
import io.qadataswap.api.ReaderMode;
import io.qadataswap.api.Region;
import io.qadataswap.api.Writer;
import io.qadataswap.tck.Child.Side;
import io.qadataswap.tck.Debugger.Point;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;
import org.junit.jupiter.api.io.TempDir;

/**
 * Processes that are killed at each step of what the wire specification prescribes, one by one: a
 * {@link Debugger} stops them there. Readers that live get what they are due, and whoever starts
 * again goes on.
 */
@SuppressWarnings("try") // closing by hand is what is tested
@EnabledForJreRange(min = JRE.JAVA_22, disabledReason = "qds-shm-ffm needs JDK 22")
class RingKillsTest extends ProcessFixture {
  private static final String RING = "io.qadataswap.api.internal.qds1.";
  private static final String WAITER = "io.qadataswap.api.internal.Waiter";
  private static final String FILES = "java.nio.file.Files";
  private static final String FILE_CHANNEL = "sun.nio.ch.FileChannelImpl";

  private static final int FLOOR_OFFSET = 1024;
  private static final int PUBLISHED_OFFSET = 1152;
  private static final int PUBLISHED_BYTES_OFFSET = 1160;
  private static final int READERS_WAITING_OFFSET = 1280;
  private static final int WRITER_STATE_OFFSET = 2048;
  private static final int WRITER_EPOCH_OFFSET = 2056;
  private static final int WRITER_PID_OFFSET = 2072;
  private static final int WRITER_START_TIME_OFFSET = 2080;

  private static final int ENTRY_LENGTH = 256;
  private static final int ENTRY_CURSOR_OFFSET = 0;
  private static final int ENTRY_LEFT_CURSOR_OFFSET = 112;
  private static final int ENTRY_STATE_OFFSET = 128;
  private static final int ENTRY_PID_OFFSET = 144;

  /** Filled in more than one portion. */
  private static final int LARGE_CAPACITY = 3 << 20;

  private static final int ENOUGH = 3 * SLOT_COUNT;

  private static final List<Side> SIDES = List.of(Side.FFM, Side.AGRONA);

  /** The steps of freeing the entry of a reader that died. */
  private static final List<Place> EVICTION =
      List.of(
          ring("ReaderTable", "leave", "ReaderTable.evictLocked"),
          storeToEntry("putLong", Patch.ENTRY_TOKEN_OFFSET, "ReaderTable.leave"),
          storeToEntry("putIntRelease", ENTRY_STATE_OFFSET, "ReaderTable.leave"),
          ring("ReaderTable", "clearPins", "ReaderTable.leave"));

  private static int sideCount;

  /** Where a process on a side is stopped. */
  private interface Place extends Function<Side, Point> {}

  /** A process that is to die. */
  private record Victim(Side side, Child child, Debugger debugger) {
    /** Returns when it stands at a place that it comes to by a command. */
    void runTo(Place place, String command) throws IOException, InterruptedException {
      debugger.runTo(place.apply(side), child, command);
    }

    void goOnTo(Place place) throws IOException, InterruptedException {
      debugger.goOnTo(place.apply(side), child);
    }

    String ask(String command) throws IOException {
      return child.ask(command);
    }

    /** The backend that survives. */
    String otherBackend() {
      return side == Side.AGRONA ? "ffm" : "agrona";
    }
  }

  private Victim victim(Side side) throws IOException {
    return victims(List.of(side)).get(0);
  }

  /** Returns one on each backend. */
  private List<Victim> victims() throws IOException {
    return victims(SIDES);
  }

  /** Returns one on some backend, or in the long form on each. */
  private List<Victim> someVictims() throws IOException {
    return Stress.isLong() ? victims() : victims(List.of(nextSide()));
  }

  private List<Victim> victims(List<Side> sides) throws IOException {
    List<Child> started = new ArrayList<>();
    for (Side side : sides) {
      started.add(startStoppable(side));
    }
    List<Victim> victims = new ArrayList<>();
    for (Child child : started) {
      Side side = sides.get(victims.size());
      victims.add(new Victim(side, child, Debugger.attach(child)));
    }
    return victims;
  }

  /** Returns one after the other, where one will do. */
  private static Side nextSide() {
    return SIDES.get(sideCount++ % SIDES.size());
  }

  private static Place at(Point point) {
    return side -> point;
  }

  private static Place ring(String type, String method) {
    return at(before(RING + type, method));
  }

  private static Place ring(String type, String method, String caller) {
    return at(before(RING + type, method).in(caller));
  }

  /** Before a store of a method of the ring's. */
  private static Place store(String method, long offset, String caller) {
    return side -> before(memory(side), method).in(caller).with(offset);
  }

  /** Before a store to a field of any reader entry. */
  private static Place storeToEntry(String method, int field, String caller) {
    return side ->
        before(memory(side), method)
            .in(caller)
            .with(offset -> (offset - Patch.READER_TABLE_OFFSET) % ENTRY_LENGTH == field);
  }

  private static Place storeToSlot(String method, int field, String caller) {
    return side ->
        before(memory(side), method)
            .in(caller)
            .with(offset ->
                offset >= DESCRIPTOR_RING_OFFSET
                    && (offset - DESCRIPTOR_RING_OFFSET) % 64 == field);
  }

  private static Place hit(int count, Place place) {
    return side -> place.apply(side).hit(count);
  }

  private static String memory(Side side) {
    return side == Side.AGRONA
        ? "io.qadataswap.shm.agrona.AgronaMemory"
        : "io.qadataswap.shm.ffm.FfmMemory";
  }

  // ---------------------------------------------------------------- writers that create

  @Test
  void aCreatorDiesBeforeItLocksItsFile() throws Exception {
    creatorDies(false, at(before(FILE_CHANNEL, "tryLock").in("SegmentFile.openNew")));
  }

  @Test
  void aCreatorDiesBeforeItsFileHasALength() throws Exception {
    creatorDies(false, at(before(FILES, "setPosixFilePermissions").in("SegmentFile.openNew")));
  }

  @Test
  void aCreatorDiesWhileItFills() throws Exception {
    creatorDies(false, at(before(FILE_CHANNEL, "write").in("SegmentFile.fill").hit(2)));
  }

  @Test
  void aCreatorDiesBeforeItStoresTheHeader() throws Exception {
    creatorDies(false, store("putBytes", 0, "Segments.create"));
  }

  @Test
  void aCreatorDiesBeforeItRecordsItself() throws Exception {
    creatorDies(false, store("putLong", WRITER_PID_OFFSET, "Segments.create"));
  }

  @Test
  void aCreatorDiesBeforeTheLink() throws Exception {
    creatorDies(false, at(before(FILES, "createLink").in("SegmentFile.moveTo")));
  }

  @Test
  void aCreatorDiesBetweenLinkAndUnlinkOfTheTemporaryName() throws Exception {
    creatorDies(true, at(before(FILES, "deleteIfExists").in("SegmentFile.moveTo")));
  }

  private void creatorDies(boolean isNamed, Place place) throws Exception {
    for (Victim victim : someVictims()) {
      victim.runTo(place, "writer " + LARGE_CAPACITY);
      assertEquals(1, temporaryNames().size());
      victim.child().kill();
      List<String> expected = isNamed ? List.of(NAME) : List.of();
      assertEquals(expected, Qds.list(directory, Qds.DEFAULT_LAYOUT));
      if (isNamed) {
        assertFalse(inspect().isLive());
      }
      // one that is empty is left alone for a while
      for (String left : temporaryNames()) {
        Files.setLastModifiedTime(
            directory.resolve(left), FileTime.from(Instant.now().minus(Duration.ofMinutes(1))));
      }
      try (Writer<Region> writer =
              writer().backend(victim.otherBackend()).capacity(LARGE_CAPACITY).open();
          Reader<Region> reader = reader().backend(victim.side().backend).open()) {
        assertEquals(0, writer.stats().nextSequence());
        assertEquals(List.of(), temporaryNames());
        for (int i = 0; i < ENOUGH; i++) {
          writeChecked(writer);
          try (Message<Region> message = reader.read(LONG)) {
            Payloads.checkSelfDescribed(message);
          }
        }
      }
      assertNothingLeft();
    }
  }

  /** The next start says what it found of the dead, and removes what nobody needs. */
  @Test
  void theNextStartReportsWhatTheDeadLeft(@TempDir Path elsewhere) throws Exception {
    Victim victim = victim(nextSide());
    victim.runTo(
        at(before(FILES, "deleteIfExists").in("SegmentFile.moveTo")), "writer " + CAPACITY);
    String temporary = temporaryNames().get(0);
    victim.child().kill();
    Path log = elsewhere.resolve("log");
    Path configuration = elsewhere.resolve("logging.properties");
    Files.writeString(
        configuration,
        """
        handlers=java.util.logging.FileHandler
        java.util.logging.FileHandler.pattern=%s
        java.util.logging.FileHandler.formatter=java.util.logging.SimpleFormatter
        """
            .formatted(log));
    Child again = start(Side.FFM, "-Djava.util.logging.config.file=" + configuration);
    assertEquals("open 0", again.ask("writer " + CAPACITY));
    String said = Files.readString(log);
    String pid = "pid=" + victim.child().pid();
    assertTrue(said.contains("channel=" + NAME + ": goes on where the writer " + pid), said);
    assertTrue(said.contains("removed " + temporary), said);
    assertEquals(List.of(), temporaryNames());
  }

  private List<String> temporaryNames() throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files.map(f -> f.getFileName().toString()).filter(f -> f.endsWith(".tmp")).toList();
    }
  }

  private void assertNothingLeft() throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      assertEquals(List.of(), files.toList());
    }
  }

  // ---------------------------------------------------------------- writers that write

  @Test
  void aWriterDiesBeforeItClaims() throws Exception {
    writerDies(at(before(RING + "Qds1Writer", "claim").hit(5)));
  }

  @Test
  void aWriterDiesLookingForRoom() throws Exception {
    writerDies(ring("Arena", "extend"));
  }

  @Test
  void aWriterDiesBeforeItRaisesTheFloor() throws Exception {
    writerDies(store("putLongRelease", FLOOR_OFFSET, "Qds1Writer.reclaim"));
  }

  @Test
  void aWriterDiesBetweenFloorAndSecondScan() throws Exception {
    writerDies(ring("Qds1Writer", "scanAgain", "Qds1Writer.reclaim"));
  }

  @Test
  void aWriterDiesWhileItFillsAClaim() throws Exception {
    writerDies(at(before("io.qadataswap.api.Region", "putLong").in("Payloads.fill").hit(500)));
  }

  @Test
  void aWriterDiesBeforeItCommits() throws Exception {
    writerDies(at(before(RING + "Qds1Writer", "commit").hit(5)));
  }

  @Test
  void aWriterDiesWithTheStampErased() throws Exception {
    writerDies(hit(SLOT_COUNT + 5, storeToSlot("putLong", 8, "Qds1Writer.commit")));
  }

  @Test
  void aWriterDiesBeforeTheStamp() throws Exception {
    writerDies(hit(SLOT_COUNT + 5, storeToSlot("putLongRelease", 0, "Qds1Writer.commit")));
  }

  @Test
  void aWriterDiesBetweenStampAndPublished() throws Exception {
    writerDies(store("putLong", PUBLISHED_BYTES_OFFSET, "Qds1Writer.commit"));
    writerDies(hit(SLOT_COUNT, store("putLongRelease", PUBLISHED_OFFSET, "Qds1Writer.commit")));
  }

  @Test
  void aWriterDiesBetweenPublishedAndWakingReaders() throws Exception {
    writerDies(hit(5, ring("Segment", "wakeWaitingReaders", "Qds1Writer.commit")));
  }

  /** Stops a writer somewhere in its writing while others read, and kills it there. */
  private void writerDies(Place place) throws Exception {
    for (Victim victim : someVictims()) {
      assertEquals("open 0", victim.ask("writer " + CAPACITY));
      Reader<Region> lasting = reader().backend(victim.otherBackend()).awaitSuccessor(true).open();
      final Task<Long> toTheEnd = new Task<>("lasting", () -> readToEnd(lasting));
      try (Reader<Region> told = reader().open()) {
        final Task<QdsException> death =
            new Task<>("told", () -> assertThrows(QdsException.class, () -> readToEnd(told)));
        victim.runTo(place, "write 200");
        victim.child().kill();
        QdsException refusal = death.get();
        assertEquals(Reason.WRITER_DIED, refusal.reason(), refusal.getMessage());
        assertNames(refusal, NAME, "pid=" + victim.child().pid());
        assertFalse(inspect().writer().orElseThrow().alive());
        succeed(victim.otherBackend(), told.stats().nextSequence(), told, toTheEnd);
      }
      assertNothingLeft();
    }
  }

  /** Starts a writer where another one died, and lets it and its readers come to a good end. */
  private void succeed(String backend, long next, Reader<Region> told, Task<Long> toTheEnd)
      throws InterruptedException {
    try (Writer<Region> successor = writer().backend(backend).open()) {
      assertEquals(next, successor.stats().nextSequence());
      // Who was told of the death may go on too.
      Task<Long> goingOn = new Task<>("told, going on", () -> readToEnd(told));
      for (int i = 0; i < ENOUGH; i++) {
        writeChecked(successor);
      }
      successor.close();
      assertEquals(next + ENOUGH, goingOn.get());
      assertEquals(next + ENOUGH, toTheEnd.get());
    }
  }

  @Test
  void aWriterDiesBeforeItSleeps() throws Exception {
    blockedWriterDies(at(before(WAITER, "sleep").in("Qds1Writer.awaitRoom")));
  }

  @Test
  void aWriterDiesAsleep() throws Exception {
    blockedWriterDies(null);
  }

  /** Kills a writer for which there is no room, at a place or, without one, when it sleeps. */
  private void blockedWriterDies(Place place) throws Exception {
    for (Victim victim : someVictims()) {
      assertEquals("open 0", victim.ask("writer " + CAPACITY));
      Reader<Region> lasting = reader().backend(victim.otherBackend()).awaitSuccessor(true).open();
      try (Reader<Region> told = reader().open()) {
        if (place == null) {
          victim.child().send("write 200");
          await(() -> inspect().writer().orElseThrow().waiting());
        } else {
          victim.runTo(place, "write 200");
        }
        victim.child().kill();
        assertRefused(
            Reason.WRITER_DIED, () -> readToEnd(told), NAME, "pid=" + victim.child().pid());
        assertEquals(inspect().publishedCount(), told.stats().nextSequence());
        Task<Long> toTheEnd = new Task<>("lasting", () -> readToEnd(lasting));
        succeed(victim.otherBackend(), told.stats().nextSequence(), told, toTheEnd);
      }
      assertNothingLeft();
    }
  }

  // ---------------------------------------------------------------- writers that close

  @Test
  void aWriterDiesBeforeItStoresThatItCloses() throws Exception {
    closingWriterDies(true, store("putIntRelease", WRITER_STATE_OFFSET, "Qds1Writer.close"));
  }

  @Test
  void aWriterDiesBetweenItsEndAndWakingReaders() throws Exception {
    closingWriterDies(false, ring("Qds1Writer", "wakeForTheEnd"));
  }

  @Test
  void aWriterDiesBeforeItGivesUpItsLock() throws Exception {
    closingWriterDies(false, ring("Segments", "leave", "Qds1Writer.close"));
  }

  @Test
  void aWriterDiesBetweenItsLockAndTheLookWhetherItWasTheLast() throws Exception {
    closingWriterDies(false, ring("Segments", "removeIfDrained"));
  }

  private void closingWriterDies(boolean isDeath, Place place) throws Exception {
    for (Victim victim : someVictims()) {
      assertEquals("open 0", victim.ask("writer " + CAPACITY));
      assertEquals("wrote 5", victim.ask("write 5"));
      try (Reader<Region> waiting = reader().backend(victim.otherBackend()).open();
          Reader<Region> late = reader().open()) {
        waiting.drain(Payloads::checkSelfDescribed, 5);
        Task<Long> wait = new Task<>("waiting", () -> readToEnd(waiting));
        awaitWaitingReader();
        victim.runTo(place, "close");
        if (!isDeath) {
          // The end is there though its wake-ups are not.
          assertEquals(5, wait.get());
        }
        victim.child().kill();
        if (isDeath) {
          assertRefused(Reason.WRITER_DIED, wait::get, NAME, "pid=" + victim.child().pid());
          assertRefused(
              Reason.WRITER_DIED, () -> readToEnd(late), NAME, "pid=" + victim.child().pid());
        } else {
          assertEquals(5, readToEnd(late));
        }
      }
      // All was read and the readers are the last to leave.
      assertNothingLeft();
    }
  }

  // ---------------------------------------------------------------- the last to leave

  @Test
  void aWriterDiesWhileItRemovesTheChannel() throws Exception {
    for (Removal removal : Removal.values()) {
      Victim victim = victim(nextSide());
      assertEquals("open 0", victim.ask("writer " + CAPACITY));
      assertEquals("wrote 5", victim.ask("write 5"));
      try (Reader<Region> reader = reader().open()) {
        assertEquals(5, reader.drain(Payloads::checkSelfDescribed, 6));
      }
      victim.runTo(removal.place("Segments.leave"), "close");
      victim.child().kill();
      goOnAfter(removal, victim.otherBackend(), 5);
    }
  }

  @Test
  void aReaderDiesWhileItRemovesTheChannel() throws Exception {
    for (Removal removal : Removal.values()) {
      Victim victim = victim(nextSide());
      try (Writer<Region> writer = writer().backend(victim.otherBackend()).open()) {
        assertEquals("open 0", victim.ask("reader LOSSLESS"));
        for (int i = 0; i < 5; i++) {
          writeChecked(writer);
        }
      }
      assertEquals("read 5", victim.ask("read 5"));
      victim.runTo(removal.place("Segments.leave"), "close");
      victim.child().kill();
      goOnAfter(removal, victim.otherBackend(), 5);
    }
  }

  @Test
  void aToolDiesWhileItRemovesAChannel() throws Exception {
    for (Removal removal : Removal.values()) {
      Victim victim = victim(nextSide());
      try (Writer<Region> writer = writer().open()) {
        writeChecked(writer);
      }
      victim.runTo(removal.place("Segments.remove"), "remove");
      victim.child().kill();
      goOnAfter(removal, victim.otherBackend(), 1);
    }
  }

  @Test
  void aWriterDiesWhileItReplacesAChannel() throws Exception {
    for (Removal removal : Removal.values()) {
      Victim victim = victim(nextSide());
      try (Writer<Region> writer = writer().open()) {
        writeChecked(writer);
      }
      String replace = "writer " + CAPACITY + " REPLACE";
      victim.runTo(removal.place("Segments.discard"), replace);
      victim.child().kill();
      goOnAfter(removal, victim.otherBackend(), 1);
    }
  }

  /** How far a removal came. */
  private enum Removal {
    BEFORE,
    BETWEEN_MARK_AND_UNLINK,
    AFTER;

    Place place(String caller) {
      return at(
          switch (this) {
            case BEFORE -> before(RING + "Segments", "unlink").in(caller);
            case BETWEEN_MARK_AND_UNLINK -> before(FILES, "deleteIfExists").in("Segments.unlink");
            // Leaving, one first releases the own lock, and the lock of all when that is done.
            case AFTER ->
                before("io.qadataswap.api.channel.SegmentFile", "release")
                    .in(caller)
                    .hit(caller.equals("Segments.leave") ? 2 : 1);
          });
    }
  }

  /** What a remover left is in nobody's way: the name can be had, to go on or to begin anew. */
  private void goOnAfter(Removal removal, String backend, long written) throws Exception {
    boolean isThere = removal != Removal.AFTER;
    assertEquals(isThere, Files.exists(file()));
    assertEquals(isThere ? List.of(NAME) : List.of(), Qds.list(directory, Qds.DEFAULT_LAYOUT));
    if (removal != Removal.BEFORE) {
      assertRefused(Reason.NO_SUCH_CHANNEL, () -> reader().open(), NAME);
    }
    try (Writer<Region> writer = writer().backend(backend).open()) {
      long next = removal == Removal.BEFORE ? written : 0;
      assertEquals(next, writer.stats().nextSequence());
      try (Reader<Region> reader = reader().open()) {
        writeChecked(writer);
        writer.close();
        assertEquals(next + 1, readToEnd(reader));
      }
    }
    assertNothingLeft();
  }

  @Test
  void aToolRemovesWhatARemoverLeft() throws Exception {
    Victim victim = victim(Side.FFM);
    try (Writer<Region> writer = writer().open()) {
      writeChecked(writer);
    }
    Place place = Removal.BETWEEN_MARK_AND_UNLINK.place("Segments.remove");
    victim.runTo(place, "remove");
    victim.child().kill();
    assertEquals("1", inspect().header().get("removed"));
    Qds.remove(directory, NAME, Qds.DEFAULT_LAYOUT, false);
    assertNothingLeft();
  }

  // ---------------------------------------------------------------- takeover

  @Test
  void successorsDieAtEveryStepOfTheirTakeover() throws Exception {
    List<Place> places =
        List.of(
            store("putLong", WRITER_PID_OFFSET, "Segment.recordWriter"),
            store("putLong", WRITER_START_TIME_OFFSET, "Segment.recordWriter"),
            store("putLongRelease", WRITER_EPOCH_OFFSET, "Segment.recordWriter"),
            store("putLongRelease", Patch.WRITER_TOKEN_OFFSET, "Segment.recordWriter"),
            store("putIntRelease", WRITER_STATE_OFFSET, "Segment.recordWriter"),
            store("putLongRelease", PUBLISHED_OFFSET, "Qds1Writer.finishedCommits"),
            ring("Qds1Writer", "scanAgain", "Qds1Writer.<init>"));
    Victim first = victim(Side.FFM);
    assertEquals("open 0", first.ask("writer " + CAPACITY));
    Reader<Region> lasting = reader().backend("agrona").awaitSuccessor(true).open();
    final Task<Long> toTheEnd = new Task<>("lasting", () -> readToEnd(lasting));
    try (Reader<Region> told = reader().open()) {
      Task<QdsException> death =
          new Task<>("told", () -> assertThrows(QdsException.class, () -> readToEnd(told)));
      Place unfinished = store("putLongRelease", PUBLISHED_OFFSET, "Qds1Writer.commit");
      first.runTo(hit(40, unfinished), "write 200");
      first.child().kill();
      assertEquals(Reason.WRITER_DIED, death.get().reason());
      assertEquals(40, told.stats().nextSequence());
      for (int i = 0; i < places.size(); i++) {
        Victim successor = victim(SIDES.get(i % 2));
        successor.runTo(places.get(i), "writer " + CAPACITY);
        successor.child().kill();
        assertFalse(inspect().writer().orElseThrow().alive());
        assertRefused(Reason.WRITER_DIED, () -> readToEnd(told), NAME);
        assertEquals(40, told.stats().nextSequence());
      }
      succeed("ffm", 40, told, toTheEnd);
    }
    assertNothingLeft();
  }

  /** A writer dies that has scanned, not seen a reader that came then, and raised the floor. */
  @Test
  void aReaderBelowTheFloorOfADeadWriterMissesNothing() throws Exception {
    for (Victim victim : someVictims()) {
      assertEquals("open 0", victim.ask("writer " + CAPACITY));
      Reader<Region> fast = reader().awaitSuccessor(true).open();
      final Task<Long> reading = new Task<>("fast", () -> readToEnd(fast));
      victim.runTo(store("putLongRelease", FLOOR_OFFSET, "Qds1Writer.reclaim"), "write 200");
      Reader<Region> below = reader().backend(victim.otherBackend()).awaitSuccessor(true).open();
      assertEquals(0, below.startSequence());
      victim.goOnTo(ring("Qds1Writer", "scanAgain", "Qds1Writer.reclaim"));
      victim.child().kill();
      assertTrue(inspect().oldestSequence() > 0);
      Task<Long> writing =
          new Task<>(
              "successor",
              () -> {
                try (Writer<Region> successor = writer().backend(victim.otherBackend()).open()) {
                  for (int i = 0; i < ENOUGH; i++) {
                    writeChecked(successor);
                  }
                  return successor.stats().nextSequence();
                }
              });
      // It can write nothing that would overwrite what that reader is due.
      await(() -> inspect().writer().orElseThrow().waiting());
      final long read = readToEnd(below);
      assertEquals(writing.get(), read);
      assertEquals(read, reading.get());
      assertNothingLeft();
    }
  }

  // ---------------------------------------------------------------- readers

  @Test
  void aReaderDiesBeforeItRecordsItself() throws Exception {
    readersDie(storeToEntry("putLong", ENTRY_PID_OFFSET, "Segments.enter"), "reader ");
  }

  @Test
  void aReaderDiesBeforeItJoins() throws Exception {
    readersDie(storeToEntry("putIntRelease", ENTRY_STATE_OFFSET, "Segments.enter"), "reader ");
  }

  @Test
  void aReaderDiesJoining() throws Exception {
    readersDie(
        hit(2, storeToEntry("putIntRelease", ENTRY_STATE_OFFSET, "Segments.enter")), "reader ");
  }

  @Test
  void aReaderDiesBetweenJoiningAndWakingTheWriter() throws Exception {
    readersDie(ring("Segment", "wakeWriterIfWaiting", "Segments.enter"), "reader ");
  }

  @Test
  void aReaderDiesTakingAMessage() throws Exception {
    readersDie(hit(20, ring("Qds1Reader", "readDescriptor")), "reader ", "read 40");
  }

  @Test
  void aReaderDiesUsingAMessage() throws Exception {
    readersDie(
        at(before("io.qadataswap.api.Region", "getLong").in("Payloads.check").hit(200)),
        "reader ",
        "read 40");
  }

  @Test
  void aReaderDiesWithLoansHeld() throws Exception {
    readersDie(null, "reader ", "hold 5");
  }

  @Test
  void aReaderDiesBeforeItMovesItsCursor() throws Exception {
    readerDies(
        ReaderMode.LOSSLESS,
        hit(20, storeToEntry("putLongRelease", ENTRY_CURSOR_OFFSET, "LosslessReader.advanceAlone")),
        "reader ",
        "read 40");
  }

  @Test
  void aReaderDiesBetweenItsCursorAndWakingTheWriter() throws Exception {
    readerDies(
        ReaderMode.LOSSLESS, hit(20, ring("LosslessReader", "wakeWriter")), "reader ", "read 40");
  }

  @Test
  void anObserverDiesBetweenPinAndFloor() throws Exception {
    readerDies(
        ReaderMode.OBSERVER,
        hit(5, ring("ObserverReader", "skipIfLapped", "ObserverReader.takePinned")),
        "reader ",
        "read 40");
  }

  @Test
  void anObserverDiesBeforeItClearsItsPin() throws Exception {
    readerDies(
        ReaderMode.OBSERVER,
        hit(5, ring("ObserverReader", "clearPin", "ObserverReader.release")),
        "reader ",
        "read 40");
  }

  @Test
  void anObserverDiesBetweenClearingItsPinAndWakingTheWriter() throws Exception {
    readerDies(
        ReaderMode.OBSERVER,
        hit(5, ring("Segment", "wakeWriterIfWaiting", "ObserverReader.clearPin")),
        "reader ",
        "read 40");
  }

  @Test
  void anObserverDiesCopying() throws Exception {
    readerDies(ReaderMode.OBSERVER, ring("Qds1Reader", "copyPayload"), "reader ", "hold 20");
  }

  @Test
  void aReaderDiesBeforeItStoresThatItLeaves() throws Exception {
    readersDie(ring("ReaderTable", "leave"), "reader ", "read 20", "close");
  }

  @Test
  void aReaderDiesBetweenItsLastCursorAndItsToken() throws Exception {
    readersDie(
        storeToEntry("putLong", Patch.ENTRY_TOKEN_OFFSET, "ReaderTable.leave"),
        "reader ",
        "read 20",
        "close");
  }

  @Test
  void aReaderDiesBeforeItsEntryIsFree() throws Exception {
    readersDie(
        storeToEntry("putIntRelease", ENTRY_STATE_OFFSET, "ReaderTable.leave"),
        "reader ",
        "hold 5",
        "release",
        "close");
  }

  @Test
  void aReaderDiesBeforeItClearsThePinsOfAFreeEntry() throws Exception {
    readersDie(ring("ReaderTable", "clearPins", "ReaderTable.leave"), "reader ", "read 5", "close");
  }

  @Test
  void aReaderDiesBeforeItGivesUpItsLock() throws Exception {
    readersDie(ring("Segments", "leave"), "reader ", "read 5", "close");
  }

  @Test
  void aReaderDiesBeforeItLingers() throws Exception {
    Place place =
        storeToEntry("putIntRelease", ENTRY_STATE_OFFSET, "LosslessReader.replaceCursorByPins");
    readerDies(ReaderMode.LOSSLESS, place, "reader ", "hold 5", "close");
    readerDies(
        ReaderMode.LOSSLESS,
        storeToEntry(
            "putLongRelease", ENTRY_LEFT_CURSOR_OFFSET, "LosslessReader.replaceCursorByPins"),
        "reader ",
        "hold 5",
        "close");
  }

  @Test
  void aReaderDiesLingering() throws Exception {
    readersDie(null, "reader ", "hold 5", "close");
  }

  @Test
  void aLingeringReaderDiesBeforeItClearsAPin() throws Exception {
    readerDies(
        ReaderMode.LOSSLESS,
        hit(2, ring("LosslessReader", "linger")),
        "reader ",
        "hold 5",
        "close",
        "release");
  }

  private void readersDie(Place place, String... commands) throws Exception {
    readerDies(ReaderMode.LOSSLESS, place, commands);
    readerDies(ReaderMode.OBSERVER, place, commands);
  }

  /**
   * Kills a reader at a place that it comes to by the last command, or without a place when the
   * last command is done. A writer writes all the time, another reader reads.
   */
  private void readerDies(ReaderMode mode, Place place, String... commands) throws Exception {
    Victim victim = victim(nextSide());
    try (Writer<Region> writer = writer().backend(victim.otherBackend()).open()) {
      Reader<Region> survivor = reader().open();
      final Task<Long> toTheEnd = new Task<>("survivor", () -> readToEnd(survivor));
      final Task<Long> writing = new Task<>("writer", () -> writeUntilInterrupted(writer));
      for (int i = 0; i < commands.length; i++) {
        String command = commands[i] + (i == 0 ? mode : "");
        if (place != null && i == commands.length - 1) {
          victim.runTo(place, command);
        } else {
          String answer = victim.ask(command);
          assertTrue(answer.matches("(open|read|held|released|closed).*"), answer);
        }
      }
      victim.child().kill();
      long enough = writer.stats().nextSequence() + ENOUGH;
      await(() -> writer.stats().nextSequence() > enough);
      // the same command again
      try (Reader<Region> again = reader().backend(victim.side().backend).mode(mode).open()) {
        again.read(LONG).close();
        assertEquals(0, inspect().readers().stream().filter(r -> isInTheWay(r, victim)).count());
      }
      writing.thread.interrupt();
      long written = writing.get();
      writer.close();
      assertEquals(written, toTheEnd.get());
    }
    assertNothingLeft();
  }

  private static boolean isInTheWay(ParticipantInfo reader, Victim victim) {
    return reader.pid() == victim.child().pid()
        && reader.mode().equals("LOSSLESS")
        && !reader.state().equals("LINGERING");
  }

  @Test
  void aReaderDiesBetweenItsFlagAndTheHintThatItWaits() throws Exception {
    waitingReaderDies(store("putIntRelease", READERS_WAITING_OFFSET, "Qds1Reader.announceWait"));
  }

  @Test
  void aReaderDiesBeforeItSleeps() throws Exception {
    waitingReaderDies(at(before(WAITER, "sleep").in("Qds1Reader.await")));
  }

  @Test
  void aReaderDiesAsleep() throws Exception {
    waitingReaderDies(null);
  }

  /** Kills a reader that waits: before it sleeps, at a place, or without one when it sleeps. */
  private void waitingReaderDies(Place place) throws Exception {
    for (ReaderMode mode : ReaderMode.values()) {
      Victim victim = victim(Side.FFM_WITH_FUTEX);
      try (Writer<Region> writer = writer().open();
          Reader<Region> survivor = reader().backend("agrona").open()) {
        assertEquals("open 0", victim.ask("reader " + mode));
        if (place == null) {
          assertEquals("reading", victim.ask("read-on"));
          awaitWaitingReader();
        } else {
          victim.runTo(place, "read 1");
        }
        victim.child().kill();
        Task<Long> toTheEnd = new Task<>("survivor", () -> readToEnd(survivor));
        for (int i = 0; i < ENOUGH; i++) {
          writeChecked(writer);
        }
        writer.close();
        assertEquals(ENOUGH, toTheEnd.get());
      }
      assertNothingLeft();
    }
  }

  // ---------------------------------------------------------------- evictors

  @Test
  void aWriterDiesWhileItEvictsADeadReader() throws Exception {
    for (Place place : EVICTION) {
      Victim victim = victim(nextSide());
      Child reader = start(victim.side());
      assertEquals("open 0", victim.ask("writer " + CAPACITY));
      Reader<Region> lasting = reader().backend(victim.otherBackend()).awaitSuccessor(true).open();
      assertEquals("open 0", reader.ask("reader LOSSLESS"));
      assertEquals("wrote 5", victim.ask("write 5"));
      assertEquals("held 3", reader.ask("hold 3"));
      reader.kill();
      final Task<Long> toTheEnd = new Task<>("lasting", () -> readToEnd(lasting));
      victim.runTo(place, "write 200");
      victim.child().kill();
      try (Writer<Region> successor = writer().backend(victim.otherBackend()).open()) {
        final long next = successor.stats().nextSequence();
        for (int i = 0; i < ENOUGH; i++) {
          writeChecked(successor);
        }
        successor.close();
        assertEquals(next + ENOUGH, toTheEnd.get());
      }
      assertNothingLeft();
    }
  }

  @Test
  void aJoiningReaderDiesWhileItEvictsADeadOne() throws Exception {
    for (Place place : EVICTION) {
      Child first = start(Side.FFM);
      Victim second = victim(nextSide());
      try (Writer<Region> writer = writer().readerEntries(1).open()) {
        assertEquals("open 0", first.ask("reader LOSSLESS"));
        for (int i = 0; i < 5; i++) {
          writeChecked(writer);
        }
        assertEquals("read 2", first.ask("read 2"));
        assertEquals("held 2", first.ask("hold 2"));
        first.kill();
        second.runTo(place, "reader LOSSLESS");
        assertRefused(Reason.READER_TABLE_FULL, () -> reader().open(), NAME);
        second.child().kill();
        try (Reader<Region> third = reader().open()) {
          // Two were released, two on loan when their reader died: they may come again.
          Task<Long> toTheEnd = new Task<>("third", () -> readToEnd(third));
          for (int i = 0; i < ENOUGH; i++) {
            writeChecked(writer);
          }
          writer.close();
          assertEquals(5 + ENOUGH, toTheEnd.get());
        }
      }
      assertNothingLeft();
    }
  }
}
