package io.qadataswap.codec.raw;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;

/**
 * Batches with a column of every type, with and without nulls, whose values follow from the row.
 */
final class Samples {
  private static final int FIXED_WIDTH = 3;

  private Samples() {}

  static RawSchema schema() {
    List<RawField> fields = new ArrayList<>();
    for (RawType type : RawType.values()) {
      String name = type.name().toLowerCase(java.util.Locale.ROOT);
      RawField field =
          type == RawType.FIXED ? RawField.fixed(name, FIXED_WIDTH) : RawField.of(name, type);
      fields.add(field);
      fields.add(new RawField("naïve " + name, type, field.width(), true));
    }
    return RawSchema.of(fields);
  }

  static RawBatch batch(int rowCount) {
    RawBatch batch = RawBatch.allocate(schema(), rowCount, 40L * rowCount);
    fill(batch, rowCount, 0);
    return batch.setRowCount(rowCount);
  }

  static void fill(RawBatch batch, int rowCount, int seed) {
    for (RawColumn column : batch.columns()) {
      for (int row = 0; row < rowCount; row++) {
        if (isNull(column, row)) {
          column.setNull(row);
        } else {
          set(column, row, row + seed);
        }
      }
    }
  }

  static void check(RawBatch batch, int rowCount, int seed) {
    assertEquals(schema(), batch.schema());
    assertEquals(rowCount, batch.rowCount());
    for (RawColumn column : batch.columns()) {
      assertEquals(rowCount > 0 && column.field().nullable(), column.hasNulls());
      for (int row = 0; row < rowCount; row++) {
        assertEquals(isNull(column, row), column.isNull(row), column.field() + " row " + row);
        if (!column.isNull(row)) {
          check(column, row, row + seed);
        }
      }
    }
  }

  static String text(int value) {
    return "aé€😀".substring(0, value % 4) + "x".repeat(value % 5) + value;
  }

  private static boolean isNull(RawColumn column, int row) {
    return column.field().nullable() && row % 3 == 0;
  }

  private static byte[] bytes(int value, int length) {
    byte[] bytes = new byte[length];
    for (int i = 0; i < length; i++) {
      bytes[i] = (byte) (value * 31 + i);
    }
    return bytes;
  }

  private static void set(RawColumn column, int row, int value) {
    switch (column.field().type()) {
      case INT8, UINT8 -> column.setByte(row, (byte) -value);
      case INT16, UINT16 -> column.setShort(row, (short) (value * -257));
      case INT32, UINT32 -> column.setInt(row, value * -65537);
      case INT64, UINT64, TIMESTAMP -> column.setLong(row, value * -0x1_0000_0001L);
      case FLOAT32 -> column.setFloat(row, value / 2f);
      case FLOAT64 -> column.setDouble(row, value / 4d);
      case BOOL -> column.setBoolean(row, value % 2 == 0);
      case FIXED -> column.setBytes(row, bytes(value, FIXED_WIDTH), 0, FIXED_WIDTH);
      case UTF8 -> column.setString(row, text(value));
      case BINARY -> column.setBytes(row, bytes(value, value % 7 + 1), 1, value % 7);
    }
  }

  private static void check(RawColumn column, int row, int value) {
    switch (column.field().type()) {
      case INT8, UINT8 -> assertEquals((byte) -value, column.getByte(row));
      case INT16, UINT16 -> assertEquals((short) (value * -257), column.getShort(row));
      case INT32, UINT32 -> assertEquals(value * -65537, column.getInt(row));
      case INT64, UINT64, TIMESTAMP -> assertEquals(value * -0x1_0000_0001L, column.getLong(row));
      case FLOAT32 -> assertEquals(value / 2f, column.getFloat(row));
      case FLOAT64 -> assertEquals(value / 4d, column.getDouble(row));
      case BOOL -> assertEquals(value % 2 == 0, column.getBoolean(row));
      case FIXED -> checkBytes(column, row, bytes(value, FIXED_WIDTH), 0);
      case UTF8 -> assertEquals(text(value), column.getString(row));
      case BINARY -> checkBytes(column, row, bytes(value, value % 7 + 1), 1);
    }
  }

  private static void checkBytes(RawColumn column, int row, byte[] expected, int from) {
    byte[] found = new byte[expected.length - from];
    assertEquals(found.length, column.length(row));
    assertEquals(found.length, column.getBytes(row, found, 0));
    assertArrayEquals(java.util.Arrays.copyOfRange(expected, from, expected.length), found);
  }
}
