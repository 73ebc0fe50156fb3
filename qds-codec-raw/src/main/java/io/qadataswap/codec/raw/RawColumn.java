package io.qadataswap.codec.raw;

import io.qadataswap.api.Region;
import java.nio.charset.StandardCharsets;
import net.openhft.chronicle.bytes.BytesStore;

/**
 * A column of a {@link RawBatch}: a view of its memory, with a pair of methods for each width of
 * values. Every access is checked: the column's type, the row, the place in the message, and that
 * the message or claim is open.
 *
 * <p>Columns of texts and bytes are filled row by row, in ascending order; rows that are passed
 * over become empty. Others may be filled in any order, and hold anything where nothing was set.
 *
 * <p>Nothing blocks or allocates except where it says so. One thread at a time.
 */
public final class RawColumn {
  private static final int BYTES = bits(RawType.INT8, RawType.UINT8);
  private static final int SHORTS = bits(RawType.INT16, RawType.UINT16);
  private static final int INTS = bits(RawType.INT32, RawType.UINT32);
  private static final int LONGS = bits(RawType.INT64, RawType.UINT64, RawType.TIMESTAMP);
  private static final int FLOATS = bits(RawType.FLOAT32);
  private static final int DOUBLES = bits(RawType.FLOAT64);
  private static final int BOOLEANS = bits(RawType.BOOL);
  private static final int TEXTS = bits(RawType.UTF8);
  private static final int VARIABLE = bits(RawType.UTF8, RawType.BINARY);
  private static final int SEQUENCES = VARIABLE | bits(RawType.FIXED);

  private final RawBatch batch;
  private final RawField field;
  private final int bit;
  private final int width;

  private int rowCount;
  private long validity;
  private long values;
  private long data;
  private long dataLength;
  private RegionStore valuesStore;
  private RegionStore dataStore;

  // While the batch is being filled:
  private long claimedValidity;
  private long dataCapacity;
  private int nextRow;

  /** Where the next text begins. Kept here: what was stored may be overwritten by others. */
  private int dataEnd;

  RawColumn(RawBatch batch, RawField field) {
    this.batch = batch;
    this.field = field;
    this.bit = bits(field.type());
    this.width = field.width();
  }

  /**
   * Returns what the column is.
   *
   * @return the field
   */
  public RawField field() {
    return field;
  }

  /**
   * Returns whether there may be nulls in this batch.
   *
   * @return false if {@link #isNull} is false for every row
   */
  public boolean hasNulls() {
    return validity != 0;
  }

  /**
   * Returns whether a value is null. What the other methods return for it then means nothing.
   *
   * @param row of the value
   * @return whether it is null
   */
  public boolean isNull(int row) {
    requireRow(row);
    return validity != 0
        && ((batch.region().getByte(validity + row / Byte.SIZE) >>> (row % Byte.SIZE)) & 1) == 0;
  }

  /**
   * Returns a value of {@link RawType#INT8} or {@link RawType#UINT8}.
   *
   * @param row of the value
   * @return the value
   */
  public byte getByte(int row) {
    return batch.region().getByte(at(row, BYTES, 0));
  }

  /**
   * Returns a value of {@link RawType#INT16} or {@link RawType#UINT16}.
   *
   * @param row of the value
   * @return the value
   */
  public short getShort(int row) {
    long offset = at(row, SHORTS, 1);
    // Regions have no shorts: buffers are padded, so the int around it is inside, too.
    return (short)
        (batch.region().getInt(offset & -Integer.BYTES) >>> ((offset & Short.BYTES) * Byte.SIZE));
  }

  /**
   * Returns a value of {@link RawType#INT32} or {@link RawType#UINT32}.
   *
   * @param row of the value
   * @return the value
   */
  public int getInt(int row) {
    return batch.region().getInt(at(row, INTS, 2));
  }

  /**
   * Returns a value of {@link RawType#INT64}, {@link RawType#UINT64} or {@link RawType#TIMESTAMP}.
   *
   * @param row of the value
   * @return the value
   */
  public long getLong(int row) {
    return batch.region().getLong(at(row, LONGS, 3));
  }

  /**
   * Returns a value of {@link RawType#FLOAT32}.
   *
   * @param row of the value
   * @return the value
   */
  public float getFloat(int row) {
    return Float.intBitsToFloat(batch.region().getInt(at(row, FLOATS, 2)));
  }

  /**
   * Returns a value of {@link RawType#FLOAT64}.
   *
   * @param row of the value
   * @return the value
   */
  public double getDouble(int row) {
    return batch.region().getDouble(at(row, DOUBLES, 3));
  }

  /**
   * Returns a value of {@link RawType#BOOL}.
   *
   * @param row of the value
   * @return the value
   */
  public boolean getBoolean(int row) {
    return batch.region().getByte(at(row, BOOLEANS, 0)) != 0;
  }

  /**
   * Returns the number of bytes of a value of {@link RawType#UTF8}, {@link RawType#BINARY} or
   * {@link RawType#FIXED}.
   *
   * @param row of the value
   * @return bytes
   */
  public int length(int row) {
    requireType(SEQUENCES);
    requireRow(row);
    if (width != 0) {
      return width;
    }
    long range = range(row);
    return (int) range - (int) (range >>> Integer.SIZE);
  }

  /**
   * Copies a value of {@link RawType#UTF8}, {@link RawType#BINARY} or {@link RawType#FIXED}.
   *
   * @param row of the value
   * @param target to copy to
   * @param targetOffset of the first byte there
   * @return the number of bytes, {@link #length}
   * @throws IndexOutOfBoundsException if they do not fit into the target
   */
  public int getBytes(int row, byte[] target, int targetOffset) {
    requireType(SEQUENCES);
    requireRow(row);
    long offset;
    int count;
    if (width != 0) {
      offset = values + (long) row * width;
      count = width;
    } else {
      long range = range(row);
      int start = (int) (range >>> Integer.SIZE);
      offset = data + start;
      count = (int) range - start;
    }
    batch.region().getBytes(offset, target, targetOffset, count);
    return count;
  }

  /**
   * Returns a value of {@link RawType#UTF8}. Allocates it. Bytes that are not well-formed show as
   * replacement characters.
   *
   * @param row of the value
   * @return the text
   */
  public String getString(int row) {
    requireType(TEXTS);
    requireRow(row);
    long range = range(row);
    int start = (int) (range >>> Integer.SIZE);
    byte[] bytes = new byte[(int) range - start];
    batch.region().getBytes(data + start, bytes, 0, bytes.length);
    return new String(bytes, StandardCharsets.UTF_8);
  }

  /**
   * Returns the values as Chronicle Bytes: those of fixed width, or the offsets of others (4 bytes
   * each, one more than rows). The store is checked as this column is, has no address, and ends
   * with the message or claim. Allocates at the first call, if the column has none yet.
   *
   * @return the store, for as long as this batch shows this message
   */
  public BytesStore<?, Void> values() {
    if (valuesStore == null) {
      valuesStore = new RegionStore();
    }
    pointStores();
    return valuesStore;
  }

  /**
   * Returns the bytes of all values of {@link RawType#UTF8} or {@link RawType#BINARY} as Chronicle
   * Bytes, see {@link #values()}.
   *
   * @return the store, for as long as this batch shows this message
   */
  public BytesStore<?, Void> data() {
    requireType(VARIABLE);
    if (dataStore == null) {
      dataStore = new RegionStore();
    }
    pointStores();
    return dataStore;
  }

  /**
   * Returns the address of the first value, or offset, in this process, for code that goes by
   * address. See {@link Region#address()} for what it has to mind.
   *
   * @return the address; a multiple of 64
   * @throws UnsupportedOperationException if the batch is private
   */
  public long address() {
    return batch.region().address() + values;
  }

  /**
   * Makes a value null.
   *
   * @param row of the value
   * @throws IllegalStateException if the column is not nullable, or the batch not being filled
   */
  public void setNull(int row) {
    batch.requireFilling();
    if (!field.nullable()) {
      throw new IllegalStateException(
          "column=" + field.name() + " has no nulls; declare it by RawField.orNull()");
    }
    requireRow(row);
    if (width == 0) {
      requireAscending(row);
      passTo(row);
      endRow(dataEnd);
    }
    if (validity == 0) {
      validity = claimedValidity;
      long length = RawDescriptor.padded(RawDescriptor.validityLength(rowCount));
      for (long i = 0; i < length; i += Long.BYTES) {
        batch.region().putLong(validity + i, -1);
      }
    }
    long offset = validity + row / Byte.SIZE;
    int bits = batch.region().getByte(offset);
    batch.region().putByte(offset, (byte) (bits & ~(1 << row % Byte.SIZE)));
  }

  /**
   * Sets a value of {@link RawType#INT8} or {@link RawType#UINT8}.
   *
   * @param row of the value
   * @param value to store
   */
  public void setByte(int row, byte value) {
    batch.region().putByte(atNew(row, BYTES, 0), value);
  }

  /**
   * Sets a value of {@link RawType#INT16} or {@link RawType#UINT16}.
   *
   * @param row of the value
   * @param value to store
   */
  public void setShort(int row, short value) {
    long offset = atNew(row, SHORTS, 1);
    batch.region().putByte(offset, (byte) value);
    batch.region().putByte(offset + 1, (byte) (value >>> Byte.SIZE));
  }

  /**
   * Sets a value of {@link RawType#INT32} or {@link RawType#UINT32}.
   *
   * @param row of the value
   * @param value to store
   */
  public void setInt(int row, int value) {
    batch.region().putInt(atNew(row, INTS, 2), value);
  }

  /**
   * Sets a value of {@link RawType#INT64}, {@link RawType#UINT64} or {@link RawType#TIMESTAMP}.
   *
   * @param row of the value
   * @param value to store
   */
  public void setLong(int row, long value) {
    batch.region().putLong(atNew(row, LONGS, 3), value);
  }

  /**
   * Sets a value of {@link RawType#FLOAT32}.
   *
   * @param row of the value
   * @param value to store
   */
  public void setFloat(int row, float value) {
    batch.region().putInt(atNew(row, FLOATS, 2), Float.floatToRawIntBits(value));
  }

  /**
   * Sets a value of {@link RawType#FLOAT64}.
   *
   * @param row of the value
   * @param value to store
   */
  public void setDouble(int row, double value) {
    batch.region().putDouble(atNew(row, DOUBLES, 3), value);
  }

  /**
   * Sets a value of {@link RawType#BOOL}.
   *
   * @param row of the value
   * @param value to store
   */
  public void setBoolean(int row, boolean value) {
    batch.region().putByte(atNew(row, BOOLEANS, 0), (byte) (value ? 1 : 0));
  }

  /**
   * Sets a value of {@link RawType#UTF8} (the caller sees to it that it is well-formed), {@link
   * RawType#BINARY} or {@link RawType#FIXED}.
   *
   * @param row of the value; for texts and bytes, none before the last one that was set
   * @param source of the bytes
   * @param sourceOffset of the first byte there
   * @param count of bytes; the width of a column of {@link RawType#FIXED}
   * @throws IllegalStateException if the data capacity is used up
   */
  public void setBytes(int row, byte[] source, int sourceOffset, int count) {
    if (width != 0) {
      long offset = atNew(row, SEQUENCES, 0);
      if (count != width) {
        throw new IllegalArgumentException(
            "column=" + field.name() + " count=" + count + " allowed=the width " + width);
      }
      batch.region().putBytes(offset, source, sourceOffset, count);
      return;
    }
    int start = startRow(row, SEQUENCES);
    requireRoom(row, start, count);
    batch.region().putBytes(data + start, source, sourceOffset, count);
    endRow(start + count);
  }

  /**
   * Sets a value of {@link RawType#UTF8}. An unpaired surrogate becomes a question mark, as in
   * {@link String#getBytes(java.nio.charset.Charset)}.
   *
   * @param row of the value; none before the last one that was set
   * @param text to store
   * @throws IllegalStateException if the data capacity is used up
   */
  public void setString(int row, CharSequence text) {
    int start = startRow(row, TEXTS);
    Region region = batch.region();
    int end = start;
    for (int i = 0; i < text.length(); i++) {
      char unit = text.charAt(i);
      if (unit < 0x80) {
        requireRoom(row, end, 1);
        region.putByte(data + end++, (byte) unit);
        continue;
      }
      int codePoint = unit;
      if (Character.isSurrogate(unit)) {
        codePoint = '?';
        if (Character.isHighSurrogate(unit)
            && i + 1 < text.length()
            && Character.isLowSurrogate(text.charAt(i + 1))) {
          codePoint = Character.toCodePoint(unit, text.charAt(++i));
        }
      }
      end = putCodePoint(row, end, codePoint);
    }
    endRow(end);
  }

  private int putCodePoint(int row, int start, int codePoint) {
    int count = codePoint < 0x80 ? 1 : codePoint < 0x800 ? 2 : codePoint < 0x10000 ? 3 : 4;
    requireRoom(row, start, count);
    Region region = batch.region();
    int rest = codePoint;
    for (int i = count - 1; i > 0; i--) {
      region.putByte(data + start + i, (byte) (0x80 | (rest & 0x3F)));
      rest >>>= 6;
    }
    int lead = count == 1 ? 0 : 0xF0 << (4 - count);
    region.putByte(data + start, (byte) (lead | rest));
    return start + count;
  }

  /** Points the column at a received message, whose place and length were checked. */
  void bind(int rows, long validityAt, long valuesAt, long dataAt, long dataCount) {
    rowCount = rows;
    validity = validityAt;
    values = valuesAt;
    data = dataAt;
    dataLength = dataCount;
    if (valuesStore != null || dataStore != null) {
      pointStores();
    }
  }

  void dataCapacity(long capacity) {
    if (capacity < 0 || capacity > Integer.MAX_VALUE) {
      throw new IllegalArgumentException(
          "column="
              + field.name()
              + " dataCapacity="
              + capacity
              + " allowed=0 to "
              + Integer.MAX_VALUE);
    }
    dataCapacity = width == 0 ? capacity : 0;
  }

  long placeFixed(long from, int rows) {
    long end = from;
    if (field.nullable()) {
      claimedValidity = end;
      end += RawDescriptor.padded(RawDescriptor.validityLength(rows));
    }
    values = end;
    return end + RawDescriptor.padded(RawDescriptor.valuesLength(width, rows));
  }

  long placeData(long from) {
    data = width == 0 ? from : 0;
    return from + RawDescriptor.padded(dataCapacity);
  }

  void begin(int rows) {
    rowCount = rows;
    validity = 0;
    nextRow = 0;
    dataEnd = 0;
    dataLength = dataCapacity;
    if (width == 0) {
      batch.region().putInt(values, 0);
    }
    if (valuesStore != null || dataStore != null) {
      pointStores();
    }
  }

  /** Ends filling, and returns where the used part of the data ends, 0 without data. */
  long complete(int rows) {
    if (width == 0) {
      passTo(rows);
      dataLength = dataEnd;
    } else {
      dataLength = 0;
    }
    rowCount = rows;
    return width == 0 ? data + RawDescriptor.padded(dataLength) : 0;
  }

  long validity() {
    return validity;
  }

  long valuesOffset() {
    return values;
  }

  long dataOffset() {
    return data;
  }

  long dataLength() {
    return dataLength;
  }

  /**
   * Loads and checks the two offsets of a row.
   *
   * @return the first in the upper half, the second in the lower
   */
  long range(int row) {
    long offset = values + (long) row * Integer.BYTES;
    int start = batch.region().getInt(offset);
    int end = batch.region().getInt(offset + Integer.BYTES);
    if (start < 0 || end < start || end > dataLength) {
      throw batch
          .faults()
          .corrupt(
              field.name(),
              "offsets " + start + " and " + end + " of row " + row,
              "0 <= first <= second <= " + dataLength);
    }
    return (long) start << Integer.SIZE | end;
  }

  /** Checks the first and the last offset of a received message. */
  void requireEnds() {
    int first = offsetOf(0);
    int last = offsetOf(rowCount);
    if (first != 0 || last < 0 || last > dataLength) {
      throw batch
          .faults()
          .corrupt(
              field.name(),
              "first offset=" + first + " last offset=" + last,
              "0 and 0 to " + dataLength);
    }
  }

  private int offsetOf(int row) {
    return batch.region().getInt(values + (long) row * Integer.BYTES);
  }

  private int startRow(int row, int types) {
    batch.requireFilling();
    requireType(types);
    requireRow(row);
    requireAscending(row);
    passTo(row);
    setValid(row);
    return dataEnd;
  }

  private void requireAscending(int row) {
    if (row < nextRow) {
      throw new IllegalStateException(
          "column="
              + field.name()
              + " row="
              + row
              + " allowed="
              + nextRow
              + " or more: texts and bytes are set in ascending order, once");
    }
  }

  /** Makes the rows before this one that were not set empty. */
  private void passTo(int row) {
    while (nextRow < row) {
      endRow(dataEnd);
    }
  }

  private void endRow(int end) {
    nextRow++;
    dataEnd = end;
    batch.region().putInt(values + (long) nextRow * Integer.BYTES, end);
  }

  private void setValid(int row) {
    if (validity != 0) {
      long offset = validity + row / Byte.SIZE;
      int bits = batch.region().getByte(offset);
      batch.region().putByte(offset, (byte) (bits | 1 << row % Byte.SIZE));
    }
  }

  private void requireRoom(int row, int start, int count) {
    if (count > dataCapacity - start) {
      throw new IllegalStateException(
          "column="
              + field.name()
              + " row="
              + row
              + " needs dataCapacity="
              + ((long) start + count)
              + " or more, found "
              + dataCapacity
              + "; ask for more when claiming or allocating");
    }
  }

  private void pointStores() {
    if (valuesStore != null) {
      valuesStore.point(batch.region(), values, RawDescriptor.valuesLength(width, rowCount));
    }
    if (dataStore != null) {
      dataStore.point(batch.region(), data, dataLength);
    }
  }

  private long at(int row, int types, int shift) {
    requireType(types);
    requireRow(row);
    return values + ((long) row << shift);
  }

  private long atNew(int row, int types, int shift) {
    batch.requireFilling();
    requireType(types);
    requireRow(row);
    setValid(row);
    return types == SEQUENCES ? values + (long) row * width : values + ((long) row << shift);
  }

  private void requireType(int types) {
    if ((bit & types) == 0) {
      throw new IllegalStateException(
          "column=" + field.name() + " has type " + field.type() + ": use the method for it");
    }
  }

  private void requireRow(int row) {
    if (row < 0 || row >= rowCount) {
      throw new IndexOutOfBoundsException(
          "column=" + field.name() + " row=" + row + " allowed=[0, " + rowCount + ")");
    }
  }

  private static int bits(RawType... types) {
    int bits = 0;
    for (RawType type : types) {
      bits |= 1 << type.code();
    }
    return bits;
  }
}
