package org.example.mmap;

import io.qadataswap.api.channel.Channel;
import io.qadataswap.api.channel.Memory;
import io.qadataswap.api.channel.SegmentFile;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.util.Objects;

// tag::channel[]
/** A mapped file. */
final class MmapChannel extends MmapMemory implements Channel {
  private final SegmentFile file;
  private final Arena arena;

  private MmapChannel(SegmentFile file, Arena arena, MemorySegment segment) {
    super(segment);
    this.file = file;
    this.arena = arena;
  }

  static Channel map(SegmentFile file, long length, boolean writable) {
    Arena arena = Arena.ofShared(); // any thread may use it and close it
    boolean isMapped = false;
    try {
      // On the thread for system calls, which no interrupt reaches.
      MemorySegment segment = file.call(opened -> map(opened, length, writable, arena));
      isMapped = true;
      return new MmapChannel(file, arena, segment);
    } catch (IOException e) {
      throw SegmentFile.failure(String.valueOf(file.path().getFileName()), "map " + file.path(), e);
    } finally {
      if (!isMapped) {
        arena.close();
        file.close(); // the caller has given it away
      }
    }
  }

  private static MemorySegment map(FileChannel opened, long length, boolean writable, Arena arena)
      throws IOException {
    if (length < 0 || length > opened.size()) { // else the mapping would make the file longer
      throw new IllegalArgumentException("length=" + length + " allowed=0 to " + opened.size());
    }
    return opened.map(writable ? MapMode.READ_WRITE : MapMode.READ_ONLY, 0, length, arena);
  }

  @Override
  public SegmentFile file() {
    return file;
  }

  @Override
  public Memory copyOf(long offset, long length) {
    Objects.checkFromIndexSize(offset, length, length());
    MemorySegment copy = Arena.ofAuto().allocate(length, 64);
    MemorySegment.copy(segment, offset, copy, 0, length);
    return new MmapMemory(copy);
  }

  @Override
  public boolean canWake() {
    return false; // those who wait look again from time to time
  }

  @Override
  public boolean waitWhile(long offset, int expected, long timeoutNs) {
    return false;
  }

  @Override
  public void wake(long offset) {}

  @Override
  public synchronized void close() {
    file.close();
    if (segment.scope().isAlive()) {
      arena.close(); // from here on the JDK refuses access, in all threads
    }
  }
}
// end::channel[]
