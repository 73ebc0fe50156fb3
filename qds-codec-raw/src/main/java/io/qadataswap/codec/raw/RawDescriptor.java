package io.qadataswap.codec.raw;

/**
 * Where things lie in a message of {@link RawCodec}, version 1, as {@code raw-columns.md} of the
 * wire specification says. Little-endian; offsets in bytes from the start of the message.
 *
 * <pre>
 *  offset width header field
 *       0     4 magic           the bytes QRAW
 *       4     2 version         1
 *       6     2 reserved
 *       8     4 rowCount        R
 *      12     4 columnCount     C
 *      16     4 schemaLength    S, a multiple of 64
 *      20     4 reserved
 *      24     8 messageLength   a multiple of 64
 *      32    32 reserved
 *      64     S schema          C entries, names, zeros
 *    64+S  32 C buffer table    C entries
 *             buffers           each from a multiple of 64
 *
 *  offset width entry of the schema
 *       0     1 type
 *       1     1 flags           bit 0: may have nulls
 *       2     2 reserved
 *       4     4 width           bytes of a value, 0 for texts and bytes
 *       8     4 nameOffset      from the start of the schema
 *      12     4 nameLength      1 to 65535
 *
 *  offset width entry of the buffer table
 *       0     8 validity        offset, 0 for none
 *       8     8 values          offset of values, or of offsets
 *      16     8 data            offset of texts or bytes, else 0
 *      24     8 dataLength      their number, else 0
 * </pre>
 */
final class RawDescriptor {
  static final int ALIGNMENT = 64;

  static final int HEADER_LENGTH = 64;
  static final int MAGIC = 0x57415251;
  static final int VERSION = 1;
  static final int MAGIC_OFFSET = 0;
  static final int VERSION_OFFSET = 4;
  static final int ROW_COUNT_OFFSET = 8;
  static final int COLUMN_COUNT_OFFSET = 12;
  static final int SCHEMA_LENGTH_OFFSET = 16;
  static final int MESSAGE_LENGTH_OFFSET = 24;

  static final int COLUMN_LIMIT = 1 << 20;
  static final int SCHEMA_LENGTH_LIMIT = 1 << 26;

  static final int FIELD_LENGTH = 16;
  static final int TYPE_OFFSET = 0;
  static final int FLAGS_OFFSET = 1;
  static final int WIDTH_OFFSET = 4;
  static final int NAME_OFFSET_OFFSET = 8;
  static final int NAME_LENGTH_OFFSET = 12;
  static final int FLAG_NULLABLE = 1;
  static final int NAME_LENGTH_LIMIT = 65535;

  static final int BUFFERS_LENGTH = 32;
  static final int VALIDITY_OFFSET = 0;
  static final int VALUES_OFFSET = 8;
  static final int DATA_OFFSET = 16;
  static final int DATA_LENGTH_OFFSET = 24;

  private RawDescriptor() {}

  /** Returns where the buffer table begins. */
  static long bufferTable(int schemaLength) {
    return (long) HEADER_LENGTH + schemaLength;
  }

  /** Returns where the buffer table ends, which is the least place of a buffer, rounded up. */
  static long buffers(int schemaLength, int columnCount) {
    return padded(bufferTable(schemaLength) + (long) columnCount * BUFFERS_LENGTH);
  }

  static long padded(long length) {
    return (length + ALIGNMENT - 1) & -ALIGNMENT;
  }

  static long validityLength(int rowCount) {
    return ((long) rowCount + Byte.SIZE - 1) / Byte.SIZE;
  }

  /** Returns the length of values of fixed width, or of the offsets of others. */
  static long valuesLength(int width, int rowCount) {
    return width == 0 ? (rowCount + 1L) * Integer.BYTES : (long) rowCount * width;
  }
}
