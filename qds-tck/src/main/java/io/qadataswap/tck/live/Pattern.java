package io.qadataswap.tck.live;

import io.qadataswap.api.Region;
import java.util.Optional;

/** The payload of a message, which its sequence and a seed determine (PEER-09). */
final class Pattern {
  private static final long STEP = 0x9E37_79B9_7F4A_7C15L;

  private Pattern() {}

  static long word(long seed, long sequence) {
    long z = seed + (sequence + 1) * STEP;
    z = (z ^ (z >>> 30)) * 0xBF58_476D_1CE4_E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D0_49BB_1331_11EBL;
    return z ^ (z >>> 31);
  }

  /** The length of a message that is sent as one of many. */
  static long length(long seed, long sequence, long minLength, long maxLength) {
    return minLength + (word(seed, sequence) >>> 1) % (maxLength - minLength + 1);
  }

  static void fill(Region region, long length, long seed, long sequence) {
    long word = word(seed, sequence);
    long offset = 0;
    for (; offset <= length - 8; offset += 8) {
      region.putLong(offset, word);
    }
    for (; offset < length; offset++) {
      region.putByte(offset, (byte) (word >>> (8 * offset)));
    }
  }

  /** Says where a payload is another one; empty if it is right. */
  static Optional<String> difference(Region region, long seed, long sequence) {
    long word = word(seed, sequence);
    long length = region.length();
    long offset = 0;
    for (; offset <= length - 8; offset += 8) {
      long found = region.getLong(offset);
      if (found != word) {
        return Optional.of(difference(offset, found, word));
      }
    }
    for (; offset < length; offset++) {
      byte found = region.getByte(offset);
      if (found != (byte) (word >>> (8 * offset))) {
        return Optional.of(difference(offset, found & 0xFF, (word >>> (8 * offset)) & 0xFF));
      }
    }
    return Optional.empty();
  }

  private static String difference(long offset, long found, long expected) {
    return "offset="
        + offset
        + " found=0x"
        + Long.toHexString(found)
        + " allowed=0x"
        + Long.toHexString(expected);
  }
}
