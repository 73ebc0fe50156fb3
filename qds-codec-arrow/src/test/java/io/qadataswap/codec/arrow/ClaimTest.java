package io.qadataswap.codec.arrow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.qadataswap.api.Message;
import io.qadataswap.api.Qds;
import io.qadataswap.api.QdsException;
import io.qadataswap.api.Reader;
import io.qadataswap.api.Region;
import io.qadataswap.api.Trust;
import io.qadataswap.api.Writer;
import io.qadataswap.codec.arrow.example.ArrowExamples;
import io.qadataswap.codec.arrow.support.Samples;
import io.qadataswap.codec.arrow.support.Values;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.OutOfMemoryException;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.BitVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.dictionary.Dictionary;
import org.apache.arrow.vector.dictionary.DictionaryProvider.MapDictionaryProvider;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.UnionMode;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.DictionaryEncoding;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.arrow.vector.types.pojo.Schema;
import org.apache.arrow.vector.util.Text;
import org.apache.arrow.vector.util.TransferPair;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** Batches that are filled where readers find them. */
class ClaimTest {
  private static final ArrowType LONG = new ArrowType.Int(64, true);
  private static final Schema SCHEMA =
      new Schema(
          List.of(
              Field.nullable("n", LONG),
              Field.notNullable("x", new ArrowType.FloatingPoint(FloatingPointPrecision.DOUBLE)),
              Field.nullable("b", ArrowType.Bool.INSTANCE),
              Field.nullable("t", ArrowType.Utf8.INSTANCE)));

  @TempDir private Path directory;
  private final BufferAllocator allocator = new RootAllocator();
  private final ArrowCodec codec = ArrowCodec.with(allocator);
  private Writer<ArrowTable> writer;
  private Reader<ArrowTable> reader;

  @BeforeEach
  void open() throws InterruptedException {
    writer = Qds.writer("claims", codec).directory(directory).capacity(8 << 20).open();
    reader = Qds.reader("claims", codec).directory(directory).trust(Trust.VALIDATE).open();
    leaveSomethingInTheArena();
  }

  @AfterEach
  void nothingIsLeft() {
    writer.close();
    reader.close();
    allocator.close();
  }

  /** So that bytes that a claim forgets to clear show. */
  private void leaveSomethingInTheArena() throws InterruptedException {
    try (BigIntVector vector = new BigIntVector("n", allocator)) {
      vector.allocateNew(40_000);
      for (int i = 0; i < 40_000; i++) {
        vector.set(i, 0x5A5A_5A5A_5A5A_5A5AL);
      }
      VectorSchemaRoot root = VectorSchemaRoot.of(vector);
      root.setRowCount(40_000);
      for (int i = 0; i < 20; i++) {
        writer.write(ArrowTable.of(root));
        receive().close();
      }
    }
  }

  private Message<ArrowTable> receive() throws InterruptedException {
    Message<ArrowTable> message = reader.read(Duration.ofSeconds(30));
    assertTrue(message != null, "nothing came");
    return message;
  }

  private static void fill(VectorSchemaRoot root, int rowCount) {
    for (int i = 0; i < rowCount; i++) {
      if (i % 3 != 0) {
        ((BigIntVector) root.getVector("n")).setSafe(i, i * 7L);
        ((BitVector) root.getVector("b")).setSafe(i, i % 2);
        ((VarCharVector) root.getVector("t"))
            .setSafe(i, ("text " + i).getBytes(StandardCharsets.UTF_8));
      }
      ((Float8Vector) root.getVector("x")).setSafe(i, i / 2.0);
    }
  }

  private void assertFilled(VectorSchemaRoot root, int rowCount) {
    try (VectorSchemaRoot expected = VectorSchemaRoot.create(SCHEMA, allocator)) {
      fill(expected, rowCount);
      expected.setRowCount(rowCount);
      Values.assertSame(expected, root);
    }
  }

  private static List<ArrowBuf> buffers(VectorSchemaRoot root) {
    List<ArrowBuf> buffers = new ArrayList<>();
    for (FieldVector vector : root.getFieldVectors()) {
      buffers.addAll(vector.getFieldBuffers());
    }
    return buffers;
  }

  @Test
  void valuesStayWhereTheyWereFilledIn() throws InterruptedException {
    try (ArrowClaim claim = codec.claimRows(writer, SCHEMA, 1000, 20_000)) {
      ClaimAllocator memory = (ClaimAllocator) claim.allocator();
      // Three columns with validity and values, one with offsets too.
      assertEquals(9, memory.allocationCount());
      fill(claim.root(), 1000);
      claim.root().setRowCount(1000);
      List<Long> offsets = new ArrayList<>();
      for (ArrowBuf buffer : buffers(claim.root())) {
        long offset = memory.offsetOf(buffer.memoryAddress(), buffer.capacity());
        assertTrue(offset >= 0, "" + buffer);
        offsets.add(offset);
      }
      claim.commit(1000, 42);
      assertEquals(9, memory.allocationCount());

      try (Message<ArrowTable> message = receive()) {
        assertEquals(42, message.tag());
        Region payload = message.payload();
        List<ArrowBuf> buffers = buffers(message.value().root());
        long body = buffers.get(1).memoryAddress() - offsets.get(1);
        assertEquals(0, body % 64);
        for (int i = 0; i < buffers.size(); i++) {
          ArrowBuf buffer = buffers.get(i);
          if (i == 2) {
            continue; // validity of x, which is not nullable: ones in private memory
          }
          assertEquals(offsets.get(i), buffer.memoryAddress() - body, "buffer " + i);
          assertTrue(buffer.memoryAddress() >= payload.address(), "buffer " + i);
          assertTrue(
              buffer.memoryAddress() + buffer.capacity() <= payload.address() + payload.length());
        }
        assertFilled(message.value().root(), 1000);
      }
    }
  }

  @Test
  void growingVectorsAreAllocatedAgainInsideTheClaimAndGapsAreCleared()
      throws InterruptedException {
    for (int rowCount : new int[] {0, 1, 63, 64, 65, 5000}) {
      try (ArrowClaim claim = codec.claim(writer, SCHEMA, 1 << 20)) {
        fill(claim.root(), rowCount);
        claim.commit(rowCount);
      }
      try (Message<ArrowTable> message = receive()) {
        assertFilled(message.value().root(), rowCount);
        assertNothingOldShows(message.payload());
      }
    }
  }

  private static void assertNothingOldShows(Region payload) {
    for (long i = 0; i < payload.length() - 8; i += 8) {
      assertTrue(payload.getLong(i) != 0x5A5A_5A5A_5A5A_5A5AL, "at " + i);
    }
  }

  @TestFactory
  List<DynamicTest> everyTypeMayBeFilledInPlaceOrElsewhere() {
    List<DynamicTest> tests = new ArrayList<>();
    for (Field field : Samples.fields()) {
      for (boolean elsewhere : new boolean[] {false, true}) {
        tests.add(
            DynamicTest.dynamicTest(
                field.getName() + (elsewhere ? " elsewhere" : " in place"),
                () -> {
                  for (int rowCount : new int[] {0, 1, 9, 500}) {
                    Schema schema = new Schema(List.of(field));
                    try (ArrowClaim claim = codec.claim(writer, schema, 1 << 20)) {
                      Samples samples =
                          new Samples(elsewhere ? allocator : claim.allocator(), rowCount, true);
                      try (FieldVector source = samples.vector(field, rowCount)) {
                        List<Object> values = Values.of(source);
                        source.makeTransferPair(claim.root().getVector(0)).transfer();
                        claim.commit(rowCount);
                        try (Message<ArrowTable> message = receive()) {
                          assertEquals(values, Values.of(message.value().root().getVector(0)));
                          assertNothingOldShows(message.payload());
                        }
                      }
                    }
                  }
                }));
      }
    }
    return tests;
  }

  /** Two rows may share a value of a child, and a child may have values that no row refers to. */
  @Test
  void theChildrenOfADenseUnionStayAsLongAsTheyAre() throws InterruptedException {
    Field field =
        Samples.fields().stream()
            .filter(each ->
                each.getType() instanceof ArrowType.Union union
                    && union.getMode() == UnionMode.Dense)
            .findFirst()
            .orElseThrow();
    try (ArrowClaim claim = codec.claim(writer, new Schema(List.of(field)), 1 << 20);
        FieldVector source = new Samples(claim.allocator(), 9, true).vector(field, 9)) {
      FieldVector child = source.getChildrenFromFields().get(0);
      int length = child.getValueCount() + 3;
      child.setValueCount(length);
      source.makeTransferPair(claim.root().getVector(0)).transfer();
      claim.commit(9);
      try (Message<ArrowTable> message = receive()) {
        FieldVector received = message.value().root().getVector(0);
        assertEquals(length, received.getChildrenFromFields().get(0).getValueCount());
      }
    }
  }

  @Test
  void whatLiesElsewhereIsCopiedAndNothingElse() throws InterruptedException {
    try (BigIntVector outside = new BigIntVector("n", allocator);
        ArrowClaim claim = codec.claimRows(writer, SCHEMA, 100, 2000)) {
      ClaimAllocator memory = (ClaimAllocator) claim.allocator();
      fill(claim.root(), 100);
      for (int i = 0; i < 100; i++) {
        outside.setSafe(i, -i);
      }
      outside.setValueCount(100);
      outside.makeTransferPair(claim.root().getVector("n")).transfer();
      int before = memory.allocationCount();
      claim.commit(100);
      // Its values; its validity says nothing.
      assertEquals(before + 1, memory.allocationCount());
    }
    try (Message<ArrowTable> message = receive()) {
      assertEquals(-99, ((BigIntVector) message.value().root().getVector("n")).get(99));
      assertEquals(49.5, ((Float8Vector) message.value().root().getVector("x")).get(99));
    }
  }

  @Test
  void aReceivedMessageMayBeTransferredIntoAClaim() throws InterruptedException {
    try (ArrowClaim claim = codec.claimRows(writer, SCHEMA, 500, 10_000)) {
      fill(claim.root(), 500);
      claim.commit(500);
    }
    try (Message<ArrowTable> message = receive();
        ArrowClaim claim = codec.claim(writer, SCHEMA, 1 << 20)) {
      VectorSchemaRoot received = message.value().root();
      for (int i = 0; i < SCHEMA.getFields().size(); i++) {
        received.getVector(i).makeTransferPair(claim.root().getVector(i)).transfer();
      }
      claim.commit(500);
    }
    try (Message<ArrowTable> message = receive()) {
      assertFilled(message.value().root(), 500);
    }
  }

  @Test
  void whatLeavesTheClaimIsCopied() throws InterruptedException {
    try (ArrowClaim claim = codec.claimRows(writer, SCHEMA, 10, 200)) {
      fill(claim.root(), 10);
      claim.root().setRowCount(10);
      TransferPair pair = claim.root().getVector("n").getTransferPair(allocator);
      pair.transfer();
      try (BigIntVector kept = (BigIntVector) pair.getTo()) {
        claim.abort();
        assertEquals(56, kept.get(8));
      }
    }
  }

  @Test
  void aClaimThatIsTooSmallSaysWhatItNeeds() throws InterruptedException {
    long needed;
    try (ArrowClaim claim = codec.claim(writer, SCHEMA, 1000)) {
      BigIntVector vector = (BigIntVector) claim.root().getVector("n");
      String message =
          assertThrows(OutOfMemoryException.class, () -> vector.allocateNew(640)).getMessage();
      Matcher matcher = Pattern.compile("bodyLength=(\\d+), claimed=1024;").matcher(message);
      assertTrue(matcher.find(), message);
      assertTrue(message.contains("channel=claims"), message);
      needed = Long.parseLong(matcher.group(1));
      // The claim is none the worse.
      vector.allocateNew(64);
      vector.set(0, 1);
    }
    try (ArrowClaim claim =
        codec.claim(writer, new Schema(List.of(Field.nullable("n", LONG))), needed)) {
      BigIntVector vector = (BigIntVector) claim.root().getVector("n");
      vector.allocateNew(640);
      vector.set(0, 1);
      claim.commit(1);
    }
    receive().close();
    assertNull(reader.poll());
  }

  @Test
  void anAbortedClaimLeavesNoTrace() throws InterruptedException {
    ArrowClaim claim = codec.claimRows(writer, SCHEMA, 100, 2000);
    fill(claim.root(), 100);
    assertThrows(IllegalStateException.class, () -> writer.claim(8));
    claim.abort();
    assertEnded(claim, "aborted");
    try (ArrowClaim forgotten = codec.claimRows(writer, SCHEMA, 100, 2000)) {
      fill(forgotten.root(), 100);
    }
    assertNull(reader.poll());
    long before = writer.stats().writeCount();
    try (ArrowClaim next = codec.claimRows(writer, SCHEMA, 10, 200)) {
      fill(next.root(), 10);
      next.commit(10);
    }
    assertEquals(before + 1, writer.stats().writeCount());
    try (Message<ArrowTable> message = receive()) {
      assertFilled(message.value().root(), 10);
    }
  }

  private static void assertEnded(ArrowClaim claim, String how) {
    for (Runnable use : List.<Runnable>of(() -> claim.commit(1), claim::abort)) {
      String message = assertThrows(IllegalStateException.class, use::run).getMessage();
      assertTrue(message.contains("channel=claims"), message);
      assertTrue(message.contains(how + " before"), message);
    }
    assertEquals(0, claim.root().getRowCount());
    assertThrows(IllegalStateException.class, () -> claim.allocator().buffer(8));
    claim.close();
  }

  @Test
  void whatIsKeptOfACommittedClaimRefusesAccess() throws InterruptedException {
    ArrowClaim claim = codec.claimRows(writer, SCHEMA, 100, 2000);
    fill(claim.root(), 100);
    BigIntVector vector = (BigIntVector) claim.root().getVector("n");
    ArrowBuf kept = vector.getDataBuffer();
    kept.getReferenceManager().retain();
    claim.root().getVector("t").clear();
    IntVector another = new IntVector("another", claim.allocator());
    another.allocateNew(4);
    fill(claim.root(), 100);
    claim.commit(100);
    assertEnded(claim, "committed");
    assertThrows(IllegalStateException.class, () -> kept.setLong(0, 1));
    assertThrows(IllegalStateException.class, () -> kept.getReferenceManager().retain());
    assertThrows(IllegalStateException.class, () -> another.set(0, 1));
    assertThrows(IllegalStateException.class, () -> vector.setSafe(0, 1));
    // The next claim does not open it again.
    try (ArrowClaim next = codec.claimRows(writer, SCHEMA, 100, 2000)) {
      assertThrows(IllegalStateException.class, () -> kept.setLong(0, 1));
      assertEquals(0, next.root().getRowCount());
    }
    kept.close();
    another.close();
    claim.root().close();
    claim.allocator().close();
    try (Message<ArrowTable> message = receive()) {
      assertFilled(message.value().root(), 100);
    }
  }

  @Test
  void closingTheWriterEndsTheClaim() throws InterruptedException {
    ArrowClaim claim = codec.claimRows(writer, SCHEMA, 100, 2000);
    BigIntVector vector = (BigIntVector) claim.root().getVector("n");
    writer.close();
    assertThrows(IllegalStateException.class, () -> vector.set(0, 1));
    String message = assertThrows(IllegalStateException.class, () -> claim.commit(1)).getMessage();
    assertTrue(message.contains("closing the writer"), message);
    assertThrows(IllegalStateException.class, claim::abort);
    claim.close();
    assertNull(reader.poll());
  }

  @Test
  void anotherThreadThatClosesTheWriterLetsTheClaimEnd() throws Exception {
    ArrowClaim claim = codec.claimRows(writer, SCHEMA, 10, 200);
    Thread closer = new Thread(writer::close);
    closer.start();
    closer.join();
    fill(claim.root(), 10);
    QdsException refusal = assertThrows(QdsException.class, () -> claim.commit(10));
    assertEquals(QdsException.Reason.CLOSED, refusal.reason());
    claim.close();
    assertNull(reader.poll());
  }

  @Test
  void refusalsLeaveTheClaimOpen() throws InterruptedException {
    try (ArrowClaim claim = codec.claimRows(writer, SCHEMA, 10, 200)) {
      fill(claim.root(), 10);
      assertThrows(IllegalArgumentException.class, () -> claim.commit(-1));
      // More rows than there is room for.
      assertThrows(OutOfMemoryException.class, () -> claim.commit(1_000_000));
      claim.commit(10);
    }
    try (Message<ArrowTable> message = receive()) {
      assertFilled(message.value().root(), 10);
    }
    assertThrows(IllegalArgumentException.class, () -> codec.claim(writer, SCHEMA, -1));
    assertThrows(IllegalArgumentException.class, () -> codec.claimRows(writer, SCHEMA, -1, 1));
    assertThrows(IllegalArgumentException.class, () -> codec.claimRows(writer, SCHEMA, 1));
    assertThrows(IllegalArgumentException.class, () -> codec.claimRows(writer, SCHEMA, 1, 1, 1));
    assertThrows(IllegalArgumentException.class, () -> codec.claimRows(writer, SCHEMA, 1, -1));
    QdsException tooLarge =
        assertThrows(QdsException.class, () -> codec.claim(writer, SCHEMA, 1L << 40));
    assertEquals(QdsException.Reason.MESSAGE_TOO_LARGE, tooLarge.reason());
    // None of them has left the writer in use.
    codec.claim(writer, SCHEMA, 0).abort();
  }

  @Test
  void dictionariesAreGivenWithTheClaim() throws InterruptedException {
    DictionaryEncoding encoding = new DictionaryEncoding(1, false, new ArrowType.Int(32, true));
    Schema schema =
        new Schema(
            List.of(
                new Field(
                    "word", new FieldType(true, encoding.getIndexType(), encoding), List.of())));
    try (VarCharVector words = new VarCharVector("words", allocator)) {
      words.setSafe(0, "zero".getBytes(StandardCharsets.UTF_8));
      words.setSafe(1, "one".getBytes(StandardCharsets.UTF_8));
      words.setValueCount(2);
      MapDictionaryProvider dictionaries =
          new MapDictionaryProvider(new Dictionary(words, encoding));
      try (ArrowClaim claim =
          codec.claim(writer, schema, dictionaries, 4096, Duration.ofSeconds(30))) {
        IntVector indices = (IntVector) claim.root().getVector(0);
        indices.setSafe(0, 1);
        indices.setNull(1);
        indices.setSafe(2, 0);
        claim.commit(3);
      }
      try (Message<ArrowTable> message = receive()) {
        ArrowTable table = message.value();
        assertEquals(schema, table.schema());
        assertEquals(List.of("1", "null", "0"), Values.of(table.root().getVector(0)));
        assertEquals(List.of("zero", "one"), Values.of(table.dictionaries().lookup(1).getVector()));
      }
    }
  }

  @Test
  void aClaimThatFindsNoRoomInTimeIsNull() throws InterruptedException {
    try (ArrowClaim claim = codec.claimRows(writer, SCHEMA, 10, 3 << 20)) {
      fill(claim.root(), 10);
      claim.root().getVector("t").setValueCount(10);
      claim.commit(10);
    }
    Message<ArrowTable> message = receive();
    ArrowClaim second =
        codec.claim(writer, SCHEMA, new MapDictionaryProvider(), 3 << 20, Duration.ZERO);
    second.abort();
    for (int i = 0; i < 2000; i++) {
      ArrowClaim claim =
          codec.claim(writer, SCHEMA, new MapDictionaryProvider(), 3 << 20, Duration.ZERO);
      if (claim == null) {
        message.close();
        return;
      }
      claim.root().allocateNew();
      ((BigIntVector) claim.root().getVector("n")).set(0, i);
      claim.commit(1);
    }
    throw new AssertionError("there is always room");
  }

  @Test
  void theExampleArrives(@TempDir Path other) throws InterruptedException {
    ArrowExamples.claim(other, List.of(new Text("Alice"), new Text("Bob")));
    try (Reader<ArrowTable> names = Qds.reader("names", codec).directory(other).open();
        Message<ArrowTable> message = names.read(Duration.ofSeconds(30))) {
      VectorSchemaRoot root = message.value().root();
      assertEquals(List.of("0", "1"), Values.of(root.getVector("id")));
      assertEquals(List.of("Alice", "Bob"), Values.of(root.getVector("name")));
    }
  }
}
