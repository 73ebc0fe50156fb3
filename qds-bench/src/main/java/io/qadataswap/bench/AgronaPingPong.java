package io.qadataswap.bench;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import org.agrona.BitUtil;
import org.agrona.DirectBuffer;
import org.agrona.IoUtil;
import org.agrona.concurrent.MessageHandler;
import org.agrona.concurrent.UnsafeBuffer;
import org.agrona.concurrent.ringbuffer.OneToOneRingBuffer;
import org.agrona.concurrent.ringbuffer.RingBufferDescriptor;

/** A peer: Agrona's ring buffer for one writer and one reader, over mapped files. */
final class AgronaPingPong extends PingPong {
  private static final int RING_LENGTH = 64 * 1024;
  private static final int MESSAGE_TYPE = 1;

  private final OneToOneRingBuffer sending;
  private final OneToOneRingBuffer receiving;
  private final UnsafeBuffer message =
      new UnsafeBuffer(ByteBuffer.allocateDirect(MESSAGE_LENGTH + BitUtil.CACHE_LINE_LENGTH));
  private final MessageHandler handler = this::readMessage;

  AgronaPingPong(Path directory, int side) throws IOException {
    super(side);
    sending = ring(directory.resolve("agrona" + side));
    receiving = ring(directory.resolve("agrona" + (1 - side)));
  }

  /** Creates the files of both directions; called once, before the sides start. */
  static void createFiles(Path directory) throws IOException {
    for (int side = 0; side < 2; side++) {
      Mapping.create(
          directory.resolve("agrona" + side), RING_LENGTH + RingBufferDescriptor.TRAILER_LENGTH);
    }
  }

  @Override
  void send(long number) {
    for (int i = 0; i < MESSAGE_LENGTH; i += Long.BYTES) {
      message.putLong(i, number + i);
    }
    if (!sending.write(MESSAGE_TYPE, message, 0, MESSAGE_LENGTH)) {
      throw new IllegalStateException("no room, though every message was answered");
    }
  }

  @Override
  boolean poll() {
    return receiving.read(handler, 1) == 1;
  }

  @Override
  public void close() {
    // the mappings end with the process
  }

  private void readMessage(int type, DirectBuffer buffer, int index, int length) {
    long sum = 0;
    for (int i = 0; i < length; i += Long.BYTES) {
      sum += buffer.getLong(index + i);
    }
    received(buffer.getLong(index), sum);
  }

  private static OneToOneRingBuffer ring(Path file) throws IOException {
    if (!Files.exists(file)) {
      throw new IOException("no file " + file);
    }
    return new OneToOneRingBuffer(new UnsafeBuffer(IoUtil.mapExistingFile(file.toFile(), "ring")));
  }
}
