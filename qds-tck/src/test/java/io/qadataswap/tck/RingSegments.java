package io.qadataswap.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.qadataswap.api.ChannelInfo;
import io.qadataswap.api.IfExists;
import io.qadataswap.api.OverflowPolicy;
import io.qadataswap.api.ParticipantInfo;
import io.qadataswap.api.Qds;
import io.qadataswap.api.QdsException;
import io.qadataswap.api.QdsException.Reason;
import io.qadataswap.api.Reader;
import io.qadataswap.api.Region;
import io.qadataswap.api.StartPosition;
import io.qadataswap.api.Writer;
import io.qadataswap.api.WriterBuilder;
import io.qadataswap.api.codec.RegionCodec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

/** The life of a channel's file: created, refused, taken over, looked at, damaged, removed. */
@SuppressWarnings("try") // closing by hand is what is tested
abstract class RingSegments extends RingFixture {
  RingSegments(String backend) {
    super(backend);
  }

  /** Leaves a channel behind that holds messages. */
  private void leave(int messageCount) throws InterruptedException {
    try (Writer<Region> writer = writer().open()) {
      write(writer, 100, messageCount);
    }
  }

  @Test
  void lessThanOnePercentIsOverheadByDefault() {
    try (Writer<Region> writer =
        Qds.writer(NAME, RegionCodec.instance()).directory(directory).backend(backend()).open()) {
      assertEquals(0, writer.stats().writeCount());
      Map<String, String> header = inspect().header();
      long length = Long.parseLong(header.get("segmentLength"));
      long overhead = length - Long.parseLong(header.get("arenaLength"));
      assertEquals(100L << 20, length);
      assertTrue(1000 * overhead <= length, overhead + " bytes of " + length);
    }
  }

  @Test
  void aSecondWriterIsRefusedByTheFirstOnesName() {
    try (Writer<Region> first = writer().open()) {
      assertRefused(
          Reason.SECOND_WRITER,
          () -> writer().open(),
          NAME,
          "pid=" + ProcessHandle.current().pid() + " since ");
      assertEquals(0, first.stats().writeCount());
    }
  }

  @Test
  void anExistingChannelIsTakenOverReplacedOrRefused() throws Exception {
    leave(3);
    assertRefused(
        Reason.CHANNEL_EXISTS,
        () -> writer().ifExists(IfExists.FAIL).open(),
        NAME,
        file().toString());
    try (Writer<Region> successor = writer().ifExists(IfExists.TAKE_OVER).open();
        Reader<Region> reader = reader().open()) {
      write(successor, 200);
      for (int i = 0; i < 4; i++) {
        readAndClose(reader, i);
      }
      assertRefused(
          Reason.IN_USE,
          () -> writer().ifExists(IfExists.REPLACE).open(),
          NAME,
          "writer pid=" + ProcessHandle.current().pid(),
          "reader entry=0");
      write(successor, 200);
    }
    try (Writer<Region> fresh = writer().ifExists(IfExists.REPLACE).capacity(1 << 18).open();
        Reader<Region> reader = reader().open()) {
      assertEquals(1 << 18, inspect().length());
      assertEquals(0, fresh.stats().nextSequence());
      write(fresh, 8);
      readAndClose(reader, 0);
    }
    try (Writer<Region> fresh = writer().ifExists(IfExists.FAIL).open()) {
      assertEquals(0, fresh.stats().nextSequence());
    }
  }

  @Test
  void whatDiffersIsNamedFieldByField() throws Exception {
    leave(1);
    List<String> fields =
        List.of(
            "capacity=" + CAPACITY + " (asked for " + 2 * CAPACITY + ")",
            "messageSlots=16 (asked for 32)",
            "readerEntries=8 (asked for 9)",
            "overflow=BLOCK (asked for DROP_OLDEST)",
            "retain=0 (asked for 1)",
            "maxMessageLength=" + (ARENA_LENGTH / 2 - 64) + " (asked for 7)",
            "payloadChecksum=false (asked for true)");
    List<Consumer<WriterBuilder<Region>>> changes =
        List.of(
            w -> w.capacity(2L * CAPACITY).maxMessageLength(ARENA_LENGTH / 2 - 64),
            w -> w.messageSlots(17),
            w -> w.readerEntries(9),
            w -> w.overflow(OverflowPolicy.DROP_OLDEST),
            w -> w.retain(1),
            w -> w.maxMessageLength(7),
            w -> w.payloadChecksum(true));
    for (int changed = 0; changed < fields.size(); changed++) {
      WriterBuilder<Region> asked = writer();
      changes.get(changed).accept(asked);
      QdsException refusal = assertThrows(QdsException.class, asked::open);
      assertEquals(Reason.GEOMETRY_DIFFERS, refusal.reason());
      for (int field = 0; field < fields.size(); field++) {
        assertEquals(
            field == changed, refusal.getMessage().contains(fields.get(field)), refusal.toString());
      }
    }
    WriterBuilder<Region> all = writer();
    changes.forEach(change -> change.accept(all));
    assertRefused(Reason.GEOMETRY_DIFFERS, all::open, fields.toArray());
    try (Writer<Region> same = writer().messageSlots(SLOT_COUNT - 1).open()) {
      assertEquals(1, same.stats().nextSequence());
    }
  }

  @Test
  void whatIsLeftOpenIsTakenFromTheChannel() throws Exception {
    Supplier<WriterBuilder<Region>> open =
        () -> Qds.writer(NAME, RegionCodec.instance()).directory(directory).backend(backend());
    Writer<Region> first =
        open.get()
            .capacity(CAPACITY)
            .messageSlots(SLOT_COUNT)
            .readerEntries(3)
            .overflow(OverflowPolicy.DROP_OLDEST)
            .retain(2)
            .maxMessageLength(4096)
            .payloadChecksum(true)
            .open();
    write(first, 8);
    first.close();
    try (Writer<Region> second = open.get().open()) {
      assertEquals(1, second.stats().nextSequence());
      assertRefused(Reason.MESSAGE_TOO_LARGE, () -> second.claim(4097));
    }
    try (Writer<Region> third = open.get().messageSlots(SLOT_COUNT).retain(2).open()) {
      assertEquals(1, third.stats().nextSequence());
    }
    assertRefused(
        Reason.GEOMETRY_DIFFERS,
        () -> open.get().overflow(OverflowPolicy.BLOCK).open(),
        "overflow=DROP_OLDEST (asked for BLOCK)");
  }

  @Test
  void anotherCodecIsRefusedNamingBoth() throws Exception {
    leave(1);
    RenamedCodec other = new RenamedCodec("other-codec");
    assertRefused(
        Reason.CODEC_DIFFERS,
        () -> Qds.reader(NAME, other).directory(directory).backend(backend()).open(),
        NAME,
        RegionCodec.ID,
        "other-codec");
    assertRefused(
        Reason.CODEC_DIFFERS,
        () -> Qds.writer(NAME, other).directory(directory).backend(backend()).open(),
        NAME,
        RegionCodec.ID,
        "other-codec");
  }

  @Test
  void aFullReaderTableNamesItsHolders() throws Exception {
    try (Writer<Region> writer = writer().readerEntries(2).open();
        Reader<Region> first = reader().label("first holder").open();
        Reader<Region> second = observer().label("second holder").open()) {
      assertRefused(
          Reason.READER_TABLE_FULL,
          () -> reader().open(),
          NAME,
          "2 reader entries",
          "label=first holder mode=LOSSLESS",
          "label=second holder mode=OBSERVER",
          "pid=" + ProcessHandle.current().pid());
      first.close();
      try (Reader<Region> third = reader().open()) {
        write(writer, 8);
        readAndClose(third, 0);
        readAndClose(second, 0);
      }
    }
  }

  @Test
  void optionsOutOfRangeAreRefusedByName() {
    assertNames(
        assertThrows(IllegalArgumentException.class, () -> writer().capacity(1000).open()),
        NAME,
        "capacity=1000");
    assertNames(
        assertThrows(
            IllegalArgumentException.class, () -> writer().messageSlots((1 << 24) + 1).open()),
        "messageSlots");
    assertNames(
        assertThrows(
            IllegalArgumentException.class, () -> writer().readerEntries((1 << 16) + 1).open()),
        "readerEntries");
    for (Consumer<WriterBuilder<Region>> bad :
        List.<Consumer<WriterBuilder<Region>>>of(
            w -> w.capacity(0),
            w -> w.messageSlots(0),
            w -> w.readerEntries(-1),
            w -> w.retain(-1),
            w -> w.maxMessageLength(0),
            w -> w.label("ä".repeat(25)))) {
      assertThrows(IllegalArgumentException.class, () -> bad.accept(writer()));
    }
    Path missing = directory.resolve("missing");
    assertRefused(
        Reason.IO, () -> writer().directory(missing).open(), NAME, missing, "does not exist");
    assertRefused(Reason.NO_SUCH_CHANNEL, () -> reader().open(), NAME, file());
    assertFalse(Files.exists(file()));
  }

  @Test
  void anIntsWorthOfBytesIsAllThatAgronaMaps() {
    assumeTrue(backend().equals("agrona"), "the other backend maps more");
    assertRefused(
        Reason.UNSUPPORTED,
        () -> writer().capacity(1L << 31).open(),
        NAME,
        "length=" + (1L << 31),
        "up to " + Integer.MAX_VALUE,
        "agrona",
        "ffm");
    assertEquals(List.of(), Qds.list(directory, Qds.DEFAULT_LAYOUT));
  }

  @Test
  void theFileHasThePermissionsAskedFor() throws Exception {
    try (Writer<Region> writer = writer().open()) {
      assertEquals(0, writer.stats().writeCount());
      assertEquals(
          "rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(file())));
    }
    try (Writer<Region> writer =
        writer().fileMode(PosixFilePermissions.fromString("rw-rw-rw-")).open()) {
      assertEquals(0, writer.stats().writeCount());
      assertEquals(
          "rw-rw-rw-", PosixFilePermissions.toString(Files.getPosixFilePermissions(file())));
    }
  }

  @Test
  void aDrainedChannelGoesWithTheLastWhoLeaves() throws Exception {
    try (Writer<Region> writer = writer().open()) {
      assertTrue(Files.exists(file()));
      assertEquals(0, writer.stats().writeCount());
    }
    assertFalse(Files.exists(file()), "nothing was written");

    Reader<Region> reader;
    try (Writer<Region> writer = writer().open()) {
      reader = reader().open();
      write(writer, 8, 2);
      readAndClose(reader, 0);
    }
    assertTrue(Files.exists(file()), "the reader is there");
    readAndClose(reader, 1);
    reader.close();
    assertFalse(Files.exists(file()), "all was read");
  }

  @Test
  void unreadMessagesStayForTheNextReader() throws Exception {
    leave(2);
    assertTrue(Files.exists(file()), "nobody has read");
    for (int i = 0; i < 2; i++) {
      ChannelInfo left = inspect();
      assertEquals(2 - i, left.unreadCount());
      assertFalse(left.isLive());
      try (Reader<Region> reader = reader().open()) {
        for (int j = 0; j <= i; j++) {
          long sequence = reader.startSequence() + j;
          if (sequence < 2) {
            readAndClose(reader, sequence);
          }
        }
        if (i == 0) {
          assertEquals(1, reader.stats().nextSequence());
        }
      }
    }
    assertFalse(Files.exists(file()), "all was read");
  }

  @Test
  void aChannelIsListedDescribedAndRemoved() throws Exception {
    Files.writeString(directory.resolve("text.qds"), "only looks like a channel");
    Files.createDirectory(directory.resolve("dir.qds"));
    assertEquals(List.of(), Qds.list(directory, Qds.DEFAULT_LAYOUT));
    assertRefused(Reason.NO_SUCH_CHANNEL, this::inspect, NAME);
    try (Writer<Region> writer = writer().label("the writer").open();
        Reader<Region> reader = reader().label("the reader").open();
        Reader<Region> observer = observer().open()) {
      write(writer, 100, 5);
      readAndClose(reader, 0);
      readAndClose(reader, 1);
      assertEquals(List.of(NAME), Qds.list(directory, Qds.DEFAULT_LAYOUT));
      ChannelInfo info = inspect();
      assertEquals(NAME, info.name());
      assertEquals(file(), info.path());
      assertEquals(RegionCodec.ID, info.codecId());
      assertEquals(CAPACITY, info.length());
      assertEquals(OverflowPolicy.BLOCK, info.overflow());
      assertEquals(5, info.publishedCount());
      assertEquals(3, info.unreadCount());
      assertTrue(info.isLive());
      ParticipantInfo described = info.writer().orElseThrow();
      assertEquals("the writer", described.label());
      assertEquals("ACTIVE", described.state());
      assertEquals(500, described.byteCount());
      assertEquals(ProcessHandle.current().pid(), described.pid());
      assertEquals(2, info.readers().size());
      ParticipantInfo first = info.readers().get(0);
      assertEquals("the reader", first.label());
      assertEquals("LOSSLESS", first.mode());
      assertEquals(2, first.sequence());
      assertEquals(3, first.lag());
      assertEquals(2, first.messageCount());
      assertEquals(200, first.byteCount());
      assertTrue(first.alive());
      assertEquals("OBSERVER", info.readers().get(1).mode());
      assertEquals(5, info.readers().get(1).lag());
      assertEquals(0, observer.stats().readCount());
      assertEquals(backend(), info.header().get("creator").split(" ", -1)[2]);
      assertRefused(
          Reason.IN_USE,
          () -> Qds.remove(directory, NAME, Qds.DEFAULT_LAYOUT, false),
          NAME,
          "writer pid=",
          "reader entry=0",
          "reader entry=1");
    }
    assertEquals("CLOSED", inspect().writer().orElseThrow().state());
    Qds.remove(directory, NAME, Qds.DEFAULT_LAYOUT, false);
    assertFalse(Files.exists(file()));
    assertRefused(
        Reason.NO_SUCH_CHANNEL, () -> Qds.remove(directory, NAME, Qds.DEFAULT_LAYOUT, false), NAME);
  }

  @Test
  void everyFieldOfADamagedHeaderIsNamed() throws Exception {
    leave(1);
    Map<String, int[]> fields =
        Map.ofEntries(
            Map.entry("headerLength", new int[] {40, 4}),
            Map.entry("readerEntryLength", new int[] {44, 4}),
            Map.entry("messageDescriptorLength", new int[] {48, 4}),
            Map.entry("readerEntryCount", new int[] {52, 4}),
            Map.entry("readerTableOffset", new int[] {56, 8}),
            Map.entry("descriptorRingOffset", new int[] {64, 8}),
            Map.entry("arenaOffset", new int[] {72, 8}),
            Map.entry("arenaLength", new int[] {80, 8}),
            Map.entry("segmentLength", new int[] {88, 8}),
            Map.entry("slotCount", new int[] {96, 4}),
            Map.entry("overflowPolicy", new int[] {100, 4}),
            Map.entry("retainCount", new int[] {104, 4}),
            Map.entry("pinCount", new int[] {108, 4}),
            Map.entry("maxMessageLength", new int[] {112, 8}),
            Map.entry("codecId", new int[] {176, 8}));
    Patch patch = new Patch(file());
    for (Map.Entry<String, int[]> field : fields.entrySet()) {
      int offset = field.getValue()[0];
      long whole = patch.getLong(offset);
      long mask = field.getValue()[1] == 8 ? -1 : 0xFFFF_FFFFL;
      for (long bad : new long[] {-1, Long.MIN_VALUE | 0x8000_0000L, 0x7FFF_FFFF_7FFF_FFFFL}) {
        if (field.getKey().equals("retainCount") && (int) bad >= 0) {
          continue; // any count is one
        }
        patch.putLong(offset, (whole & ~mask) | (bad & mask));
        assertDamaged(Reason.CORRUPT, "headerCrc");
        patch.repairHeaderCrc();
        assertDamaged(Reason.CORRUPT, field.getKey());
      }
      patch.putLong(offset, whole);
      patch.repairHeaderCrc();
    }
    assertEquals(1, inspect().unreadCount());
  }

  @Test
  void aCodecIdThatCannotBePrintedIsDamage() throws Exception {
    leave(1);
    Patch patch = new Patch(file());
    long whole = patch.getLong(176);
    patch.putLong(176, 0x0179_7465_73L);
    patch.repairHeaderCrc();
    assertDamaged(Reason.CORRUPT, "codecId");
    patch.putLong(176, whole);
    patch.putLong(192, 'x');
    patch.repairHeaderCrc();
    assertDamaged(Reason.CORRUPT, "codecId");
  }

  @Test
  void whatIsNotUnderstoodIsNamed() throws Exception {
    leave(1);
    Patch patch = new Patch(file());
    patch.flip(0);
    assertDamaged(Reason.CORRUPT, "magic");
    patch.flip(0);
    patch.putInt(8, 1);
    assertDamaged(Reason.CORRUPT, "byteOrder");
    patch.putInt(8, Integer.reverseBytes(0x0A0B0C0D));
    assertDamaged(Reason.UNSUPPORTED, "byteOrder");
    patch.putInt(8, 0x0A0B0C0D);
    patch.flip(12);
    assertDamaged(Reason.UNSUPPORTED, "versionMajor");
    patch.flip(12);
    patch.putLong(16, 1L << 40);
    patch.repairHeaderCrc();
    assertDamaged(Reason.UNSUPPORTED, "featuresForReaders");
    patch.putLong(16, 0);
    patch.putLong(24, 1L << 40);
    patch.repairHeaderCrc();
    assertRefused(Reason.UNSUPPORTED, () -> writer().open(), NAME, "featuresForWriters");
    try (Reader<Region> reader = reader().open()) {
      readAndClose(reader, 0);
    }
  }

  private void assertDamaged(Reason reason, String field) {
    assertRefused(reason, () -> reader().open(), NAME, field + "=", "allowed=");
    assertRefused(reason, () -> writer().open(), NAME, field + "=", "allowed=");
  }

  @Test
  void aFileThatIsNoSegmentIsRefused() throws Exception {
    List<byte[]> contents = new ArrayList<>();
    contents.add(new byte[0]);
    contents.add(new byte[10]);
    contents.add(new byte[5000]);
    contents.add("some text ".repeat(1000).getBytes(java.nio.charset.StandardCharsets.UTF_8));
    leave(1);
    byte[] whole = Files.readAllBytes(file());
    for (int length : new int[] {8, 511, 4095, 4096, ARENA_OFFSET, CAPACITY - 1}) {
      contents.add(java.util.Arrays.copyOf(whole, length));
    }
    contents.add(java.util.Arrays.copyOf(whole, CAPACITY + 1));
    for (byte[] content : contents) {
      Files.delete(file());
      Files.write(file(), content);
      assertRefused(Reason.CORRUPT, () -> reader().open(), NAME);
      assertRefused(Reason.CORRUPT, () -> writer().open(), NAME);
      assertRefused(Reason.CORRUPT, this::inspect, NAME);
      assertEquals(content.length, Files.size(file()), "nobody has changed it");
    }
    try (Writer<Region> writer = writer().ifExists(IfExists.REPLACE).open()) {
      assertEquals(0, writer.stats().nextSequence());
    }
  }

  @Test
  void aCopyOfASegmentIsNoChannel() throws Exception {
    leave(1);
    Path original = directory.resolve("original");
    Files.move(file(), original);
    Files.copy(original, file());
    assertRefused(Reason.NO_SUCH_CHANNEL, () -> reader().open(), NAME, file());
    try (Writer<Region> writer = writer().open()) {
      assertEquals(0, writer.stats().nextSequence());
    }
  }

  @Test
  void onlyRegularFilesAreOpened() throws Exception {
    leave(1);
    Path elsewhere = directory.resolve("elsewhere");
    Files.move(file(), elsewhere);
    assertNotAFile(() -> Files.createSymbolicLink(file(), elsewhere));
    assertNotAFile(() -> Files.createSymbolicLink(file(), directory.resolve("nowhere")));
    assertNotAFile(() -> Files.createDirectory(file()));
    assertNotAFile(() -> makeFifo(file()));
    assertTrue(Files.exists(elsewhere));
  }

  /** Makes something in the place of the segment. */
  private interface Making {
    void make() throws IOException, InterruptedException;
  }

  private void assertNotAFile(Making making) throws IOException, InterruptedException {
    making.make();
    for (IfExists ifExists : IfExists.values()) {
      assertRefused(
          Reason.CORRUPT,
          () -> writer().ifExists(ifExists).open(),
          NAME,
          file(),
          "allowed=a regular file");
    }
    assertRefused(Reason.CORRUPT, () -> reader().open(), NAME, file(), "allowed=a regular file");
    assertRefused(Reason.CORRUPT, this::inspect, NAME, file(), "allowed=a regular file");
    assertEquals(List.of(), Qds.list(directory, Qds.DEFAULT_LAYOUT));
    Files.delete(file());
  }

  private static void makeFifo(Path path) throws IOException, InterruptedException {
    assertEquals(0, new ProcessBuilder("mkfifo", path.toString()).start().waitFor());
  }

  @Test
  void strangeFilesDoNotKeepAChannelFromBeingCreated() throws Exception {
    Path fifo = directory.resolve(".strange.qds1.tmp");
    makeFifo(fifo);
    Path forgotten = directory.resolve(".forgotten.qds2.tmp");
    Files.write(forgotten, new byte[1]);
    try (Writer<Region> writer = writer().open()) {
      assertEquals(0, writer.stats().nextSequence());
      assertTrue(Files.exists(fifo, java.nio.file.LinkOption.NOFOLLOW_LINKS));
      assertFalse(Files.exists(forgotten));
    }
  }

  @Test
  void aFileThatSaysItIsRemovedMakesPlace() throws Exception {
    leave(1);
    new Patch(file()).putInt(Patch.REMOVED_OFFSET, 1);
    assertRefused(Reason.NO_SUCH_CHANNEL, () -> reader().open(), NAME);
    try (Writer<Region> writer = writer().open()) {
      assertEquals(0, writer.stats().nextSequence());
    }
  }

  @Test
  void aSegmentOfAnotherBootIsNotTakenOver() throws Exception {
    leave(1);
    Patch patch = new Patch(file());
    patch.flip(160);
    patch.repairHeaderCrc();
    assertRefused(Reason.NO_SUCH_CHANNEL, () -> reader().open(), NAME, file());
    try (Writer<Region> writer = writer().open()) {
      assertEquals(0, writer.stats().nextSequence());
    }
  }

  @Test
  void aTakeoverFinishesTheCommitOfItsPredecessor() throws Exception {
    leave(3);
    Patch patch = new Patch(file());
    // as if it had died between the stamp of the last message and the count
    patch.putLong(1152, 2);
    try (Writer<Region> writer = writer().open();
        Reader<Region> reader = reader().open()) {
      assertEquals(3, writer.stats().nextSequence());
      write(writer, 100);
      for (int i = 0; i < 4; i++) {
        readAndClose(reader, i);
      }
      assertNotEquals("1", inspect().header().get("writerEpoch"));
    }
  }

  @Test
  void aTakeoverPassesOverWhatAReaderThatDiedJoiningSeemsToBeIn() throws Exception {
    long floor;
    try (Writer<Region> writer = writer().open();
        Reader<Region> reader = reader().open()) {
      for (int i = 0; i < 40; i++) {
        write(writer, 100);
        if (i < 38) {
          readAndClose(reader, i);
        }
      }
      floor = inspect().oldestSequence();
    }
    assertTrue(floor > 40 - SLOT_COUNT + 1, "floor=" + floor);
    Patch patch = new Patch(file());
    // It stored a cursor that it had read long before, and died; the slot was to be rewritten.
    long entry = Patch.READER_TABLE_OFFSET + 5 * 256L;
    patch.putLong(entry, floor - 1);
    patch.putInt(entry + 128, 1);
    patch.putLong(DESCRIPTOR_RING_OFFSET + 64 * ((floor - 1) % SLOT_COUNT), 0);
    try (Writer<Region> successor = writer().open();
        Reader<Region> reader = reader().start(StartPosition.at(38)).open()) {
      for (int i = 38; i < 60; i++) {
        readAndClose(reader, i);
        write(successor, 100);
      }
    }
  }

  @Test
  void aTakeoverRefusesAFloorThatLiesBelowTheRing() throws Exception {
    leave(3);
    Patch patch = new Patch(file());
    patch.putLong(1152, SLOT_COUNT + 1);
    assertRefused(
        Reason.CORRUPT, () -> writer().open(), NAME, "floor=0", "published=" + (SLOT_COUNT + 1));
  }

  @Test
  void aTakeoverKeepsWhatWasNotRead() throws Exception {
    int count = 0;
    for (int writers = 0; writers < 4; writers++) {
      try (Writer<Region> writer = writer().open()) {
        write(writer, 30_000, 3);
        count += 3;
      }
    }
    try (Writer<Region> writer = writer().open();
        Reader<Region> reader = reader().open()) {
      for (int i = 0; i < 200; i++) {
        write(writer, Payloads.lengthOf(i, 20_000));
        readAndClose(reader, i);
        count++;
      }
      while (reader.stats().nextSequence() < count) {
        readAndClose(reader, reader.stats().nextSequence());
      }
    }
    assertFalse(Files.exists(file()));
  }
}
