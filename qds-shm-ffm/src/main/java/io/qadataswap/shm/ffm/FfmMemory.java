package io.qadataswap.shm.ffm;

import io.qadataswap.api.channel.Memory;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Bytes of a memory segment. The JDK checks bounds, alignment and the arena's end on each access;
 * the methods only choose layouts, so that they inline to that check and one instruction.
 */
class FfmMemory implements Memory {
  final MemorySegment segment;
  private final boolean writable;

  /** Always 0, though the compiler cannot know; see {@link Memory#getInt}. */
  private int zero;

  FfmMemory(MemorySegment segment) {
    this.segment = segment;
    this.writable = !segment.isReadOnly();
  }

  @Override
  public final long length() {
    return segment.byteSize();
  }

  @Override
  public final long address() {
    return segment.address();
  }

  @Override
  public final byte getByte(long offset) {
    return segment.get(Layouts.BYTE, offset);
  }

  @Override
  public final void putByte(long offset, byte value) {
    target().set(Layouts.BYTE, offset, value);
  }

  @Override
  public final int getInt(long offset) {
    return segment.get(Layouts.INT, offset) ^ zero;
  }

  @Override
  public final void putInt(long offset, int value) {
    target().set(Layouts.INT, offset, value);
  }

  @Override
  public final long getLong(long offset) {
    return segment.get(Layouts.LONG, offset);
  }

  @Override
  public final void putLong(long offset, long value) {
    target().set(Layouts.LONG, offset, value);
  }

  @Override
  public final int getIntAcquire(long offset) {
    return (int) Layouts.INT_WORD.getAcquire(segment, offset) ^ zero;
  }

  @Override
  public final void putIntRelease(long offset, int value) {
    Layouts.INT_WORD.setRelease(target(), offset, value);
  }

  @Override
  public final long getLongAcquire(long offset) {
    return (long) Layouts.LONG_WORD.getAcquire(segment, offset);
  }

  @Override
  public final void putLongRelease(long offset, long value) {
    Layouts.LONG_WORD.setRelease(target(), offset, value);
  }

  @Override
  public final void getBytes(long offset, byte[] target, int targetOffset, int length) {
    MemorySegment.copy(segment, Layouts.BYTE, offset, target, targetOffset, length);
  }

  @Override
  public final void putBytes(long offset, byte[] source, int sourceOffset, int length) {
    MemorySegment.copy(source, sourceOffset, target(), Layouts.BYTE, offset, length);
  }

  @Override
  public final ByteBuffer slice(long offset, int length) {
    if (!segment.scope().isAlive()) {
      throw new IllegalStateException("the memory was given back");
    }
    return segment.asSlice(offset, length).asByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
  }

  /** Where stores go. The JDK refuses them too, by an exception that depends on its version. */
  private MemorySegment target() {
    if (!writable) {
      throw new UnsupportedOperationException("the segment is mapped read-only");
    }
    return segment;
  }
}
