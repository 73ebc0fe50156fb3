package io.qadataswap.codec.arrow;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

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

  private byte[] bytes = new byte[1024];

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

  /** Returns the bytes that {@link #begin} and the methods after it have written. */
  byte[] bytes() {
    return bytes;
  }

  /**
   * Begins a batch.
   *
   * @param length framed, from {@link #length}
   * @param bodyLength bytes of the body
   * @param isDictionary whether it is a dictionary batch
   * @param dictionaryId of a dictionary batch
   * @param rowCount of the batch
   * @return where the first vector goes
   */
  int begin(int length, long bodyLength, boolean isDictionary, long dictionaryId, long rowCount) {
    if (bytes.length < length) {
      bytes = new byte[Math.max(length, bytes.length * 2)];
    } else {
      Arrays.fill(bytes, 0, length, (byte) 0);
    }
    putInt(0, CONTINUATION);
    putInt(4, length - FRAME_LENGTH);
    putInt(FRAME_LENGTH, MESSAGE - FRAME_LENGTH);

    // version, header type, header, bodyLength
    putVtable(MESSAGE_VTABLE, 20, 16, 18, 4, 8);
    putInt(MESSAGE, MESSAGE - MESSAGE_VTABLE);
    int batchVtable = BATCH_VTABLE + (isDictionary ? DICTIONARY_PART_LENGTH : 0);
    int batch = batchVtable + BATCH_OFFSET;
    putReference(MESSAGE + 4, isDictionary ? DICTIONARY : batch);
    putLong(MESSAGE + 8, bodyLength);
    SHORT.set(bytes, MESSAGE + 16, VERSION_5);
    bytes[MESSAGE + 18] = isDictionary ? HEADER_DICTIONARY_BATCH : HEADER_RECORD_BATCH;

    if (isDictionary) {
      // id, data; isDelta is false when absent
      putVtable(DICTIONARY_VTABLE, 16, 8, 4);
      putInt(DICTIONARY, DICTIONARY - DICTIONARY_VTABLE);
      putReference(DICTIONARY + 4, batch);
      putLong(DICTIONARY + 8, dictionaryId);
    }

    // length, nodes, buffers, no compression, variadic buffer counts
    putVtable(batchVtable, 24, 4, 12, 16, 0, 0);
    putInt(batch, BATCH_OFFSET);
    putLong(batch + 4, rowCount);
    return batchVtable + VECTORS_OFFSET;
  }

  /**
   * Adds the nodes, the buffers or the variadic buffer counts, in this order.
   *
   * @param position where it goes
   * @param isDictionary as given to {@link #begin}
   * @param vector 0 for nodes, 1 for buffers, 2 for variadic buffer counts
   * @param count of elements
   * @return where the first element goes
   */
  int vector(int position, boolean isDictionary, int vector, int count) {
    int batchVtable = BATCH_VTABLE + (isDictionary ? DICTIONARY_PART_LENGTH : 0);
    int batch = batchVtable + BATCH_OFFSET;
    // The elements are longs and start at a multiple of 8, so their count starts 4 before one.
    int countPosition = vector == 0 ? position : position + Integer.BYTES;
    putReference(batch + 12 + vector * Integer.BYTES, countPosition);
    if (vector == 2) {
      SHORT.set(bytes, batchVtable + 12, (short) 20);
    }
    putInt(countPosition, count);
    return countPosition + Integer.BYTES;
  }

  void putLong(int position, long value) {
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
