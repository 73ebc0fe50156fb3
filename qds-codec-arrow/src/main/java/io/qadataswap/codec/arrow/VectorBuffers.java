package io.qadataswap.codec.arrow;

import java.util.List;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.vector.BaseFixedWidthVector;
import org.apache.arrow.vector.BaseVariableWidthVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;

/**
 * Walks vectors in the order of a record batch, and notes their nodes and where their buffers lie.
 */
final class VectorBuffers {
  /** Stands for zeros, where a vector has not allocated what the format wants. */
  static final long ZEROS = 0;

  /** Instead of the address of a view's validity: this is validity, and no value is null. */
  private static final long SPARE_VALIDITY = -1;

  private static final int NODE_LENGTH = 2;
  private static final int PLACE_LENGTH = 2;

  private final Faults faults;
  private final boolean inPlace;

  /** For each column: length, null count. */
  private final LongList nodes = new LongList();

  /** For each buffer: bytes in use. */
  private final LongList lengths = new LongList();

  /** For each buffer: address, address of the validity of views that have nulls. */
  private final LongList places = new LongList();

  /** For each column of views: number of data buffers. */
  private final LongList variadicCounts = new LongList();

  VectorBuffers(Faults faults) {
    this(faults, false);
  }

  /**
   * Creates an empty list.
   *
   * @param inPlace whether the buffers may stay where they are: then validity that is not needed is
   *     kept, and fields that are not nullable have no nulls
   */
  VectorBuffers(Faults faults, boolean inPlace) {
    this.faults = faults;
    this.inPlace = inPlace;
  }

  void clear() {
    nodes.clear();
    lengths.clear();
    places.clear();
    variadicCounts.clear();
  }

  /** Returns whether all but the places is as it was when this was cleared. */
  boolean isAsBefore() {
    return nodes.isAsBefore() && lengths.isAsBefore() && variadicCounts.isAsBefore();
  }

  int nodeCount() {
    return nodes.size() / NODE_LENGTH;
  }

  long nodeLength(int node) {
    return nodes.get(node * NODE_LENGTH);
  }

  long nullCount(int node) {
    return nodes.get(node * NODE_LENGTH + 1);
  }

  int bufferCount() {
    return lengths.size();
  }

  /** Returns where a buffer lies, or {@link #ZEROS}. */
  long address(int buffer) {
    return places.get(buffer * PLACE_LENGTH);
  }

  /** Returns the bytes in use of a buffer. */
  long length(int buffer) {
    return lengths.get(buffer);
  }

  /** Returns the address of the validity of a buffer of views if some are null, else 0. */
  long viewValidity(int buffer) {
    return places.get(buffer * PLACE_LENGTH + 1);
  }

  /** Returns whether a buffer is validity that says nothing. */
  boolean isSpareValidity(int buffer) {
    return viewValidity(buffer) == SPARE_VALIDITY;
  }

  int variadicCount() {
    return variadicCounts.size();
  }

  long dataBufferCount(int variadic) {
    return variadicCounts.get(variadic);
  }

  /** Adds the vectors of a batch. */
  void add(TableLayout layout, VectorSchemaRoot root, int rowCount) {
    List<Column> columns = layout.columns();
    for (int i = 0; i < columns.size(); i++) {
      Column column = columns.get(i);
      int node = nodeCount();
      add(column, root.getVector(i), 0);
      if (nodeLength(node) != rowCount) {
        throw faults.misuse(
            column.path(),
            "valueCount=" + nodeLength(node) + " in a batch of rowCount=" + rowCount,
            "call VectorSchemaRoot.setRowCount after filling the vectors");
      }
    }
  }

  /**
   * Adds a vector and its children.
   *
   * @param neededLength how many values its parent needs it to have
   */
  void add(Column column, FieldVector vector, long neededLength) {
    // Most columns. Calls by class are several times faster here than those of the interface.
    if (vector instanceof BaseFixedWidthVector fixed && column.isOf(fixed)) {
      int length = fixed.getValueCount();
      requireLength(column, length, neededLength);
      addValidity(column, length, fixed.getValidityBuffer());
      addBuffer(column, fixed.getDataBuffer(), column.valuesLength(length));
    } else if (vector instanceof BaseVariableWidthVector variable && column.isOf(variable)) {
      int length = variable.getValueCount();
      requireLength(column, length, neededLength);
      if (variable.getLastSet() < length - 1) {
        // This completes the offsets of trailing values that were never set.
        variable.getFieldBuffers();
      }
      addValidity(column, length, variable.getValidityBuffer());
      long dataLength = addOffsets(column, variable.getOffsetBuffer(), length);
      addBuffer(column, variable.getDataBuffer(), dataLength);
    } else {
      addAny(column, vector, neededLength);
    }
  }

  private void requireLength(Column column, int length, long neededLength) {
    if (length < neededLength) {
      throw faults.misuse(
          column.path(),
          "valueCount=" + length + " where its parent needs " + neededLength,
          "call setValueCount after filling the vectors");
    }
  }

  private void addAny(Column column, FieldVector vector, long neededLength) {
    FieldVector storage = Column.storage(vector);
    String mismatch = column.mismatch(storage);
    if (mismatch != null) {
      throw faults.misuse(
          column.path(),
          mismatch,
          "call VectorSchemaRoot.syncSchema after changing vectors, or make a new root");
    }
    int length = storage.getValueCount();
    requireLength(column, length, neededLength);
    // This also completes the offsets of trailing values that were never set.
    List<ArrowBuf> own = storage.getFieldBuffers();
    switch (column.kind()) {
      case NULL -> addNode(length, length);
      case FIXED -> {
        addValidity(column, length, own.get(0));
        addBuffer(column, own.get(1), column.valuesLength(length));
      }
      case VARIABLE -> {
        addValidity(column, length, own.get(0));
        long dataLength = addOffsets(column, own.get(1), length);
        addBuffer(column, own.get(2), dataLength);
      }
      case VIEW -> {
        boolean hasNulls = addValidity(column, length, own.get(0));
        addViews(column, own.get(1), length, hasNulls ? own.get(0).memoryAddress() : 0);
        for (int i = 2; i < own.size(); i++) {
          addBuffer(column, own.get(i), own.get(i).writerIndex());
        }
        variadicCounts.add(own.size() - 2);
      }
      case LIST -> {
        addValidity(column, length, own.get(0));
        long childLength = addOffsets(column, own.get(1), length);
        addChild(column, storage, 0, childLength);
      }
      case LIST_VIEW -> {
        addValidity(column, length, own.get(0));
        addBuffer(column, own.get(1), (long) length * column.width());
        addBuffer(column, own.get(2), (long) length * column.width());
        addChild(column, storage, 0, 0);
      }
      case FIXED_SIZE_LIST -> {
        addValidity(column, length, own.get(0));
        addChild(column, storage, 0, (long) length * column.width());
      }
      case STRUCT -> {
        addValidity(column, length, own.get(0));
        addChildren(column, storage, length);
      }
      case SPARSE_UNION -> {
        addNode(length, 0);
        addBuffer(column, own.get(0), length);
        addChildren(column, storage, length);
      }
      case DENSE_UNION -> {
        addNode(length, 0);
        addBuffer(column, own.get(0), length);
        addBuffer(column, own.get(1), (long) length * Integer.BYTES);
        addChildren(column, storage, 0);
      }
      case RUN_END_ENCODED -> {
        addNode(length, 0);
        addRuns(column, storage, length);
      }
    }
  }

  private void addChildren(Column column, FieldVector storage, long neededLength) {
    List<FieldVector> vectors = storage.getChildrenFromFields();
    for (int i = 0; i < vectors.size(); i++) {
      add(column.children().get(i), vectors.get(i), neededLength);
    }
  }

  private void addChild(Column column, FieldVector storage, int index, long neededLength) {
    add(column.children().get(index), storage.getChildrenFromFields().get(index), neededLength);
  }

  private void addRuns(Column column, FieldVector storage, int length) {
    FieldVector runEnds = storage.getChildrenFromFields().get(0);
    int runCount = runEnds.getValueCount();
    addChild(column, storage, 0, length == 0 ? 0 : 1);
    addChild(column, storage, 1, runCount);
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
    nodes.add(length, nullCount);
  }

  /**
   * Adds the node and the validity bits, which are left out if all values are valid.
   *
   * @return whether there are nulls
   */
  private boolean addValidity(Column column, int length, ArrowBuf validity) {
    long byteCount = ((long) length + Byte.SIZE - 1) / Byte.SIZE;
    requireCapacity(column, validity, byteCount);
    int nullCount = nullCount(column, validity, length);
    addNode(length, nullCount);
    if (nullCount > 0 || length == 0) {
      addBuffer(column, validity, byteCount);
    } else if (inPlace) {
      addSource(validity.memoryAddress(), byteCount, SPARE_VALIDITY);
    } else {
      addSource(validity.memoryAddress(), 0, 0);
    }
    return nullCount > 0;
  }

  private int nullCount(Column column, ArrowBuf validity, int length) {
    return inPlace && !column.field().isNullable() ? 0 : ValidBits.nullCount(validity, length);
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
    lengths.add(length);
    places.add(address, viewValidity);
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
