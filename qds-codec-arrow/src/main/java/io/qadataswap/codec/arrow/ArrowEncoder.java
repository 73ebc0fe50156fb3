package io.qadataswap.codec.arrow;

import io.qadataswap.api.Region;
import io.qadataswap.api.codec.Encoder;
import java.util.Objects;
import org.apache.arrow.memory.util.MemoryUtil;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.types.pojo.Schema;

/**
 * Writes tables as Arrow IPC streams, in two passes: {@link #measure} walks the vectors and notes
 * where each buffer lies, {@link #encode} writes the metadata and copies each buffer once. Frames,
 * bodies and buffers start at multiples of 64.
 */
final class ArrowEncoder implements Encoder<ArrowTable> {
  static final int END_LENGTH = 8;
  private static final int METADATA_LIMIT = 1 << 28;

  /** What a batch takes in a part's longs: how many nodes, buffers and so on. */
  private static final int PART_LENGTH = 7;

  /** Up to this length buffers are copied without a call of the copying routine. */
  private static final int WORDS_LENGTH = 32;

  private static final byte[] ZERO_BYTES = new byte[4096];

  /** The end marker: a continuation marker and no length. */
  static final long END = 0xFFFF_FFFFL;

  private final Faults faults;
  private final BatchMetadata metadata = new BatchMetadata();
  private final VectorBuffers vectors;

  private TableLayout layout;
  private byte[] schemaMessage;

  /** For each batch: whether dictionary, id, row count, ends of three lists, body length. */
  private final LongList parts = new LongList();

  private long measuredLength;

  /** Schema and metadata of a message with one batch. */
  private byte[] head = {};

  /** Length of the head of what was measured, or 0 if it has to be made. */
  private int headLength;

  ArrowEncoder(String channel) {
    faults = new Faults(channel);
    vectors = new VectorBuffers(faults);
  }

  @Override
  public long measure(ArrowTable table) {
    int madeLength = prepareLayout(table) ? 0 : headLength;
    headLength = 0;
    parts.clear();
    vectors.clear();
    measuredLength = schemaMessage.length + (long) END_LENGTH;
    if (!layout.dictionaries().isEmpty()) {
      measureDictionaries(table);
    }
    for (int i = 0; i < table.batchCount(); i++) {
      VectorSchemaRoot root = table.batch(i);
      if (!Objects.equals(root.getSchema(), layout.schema())) {
        throw faults.misuse(
            "batch " + i,
            "its schema is " + root.getSchema() + ", the table's is " + layout.schema(),
            "send batches of different schemas as different messages");
      }
      int firstNode = vectors.nodeCount();
      int firstBuffer = vectors.bufferCount();
      int firstVariadic = vectors.variadicCount();
      vectors.add(layout, root, root.getRowCount());
      addPart(false, 0, root.getRowCount(), firstNode, firstBuffer, firstVariadic);
    }
    if (parts.isAsBefore() && vectors.isAsBefore()) {
      headLength = madeLength;
    }
    return measuredLength;
  }

  /** Measures what comes before the first batch: schema and dictionaries. */
  long measureHead(ArrowTable withoutBatches) {
    return measure(withoutBatches) - END_LENGTH;
  }

  /** Encodes what {@link #measureHead} has measured, and returns where the first batch begins. */
  long encodeHead(Region target) {
    target.putBytes(0, schemaMessage, 0, schemaMessage.length);
    encodeParts(target);
    return measuredLength - END_LENGTH;
  }

  /** Returns the layout of what was measured last. */
  TableLayout layout() {
    return layout;
  }

  private void measureDictionaries(ArrowTable table) {
    for (TableLayout.DictionaryColumn dictionary : layout.dictionaries().values()) {
      long id = dictionary.encoding().getId();
      FieldVector vector = table.dictionaries().lookup(id).getVector();
      int firstNode = vectors.nodeCount();
      int firstBuffer = vectors.bufferCount();
      int firstVariadic = vectors.variadicCount();
      vectors.add(dictionary.column(), vector, 0);
      addPart(true, id, vector.getValueCount(), firstNode, firstBuffer, firstVariadic);
    }
  }

  @Override
  public long encode(ArrowTable table, Region target) {
    if (target.length() < measuredLength) {
      throw new IllegalArgumentException(
          faults.place() + " targetLength=" + target.length() + " allowed=" + measuredLength);
    }
    if (headLength > 0) {
      target.putBytes(0, head, 0, headLength);
      long bodyLength = copy(0, vectors.bufferCount(), target, headLength);
      target.putLong(headLength + bodyLength, END);
    } else {
      target.putBytes(0, schemaMessage, 0, schemaMessage.length);
      encodeParts(target);
    }
    return measuredLength;
  }

  /** Encodes what follows the schema. */
  private void encodeParts(Region target) {
    long position = schemaMessage.length;
    int node = 0;
    int buffer = 0;
    int variadic = 0;
    for (int part = 0; part < parts.size(); part += PART_LENGTH) {
      boolean isDictionary = parts.get(part) != 0;
      int firstNode = node;
      int firstBuffer = buffer;
      int firstVariadic = variadic;
      int nodeEnd = (int) parts.get(part + 3);
      int bufferEnd = (int) parts.get(part + 4);
      int variadicEnd = (int) parts.get(part + 5);
      int metadataLength =
          (int)
              BatchMetadata.length(
                  isDictionary, nodeEnd - node, bufferEnd - buffer, variadicEnd - variadic);
      metadata.begin(
          metadataLength, isDictionary, nodeEnd - node, bufferEnd - buffer, variadicEnd - variadic);
      metadata.batch(parts.get(part + 6), parts.get(part + 1), parts.get(part + 2));
      for (; node < nodeEnd; node++) {
        metadata.node(node - firstNode, vectors.nodeLength(node), vectors.nullCount(node));
      }
      for (; variadic < variadicEnd; variadic++) {
        metadata.variadic(variadic - firstVariadic, vectors.dataBufferCount(variadic));
      }
      long offset = 0;
      for (; buffer < bufferEnd; buffer++) {
        metadata.buffer(buffer - firstBuffer, offset, vectors.length(buffer));
        offset += BatchMetadata.align(vectors.length(buffer));
      }
      target.putBytes(position, metadata.bytes(), 0, metadataLength);
      if (parts.size() == PART_LENGTH && !isDictionary) {
        rememberHead(metadataLength);
      }
      position += metadataLength;
      position += copy(firstBuffer, bufferEnd, target, position);
    }
    target.putLong(position, END);
  }

  private void rememberHead(int metadataLength) {
    int schemaLength = schemaMessage.length;
    if (head.length < schemaLength + metadataLength) {
      head = new byte[schemaLength + metadataLength];
    }
    System.arraycopy(schemaMessage, 0, head, 0, schemaLength);
    System.arraycopy(metadata.bytes(), 0, head, schemaLength, metadataLength);
    headLength = schemaLength + metadataLength;
  }

  /** Copies buffers, each followed by zeros, and returns the length of all. */
  private long copy(int first, int end, Region target, long position) {
    long base = target.address();
    long length = 0;
    for (int buffer = first; buffer < end; buffer++) {
      length += copy(buffer, target, base, position + length);
    }
    return length;
  }

  /** Copies a buffer, followed by zeros, and returns the length of both. */
  private long copy(int buffer, Region target, long base, long position) {
    long length = vectors.length(buffer);
    if (length == 0) {
      return 0;
    }
    long source = vectors.address(buffer);
    long end = BatchMetadata.align(length);
    if (source == VectorBuffers.ZEROS) {
      clear(target, position, end);
      return end;
    }
    copy(source, base + position, length);
    clear(base + position + length, (int) (end - length));
    if (vectors.variadicCount() > 0 && vectors.viewValidity(buffer) != 0) {
      clearNullViews(
          vectors.viewValidity(buffer), length / TableLoader.VIEW_LENGTH, target, position);
    }
    return end;
  }

  /** What one or a few rows need is copied faster than a call of the copying routine takes. */
  private static void copy(long source, long target, long length) {
    if (length > WORDS_LENGTH) {
      MemoryUtil.copyMemory(source, target, length);
      return;
    }
    int i = 0;
    for (; i <= length - Long.BYTES; i += Long.BYTES) {
      MemoryUtil.putLong(target + i, MemoryUtil.getLong(source + i));
    }
    for (; i < length; i++) {
      MemoryUtil.putByte(target + i, MemoryUtil.getByte(source + i));
    }
  }

  /** Clears the few bytes up to a multiple of 64, by single stores. */
  private static void clear(long address, int length) {
    int i = 0;
    for (; i < length % Long.BYTES; i++) {
      MemoryUtil.putByte(address + i, (byte) 0);
    }
    for (; i < length; i += Long.BYTES) {
      MemoryUtil.putLong(address + i, 0);
    }
  }

  @Override
  public void close() {
    // holds nothing
  }

  /** By copies, which end in an error where the file was cut short: filling would end the JVM. */
  static void clear(Region target, long position, long length) {
    for (long done = 0; done < length; done += ZERO_BYTES.length) {
      target.putBytes(
          position + done, ZERO_BYTES, 0, (int) Math.min(ZERO_BYTES.length, length - done));
    }
  }

  /** Clears the views of nulls, where Arrow Java leaves anything but Polars looks. */
  static void clearNullViews(long validity, long count, Region target, long position) {
    for (long i = 0; i < count; i++) {
      int bits = MemoryUtil.getByte(validity + i / Byte.SIZE);
      if ((bits >>> (i % Byte.SIZE) & 1) == 0) {
        long view = position + i * TableLoader.VIEW_LENGTH;
        target.putLong(view, 0);
        target.putLong(view + Long.BYTES, 0);
      }
    }
  }

  /** Returns whether the layout is another than before. */
  private boolean prepareLayout(ArrowTable table) {
    Schema schema = table.schema();
    if (layout != null
        && Objects.equals(layout.schema(), schema)
        && layout.fits(table.dictionaries())) {
      return false;
    }
    TableLayout next = TableLayout.ofMemoryFormat(schema, table.dictionaries(), faults);
    schemaMessage = next.schemaMessage(table.dictionaries());
    layout = next;
    return true;
  }

  private void addPart(
      boolean isDictionary,
      long dictionaryId,
      int rowCount,
      int firstNode,
      int firstBuffer,
      int firstVariadic) {
    long metadataLength =
        BatchMetadata.length(
            isDictionary,
            vectors.nodeCount() - firstNode,
            vectors.bufferCount() - firstBuffer,
            vectors.variadicCount() - firstVariadic);
    if (metadataLength > METADATA_LIMIT) {
      throw faults.misuse(
          "batch",
          "metadataLength=" + metadataLength + " of more than " + METADATA_LIMIT,
          "send fewer columns, or merge the data buffers of view vectors");
    }
    long bodyLength = 0;
    for (int buffer = firstBuffer; buffer < vectors.bufferCount(); buffer++) {
      bodyLength += BatchMetadata.align(vectors.length(buffer));
    }
    parts.add(isDictionary ? 1 : 0);
    parts.add(dictionaryId);
    parts.add(rowCount);
    parts.add(vectors.nodeCount());
    parts.add(vectors.bufferCount());
    parts.add(vectors.variadicCount());
    parts.add(bodyLength);
    measuredLength += metadataLength + bodyLength;
  }
}
