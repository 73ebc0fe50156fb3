package io.qadataswap.shm.ffm;

import io.qadataswap.api.channel.Channel;
import io.qadataswap.api.channel.Memory;
import io.qadataswap.api.channel.SegmentFile;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel.MapMode;
import java.util.Objects;

/** A segment file mapped into a shared arena, which any thread may use and close. */
final class FfmChannel extends FfmMemory implements Channel {
  /** What loans of the native layout promise of their first byte. */
  private static final long COPY_ALIGNMENT = 64;

  private final SegmentFile file;
  private final Arena arena;

  private FfmChannel(SegmentFile file, Arena arena, MemorySegment segment) {
    super(segment);
    this.file = file;
    this.arena = arena;
  }

  /** Called by {@link FfmChannelProvider}, by name. */
  @SuppressWarnings("MustBeClosedChecker") // the channel closes the arena
  static Channel map(SegmentFile file, long length, boolean writable) {
    Arena arena = Arena.ofShared();
    boolean mapped = false;
    try {
      MemorySegment segment =
          file.call(channel -> {
            // A writable mapping that is longer than the file would make the file longer.
            if (length < 0 || length > channel.size()) {
              throw new IllegalArgumentException(
                  "length=" + length + " allowed=[0, " + channel.size() + "] for " + file.path());
            }
            return channel.map(writable ? MapMode.READ_WRITE : MapMode.READ_ONLY, 0, length, arena);
          });
      Channel channel = new FfmChannel(file, arena, segment);
      mapped = true;
      return channel;
    } catch (IOException e) {
      throw SegmentFile.failure(String.valueOf(file.path().getFileName()), "map " + file.path(), e);
    } finally {
      if (!mapped) {
        arena.close();
        file.close();
      }
    }
  }

  @Override
  public SegmentFile file() {
    return file;
  }

  @Override
  public boolean canWake() {
    return Futex.AVAILABLE;
  }

  @Override
  public boolean waitWhile(long offset, int expected, long timeoutNs) {
    if (!Futex.AVAILABLE || Thread.currentThread().isVirtual()) {
      return false;
    }
    if (getIntAcquire(offset) == expected) {
      Futex.waitWhile(address() + offset, expected, timeoutNs);
    }
    return true;
  }

  @Override
  public void wake(long offset) {
    if (Futex.AVAILABLE) {
      getIntAcquire(offset); // checks offset and life
      Futex.wake(address() + offset);
    }
  }

  @Override
  public Memory copyOf(long offset, long length) {
    Objects.checkFromIndexSize(offset, length, length());
    MemorySegment copy = Arena.ofAuto().allocate(length, COPY_ALIGNMENT);
    MemorySegment.copy(segment, offset, copy, 0, length);
    return new FfmMemory(copy);
  }

  /**
   * {@inheritDoc}
   *
   * @throws IllegalStateException if a system call on a buffer of this channel is under way in
   *     another thread: the file is given back, the mapping stays, and closing again unmaps it
   */
  @Override
  public synchronized void close() {
    file.close();
    if (segment.scope().isAlive()) {
      arena.close();
    }
  }
}
