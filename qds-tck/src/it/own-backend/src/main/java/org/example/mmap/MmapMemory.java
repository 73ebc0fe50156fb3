package org.example.mmap;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import io.qadataswap.api.channel.Memory;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;

// tag::memory[]
/** Bytes outside the heap, whose bounds, alignment and life the JDK checks at each access. */
class MmapMemory implements Memory {
  private static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(LITTLE_ENDIAN);
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(LITTLE_ENDIAN);

  /** Ordered access is for aligned words alone. */
  private static final VarHandle INT_WORD =
      ValueLayout.JAVA_INT.withOrder(LITTLE_ENDIAN).varHandle();

  private static final VarHandle LONG_WORD =
      ValueLayout.JAVA_LONG.withOrder(LITTLE_ENDIAN).varHandle();

  final MemorySegment segment;

  /** Always 0, which the compiler cannot know: Memory.getInt says what for. */
  private int zero;

  MmapMemory(MemorySegment segment) {
    this.segment = segment;
  }

  /** Where stores go. */
  private MemorySegment target() {
    if (segment.isReadOnly()) {
      throw new UnsupportedOperationException("the file is mapped read-only");
    }
    return segment;
  }

  @Override
  public int getInt(long offset) {
    return segment.get(INT, offset) ^ zero;
  }

  @Override
  public void putInt(long offset, int value) {
    target().set(INT, offset, value);
  }

  @Override
  public long getLongAcquire(long offset) {
    return (long) LONG_WORD.getAcquire(segment, offset);
  }

  @Override
  public void putLongRelease(long offset, long value) {
    LONG_WORD.setRelease(target(), offset, value);
  }

  // end::memory[]

  @Override
  public int getIntAcquire(long offset) {
    return (int) INT_WORD.getAcquire(segment, offset) ^ zero;
  }

  @Override
  public void putIntRelease(long offset, int value) {
    INT_WORD.setRelease(target(), offset, value);
  }

  @Override
  public long getLong(long offset) {
    return segment.get(LONG, offset);
  }

  @Override
  public void putLong(long offset, long value) {
    target().set(LONG, offset, value);
  }

  @Override
  public byte getByte(long offset) {
    return segment.get(BYTE, offset);
  }

  @Override
  public void putByte(long offset, byte value) {
    target().set(BYTE, offset, value);
  }

  @Override
  public void getBytes(long offset, byte[] target, int targetOffset, int length) {
    MemorySegment.copy(segment, BYTE, offset, target, targetOffset, length);
  }

  @Override
  public void putBytes(long offset, byte[] source, int sourceOffset, int length) {
    MemorySegment.copy(source, sourceOffset, target(), BYTE, offset, length);
  }

  @Override
  public ByteBuffer slice(long offset, int length) {
    if (!segment.scope().isAlive()) {
      throw new IllegalStateException("the memory was given back");
    }
    return segment.asSlice(offset, length).asByteBuffer().order(LITTLE_ENDIAN);
  }

  @Override
  public long length() {
    return segment.byteSize();
  }

  @Override
  public long address() {
    return segment.address();
  }
}
