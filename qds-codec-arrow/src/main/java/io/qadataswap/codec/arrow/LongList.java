package io.qadataswap.codec.arrow;

import java.util.Arrays;

/** Longs in an array that grows and is used again. */
final class LongList {
  private long[] values = new long[16];
  private int size;

  int size() {
    return size;
  }

  long get(int index) {
    return values[index];
  }

  void add(long value) {
    grow(1);
    values[size++] = value;
  }

  void add(long first, long second) {
    grow(2);
    values[size] = first;
    values[size + 1] = second;
    size += 2;
  }

  void add(long first, long second, long third) {
    grow(3);
    values[size] = first;
    values[size + 1] = second;
    values[size + 2] = third;
    size += 3;
  }

  private void grow(int count) {
    if (size > values.length - count) {
      values = Arrays.copyOf(values, size * 2);
    }
  }

  void clear() {
    size = 0;
  }
}
