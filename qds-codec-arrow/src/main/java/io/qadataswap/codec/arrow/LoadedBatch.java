package io.qadataswap.codec.arrow;

import java.util.AbstractList;
import java.util.Arrays;
import java.util.List;
import java.util.RandomAccess;
import java.util.stream.IntStream;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.BaseFixedWidthVector;
import org.apache.arrow.vector.BaseVariableWidthVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;

/** The vectors of a received batch and their root, which one message after the other fills. */
final class LoadedBatch {
  /** Buffers that are noted of a column. */
  private static final int NOTED = 3;

  private final TableLayout layout;

  /** The columns that have children, which a user can add to or replace. */
  private final int[] nested;

  private final Vectors vectors;
  private final VectorSchemaRoot root;
  private final List<VectorSchemaRoot> roots;

  /** Validity, offsets or null, and data of each column; null if it has columns of other kinds. */
  private final ArrowBuf[] noted;

  private int notedRowCount;

  LoadedBatch(TableLayout layout, BufferAllocator allocator) {
    this.layout = layout;
    this.nested =
        IntStream.range(0, layout.columns().size())
            .filter(i -> !layout.columns().get(i).children().isEmpty())
            .toArray();
    FieldVector[] created = new FieldVector[layout.columns().size()];
    for (int i = 0; i < created.length; i++) {
      created[i] = layout.columns().get(i).field().createVector(allocator);
    }
    boolean isFlat =
        layout.dictionaries().isEmpty()
            && Arrays.stream(created)
                .allMatch(vector ->
                    vector instanceof BaseFixedWidthVector
                        || vector instanceof BaseVariableWidthVector);
    noted = isFlat ? new ArrowBuf[NOTED * created.length] : null;
    vectors = new Vectors(created);
    root = new VectorSchemaRoot(layout.schema(), vectors, 0);
    roots = List.of(root);
  }

  /** Returns whether this is of a layout, and no user has changed what makes its shape. */
  @SuppressWarnings("ReferenceEquality") // the very objects
  boolean fits(TableLayout wanted) {
    if (layout != wanted || root.getSchema() != layout.schema()) {
      return false;
    }
    for (int i : nested) {
      if (layout.columns().get(i).deepMismatch(vectors.all[i]) != null) {
        return false;
      }
    }
    return true;
  }

  FieldVector vector(int index) {
    return vectors.all[index];
  }

  /**
   * Notes what is loaded, for {@link #isAsNoted} and {@link #endsAsNoted}.
   *
   * @return whether that is possible
   */
  boolean note() {
    if (noted == null) {
      return false;
    }
    for (int i = 0; i < vectors.all.length; i++) {
      FieldVector vector = vectors.all[i];
      noted[NOTED * i] = vector.getValidityBuffer();
      noted[NOTED * i + 1] =
          vector instanceof BaseVariableWidthVector ? vector.getOffsetBuffer() : null;
      noted[NOTED * i + 2] = vector.getDataBuffer();
    }
    notedRowCount = root.getRowCount();
    return true;
  }

  /** Returns whether the vectors hold what was noted: users can clear them, or move their parts. */
  @SuppressWarnings("ReferenceEquality") // the very buffers
  boolean isAsNoted() {
    for (int i = 0; i < vectors.all.length; i++) {
      ArrowBuf validity = noted[NOTED * i];
      ArrowBuf data = noted[NOTED * i + 2];
      // Calls by class are several times faster here than those of the interface.
      boolean same =
          vectors.all[i] instanceof BaseVariableWidthVector variable
              ? variable.getValueCount() == notedRowCount
                  && variable.getValidityBuffer() == validity
                  && variable.getOffsetBuffer() == noted[NOTED * i + 1]
                  && variable.getDataBuffer() == data
              : vectors.all[i] instanceof BaseFixedWidthVector fixed
                  && fixed.getValueCount() == notedRowCount
                  && fixed.getValidityBuffer() == validity
                  && fixed.getDataBuffer() == data;
      if (!same) {
        return false;
      }
    }
    return root.getSchema() == layout.schema();
  }

  /** Returns whether the offsets in the noted buffers end where the noted data does. */
  boolean endsAsNoted() {
    for (int i = 0; i < vectors.all.length; i++) {
      ArrowBuf offsets = noted[NOTED * i + 1];
      if (offsets != null) {
        // By address, since buffers of a closed message refuse to be read.
        int first = Ints.get(offsets.memoryAddress());
        int last = Ints.get(offsets.memoryAddress() + notedRowCount * (long) Integer.BYTES);
        if (first < 0 || first > last || last != noted[NOTED * i + 2].capacity()) {
          return false;
        }
      }
    }
    return true;
  }

  /** Tells the root the number of rows of vectors that are loaded. */
  void setRowCount(int rowCount) {
    // The root would set the value count of each vector, which writes to some of them.
    vectors.hidden = true;
    root.setRowCount(rowCount);
    vectors.hidden = false;
  }

  /** Empties the vectors and the root. */
  void clear() {
    for (FieldVector vector : vectors.all) {
      // Calls by class are several times faster here than those of the interface.
      if (vector instanceof BaseFixedWidthVector fixed) {
        fixed.clear();
      } else if (vector instanceof BaseVariableWidthVector variable) {
        variable.clear();
      } else {
        vector.clear();
      }
    }
    setRowCount(0);
  }

  VectorSchemaRoot root() {
    return root;
  }

  /** Returns the root as a list. */
  List<VectorSchemaRoot> roots() {
    return roots;
  }

  /** The list that the root works on. */
  private static final class Vectors extends AbstractList<FieldVector> implements RandomAccess {
    private final FieldVector[] all;
    private boolean hidden;

    Vectors(FieldVector[] all) {
      this.all = all;
    }

    @Override
    public FieldVector get(int index) {
      return all[index];
    }

    @Override
    public int size() {
      return hidden ? 0 : all.length;
    }
  }
}
