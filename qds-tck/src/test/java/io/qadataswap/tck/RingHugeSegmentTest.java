package io.qadataswap.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.qadataswap.api.Claim;
import io.qadataswap.api.Message;
import io.qadataswap.api.Qds;
import io.qadataswap.api.QdsException.Reason;
import io.qadataswap.api.Reader;
import io.qadataswap.api.ReaderMode;
import io.qadataswap.api.Region;
import io.qadataswap.api.StartPosition;
import io.qadataswap.api.Writer;
import io.qadataswap.api.codec.Codec;
import io.qadataswap.api.codec.RegionCodec;
import io.qadataswap.codec.arrow.ArrowCodec;
import io.qadataswap.codec.arrow.ArrowTable;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;

/**
 * Segments beyond 2 GiB. A creator writes the whole of its file; here a small one is made large
 * afterwards, by a hole that costs nothing.
 */
@EnabledForJreRange(min = JRE.JAVA_22, disabledReason = "qds-shm-ffm needs JDK 22")
class RingHugeSegmentTest extends RingFixture {
  private static final long LENGTH = 7L << 30;
  private static final long HUGE_LENGTH = (1L << 31) + (100L << 20);

  RingHugeSegmentTest() {
    super("ffm");
  }

  private <T> Writer<T> openHuge(Codec<T> codec) throws Exception {
    long length = CAPACITY;
    for (int i = 0; i < 2; i++) {
      Writer<T> writer =
          Qds.writer(NAME, codec)
              .directory(directory)
              .backend(backend())
              .capacity(length)
              .messageSlots(SLOT_COUNT)
              .readerEntries(READER_ENTRY_COUNT)
              .open();
      if (i == 1) {
        return writer;
      }
      writer.claim(0).commit(0); // stays: nobody has read
      writer.close();
      makeHuge();
      length = LENGTH;
    }
    throw new AssertionError();
  }

  private void makeHuge() throws IOException {
    Patch patch = new Patch(file());
    long arenaLength = LENGTH - ARENA_OFFSET;
    patch.putLong(80, arenaLength);
    patch.putLong(88, LENGTH);
    patch.putLong(112, arenaLength / 2 - 64);
    patch.repairHeaderCrc();
    patch.putLong(LENGTH - Long.BYTES, 0);
  }

  @Test
  void messagesBeyondTwoGibibytesArrive() throws Exception {
    try (Writer<Region> writer = openHuge(RegionCodec.instance());
        Reader<Region> reader = reader().start(StartPosition.latest()).open();
        Reader<Region> observer = observer().start(StartPosition.latest()).open()) {
      assertEquals(LENGTH, inspect().length());
      long lowest = Long.MAX_VALUE;
      long highest = 0;
      Message<Region> held = null;
      // Round the arena more than once: each takes nearly a third, and the one before is held.
      for (int round = 0; round < 5; round++) {
        long sequence = writer.stats().nextSequence();
        Claim claim = writer.claim(HUGE_LENGTH);
        touch(claim.region(), sequence);
        claim.commit(HUGE_LENGTH);
        write(writer, 1000);

        try (Message<Region> seen = observer.read(LONG)) {
          checkTouched(seen, sequence);
          Message<Region> message = reader.read(LONG);
          checkTouched(message, sequence);
          readAndClose(reader, sequence + 1);
          readAndClose(observer, sequence + 1);
          if (held != null) {
            checkTouched(held, sequence - 2);
            held.close();
          }
          held = message;
          lowest = Math.min(lowest, message.value().address());
          highest = Math.max(highest, message.value().address());
        }
      }
      held.close();
      assertTrue(highest - lowest > 1L << 31, "offsets differ by " + (highest - lowest));
      assertTrue(allocatedLength() < 64 << 20, "allocated: " + allocatedLength());
      assertRefused(
          Reason.UNSUPPORTED,
          () -> reader().backend("agrona").open(),
          NAME,
          "segment length=" + LENGTH,
          "up to " + Integer.MAX_VALUE,
          "ffm");
    }
  }

  private static void touch(Region region, long sequence) {
    region.putLong(0, sequence);
    region.putLong((1L << 31) - 4, ~sequence);
    region.putInt(1L << 31, (int) sequence);
    region.putBytes(HUGE_LENGTH - 3, new byte[] {1, 2, (byte) sequence}, 0, 3);
  }

  private static void checkTouched(Message<Region> message, long sequence) {
    assertEquals(sequence, message.sequence());
    Region region = message.value();
    assertEquals(HUGE_LENGTH, region.length());
    assertEquals(sequence, region.getLong(0));
    assertEquals((int) ~sequence, region.getInt((1L << 31) - 4));
    assertEquals((int) sequence, region.getInt(1L << 31));
    assertEquals((byte) sequence, region.getByte(HUGE_LENGTH - 1));
    assertEquals(2, region.slice(HUGE_LENGTH - 3, 3).get(1));
  }

  @Test
  void tablesBeyondTwoGibibytesArrive() throws Exception {
    try (BufferAllocator allocator = new RootAllocator();
        IntVector numbers = new IntVector("number", allocator);
        Writer<ArrowTable> writer = openHuge(ArrowCodec.with(allocator))) {
      numbers.setSafe(0, 42);
      VectorSchemaRoot root = VectorSchemaRoot.of(numbers);
      root.setRowCount(1);
      writer.claim(HUGE_LENGTH).commit(HUGE_LENGTH);
      for (ReaderMode mode : ReaderMode.values()) {
        try (Reader<ArrowTable> reader =
            Qds.reader(NAME, ArrowCodec.with(allocator))
                .directory(directory)
                .backend(backend())
                .mode(mode)
                .start(StartPosition.latest())
                .open()) {
          writer.write(ArrowTable.of(root));
          try (Message<ArrowTable> message = reader.read(LONG)) {
            IntVector received = (IntVector) message.value().root().getVector(0);
            assertEquals(42, received.get(0));
          }
        }
      }
      assertTrue(allocatedLength() < 64 << 20, "allocated: " + allocatedLength());
    }
  }

  /** What the file takes on its file system. */
  private long allocatedLength() throws Exception {
    Process stat = new ProcessBuilder("stat", "-c", "%b", file().toString()).start();
    String blocks =
        new String(stat.getInputStream().readAllBytes(), StandardCharsets.US_ASCII).trim();
    assertEquals(0, stat.waitFor());
    return 512 * Long.parseLong(blocks);
  }
}
