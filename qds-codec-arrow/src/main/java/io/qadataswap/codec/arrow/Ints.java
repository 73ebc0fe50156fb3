package io.qadataswap.codec.arrow;

import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.util.MemoryUtil;

/**
 * Reads ints of memory that may be a mapping whose file is cut short: combined with a value of
 * which the compiler does not know that it is always 0, as {@link
 * io.qadataswap.api.channel.Memory#getInt} says.
 */
final class Ints {
  @SuppressWarnings("FieldMayBeFinal") // see above
  private static int zero = 0;

  @SuppressWarnings("FieldMayBeFinal")
  private static long zeroLong = 0;

  private Ints() {}

  static int get(ArrowBuf buffer, long offset) {
    return buffer.getInt(offset) ^ zero;
  }

  static int get(long address) {
    return MemoryUtil.getInt(address) ^ zero;
  }

  /** For a byte that becomes an index: it is one of 256 values whatever the register held. */
  static byte getByte(long address) {
    return (byte) (MemoryUtil.getByte(address) ^ zero);
  }

  /** Reads a long that is not to become one instruction with what is done with it. */
  static long getLong(long address) {
    return MemoryUtil.getLong(address) ^ zeroLong;
  }
}
