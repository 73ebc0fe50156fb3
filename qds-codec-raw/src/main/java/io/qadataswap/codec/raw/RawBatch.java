package io.qadataswap.codec.raw;

import io.qadataswap.api.Region;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

/**
 * Columns of equally many rows in one piece of memory, in the layout of {@link RawCodec}. It is one
 * of three:
 *
 * <ul>
 *   <li>received: a read-only view of a message, valid while the message is open;
 *   <li>claimed by a {@link RawClaim}: memory of the channel, to be filled in place, valid until
 *       the claim ends;
 *   <li>{@linkplain #allocate private}: memory of its own, to be filled, completed by {@link
 *       #setRowCount} and written by {@code writer.write(batch)} any number of times, which copies
 *       it.
 * </ul>
 *
 * <p>Access after the end of the message or claim is an {@link IllegalStateException}. The object
 * itself is used again where the {@code Message} object is: in {@code for} loops and {@code drain}
 * for the next message, and by each claim of a {@link RawClaim}.
 *
 * <p>Nothing blocks or allocates except where it says so. One thread at a time.
 */
public final class RawBatch {
  private final RawSchema schema;
  private final RawColumn[] columns;
  private final List<RawColumn> columnList;
  private final Faults faults;

  /** Header, schema and buffer table, as they are stored when a batch is completed. */
  private final byte[] metadata;

  private final ByteBuffer metadataBuffer;
  private boolean isPrivate;
  private Region region;
  private int rowCount;
  private int rowCapacity;
  private long length;
  private boolean filling;

  /** Where the fixed part of what is being filled ends. */
  private long fixedEnd;

  RawBatch(RawSchema schema, Faults faults, boolean writable) {
    this.schema = schema;
    this.faults = faults;
    this.columns = new RawColumn[schema.fields().size()];
    for (int i = 0; i < columns.length; i++) {
      columns[i] = new RawColumn(this, schema.fields().get(i));
    }
    this.columnList = List.of(columns);
    if (writable) {
      byte[] encoded = schema.encoded();
      int tableAt = RawDescriptor.HEADER_LENGTH + encoded.length;
      metadata = new byte[tableAt + columns.length * RawDescriptor.BUFFERS_LENGTH];
      metadataBuffer = ByteBuffer.wrap(metadata).order(ByteOrder.LITTLE_ENDIAN);
      metadataBuffer.putInt(RawDescriptor.MAGIC_OFFSET, RawDescriptor.MAGIC);
      metadataBuffer.putShort(RawDescriptor.VERSION_OFFSET, (short) RawDescriptor.VERSION);
      metadataBuffer.putInt(RawDescriptor.COLUMN_COUNT_OFFSET, columns.length);
      metadataBuffer.putInt(RawDescriptor.SCHEMA_LENGTH_OFFSET, encoded.length);
      metadataBuffer.put(RawDescriptor.HEADER_LENGTH, encoded);
    } else {
      metadata = null;
      metadataBuffer = null;
    }
  }

  /**
   * Creates a batch in private memory on the heap, to be filled and then completed by {@link
   * #setRowCount}. Allocates.
   *
   * @param schema of the batch
   * @param rowCapacity most rows
   * @param dataCapacity most bytes of each column of texts or bytes
   * @return the batch
   * @throws IllegalArgumentException if it would be longer than an array can be
   */
  public static RawBatch allocate(RawSchema schema, int rowCapacity, long dataCapacity) {
    RawBatch batch = new RawBatch(schema, new Faults("none, the batch is private"), true);
    for (RawColumn column : batch.columns) {
      column.dataCapacity(dataCapacity);
    }
    long needed = batch.place(rowCapacity);
    if (needed > Integer.MAX_VALUE - RawDescriptor.ALIGNMENT) {
      throw new IllegalArgumentException(
          "rowCapacity="
              + rowCapacity
              + " dataCapacity="
              + dataCapacity
              + " length="
              + needed
              + " allowed=up to "
              + (Integer.MAX_VALUE - RawDescriptor.ALIGNMENT)
              + " bytes; fill larger batches in place, by RawClaim");
    }
    Region memory = new Region();
    memory.open(new HeapMemory(new byte[(int) needed]), 0, needed, true);
    batch.isPrivate = true;
    batch.begin(memory);
    return batch;
  }

  /**
   * Returns what the columns are.
   *
   * @return the schema; of a reader, the same object as long as its bytes are the same
   */
  public RawSchema schema() {
    return schema;
  }

  /**
   * Returns the number of rows.
   *
   * @return rows; while the batch is being filled, its capacity
   */
  public int rowCount() {
    return filling ? rowCapacity : rowCount;
  }

  /**
   * Returns the columns.
   *
   * @return the columns in order
   */
  public List<RawColumn> columns() {
    return columnList;
  }

  /**
   * Returns a column. In loops over messages of one schema the index is quicker than the name.
   *
   * @param index of the column
   * @return the column
   */
  public RawColumn column(int index) {
    return columns[index];
  }

  /**
   * Returns a column.
   *
   * @param name of the column
   * @return the column
   * @throws IllegalArgumentException if there is none of that name
   */
  public RawColumn column(String name) {
    return columns[schema.indexOf(name)];
  }

  /**
   * Completes a private batch: rows of columns of texts or bytes that were not set become empty.
   * Afterwards it can be read and written, and filled again only after {@link #clear()}.
   *
   * @param count of the rows
   * @return this batch
   * @throws IllegalArgumentException if the count is beyond the capacity
   * @throws IllegalStateException if the batch is not a private one that is being filled
   */
  public RawBatch setRowCount(int count) {
    requireFilling();
    if (!isPrivate) {
      throw new IllegalStateException("the batch is claimed: commit its RawClaim instead");
    }
    complete(count);
    return this;
  }

  /**
   * Starts filling a private batch anew. What it held is gone.
   *
   * @return this batch
   * @throws IllegalStateException if the batch is not private
   */
  public RawBatch clear() {
    if (!isPrivate) {
      throw new IllegalStateException("the batch is received or claimed, not private");
    }
    begin(region);
    return this;
  }

  /** Returns the message's length in bytes; the batch must be complete. */
  long length() {
    if (filling) {
      throw new IllegalStateException(
          "the batch is being filled: call setRowCount, or commit its RawClaim");
    }
    return length;
  }

  Region region() {
    return region;
  }

  Faults faults() {
    return faults;
  }

  boolean isFilling() {
    return filling;
  }

  void requireFilling() {
    if (!filling) {
      throw new IllegalStateException("the batch is received or complete, and cannot be changed");
    }
  }

  /** Points the batch at a received message, whose columns are bound one by one afterwards. */
  @SuppressWarnings("ReferenceEquality") // the very object, to spare a store
  void open(Region message, int messageRowCount, long messageLength) {
    if (region != message) {
      region = message;
    }
    rowCount = messageRowCount;
    length = messageLength;
  }

  /** Places the buffers for a number of rows, and returns the length that this needs. */
  long place(int rows) {
    if (rows < 0) {
      throw new IllegalArgumentException("rowCapacity=" + rows + " allowed=0 or more");
    }
    rowCapacity = rows;
    long end = RawDescriptor.buffers(schema.encoded().length, columns.length);
    for (RawColumn column : columns) {
      end = column.placeFixed(end, rows);
    }
    fixedEnd = end;
    for (RawColumn column : columns) {
      end = column.placeData(end);
    }
    return end;
  }

  /** Starts filling memory of the length that {@link #place} has told. */
  void begin(Region memory) {
    region = memory;
    filling = true;
    for (RawColumn column : columns) {
      column.begin(rowCapacity);
    }
  }

  /** Stores what describes the batch, and returns the length of the message. */
  long complete(int count) {
    if (count < 0 || count > rowCapacity) {
      throw new IllegalArgumentException(
          "rowCount=" + count + " allowed=0 to the capacity " + rowCapacity);
    }
    long end = fixedEnd;
    int entry = metadata.length - columns.length * RawDescriptor.BUFFERS_LENGTH;
    for (RawColumn column : columns) {
      end = Math.max(end, column.complete(count));
      metadataBuffer.putLong(entry + RawDescriptor.VALIDITY_OFFSET, column.validity());
      metadataBuffer.putLong(entry + RawDescriptor.VALUES_OFFSET, column.valuesOffset());
      metadataBuffer.putLong(entry + RawDescriptor.DATA_OFFSET, column.dataOffset());
      metadataBuffer.putLong(entry + RawDescriptor.DATA_LENGTH_OFFSET, column.dataLength());
      entry += RawDescriptor.BUFFERS_LENGTH;
    }
    metadataBuffer.putInt(RawDescriptor.ROW_COUNT_OFFSET, count);
    metadataBuffer.putLong(RawDescriptor.MESSAGE_LENGTH_OFFSET, end);
    region.putBytes(0, metadata, 0, metadata.length);
    rowCount = count;
    length = end;
    filling = false;
    return end;
  }
}
