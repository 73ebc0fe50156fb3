package io.qadataswap.codec.arrow;

import io.qadataswap.api.Claim;
import io.qadataswap.api.Region;
import io.qadataswap.api.Writer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.util.MemoryUtil;
import org.apache.arrow.vector.BaseLargeVariableWidthVector;
import org.apache.arrow.vector.BaseVariableWidthVector;
import org.apache.arrow.vector.BitVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.dictionary.DictionaryProvider;
import org.apache.arrow.vector.ipc.message.ArrowFieldNode;
import org.apache.arrow.vector.types.pojo.Schema;

/**
 * A message with one record batch, whose vectors are filled in the channel's memory. It ends with
 * {@link #commit} or {@link #abort}; closing it without either aborts it. Made by {@link
 * ArrowCodec#claim ArrowCodec.claim} and {@link ArrowCodec#claimRows ArrowCodec.claimRows}.
 *
 * <p>{@link #root()} has a vector for each field, and {@link #allocator()} is their allocator: what
 * it allocates lies in the claimed memory. Any Arrow producer fills them: setters, writers, readers
 * and adapters that take a root or an allocator, a transfer from another vector. Committing writes
 * metadata and moves no value: what was filled in is where the readers find it. It copies only what
 * lies elsewhere, such as buffers that were transferred to these vectors.
 *
 * <p>Vectors that grow are allocated again inside the claim. Where that has no room, Arrow's {@link
 * org.apache.arrow.memory.OutOfMemoryException} says how much the claim should have had; the claim
 * stays open.
 *
 * <p>When the claim has ended, its vectors are empty, and buffers that were kept refuse access.
 * Closing vectors and the allocator is neither necessary nor harmful, before or after. A buffer
 * that is transferred out of the claim is copied.
 *
 * <p>Committing reads the validity of nullable columns, one bit for each value, to count the nulls,
 * and writes zeros between the buffers: what a vector was allocated for but does not use. Of fields
 * that are declared not nullable it reads nothing: every value counts as valid. So it takes as long
 * for a GiB as for a KiB where columns are not nullable and are filled as far as they were
 * allocated.
 *
 * <p>Used by one thread at a time, which is the one that uses the writer. {@link ArrowTable} says
 * what a channel file that is cut short does to code that goes by address, as vectors do.
 *
 * {@snippet
 *  file="io/qadataswap/codec/arrow/example/ArrowExamples.java" region="claim" id="snippet-claim"}
 */
public final class ArrowClaim implements AutoCloseable {
  /** Allowed for each column of views. */
  private static final int DATA_BUFFER_LIMIT = 64;

  private final Claim claim;
  private final Faults faults;
  private final TableLayout layout;
  private final Region region;
  private final long metadataPosition;
  private final int metadataLength;
  private final ClaimAllocator allocator;
  private final VectorSchemaRoot root;
  private String ended;

  private ArrowClaim(
      Claim claim, Faults faults, ArrowEncoder head, Schema schema, BufferAllocator parent) {
    this.claim = claim;
    this.faults = faults;
    this.layout = head.layout();
    this.region = claim.region();
    this.metadataPosition = head.encodeHead(region);
    this.metadataLength = metadataLength(layout);
    long bodyPosition = metadataPosition + metadataLength;
    this.allocator =
        new ClaimAllocator(
            parent,
            faults.place(),
            region,
            bodyPosition,
            region.length() - bodyPosition - ArrowEncoder.END_LENGTH);
    this.root = VectorSchemaRoot.create(schema, allocator);
  }

  /** Claims, and returns null after the time-out; null for the time-out waits for ever. */
  static ArrowClaim open(
      Writer<ArrowTable> writer,
      Schema schema,
      DictionaryProvider dictionaries,
      long bodyLength,
      Duration timeout,
      BufferAllocator parent)
      throws InterruptedException {
    Faults faults = new Faults(writer.name());
    if (bodyLength < 0) {
      throw faults.misuse("bodyLength", "" + bodyLength, "claim 0 bytes or more");
    }
    ArrowEncoder head = new ArrowEncoder(writer.name());
    long headLength = head.measureHead(ArrowTable.of(schema, List.of(), dictionaries));
    long length =
        headLength
            + metadataLength(head.layout())
            + BatchMetadata.align(bodyLength)
            + ArrowEncoder.END_LENGTH;
    Claim claim = timeout == null ? writer.claim(length) : writer.claim(length, timeout);
    if (claim == null) {
      return null;
    }
    boolean opened = false;
    try {
      ArrowClaim arrowClaim = new ArrowClaim(claim, faults, head, schema, parent);
      for (FieldVector vector : arrowClaim.root.getFieldVectors()) {
        vector.setInitialCapacity(initialCapacity(vector));
      }
      opened = true;
      return arrowClaim;
    } finally {
      if (!opened) {
        claim.abort();
      }
    }
  }

  /**
   * Returns a capacity of which every other one that a growing vector comes to is a multiple, such
   * that validity, which follows the values in one allocation, begins at a multiple of 64 too.
   */
  private static int initialCapacity(FieldVector vector) {
    if (vector instanceof BitVector) {
      return BatchMetadata.ALIGNMENT * Byte.SIZE;
    }
    boolean hasOffsets =
        vector instanceof BaseVariableWidthVector || vector instanceof BaseLargeVariableWidthVector;
    return hasOffsets ? BatchMetadata.ALIGNMENT - 1 : BatchMetadata.ALIGNMENT;
  }

  /** Claims what so many rows need, and allocates it. */
  static ArrowClaim open(
      Writer<ArrowTable> writer,
      Schema schema,
      int rowCount,
      long[] dataLengths,
      BufferAllocator parent)
      throws InterruptedException {
    Faults faults = new Faults(writer.name());
    if (rowCount < 0) {
      throw faults.misuse("rowCount", "" + rowCount, "claim 0 rows or more");
    }
    List<Column> columns =
        TableLayout.ofMemoryFormat(schema, ArrowTable.NO_DICTIONARIES, faults).columns();
    List<long[]> lengths = new ArrayList<>();
    long bodyLength = 0;
    int variable = 0;
    for (Column column : columns) {
      long dataLength = 0;
      if (column.kind() == Column.Kind.VARIABLE) {
        if (variable == dataLengths.length || dataLengths[variable] < 0) {
          throw faults.misuse(
              column.path(),
              variable == dataLengths.length
                  ? "dataLengths has " + variable + " lengths, and none for this column"
                  : "dataLength=" + dataLengths[variable],
              "give the bytes of each column of texts or binary values, in order");
        }
        dataLength = dataLengths[variable++];
      }
      long[] ofColumn = bufferLengths(column, rowCount, dataLength, faults);
      for (long length : ofColumn) {
        bodyLength += BatchMetadata.align(length);
      }
      lengths.add(ofColumn);
    }
    if (variable < dataLengths.length) {
      throw faults.misuse(
          "dataLengths",
          dataLengths.length + " lengths for " + variable + " columns",
          "give one for each column of texts or binary values");
    }
    ArrowClaim claim = open(writer, schema, ArrowTable.NO_DICTIONARIES, bodyLength, null, parent);
    boolean allocated = false;
    try {
      for (int i = 0; i < lengths.size(); i++) {
        if (lengths.get(i).length > 0) {
          claim.allocate(Column.storage(claim.root.getVector(i)), lengths.get(i));
        }
      }
      allocated = true;
      return claim;
    } finally {
      if (!allocated) {
        claim.abort();
      }
    }
  }

  /** Returns the lengths of validity, offsets and values, for as many rows. */
  private static long[] bufferLengths(
      Column column, long rowCount, long dataLength, Faults faults) {
    long validityLength = (rowCount + Byte.SIZE - 1) / Byte.SIZE;
    return switch (column.kind()) {
      case NULL -> new long[0];
      case FIXED -> new long[] {validityLength, column.valuesLength(rowCount)};
      case VARIABLE -> new long[] {validityLength, (rowCount + 1) * column.width(), dataLength};
      default ->
          throw faults.misuse(
              column.path(),
              "type " + column.field().getType() + ", of which the rows do not tell the length",
              "claim a bodyLength instead");
    };
  }

  /**
   * Gives a vector its buffers, each from a multiple of 64. They are cleared, but for texts and
   * binary values: not by Arrow, whose filling would end the JVM if the file was cut short.
   */
  private void allocate(FieldVector vector, long[] lengths) {
    List<ArrowBuf> buffers = new ArrayList<>(lengths.length);
    for (int i = 0; i < lengths.length; i++) {
      ArrowBuf buffer = allocator.buffer(lengths[i]);
      buffers.add(buffer);
      if (i < 2 && lengths[i] > 0) {
        ArrowEncoder.clear(region, buffer.memoryAddress() - region.address(), lengths[i]);
      }
    }
    vector.loadFieldBuffers(new ArrowFieldNode(0, 0), buffers);
    buffers.forEach(ArrowBuf::close);
  }

  private static int metadataLength(TableLayout layout) {
    int bufferCount = 0;
    int viewCount = 0;
    for (Column column : layout.columns()) {
      bufferCount += column.bufferCount();
      viewCount += column.viewCount();
    }
    return Math.toIntExact(
        BatchMetadata.length(
            false, layout.nodeCount(), bufferCount + viewCount * DATA_BUFFER_LIMIT, viewCount));
  }

  /**
   * Returns the allocator whose memory is the claimed one, as long as the claim is open.
   *
   * @return the allocator; closing it does nothing
   */
  public BufferAllocator allocator() {
    return allocator;
  }

  /**
   * Returns the vectors to be filled. Those of {@link ArrowCodec#claimRows} are allocated; others
   * allocate when they are told to, or by their safe setters. Row capacities that are multiples of
   * 64 (of 512 for booleans) spare a copy of the validity bits.
   *
   * @return the root; empty when the claim has ended
   */
  public VectorSchemaRoot root() {
    return root;
  }

  /**
   * Publishes the batch with tag 0. See {@link #commit(int, long)}.
   *
   * @param rowCount rows that are filled
   * @return the message's sequence
   */
  public long commit(int rowCount) {
    return commit(rowCount, 0);
  }

  /**
   * Publishes the batch. Does not block. First sets the value count of the vectors that have
   * another than the row count.
   *
   * @param rowCount rows that are filled
   * @param tag a value that travels with the message
   * @return the message's sequence
   * @throws IllegalArgumentException if the vectors do not fit the schema or each other; the claim
   *     stays open
   * @throws org.apache.arrow.memory.OutOfMemoryException if what lies elsewhere has no room, saying
   *     how much is needed; the claim stays open
   * @throws IllegalStateException if the claim has ended, saying how
   * @throws io.qadataswap.api.QdsException with reason {@code REPLACED}, {@code LOCK_LOST} or
   *     {@code CLOSED}: nothing was published
   */
  public long commit(int rowCount, long tag) {
    requireOpen("commit");
    if (rowCount < 0) {
      throw faults.misuse("rowCount", "" + rowCount, "commit 0 rows or more");
    }
    touchEnd();
    for (FieldVector vector : root.getFieldVectors()) {
      // Otherwise it is right: setting it would shorten the children of a dense union.
      if (vector.getValueCount() != rowCount) {
        vector.setValueCount(rowCount);
      }
    }
    VectorBuffers vectors = new VectorBuffers(faults, true);
    vectors.add(layout, root, rowCount);
    BatchMetadata metadata = metadata(vectors);
    List<long[]> places = new ArrayList<>(vectors.bufferCount());
    for (int buffer = 0; buffer < vectors.bufferCount(); buffer++) {
      long length = vectors.length(buffer);
      long offset = place(vectors, buffer);
      if (offset < 0) {
        // Validity of values that are all valid: readers do not need it.
        offset = 0;
        length = 0;
      }
      metadata.buffer(buffer, offset, length);
      if (length > 0) {
        places.add(new long[] {offset, offset + length});
      }
    }
    long bodyLength = clearBetween(places);
    metadata.batch(bodyLength, 0, rowCount);
    int written = metadata.bytes().length;
    region.putBytes(metadataPosition, metadata.bytes(), 0, written);
    ArrowEncoder.clear(region, metadataPosition + written, metadataLength - written);
    long end = metadataPosition + metadataLength + bodyLength;
    region.putLong(end, ArrowEncoder.END);
    end("committed");
    return claim.commit(end + ArrowEncoder.END_LENGTH, tag);
  }

  /**
   * Gives the claim up; nothing is published.
   *
   * @throws IllegalStateException if the claim has ended, saying how
   */
  public void abort() {
    requireOpen("abort");
    end("aborted");
    claim.abort();
  }

  /** Aborts the claim if it is still open. */
  @Override
  public void close() {
    if (ended == null) {
      end("aborted");
      // Closing the writer has aborted it already.
      claim.close();
    }
  }

  private void requireOpen(String operation) {
    if (ended != null) {
      throw new IllegalStateException(
          operation + " on a claim, " + faults.place() + ", that was " + ended + " before");
    }
    if (!region.isOpen()) {
      throw new IllegalStateException(
          operation + " on a claim, " + faults.place() + ", that closing the writer has aborted");
    }
  }

  private void end(String how) {
    ended = how;
    allocator.end();
    root.clear();
  }

  /** Finds out here if the file was cut short, and not in Arrow's code, which ends the JVM. */
  private void touchEnd() {
    long last = region.length() - 1;
    region.putByte(last, region.getByte(last));
  }

  private BatchMetadata metadata(VectorBuffers vectors) {
    long needed =
        BatchMetadata.length(
            false, vectors.nodeCount(), vectors.bufferCount(), vectors.variadicCount());
    if (needed > metadataLength) {
      throw faults.misuse(
          "batch",
          "vectors of views with " + vectors.bufferCount() + " buffers in all",
          "let each have at most " + DATA_BUFFER_LIMIT + " data buffers: allocate longer ones");
    }
    BatchMetadata metadata = new BatchMetadata();
    metadata.begin(
        metadataLength, false, vectors.nodeCount(), vectors.bufferCount(), vectors.variadicCount());
    for (int node = 0; node < vectors.nodeCount(); node++) {
      metadata.node(node, vectors.nodeLength(node), vectors.nullCount(node));
    }
    for (int variadic = 0; variadic < vectors.variadicCount(); variadic++) {
      metadata.variadic(variadic, vectors.dataBufferCount(variadic));
    }
    return metadata;
  }

  /** Returns where a buffer lies in the body, after copying it there if it must be. */
  private long place(VectorBuffers vectors, int buffer) {
    long source = vectors.address(buffer);
    long length = vectors.length(buffer);
    long offset = length == 0 ? 0 : allocator.offsetOf(source, length);
    if (offset < 0) {
      if (vectors.isSpareValidity(buffer)) {
        return -1;
      }
      offset = allocator.take(length);
      long position = metadataPosition + metadataLength + offset;
      if (source == VectorBuffers.ZEROS) {
        ArrowEncoder.clear(region, position, length);
      } else {
        MemoryUtil.copyMemory(source, region.address() + position, length);
      }
    }
    if (vectors.viewValidity(buffer) > 0) {
      ArrowEncoder.clearNullViews(
          vectors.viewValidity(buffer),
          length / TableLoader.VIEW_LENGTH,
          region,
          metadataPosition + metadataLength + offset);
    }
    return offset;
  }

  /** Clears what lies between the used places, and returns the length of the body. */
  private long clearBetween(List<long[]> places) {
    places.sort(Comparator.comparingLong(place -> place[0]));
    long bodyPosition = metadataPosition + metadataLength;
    long end = 0;
    for (long[] place : places) {
      if (place[0] > end) {
        ArrowEncoder.clear(region, bodyPosition + end, place[0] - end);
      }
      end = Math.max(end, place[1]);
    }
    long bodyLength = BatchMetadata.align(end);
    ArrowEncoder.clear(region, bodyPosition + end, bodyLength - end);
    return bodyLength;
  }
}
