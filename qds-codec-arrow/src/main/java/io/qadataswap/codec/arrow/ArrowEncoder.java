package io.qadataswap.codec.arrow;

import io.qadataswap.api.Region;
import io.qadataswap.api.codec.Encoder;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.apache.arrow.memory.ArrowBuf;
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
  private static final int END_LENGTH = 8;
  private static final int METADATA_LIMIT = 1 << 28;

  /** What a batch takes in a part's longs: how many nodes, buffers and so on. */
  private static final int PART_LENGTH = 7;

  private static final int BUFFER_LENGTH = 3;

  /** Stands for zeros, where a vector has not allocated what the format wants. */
  private static final long ZEROS = 0;

  private static final byte[] ZERO_BYTES = new byte[4096];

  private final Faults faults;
  private final BatchMetadata metadata = new BatchMetadata();

  private TableLayout layout;
  private byte[] schemaMessage;

  /** For each batch: dictionary id or row count, whether dictionary, four counts, body length. */
  private final LongList parts = new LongList();

  /** For each column: length, null count. */
  private final LongList nodes = new LongList();

  /** For each buffer: address, length, address of the validity of views that have nulls. */
  private final LongList buffers = new LongList();

  /** For each column of views: number of data buffers. */
  private final LongList variadicCounts = new LongList();

  private long bodyLength;
  private long measuredLength;

  ArrowEncoder(String channel) {
    faults = new Faults(channel);
  }

  @Override
  public long measure(ArrowTable table) {
    prepareLayout(table);
    parts.clear();
    nodes.clear();
    buffers.clear();
    variadicCounts.clear();
    measuredLength = schemaMessage.length + (long) END_LENGTH;
    for (TableLayout.DictionaryColumn dictionary : layout.dictionaries().values()) {
      long id = dictionary.encoding().getId();
      FieldVector vector = table.dictionaries().lookup(id).getVector();
      int firstNode = nodes.size();
      int firstBuffer = buffers.size();
      int firstVariadic = variadicCounts.size();
      bodyLength = 0;
      gather(dictionary.column(), vector, 0);
      addPart(true, id, vector.getValueCount(), firstNode, firstBuffer, firstVariadic);
    }
    for (int i = 0; i < table.batchCount(); i++) {
      VectorSchemaRoot root = table.batch(i);
      if (!Objects.equals(root.getSchema(), layout.schema())) {
        throw faults.misuse(
            "batch " + i,
            "its schema is " + root.getSchema() + ", the table's is " + layout.schema(),
            "send batches of different schemas as different messages");
      }
      int firstNode = nodes.size();
      int firstBuffer = buffers.size();
      int firstVariadic = variadicCounts.size();
      bodyLength = 0;
      int rowCount = root.getRowCount();
      List<FieldVector> vectors = root.getFieldVectors();
      for (int j = 0; j < vectors.size(); j++) {
        Column column = layout.columns().get(j);
        FieldVector vector = vectors.get(j);
        if (vector.getValueCount() != rowCount) {
          throw faults.misuse(
              column.path(),
              "valueCount=" + vector.getValueCount() + " in a batch of rowCount=" + rowCount,
              "call VectorSchemaRoot.setRowCount after filling the vectors");
        }
        gather(column, vector, rowCount);
      }
      addPart(false, 0, rowCount, firstNode, firstBuffer, firstVariadic);
    }
    return measuredLength;
  }

  @Override
  public long encode(ArrowTable table, Region target) {
    if (target.length() < measuredLength) {
      throw new IllegalArgumentException(
          faults.place() + " targetLength=" + target.length() + " allowed=" + measuredLength);
    }
    target.putBytes(0, schemaMessage, 0, schemaMessage.length);
    long position = schemaMessage.length;
    int node = 0;
    int buffer = 0;
    int variadic = 0;
    for (int part = 0; part < parts.size(); part += PART_LENGTH) {
      boolean isDictionary = parts.get(part) != 0;
      long dictionaryId = parts.get(part + 1);
      long rowCount = parts.get(part + 2);
      int nodeEnd = (int) parts.get(part + 3);
      int bufferEnd = (int) parts.get(part + 4);
      int variadicEnd = (int) parts.get(part + 5);
      long partBodyLength = parts.get(part + 6);
      int metadataLength =
          (int)
              BatchMetadata.length(
                  isDictionary,
                  (nodeEnd - node) / 2,
                  (bufferEnd - buffer) / BUFFER_LENGTH,
                  variadicEnd - variadic);
      int place =
          metadata.begin(metadataLength, partBodyLength, isDictionary, dictionaryId, rowCount);
      place = metadata.vector(place, isDictionary, 0, (nodeEnd - node) / 2);
      for (; node < nodeEnd; node++) {
        metadata.putLong(place, nodes.get(node));
        place += Long.BYTES;
      }
      place = metadata.vector(place, isDictionary, 1, (bufferEnd - buffer) / BUFFER_LENGTH);
      long bodyPosition = position + metadataLength;
      long offset = 0;
      for (; buffer < bufferEnd; buffer += BUFFER_LENGTH) {
        long length = buffers.get(buffer + 1);
        long address = target.address() + bodyPosition + offset;
        metadata.putLong(place, offset);
        metadata.putLong(place + Long.BYTES, length);
        place += BatchMetadata.PAIR_LENGTH;
        long end = BatchMetadata.align(length);
        long copied = 0;
        if (buffers.get(buffer) != ZEROS) {
          MemoryUtil.copyMemory(buffers.get(buffer), address, length);
          copied = length;
        }
        clear(target, bodyPosition + offset + copied, end - copied);
        if (buffers.get(buffer + 2) != 0) {
          clearNullViews(buffers.get(buffer + 2), length / TableLoader.VIEW_LENGTH, address);
        }
        offset += end;
      }
      if (variadicEnd > variadic) {
        place = metadata.vector(place, isDictionary, 2, variadicEnd - variadic);
        for (; variadic < variadicEnd; variadic++) {
          metadata.putLong(place, variadicCounts.get(variadic));
          place += Long.BYTES;
        }
      }
      target.putBytes(position, metadata.bytes(), 0, metadataLength);
      position = bodyPosition + offset;
    }
    target.putInt(position, BatchMetadata.CONTINUATION);
    target.putInt(position + Integer.BYTES, 0);
    return position + END_LENGTH;
  }

  @Override
  public void close() {
    // holds nothing
  }

  /** By copies, which end in an error where the file was cut short: filling would end the JVM. */
  private static void clear(Region target, long position, long length) {
    for (long done = 0; done < length; done += ZERO_BYTES.length) {
      target.putBytes(
          position + done, ZERO_BYTES, 0, (int) Math.min(ZERO_BYTES.length, length - done));
    }
  }

  /** Clears the views of nulls, where Arrow Java leaves anything but Polars looks. */
  private static void clearNullViews(long validity, long count, long views) {
    for (long i = 0; i < count; i++) {
      int bits = MemoryUtil.getByte(validity + i / Byte.SIZE);
      if ((bits >>> (i % Byte.SIZE) & 1) == 0) {
        long view = views + i * TableLoader.VIEW_LENGTH;
        MemoryUtil.putLong(view, 0);
        MemoryUtil.putLong(view + Long.BYTES, 0);
      }
    }
  }

  private void prepareLayout(ArrowTable table) {
    Schema schema = table.schema();
    if (layout != null
        && Objects.equals(layout.schema(), schema)
        && layout.fits(table.dictionaries())) {
      return;
    }
    TableLayout next = TableLayout.ofMemoryFormat(schema, table.dictionaries(), faults);
    byte[] message = next.toMessageFormat(table.dictionaries()).serializeAsMessage();
    int length = (int) BatchMetadata.align(message.length);
    byte[] aligned = Arrays.copyOf(message, length);
    int metadataLength = length - BatchMetadata.FRAME_LENGTH;
    for (int i = 0; i < Integer.BYTES; i++) {
      aligned[Integer.BYTES + i] = (byte) (metadataLength >>> (i * Byte.SIZE));
    }
    schemaMessage = aligned;
    layout = next;
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
            (nodes.size() - firstNode) / 2,
            (buffers.size() - firstBuffer) / BUFFER_LENGTH,
            variadicCounts.size() - firstVariadic);
    if (metadataLength > METADATA_LIMIT) {
      throw faults.misuse(
          "batch",
          "metadataLength=" + metadataLength + " of more than " + METADATA_LIMIT,
          "send fewer columns, or merge the data buffers of view vectors");
    }
    parts.add(isDictionary ? 1 : 0);
    parts.add(dictionaryId);
    parts.add(rowCount);
    parts.add(nodes.size());
    parts.add(buffers.size());
    parts.add(variadicCounts.size());
    parts.add(bodyLength);
    measuredLength += metadataLength + bodyLength;
  }

  /** Notes the nodes and buffers of a vector and its children. */
  private void gather(Column column, FieldVector vector, long neededLength) {
    FieldVector storage = Column.storage(vector);
    String mismatch = column.mismatch(storage);
    if (mismatch != null) {
      throw faults.misuse(
          column.path(),
          mismatch,
          "call VectorSchemaRoot.syncSchema after changing vectors, or make a new root");
    }
    int length = storage.getValueCount();
    if (length < neededLength) {
      throw faults.misuse(
          column.path(),
          "valueCount=" + length + " where its parent needs " + neededLength,
          "call setValueCount after filling the vectors");
    }
    // This also completes the offsets of trailing values that were never set.
    List<ArrowBuf> own = storage.getFieldBuffers();
    switch (column.kind()) {
      case NULL -> addNode(length, length);
      case FIXED -> {
        addValidity(column, storage, own.get(0));
        addBuffer(column, own.get(1), column.valuesLength(length));
      }
      case VARIABLE -> {
        addValidity(column, storage, own.get(0));
        long dataLength = addOffsets(column, own.get(1), length);
        addBuffer(column, own.get(2), dataLength);
      }
      case VIEW -> {
        boolean hasNulls = addValidity(column, storage, own.get(0));
        addViews(column, own.get(1), length, hasNulls ? own.get(0).memoryAddress() : 0);
        for (int i = 2; i < own.size(); i++) {
          addBuffer(column, own.get(i), own.get(i).writerIndex());
        }
        variadicCounts.add(own.size() - 2);
      }
      case LIST -> {
        addValidity(column, storage, own.get(0));
        long childLength = addOffsets(column, own.get(1), length);
        gatherChild(column, storage, 0, childLength);
      }
      case LIST_VIEW -> {
        addValidity(column, storage, own.get(0));
        addBuffer(column, own.get(1), (long) length * column.width());
        addBuffer(column, own.get(2), (long) length * column.width());
        gatherChild(column, storage, 0, 0);
      }
      case FIXED_SIZE_LIST -> {
        addValidity(column, storage, own.get(0));
        gatherChild(column, storage, 0, (long) length * column.width());
      }
      case STRUCT -> {
        addValidity(column, storage, own.get(0));
        gatherChildren(column, storage, length);
      }
      case SPARSE_UNION -> {
        addNode(length, 0);
        addBuffer(column, own.get(0), length);
        gatherChildren(column, storage, length);
      }
      case DENSE_UNION -> {
        addNode(length, 0);
        addBuffer(column, own.get(0), length);
        addBuffer(column, own.get(1), (long) length * Integer.BYTES);
        gatherChildren(column, storage, 0);
      }
      case RUN_END_ENCODED -> {
        addNode(length, 0);
        gatherRuns(column, storage, length);
      }
    }
  }

  private void gatherChildren(Column column, FieldVector storage, long neededLength) {
    List<FieldVector> vectors = storage.getChildrenFromFields();
    for (int i = 0; i < vectors.size(); i++) {
      gather(column.children().get(i), vectors.get(i), neededLength);
    }
  }

  private void gatherChild(Column column, FieldVector storage, int index, long neededLength) {
    gather(column.children().get(index), storage.getChildrenFromFields().get(index), neededLength);
  }

  private void gatherRuns(Column column, FieldVector storage, int length) {
    FieldVector runEnds = storage.getChildrenFromFields().get(0);
    int runCount = runEnds.getValueCount();
    gatherChild(column, storage, 0, length == 0 ? 0 : 1);
    gatherChild(column, storage, 1, runCount);
    if (length > 0) {
      int width = column.children().get(0).width() / Byte.SIZE;
      long lastEnd = readInteger(runEnds.getDataBuffer(), runCount - 1L, width);
      if (lastEnd < length) {
        throw faults.misuse(
            column.path(),
            "its last run ends at " + lastEnd + " of " + length + " values",
            "let the last run end at the value count");
      }
    }
  }

  private void addNode(int length, int nullCount) {
    nodes.add(length);
    nodes.add(nullCount);
  }

  /**
   * Adds the node and the validity bits, which are left out if all values are valid.
   *
   * @return whether there are nulls
   */
  private boolean addValidity(Column column, FieldVector storage, ArrowBuf validity) {
    int length = storage.getValueCount();
    long byteCount = ((long) length + Byte.SIZE - 1) / Byte.SIZE;
    requireCapacity(column, validity, byteCount);
    int nullCount = storage.getNullCount();
    addNode(length, nullCount);
    addBuffer(column, validity, nullCount == 0 ? 0 : byteCount);
    return nullCount > 0;
  }

  private void addViews(Column column, ArrowBuf views, int length, long validity) {
    long byteCount = (long) length * TableLoader.VIEW_LENGTH;
    requireCapacity(column, views, byteCount);
    addSource(views.memoryAddress(), byteCount, validity);
  }

  /** Adds offsets and returns the last one. */
  private long addOffsets(Column column, ArrowBuf offsets, int length) {
    int width = column.width();
    long byteCount = (length + 1L) * width;
    if (length == 0) {
      addSource(ZEROS, byteCount, 0);
      return 0;
    }
    addBuffer(column, offsets, byteCount);
    return readInteger(offsets, length, width);
  }

  private void addBuffer(Column column, ArrowBuf buffer, long length) {
    if (length < 0) {
      throw faults.misuse(column.path(), "its offsets end at " + length, "let offsets grow from 0");
    }
    requireCapacity(column, buffer, length);
    addSource(buffer.memoryAddress(), length, 0);
  }

  private void addSource(long address, long length, long viewValidity) {
    buffers.add(address);
    buffers.add(length);
    buffers.add(viewValidity);
    bodyLength += BatchMetadata.align(length);
  }

  private void requireCapacity(Column column, ArrowBuf buffer, long length) {
    if (buffer.capacity() < length) {
      throw faults.misuse(
          column.path(),
          "a buffer of " + buffer.capacity() + " bytes where its values need " + length,
          "allocate and fill the vector before writing it, and close it afterwards only");
    }
  }

  static long readInteger(ArrowBuf buffer, long index, int width) {
    return switch (width) {
      case Short.BYTES -> buffer.getShort(index * width);
      case Integer.BYTES -> Ints.get(buffer, index * width);
      default -> buffer.getLong(index * width);
    };
  }
}
