package io.qadataswap.codec.arrow;

import java.util.List;
import java.util.Objects;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.dictionary.DictionaryProvider;
import org.apache.arrow.vector.types.pojo.Schema;

/**
 * What a message of Arrow data holds: a schema, the dictionaries that it refers to, and zero or
 * more record batches.
 *
 * <p>A table to be written wraps what the caller has and owns none of it; it may be written any
 * number of times, each time with what the vectors hold then.
 *
 * <p>A table that was received shows the channel's memory, without a copy. Its vectors are
 * read-only: writing to them would change what other readers see. When its message is closed, the
 * vectors are emptied, and this object refuses to hand them out. Buffers that were retained or
 * transferred to another allocator of the same root before stay valid; until they are released too,
 * they keep the message's memory from being used again, and a writer may have to wait for it.
 *
 * <p>QDS itself survives a channel file that somebody cuts short, but Arrow's vectors read by
 * address: {@code ArrowBuf.getInt}, and with it {@code IntVector.get} or the offsets of texts, ends
 * the JVM where C2 on x86 has merged the load with the widening of its value to a long, and so does
 * native code. Where others may damage the file, open the reader with {@link
 * io.qadataswap.api.Trust#NONE}: the table is then a private copy.
 *
 * <p>One thread at a time, as the vectors themselves.
 */
public final class ArrowTable {
  /**
   * How many references to its message's memory a received table holds. More than one, so that a
   * user who releases too often does not cut the vectors off before they are emptied: Arrow's
   * buffers let everybody read when their count is below zero.
   */
  private static final int MEMORY_REFERENCES = 1 << 16;

  private final VectorSchemaRoot onlyBatch;
  private final Schema schema;
  private final List<VectorSchemaRoot> batches;
  private final DictionaryProvider dictionaries;
  private final String origin;
  private final List<FieldVector> dictionaryVectors;
  private final ArrowBuf memory;
  private volatile boolean closed;

  private ArrowTable(
      VectorSchemaRoot onlyBatch,
      Schema schema,
      List<VectorSchemaRoot> batches,
      DictionaryProvider dictionaries,
      String origin,
      List<FieldVector> dictionaryVectors,
      ArrowBuf memory) {
    this.onlyBatch = onlyBatch;
    this.schema = schema;
    this.batches = batches;
    this.dictionaries = Objects.requireNonNull(dictionaries, "dictionaries");
    this.origin = origin;
    this.dictionaryVectors = dictionaryVectors;
    this.memory = memory;
  }

  /**
   * Makes a table that owns vectors over a message, which its origin names.
   *
   * @param memory what the vectors show, with one reference that the table takes over; null if they
   *     show nothing
   */
  static ArrowTable received(
      String origin,
      Schema schema,
      List<VectorSchemaRoot> batches,
      DictionaryProvider dictionaries,
      List<FieldVector> dictionaryVectors,
      ArrowBuf memory) {
    if (memory != null) {
      memory.getReferenceManager().retain(MEMORY_REFERENCES - 1);
    }
    return new ArrowTable(null, schema, batches, dictionaries, origin, dictionaryVectors, memory);
  }

  /**
   * Wraps one record batch.
   *
   * @param root the batch, with {@link VectorSchemaRoot#setRowCount} called after filling it
   * @return the table
   */
  public static ArrowTable of(VectorSchemaRoot root) {
    return of(root, new DictionaryProvider.MapDictionaryProvider());
  }

  /**
   * Wraps one record batch with dictionary-encoded columns.
   *
   * @param root the batch, with {@link VectorSchemaRoot#setRowCount} called after filling it
   * @param dictionaries holds every dictionary that the schema refers to
   * @return the table
   */
  public static ArrowTable of(VectorSchemaRoot root, DictionaryProvider dictionaries) {
    Objects.requireNonNull(root, "root");
    return new ArrowTable(root, null, List.of(root), dictionaries, null, List.of(), null);
  }

  /**
   * Wraps any number of record batches.
   *
   * @param schema of all batches, and of the table if there is none
   * @param batches zero or more
   * @param dictionaries holds every dictionary that the schema refers to
   * @return the table
   */
  public static ArrowTable of(
      Schema schema, List<VectorSchemaRoot> batches, DictionaryProvider dictionaries) {
    Objects.requireNonNull(schema, "schema");
    return new ArrowTable(null, schema, List.copyOf(batches), dictionaries, null, List.of(), null);
  }

  /**
   * Returns the schema in memory format: dictionary-encoded fields have the type of their indices.
   *
   * @return the schema, valid also after the message was closed
   */
  public Schema schema() {
    return schema == null ? onlyBatch.getSchema() : schema;
  }

  /**
   * Returns the number of record batches.
   *
   * @return zero or more
   */
  public int batchCount() {
    return batches.size();
  }

  /**
   * Returns a record batch.
   *
   * @param index 0 to {@link #batchCount()} - 1
   * @return the batch; closing it is not necessary
   * @throws IndexOutOfBoundsException if there is no such batch
   * @throws IllegalStateException if the message of a received table is closed
   */
  public VectorSchemaRoot batch(int index) {
    requireOpen();
    if (index < 0 || index >= batches.size()) {
      throw new IndexOutOfBoundsException(
          "batch=" + index + " allowed=0 to " + (batches.size() - 1));
    }
    return batches.get(index);
  }

  /**
   * Returns the only record batch, for the many tables that have one.
   *
   * @return the batch; closing it is not necessary
   * @throws IllegalStateException if there is none or more than one, or if the message of a
   *     received table is closed
   */
  public VectorSchemaRoot root() {
    requireOpen();
    if (batches.size() != 1) {
      throw new IllegalStateException(
          "the table has batchCount="
              + batches.size()
              + ", root() needs exactly 1: go through them with batch(index)");
    }
    return batches.get(0);
  }

  /**
   * Returns the number of rows of all batches.
   *
   * @return the row count
   * @throws IllegalStateException if the message of a received table is closed
   */
  public long rowCount() {
    requireOpen();
    long rowCount = 0;
    for (VectorSchemaRoot batch : batches) {
      rowCount += batch.getRowCount();
    }
    return rowCount;
  }

  /**
   * Returns the dictionaries of dictionary-encoded columns, by the ids in the schema.
   *
   * @return the dictionaries, empty if the schema refers to none
   * @throws IllegalStateException if the message of a received table is closed
   */
  public DictionaryProvider dictionaries() {
    requireOpen();
    return dictionaries;
  }

  /**
   * Empties the vectors of a received table, and makes it refuse use.
   *
   * @throws IllegalStateException if buffers were released more often than retained
   */
  void release() {
    closed = true;
    RuntimeException failure = null;
    for (VectorSchemaRoot batch : batches) {
      for (FieldVector vector : batch.getFieldVectors()) {
        failure = clear(vector::clear, failure);
      }
      // Sets the row count too.
      failure = clear(batch::clear, failure);
    }
    for (FieldVector vector : dictionaryVectors) {
      failure = clear(vector::clear, failure);
    }
    boolean releasedTooOften = memory != null && !releaseMemory();
    if (releasedTooOften || failure != null) {
      throw new IllegalStateException(
          origin
              + ": a buffer was released more often than it was retained; what is received needs no"
              + " release but closing its message",
          failure);
    }
  }

  /** Drops the own references and returns whether as many of them were left as there should be. */
  private boolean releaseMemory() {
    int left = memory.refCnt();
    if (left > 0) {
      memory.getReferenceManager().release(Math.min(left, MEMORY_REFERENCES));
    }
    return left >= MEMORY_REFERENCES;
  }

  private static RuntimeException clear(Runnable clearing, RuntimeException before) {
    try {
      clearing.run();
      return before;
    } catch (IllegalStateException | IllegalArgumentException e) {
      if (before != null) {
        e.addSuppressed(before);
      }
      return e;
    }
  }

  private void requireOpen() {
    if (closed) {
      throw new IllegalStateException(
          origin + " is closed: use its vectors before, or copy what is needed longer");
    }
  }
}
