package io.qadataswap.codec.arrow;

import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.util.MemoryUtil;

/**
 * Reads ints of memory that may be a mapping whose file is cut short.
 *
 * <p>Where Java widens an int that it has read to a long, C2 on x86 makes one instruction of both
 * (movslq), of which the JVM's fault handler (17 and 25) does not know the length: the JVM would
 * end instead of throwing InternalError. So what is read is combined with a value of which the
 * compiler does not know that it is always 0.
 */
final class Ints {
  @SuppressWarnings("FieldMayBeFinal") // see above
  private static int zero = 0;

  private Ints() {}

  static int get(ArrowBuf buffer, long offset) {
    return buffer.getInt(offset) ^ zero;
  }

  static int get(long address) {
    return MemoryUtil.getInt(address) ^ zero;
  }
}
