package io.qadataswap.codec.raw;

import io.qadataswap.api.channel.Memory;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Private bytes on the heap, for batches that belong to no channel. They have no address. */
final class HeapMemory implements Memory {
  private static final VarHandle INT =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  private final byte[] bytes;

  HeapMemory(byte[] bytes) {
    this.bytes = bytes;
  }

  @Override
  public long length() {
    return bytes.length;
  }

  @Override
  public long address() {
    throw new UnsupportedOperationException(
        "a batch in private memory has no address; write it to a channel");
  }

  @Override
  public byte getByte(long offset) {
    return bytes[at(offset)];
  }

  @Override
  public void putByte(long offset, byte value) {
    bytes[at(offset)] = value;
  }

  @Override
  public int getInt(long offset) {
    return (int) INT.get(bytes, at(offset));
  }

  @Override
  public void putInt(long offset, int value) {
    INT.set(bytes, at(offset), value);
  }

  @Override
  public long getLong(long offset) {
    return (long) LONG.get(bytes, at(offset));
  }

  @Override
  public void putLong(long offset, long value) {
    LONG.set(bytes, at(offset), value);
  }

  // Arrays have no ordered access of wider values: fences do the same.

  @Override
  public int getIntAcquire(long offset) {
    int value = getInt(aligned(offset, Integer.BYTES));
    VarHandle.acquireFence();
    return value;
  }

  @Override
  public void putIntRelease(long offset, int value) {
    aligned(offset, Integer.BYTES);
    VarHandle.releaseFence();
    putInt(offset, value);
  }

  @Override
  public long getLongAcquire(long offset) {
    long value = getLong(aligned(offset, Long.BYTES));
    VarHandle.acquireFence();
    return value;
  }

  @Override
  public void putLongRelease(long offset, long value) {
    aligned(offset, Long.BYTES);
    VarHandle.releaseFence();
    putLong(offset, value);
  }

  @Override
  public void getBytes(long offset, byte[] target, int targetOffset, int length) {
    System.arraycopy(bytes, at(offset), target, targetOffset, length);
  }

  @Override
  public void putBytes(long offset, byte[] source, int sourceOffset, int length) {
    System.arraycopy(source, sourceOffset, bytes, at(offset), length);
  }

  @Override
  public ByteBuffer slice(long offset, int length) {
    return ByteBuffer.wrap(bytes).slice(at(offset), length).order(ByteOrder.LITTLE_ENDIAN);
  }

  /** The array itself checks the upper bound. */
  private static int at(long offset) {
    if (offset < 0 || offset > Integer.MAX_VALUE) {
      throw new IndexOutOfBoundsException("offset=" + offset);
    }
    return (int) offset;
  }

  private static long aligned(long offset, int width) {
    if ((offset & (width - 1)) != 0) {
      throw new IllegalArgumentException(
          "offset=" + offset + " is not a multiple of " + width + ", as ordered access needs");
    }
    return offset;
  }
}
