package io.qadataswap.codec.arrow;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * Writes the framed metadata of record and dictionary batches, as FlatBuffers of the tables
 * Message, DictionaryBatch and RecordBatch in this order, each at a fixed place:
 *
 * <pre>
 *  offset  content
 *       0  continuation marker, length of what follows up to the body
 *       8  position of Message (all positions below count from here)
 *      +4  vtable of Message, +16 Message: header, bodyLength, version, header type
 *     +36  dictionary batches only: vtable of DictionaryBatch, +48 DictionaryBatch: data, id
 *      +R  vtable of RecordBatch, +R+16 RecordBatch: length, nodes, buffers, variadic buffer counts
 *    +R+40 nodes, buffers, variadic buffer counts, zeros up to a multiple of 64
 * </pre>
 *
 * where R is 36, or 68 for a dictionary batch.
 */
final class BatchMetadata {
  /** Everything that a message holds begins at a multiple of this. */
  static final int ALIGNMENT = 64;

  /** Precedes each length, so that it differs from the framing before Arrow 0.15. */
  static final int CONTINUATION = 0xFFFF_FFFF;

  /** Length of the continuation marker and the length. */
  static final int FRAME_LENGTH = 8;

  static final byte HEADER_SCHEMA = 1;
  static final byte HEADER_DICTIONARY_BATCH = 2;
  static final byte HEADER_RECORD_BATCH = 3;
  static final short VERSION_4 = 3;
  static final short VERSION_5 = 4;

  /** Length of a field node, and of a buffer's place. */
  static final int PAIR_LENGTH = 16;

  private static final int MESSAGE_VTABLE = FRAME_LENGTH + 4;
  private static final int MESSAGE = FRAME_LENGTH + 16;
  private static final int DICTIONARY_VTABLE = FRAME_LENGTH + 36;
  private static final int DICTIONARY = FRAME_LENGTH + 48;
  private static final int BATCH_VTABLE = FRAME_LENGTH + 36;
  private static final int DICTIONARY_PART_LENGTH = 32;
  private static final int BATCH_OFFSET = 16;
  private static final int VECTORS_OFFSET = 40;

  private static final VarHandle SHORT =
      MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle INT =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  private byte[] bytes = new byte[0];

  // The shape of what the bytes hold, which the next batch nearly always has too.
  private boolean dictionary;
  private int nodeCount = -1;
  private int bufferCount;
  private int variadicCount;

  private int nodes;
  private int buffers;
  private int variadics;

  /** Returns the framed length, a multiple of 64. */
  static long length(boolean dictionary, int nodeCount, int bufferCount, int variadicCount) {
    long length =
        BATCH_VTABLE
            + (dictionary ? DICTIONARY_PART_LENGTH : 0)
            + VECTORS_OFFSET
            + Integer.BYTES
            + (long) nodeCount * PAIR_LENGTH
            + 2 * Integer.BYTES
            + (long) bufferCount * PAIR_LENGTH;
    if (variadicCount > 0) {
      length += 2 * Integer.BYTES + (long) variadicCount * Long.BYTES;
    }
    return align(length);
  }

  /** Rounds up to a multiple of 64. */
  static long align(long length) {
    return (length + ALIGNMENT - 1) & -ALIGNMENT;
  }

  /** Returns what the other methods have written. */
  byte[] bytes() {
    return bytes;
  }

  /**
   * Begins a batch. What it holds besides nodes, buffers and counts is made only when the shape is
   * another than the last one's.
   *
   * @param length framed, at least that of {@link #length}
   */
  void begin(int length, boolean isDictionary, int nodeTotal, int bufferTotal, int variadicTotal) {
    if (nodeCount != nodeTotal
        || bufferCount != bufferTotal
        || variadicCount != variadicTotal
        || dictionary != isDictionary) {
      dictionary = isDictionary;
      nodeCount = nodeTotal;
      bufferCount = bufferTotal;
      variadicCount = variadicTotal;
      make(Math.toIntExact(length(isDictionary, nodeTotal, bufferTotal, variadicTotal)));
    }
    putInt(4, length - FRAME_LENGTH);
  }

  /** Sets what belongs to the whole batch. */
  void batch(long bodyLength, long dictionaryId, long rowCount) {
    putLong(MESSAGE + 8, bodyLength);
    if (dictionary) {
      putLong(DICTIONARY + 8, dictionaryId);
    }
    putLong(batchTable() + 4, rowCount);
  }

  void node(int index, long length, long nullCount) {
    putLong(nodes + index * PAIR_LENGTH, length);
    putLong(nodes + index * PAIR_LENGTH + Long.BYTES, nullCount);
  }

  void buffer(int index, long offset, long length) {
    putLong(buffers + index * PAIR_LENGTH, offset);
    putLong(buffers + index * PAIR_LENGTH + Long.BYTES, length);
  }

  void variadic(int index, long count) {
    putLong(variadics + index * Long.BYTES, count);
  }

  private int batchTable() {
    return BATCH_VTABLE + (dictionary ? DICTIONARY_PART_LENGTH : 0) + BATCH_OFFSET;
  }

  private void make(int length) {
    bytes = new byte[length];
    putInt(0, CONTINUATION);
    putInt(FRAME_LENGTH, MESSAGE - FRAME_LENGTH);

    // version, header type, header, bodyLength
    putVtable(MESSAGE_VTABLE, 20, 16, 18, 4, 8);
    putInt(MESSAGE, MESSAGE - MESSAGE_VTABLE);
    int batch = batchTable();
    putReference(MESSAGE + 4, dictionary ? DICTIONARY : batch);
    SHORT.set(bytes, MESSAGE + 16, VERSION_5);
    bytes[MESSAGE + 18] = dictionary ? HEADER_DICTIONARY_BATCH : HEADER_RECORD_BATCH;

    if (dictionary) {
      // id, data; isDelta is false when absent
      putVtable(DICTIONARY_VTABLE, 16, 8, 4);
      putInt(DICTIONARY, DICTIONARY - DICTIONARY_VTABLE);
      putReference(DICTIONARY + 4, batch);
    }

    // length, nodes, buffers, no compression, variadic buffer counts
    putVtable(batch - BATCH_OFFSET, 24, 4, 12, 16, 0, variadicCount > 0 ? 20 : 0);
    putInt(batch, BATCH_OFFSET);
    nodes = putVector(batch + 12, batch - BATCH_OFFSET + VECTORS_OFFSET, nodeCount);
    int end = nodes + nodeCount * PAIR_LENGTH;
    // The elements are longs and start at a multiple of 8, so their count starts 4 before one.
    buffers = putVector(batch + 16, end + Integer.BYTES, bufferCount);
    end = buffers + bufferCount * PAIR_LENGTH;
    if (variadicCount > 0) {
      variadics = putVector(batch + 20, end + Integer.BYTES, variadicCount);
    }
  }

  /** Returns where the first element goes. */
  private int putVector(int reference, int position, int count) {
    putReference(reference, position);
    putInt(position, count);
    return position + Integer.BYTES;
  }

  private void putLong(int position, long value) {
    LONG.set(bytes, position, value);
  }

  private void putInt(int position, int value) {
    INT.set(bytes, position, value);
  }

  private void putReference(int position, int target) {
    putInt(position, target - position);
  }

  private void putVtable(int position, int tableLength, int... offsets) {
    SHORT.set(bytes, position, (short) ((offsets.length + 2) * Short.BYTES));
    SHORT.set(bytes, position + 2, (short) tableLength);
    for (int i = 0; i < offsets.length; i++) {
      SHORT.set(bytes, position + 4 + i * Short.BYTES, (short) offsets[i]);
    }
  }
}
