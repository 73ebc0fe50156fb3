package io.qadataswap.cli;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.apache.arrow.vector.BaseFixedWidthVector;
import org.apache.arrow.vector.BaseIntVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float4Vector;
import org.apache.arrow.vector.FloatingPointVector;
import org.apache.arrow.vector.SmallIntVector;
import org.apache.arrow.vector.VectorSchemaRoot;

/**
 * Sums of numeric columns, to compare what arrived with what was sent. Values are added in a fixed
 * order, so that the same values give the same bits.
 */
final class ColumnSums {
  private ColumnSums() {}

  static double[] of(VectorSchemaRoot batch) {
    double[] sums = new double[batch.getFieldVectors().size()];
    for (int column = 0; column < sums.length; column++) {
      sums[column] = of(batch.getVector(column), batch.getRowCount());
    }
    return sums;
  }

  private static double of(FieldVector vector, int rowCount) {
    if (vector.getNullCount() == 0) {
      // The types of the flights, fast enough not to hide what the channel does.
      if (vector instanceof SmallIntVector) {
        return sumShorts(values(vector, Short.BYTES, rowCount), rowCount);
      }
      if (vector instanceof Float4Vector) {
        return sumFloats(values(vector, Float.BYTES, rowCount), rowCount);
      }
    }
    double sum = 0;
    for (int row = 0; row < rowCount; row++) {
      if (!vector.isNull(row)) {
        sum +=
            switch (vector) {
              case BaseIntVector ints -> ints.getValueAsLong(row);
              case FloatingPointVector floats -> floats.getValueAsDouble(row);
              default ->
                  throw new IllegalStateException("column=" + vector.getName() + " is not numeric");
            };
      }
    }
    return sum;
  }

  private static ByteBuffer values(FieldVector vector, int width, int rowCount) {
    return ((BaseFixedWidthVector) vector)
        .getDataBuffer()
        .nioBuffer(0, Math.multiplyExact(rowCount, width))
        .order(ByteOrder.LITTLE_ENDIAN);
  }

  private static double sumShorts(ByteBuffer values, int count) {
    long sum = 0;
    for (int i = 0; i < count; i++) {
      sum += values.getShort(i * Short.BYTES);
    }
    return sum;
  }

  /** Four sums side by side, since an addition has to wait for the one before. */
  private static double sumFloats(ByteBuffer values, int count) {
    double sum0 = 0;
    double sum1 = 0;
    double sum2 = 0;
    double sum3 = 0;
    int i = 0;
    for (; i + 3 < count; i += 4) {
      sum0 += values.getFloat(i * Float.BYTES);
      sum1 += values.getFloat((i + 1) * Float.BYTES);
      sum2 += values.getFloat((i + 2) * Float.BYTES);
      sum3 += values.getFloat((i + 3) * Float.BYTES);
    }
    for (; i < count; i++) {
      sum0 += values.getFloat(i * Float.BYTES);
    }
    return (sum0 + sum1) + (sum2 + sum3);
  }
}
