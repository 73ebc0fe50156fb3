package io.qadataswap.tck;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32C;

/** Changes segment files as a foreign or broken program would, at offsets of the wire format. */
final class Patch {
  static final int READER_TABLE_OFFSET = 4096;
  static final int ENTRY_TOKEN_OFFSET = 136;
  static final int WRITER_TOKEN_OFFSET = 2064;
  static final int REMOVED_OFFSET = 1536;
  static final int HEADER_CRC_OFFSET = 508;

  /** Closing one would drop the locks that this process has on the file. */
  private static final List<FileChannel> OPEN = new ArrayList<>();

  private final FileChannel channel;

  Patch(Path file) throws IOException {
    channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE);
    synchronized (OPEN) {
      OPEN.add(channel);
    }
  }

  long getLong(long offset) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    channel.read(bytes, offset);
    return bytes.getLong(0);
  }

  void putLong(long offset, long value) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    channel.write(bytes.putLong(0, value), offset);
  }

  void putInt(long offset, int value) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(Integer.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    channel.write(bytes.putInt(0, value), offset);
  }

  /** Stores bytes where they stand in an array. */
  void putBytes(int offset, byte[] bytes, int count) throws IOException {
    channel.write(ByteBuffer.wrap(bytes, offset, count), offset);
  }

  void flip(long offset) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(1);
    channel.read(bytes, offset);
    channel.write(bytes.put(0, (byte) ~bytes.get(0)).flip(), offset);
  }

  void truncate(long length) throws IOException {
    channel.truncate(length);
  }

  /** Makes the checksum of the header agree with what was patched. */
  void repairHeaderCrc() throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(HEADER_CRC_OFFSET);
    channel.read(bytes, 0);
    CRC32C crc = new CRC32C();
    crc.update(bytes.flip());
    putInt(HEADER_CRC_OFFSET, (int) crc.getValue());
  }
}
