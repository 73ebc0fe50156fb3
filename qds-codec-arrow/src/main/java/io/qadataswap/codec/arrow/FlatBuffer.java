package io.qadataswap.codec.arrow;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * Reads a FlatBuffers table tree from private bytes without trusting it: each reference is followed
 * only after the place that it points to was found inside the buffer, and the tables, strings and
 * vectors that were followed together may not be much larger than the buffer. So a small buffer
 * cannot stand for endless work by pointing to the same place again and again.
 *
 * <p>Positions are offsets from the start of the buffer; 0 means absent.
 */
final class FlatBuffer {
  /** How often the same bytes may be used: some builders store equal strings once. */
  private static final int SHARING_LIMIT = 16;

  private static final int VTABLE_HEADER_LENGTH = 4;

  private static final VarHandle SHORT =
      MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle INT =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  private final Faults faults;
  private byte[] bytes;
  private int length;
  private long budget;

  FlatBuffer(Faults faults) {
    this.faults = faults;
  }

  /** Points to the first {@code byteCount} bytes of an array. */
  void open(byte[] content, int byteCount) {
    bytes = content;
    length = byteCount;
    budget = (long) byteCount * SHARING_LIMIT;
  }

  /** Returns the root table. */
  int root(String name) {
    require(name, 0, Integer.BYTES);
    return table(name, intAt(0) & 0xFFFF_FFFFL);
  }

  /** Returns the table that a field refers to, or 0. */
  int table(int table, int slot, String name) {
    int place = field(table, slot, Integer.BYTES, name);
    return place == 0 ? 0 : table(name, target(place));
  }

  /** Returns the table that a vector's element refers to. */
  int tableElement(int vector, int index, String name) {
    return table(name, target(elements(vector) + index * Integer.BYTES));
  }

  /** Returns a vector, of which all elements lie inside the buffer, or 0. */
  int vector(int table, int slot, int elementLength, String name) {
    int place = field(table, slot, Integer.BYTES, name);
    if (place == 0) {
      return 0;
    }
    long vector = target(place);
    require(name, vector, Integer.BYTES);
    int count = intAt((int) vector);
    if (count < 0) {
      throw faults.corrupt(name, "count=" + count, "0 or more");
    }
    long byteCount = (long) count * elementLength;
    require(name, vector + Integer.BYTES, byteCount);
    spend(name, Integer.BYTES + byteCount);
    return (int) vector;
  }

  /** Returns the number of elements of a vector, 0 for an absent one. */
  int count(int vector) {
    return vector == 0 ? 0 : intAt(vector);
  }

  /** Returns the position of a vector's first element. */
  int elements(int vector) {
    return vector + Integer.BYTES;
  }

  byte byteField(int table, int slot, byte absent, String name) {
    int place = field(table, slot, Byte.BYTES, name);
    return place == 0 ? absent : bytes[place];
  }

  short shortField(int table, int slot, short absent, String name) {
    int place = field(table, slot, Short.BYTES, name);
    return place == 0 ? absent : (short) SHORT.get(bytes, place);
  }

  long longField(int table, int slot, long absent, String name) {
    int place = field(table, slot, Long.BYTES, name);
    return place == 0 ? absent : longAt(place);
  }

  int intField(int table, int slot, int absent, String name) {
    int place = field(table, slot, Integer.BYTES, name);
    return place == 0 ? absent : intAt(place);
  }

  /** Returns a string for messages, whatever it holds; empty if it is absent. */
  String text(int table, int slot, String name) {
    int vector = vector(table, slot, Byte.BYTES, name);
    return vector == 0
        ? ""
        : new String(bytes, elements(vector), count(vector), StandardCharsets.UTF_8);
  }

  /** Reads a long at a position that was found inside the buffer before. */
  long longAt(int position) {
    return (long) LONG.get(bytes, position);
  }

  private int intAt(int position) {
    return (int) INT.get(bytes, position);
  }

  private int unsignedShortAt(long position) {
    return (short) SHORT.get(bytes, (int) position) & 0xFFFF;
  }

  /** Returns where the reference at a place points to, which may be anywhere. */
  private long target(int place) {
    return place + (intAt(place) & 0xFFFF_FFFFL);
  }

  /** Returns where a table keeps a field, or 0 if it does not have it. */
  private int field(int table, int slot, int width, String name) {
    int vtable = table - intAt(table);
    int vtableLength = unsignedShortAt(vtable);
    int entry = VTABLE_HEADER_LENGTH + slot * Short.BYTES;
    if (entry + Short.BYTES > vtableLength) {
      return 0;
    }
    int offset = unsignedShortAt(vtable + entry);
    if (offset == 0) {
      return 0;
    }
    int tableLength = unsignedShortAt(vtable + Short.BYTES);
    if (offset + width > tableLength) {
      throw faults.corrupt(
          name, "offset=" + offset + " in its table", "0 to " + (tableLength - width));
    }
    return table + offset;
  }

  private int table(String name, long table) {
    require(name, table, Integer.BYTES);
    long vtable = table - intAt((int) table);
    require(name, vtable, VTABLE_HEADER_LENGTH);
    int vtableLength = unsignedShortAt(vtable);
    if (vtableLength < VTABLE_HEADER_LENGTH) {
      throw faults.corrupt(name, "vtableLength=" + vtableLength, VTABLE_HEADER_LENGTH + " or more");
    }
    require(name, vtable, vtableLength);
    int tableLength = unsignedShortAt(vtable + Short.BYTES);
    if (tableLength < Integer.BYTES) {
      throw faults.corrupt(name, "tableLength=" + tableLength, Integer.BYTES + " or more");
    }
    require(name, table, tableLength);
    spend(name, tableLength);
    return (int) table;
  }

  private void require(String name, long position, long byteCount) {
    if (position < 0 || position > length - byteCount) {
      throw faults.corrupt(
          name,
          "position=" + position + " length=" + byteCount + " in the metadata",
          "inside its " + length + " bytes");
    }
  }

  private void spend(String name, long byteCount) {
    budget -= byteCount;
    if (budget < 0) {
      throw faults.corrupt(
          name,
          "more than " + SHARING_LIMIT + " references to the same bytes of the metadata",
          "tables of their own");
    }
  }
}
