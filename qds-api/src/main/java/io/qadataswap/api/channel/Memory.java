package io.qadataswap.api.channel;

import java.nio.ByteBuffer;

/**
 * Bytes outside the Java heap at a fixed address: a mapped segment or a private copy of a part of
 * one.
 *
 * <p>All values are little-endian. Plain access works at any offset; the acquire and release forms
 * need natural alignment. No method blocks or allocates except where it says so. Any thread may
 * call; ordering between threads and processes comes from the acquire and release forms and {@link
 * java.lang.invoke.VarHandle#fullFence()} alone.
 *
 * <p>Each access is refused, before it touches anything, with
 *
 * <ul>
 *   <li>{@link IndexOutOfBoundsException} where a part of it lies outside {@code [0, length())}, or
 *       outside the array it copies from or to;
 *   <li>{@link IllegalStateException} after the memory was given back. An access that is under way
 *       then may still see the old bytes; none touches memory that is not mapped;
 *   <li>{@link UnsupportedOperationException} where it would write to a mapping that is read-only;
 *   <li>{@link IllegalArgumentException} where it is ordered and its offset is not a multiple of
 *       the value's width.
 * </ul>
 *
 * <p>When the file behind a mapping was cut short, access ends in {@link InternalError}, and the
 * JVM lives: implementations keep to loads, stores and copies of which the JVM can tell where they
 * ended. Compiled code may throw the error only some instructions later, when it returns or loops;
 * what was read meanwhile is anything. No such care is possible for {@link #address} and {@link
 * #slice}.
 */
public interface Memory {
  /**
   * Returns the number of bytes.
   *
   * @return the length in bytes
   */
  long length();

  /**
   * Returns the address of the first byte in this process. Whoever uses it makes his own bounds
   * checks and keeps the memory open meanwhile. Where the file behind a mapping was cut short, code
   * that goes by the address may end the process (SIGBUS): native code always does, code of the JVM
   * if the JVM cannot tell the length of the instruction that failed.
   *
   * @return the address
   */
  long address();

  /**
   * Reads one byte.
   *
   * @param offset in bytes
   * @return the value
   */
  byte getByte(long offset);

  /**
   * Writes one byte.
   *
   * @param offset in bytes
   * @param value to store
   */
  void putByte(long offset, byte value);

  /**
   * Reads an int, plain, at any offset.
   *
   * <p>Where Java widens an int that it has loaded to a long, C2 on x86 makes one instruction of
   * both (movslq), of which the JVM's fault handler (17 and 25) does not know the length: where the
   * file was cut short the JVM would end instead of throwing InternalError. An implementation over
   * a mapping keeps the two apart, for example by combining each int that it loads with a field
   * that is always 0, which the compiler cannot know.
   *
   * @param offset in bytes
   * @return the value
   */
  int getInt(long offset);

  /**
   * Writes an int, plain, at any offset.
   *
   * @param offset in bytes
   * @param value to store
   */
  void putInt(long offset, int value);

  /**
   * Reads a long, plain, at any offset.
   *
   * @param offset in bytes
   * @return the value
   */
  long getLong(long offset);

  /**
   * Writes a long, plain, at any offset.
   *
   * @param offset in bytes
   * @param value to store
   */
  void putLong(long offset, long value);

  /**
   * Reads an int with acquire order: what the writer stored before the matching {@link
   * #putIntRelease} is visible afterwards.
   *
   * @param offset in bytes, a multiple of 4
   * @return the value
   */
  int getIntAcquire(long offset);

  /**
   * Writes an int with release order: everything stored before is visible to whoever reads the
   * value by {@link #getIntAcquire}.
   *
   * @param offset in bytes, a multiple of 4
   * @param value to store
   */
  void putIntRelease(long offset, int value);

  /**
   * Reads a long with acquire order, the partner of {@link #putLongRelease}.
   *
   * @param offset in bytes, a multiple of 8
   * @return the value
   */
  long getLongAcquire(long offset);

  /**
   * Writes a long with release order, the partner of {@link #getLongAcquire}.
   *
   * @param offset in bytes, a multiple of 8
   * @param value to store
   */
  void putLongRelease(long offset, long value);

  /**
   * Copies bytes out.
   *
   * @param offset of the first byte here
   * @param target to copy to
   * @param targetOffset of the first byte there
   * @param length in bytes
   */
  void getBytes(long offset, byte[] target, int targetOffset, int length);

  /**
   * Copies bytes in.
   *
   * @param offset of the first byte here
   * @param source to copy from
   * @param sourceOffset of the first byte there
   * @param length in bytes
   */
  void putBytes(long offset, byte[] source, int sourceOffset, int length);

  /**
   * Returns a little-endian buffer over a part of this memory, read-only if the mapping is, else
   * writable. Allocates the buffer object. The buffer stays safe to touch for as long as it is
   * reachable: after the memory was given back it throws {@link IllegalStateException} or sees
   * stale bytes, depending on the backend.
   *
   * <p>Where the file behind a mapping was cut short, most accesses through the buffer end in
   * {@link InternalError}. But the JVM itself ends when C2 on x86 has made one instruction of
   * {@code getInt} and the widening of its value to a long, and may end in comparing, filling and
   * checksums of buffers, in views of them, and in system calls and native code that get them.
   *
   * @param offset of the first byte
   * @param length in bytes
   * @return the buffer
   */
  ByteBuffer slice(long offset, int length);
}
