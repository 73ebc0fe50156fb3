package io.qadataswap.tck;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.DynamicContainer.dynamicContainer;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import io.qadataswap.api.ChannelInfo;
import io.qadataswap.api.Claim;
import io.qadataswap.api.Message;
import io.qadataswap.api.OverflowPolicy;
import io.qadataswap.api.ParticipantInfo;
import io.qadataswap.api.PluginInfo;
import io.qadataswap.api.Qds;
import io.qadataswap.api.QdsException.Reason;
import io.qadataswap.api.Reader;
import io.qadataswap.api.ReaderMode;
import io.qadataswap.api.Region;
import io.qadataswap.api.StartPosition;
import io.qadataswap.api.Trust;
import io.qadataswap.api.Writer;
import io.qadataswap.api.codec.Codec;
import io.qadataswap.api.codec.RegionCodec;
import io.qadataswap.codec.arrow.ArrowCodec;
import io.qadataswap.codec.arrow.ArrowTable;
import io.qadataswap.tck.fixtures.ArrowCase;
import io.qadataswap.tck.fixtures.ArrowCases;
import io.qadataswap.tck.fixtures.SegmentImage;
import io.qadataswap.tck.fixtures.SegmentMessage;
import io.qadataswap.tck.fixtures.SegmentVariant;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestFactory;

/**
 * What other languages have written is read as what it is, and what is damaged is refused: the
 * fixtures of {@code qds-tck/spec/fixtures.md}, on every backend that works here.
 */
@DisplayName("Fixtures of other languages")
public class FixtureTck {
  /** Features of cases that Arrow Java has no vectors for. */
  private static final Set<String> MISSING = Set.of("decimal32", "decimal64");

  private static final String NAME = "fixture";
  private static final int HEADER_WORDS_OFFSET = 1024;

  // Of every image (PEER-08).
  private static final int ARENA_OFFSET = 1 << 16;
  private static final int READER_ENTRY_COUNT = 8;

  private final BufferAllocator allocator = new RootAllocator();
  private Path directory;

  /** Of the channel that was made last: each has its own. */
  private String name;

  private int count;

  /** Called by JUnit. */
  public FixtureTck() {}

  @BeforeEach
  void makeDirectory() throws IOException {
    directory = KitDirectory.create();
  }

  @AfterEach
  void nothingIsLeft() throws IOException {
    KitDirectory.delete(directory);
    allocator.close();
  }

  private static Stream<DynamicNode> onEachBackend(
      Function<String, Stream<? extends DynamicNode>> tests) {
    return Qds.backends().stream()
        .filter(backend -> backend.unavailableReason().isEmpty())
        .map(PluginInfo::name)
        .map(backend -> dynamicContainer(backend, tests.apply(backend)));
  }

  private static boolean isMissing(ArrowCase c) {
    return c.features().stream().anyMatch(MISSING::contains);
  }

  @TestFactory
  @Tag("required")
  @DisplayName("FIX-11 streams of other languages hold what their content says")
  @IfThisFails("look at the Arrow library: the stream is read without QDS")
  Stream<DynamicNode> stockStreamsHoldWhatTheirContentSays() {
    return ArrowCases.all().stream()
        .filter(c -> !isMissing(c))
        .map(c -> dynamicTest(c.name(), () -> c.check(c.stream())));
  }

  @TestFactory
  @Tag("required")
  @DisplayName("FIX-12 streams of other languages are read from channels, and written again")
  @IfThisFails("look at arrow-messages.md, chapter by chapter, with the case that is named")
  Stream<DynamicNode> stockStreamsAreReadFromChannelsAndWrittenAgain() {
    return onEachBackend(backend ->
        ArrowCases.all().stream()
            .map(c -> dynamicTest(c.name(), () -> readAndWriteAgain(backend, c))));
  }

  private void readAndWriteAgain(String backend, ArrowCase c) throws InterruptedException {
    for (Trust trust : List.of(Trust.FULL, Trust.NONE)) {
      try (Writer<Region> writer = writer(backend, "stock");
          Reader<ArrowTable> reader = reader(backend, "stock", trust)) {
        byte[] stream = c.stream();
        try (Claim claim = writer.claim(stream.length)) {
          claim.region().putBytes(0, stream, 0, stream.length);
          claim.commit(stream.length);
        }
        if (isMissing(c)) {
          Refusals.assertRefused(Reason.UNSUPPORTED, reader::read, NAME, "decimal");
          continue;
        }
        try (Message<ArrowTable> message = reader.read()) {
          check(c, message.value());
          writeAgain(backend, c, message.value(), trust);
        }
      }
    }
  }

  private void writeAgain(String backend, ArrowCase c, ArrowTable table, Trust trust)
      throws InterruptedException {
    try (Writer<ArrowTable> writer =
            Qds.writer(NAME + "-again", ArrowCodec.with(allocator))
                .directory(directory)
                .backend(backend)
                .capacity(1 << 18)
                .open();
        Reader<ArrowTable> reader = reader(backend, "again", trust)) {
      writer.write(table);
      try (Message<ArrowTable> message = reader.read()) {
        check(c, message.value());
      }
    }
  }

  // ---- images

  @TestFactory
  @Tag("required")
  @DisplayName("FIX-13 the channels of other languages are read")
  @IfThisFails("look at qds1.md, at how readers attach and go on; the messages are in the manifest")
  Stream<DynamicNode> imagesAreRead() {
    return onEachBackend(backend ->
        SegmentImage.all().stream()
            .map(image -> dynamicTest(image.name(), () -> readImage(backend, image))));
  }

  private void readImage(String backend, SegmentImage image) throws InterruptedException {
    for (Trust trust : List.of(Trust.FULL, Trust.NONE)) {
      Path file = restore(image);
      if (image.unreadCount() >= 0) {
        assertEquals(image.unreadCount(), inspect().unreadCount());
      }
      try (Reader<?> reader = reader(backend, image, trust, StartPosition.oldest())) {
        for (SegmentMessage expected : image.messages()) {
          readOne(reader, expected);
        }
        if (image.writerDied()) {
          Refusals.assertRefused(Reason.WRITER_DIED, reader::read, name);
        } else {
          assertNull(reader.read());
        }
      }
      assertFalse(Files.exists(file), "all was read, and nobody is there");
    }
  }

  /** Reads the next message and compares it, or sees it refused. */
  private void readOne(Reader<?> reader, SegmentMessage expected) throws InterruptedException {
    if (expected.error().isPresent()) {
      Reason reason = Reason.valueOf(expected.error().get());
      Refusals.assertRefused(reason, () -> closed(reader.read()), name, expected.named());
      return;
    }
    if (expected.table().filter(FixtureTck::isMissing).isPresent()) {
      Refusals.assertRefused(Reason.UNSUPPORTED, () -> closed(reader.read()), name, "decimal");
      return;
    }
    try (Message<?> message = reader.read()) {
      assertEquals(expected.sequence(), message.sequence());
      assertEquals(expected.tag(), message.tag());
      if (message.value() instanceof ArrowTable table) {
        check(expected.table().orElseThrow(), table);
      } else {
        assertArrayEquals(expected.payload(), bytes(message.payload()));
      }
    }
  }

  /** Closes what should not have come. */
  private static void closed(Message<?> message) {
    if (message != null) {
      message.close();
    }
  }

  private static byte[] bytes(Region region) {
    byte[] bytes = new byte[Math.toIntExact(region.length())];
    region.getBytes(0, bytes, 0, bytes.length);
    return bytes;
  }

  @TestFactory
  @Tag("required")
  @DisplayName("FIX-14 a writer goes on with the channel of another language")
  @IfThisFails("look at what a succeeding writer takes from the segment, and whom it finds dead")
  Stream<DynamicNode> writersSucceedThoseOfImages() {
    return onEachBackend(backend ->
        SegmentImage.all().stream()
            .map(image -> dynamicTest(image.name(), () -> succeed(backend, image))));
  }

  private void succeed(String backend, SegmentImage image) throws InterruptedException {
    restore(image);
    try (Reader<Region> reader = bytesReader(backend, image);
        Writer<Region> writer = bytesWriter(backend, image)) {
      assertEquals(image.nextSequence(), writer.stats().nextSequence());
      for (SegmentMessage expected : image.messages()) {
        try (Message<Region> message = reader.read()) {
          assertEquals(expected.sequence(), message.sequence());
          if (image.codec().equals(RegionCodec.ID)) {
            assertArrayEquals(expected.payload(), bytes(message.payload()));
          }
        }
      }
      // Some times round ring and arena: whoever has died in the image is in nobody's way.
      for (long sequence = image.nextSequence();
          sequence < image.nextSequence() + 200;
          sequence++) {
        int length = Payloads.lengthOf(sequence, 10_000);
        try (Claim claim = writer.claim(length)) {
          Payloads.fill(claim.region(), sequence, length);
          assertEquals(sequence, claim.commit(length));
        }
        try (Message<Region> message = reader.read()) {
          assertEquals(sequence, message.sequence());
          Payloads.check(message);
        }
      }
      assertTrue(
          inspect().readers().stream().allMatch(ParticipantInfo::alive) || image.observersOnly(),
          () -> inspect().toString());
    }
  }

  @TestFactory
  @Tag("required")
  @DisplayName("FIX-15 what a lapped observer holds is left alone by writers of other languages")
  @IfThisFails("look at the pins of the reader table: where a writer places messages")
  Stream<DynamicNode> whatLappedObserversHoldIsThere() {
    return lapped(
        "lapped-after",
        (backend, image) -> {
          Path file = restore(image);
          ParticipantInfo observer = inspect().readers().get(0);
          assertEquals("OBSERVER", observer.mode());
          assertEquals(image.lostCount(), observer.lostCount());
          byte[] segment = Files.readAllBytes(file);
          SegmentMessage held =
              SegmentImage.of(image.name().replace("after", "before")).messages().stream()
                  .filter(message -> message.sequence() == image.pinnedSequence())
                  .findFirst()
                  .orElseThrow();
          int start = Math.toIntExact(ARENA_OFFSET + image.pinnedOffset());
          byte[] payload = held.payload();
          assertArrayEquals(payload, Arrays.copyOfRange(segment, start, start + payload.length));
        });
  }

  @TestFactory
  @Tag("required")
  @DisplayName("FIX-16 an observer that is lapped by another language counts its losses")
  @IfThisFails("look at how an observer finds out that it was lapped")
  Stream<DynamicNode> observersAreLappedByWritersOfOtherLanguages() {
    return lapped(
        "lapped-before",
        (backend, image) -> {
          Path file = restore(image);
          SegmentImage after = SegmentImage.of(image.name().replace("before", "after"));
          try (Reader<?> observer = reader(backend, image, Trust.FULL, StartPosition.oldest())) {
            readOne(observer, image.messages().get(0));
            readOne(observer, image.messages().get(1));
            // What the writer has done meanwhile, to all but the readers' entries.
            byte[] segment = after.bytes();
            Patch patch = new Patch(file);
            int table = Patch.READER_TABLE_OFFSET;
            patch.putBytes(HEADER_WORDS_OFFSET, segment, table - HEADER_WORDS_OFFSET);
            int ring = table + READER_ENTRY_COUNT * 256;
            patch.putBytes(ring, segment, segment.length - ring);
            List<SegmentMessage> left = after.messages();
            long first;
            try (Message<?> message = observer.read()) {
              first = message.sequence();
              int index = Math.toIntExact(first - left.get(0).sequence());
              assertArrayEquals(left.get(index).payload(), bytes(message.payload()));
            }
            long floor = left.get(0).sequence();
            assertTrue(first >= floor + left.size() / 4, "sequence=" + first + " floor=" + floor);
            assertEquals(first - 2, observer.stats().lostCount());
            for (SegmentMessage message : left) {
              if (message.sequence() > first) {
                readOne(observer, message);
              }
            }
          }
        });
  }

  /** A test of an image. */
  private interface OfImage {
    void run(String backend, SegmentImage image) throws Exception;
  }

  private Stream<DynamicNode> lapped(String suffix, OfImage test) {
    return onEachBackend(backend ->
        SegmentImage.all().stream()
            .filter(image -> image.name().endsWith(suffix))
            .map(image -> dynamicTest(image.name(), () -> test.run(backend, image))));
  }

  // ---- variants

  @TestFactory
  @Tag("required")
  @DisplayName("FIX-03 what is odd is accepted, what is damaged is refused, as the named rule says")
  @IfThisFails("look at the rule that the variant is named after")
  Stream<DynamicNode> variantsAreAcceptedOrRefusedAsTheirRulesSay() {
    return onEachBackend(backend ->
        SegmentVariant.all().stream()
            .map(variant ->
                dynamicTest(variant.rule() + " " + variant.name(), () -> meet(backend, variant))));
  }

  private void meet(String backend, SegmentVariant variant) throws InterruptedException {
    List<SegmentMessage> changed = variant.messages();
    if (changed.isEmpty()) {
      meetAsReader(backend, variant);
    }
    meetAsWriter(backend, variant);
    for (SegmentMessage message : changed) {
      if (!variant.onlyValidated()) {
        meetMessage(backend, variant, Trust.FULL, message);
      }
      meetMessage(backend, variant, Trust.NONE, message);
    }
  }

  private void meetMessage(
      String backend, SegmentVariant variant, Trust trust, SegmentMessage changed)
      throws InterruptedException {
    restore(variant);
    SegmentImage image = variant.image();
    StartPosition start = StartPosition.at(changed.sequence());
    try (Reader<?> reader = reader(backend, image, trust, start)) {
      readOne(reader, changed);
      for (SegmentMessage next : image.messages()) {
        if (next.sequence() == changed.sequence() + 1) {
          readOne(reader, next);
        }
      }
    }
  }

  private void meetAsReader(String backend, SegmentVariant variant) throws InterruptedException {
    Path file = restore(variant);
    SegmentImage image = variant.image();
    if (variant.attachError().isPresent()) {
      Reason reason = Reason.valueOf(variant.attachError().get());
      Refusals.assertRefused(
          reason,
          () -> reader(backend, image, Trust.FULL, StartPosition.oldest()).close(),
          name,
          reason == Reason.NO_SUCH_CHANNEL ? file : variant.named());
      return;
    }
    try (Reader<?> reader = reader(backend, image, Trust.FULL, StartPosition.oldest())) {
      for (SegmentMessage expected : image.messages()) {
        readOne(reader, expected);
      }
    }
  }

  private void meetAsWriter(String backend, SegmentVariant variant) {
    restore(variant);
    if (variant.createError().isPresent()) {
      Reason reason = Reason.valueOf(variant.createError().get());
      Refusals.assertRefused(
          reason, () -> bytesWriter(backend, variant.image()).close(), name, variant.named());
      return;
    }
    try (Writer<Region> writer = bytesWriter(backend, variant.image())) {
      long expected = variant.createdAnew() ? 0 : variant.image().nextSequence();
      assertEquals(expected, writer.stats().nextSequence());
    }
  }

  // ---- channels

  private ChannelInfo inspect() {
    return Qds.inspect(directory, name, Qds.DEFAULT_LAYOUT);
  }

  private Reader<?> reader(String backend, SegmentImage image, Trust trust, StartPosition start) {
    Codec<?> codec =
        image.codec().equals(ArrowCodec.ID) ? ArrowCodec.with(allocator) : RegionCodec.instance();
    return Qds.reader(name, codec)
        .directory(directory)
        .backend(backend)
        .mode(image.observersOnly() ? ReaderMode.OBSERVER : ReaderMode.LOSSLESS)
        .trust(trust)
        .start(start)
        .open();
  }

  private Reader<Region> bytesReader(String backend, SegmentImage image) {
    return Qds.reader(name, new RenamedCodec(image.codec()))
        .directory(directory)
        .backend(backend)
        .mode(image.observersOnly() ? ReaderMode.OBSERVER : ReaderMode.LOSSLESS)
        .awaitSuccessor(true)
        .open();
  }

  /** Opens a writer that asks for the geometry which the image has. */
  private Writer<Region> bytesWriter(String backend, SegmentImage image) {
    ByteBuffer header = ByteBuffer.wrap(image.bytes()).order(ByteOrder.LITTLE_ENDIAN);
    return Qds.writer(name, new RenamedCodec(image.codec()))
        .directory(directory)
        .backend(backend)
        .readerEntries(header.getInt(52))
        .capacity(header.getLong(88))
        .messageSlots(header.getInt(96))
        .overflow(image.observersOnly() ? OverflowPolicy.DROP_OLDEST : OverflowPolicy.BLOCK)
        .maxMessageLength(header.getLong(112))
        .payloadChecksum(header.getLong(24) != 0)
        .open();
  }

  private Path restore(SegmentImage image) {
    name = NAME + count++;
    return image.restore(directory, name);
  }

  private Path restore(SegmentVariant variant) {
    name = NAME + count++;
    return variant.restore(directory, name);
  }

  private Writer<Region> writer(String backend, String suffix) {
    return Qds.writer(NAME + "-" + suffix, new RenamedCodec(ArrowCodec.ID))
        .directory(directory)
        .backend(backend)
        .capacity(1 << 18)
        .open();
  }

  private Reader<ArrowTable> reader(String backend, String suffix, Trust trust) {
    return Qds.reader(NAME + "-" + suffix, ArrowCodec.with(allocator))
        .directory(directory)
        .backend(backend)
        .trust(trust)
        .open();
  }

  private static void check(ArrowCase c, ArrowTable table) {
    List<VectorSchemaRoot> batches = new ArrayList<>();
    IntStream.range(0, table.batchCount()).forEach(i -> batches.add(table.batch(i)));
    c.check(table.schema(), batches, table.dictionaries());
  }
}
