package io.qadataswap.tck;

import io.qadataswap.api.Message;
import io.qadataswap.api.Region;

/** Messages whose every byte, and length if asked for, follows from their sequence. */
final class Payloads {
  private static final int LENGTH_LIMIT = 20_000;

  private Payloads() {}

  /** Returns the length of a message whose length follows from its sequence too. */
  static int lengthOf(long sequence) {
    return lengthOf(sequence, LENGTH_LIMIT);
  }

  /** Returns a length from 0 to a limit, mostly a small one. */
  static int lengthOf(long sequence, int limit) {
    long mixed = mix(sequence);
    int range = (mixed & 7) == 0 ? limit : Math.min(limit, 256);
    return (int) Long.remainderUnsigned(mixed >>> 3, range + 1L);
  }

  static void fill(Region region, long sequence, int length) {
    int offset = 0;
    for (; offset + Long.BYTES <= length; offset += Long.BYTES) {
      region.putLong(offset, word(sequence, offset));
    }
    for (; offset < length; offset++) {
      region.putByte(offset, (byte) word(sequence, offset));
    }
  }

  /** Checks every byte of a message whose length and tag follow from its sequence too. */
  static void checkSelfDescribed(Message<Region> message) {
    long sequence = message.sequence();
    if (message.tag() != sequence || message.value().length() != lengthOf(sequence)) {
      throw new AssertionError(
          "message " + sequence + " tag=" + message.tag() + " length=" + message.value().length());
    }
    check(message);
  }

  /** Checks every byte of a message. */
  static void check(Message<Region> message) {
    check(message.value(), message.sequence());
  }

  static void check(Region region, long sequence) {
    long length = region.length();
    long offset = 0;
    for (; offset + Long.BYTES <= length; offset += Long.BYTES) {
      check(sequence, offset, word(sequence, offset), region.getLong(offset));
    }
    for (; offset < length; offset++) {
      check(sequence, offset, (byte) word(sequence, offset), region.getByte(offset));
    }
  }

  private static void check(long sequence, long offset, long expected, long found) {
    if (expected != found) {
      throw new AssertionError(
          "message " + sequence + " offset " + offset + ": " + expected + " became " + found);
    }
  }

  private static long word(long sequence, long offset) {
    return mix(sequence * 0x9E3779B97F4A7C15L + offset);
  }

  private static long mix(long value) {
    long z = value + 0x9E3779B97F4A7C15L;
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }
}
