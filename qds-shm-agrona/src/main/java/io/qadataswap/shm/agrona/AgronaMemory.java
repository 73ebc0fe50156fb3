package io.qadataswap.shm.agrona;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import io.qadataswap.api.channel.Memory;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Objects;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * Bytes of a direct buffer. Agrona takes any offset when its checks are switched off by property,
 * and never minds whether the memory can be written: a store into a read-only mapping would end the
 * process. So everything is checked here.
 *
 * <p>The buffer's memory is freed by the garbage collector, so this object must not die while an
 * access is under way. A load or a store is over before the collector can run; copies of bytes take
 * longer, hence their fences.
 */
class AgronaMemory implements Memory {
  private static final boolean SWAP = ByteOrder.nativeOrder() != LITTLE_ENDIAN;

  private final ByteBuffer bytes;
  private final UnsafeBuffer buffer;
  private final boolean writable;

  /** Always 0, though the compiler cannot know; see {@link Memory#getInt}. */
  private int zero;

  /** Exclusive bound of access; negative after the end. */
  private int limit;

  AgronaMemory(ByteBuffer bytes) {
    this.bytes = bytes;
    this.buffer = new UnsafeBuffer(bytes);
    this.writable = !bytes.isReadOnly();
    this.limit = bytes.capacity();
  }

  /** Refuses access from now on. A loop in another thread may go on for a while, unharmed. */
  final void end() {
    limit = -1;
  }

  @Override
  public final long length() {
    return buffer.capacity();
  }

  @Override
  public final long address() {
    return buffer.addressOffset();
  }

  @Override
  public final byte getByte(long offset) {
    return buffer.getByte(at(offset, Byte.BYTES));
  }

  @Override
  public final void putByte(long offset, byte value) {
    buffer.putByte(atWritable(offset, Byte.BYTES), value);
  }

  @Override
  public final int getInt(long offset) {
    return buffer.getInt(at(offset, Integer.BYTES), LITTLE_ENDIAN) ^ zero;
  }

  @Override
  public final void putInt(long offset, int value) {
    buffer.putInt(atWritable(offset, Integer.BYTES), value, LITTLE_ENDIAN);
  }

  @Override
  public final long getLong(long offset) {
    return buffer.getLong(at(offset, Long.BYTES), LITTLE_ENDIAN);
  }

  @Override
  public final void putLong(long offset, long value) {
    buffer.putLong(atWritable(offset, Long.BYTES), value, LITTLE_ENDIAN);
  }

  @Override
  public final int getIntAcquire(long offset) {
    int value = buffer.getIntAcquire(aligned(at(offset, Integer.BYTES), Integer.BYTES));
    return (SWAP ? Integer.reverseBytes(value) : value) ^ zero;
  }

  @Override
  public final void putIntRelease(long offset, int value) {
    buffer.putIntRelease(
        aligned(atWritable(offset, Integer.BYTES), Integer.BYTES),
        SWAP ? Integer.reverseBytes(value) : value);
  }

  @Override
  public final long getLongAcquire(long offset) {
    long value = buffer.getLongAcquire(aligned(at(offset, Long.BYTES), Long.BYTES));
    return SWAP ? Long.reverseBytes(value) : value;
  }

  @Override
  public final void putLongRelease(long offset, long value) {
    buffer.putLongRelease(
        aligned(atWritable(offset, Long.BYTES), Long.BYTES),
        SWAP ? Long.reverseBytes(value) : value);
  }

  @Override
  public final void getBytes(long offset, byte[] target, int targetOffset, int length) {
    Objects.checkFromIndexSize(targetOffset, length, target.length);
    try {
      buffer.getBytes(at(offset, length), target, targetOffset, length);
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  @Override
  public final void putBytes(long offset, byte[] source, int sourceOffset, int length) {
    Objects.checkFromIndexSize(sourceOffset, length, source.length);
    try {
      buffer.putBytes(atWritable(offset, length), source, sourceOffset, length);
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  @Override
  public final ByteBuffer slice(long offset, int length) {
    return bytes.slice(at(offset, length), length).order(LITTLE_ENDIAN);
  }

  private int at(long offset, int width) {
    if (offset < 0 || width < 0 || offset > (long) limit - width) {
      throw refusal(offset, width);
    }
    return (int) offset;
  }

  private int atWritable(long offset, int width) {
    if (!writable) {
      throw new UnsupportedOperationException("the segment is mapped read-only");
    }
    return at(offset, width);
  }

  private static int aligned(int offset, int width) {
    if ((offset & (width - 1)) != 0) {
      throw new IllegalArgumentException(
          "offset=" + offset + " is not a multiple of " + width + ", as ordered access needs");
    }
    return offset;
  }

  private RuntimeException refusal(long offset, int width) {
    return limit < 0
        ? new IllegalStateException("the memory was given back")
        : new IndexOutOfBoundsException(
            "offset=" + offset + " width=" + width + " allowed=[0, " + limit + ")");
  }
}
