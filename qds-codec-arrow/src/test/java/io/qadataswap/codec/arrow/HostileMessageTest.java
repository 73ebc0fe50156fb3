package io.qadataswap.codec.arrow;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import io.qadataswap.api.QdsException;
import io.qadataswap.codec.arrow.support.Loopback;
import io.qadataswap.codec.arrow.support.Loopback.Sent;
import io.qadataswap.codec.arrow.support.Samples;
import io.qadataswap.codec.arrow.support.Values;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.DateTimeException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BaseVariableWidthViewVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.complex.DenseUnionVector;
import org.apache.arrow.vector.complex.ListVector;
import org.apache.arrow.vector.complex.ListViewVector;
import org.apache.arrow.vector.complex.RunEndEncodedVector;
import org.apache.arrow.vector.complex.UnionVector;
import org.apache.arrow.vector.dictionary.Dictionary;
import org.apache.arrow.vector.dictionary.DictionaryProvider.MapDictionaryProvider;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.DictionaryEncoding;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.arrow.vector.types.pojo.Schema;
import org.apache.arrow.vector.util.Text;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Whatever a message holds, reading it ends in a table or in a {@link QdsException}. */
class HostileMessageTest {
  private static final ArrowType INT = new ArrowType.Int(32, true);
  private static final int ROW_COUNT = 20;
  private static final int ROUNDS = 400;
  private static final long[] WILD = {
    0, 1, -1, 2, 7, 64, 0x7F, 0xFF, 0x7FFF_FFFF, 0x8000_0000L, Long.MAX_VALUE, Long.MIN_VALUE
  };

  private final BufferAllocator allocator = new RootAllocator();

  @AfterEach
  void nothingIsLeft() {
    allocator.close();
  }

  @TestFactory
  List<DynamicTest> everyTypeDamaged() {
    List<DynamicTest> tests = new ArrayList<>();
    for (Field field : Samples.fields()) {
      tests.add(
          DynamicTest.dynamicTest(
              field.getName(),
              () -> {
                byte[] message;
                try (Loopback sender = new Loopback(allocator, false);
                    VectorSchemaRoot root =
                        new Samples(allocator, 1, true).batch(List.of(field), ROW_COUNT)) {
                  message = sender.send(ArrowTable.of(root)).bytes();
                }
                damage(message, false);
                damage(message, true);
              }));
    }
    return tests;
  }

  @Test
  void dictionariesDamaged() {
    byte[] message;
    try (Loopback sender = new Loopback(allocator, false)) {
      message = dictionaryMessage(sender, 1).bytes();
    }
    for (int i = 0; i < 5; i++) {
      damage(message, false);
      damage(message, true);
    }
  }

  /** Damages a message in many ways and reads it. */
  private void damage(byte[] message, boolean fullValidation) {
    int refused = 0;
    for (int round = 0; round < ROUNDS; round++) {
      Random random = new Random(round);
      byte[] damaged = message.clone();
      int bytesLeft = damaged.length;
      switch (random.nextInt(4)) {
        case 0 -> bytesLeft = random.nextInt(damaged.length);
        case 1 -> {
          for (int i = 0; i <= random.nextInt(8); i++) {
            damaged[random.nextInt(damaged.length)] ^= (byte) (1 << random.nextInt(8));
          }
        }
        case 2 -> {
          for (int i = 0; i <= random.nextInt(3); i++) {
            putLong(damaged, random.nextInt(damaged.length / 8) * 8, wild(random), 8);
          }
        }
        default -> {
          for (int i = 0; i <= random.nextInt(3); i++) {
            putLong(damaged, random.nextInt(damaged.length / 4) * 4, wild(random), 4);
          }
        }
      }
      try (Loopback reader = new Loopback(allocator, fullValidation)) {
        Sent sent = reader.send(Arrays.copyOf(damaged, bytesLeft));
        try {
          ArrowTable table = sent.read();
          if (fullValidation) {
            readAll(table);
          }
          sent.close();
        } catch (QdsException e) {
          refused++;
          assertTrue(e.getMessage().startsWith("channel=loopback message=0 "), e.getMessage());
        } catch (RuntimeException | Error e) {
          fail("round=" + round + " fullValidation=" + fullValidation, e);
        }
        assertEquals(1, sent.releaseCount(), "round=" + round);
        assertEquals(0, allocator.getAllocatedMemory(), "round=" + round);
      }
    }
    assertTrue(refused > ROUNDS / 10, "refused=" + refused);
  }

  /** After full validation every value can be read, though a time of day may be no time. */
  private static void readAll(ArrowTable table) {
    for (int i = 0; i < table.batchCount(); i++) {
      for (FieldVector vector : table.batch(i).getFieldVectors()) {
        for (int j = 0; j < vector.getValueCount(); j++) {
          try {
            vector.getObject(j);
          } catch (DateTimeException | ArithmeticException e) {
            // A value outside its type's range is not a wrong place.
          }
        }
      }
    }
  }

  private static long wild(Random random) {
    return random.nextBoolean() ? WILD[random.nextInt(WILD.length)] : random.nextInt(100_000);
  }

  private static void putLong(byte[] bytes, int position, long value, int width) {
    for (int i = 0; i < width; i++) {
      bytes[position + i] = (byte) (value >>> (8 * i));
    }
  }

  @Test
  void wildPlacesInMetadataAreNamed() {
    // Where BatchMetadata stores them, from the start of the record batch's frame.
    assertMetadataRefused(4, 4, -2, "frame", "metadataLength=-2");
    assertMetadataRefused(4, 4, Integer.MAX_VALUE, "frame", "metadataLength=2147483647");
    assertMetadataRefused(8, 4, 0x7FFF_FFF0, "field=Message", "position=2147483632");
    assertMetadataRefused(28, 4, 0xFFFF_FFF0L, "field=Message.header");
    assertMetadataRefused(32, 8, -1, "field=Message.bodyLength", "found -1");
    assertMetadataRefused(32, 8, Long.MAX_VALUE, "field=Message.bodyLength");
    assertMetadataRefused(40, 2, 9, "field=Message.version", "metadata version 9");
    assertMetadataRefused(42, 1, 1, "field=Message.header_type", "second schema");
    assertMetadataRefused(42, 1, 4, "field=Message.header_type", "header type 4");
    assertMetadataRefused(64, 8, 1L << 31, "field=RecordBatch.length", "length=2147483648");
    assertMetadataRefused(64, 8, -1, "field=RecordBatch.length", "length=-1");
    assertMetadataRefused(64, 8, 3, "field=t", "length=20", "rowCount=3");
    assertMetadataRefused(84, 4, 0x7FFF_FFFF, "field=RecordBatch.nodes");
    assertMetadataRefused(84, 4, -1, "field=RecordBatch.nodes", "count=-1");
    assertMetadataRefused(84, 4, 0, "field=RecordBatch.nodes", "count=0", "allowed 1");
    assertMetadataRefused(88, 8, 1L << 40, "field=t", "length=1099511627776");
    assertMetadataRefused(96, 8, 21, "field=t", "nullCount=21", "0 to 20");
    assertMetadataRefused(96, 8, -2, "field=t", "nullCount=-2");
    assertMetadataRefused(108, 4, 2, "field=t", "RecordBatch.buffers count=2");
    assertMetadataRefused(108, 4, 1 << 28, "field=RecordBatch.buffers");
    // Validity, offsets and data: place and length each.
    assertMetadataRefused(112, 8, -8, "field=t", "validity offset=-8");
    assertMetadataRefused(120, 8, -1, "field=t", "validity offset=0 length=-1");
    assertMetadataRefused(120, 8, 2, "field=t", "validity length=2", "3 or more");
    assertMetadataRefused(120, 8, 0, "field=t", "without validity");
    assertMetadataRefused(128, 8, Long.MAX_VALUE, "field=t", "offsets offset=");
    assertMetadataRefused(136, 8, 83, "field=t", "offsets length=83", "84 or more");
    assertMetadataRefused(136, 8, Long.MAX_VALUE, "field=t", "offsets offset=64 length=");
    assertMetadataRefused(152, 8, 5, "field=t", "data length=5");
  }

  @Test
  void aLengthThatIsOnlyClaimedTakesNoMemory() {
    for (String name : List.of("int64", "struct", "fixed_size_list", "list_view", "utf8_view")) {
      try (Loopback loopback = new Loopback(allocator, false);
          VectorSchemaRoot root = new Samples(allocator, 1, false).batch(field(name), ROW_COUNT)) {
        Sent sent = loopback.send(ArrowTable.of(root));
        int frame = sent.loan().region().getInt(4) + 8;
        byte[] bytes = sent.bytes();
        putLong(bytes, frame + 64, Integer.MAX_VALUE, 8);
        putLong(bytes, frame + 88, Integer.MAX_VALUE, 8);
        long peak = allocator.getPeakMemoryAllocation();
        assertRefused(loopback.send(bytes), "field=" + name);
        assertTrue(allocator.getPeakMemoryAllocation() < peak + (1 << 20), name);
      }
    }
  }

  private void assertMetadataRefused(int offset, int width, long value, String... parts) {
    for (boolean fullValidation : new boolean[] {false, true}) {
      try (Loopback loopback = new Loopback(allocator, fullValidation);
          VectorSchemaRoot root = texts()) {
        Sent sent = loopback.send(ArrowTable.of(root));
        int frame = sent.loan().region().getInt(4) + 8;
        byte[] bytes = sent.bytes();
        putLong(bytes, frame + offset, value, width);
        assertRefused(loopback.send(bytes), parts);
      }
    }
  }

  private VectorSchemaRoot texts() {
    VarCharVector vector = new VarCharVector("t", allocator);
    for (int i = 0; i < ROW_COUNT; i++) {
      if (i == 3) {
        vector.setNull(i);
      } else {
        vector.setSafe(i, new Text("text " + i));
      }
    }
    vector.setValueCount(ROW_COUNT);
    return VectorSchemaRoot.of(vector);
  }

  @Test
  void offsetsThatEndOutsideAreNamedAlways() {
    for (boolean fullValidation : new boolean[] {false, true}) {
      assertBodyRefused("utf8", fullValidation, v -> offsets(v).setInt(0, -1), "first offset=-1");
      assertBodyRefused(
          "utf8", fullValidation, v -> offsets(v).setInt(80, 1 << 20), "data length=");
      assertBodyRefused("utf8", fullValidation, v -> offsets(v).setInt(80, -5), "last offset=-5");
      assertBodyRefused(
          "large_utf8", fullValidation, v -> offsets(v).setLong(160, 1L << 60), "data length=");
      assertBodyRefused(
          "list", fullValidation, v -> offsets(v).setInt(80, 1000), "field=list.item", "1000");
      assertBodyRefused(
          "run_ends_32",
          fullValidation,
          v -> runEnds(v).setInt(24, 19),
          "last run end=19",
          "20 or more");
    }
  }

  @Test
  void wildPlacesInsideAreNamedByFullValidation() {
    assertBodyRefused("utf8", true, v -> offsets(v).setInt(40, 1 << 30), "at index 11");
    assertBodyRefused("utf8", true, v -> offsets(v).setInt(40, -1), "offset=-1 at index 10");
    assertBodyRefused("utf8", true, v -> v.getDataBuffer().setByte(0, 0xFF), "not UTF-8");
    assertBodyRefused("large_list", true, v -> offsets(v).setLong(80, -1), "offset=-1");
    assertBodyRefused("list_of_struct", true, v -> offsets(v).setInt(40, 1 << 30), "at index 11");
    assertBodyRefused(
        "list_view",
        true,
        v -> ((ListViewVector) v).getSizeBuffer().setInt(40, 11),
        "size=11 at index 10",
        "inside 10 values");
    assertBodyRefused(
        "dense_union",
        true,
        v -> ((DenseUnionVector) v).getTypeBuffer().setByte(10, 5),
        "type id=5 at index 10");
    assertBodyRefused(
        "dense_union",
        true,
        v -> ((DenseUnionVector) v).getOffsetBuffer().setInt(40, 20),
        "union offset=20 at index 10");
    assertBodyRefused(
        "sparse_union",
        true,
        v -> ((UnionVector) v).getTypeBuffer().setByte(10, 4),
        "type id=4 at index 10");
    assertBodyRefused("run_ends_32", true, v -> runEnds(v).setInt(4, 3), "run end=3 at index 1");
    assertBodyRefused("run_ends_32", true, v -> runEnds(v).setInt(0, 0), "run end=0 at index 0");
    assertBodyRefused("utf8_view", true, v -> longView(v, 8, 1), "view buffer=1");
    assertBodyRefused("utf8_view", true, v -> longView(v, 12, -1), "view offset=-1");
    assertBodyRefused("utf8_view", true, v -> longView(v, 12, 1 << 20), "view offset=1048576");
    assertBodyRefused("utf8_view", true, v -> longView(v, 0, 1 << 20), "length=1048576");
    assertBodyRefused("utf8_view", true, v -> longView(v, 0, -1), "view length=-1");
    assertBodyRefused("utf8_view", true, v -> longView(v, 4, 0), "prefix");
  }

  @Test
  void dictionaryIndicesAreCheckedByFullValidation() {
    try (Loopback loopback = new Loopback(allocator, true)) {
      Sent good = dictionaryMessage(loopback, 1);
      assertDoesNotThrow(good::read);
      good.close();
      assertRefused(
          dictionaryMessage(loopback, 3), "field=column", "dictionary index=3", "allowed 0 to 2");
      assertRefused(dictionaryMessage(loopback, -1), "field=column", "dictionary index=-1");
    }
    try (Loopback loopback = new Loopback(allocator, false)) {
      Sent structureOnly = dictionaryMessage(loopback, 3);
      structureOnly.read();
      structureOnly.close();
    }
  }

  @Test
  void malformedTextIsFoundExactly() {
    String[] wellFormed = {"61", "c3bc", "e697a5", "f09f9880", "f48fbfbf", "ed9fbf", "ee8080"};
    String[] malformed = {
      "80",
      "c3",
      "c0af",
      "e08080",
      "eda080",
      "f0808080",
      "f4908080",
      "f8888080",
      "ff",
      "e697",
      "61c3",
      "c361",
      "f09f98"
    };
    for (String text : wellFormed) {
      assertDoesNotThrow(() -> sendText(text), text);
    }
    for (String text : malformed) {
      QdsException refusal = assertThrows(QdsException.class, () -> sendText(text), text);
      assertTrue(refusal.getMessage().contains("not UTF-8 at index 1"), refusal.getMessage());
    }
  }

  private void sendText(String hex) {
    try (Loopback loopback = new Loopback(allocator, true);
        VarCharVector vector = new VarCharVector("t", allocator);
        VectorSchemaRoot root = VectorSchemaRoot.of(vector)) {
      vector.setSafe(0, new Text("before"));
      vector.setSafe(1, HexFormat.of().parseHex(hex));
      vector.setSafe(2, new Text("\u00e4fter"));
      root.setRowCount(3);
      Sent sent = loopback.send(ArrowTable.of(root));
      sent.read();
      sent.close();
    }
  }

  @Test
  void widthsThatAreNoneAreRefused() {
    // The only place where the message holds this number is the width in the schema.
    int width = 0x0171_2347;
    Field field = Field.nullable("b", new ArrowType.FixedSizeBinary(width));
    for (int damaged : new int[] {0, -1, Integer.MIN_VALUE + 5, Integer.MAX_VALUE}) {
      try (Loopback loopback = new Loopback(allocator, false)) {
        ArrowTable table =
            ArrowTable.of(new Schema(List.of(field)), List.of(), new MapDictionaryProvider());
        byte[] bytes = loopback.send(table).bytes();
        int position = 0;
        while (getInt(bytes, position) != width) {
          position += 4;
        }
        putLong(bytes, position, damaged, 4);
        assertRefused(loopback.send(bytes), "field=b", "FixedSizeBinary(" + damaged + ")");
      }
    }
  }

  @Test
  void decimalsThatArrowJavaDoesNotHaveAreRefusedByName() {
    Field field = Field.nullable("price", new ArrowType.Decimal(9, 2, 256));
    try (Loopback loopback = new Loopback(allocator, false)) {
      ArrowTable table =
          ArrowTable.of(new Schema(List.of(field)), List.of(), new MapDictionaryProvider());
      byte[] bytes = loopback.send(table).bytes();
      int position = 0;
      while (getInt(bytes, position) != 256) {
        position += 4;
      }
      putLong(bytes, position, 32, 4);
      Sent sent = loopback.send(bytes);
      assertEquals(
          QdsException.Reason.UNSUPPORTED, assertThrows(QdsException.class, sent::read).reason());
      assertRefused(loopback.send(bytes), "field=price", "a decimal of 32 bits");
    }
  }

  private static int getInt(byte[] bytes, int position) {
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getInt(position);
  }

  @Test
  void aSchemaThatPointsToItselfEnds() {
    try (Loopback loopback = new Loopback(allocator, false)) {
      Field inner = new Field("b", FieldType.nullable(ArrowType.Struct.INSTANCE), List.of());
      Field outer = new Field("a", FieldType.nullable(ArrowType.Struct.INSTANCE), List.of(inner));
      Sent sent =
          loopback.send(
              ArrowTable.of(new Schema(List.of(outer)), List.of(), new MapDictionaryProvider()));
      byte[] bytes = sent.bytes();
      // Every reference, one after the other, made to point to every table.
      int refused = 0;
      for (int from = 8; from < bytes.length - 8; from += 4) {
        for (int to = from + 4; to < bytes.length - 8; to += 4) {
          byte[] changed = bytes.clone();
          putLong(changed, from, to - from, 4);
          Sent hostile = loopback.send(changed);
          try {
            hostile.read();
            hostile.close();
          } catch (QdsException e) {
            refused++;
          }
          assertEquals(1, hostile.releaseCount());
        }
      }
      assertTrue(refused > 0);
    }
  }

  @Test
  void aSchemaThatUnfoldsWithoutEndIsRefused() {
    Field leaf = Field.nullable("leaf", ArrowType.Struct.INSTANCE);
    Field field = leaf;
    for (int i = 0; i < 50; i++) {
      field = new Field("s", FieldType.nullable(ArrowType.Struct.INSTANCE), List.of(field, leaf));
    }
    try (Loopback loopback = new Loopback(allocator, false)) {
      ArrowTable table =
          ArrowTable.of(new Schema(List.of(field)), List.of(), new MapDictionaryProvider());
      byte[] bytes = loopback.send(table).bytes();
      int changed = 0;
      // Of each pair of children the second becomes the first: two to the power of 50 fields.
      for (int p = 8; p < bytes.length - 12; p += 4) {
        int first = p + 4 + getInt(bytes, p + 4);
        int second = p + 8 + getInt(bytes, p + 8);
        boolean isPair = first > p && first < bytes.length && second > p && second < bytes.length;
        if (getInt(bytes, p) == 2 && isPair) {
          putLong(bytes, p + 8, first - (p + 8), 4);
          changed++;
        }
      }
      assertTrue(changed >= 50, "changed=" + changed);
      assertRefused(loopback.send(bytes), "references to the same bytes");
    }
  }

  @Test
  void anEmptyMessageIsRefused() {
    try (Loopback loopback = new Loopback(allocator, false)) {
      assertRefused(loopback.send(new byte[0]), "0 bytes without a schema");
      assertRefused(loopback.send(new byte[3]), "3 bytes after the last one");
      assertRefused(loopback.send(new byte[64]), "without a schema");
      assertRefused(loopback.send(new byte[] {-1, -1, -1, -1}), "0 bytes after the last one");
    }
  }

  @Test
  void aBadMessageDoesNotDisturbTheNext() {
    try (Loopback loopback = new Loopback(allocator, true);
        VectorSchemaRoot root = texts()) {
      Sent good = loopback.send(ArrowTable.of(root));
      byte[] bytes = good.bytes();
      Values.assertSame(root, good.read().root());
      good.close();
      assertRefused(loopback.send(Arrays.copyOf(bytes, bytes.length / 2)));
      Sent next = loopback.send(bytes);
      Values.assertSame(root, next.read().root());
      next.close();
    }
  }

  private static List<Field> field(String name) {
    return Samples.fields().stream().filter(field -> field.getName().equals(name)).toList();
  }

  private static ArrowBuf offsets(FieldVector vector) {
    return vector.getOffsetBuffer();
  }

  private static ArrowBuf runEnds(FieldVector vector) {
    return ((RunEndEncodedVector) vector).getRunEndsVector().getDataBuffer();
  }

  /** Changes a view that refers to a data buffer. */
  private static void longView(FieldVector vector, int field, int value) {
    BaseVariableWidthViewVector views = (BaseVariableWidthViewVector) vector;
    for (int i = 0; i < ROW_COUNT; i++) {
      if (!views.isNull(i) && views.getDataBuffer().getInt(16L * i) > 12) {
        views.getDataBuffer().setInt(16L * i + field, value);
        return;
      }
    }
    fail("no long view");
  }

  /** Changes a message through the vectors that show it, and reads it again. */
  private void assertBodyRefused(
      String name, boolean fullValidation, Consumer<FieldVector> change, String... parts) {
    try (Loopback loopback = new Loopback(allocator, fullValidation);
        VectorSchemaRoot root = new Samples(allocator, 1, true).batch(field(name), ROW_COUNT)) {
      Sent sent = loopback.send(ArrowTable.of(root));
      FieldVector vector = sent.read().root().getVector(0);
      change.accept(vector);
      byte[] changed = sent.bytes();
      sent.close();
      assertRefused(loopback.send(changed), parts);
    }
  }

  private static void assertRefused(Sent sent, String... parts) {
    QdsException refusal = assertThrows(QdsException.class, sent::read);
    for (String part : parts) {
      assertTrue(refusal.getMessage().contains(part), refusal.getMessage());
    }
    assertEquals(1, sent.releaseCount());
  }

  private Sent dictionaryMessage(Loopback loopback, int lastIndex) {
    DictionaryEncoding encoding = new DictionaryEncoding(1, false, null);
    Field column = new Field("column", new FieldType(true, INT, encoding, null), null);
    Field lists =
        new Field(
            "lists",
            FieldType.nullable(ArrowType.List.INSTANCE),
            List.of(Field.nullable("item", ArrowType.Utf8.INSTANCE)));
    try (FieldVector values = new Samples(allocator, 1, true).vector(lists, 3);
        IntVector indices = (IntVector) column.createVector(allocator);
        VectorSchemaRoot root = VectorSchemaRoot.of(indices)) {
      indices.setSafe(0, 0);
      indices.setNull(1);
      indices.setSafe(2, lastIndex);
      root.setRowCount(3);
      assertTrue(values instanceof ListVector);
      return loopback.send(
          ArrowTable.of(root, new MapDictionaryProvider(new Dictionary(values, encoding))));
    }
  }
}
