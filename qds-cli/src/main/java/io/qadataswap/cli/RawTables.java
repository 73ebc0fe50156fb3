package io.qadataswap.cli;

import io.qadataswap.api.codec.Codec;
import io.qadataswap.api.codec.Decoder;
import io.qadataswap.api.codec.Encoder;
import io.qadataswap.api.layout.Loan;
import io.qadataswap.codec.arrow.ArrowTable;
import io.qadataswap.codec.raw.RawBatch;
import io.qadataswap.codec.raw.RawCodec;
import io.qadataswap.codec.raw.RawColumn;
import io.qadataswap.codec.raw.RawField;
import java.util.ArrayList;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.BitVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.FixedSizeBinaryVector;
import org.apache.arrow.vector.Float4Vector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.SmallIntVector;
import org.apache.arrow.vector.TimeStampNanoTZVector;
import org.apache.arrow.vector.TinyIntVector;
import org.apache.arrow.vector.UInt1Vector;
import org.apache.arrow.vector.UInt2Vector;
import org.apache.arrow.vector.UInt4Vector;
import org.apache.arrow.vector.UInt8Vector;
import org.apache.arrow.vector.VarBinaryVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.TimeUnit;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;

/**
 * Shows raw batches as Arrow tables, which are copies: the tool prints and saves them like others.
 */
final class RawTables implements Codec<ArrowTable> {
  private final BufferAllocator allocator;

  RawTables(BufferAllocator allocator) {
    this.allocator = allocator;
  }

  @Override
  public String id() {
    return RawCodec.ID;
  }

  @Override
  public Encoder<ArrowTable> newEncoder(String channel) {
    throw new UnsupportedOperationException("the tool only reads raw batches");
  }

  @Override
  public Decoder<ArrowTable> newDecoder(String channel, boolean fullValidation) {
    Decoder<RawBatch> batches = RawCodec.instance().newDecoder(channel, fullValidation);
    return new Decoder<>() {
      @Override
      public ArrowTable decode(Loan loan) {
        return table(batches.decode(loan));
      }

      @Override
      public void release(ArrowTable value) {
        value.root().close();
      }

      @Override
      public void close() {
        batches.close();
      }
    };
  }

  private ArrowTable table(RawBatch batch) {
    List<FieldVector> vectors = new ArrayList<>();
    boolean filled = false;
    try {
      for (RawColumn column : batch.columns()) {
        FieldVector vector = field(column.field()).createVector(allocator);
        vectors.add(vector);
        fill(vector, column, batch.rowCount());
      }
      VectorSchemaRoot root = new VectorSchemaRoot(vectors);
      root.setRowCount(batch.rowCount());
      filled = true;
      return ArrowTable.of(root);
    } finally {
      if (!filled) {
        vectors.forEach(FieldVector::close);
      }
    }
  }

  private static Field field(RawField field) {
    ArrowType type =
        switch (field.type()) {
          case INT8, INT16, INT32, INT64 -> new ArrowType.Int(field.width() * Byte.SIZE, true);
          case UINT8, UINT16, UINT32, UINT64 -> new ArrowType.Int(field.width() * Byte.SIZE, false);
          case FLOAT32 -> new ArrowType.FloatingPoint(FloatingPointPrecision.SINGLE);
          case FLOAT64 -> new ArrowType.FloatingPoint(FloatingPointPrecision.DOUBLE);
          case BOOL -> ArrowType.Bool.INSTANCE;
          case TIMESTAMP -> new ArrowType.Timestamp(TimeUnit.NANOSECOND, "UTC");
          case FIXED -> new ArrowType.FixedSizeBinary(field.width());
          case UTF8 -> ArrowType.Utf8.INSTANCE;
          case BINARY -> ArrowType.Binary.INSTANCE;
        };
    return new Field(field.name(), new FieldType(field.nullable(), type, null), null);
  }

  private static void fill(FieldVector vector, RawColumn column, int rowCount) {
    vector.setInitialCapacity(rowCount);
    vector.allocateNew();
    for (int row = 0; row < rowCount; row++) {
      if (column.isNull(row)) {
        vector.setNull(row);
      } else {
        set(vector, column, row);
      }
    }
    vector.setValueCount(rowCount);
  }

  private static void set(FieldVector vector, RawColumn column, int row) {
    switch (column.field().type()) {
      case INT8 -> ((TinyIntVector) vector).setSafe(row, column.getByte(row));
      case INT16 -> ((SmallIntVector) vector).setSafe(row, column.getShort(row));
      case INT32 -> ((IntVector) vector).setSafe(row, column.getInt(row));
      case INT64 -> ((BigIntVector) vector).setSafe(row, column.getLong(row));
      case UINT8 -> ((UInt1Vector) vector).setSafe(row, column.getByte(row));
      case UINT16 -> ((UInt2Vector) vector).setSafe(row, column.getShort(row));
      case UINT32 -> ((UInt4Vector) vector).setSafe(row, column.getInt(row));
      case UINT64 -> ((UInt8Vector) vector).setSafe(row, column.getLong(row));
      case FLOAT32 -> ((Float4Vector) vector).setSafe(row, column.getFloat(row));
      case FLOAT64 -> ((Float8Vector) vector).setSafe(row, column.getDouble(row));
      case BOOL -> ((BitVector) vector).setSafe(row, column.getBoolean(row) ? 1 : 0);
      case TIMESTAMP -> ((TimeStampNanoTZVector) vector).setSafe(row, column.getLong(row));
      case FIXED -> ((FixedSizeBinaryVector) vector).setSafe(row, bytes(column, row));
      case UTF8 -> ((VarCharVector) vector).setSafe(row, bytes(column, row));
      case BINARY -> ((VarBinaryVector) vector).setSafe(row, bytes(column, row));
    }
  }

  private static byte[] bytes(RawColumn column, int row) {
    byte[] bytes = new byte[column.length(row)];
    column.getBytes(row, bytes, 0);
    return bytes;
  }
}
