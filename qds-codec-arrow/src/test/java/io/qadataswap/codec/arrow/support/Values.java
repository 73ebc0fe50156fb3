package io.qadataswap.codec.arrow.support;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;

/** What a user reads out of tables, in a form that can be compared. */
public final class Values {
  private Values() {}

  /** Throws unless two batches have the same schema and the same values. */
  public static void assertSame(VectorSchemaRoot expected, VectorSchemaRoot actual) {
    requireEqual(expected.getSchema(), actual.getSchema(), "schema");
    requireEqual(expected.getRowCount(), actual.getRowCount(), "row count");
    for (int i = 0; i < expected.getFieldVectors().size(); i++) {
      FieldVector vector = expected.getVector(i);
      requireEqual(of(vector), of(actual.getVector(i)), vector.getField().toString());
    }
  }

  private static void requireEqual(Object expected, Object actual, String what) {
    if (!expected.equals(actual)) {
      throw new AssertionError(what + ": expected " + expected + " but was " + actual);
    }
  }

  /** Returns all values of a vector. */
  public static List<Object> of(FieldVector vector) {
    List<Object> values = new ArrayList<>();
    for (int i = 0; i < vector.getValueCount(); i++) {
      values.add(comparable(vector.getObject(i)));
    }
    return values;
  }

  private static Object comparable(Object value) {
    if (value instanceof byte[] bytes) {
      return HexFormat.of().formatHex(bytes);
    }
    if (value instanceof List<?> list) {
      return list.stream().map(Values::comparable).map(String::valueOf).toList();
    }
    if (value instanceof Map<?, ?> map) {
      Map<String, String> sorted = new TreeMap<>();
      map.forEach((key, item) -> sorted.put(key.toString(), String.valueOf(comparable(item))));
      return sorted;
    }
    if (value instanceof Object[] array) {
      return Arrays.deepToString(array);
    }
    return String.valueOf(value);
  }
}
