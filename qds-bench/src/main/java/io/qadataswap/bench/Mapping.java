package io.qadataswap.bench;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Files in shared memory for the bare limits. */
final class Mapping {
  private static final int STEP_LENGTH = 1 << 20;

  private Mapping() {}

  /** Creates a file filled with zeros, so that its pages are there. */
  static void create(Path file, long length) throws IOException {
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      ByteBuffer zeros = ByteBuffer.allocateDirect(STEP_LENGTH);
      for (long left = length; left > 0; left -= zeros.position()) {
        zeros.clear().limit((int) Math.min(STEP_LENGTH, left));
        while (zeros.hasRemaining()) {
          channel.write(zeros);
        }
      }
    }
  }

  /** Maps a whole file until the process ends. */
  static MemorySegment of(Path file) throws IOException {
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      return channel.map(FileChannel.MapMode.READ_WRITE, 0, channel.size(), Arena.global());
    }
  }
}
