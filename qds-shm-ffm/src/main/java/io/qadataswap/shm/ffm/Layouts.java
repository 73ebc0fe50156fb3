package io.qadataswap.shm.ffm;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;

/** How values lie in a segment: little-endian, whatever the machine. */
final class Layouts {
  static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;

  /** For plain access, at any offset. */
  static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(LITTLE_ENDIAN);

  /** For plain access, at any offset. */
  static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(LITTLE_ENDIAN);

  /** For acquire and release, which exist only with natural alignment. */
  static final VarHandle INT_WORD = ValueLayout.JAVA_INT.withOrder(LITTLE_ENDIAN).varHandle();

  /** For acquire and release, which exist only with natural alignment. */
  static final VarHandle LONG_WORD = ValueLayout.JAVA_LONG.withOrder(LITTLE_ENDIAN).varHandle();

  private Layouts() {}
}
