package io.qadataswap.bench;

import io.qadataswap.codec.arrow.ArrowTable;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.VectorSchemaRoot;

/** The Arrow batches of the benchmarks: two columns of integers and two of floating point. */
final class Batch {
  private Batch() {}

  /** Makes a batch whose values take so many bytes. */
  static VectorSchemaRoot create(BufferAllocator allocator, long length) {
    int rowCount = Math.toIntExact(length / Column.ROW_LENGTH);
    List<FieldVector> columns = new ArrayList<>();
    for (int c = 0; c < Column.COLUMN_COUNT; c++) {
      if (c % 2 == 0) {
        BigIntVector column = new BigIntVector("integers" + c, allocator);
        column.allocateNew(rowCount);
        for (int i = 0; i < rowCount; i++) {
          column.set(i, i);
        }
        columns.add(column);
      } else {
        Float8Vector column = new Float8Vector("numbers" + c, allocator);
        column.allocateNew(rowCount);
        for (int i = 0; i < rowCount; i++) {
          column.set(i, i / 2.0);
        }
        columns.add(column);
      }
    }
    VectorSchemaRoot root = new VectorSchemaRoot(columns);
    root.setRowCount(rowCount);
    return root;
  }

  /** Adds up the first column of a received batch, and checks the sum. */
  @SuppressWarnings("restricted") // a view without Arrow's check of each value
  static void checkSum(ArrowTable table) {
    VectorSchemaRoot root = table.root();
    int rowCount = root.getRowCount();
    long address = ((BigIntVector) root.getVector(0)).getDataBufferAddress();
    MemorySegment values =
        MemorySegment.ofAddress(address).reinterpret((long) rowCount * Long.BYTES);
    long sum = Column.sum(values, 0, rowCount);
    long expected = (long) rowCount * (rowCount - 1) / 2;
    if (sum != expected) {
      throw new IllegalStateException("sum=" + sum + " expected=" + expected);
    }
  }
}
