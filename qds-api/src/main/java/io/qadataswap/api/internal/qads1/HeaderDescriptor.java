package io.qadataswap.api.internal.qads1;

/**
 * The header at the start of the object, packed, little-endian. Nothing but the words from {@code
 * write_sequence} to {@code reader_count} changes once {@code writer_active} was set.
 *
 * <pre>
 * offset width field             written by
 *      0     4 magic             creator
 *      4     4 version           creator
 *      8     8 total_size        creator
 *     16     8 header_size       creator   256 + 17 * buffer_count
 *     24     8 schema_offset     creator   0
 *     32     8 schema_size       creator   0
 *     40     8 buffer_count      creator
 *     48     8 buffer_size       creator   a multiple of 64
 *     56     8 buffers_offset    creator   header_size rounded up to a multiple of 64
 *     64     8 write_sequence    writer    messages written
 *     72     8 read_sequence     readers   messages taken
 *     80     1 writer_active     writer    1 from creation to close
 *     81     4 reader_count      readers   attached readers; a killed one stays counted
 *     85    64 write_sem_name    creator   NUL-terminated
 *    149    64 read_sem_name     creator   NUL-terminated
 *    213       buffer states, {@link BufferState#LENGTH} bytes each
 *              the turn of readers of QDS: {@link TurnDescriptor}
 * </pre>
 *
 * <p>The bytes-only "simple" variant of the original has no {@code schema_offset} and {@code
 * schema_size}: all from {@code buffer_count} on lies 16 bytes earlier.
 */
final class HeaderDescriptor {
  static final int MAGIC = 0x51444153;
  static final int VERSION = 1;

  static final int MAGIC_OFFSET = 0;
  static final int VERSION_OFFSET = 4;
  static final int TOTAL_SIZE_OFFSET = 8;
  static final int HEADER_SIZE_OFFSET = 16;
  static final int SCHEMA_OFFSET_OFFSET = 24;
  static final int SCHEMA_SIZE_OFFSET = 32;
  static final int BUFFER_COUNT_OFFSET = 40;
  static final int BUFFER_SIZE_OFFSET = 48;
  static final int BUFFERS_OFFSET_OFFSET = 56;
  static final int WRITE_SEQUENCE_OFFSET = 64;
  static final int READ_SEQUENCE_OFFSET = 72;
  static final int WRITER_ACTIVE_OFFSET = 80;
  static final int READER_COUNT_OFFSET = 81;
  static final int WRITE_SEM_NAME_OFFSET = 85;
  static final int READ_SEM_NAME_OFFSET = 149;
  static final int SEM_NAME_LENGTH = 64;
  static final int BUFFER_STATES_OFFSET = 213;

  /** What a header takes that is complete but for the states of the buffers. */
  static final int FIXED_SIZE = 256;

  /** How much earlier the fields from {@code buffer_count} on lie in the simple variant. */
  static final int SIMPLE_VARIANT_SHIFT = 16;

  /** The byte of the file that a writer of QDS holds. Far beyond the end of any object. */
  static final long WRITER_LOCK_POSITION = 1L << 62;

  /** The byte that a participant of QDS holds in its {@link Turn}, unless it owns the turn. */
  static final long TURN_LOCK_POSITION = WRITER_LOCK_POSITION + 1;

  /** The byte of the first of the readers of QDS. */
  static final long READER_LOCKS_POSITION = WRITER_LOCK_POSITION + 2;

  /** All bytes that participants hold. */
  static final long LOCKS_LENGTH = 2L + BufferState.MAX_READER_COUNT;

  private static final int WORD_LENGTH = 4;

  private HeaderDescriptor() {}

  static long stateOffset(int buffer) {
    return BUFFER_STATES_OFFSET + (long) buffer * BufferState.LENGTH;
  }

  /** Returns where the words of the {@link Turn} are: behind the states, at a multiple of 4. */
  static long turnOffset(int bufferCount) {
    return (stateOffset(bufferCount) + WORD_LENGTH - 1) / WORD_LENGTH * WORD_LENGTH;
  }
}
