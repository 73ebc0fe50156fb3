package io.qadataswap.codec.arrow;

import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.dictionary.Dictionary;
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
 * read-only: writing to them would change what other readers see. When its message is closed, its
 * vectors can no longer be read, and this object refuses to hand them out. Buffers that were
 * retained or transferred to another allocator of the same root before stay valid; until they are
 * released too, they keep the message's memory from being used again, and a writer may have to wait
 * for it.
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
  /** For all tables without dictionaries. */
  static final DictionaryProvider NO_DICTIONARIES =
      new DictionaryProvider() {
        @Override
        public Dictionary lookup(long id) {
          return null;
        }

        @Override
        public Set<Long> getDictionaryIds() {
          return Set.of();
        }
      };

  private final VectorSchemaRoot onlyBatch;
  private final Schema schema;
  private final List<VectorSchemaRoot> batches;
  private final DictionaryProvider dictionaries;
  private final List<FieldVector> dictionaryVectors;

  /** Of a received table, else null. */
  private final MessageMemory memory;

  private final String channel;
  private final long sequence;
  private volatile boolean closed;

  private ArrowTable(
      VectorSchemaRoot onlyBatch,
      Schema schema,
      List<VectorSchemaRoot> batches,
      DictionaryProvider dictionaries,
      List<FieldVector> dictionaryVectors,
      MessageMemory memory,
      String channel,
      long sequence) {
    this.onlyBatch = onlyBatch;
    this.schema = schema;
    this.batches = batches;
    this.dictionaries = Objects.requireNonNull(dictionaries, "dictionaries");
    this.dictionaryVectors = dictionaryVectors;
    this.memory = memory;
    this.channel = channel;
    this.sequence = sequence;
  }

  /**
   * Makes a table that owns vectors over a message.
   *
   * @param faults names the message
   * @param memory what the vectors show, which the table closes
   */
  static ArrowTable received(
      Faults faults,
      Schema schema,
      List<VectorSchemaRoot> batches,
      DictionaryProvider dictionaries,
      List<FieldVector> dictionaryVectors,
      MessageMemory memory) {
    return new ArrowTable(
        null,
        schema,
        batches,
        dictionaries,
        dictionaryVectors,
        memory,
        faults.channel(),
        faults.message());
  }

  /**
   * Wraps one record batch.
   *
   * @param root the batch, with {@link VectorSchemaRoot#setRowCount} called after filling it
   * @return the table
   */
  public static ArrowTable of(VectorSchemaRoot root) {
    return of(root, NO_DICTIONARIES);
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
    return new ArrowTable(root, null, List.of(root), dictionaries, List.of(), null, null, 0);
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
    return new ArrowTable(
        null, schema, List.copyOf(batches), dictionaries, List.of(), null, null, 0);
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
   * Gives up the vectors of a received table, and makes it refuse use.
   *
   * @throws IllegalStateException if buffers were released more often than retained
   */
  void release() {
    closed = true;
    if (memory.closeLoaded(batches)) {
      return;
    }
    memory.clearing();
    RuntimeException failure = null;
    if (!memory.clearBatch(batches)) {
      for (int i = 0; i < batches.size(); i++) {
        failure = clear(batches.get(i), failure);
      }
    }
    for (int i = 0; i < dictionaryVectors.size(); i++) {
      failure = clear(dictionaryVectors.get(i), failure);
    }
    if (!memory.close() || failure != null) {
      throw new IllegalStateException(
          origin()
              + ": a buffer was released more often than it was retained; what is received needs no"
              + " release but closing its message",
          failure);
    }
  }

  private static RuntimeException clear(VectorSchemaRoot batch, RuntimeException before) {
    try {
      batch.clear();
      return before;
    } catch (IllegalStateException | IllegalArgumentException e) {
      // The first vector that fails ends it.
      RuntimeException failure = before;
      for (FieldVector vector : batch.getFieldVectors()) {
        failure = clear(vector, failure);
      }
      return failure == null ? e : failure;
    }
  }

  private static RuntimeException clear(FieldVector vector, RuntimeException before) {
    try {
      vector.clear();
      return before;
    } catch (IllegalStateException | IllegalArgumentException e) {
      if (before != null) {
        e.addSuppressed(before);
      }
      return e;
    }
  }

  private String origin() {
    return Faults.place(channel, sequence);
  }

  private void requireOpen() {
    if (closed) {
      throw new IllegalStateException(
          origin() + " is closed: use its vectors before, or copy what is needed longer");
    }
  }
}
