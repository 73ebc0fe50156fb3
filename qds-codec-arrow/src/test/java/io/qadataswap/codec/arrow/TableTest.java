package io.qadataswap.codec.arrow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.qadataswap.codec.arrow.support.Loopback;
import io.qadataswap.codec.arrow.support.Loopback.Sent;
import io.qadataswap.codec.arrow.support.Samples;
import io.qadataswap.codec.arrow.support.Values;
import java.util.List;
import java.util.Map;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ViewVarCharVector;
import org.apache.arrow.vector.complex.ListVector;
import org.apache.arrow.vector.complex.StructVector;
import org.apache.arrow.vector.dictionary.Dictionary;
import org.apache.arrow.vector.dictionary.DictionaryEncoder;
import org.apache.arrow.vector.dictionary.DictionaryProvider.MapDictionaryProvider;
import org.apache.arrow.vector.extension.UuidType;
import org.apache.arrow.vector.types.UnionMode;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.DictionaryEncoding;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.arrow.vector.types.pojo.Schema;
import org.apache.arrow.vector.util.Text;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What a table holds beside its vectors, and what is said about tables that are not in order. */
class TableTest {
  private static final ArrowType INT = new ArrowType.Int(32, true);

  private final BufferAllocator allocator = new RootAllocator();
  private final Loopback loopback = new Loopback(allocator, true);

  @AfterEach
  void nothingIsLeft() {
    loopback.close();
    allocator.close();
  }

  @Test
  void metadataOfSchemaAndFieldsArrives() {
    Field field =
        new Field("price", new FieldType(false, INT, null, Map.of("unit", "CHF", "ü", "")), null);
    Field inner = new Field("x", new FieldType(true, INT, null, Map.of("inner", "yes")), null);
    Field nested = new Field("nested", FieldType.nullable(ArrowType.List.INSTANCE), List.of(inner));
    Schema schema = new Schema(List.of(field, nested), Map.of("origin", "exchange", "day", "2"));
    try (VectorSchemaRoot root = new Samples(allocator, 1, false).batch(schema, 3)) {
      Sent sent = loopback.send(ArrowTable.of(root));
      assertEquals(schema, sent.read().schema());
      sent.close();
    }
  }

  @Test
  void aSchemaWithoutBatchesArrives() {
    Schema schema = new Schema(Samples.fields());
    Sent sent = loopback.send(ArrowTable.of(schema, List.of(), new MapDictionaryProvider()));
    ArrowTable table = sent.read();
    assertEquals(schema, table.schema());
    assertEquals(0, table.batchCount());
    assertEquals(0, table.rowCount());
    IllegalStateException refusal = assertThrows(IllegalStateException.class, table::root);
    assertTrue(refusal.getMessage().contains("batchCount=0"), refusal.getMessage());
    sent.close();
    assertEquals(1, sent.releaseCount());
  }

  @Test
  void rowsWithoutColumnsArrive() {
    try (VectorSchemaRoot root = new VectorSchemaRoot(new Schema(List.of()), List.of(), 5)) {
      Sent sent = loopback.send(ArrowTable.of(root));
      assertEquals(5, sent.read().rowCount());
      sent.close();
    }
  }

  @Test
  void schemaChangesFromMessageToMessage() {
    Samples samples = new Samples(allocator, 1, true);
    for (Field field : Samples.fields()) {
      try (VectorSchemaRoot root = samples.batch(List.of(field), 10)) {
        Sent sent = loopback.send(ArrowTable.of(root));
        Values.assertSame(root, sent.read().root());
        sent.close();
      }
    }
  }

  @Test
  void rowsChangeFromMessageToMessageInOneTable() {
    try (IntVector vector = new IntVector("i", allocator);
        VectorSchemaRoot root = VectorSchemaRoot.of(vector)) {
      ArrowTable table = ArrowTable.of(root);
      for (int count = 0; count < 200; count++) {
        vector.allocateNew();
        for (int i = 0; i < count; i++) {
          vector.setSafe(i, i * count);
        }
        root.setRowCount(count);
        Sent sent = loopback.send(table);
        Values.assertSame(root, sent.read().root());
        sent.close();
      }
    }
  }

  @Test
  void dictionariesArrive() {
    DictionaryEncoding encoding = new DictionaryEncoding(7, true, new ArrowType.Int(8, true));
    try (VarCharVector values = text("values", "north", "south", null, "west");
        VarCharVector plain = text("plain", "south", "north", null, "west", "south")) {
      Dictionary dictionary = new Dictionary(values, encoding);
      try (FieldVector encoded = (FieldVector) DictionaryEncoder.encode(plain, dictionary);
          VectorSchemaRoot root = VectorSchemaRoot.of(encoded)) {
        Sent sent = loopback.send(ArrowTable.of(root, new MapDictionaryProvider(dictionary)));
        ArrowTable table = sent.read();
        Values.assertSame(root, table.root());
        Dictionary received = table.dictionaries().lookup(7);
        assertEquals(encoding, received.getEncoding());
        assertEquals(encoding, table.schema().findField("plain").getDictionary());
        try (FieldVector decoded =
            (FieldVector) DictionaryEncoder.decode(table.root().getVector(0), received)) {
          assertEquals(Values.of(plain), Values.of(decoded));
        }
        // Forwarding needs no more than what was received.
        Sent forwarded = loopback.send(table);
        ArrowTable again = forwarded.read();
        assertEquals(Values.of(values), Values.of(again.dictionaries().lookup(7).getVector()));
        forwarded.close();
        sent.close();
      }
    }
  }

  @Test
  void dictionariesThatReferToDictionariesArrive() {
    DictionaryEncoding inner = new DictionaryEncoding(1, false, null);
    DictionaryEncoding outer = new DictionaryEncoding(2, false, null);
    Field item = new Field("item", new FieldType(true, INT, inner, null), null);
    Field lists = new Field("lists", FieldType.nullable(ArrowType.List.INSTANCE), List.of(item));
    Field column = new Field("column", new FieldType(true, INT, outer, null), null);
    try (VarCharVector words = text("words", "a", "b", "c");
        FieldVector dictionary = new Samples(allocator, 3, false).vector(lists, 4);
        FieldVector indices = column.createVector(allocator);
        VectorSchemaRoot root = VectorSchemaRoot.of(indices)) {
      FieldVector items = ((ListVector) dictionary).getDataVector();
      for (int i = 0; i < items.getValueCount(); i++) {
        ((IntVector) items).set(i, i % 3);
      }
      for (int i = 0; i < 6; i++) {
        ((IntVector) indices).setSafe(i, i % 4);
      }
      root.setRowCount(6);
      MapDictionaryProvider provider =
          new MapDictionaryProvider(
              new Dictionary(words, inner), new Dictionary(dictionary, outer));
      Sent sent = loopback.send(ArrowTable.of(root, provider));
      ArrowTable table = sent.read();
      Values.assertSame(root, table.root());
      assertEquals(Values.of(words), Values.of(table.dictionaries().lookup(1).getVector()));
      FieldVector received = table.dictionaries().lookup(2).getVector();
      assertEquals(Values.of(dictionary), Values.of(received));
      assertEquals(inner, received.getField().getChildren().get(0).getDictionary());
      sent.close();
    }
  }

  @Test
  void aDictionaryMayChangeItsTypeFromMessageToMessage() {
    DictionaryEncoding encoding = new DictionaryEncoding(1, false, null);
    Field column = new Field("column", new FieldType(true, INT, encoding, null), null);
    try (VarCharVector words = text("words", "a");
        BigIntVector numbers = new BigIntVector("numbers", allocator);
        FieldVector indices = column.createVector(allocator);
        VectorSchemaRoot root = VectorSchemaRoot.of(indices)) {
      ((IntVector) indices).setSafe(0, 0);
      numbers.setSafe(0, 99);
      numbers.setValueCount(1);
      root.setRowCount(1);
      for (FieldVector values : List.of(words, numbers, words)) {
        Sent sent =
            loopback.send(
                ArrowTable.of(root, new MapDictionaryProvider(new Dictionary(values, encoding))));
        assertEquals(
            Values.of(values), Values.of(sent.read().dictionaries().lookup(1).getVector()));
        sent.close();
      }
    }
  }

  @Test
  void offsetsThatDoNotStartAtZeroArrive() {
    try (VarCharVector vector = text("v", "skipped", "one", null, "three");
        VarCharVector cut = new VarCharVector("v", allocator)) {
      // As other libraries slice: the same bytes, later offsets.
      cut.allocateNew(100, 3);
      cut.getDataBuffer().setBytes(0, vector.getDataBuffer(), 0, 15);
      for (int i = 0; i <= 3; i++) {
        cut.getOffsetBuffer().setInt(4L * i, vector.getOffsetBuffer().getInt(4L * (i + 1)));
      }
      cut.setNull(1);
      org.apache.arrow.vector.BitVectorHelper.setBit(cut.getValidityBuffer(), 0);
      org.apache.arrow.vector.BitVectorHelper.setBit(cut.getValidityBuffer(), 2);
      cut.setLastSet(2);
      cut.setValueCount(3);
      try (VectorSchemaRoot root = VectorSchemaRoot.of(cut)) {
        Sent sent = loopback.send(ArrowTable.of(root));
        VarCharVector received = (VarCharVector) sent.read().root().getVector(0);
        assertEquals(new Text("one"), received.getObject(0));
        assertNull(received.getObject(1));
        assertEquals(new Text("three"), received.getObject(2));
        sent.close();
      }
    }
  }

  @Test
  void viewsOfNullsAreZeros() {
    try (ViewVarCharVector vector = new ViewVarCharVector("v", allocator);
        VectorSchemaRoot root = VectorSchemaRoot.of(vector)) {
      for (int i = 0; i < 20; i++) {
        vector.setSafe(i, new Text("longer than twelve bytes " + i));
      }
      for (int i = 0; i < 20; i += 3) {
        vector.setNull(i);
      }
      root.setRowCount(20);
      Sent sent = loopback.send(ArrowTable.of(root));
      VectorSchemaRoot received = sent.read().root();
      Values.assertSame(root, received);
      ArrowBuf views = received.getVector(0).getDataBuffer();
      for (int i = 0; i < 20; i++) {
        long bits = views.getLong(16L * i) | views.getLong(16L * i + 8);
        assertEquals(i % 3 == 0, bits == 0, "view " + i);
      }
      sent.close();
    }
  }

  @Test
  void extensionTypesThatNobodyKnowsKeepTheirMetadata() {
    Map<String, String> metadata =
        Map.of("ARROW:extension:name", "some.unknown", "ARROW:extension:metadata", "m");
    Field field = new Field("e", new FieldType(true, INT, null, metadata), null);
    try (VectorSchemaRoot root = new Samples(allocator, 1, true).batch(List.of(field), 9)) {
      Sent sent = loopback.send(ArrowTable.of(root));
      Values.assertSame(root, sent.read().root());
      sent.close();
    }
    assertEquals("arrow.uuid", UuidType.INSTANCE.extensionName());
  }

  @Test
  void batchesMayBeReachedByIndexOnly() {
    Samples samples = new Samples(allocator, 1, true);
    Schema schema = new Schema(List.of(Field.nullable("i", INT)));
    try (VectorSchemaRoot one = samples.batch(schema, 1);
        VectorSchemaRoot two = samples.batch(schema, 2)) {
      ArrowTable table = ArrowTable.of(schema, List.of(one, two), new MapDictionaryProvider());
      assertEquals(3, table.rowCount());
      assertEquals(2, table.batch(1).getRowCount());
      assertThrows(IllegalStateException.class, table::root);
      assertTrue(
          assertThrows(IndexOutOfBoundsException.class, () -> table.batch(2))
              .getMessage()
              .contains("batch=2 allowed=0 to 1"));
    }
  }

  @Test
  void aForgottenRowCountIsNamed() {
    try (IntVector vector = new IntVector("price", allocator);
        VectorSchemaRoot root = VectorSchemaRoot.of(vector)) {
      vector.setSafe(0, 1);
      vector.setValueCount(1);
      assertRefused(ArrowTable.of(root), "field=price", "valueCount=1", "setRowCount");
    }
  }

  @Test
  void aMissingDictionaryIsNamed() {
    DictionaryEncoding encoding = new DictionaryEncoding(5, false, null);
    Field column = new Field("sector", new FieldType(true, INT, encoding, null), null);
    try (VectorSchemaRoot root = new Samples(allocator, 1, true).batch(List.of(column), 1)) {
      assertRefused(ArrowTable.of(root), "field=sector", "id=5", "DictionaryProvider");
    }
  }

  @Test
  void aBatchOfAnotherSchemaIsNamed() {
    Samples samples = new Samples(allocator, 1, true);
    Schema schema = new Schema(List.of(Field.nullable("i", INT)));
    try (VectorSchemaRoot one = samples.batch(schema, 1);
        VectorSchemaRoot other = samples.batch(List.of(Field.nullable("j", INT)), 1)) {
      assertRefused(
          ArrowTable.of(schema, List.of(one, other), new MapDictionaryProvider()),
          "batch 1",
          "Schema<j: Int(32, true)>",
          "different messages");
    }
  }

  @Test
  void aSchemaThatVectorsHaveOutgrownIsNamed() {
    try (StructVector struct = StructVector.empty("s", allocator);
        VectorSchemaRoot root = VectorSchemaRoot.of(struct)) {
      struct.addOrGet("late", FieldType.nullable(INT), IntVector.class).allocateNew();
      root.setRowCount(0);
      assertRefused(ArrowTable.of(root), "field=s", "1 child vectors", "syncSchema");
    }
  }

  @Test
  void aClosedRootIsNamed() {
    VectorSchemaRoot root = new Samples(allocator, 1, true).batch(Samples.fields(), 3);
    root.close();
    assertRefused(ArrowTable.of(root), "valueCount=0", "rowCount=3");
  }

  @Test
  void typesWithoutVectorAreNamed() {
    Field field = Field.nullable("d", new ArrowType.Decimal(9, 2, 32));
    Schema schema = new Schema(List.of(field));
    String message =
        assertThrows(
                io.qadataswap.api.QdsException.class,
                () -> loopback.send(ArrowTable.of(schema, List.of(), new MapDictionaryProvider())))
            .getMessage();
    assertTrue(message.contains("field=d: type Decimal(9, 2, 32) is not supported"), message);
  }

  @Test
  void structsAndUnionsThatArrowJavaMixesUpAreRefusedByTheReader() {
    Field a = Field.nullable("same", INT);
    for (ArrowType type :
        List.of(
            ArrowType.Struct.INSTANCE, new ArrowType.Union(UnionMode.Sparse, new int[] {0, 1}))) {
      Field field = new Field("mixed", FieldType.nullable(type), List.of(a, a));
      Sent sent =
          loopback.send(
              ArrowTable.of(new Schema(List.of(field)), List.of(), new MapDictionaryProvider()));
      String message = assertThrows(io.qadataswap.api.QdsException.class, sent::read).getMessage();
      assertTrue(message.contains("field=mixed"), message);
      assertTrue(message.contains("distinct names"), message);
      assertEquals(1, sent.releaseCount());
    }
  }

  private void assertRefused(ArrowTable table, String... parts) {
    String message =
        assertThrows(IllegalArgumentException.class, () -> loopback.send(table)).getMessage();
    assertTrue(message.startsWith("channel=loopback "), message);
    for (String part : parts) {
      assertTrue(message.contains(part), message);
    }
  }

  private VarCharVector text(String name, String... texts) {
    VarCharVector vector = new VarCharVector(name, allocator);
    for (int i = 0; i < texts.length; i++) {
      if (texts[i] == null) {
        vector.setNull(i);
      } else {
        vector.setSafe(i, new Text(texts[i]));
      }
    }
    vector.setValueCount(texts.length);
    return vector;
  }
}
