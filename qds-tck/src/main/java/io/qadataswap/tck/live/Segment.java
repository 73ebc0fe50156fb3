package io.qadataswap.tck.live;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.TimeUnit;
import java.util.function.LongPredicate;

/** What lies in a channel's file, by the offsets of the wire specification. */
record Segment(Path path) {
  static final long PUBLISHED = 1152;

  private static final long READER_TABLE_OFFSET = 56;
  private static final long DESCRIPTOR_RING_OFFSET = 64;
  private static final long ARENA_OFFSET = 72;
  private static final long SLOT_COUNT = 96;
  private static final long DESCRIPTOR_LENGTH = 64;
  private static final long ENTRY_LENGTH = 256;
  private static final long WAITING_FOR = 8;
  private static final long PATIENCE_NS = TimeUnit.SECONDS.toNanos(60);

  boolean exists() {
    return Files.exists(path);
  }

  long getLong(long offset) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
    try (FileChannel file = FileChannel.open(path, StandardOpenOption.READ)) {
      file.read(buffer, offset);
    }
    return buffer.getLong(0);
  }

  /** Changes one byte of a message's payload. */
  void spoil(long sequence, long index) throws IOException {
    long slot = sequence & ((int) getLong(SLOT_COUNT) - 1);
    long descriptor = getLong(DESCRIPTOR_RING_OFFSET) + slot * DESCRIPTOR_LENGTH;
    long at = getLong(ARENA_OFFSET) + getLong(descriptor + 8) + index;
    byte changed = (byte) ~getLong(at);
    try (FileChannel file = FileChannel.open(path, StandardOpenOption.WRITE)) {
      file.write(ByteBuffer.wrap(new byte[] {changed}), at);
    }
  }

  /** Waits until a word of the header has a value. */
  void await(long offset, LongPredicate condition) throws IOException {
    long startNs = System.nanoTime();
    while (!condition.test(getLong(offset))) {
      if (System.nanoTime() - startNs > PATIENCE_NS) {
        throw new AssertionError(path + ": the long at " + offset + " stays " + getLong(offset));
      }
      Thread.onSpinWait();
    }
  }

  /** Waits until the reader of an entry waits for a message. */
  void awaitWaitingReader(int entry) throws IOException {
    await(getLong(READER_TABLE_OFFSET) + entry * ENTRY_LENGTH + WAITING_FOR, value -> value != 0);
  }
}
