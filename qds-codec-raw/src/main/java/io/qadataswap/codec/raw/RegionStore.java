package io.qadataswap.codec.raw;

import io.qadataswap.api.Region;
import java.nio.BufferOverflowException;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.util.Objects;
import net.openhft.chronicle.bytes.BytesStore;
import net.openhft.chronicle.bytes.BytesUtil;
import net.openhft.chronicle.bytes.RandomDataInput;
import net.openhft.chronicle.core.io.ClosedIllegalStateException;
import net.openhft.chronicle.core.io.ReferenceChangeListener;
import net.openhft.chronicle.core.io.ReferenceOwner;

/**
 * A part of a {@link Region} as a store of Chronicle Bytes.
 *
 * <p>It is no native store, though its memory is: Chronicle reads native stores by {@code Unsafe},
 * past the store's bounds and past its end, and in ways that end the JVM where a mapped file was
 * cut short. Here each access is one of the region, which checks all of this; so there is no
 * address, and no compare-and-set either, which can end the JVM as well. Ordered and volatile
 * access is not ordered between processes: messages are handed over by the ring.
 *
 * <p>The claim or message owns the memory, so counting references to the store changes nothing.
 */
final class RegionStore implements BytesStore<RegionStore, Void> {
  private Region region;
  private long base;
  private long length;

  @SuppressWarnings("ReferenceEquality") // the very object, to spare a store
  void point(Region target, long offset, long count) {
    if (region != target) {
      region = target;
    }
    base = offset;
    length = count;
  }

  @Override
  public byte readByte(long offset) {
    return region.getByte(at(offset, Byte.BYTES));
  }

  @Override
  public short readShort(long offset) {
    long first = at(offset, Short.BYTES);
    return (short) ((region.getByte(first) & 0xFF) | (region.getByte(first + 1) << Byte.SIZE));
  }

  @Override
  public int readInt(long offset) {
    return region.getInt(at(offset, Integer.BYTES));
  }

  @Override
  public long readLong(long offset) {
    return region.getLong(at(offset, Long.BYTES));
  }

  @Override
  public float readFloat(long offset) {
    return Float.intBitsToFloat(readInt(offset));
  }

  @Override
  public double readDouble(long offset) {
    return Double.longBitsToDouble(readLong(offset));
  }

  @Override
  public int peekUnsignedByte(long offset) {
    return offset < 0 || offset >= length ? -1 : readByte(offset) & 0xFF;
  }

  @Override
  public byte readVolatileByte(long offset) {
    return readByte(offset);
  }

  @Override
  public short readVolatileShort(long offset) {
    return readShort(offset);
  }

  @Override
  public int readVolatileInt(long offset) {
    return readInt(offset);
  }

  @Override
  public long readVolatileLong(long offset) {
    return readLong(offset);
  }

  @Override
  public long read(long offset, byte[] bytes, int target, int count) {
    Objects.checkFromIndexSize(target, count, bytes.length);
    int used = (int) Math.min(count, Math.max(0, length - offset));
    region.getBytes(at(offset, used), bytes, target, used);
    return used;
  }

  @Override
  public RegionStore writeByte(long offset, byte value) {
    region.putByte(atNew(offset, Byte.BYTES), value);
    return this;
  }

  @Override
  public RegionStore writeShort(long offset, short value) {
    long first = atNew(offset, Short.BYTES);
    region.putByte(first, (byte) value);
    region.putByte(first + 1, (byte) (value >>> Byte.SIZE));
    return this;
  }

  @Override
  public RegionStore writeInt(long offset, int value) {
    region.putInt(atNew(offset, Integer.BYTES), value);
    return this;
  }

  @Override
  public RegionStore writeLong(long offset, long value) {
    region.putLong(atNew(offset, Long.BYTES), value);
    return this;
  }

  @Override
  public RegionStore writeFloat(long offset, float value) {
    return writeInt(offset, Float.floatToRawIntBits(value));
  }

  @Override
  public RegionStore writeDouble(long offset, double value) {
    return writeLong(offset, Double.doubleToRawLongBits(value));
  }

  @Override
  public RegionStore writeOrderedInt(long offset, int value) {
    return writeInt(offset, value);
  }

  @Override
  public RegionStore writeOrderedLong(long offset, long value) {
    return writeLong(offset, value);
  }

  @Override
  public RegionStore writeVolatileByte(long offset, byte value) {
    return writeByte(offset, value);
  }

  @Override
  public RegionStore writeVolatileShort(long offset, short value) {
    return writeShort(offset, value);
  }

  @Override
  public RegionStore writeVolatileInt(long offset, int value) {
    return writeInt(offset, value);
  }

  @Override
  public RegionStore writeVolatileLong(long offset, long value) {
    return writeLong(offset, value);
  }

  @Override
  public RegionStore write(long offset, byte[] bytes, int source, int count) {
    region.putBytes(atNew(offset, count), bytes, source, count);
    return this;
  }

  @Override
  public void write(long offset, ByteBuffer bytes, int source, int count) {
    long first = atNew(offset, count);
    for (int i = 0; i < count; i++) {
      region.putByte(first + i, bytes.get(source + i));
    }
  }

  @Override
  public RegionStore write(long offset, RandomDataInput bytes, long source, long count) {
    long first = atNew(offset, count);
    long done = 0;
    for (; done <= count - Long.BYTES; done += Long.BYTES) {
      region.putLong(first + done, bytes.readLong(source + done));
    }
    for (; done < count; done++) {
      region.putByte(first + done, bytes.readByte(source + done));
    }
    return this;
  }

  @Override
  public long write8bit(long offset, BytesStore<?, ?> bytes) {
    long count = bytes.readRemaining();
    long start = BytesUtil.writeStopBit(this, offset, count);
    write(start, bytes, bytes.readPosition(), count);
    return start + count;
  }

  @Override
  public long write8bit(long offset, String text, int start, int count) {
    long first = BytesUtil.writeStopBit(this, offset, count);
    for (int i = 0; i < count; i++) {
      char unit = text.charAt(start + i);
      writeByte(first + i, (byte) (unit > 0xFF ? '?' : unit));
    }
    return first + count;
  }

  /** Writes mantissa / 10^exponent as text, and ".0" behind a whole number if that is asked for. */
  @Override
  public long appendAndReturnLength(
      long offset, boolean negative, long mantissa, int exponent, boolean pointZero) {
    int fraction = Math.max(0, exponent);
    int zeros = Math.max(0, -exponent);
    boolean point = fraction > 0 || pointZero;
    int digits = 1;
    for (long rest = Long.divideUnsigned(mantissa, 10); rest != 0; rest /= 10) {
      digits++;
    }
    // At least one digit stands before the point.
    int whole = Math.max(1, digits - fraction);
    int behind = fraction > 0 ? fraction : point ? 1 : 0;
    int count = (negative ? 1 : 0) + whole + zeros + (point ? 1 : 0) + behind;
    long first = atNew(offset, count);
    long at = first + count;
    long rest = mantissa;
    if (point && fraction == 0) {
      region.putByte(--at, (byte) '0');
      region.putByte(--at, (byte) '.');
    }
    for (int i = 0; i < zeros; i++) {
      region.putByte(--at, (byte) '0');
    }
    for (int i = 0; i < whole + fraction; i++) {
      if (i == fraction && fraction > 0) {
        region.putByte(--at, (byte) '.');
      }
      region.putByte(--at, (byte) ('0' + Long.remainderUnsigned(rest, 10)));
      rest = Long.divideUnsigned(rest, 10);
    }
    if (negative) {
      region.putByte(--at, (byte) '-');
    }
    return count;
  }

  @Override
  public void move(long from, long to, long count) {
    long source = at(from, count);
    long target = atNew(to, count);
    if (source < target) {
      for (long i = count - 1; i >= 0; i--) {
        region.putByte(target + i, region.getByte(source + i));
      }
    } else {
      for (long i = 0; i < count; i++) {
        region.putByte(target + i, region.getByte(source + i));
      }
    }
  }

  @Override
  public BytesStore<RegionStore, Void> copy() {
    throw new UnsupportedOperationException(
        "copy what is to stay into memory of your own, by copyTo or read");
  }

  @Override
  public long capacity() {
    return length;
  }

  @Override
  public Void underlyingObject() {
    return null;
  }

  @Override
  public boolean isDirectMemory() {
    return false;
  }

  @Override
  public boolean sharedMemory() {
    return true;
  }

  @Override
  public boolean compareAndSwapInt(long offset, int expected, int value) {
    throw noAtomics();
  }

  @Override
  public boolean compareAndSwapLong(long offset, long expected, long value) {
    throw noAtomics();
  }

  @Override
  public void testAndSetInt(long offset, int expected, int value) {
    throw noAtomics();
  }

  @Override
  public long addressForRead(long offset) {
    throw noAddress();
  }

  @Override
  public long addressForWrite(long offset) {
    throw noAddress();
  }

  @Override
  public long addressForWritePosition() {
    throw noAddress();
  }

  @Override
  public void nativeRead(long position, long address, long count) {
    throw noAddress();
  }

  @Override
  public void nativeWrite(long address, long position, long count) {
    throw noAddress();
  }

  @Override
  public void reserve(ReferenceOwner owner) {
    // The claim or message owns the memory.
  }

  @Override
  public boolean tryReserve(ReferenceOwner owner) {
    return isOpen();
  }

  @Override
  public void release(ReferenceOwner owner) {
    // The claim or message owns the memory.
  }

  @Override
  public void releaseLast(ReferenceOwner owner) {
    if (!isOpen()) {
      throw closed();
    }
  }

  @Override
  public int refCount() {
    return isOpen() ? 1 : 0;
  }

  @Override
  public void addReferenceChangeListener(ReferenceChangeListener listener) {
    // There are no changes to tell.
  }

  @Override
  public void removeReferenceChangeListener(ReferenceChangeListener listener) {
    // None was added.
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof BytesStore<?, ?> store && contentEquals(store);
  }

  @Override
  public int hashCode() {
    return net.openhft.chronicle.bytes.algo.BytesStoreHash.hash32(this);
  }

  @Override
  public String toString() {
    return isOpen() ? toDebugString() : "a store of a claim or message that is closed";
  }

  private boolean isOpen() {
    return region != null && region.isOpen();
  }

  private long at(long offset, long width) {
    if (offset < 0 || width < 0 || offset > length - width) {
      throw isOpen() ? new BufferUnderflowException() : closed();
    }
    return base + offset;
  }

  private long atNew(long offset, long width) {
    if (offset < 0 || width < 0 || offset > length - width) {
      throw isOpen() ? new BufferOverflowException() : closed();
    }
    return base + offset;
  }

  private static ClosedIllegalStateException closed() {
    return new ClosedIllegalStateException("the claim or message of this store is closed");
  }

  private static UnsupportedOperationException noAtomics() {
    return new UnsupportedOperationException("messages are not changed by compare-and-set");
  }

  private static UnsupportedOperationException noAddress() {
    return new UnsupportedOperationException(
        "the store has no address, since nothing would check its use; see RawColumn.address()");
  }
}
