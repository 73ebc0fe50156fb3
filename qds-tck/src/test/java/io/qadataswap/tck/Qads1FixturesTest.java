package io.qadataswap.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import io.qadataswap.api.Claim;
import io.qadataswap.api.Message;
import io.qadataswap.api.Qds;
import io.qadataswap.api.QdsException.Reason;
import io.qadataswap.api.Reader;
import io.qadataswap.api.Region;
import io.qadataswap.api.Trust;
import io.qadataswap.api.Writer;
import io.qadataswap.api.codec.Codec;
import io.qadataswap.codec.arrow.ArrowCodec;
import io.qadataswap.codec.arrow.ArrowTable;
import io.qadataswap.tck.fixtures.Qads1Image;
import java.nio.file.Files;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** What the original has written is read as what it is. */
class Qads1FixturesTest extends Qads1Fixture {
  private final BufferAllocator allocator = new RootAllocator();
  private String channel = name;

  @AfterEach
  void memoryIsGivenBack() {
    allocator.close();
  }

  @Test
  void allCasesAreTried() {
    assertEquals(18, Qads1Image.all().size());
  }

  @TestFactory
  Stream<DynamicTest> readableMessagesAreReadBatchForBatch() {
    return Qads1Image.all().stream()
        .filter(image -> !image.isSimpleVariant())
        .flatMap(image ->
            Stream.of(Trust.FULL, Trust.NONE)
                .map(trust -> dynamicTest(image + " trust=" + trust, () -> readAll(image, trust))));
  }

  private void readAll(Qads1Image image, Trust trust) throws InterruptedException {
    restore(image);
    try (Reader<ArrowTable> reader = reader(trust)) {
      long sequence = image.header("read_sequence");
      assertEquals(sequence, reader.startSequence());
      int count = 0;
      for (byte[] stream : image.expected()) {
        try (Message<ArrowTable> expected = decode(stream)) {
          for (int i = 0; i < expected.value().batchCount(); i++) {
            VectorSchemaRoot batch = expected.value().batch(i);
            try (Message<ArrowTable> message = reader.read(LONG)) {
              assertNotNull(message);
              assertEquals(sequence++, message.sequence());
              assertSame(expected.value(), batch, message.value());
            }
            count++;
          }
        }
      }
      assertEquals(image.messageCount(), count);
      // Whoever wrote it is gone.
      assertRefused(Reason.WRITER_DIED, () -> reader.read(LONG), channel, sequence + " messages");
    }
    assertTrue(Files.notExists(directory.resolve("qads_" + channel)), "left behind");
  }

  private static void assertSame(
      ArrowTable expectedTable, VectorSchemaRoot expected, ArrowTable found) {
    assertEquals(1, found.batchCount());
    VectorSchemaRoot batch = found.root();
    assertEquals(expected.getSchema(), batch.getSchema());
    assertEquals(expected.getSchema().getCustomMetadata(), batch.getSchema().getCustomMetadata());
    assertEquals(expected.getRowCount(), batch.getRowCount());
    assertTrue(
        expected.equals(batch),
        () -> expected.contentToTSVString() + "\n" + batch.contentToTSVString());
    for (long id : expectedTable.dictionaries().getDictionaryIds()) {
      assertEquals(expectedTable.dictionaries().lookup(id), found.dictionaries().lookup(id));
    }
  }

  @Test
  void simpleVariantIsRefusedByName() {
    restore(Qads1Image.of("simple-variant"));
    assertRefused(Reason.UNSUPPORTED, () -> reader(Trust.FULL), channel, "simple variant");
    assertRefused(
        Reason.UNSUPPORTED, () -> Qds.inspect(directory, channel, LAYOUT), "simple variant");
    assertTrue(Qds.list(directory, LAYOUT).contains(channel));
  }

  @Test
  void lostTokenIsCountedAndRestored() {
    restore(Qads1Image.of("lost-token"));
    Map<String, String> before = Qds.inspect(directory, channel, LAYOUT).header();
    assertEquals("1", before.get("write tokens"));
    assertEquals("1 write, 0 read", before.get("missing tokens"));
    try (Reader<ArrowTable> reader = reader(Trust.FULL)) {
      assertEquals(0, reader.startSequence());
      Map<String, String> after = Qds.inspect(directory, channel, LAYOUT).header();
      assertEquals("2", after.get("write tokens"));
      assertEquals("0 write, 0 read", after.get("missing tokens"));
    }
  }

  @Test
  void channelOfAKilledWriterIsDiagnosed() {
    restore(Qads1Image.of("killed-writer"));
    var info = Qds.inspect(directory, channel, LAYOUT);
    assertEquals("ACTIVE", info.writer().orElseThrow().state());
    assertTrue(!info.isLive());
    assertEquals(2, info.unreadCount());
    assertEquals("none", info.header().get("other processes"));
  }

  private void restore(Qads1Image image) {
    assumeTrue(Runtime.version().feature() >= 22);
    // Dynamic tests share the fixture.
    channel =
        image.restore(directory, name + "-" + System.nanoTime() % 1_000_000 + "-", semaphores());
  }

  @AfterEach
  void channelGoes() {
    if (Files.exists(directory.resolve("qads_" + channel))) {
      Qds.remove(directory, channel, LAYOUT, true);
    }
  }

  private Reader<ArrowTable> reader(Trust trust) {
    return Qds.reader(channel, ArrowCodec.with(allocator))
        .layout(LAYOUT)
        .directory(directory)
        .trust(trust)
        .open();
  }

  /** Reads a stream as this codec does, through a channel of the native layout. */
  private Message<ArrowTable> decode(byte[] stream) throws InterruptedException {
    Codec<Region> bytes = new RenamedCodec(ArrowCodec.ID);
    try (Writer<Region> writer = Qds.writer("expected", bytes).directory(directory).open();
        Reader<ArrowTable> reader =
            Qds.reader("expected", ArrowCodec.with(allocator)).directory(directory).open()) {
      try (Claim claim = writer.claim(stream.length)) {
        claim.region().putBytes(0, stream, 0, stream.length);
        claim.commit(stream.length);
      }
      return reader.read();
    }
  }
}
