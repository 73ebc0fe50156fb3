package io.qadataswap.cli;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import org.apache.arrow.flatbuf.DictionaryBatch;
import org.apache.arrow.flatbuf.Message;
import org.apache.arrow.flatbuf.MessageHeader;
import org.apache.arrow.flatbuf.RecordBatch;
import org.apache.arrow.vector.ipc.ArrowFileReader;
import org.apache.arrow.vector.ipc.message.ArrowBlock;

/**
 * What the message headers of Arrow IPC data tell without its bodies being read. Fails where the
 * data end before a message does.
 *
 * @param batchCount record batches
 * @param batchLength bytes of all record batches, uncompressed
 * @param largestLength bytes of the largest batch with all dictionaries, uncompressed
 */
record IpcScan(long batchCount, long batchLength, long largestLength) {
  private static final int CONTINUATION = 0xFFFFFFFF;

  static IpcScan ofFile(FileChannel channel, ArrowFileReader reader) throws IOException {
    Builder builder = new Builder(channel);
    for (ArrowBlock block : reader.getDictionaryBlocks()) {
      builder.addBlock(block);
    }
    for (ArrowBlock block : reader.getRecordBlocks()) {
      builder.addBlock(block);
    }
    return builder.build();
  }

  static IpcScan ofStream(FileChannel channel) throws IOException {
    Builder builder = new Builder(channel);
    long offset = 0;
    while (offset < builder.size) {
      int metadataLength = builder.readInt(offset);
      offset += Integer.BYTES;
      if (metadataLength == CONTINUATION) {
        metadataLength = builder.readInt(offset);
        offset += Integer.BYTES;
      }
      if (metadataLength == 0) {
        break;
      }
      offset = builder.addMessage(offset, metadataLength);
    }
    return builder.build();
  }

  private static final class Builder {
    private final FileChannel channel;
    private final long size;
    private long batchCount;
    private long batchLength;
    private long largestBatchLength;
    private long dictionaryLength;

    Builder(FileChannel channel) throws IOException {
      this.channel = channel;
      this.size = channel.size();
    }

    void addBlock(ArrowBlock block) throws IOException {
      long offset = block.getOffset();
      int prefixLength = readInt(offset) == CONTINUATION ? 2 * Integer.BYTES : Integer.BYTES;
      addMessage(offset + prefixLength, block.getMetadataLength() - prefixLength);
    }

    /** Returns where the message ends. */
    long addMessage(long metadataOffset, int metadataLength) throws IOException {
      Message message = Message.getRootAsMessage(read(metadataOffset, metadataLength));
      long bodyOffset = metadataOffset + metadataLength;
      long bodyLength = message.bodyLength();
      check(bodyOffset, bodyLength);
      switch (message.headerType()) {
        case MessageHeader.RecordBatch -> {
          RecordBatch batch = (RecordBatch) message.header(new RecordBatch());
          long length = metadataLength + uncompressedLength(batch, bodyOffset, bodyLength);
          batchCount++;
          batchLength += length;
          largestBatchLength = Math.max(largestBatchLength, length);
        }
        case MessageHeader.DictionaryBatch -> {
          RecordBatch batch = ((DictionaryBatch) message.header(new DictionaryBatch())).data();
          dictionaryLength += metadataLength + uncompressedLength(batch, bodyOffset, bodyLength);
        }
        default -> {
          // A schema: small.
        }
      }
      return bodyOffset + bodyLength;
    }

    /**
     * Each compressed buffer begins with its length before compression, or -1 if it was left alone.
     */
    private long uncompressedLength(RecordBatch batch, long bodyOffset, long bodyLength)
        throws IOException {
      if (batch.compression() == null) {
        return bodyLength;
      }
      long total = 0;
      for (int i = 0; i < batch.buffersLength(); i++) {
        long length = batch.buffers(i).length();
        if (length >= Long.BYTES) {
          long uncompressed = read(bodyOffset + batch.buffers(i).offset(), Long.BYTES).getLong();
          total += uncompressed >= 0 ? uncompressed : length;
        }
      }
      return total;
    }

    IpcScan build() {
      return new IpcScan(batchCount, batchLength, largestBatchLength + dictionaryLength);
    }

    int readInt(long offset) throws IOException {
      return read(offset, Integer.BYTES).getInt();
    }

    private ByteBuffer read(long offset, int length) throws IOException {
      check(offset, length);
      ByteBuffer bytes = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
      while (bytes.hasRemaining()) {
        if (channel.read(bytes, offset + bytes.position()) < 0) {
          throw new EOFException("it ends at byte " + (offset + bytes.position()));
        }
      }
      return bytes.flip();
    }

    private void check(long offset, long length) throws IOException {
      if (offset < 0 || length < 0 || offset > size || length > size - offset) {
        throw new EOFException(
            "a message lies at bytes " + offset + " to " + (offset + length) + " of " + size);
      }
    }
  }
}
