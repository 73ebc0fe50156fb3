package io.qadataswap.codec.arrow;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HashSet;
import java.util.Set;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.VectorUnloader;
import org.apache.arrow.vector.compression.CompressionCodec;
import org.apache.arrow.vector.compression.NoCompressionCodec;
import org.apache.arrow.vector.dictionary.Dictionary;
import org.apache.arrow.vector.dictionary.DictionaryProvider;
import org.apache.arrow.vector.ipc.message.ArrowDictionaryBatch;
import org.apache.arrow.vector.ipc.message.ArrowMessage;
import org.apache.arrow.vector.ipc.message.ArrowRecordBatch;
import org.apache.arrow.vector.ipc.message.IpcOption;
import org.apache.arrow.vector.ipc.message.MessageSerializer;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.Schema;
import org.apache.arrow.vector.util.DictionaryUtility;

/**
 * Writes IPC streams with Arrow's own classes, in the layouts that other programs use: buffers at
 * multiples of 8, old framing, long metadata, and so on.
 */
final class StockStream {
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private boolean legacyFraming;
  private int metadataPadding;
  private CompressionCodec codec = NoCompressionCodec.INSTANCE;

  /** From now on frames have no continuation marker. */
  StockStream legacyFraming() {
    legacyFraming = true;
    return this;
  }

  /** From now on metadata is longer by zeros. */
  StockStream metadataPadding(int byteCount) {
    metadataPadding = byteCount;
    return this;
  }

  /** From now on bodies are compressed. */
  StockStream compression(CompressionCodec next) {
    codec = next;
    return this;
  }

  StockStream schema(Schema schema, DictionaryProvider provider) {
    Set<Long> used = new HashSet<>();
    Schema message =
        new Schema(
            schema.getFields().stream()
                .map((Field field) -> DictionaryUtility.toMessageFormat(field, provider, used))
                .toList(),
            schema.getCustomMetadata());
    return frame(MessageSerializer.serializeMetadata(message, IpcOption.DEFAULT));
  }

  StockStream batch(VectorSchemaRoot root) {
    try (ArrowRecordBatch batch = unload(root)) {
      frame(MessageSerializer.serializeMetadata(batch, IpcOption.DEFAULT));
      return body(batch, batch);
    }
  }

  StockStream dictionary(Dictionary dictionary, boolean isDelta) {
    FieldVector vector = dictionary.getVector();
    VectorSchemaRoot root = VectorSchemaRoot.of(vector);
    try (ArrowDictionaryBatch batch =
        new ArrowDictionaryBatch(dictionary.getEncoding().getId(), unload(root), isDelta)) {
      frame(MessageSerializer.serializeMetadata(batch, IpcOption.DEFAULT));
      return body(batch, batch.getDictionary());
    }
  }

  StockStream end() {
    if (legacyFraming) {
      out.writeBytes(new byte[4]);
    } else {
      out.writeBytes(new byte[] {-1, -1, -1, -1, 0, 0, 0, 0});
    }
    return this;
  }

  StockStream bytes(byte[] bytes) {
    out.writeBytes(bytes);
    return this;
  }

  byte[] toBytes() {
    return out.toByteArray();
  }

  private ArrowRecordBatch unload(VectorSchemaRoot root) {
    return new VectorUnloader(root, true, codec, true).getRecordBatch();
  }

  private StockStream frame(ByteBuffer metadata) {
    int prefix = legacyFraming ? 4 : 8;
    int length = metadata.remaining() + metadataPadding;
    int rest = (out.size() + prefix + length) % 8;
    if (rest != 0) {
      length += 8 - rest;
    }
    ByteBuffer frame = ByteBuffer.allocate(prefix + length).order(ByteOrder.LITTLE_ENDIAN);
    if (!legacyFraming) {
      frame.putInt(-1);
    }
    frame.putInt(length).put(metadata);
    out.writeBytes(frame.array());
    return this;
  }

  private StockStream body(ArrowMessage message, ArrowRecordBatch batch) {
    int start = out.size();
    for (int i = 0; i < batch.getBuffers().size(); i++) {
      ArrowBuf buffer = batch.getBuffers().get(i);
      byte[] bytes = new byte[(int) buffer.readableBytes()];
      buffer.getBytes(buffer.readerIndex(), bytes);
      out.writeBytes(
          new byte[(int) (start + batch.getBuffersLayout().get(i).getOffset() - out.size())]);
      out.writeBytes(bytes);
    }
    out.writeBytes(new byte[(int) (start + message.computeBodyLength() - out.size())]);
    return this;
  }
}
