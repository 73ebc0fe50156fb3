package io.qadataswap.api;

import io.qadataswap.api.channel.Memory;
import java.nio.ByteBuffer;

/**
 * A part of a channel's memory: a claimed region to be filled, or the payload of a received
 * message. Values are little-endian, offsets count bytes from the start of the region, every access
 * is checked against its length.
 *
 * <p>A region is valid while its claim or message is open; afterwards every access ends in {@link
 * IllegalStateException}. Never blocks; allocates only where it says so. One thread at a time.
 *
 * <p>If somebody cuts the channel's file short, what the region itself reads and writes ends in
 * {@link InternalError}, of compiled code perhaps some instructions later. Calls of the writer or
 * reader say the same by a {@link QdsException} that names the channel, unless the error comes when
 * they have returned. Code that goes by {@link #address()} or {@link #slice} may end the process
 * instead; {@link Trust#NONE} keeps a reader's messages in private memory, where none of this
 * happens.
 *
 * {@snippet file="io/qadataswap/api/example/Examples.java" region="region" id="snippet-region"}
 */
public final class Region {
  private Memory memory;
  private long base;
  private long length = -1;
  private boolean writable;

  /** Creates a closed region; {@link #open} gives it memory. */
  public Region() {}

  /**
   * Points this region at memory. Called by layouts.
   *
   * @param memory to show
   * @param base offset of the first byte there
   * @param length in bytes
   * @param writable whether stores are allowed
   * @throws IndexOutOfBoundsException if the memory has no such part
   */
  @SuppressWarnings("ReferenceEquality") // the very object, to spare a store
  public void open(Memory memory, long base, long length, boolean writable) {
    if (base < 0 || length < 0 || base > memory.length() - length) {
      throw new IndexOutOfBoundsException(
          "base=" + base + " length=" + length + " memoryLength=" + memory.length());
    }
    // Storing a reference costs the garbage collector's barrier; it is the same one nearly always.
    if (this.memory != memory) {
      this.memory = memory;
    }
    this.base = base;
    this.writable = writable;
    this.length = length;
  }

  /** Ends access. Called by layouts and when a message is closed. */
  public void close() {
    length = -1;
  }

  /**
   * Returns whether the claim or message is still open.
   *
   * @return whether access is allowed
   */
  public boolean isOpen() {
    return length >= 0;
  }

  /**
   * Returns the length.
   *
   * @return bytes
   * @throws IllegalStateException if the region is closed
   */
  public long length() {
    if (length < 0) {
      throw closed();
    }
    return length;
  }

  /**
   * Returns the address of the first byte in this process, for code that fills or reads memory by
   * address. It is valid only while the claim or message is open, and the caller checks his own
   * bounds. If the channel's file is cut short meanwhile, native code that touches the address gets
   * a SIGBUS, and {@code Unsafe.getInt} ends the JVM where C2 on x86 has merged it with the
   * widening of its value to a long.
   *
   * @return the address; a multiple of 64 for messages of the native layout
   * @throws IllegalStateException if the region is closed
   */
  public long address() {
    if (length < 0) {
      throw closed();
    }
    return memory.address() + base;
  }

  /**
   * Returns whether stores are allowed.
   *
   * @return true for a claim, false for a received message
   */
  public boolean isWritable() {
    return writable;
  }

  /**
   * Reads a byte.
   *
   * @param offset in bytes
   * @return the value
   */
  public byte getByte(long offset) {
    return memory.getByte(at(offset, 1));
  }

  /**
   * Reads an int at any offset.
   *
   * @param offset in bytes
   * @return the value
   */
  public int getInt(long offset) {
    return memory.getInt(at(offset, 4));
  }

  /**
   * Reads a long at any offset.
   *
   * @param offset in bytes
   * @return the value
   */
  public long getLong(long offset) {
    return memory.getLong(at(offset, 8));
  }

  /**
   * Reads a double at any offset.
   *
   * @param offset in bytes
   * @return the value
   */
  public double getDouble(long offset) {
    return Double.longBitsToDouble(getLong(offset));
  }

  /**
   * Writes a byte.
   *
   * @param offset in bytes
   * @param value to store
   */
  public void putByte(long offset, byte value) {
    memory.putByte(atWritable(offset, 1), value);
  }

  /**
   * Writes an int at any offset.
   *
   * @param offset in bytes
   * @param value to store
   */
  public void putInt(long offset, int value) {
    memory.putInt(atWritable(offset, 4), value);
  }

  /**
   * Writes a long at any offset.
   *
   * @param offset in bytes
   * @param value to store
   */
  public void putLong(long offset, long value) {
    memory.putLong(atWritable(offset, 8), value);
  }

  /**
   * Writes a double at any offset.
   *
   * @param offset in bytes
   * @param value to store
   */
  public void putDouble(long offset, double value) {
    putLong(offset, Double.doubleToRawLongBits(value));
  }

  /**
   * Copies bytes out.
   *
   * @param offset of the first byte here
   * @param target to copy to
   * @param targetOffset of the first byte there
   * @param count of bytes
   */
  public void getBytes(long offset, byte[] target, int targetOffset, int count) {
    memory.getBytes(at(offset, count), target, targetOffset, count);
  }

  /**
   * Copies bytes in.
   *
   * @param offset of the first byte here
   * @param source to copy from
   * @param sourceOffset of the first byte there
   * @param count of bytes
   */
  public void putBytes(long offset, byte[] source, int sourceOffset, int count) {
    memory.putBytes(atWritable(offset, count), source, sourceOffset, count);
  }

  /**
   * Returns a little-endian buffer over a part of the region, read-only for a received message.
   * Allocates the buffer object. Unlike the region itself the buffer does not notice that its claim
   * or message was closed: what it shows afterwards is anybody's bytes, though never memory that is
   * not mapped. Nor is it guarded against a file that is cut short: see {@link
   * io.qadataswap.api.channel.Memory#slice} for what may end the JVM then.
   *
   * @param offset of the first byte
   * @param count of bytes
   * @return the buffer
   */
  public ByteBuffer slice(long offset, int count) {
    ByteBuffer buffer = memory.slice(at(offset, count), count);
    return writable ? buffer : buffer.asReadOnlyBuffer().order(java.nio.ByteOrder.LITTLE_ENDIAN);
  }

  private long at(long offset, int width) {
    long last = length - width;
    if (offset < 0 || offset > last || width < 0) {
      throw outside(offset, width);
    }
    return base + offset;
  }

  private long atWritable(long offset, int width) {
    if (!writable) {
      throw new UnsupportedOperationException("a received message is read-only");
    }
    return at(offset, width);
  }

  private RuntimeException outside(long offset, int width) {
    return length < 0
        ? closed()
        : new IndexOutOfBoundsException(
            "offset=" + offset + " width=" + width + " allowed=[0, " + length + ")");
  }

  private static IllegalStateException closed() {
    return new IllegalStateException("the claim or message of this region is closed");
  }
}
