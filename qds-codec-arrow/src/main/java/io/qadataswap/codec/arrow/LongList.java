package io.qadataswap.codec.arrow;

import java.util.Arrays;

/** Longs in an array that grows and is used again, which knows whether it is filled as before. */
final class LongList {
  private long[] values = new long[16];
  private int size;
  private int sizeBefore;
  private boolean changed;

  int size() {
    return size;
  }

  long get(int index) {
    return values[index];
  }

  void add(long value) {
    grow(1);
    changed |= values[size] != value;
    values[size++] = value;
  }

  void add(long first, long second) {
    grow(2);
    changed |= values[size] != first || values[size + 1] != second;
    values[size] = first;
    values[size + 1] = second;
    size += 2;
  }

  private void grow(int count) {
    if (size > values.length - count) {
      values = Arrays.copyOf(values, size * 2);
    }
  }

  void clear() {
    sizeBefore = size;
    size = 0;
    changed = false;
  }

  /** Returns whether the list holds what it held when it was cleared. */
  boolean isAsBefore() {
    return !changed && size == sizeBefore;
  }
}
