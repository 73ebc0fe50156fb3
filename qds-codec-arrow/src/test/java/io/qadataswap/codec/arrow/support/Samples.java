package io.qadataswap.codec.arrow.support;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.BaseFixedWidthVector;
import org.apache.arrow.vector.BaseLargeVariableWidthVector;
import org.apache.arrow.vector.BaseVariableWidthVector;
import org.apache.arrow.vector.BaseVariableWidthViewVector;
import org.apache.arrow.vector.BitVector;
import org.apache.arrow.vector.BitVectorHelper;
import org.apache.arrow.vector.ExtensionTypeVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.complex.DenseUnionVector;
import org.apache.arrow.vector.complex.FixedSizeListVector;
import org.apache.arrow.vector.complex.LargeListVector;
import org.apache.arrow.vector.complex.LargeListViewVector;
import org.apache.arrow.vector.complex.ListVector;
import org.apache.arrow.vector.complex.ListViewVector;
import org.apache.arrow.vector.complex.RunEndEncodedVector;
import org.apache.arrow.vector.complex.StructVector;
import org.apache.arrow.vector.complex.UnionVector;
import org.apache.arrow.vector.extension.UuidType;
import org.apache.arrow.vector.types.DateUnit;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.IntervalUnit;
import org.apache.arrow.vector.types.TimeUnit;
import org.apache.arrow.vector.types.UnionMode;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.arrow.vector.types.pojo.Schema;

/** Vectors of every type of Arrow Java, filled with seeded values. */
public final class Samples {
  private static final String[] TEXTS = {
    "",
    "a",
    "qds",
    "Zürich",
    "日本語",
    "exactly twelve",
    "a text that is longer than twelve bytes",
    "😀"
  };

  private final BufferAllocator allocator;
  private final Random random;
  private final boolean nulls;

  public Samples(BufferAllocator allocator, long seed, boolean nulls) {
    this.allocator = allocator;
    this.random = new Random(seed);
    this.nulls = nulls;
  }

  /** Returns a field of each type, flat and nested, with a name that tells it. */
  public static List<Field> fields() {
    Map<String, ArrowType> flat = new LinkedHashMap<>();
    flat.put("null", ArrowType.Null.INSTANCE);
    flat.put("bool", ArrowType.Bool.INSTANCE);
    for (int bits = 8; bits <= 64; bits *= 2) {
      flat.put("int" + bits, new ArrowType.Int(bits, true));
      flat.put("uint" + bits, new ArrowType.Int(bits, false));
    }
    for (FloatingPointPrecision precision : FloatingPointPrecision.values()) {
      flat.put("float_" + precision, new ArrowType.FloatingPoint(precision));
    }
    flat.put("decimal128", new ArrowType.Decimal(20, 3, 128));
    flat.put("decimal256", new ArrowType.Decimal(50, 3, 256));
    flat.put("utf8", ArrowType.Utf8.INSTANCE);
    flat.put("binary", ArrowType.Binary.INSTANCE);
    flat.put("large_utf8", ArrowType.LargeUtf8.INSTANCE);
    flat.put("large_binary", ArrowType.LargeBinary.INSTANCE);
    flat.put("utf8_view", ArrowType.Utf8View.INSTANCE);
    flat.put("binary_view", ArrowType.BinaryView.INSTANCE);
    flat.put("fixed_size_binary", new ArrowType.FixedSizeBinary(5));
    for (DateUnit unit : DateUnit.values()) {
      flat.put("date_" + unit, new ArrowType.Date(unit));
    }
    for (TimeUnit unit : TimeUnit.values()) {
      boolean coarse = unit == TimeUnit.SECOND || unit == TimeUnit.MILLISECOND;
      flat.put("time_" + unit, new ArrowType.Time(unit, coarse ? 32 : 64));
      flat.put("timestamp_" + unit, new ArrowType.Timestamp(unit, null));
      flat.put("timestamp_tz_" + unit, new ArrowType.Timestamp(unit, "Europe/Zurich"));
      flat.put("duration_" + unit, new ArrowType.Duration(unit));
    }
    for (IntervalUnit unit : IntervalUnit.values()) {
      flat.put("interval_" + unit, new ArrowType.Interval(unit));
    }
    List<Field> fields = new ArrayList<>();
    flat.forEach((name, type) -> fields.add(Field.nullable(name, type)));
    fields.add(new Field("uuid", FieldType.nullable(UuidType.INSTANCE), null));

    Field item = Field.nullable("item", new ArrowType.Int(32, true));
    Field text = Field.nullable("text", ArrowType.Utf8.INSTANCE);
    fields.add(nested("list", ArrowType.List.INSTANCE, item));
    fields.add(nested("list_of_text", ArrowType.List.INSTANCE, text));
    fields.add(nested("large_list", ArrowType.LargeList.INSTANCE, item));
    fields.add(nested("list_view", ArrowType.ListView.INSTANCE, item));
    fields.add(nested("large_list_view", ArrowType.LargeListView.INSTANCE, item));
    fields.add(nested("fixed_size_list", new ArrowType.FixedSizeList(3), item));
    Field struct = nested("struct", ArrowType.Struct.INSTANCE, item, text);
    fields.add(struct);
    fields.add(nested("list_of_struct", ArrowType.List.INSTANCE, struct));
    fields.add(
        nested(
            "list_of_list", ArrowType.List.INSTANCE, nested("l", ArrowType.List.INSTANCE, text)));
    Field key = Field.notNullable("key", ArrowType.Utf8.INSTANCE);
    Field entries =
        new Field("entries", FieldType.notNullable(ArrowType.Struct.INSTANCE), List.of(key, item));
    fields.add(nested("map", new ArrowType.Map(false), entries));
    int[] typeIds = {3, 7};
    fields.add(nested("dense_union", new ArrowType.Union(UnionMode.Dense, typeIds), item, text));
    fields.add(nested("sparse_union", new ArrowType.Union(UnionMode.Sparse, typeIds), item, text));
    for (int bits = 16; bits <= 64; bits *= 2) {
      Field ends = Field.notNullable("run_ends", new ArrowType.Int(bits, true));
      fields.add(nested("run_ends_" + bits, ArrowType.RunEndEncoded.INSTANCE, ends, text));
    }
    return fields;
  }

  private static Field nested(String name, ArrowType type, Field... children) {
    return new Field(name, FieldType.nullable(type), List.of(children));
  }

  /** Returns a batch with one column for each field. */
  public VectorSchemaRoot batch(List<Field> fields, int rowCount) {
    return batch(new Schema(fields), rowCount);
  }

  /** Returns a batch of a schema. */
  public VectorSchemaRoot batch(Schema schema, int rowCount) {
    List<FieldVector> vectors = new ArrayList<>();
    for (Field field : schema.getFields()) {
      vectors.add(vector(field, rowCount));
    }
    return new VectorSchemaRoot(schema, vectors, rowCount);
  }

  /** Returns a filled vector. */
  public FieldVector vector(Field field, int rowCount) {
    FieldVector vector = field.createVector(allocator);
    fill(vector, rowCount, nulls && field.isNullable());
    return vector;
  }

  private void fill(FieldVector vector, int count, boolean withNulls) {
    if (vector instanceof ExtensionTypeVector<?> extension) {
      fill(extension.getUnderlyingVector(), count, withNulls);
    } else if (vector instanceof BaseFixedWidthVector fixed) {
      fillFixed(fixed, count, withNulls);
    } else if (vector instanceof BaseVariableWidthVector text) {
      text.allocateNew();
      for (int i = 0; i < count; i++) {
        if (isNull(withNulls)) {
          text.setNull(i);
        } else {
          text.setSafe(i, bytes());
        }
      }
      text.setValueCount(count);
    } else if (vector instanceof BaseLargeVariableWidthVector text) {
      text.allocateNew();
      for (int i = 0; i < count; i++) {
        if (isNull(withNulls)) {
          text.setNull(i);
        } else {
          text.setSafe(i, bytes());
        }
      }
      text.setValueCount(count);
    } else if (vector instanceof BaseVariableWidthViewVector views) {
      views.allocateNew();
      for (int i = 0; i < count; i++) {
        if (isNull(withNulls)) {
          views.setNull(i);
        } else {
          views.setSafe(i, bytes());
        }
      }
      views.setValueCount(count);
    } else {
      fillNested(vector, count, withNulls);
    }
  }

  private void fillNested(FieldVector vector, int count, boolean withNulls) {
    if (vector instanceof ListVector list) {
      list.allocateNew();
      int childCount = 0;
      for (int i = 0; i < count; i++) {
        if (isNull(withNulls)) {
          list.setNull(i);
        } else {
          int size = random.nextInt(4);
          list.startNewValue(i);
          list.endValue(i, size);
          childCount += size;
        }
      }
      fill(list.getDataVector(), childCount, list.getDataVector().getField().isNullable());
      list.setValueCount(count);
    } else if (vector instanceof LargeListVector list) {
      list.allocateNew();
      int childCount = 0;
      for (int i = 0; i < count; i++) {
        if (isNull(withNulls)) {
          list.setNull(i);
        } else {
          int size = random.nextInt(4);
          list.startNewValue(i);
          list.endValue(i, size);
          childCount += size;
        }
      }
      fill(list.getDataVector(), childCount, true);
      list.setValueCount(count);
    } else if (vector instanceof ListViewVector list) {
      list.allocateNew();
      fill(list.getDataVector(), 10, true);
      for (int i = 0; i < count; i++) {
        int size = random.nextInt(4);
        list.setValidity(i, isNull(withNulls) ? 0 : 1);
        list.setOffset(i, random.nextInt(10 - size));
        list.setSize(i, size);
      }
      list.setValueCount(count);
      list.getDataVector().setValueCount(10);
    } else if (vector instanceof LargeListViewVector list) {
      list.allocateNew();
      fill(list.getDataVector(), 10, true);
      for (int i = 0; i < count; i++) {
        int size = random.nextInt(4);
        list.setValidity(i, isNull(withNulls) ? 0 : 1);
        list.setOffset(i, random.nextInt(10 - size));
        list.setSize(i, size);
      }
      list.setValueCount(count);
      list.getDataVector().setValueCount(10);
    } else if (vector instanceof FixedSizeListVector list) {
      list.allocateNew();
      for (int i = 0; i < count; i++) {
        if (isNull(withNulls)) {
          list.setNull(i);
        } else {
          list.startNewValue(i);
        }
      }
      fill(list.getDataVector(), count * list.getListSize(), true);
      list.setValueCount(count);
    } else if (vector instanceof StructVector struct) {
      struct.allocateNew();
      for (FieldVector child : struct.getChildrenFromFields()) {
        fill(child, count, nulls && child.getField().isNullable());
      }
      for (int i = 0; i < count; i++) {
        if (isNull(withNulls)) {
          struct.setNull(i);
        } else {
          struct.setIndexDefined(i);
        }
      }
      struct.setValueCount(count);
    } else {
      fillUnionOrRuns(vector, count);
    }
  }

  private void fillUnionOrRuns(FieldVector vector, int count) {
    if (vector instanceof DenseUnionVector union) {
      union.setInitialCapacity(Math.max(1, count));
      union.allocateNew();
      int[] typeIds = ((ArrowType.Union) union.getField().getType()).getTypeIds();
      int[] childCounts = new int[typeIds.length];
      while (union.getTypeBuffer().capacity() < count
          || union.getOffsetBuffer().capacity() < 4L * count) {
        union.reAlloc();
      }
      for (int i = 0; i < count; i++) {
        int child = random.nextInt(typeIds.length);
        union.getTypeBuffer().setByte(i, typeIds[child]);
        union.getOffsetBuffer().setInt(4L * i, childCounts[child]++);
      }
      for (int i = 0; i < typeIds.length; i++) {
        fill(union.getChildrenFromFields().get(i), childCounts[i], nulls);
      }
      union.setValueCount(count);
    } else if (vector instanceof UnionVector union) {
      union.setInitialCapacity(Math.max(1, count));
      union.allocateNew();
      while (union.getTypeBuffer().capacity() < count) {
        union.reAlloc();
      }
      for (int i = 0; i < count; i++) {
        union.getTypeBuffer().setByte(i, random.nextBoolean() ? 3 : 7);
      }
      for (FieldVector child : union.getChildrenFromFields()) {
        fill(child, count, nulls);
      }
      union.setValueCount(count);
    } else if (vector instanceof RunEndEncodedVector runs) {
      int runCount = (count + 2) / 3;
      BaseFixedWidthVector ends = (BaseFixedWidthVector) runs.getRunEndsVector();
      ends.allocateNew(Math.max(1, runCount));
      for (int i = 0; i < runCount; i++) {
        BitVectorHelper.setBit(ends.getValidityBuffer(), i);
        int end = Math.min(count, 3 * (i + 1));
        ends.getDataBuffer().setZero((long) i * ends.getTypeWidth(), ends.getTypeWidth());
        ends.getDataBuffer().setShort((long) i * ends.getTypeWidth(), end);
      }
      ends.setValueCount(runCount);
      fill(runs.getValuesVector(), runCount, nulls);
      runs.setValueCount(count);
    } else {
      // A vector of nulls.
      vector.setValueCount(count);
    }
  }

  /** Writes small numbers, which are right for every type: days, decimals, times of the day. */
  private void fillFixed(BaseFixedWidthVector vector, int count, boolean withNulls) {
    vector.allocateNew(Math.max(1, count));
    ArrowBuf data = vector.getDataBuffer();
    data.setZero(0, data.capacity());
    int width = vector.getTypeWidth();
    for (int i = 0; i < count; i++) {
      if (isNull(withNulls)) {
        vector.setNull(i);
        continue;
      }
      BitVectorHelper.setBit(vector.getValidityBuffer(), i);
      int value = random.nextInt(80_000);
      if (vector instanceof BitVector) {
        BitVectorHelper.setValidityBit(data, i, value & 1);
      } else {
        for (int j = 0; j < Math.min(width, 4); j++) {
          data.setByte((long) i * width + j, value >>> (8 * j));
        }
      }
    }
    vector.setValueCount(count);
  }

  private boolean isNull(boolean withNulls) {
    return withNulls && random.nextInt(4) == 0;
  }

  private byte[] bytes() {
    return TEXTS[random.nextInt(TEXTS.length)].getBytes(StandardCharsets.UTF_8);
  }
}
