package io.qadataswap.bench;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** A column of 64-bit integers. */
final class Column {
  /** Columns of a batch, of eight bytes a value each. The reader sums the first. */
  static final int COLUMN_COUNT = 4;

  /** Bytes of a row. */
  static final int ROW_LENGTH = COLUMN_COUNT * Long.BYTES;

  private static final int STEP = 4;

  private Column() {}

  /** Adds the values up; four sums at once, since one addition waits for the other. */
  static long sum(MemorySegment memory, long offset, int count) {
    long a = 0;
    long b = 0;
    long c = 0;
    long d = 0;
    int i = 0;
    for (; i <= count - STEP; i += STEP) {
      long at = offset + (long) i * Long.BYTES;
      a += memory.get(ValueLayout.JAVA_LONG_UNALIGNED, at);
      b += memory.get(ValueLayout.JAVA_LONG_UNALIGNED, at + 8);
      c += memory.get(ValueLayout.JAVA_LONG_UNALIGNED, at + 16);
      d += memory.get(ValueLayout.JAVA_LONG_UNALIGNED, at + 24);
    }
    for (; i < count; i++) {
      a += memory.get(ValueLayout.JAVA_LONG_UNALIGNED, offset + (long) i * Long.BYTES);
    }
    return a + b + c + d;
  }
}
