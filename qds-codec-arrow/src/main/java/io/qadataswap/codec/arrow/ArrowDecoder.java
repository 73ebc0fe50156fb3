package io.qadataswap.codec.arrow;

import io.qadataswap.api.Region;
import io.qadataswap.api.codec.Decoder;
import io.qadataswap.api.layout.Loan;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.types.pojo.Schema;

/**
 * Reads Arrow IPC streams in place: goes through the frames, copies and checks their metadata, and
 * leaves the bodies where they are. The schema is parsed only when its bytes differ from the last.
 */
final class ArrowDecoder implements Decoder<ArrowTable> {
  private static final int METADATA_LIMIT = 1 << 28;
  private static final int SLOT_VERSION = 0;
  private static final int SLOT_HEADER_TYPE = 1;
  private static final int SLOT_HEADER = 2;
  private static final int SLOT_BODY_LENGTH = 3;

  private final Faults faults;
  private final boolean fullValidation;
  private final ChannelAllocator allocator;
  private final ValidBits validBits;
  private final FlatBuffer flatBuffer;

  private byte[] metadata = new byte[1024];
  private byte[] schemaMetadata = new byte[0];
  private TableLayout layout;

  // The frame that nextFrame() has read.
  private int metadataLength;
  private byte headerType;
  private int header;
  private short version;
  private long bodyPosition;
  private long bodyLength;

  ArrowDecoder(String channel, BufferAllocator parent, boolean fullValidation) {
    this.faults = new Faults(channel);
    this.fullValidation = fullValidation;
    this.allocator = new ChannelAllocator(parent, channel);
    this.validBits = new ValidBits(allocator);
    this.flatBuffer = new FlatBuffer(faults);
  }

  @Override
  public ArrowTable decode(Loan loan) {
    faults.message(loan.sequence());
    Region region = loan.region();
    if (!nextFrame(region, 0)) {
      throw faults.corrupt("stream", region.length() + " bytes without a schema", "a schema first");
    }
    readSchema();
    try (TableLoader loader =
        new TableLoader(layout, loan, allocator, validBits, flatBuffer, faults)) {
      while (nextFrame(region, bodyPosition + bodyLength)) {
        switch (headerType) {
          case BatchMetadata.HEADER_RECORD_BATCH ->
              loader.addBatch(header, version, bodyPosition, bodyLength);
          case BatchMetadata.HEADER_DICTIONARY_BATCH ->
              loader.addDictionary(header, version, bodyPosition, bodyLength);
          case BatchMetadata.HEADER_SCHEMA ->
              throw faults.corrupt("Message.header_type", "a second schema", "batches");
          default ->
              throw faults.unsupported(
                  "Message.header_type",
                  "header type " + headerType,
                  "send schema, dictionaries and record batches only");
        }
      }
      return loader.finish(fullValidation);
    }
  }

  @Override
  public void release(ArrowTable value) {
    try {
      value.release();
    } finally {
      allocator.closeIfUnused();
    }
  }

  @Override
  public void close() {
    validBits.close();
    allocator.close();
  }

  /**
   * Reads the frame at a position into the fields above.
   *
   * @return whether there is one; false at an end marker and at the end of the region
   */
  private boolean nextFrame(Region region, long position) {
    long length = region.length();
    if (position == length) {
      return false;
    }
    requireLength("frame", length - position, Integer.BYTES);
    int declared = region.getInt(position);
    long start = position + Integer.BYTES;
    // Before Arrow 0.15 there was no continuation marker, only the length.
    if (declared == BatchMetadata.CONTINUATION) {
      requireLength("frame", length - start, Integer.BYTES);
      declared = region.getInt(start);
      start += Integer.BYTES;
    }
    if (declared == 0) {
      return false;
    }
    long limit = Math.min(METADATA_LIMIT, length - start);
    if (declared < 0 || declared > limit) {
      throw faults.corrupt("frame", "metadataLength=" + declared, "0 to " + limit);
    }
    metadataLength = declared;
    if (metadata.length < declared) {
      metadata = new byte[(int) Math.min(METADATA_LIMIT, Math.max(declared, 2L * metadata.length))];
    }
    region.getBytes(start, metadata, 0, declared);
    bodyPosition = start + declared;

    flatBuffer.open(metadata, declared);
    int message = flatBuffer.root("Message");
    version = flatBuffer.shortField(message, SLOT_VERSION, (short) 0, "Message.version");
    if (version != BatchMetadata.VERSION_4 && version != BatchMetadata.VERSION_5) {
      throw faults.unsupported(
          "Message.version",
          "metadata version " + version,
          "let the writer use version 4 or 5, stored as 3 or 4");
    }
    headerType = flatBuffer.byteField(message, SLOT_HEADER_TYPE, (byte) 0, "Message.header_type");
    header = flatBuffer.table(message, SLOT_HEADER, "Message.header");
    if (header == 0) {
      throw faults.corrupt("Message.header", "nothing", "a table");
    }
    bodyLength = flatBuffer.longField(message, SLOT_BODY_LENGTH, 0, "Message.bodyLength");
    if (bodyLength < 0 || bodyLength > length - bodyPosition) {
      throw faults.corrupt(
          "Message.bodyLength", "" + bodyLength, "0 to " + (length - bodyPosition));
    }
    return true;
  }

  private void readSchema() {
    if (layout != null
        && Arrays.equals(metadata, 0, metadataLength, schemaMetadata, 0, schemaMetadata.length)) {
      return;
    }
    if (headerType != BatchMetadata.HEADER_SCHEMA) {
      throw faults.corrupt("Message.header_type", "" + headerType, "a schema (1) first");
    }
    new SchemaCheck(flatBuffer, faults).check(header);
    byte[] bytes = Arrays.copyOf(metadata, metadataLength);
    Schema message;
    try {
      message =
          Schema.deserializeMessage(
              ByteBuffer.allocate(BatchMetadata.FRAME_LENGTH + bytes.length)
                  .order(ByteOrder.LITTLE_ENDIAN)
                  .putInt(BatchMetadata.CONTINUATION)
                  .putInt(bytes.length)
                  .put(bytes)
                  .flip());
    } catch (RuntimeException e) {
      throw faults.corrupt("Schema", e.toString(), "what Arrow Java can parse", e);
    }
    layout = TableLayout.ofMessageFormat(message, allocator.allocator(), faults);
    schemaMetadata = bytes;
  }

  private void requireLength(String field, long found, int needed) {
    if (found < needed) {
      throw faults.corrupt(
          field, found + " bytes after the last one", "a frame, an end marker or nothing");
    }
  }
}
