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
 * leaves the bodies where they are. A schema, and the metadata of a batch that is alone in its
 * message, are parsed only when their bytes differ from the last.
 */
final class ArrowDecoder implements Decoder<ArrowTable> {
  private static final byte[] NO_BYTES = {};
  private static final int METADATA_LIMIT = 1 << 28;

  /** So many messages in a row with the same metadata are taken to be the rule. */
  private static final int STEADY_COUNT = 4;

  private static final int SLOT_VERSION = 0;
  private static final int SLOT_HEADER_TYPE = 1;
  private static final int SLOT_HEADER = 2;
  private static final int SLOT_BODY_LENGTH = 3;

  private final Faults faults;
  private final boolean fullValidation;
  private final ChannelAllocator allocator;
  private final ValidBits validBits = new ValidBits();
  private final FlatBuffer flatBuffer;
  private final TableLoader loader;

  private final MessagePlaces places;

  private byte[] metadata = new byte[1024];
  private TableLayout layout;

  /**
   * The bytes with which the last message began: the schema's frame, from which the layout was
   * parsed, and the batch's frame, which {@link #metadata} still holds and the loader has read.
   */
  private byte[] head = NO_BYTES;

  /** Length of the schema's frame in the head; 0 if there is none to compare with. */
  private int schemaLength;

  /** Length of both frames; of the schema's alone if the last message had not exactly one batch. */
  private int headLength;

  private byte[] compared = NO_BYTES;

  /** Changes with the batch's metadata in the head. */
  private long batchId;

  /** Messages in a row that had the metadata of the one before. */
  private long repeatCount;

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
    this.flatBuffer = new FlatBuffer(faults);
    this.loader = new TableLoader(allocator, flatBuffer, faults);
    this.places = new MessagePlaces(allocator, validBits);
  }

  @Override
  public ArrowTable decode(Loan loan) {
    faults.message(loan.sequence());
    Region region = loan.region();
    int same = lengthLikeLast(region);
    boolean isLastBatch = same > schemaLength && same == headLength;
    if (isLastBatch) {
      requireBody(region);
    } else if (same >= schemaLength && schemaLength > 0) {
      headLength = schemaLength;
      bodyPosition = schemaLength;
      bodyLength = 0;
    } else {
      if (!nextFrame(region, 0)) {
        throw faults.corrupt(
            "stream", region.length() + " bytes without a schema", "a schema first");
      }
      readSchema(region);
    }
    MessageMemory memory = memory(region, isLastBatch);
    boolean isShown = memory.open(loan, isLastBatch ? batchId : MessageMemory.UNIQUE);
    loader.begin(layout, loan, memory);
    try {
      if (isShown) {
        loader.addShownBatch();
      } else if (isLastBatch) {
        loader.addBatchAgain();
      }
      int frameCount = 0;
      while (nextFrame(region, bodyPosition + bodyLength)) {
        frameCount++;
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
      if (frameCount == 1 && !isLastBatch && headerType == BatchMetadata.HEADER_RECORD_BATCH) {
        rememberBatch(region);
      } else if (frameCount == 0 && repeatCount >= STEADY_COUNT) {
        loader.repeatable(batchId);
      }
      return loader.finish(fullValidation);
    } finally {
      loader.end();
    }
  }

  private MessageMemory memory(Region region, boolean isLastBatch) {
    if (fullValidation) {
      // The message may be a private copy, which is gone after it: no later message may make its
      // buffers accessible again.
      return places.single();
    }
    repeatCount = isLastBatch ? repeatCount + 1 : 0;
    return repeatCount < STEADY_COUNT ? places.any() : places.at(region.address(), layout);
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
    if (length - position >= ArrowEncoder.END_LENGTH
        && region.getLong(position) == ArrowEncoder.END) {
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
    headLength = schemaLength;
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
    requireBody(region);
    return true;
  }

  private void requireBody(Region region) {
    long limit = region.length() - bodyPosition;
    if (bodyLength < 0 || bodyLength > limit) {
      throw faults.corrupt("Message.bodyLength", "" + bodyLength, "0 to " + limit);
    }
  }

  /** Returns with how many of the head's bytes the message begins. */
  private int lengthLikeLast(Region region) {
    int length = (int) Math.min(headLength, region.length());
    region.getBytes(0, compared, 0, length);
    int difference = Arrays.mismatch(compared, 0, length, head, 0, length);
    return difference < 0 ? length : difference;
  }

  /** Makes what was checked the head, with what precedes it in the message and may differ. */
  private void rememberSchema(Region region) {
    schemaLength = rememberFrame(region, 0);
    headLength = schemaLength;
  }

  private void rememberBatch(Region region) {
    batchId++;
    if (schemaLength > 0) {
      headLength = rememberFrame(region, schemaLength);
    }
  }

  /** Returns where the frame's body begins. */
  private int rememberFrame(Region region, int frame) {
    int end = (int) bodyPosition;
    if (head.length < end) {
      head = Arrays.copyOf(head, end);
      compared = new byte[end];
    }
    region.getBytes(frame, head, frame, end - metadataLength - frame);
    System.arraycopy(metadata, 0, head, end - metadataLength, metadataLength);
    return end;
  }

  private void readSchema(Region region) {
    schemaLength = 0;
    headLength = 0;
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
    if (bodyLength == 0) {
      rememberSchema(region);
    }
  }

  private void requireLength(String field, long found, int needed) {
    if (found < needed) {
      throw faults.corrupt(
          field, found + " bytes after the last one", "a frame, an end marker or nothing");
    }
  }
}
