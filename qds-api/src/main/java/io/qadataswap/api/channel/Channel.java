package io.qadataswap.api.channel;

/**
 * A segment file mapped into this process. A channel knows nothing of rings or codecs: it is
 * memory, participant locks on the file, and waiting on a word of the memory.
 *
 * <p>Threads: access, {@link #waitWhile}, {@link #wake} and the locks may be used from any thread.
 * {@link #close()} may be called once, when no raw address is in use any more.
 *
 * {@snippet file="io/qadataswap/api/example/Examples.java" region="channel" id="snippet-channel"}
 */
public interface Channel extends Memory, AutoCloseable {
  /**
   * Returns the file behind the mapping, which holds the participant locks.
   *
   * @return the file, open as long as this channel is
   */
  SegmentFile file();

  /**
   * Returns whether this channel can sleep in {@link #waitWhile} and wake sleepers of other
   * processes in {@link #wake}. Without it, waiting is a timed park and nobody needs waking.
   *
   * @return whether there is a native wait
   */
  boolean canWake();

  /**
   * Blocks while the int at an offset has a value, until {@link #wake} on the same offset by any
   * process, or the time-out. It may return early without a reason. It does not notice interrupts:
   * callers bound the time.
   *
   * @param offset of the word, a multiple of 4
   * @param expected value to wait on; another value in the word returns at once
   * @param timeoutNs longest wait
   * @return false at once if this thread cannot wait natively (no native access, or a virtual
   *     thread, whose carrier would be pinned): the caller parks instead
   */
  boolean waitWhile(long offset, int expected, long timeoutNs);

  /**
   * Wakes everybody who waits on a word, in any process. Does nothing without {@link #canWake()}.
   *
   * @param offset of the word, a multiple of 4
   */
  void wake(long offset);

  /**
   * Tells whether somebody holds a participant lock, without taking it for longer than a moment.
   *
   * @param position of the locked byte in the file
   * @return whether a participant of this or another process holds it
   */
  default boolean isLocked(long position) {
    return file().isLocked(position);
  }

  /**
   * Copies a part of the channel into private memory, which nobody else can change. Allocates.
   *
   * @param offset of the first byte
   * @param length in bytes
   * @return the copy; it is freed when it is no longer reachable
   */
  Memory copyOf(long offset, long length);

  /**
   * Unmaps the segment and gives the file back. Idempotent, does not block. The bytes of buffers
   * handed out by {@link #slice} stay safe to touch.
   *
   * @throws IllegalStateException if a system call on a buffer of this channel is under way in
   *     another thread and the backend cannot unmap below it: the file was given back, access goes
   *     on, and closing again afterwards unmaps
   */
  @Override
  void close();
}
