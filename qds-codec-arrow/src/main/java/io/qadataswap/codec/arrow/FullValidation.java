package io.qadataswap.codec.arrow;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.util.MemoryUtil;
import org.apache.arrow.vector.BaseVariableWidthViewVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.complex.DenseUnionVector;
import org.apache.arrow.vector.complex.LargeListViewVector;
import org.apache.arrow.vector.complex.ListViewVector;
import org.apache.arrow.vector.complex.UnionVector;

/**
 * Reads all that refers to other places in loaded vectors: offsets, sizes, views, type ids, run
 * ends, dictionary indices; and checks that text is well-formed UTF-8. That the buffers are long
 * enough was found when they were loaded.
 *
 * <p>A value is checked each time it is read, before it leads anywhere: the writer may change it
 * between two reads, and where the file is cut short, JDK 17 goes on for some instructions with
 * whatever a register holds.
 */
final class FullValidation {
  private static final int INLINE_LIMIT = 12;
  private static final int PREFIX_LENGTH = 4;
  private static final int TYPE_ID_COUNT = 128;
  private static final long HIGH_BITS = 0x8080_8080_8080_8080L;

  private final Map<Long, FieldVector> dictionaries;
  private final Faults faults;

  FullValidation(Map<Long, FieldVector> dictionaries, Faults faults) {
    this.dictionaries = dictionaries;
    this.faults = faults;
  }

  /** Checks a vector and all below. */
  void check(Column column, FieldVector vector) {
    check(column, vector, true);
  }

  /** Checks a vector and all below, but not that indices are inside their dictionaries. */
  void checkWithoutDictionaries(Column column, FieldVector vector) {
    check(column, vector, false);
  }

  private void check(Column column, FieldVector vector, boolean withDictionaries) {
    FieldVector storage = Column.storage(vector);
    int length = storage.getValueCount();
    List<FieldVector> children = storage.getChildrenFromFields();
    switch (column.kind()) {
      case NULL, FIXED_SIZE_LIST, STRUCT -> {
        // refers to nothing
      }
      case FIXED -> {
        if (withDictionaries && column.dictionary() != null) {
          checkIndices(column, storage, length);
        }
      }
      case VARIABLE -> {
        checkOffsets(column, storage.getOffsetBuffer(), length);
        if (column.isText()) {
          checkText(column, storage, length);
        }
      }
      case VIEW -> checkViews(column, (BaseVariableWidthViewVector) storage, length);
      case LIST -> checkOffsets(column, storage.getOffsetBuffer(), length);
      case LIST_VIEW -> checkListViews(column, storage, length, children.get(0).getValueCount());
      case SPARSE_UNION ->
          checkSparseUnion(column, ((UnionVector) storage).getTypeBuffer(), length);
      case DENSE_UNION -> checkDenseUnion(column, (DenseUnionVector) storage, length);
      case RUN_END_ENCODED -> checkRunEnds(column, children.get(0));
    }
    for (int i = 0; i < children.size(); i++) {
      check(column.children().get(i), children.get(i), withDictionaries);
    }
  }

  private void checkIndices(Column column, FieldVector vector, int length) {
    long dictionaryLength = dictionaries.get(column.dictionary().getId()).getValueCount();
    boolean signed = column.dictionary().getIndexType().getIsSigned();
    int width = column.width() / Byte.SIZE;
    long values = vector.getDataBuffer().memoryAddress();
    for (int i = 0; i < length; i++) {
      long index = readInteger(values, i, width, signed);
      if ((index < 0 || index >= dictionaryLength) && isValid(vector, i)) {
        throw wrong(column, i, "dictionary index=" + index, "0 to " + (dictionaryLength - 1));
      }
    }
  }

  private static long readInteger(long address, long index, int width, boolean signed) {
    return switch (width) {
      case Byte.BYTES -> {
        byte value = MemoryUtil.getByte(address + index);
        yield signed ? value : value & 0xFF;
      }
      case Short.BYTES -> {
        short value = MemoryUtil.getShort(address + index * width);
        yield signed ? value : value & 0xFFFF;
      }
      case Integer.BYTES -> {
        int value = Ints.get(address + index * width);
        yield signed ? value : value & 0xFFFF_FFFFL;
      }
      default -> MemoryUtil.getLong(address + index * width);
    };
  }

  private void checkOffsets(Column column, ArrowBuf offsets, int length) {
    if (length == 0) {
      return;
    }
    long address = offsets.memoryAddress();
    long before = readInteger(address, 0, column.width(), true);
    for (int i = 1; i <= length; i++) {
      long offset = readInteger(address, i, column.width(), true);
      if (offset < before) {
        throw wrong(column, i, "offset=" + offset, before + " or more, as the one before");
      }
      before = offset;
    }
  }

  private void checkText(Column column, FieldVector vector, int length) {
    if (length == 0) {
      return;
    }
    int width = column.width();
    long offsets = vector.getOffsetBuffer().memoryAddress();
    long data = vector.getDataBuffer().memoryAddress();
    long capacity = vector.getDataBuffer().capacity();
    long first = readInteger(offsets, 0, width, true);
    long last = readInteger(offsets, length, width, true);
    requireInside(column, length, first, last, capacity);
    if (asciiLength(data + first, last - first) == last - first) {
      return;
    }
    long start = first;
    for (int i = 0; i < length; i++) {
      long end = readInteger(offsets, i + 1L, width, true);
      requireInside(column, i, start, end, capacity);
      if (isValid(vector, i) && !isUtf8(data + start, end - start)) {
        throw wrong(column, i, "text that is not UTF-8", "well-formed UTF-8");
      }
      start = end;
    }
  }

  private void requireInside(Column column, int index, long start, long end, long capacity) {
    if (start < 0 || end < start || end > capacity) {
      throw wrong(
          column,
          index,
          "offset=" + start + " next offset=" + end,
          "0 <= offset <= next offset <= " + capacity);
    }
  }

  private void checkViews(Column column, BaseVariableWidthViewVector vector, int length) {
    List<ArrowBuf> data = vector.getDataBuffers();
    long views = vector.getDataBuffer().memoryAddress();
    for (int i = 0; i < length; i++) {
      if (!isValid(vector, i)) {
        continue;
      }
      long view = views + (long) i * TableLoader.VIEW_LENGTH;
      int valueLength = Ints.get(view);
      if (valueLength < 0) {
        throw wrong(column, i, "view length=" + valueLength, "0 or more");
      }
      long value = view + PREFIX_LENGTH;
      if (valueLength > INLINE_LIMIT) {
        int buffer = Ints.get(view + 8);
        if (buffer < 0 || buffer >= data.size()) {
          throw wrong(column, i, "view buffer=" + buffer, "0 to " + (data.size() - 1));
        }
        int offset = Ints.get(view + 12);
        long capacity = data.get(buffer).capacity();
        if (offset < 0 || offset > capacity - valueLength) {
          throw wrong(
              column,
              i,
              "view offset=" + offset + " length=" + valueLength,
              "inside its buffer of " + capacity + " bytes");
        }
        value = data.get(buffer).memoryAddress() + offset;
        if (Ints.get(value) != Ints.get(view + PREFIX_LENGTH)) {
          throw wrong(column, i, "a view with another prefix than its value", "the same prefix");
        }
      }
      if (column.isText() && !isUtf8(value, valueLength)) {
        throw wrong(column, i, "text that is not UTF-8", "well-formed UTF-8");
      }
    }
  }

  private void checkListViews(Column column, FieldVector vector, int length, long childLength) {
    ArrowBuf offsets = vector.getOffsetBuffer();
    ArrowBuf sizes =
        vector instanceof ListViewVector small
            ? small.getSizeBuffer()
            : ((LargeListViewVector) vector).getSizeBuffer();
    int width = column.width();
    for (int i = 0; i < length; i++) {
      long offset = readInteger(offsets.memoryAddress(), i, width, true);
      long size = readInteger(sizes.memoryAddress(), i, width, true);
      if (offset < 0 || size < 0 || offset > childLength - size) {
        throw wrong(
            column, i, "offset=" + offset + " size=" + size, "inside " + childLength + " values");
      }
    }
  }

  private void checkSparseUnion(Column column, ArrowBuf types, int length) {
    int[] childOf = childrenByTypeId(column);
    for (int i = 0; i < length; i++) {
      byte typeId = Ints.getByte(types.memoryAddress() + i);
      // Arrow Java stores 0 for a value that was never set, whatever the type ids are.
      if (typeId != 0 && (typeId < 0 || childOf[typeId] < 0)) {
        throw wrong(column, i, "type id=" + typeId, "one of the union's type ids");
      }
    }
  }

  private void checkDenseUnion(Column column, DenseUnionVector vector, int length) {
    int[] childOf = childrenByTypeId(column);
    long types = vector.getTypeBuffer().memoryAddress();
    long offsets = vector.getOffsetBuffer().memoryAddress();
    List<FieldVector> children = vector.getChildrenFromFields();
    for (int i = 0; i < length; i++) {
      byte typeId = Ints.getByte(types + i);
      if (typeId < 0) {
        // Arrow Java stores -1 for a value that was never set.
        continue;
      }
      if (childOf[typeId] < 0) {
        throw wrong(column, i, "type id=" + typeId, "one of the union's type ids");
      }
      int offset = Ints.get(offsets + (long) i * Integer.BYTES);
      int childLength = children.get(childOf[typeId]).getValueCount();
      if (offset < 0 || offset >= childLength) {
        throw wrong(column, i, "union offset=" + offset, "0 to " + (childLength - 1));
      }
    }
  }

  /** Returns the index of the child for each type id, -1 where there is none. */
  private static int[] childrenByTypeId(Column column) {
    int[] childOf = new int[TYPE_ID_COUNT];
    Arrays.fill(childOf, -1);
    for (int i = 0; i < column.children().size(); i++) {
      childOf[column.typeId(i)] = i;
    }
    return childOf;
  }

  private void checkRunEnds(Column column, FieldVector runEnds) {
    int width = column.children().get(0).width() / Byte.SIZE;
    long address = runEnds.getDataBuffer().memoryAddress();
    long before = 0;
    for (int i = 0; i < runEnds.getValueCount(); i++) {
      long end = readInteger(address, i, width, true);
      if (end <= before || !isValid(runEnds, i)) {
        throw wrong(column, i, "run end=" + end, "more than " + before + ", the one before");
      }
      before = end;
    }
  }

  private static boolean isValid(FieldVector vector, int index) {
    byte bits = MemoryUtil.getByte(vector.getValidityBuffer().memoryAddress() + index / Byte.SIZE);
    return (bits >>> (index % Byte.SIZE) & 1) != 0;
  }

  /** Returns how many bytes from the start are ASCII, at least up to the first that is not. */
  private static long asciiLength(long address, long length) {
    long i = 0;
    while (i <= length - Long.BYTES && (MemoryUtil.getLong(address + i) & HIGH_BITS) == 0) {
      i += Long.BYTES;
    }
    while (i < length && MemoryUtil.getByte(address + i) >= 0) {
      i++;
    }
    return i;
  }

  private static boolean isUtf8(long address, long length) {
    long i = asciiLength(address, length);
    while (i < length) {
      int lead = MemoryUtil.getByte(address + i);
      if (lead >= 0) {
        i++;
        continue;
      }
      int following;
      int codePoint;
      int least;
      if ((lead & 0xE0) == 0xC0) {
        following = 1;
        codePoint = lead & 0x1F;
        least = 0x80;
      } else if ((lead & 0xF0) == 0xE0) {
        following = 2;
        codePoint = lead & 0x0F;
        least = 0x800;
      } else if ((lead & 0xF8) == 0xF0) {
        following = 3;
        codePoint = lead & 0x07;
        least = 0x10000;
      } else {
        return false;
      }
      if (i + following >= length) {
        return false;
      }
      for (int j = 1; j <= following; j++) {
        int next = MemoryUtil.getByte(address + i + j);
        if ((next & 0xC0) != 0x80) {
          return false;
        }
        codePoint = codePoint << 6 | (next & 0x3F);
      }
      boolean surrogate =
          codePoint >= Character.MIN_SURROGATE && codePoint <= Character.MAX_SURROGATE;
      if (codePoint < least || surrogate || codePoint > Character.MAX_CODE_POINT) {
        return false;
      }
      i += following + 1;
    }
    return true;
  }

  private RuntimeException wrong(Column column, int index, String found, String allowed) {
    return faults.corrupt(column.path(), found + " at index " + index, allowed);
  }
}
