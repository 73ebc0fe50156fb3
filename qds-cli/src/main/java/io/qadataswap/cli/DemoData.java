package io.qadataswap.cli;

import io.qadataswap.codec.arrow.ArrowTable;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.BitVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.FixedWidthVector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.TinyIntVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.complex.ListVector;
import org.apache.arrow.vector.dictionary.Dictionary;
import org.apache.arrow.vector.dictionary.DictionaryProvider.MapDictionaryProvider;
import org.apache.arrow.vector.ipc.ArrowFileReader;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.DictionaryEncoding;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.arrow.vector.types.pojo.Schema;
import org.apache.arrow.vector.util.ByteArrayReadableSeekableByteChannel;

/** The tables of the demo. Writer and reader make the same ones, each for itself. */
final class DemoData implements AutoCloseable {
  private static final String FLIGHTS = "flights-200k.arrow";
  private static final int[] MIXED_BATCH_ROW_COUNTS = {1000, 0, 517, 64};
  private static final String[] CARRIERS = {"American", "Delta", "JetBlue", "Southwest", "United"};
  private static final String[] CITIES = {"Boston", "Zürich", "São Paulo", "東京", "", "Reykjavík"};

  private final ArrowTable table;
  private final List<AutoCloseable> owned;

  private DemoData(ArrowTable table, List<AutoCloseable> owned) {
    this.table = table;
    this.owned = owned;
  }

  ArrowTable table() {
    return table;
  }

  @Override
  public void close() throws IOException {
    try {
      for (AutoCloseable closing : owned) {
        closing.close();
      }
    } catch (IOException | RuntimeException e) {
      throw e;
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  /** Returns the real flights as one batch of so many rows, repeating them if there are fewer. */
  static DemoData flights(int rowCount, BufferAllocator allocator) throws IOException {
    byte[] file;
    try (InputStream resource = DemoData.class.getResourceAsStream(FLIGHTS)) {
      file = resource.readAllBytes();
    }
    try (ArrowFileReader reader =
        new ArrowFileReader(new ByteArrayReadableSeekableByteChannel(file), allocator)) {
      VectorSchemaRoot source = reader.getVectorSchemaRoot();
      reader.loadNextBatch();
      int sourceRowCount = source.getRowCount();
      int targetRowCount = rowCount == 0 ? sourceRowCount : rowCount;
      VectorSchemaRoot batch = VectorSchemaRoot.create(source.getSchema(), allocator);
      for (int column = 0; column < batch.getFieldVectors().size(); column++) {
        FieldVector from = source.getVector(column);
        FieldVector to = batch.getVector(column);
        ((FixedWidthVector) to).allocateNew(targetRowCount);
        for (int row = 0; row < targetRowCount; row++) {
          to.copyFrom(row % sourceRowCount, row, from);
        }
      }
      batch.setRowCount(targetRowCount);
      return new DemoData(ArrowTable.of(batch), List.of(batch));
    }
  }

  /**
   * Returns a table with texts, nulls, a dictionary, lists and several batches, one of them empty.
   */
  static DemoData mixed(BufferAllocator allocator) {
    DictionaryEncoding encoding =
        new DictionaryEncoding(1, false, new ArrowType.Int(Byte.SIZE, true));
    ArrowType utf8 = ArrowType.Utf8.INSTANCE;
    Schema schema =
        new Schema(
            List.of(
                new Field(
                    "id", FieldType.notNullable(new ArrowType.Int(Long.SIZE, true)), List.of()),
                new Field("city", FieldType.nullable(utf8), List.of()),
                new Field(
                    "carrier",
                    new FieldType(true, new ArrowType.Int(Byte.SIZE, true), encoding),
                    List.of()),
                new Field(
                    "price",
                    new FieldType(
                        true,
                        new ArrowType.FloatingPoint(FloatingPointPrecision.DOUBLE),
                        null,
                        Map.of("unit", "EUR")),
                    List.of()),
                new Field("late", FieldType.nullable(ArrowType.Bool.INSTANCE), List.of()),
                new Field(
                    "stops",
                    FieldType.nullable(ArrowType.List.INSTANCE),
                    List.of(new Field("stop", FieldType.nullable(utf8), List.of())))),
            Map.of("purpose", "demo"));

    VarCharVector carriers = new VarCharVector("carriers", allocator);
    for (int i = 0; i < CARRIERS.length; i++) {
      carriers.setSafe(i, CARRIERS[i].getBytes(StandardCharsets.UTF_8));
    }
    carriers.setValueCount(CARRIERS.length);

    List<VectorSchemaRoot> batches = new ArrayList<>();
    int firstRow = 0;
    for (int batchRowCount : MIXED_BATCH_ROW_COUNTS) {
      VectorSchemaRoot batch = VectorSchemaRoot.create(schema, allocator);
      batch.allocateNew();
      for (int row = 0; row < batchRowCount; row++) {
        setMixedRow(batch, row, firstRow + row);
      }
      batch.setRowCount(batchRowCount);
      batches.add(batch);
      firstRow += batchRowCount;
    }
    List<AutoCloseable> owned = new ArrayList<>(batches);
    owned.add(carriers);
    return new DemoData(
        ArrowTable.of(
            schema, batches, new MapDictionaryProvider(new Dictionary(carriers, encoding))),
        owned);
  }

  private static void setMixedRow(VectorSchemaRoot batch, int row, int number) {
    ((BigIntVector) batch.getVector("id")).setSafe(row, 1L << (number % 60));
    if (number % 7 != 0) {
      byte[] city = CITIES[number % CITIES.length].getBytes(StandardCharsets.UTF_8);
      ((VarCharVector) batch.getVector("city")).setSafe(row, city);
    }
    if (number % 11 != 0) {
      ((TinyIntVector) batch.getVector("carrier")).setSafe(row, number % CARRIERS.length);
    }
    if (number % 5 != 0) {
      ((Float8Vector) batch.getVector("price")).setSafe(row, number * 0.01);
    }
    if (number % 3 != 0) {
      ((BitVector) batch.getVector("late")).setSafe(row, number % 2);
    }
    ListVector stops = (ListVector) batch.getVector("stops");
    if (number % 4 != 0) {
      VarCharVector items = (VarCharVector) stops.getDataVector();
      int start = stops.startNewValue(row);
      int count = number % 3;
      for (int i = 0; i < count; i++) {
        items.setSafe(
            start + i, CITIES[(number + i) % CITIES.length].getBytes(StandardCharsets.UTF_8));
      }
      stops.endValue(row, count);
    } else {
      stops.setNull(row);
    }
  }
}
