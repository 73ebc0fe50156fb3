package io.qadataswap.api.internal.qads1;

import io.qadataswap.api.QdsException;
import io.qadataswap.api.QdsException.Reason;
import io.qadataswap.api.WriterOptions;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * What a header says once for all, checked: whoever has one of these may index by it.
 *
 * @param totalLength of the object, in bytes
 * @param bufferCount at least 1
 * @param bufferLength bytes of each buffer, a multiple of 64
 * @param buffersOffset of the first buffer
 * @param writeSemaphore name of the semaphore whose tokens are free buffers
 * @param readSemaphore name of the semaphore whose tokens are unread messages
 */
record Header(
    long totalLength,
    int bufferCount,
    long bufferLength,
    long buffersOffset,
    String writeSemaphore,
    String readSemaphore) {
  static final int DEFAULT_BUFFER_COUNT = 3;

  private static final int BUFFER_ALIGNMENT = 64;

  /** The states of more buffers than this would not be read at once. */
  private static final long MAX_BUFFER_COUNT = 1 << 20;

  /** What the checks need of a header, without the states. */
  static final int CHECKED_LENGTH = HeaderDescriptor.BUFFER_STATES_OFFSET;

  private static final String NAME_PATTERN = "[^/\\x00]{1,55}";

  /** Lays an object out as the original does. */
  static Header of(WriterOptions options) {
    int count = options.messageSlots() == 0 ? DEFAULT_BUFFER_COUNT : options.messageSlots();
    long largestCount = Math.min(MAX_BUFFER_COUNT, largestCount(options.capacity()));
    if (count > largestCount) {
      throw new IllegalArgumentException(
          "channel="
              + options.name()
              + " messageSlots="
              + count
              + " allowed=1 to "
              + largestCount
              + " with capacity="
              + options.capacity());
    }
    Header header =
        new Header(
            options.capacity(),
            count,
            bufferLength(options.capacity(), count),
            buffersOffset(count),
            SemaphoreNames.write(options.name()),
            SemaphoreNames.read(options.name()));
    if (options.maxMessageLength() > header.bufferLength) {
      throw new IllegalArgumentException(
          "channel="
              + options.name()
              + " maxMessageLength="
              + options.maxMessageLength()
              + " allowed=1 to "
              + header.bufferLength
              + " bytes, the length of each of the "
              + count
              + " buffers; raise the capacity or ask for fewer messageSlots");
    }
    return header;
  }

  /** Returns how many buffers of 64 bytes an object of a length has room for. */
  private static long largestCount(long totalLength) {
    long each = BUFFER_ALIGNMENT + BufferState.LENGTH;
    return (totalLength - HeaderDescriptor.FIXED_SIZE - BUFFER_ALIGNMENT) / each;
  }

  private static long headerSize(long bufferCount) {
    return HeaderDescriptor.FIXED_SIZE + BufferState.LENGTH * bufferCount;
  }

  private static long buffersOffset(long bufferCount) {
    return (headerSize(bufferCount) + BUFFER_ALIGNMENT - 1) / BUFFER_ALIGNMENT * BUFFER_ALIGNMENT;
  }

  private static long bufferLength(long totalLength, long bufferCount) {
    return (totalLength - buffersOffset(bufferCount))
        / bufferCount
        / BUFFER_ALIGNMENT
        * BUFFER_ALIGNMENT;
  }

  /**
   * Checks a header against itself and the file.
   *
   * @param bytes the first bytes of the file, {@link #CHECKED_LENGTH} if it has so many
   * @param fileLength of the file
   * @param name of the channel
   * @throws QdsException with reason {@code NO_SUCH_CHANNEL} if its creator is not done with it,
   *     {@code UNSUPPORTED} for the simple variant, {@code CORRUPT} for all else
   */
  static Header parse(byte[] bytes, long fileLength, String name) {
    ByteBuffer header =
        ByteBuffer.wrap(Arrays.copyOf(bytes, CHECKED_LENGTH)).order(ByteOrder.LITTLE_ENDIAN);
    int magic = header.getInt(HeaderDescriptor.MAGIC_OFFSET);
    if (magic == 0) {
      throw unfinished(name);
    }
    require(name, "magic", Integer.toUnsignedLong(magic), HeaderDescriptor.MAGIC);
    require(
        name,
        "version",
        Integer.toUnsignedLong(header.getInt(HeaderDescriptor.VERSION_OFFSET)),
        HeaderDescriptor.VERSION);
    if (isSimpleVariant(header, fileLength)) {
      throw new QdsException(
          Reason.UNSUPPORTED,
          "channel="
              + name
              + " is of the simple variant of QADataSwap 0.1 (SimpleArena: plain bytes, no Arrow),"
              + " allowed=the variant for Arrow (SharedMemoryArena, SharedDataFrame); create it by"
              + " that class");
    }
    if (isUnfinished(header)) {
      throw unfinished(name);
    }
    require(name, "total_size", header.getLong(HeaderDescriptor.TOTAL_SIZE_OFFSET), fileLength);
    long count = header.getLong(HeaderDescriptor.BUFFER_COUNT_OFFSET);
    long largestCount = Math.min(MAX_BUFFER_COUNT, largestCount(fileLength));
    if (count < 1 || count > largestCount) {
      throw corrupt(name, "buffer_count", count, "1 to " + largestCount);
    }
    require(
        name,
        "header_size",
        header.getLong(HeaderDescriptor.HEADER_SIZE_OFFSET),
        headerSize(count));
    require(name, "schema_offset", header.getLong(HeaderDescriptor.SCHEMA_OFFSET_OFFSET), 0);
    require(name, "schema_size", header.getLong(HeaderDescriptor.SCHEMA_SIZE_OFFSET), 0);
    require(
        name,
        "buffers_offset",
        header.getLong(HeaderDescriptor.BUFFERS_OFFSET_OFFSET),
        buffersOffset(count));
    long bufferLength = bufferLength(fileLength, count);
    require(name, "buffer_size", header.getLong(HeaderDescriptor.BUFFER_SIZE_OFFSET), bufferLength);
    String writeName =
        semaphoreName(
            name,
            "write_sem_name",
            header,
            HeaderDescriptor.WRITE_SEM_NAME_OFFSET,
            SemaphoreNames.WRITE_PREFIX);
    String readName =
        semaphoreName(
            name,
            "read_sem_name",
            header,
            HeaderDescriptor.READ_SEM_NAME_OFFSET,
            SemaphoreNames.READ_PREFIX);
    return new Header(
        fileLength, (int) count, bufferLength, buffersOffset(count), writeName, readName);
  }

  /** Writes the header of a channel on which nothing was written; the writer is not active yet. */
  byte[] format() {
    ByteBuffer header = ByteBuffer.allocate((int) buffersOffset).order(ByteOrder.LITTLE_ENDIAN);
    header.putInt(HeaderDescriptor.MAGIC_OFFSET, HeaderDescriptor.MAGIC);
    header.putInt(HeaderDescriptor.VERSION_OFFSET, HeaderDescriptor.VERSION);
    header.putLong(HeaderDescriptor.TOTAL_SIZE_OFFSET, totalLength);
    header.putLong(HeaderDescriptor.HEADER_SIZE_OFFSET, headerSize(bufferCount));
    header.putLong(HeaderDescriptor.BUFFER_COUNT_OFFSET, bufferCount);
    header.putLong(HeaderDescriptor.BUFFER_SIZE_OFFSET, bufferLength);
    header.putLong(HeaderDescriptor.BUFFERS_OFFSET_OFFSET, buffersOffset);
    header.put(HeaderDescriptor.WRITE_SEM_NAME_OFFSET, ascii(writeSemaphore));
    header.put(HeaderDescriptor.READ_SEM_NAME_OFFSET, ascii(readSemaphore));
    return header.array();
  }

  /** Returns whether this is what a writer asks for; one that does not care takes any number. */
  boolean isLike(WriterOptions options) {
    return totalLength == options.capacity()
        && (options.messageSlots() == 0 || options.messageSlots() == bufferCount);
  }

  long bufferOffset(long sequence) {
    return buffersOffset + bufferOf(sequence) * bufferLength;
  }

  /** Returns the number of the buffer that a message is in. */
  int bufferOf(long sequence) {
    return (int) Long.remainderUnsigned(sequence, bufferCount);
  }

  long stateOffset(long sequence) {
    return HeaderDescriptor.stateOffset(bufferOf(sequence));
  }

  static boolean hasMagic(byte[] bytes) {
    return bytes.length >= Long.BYTES
        && ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getInt() == HeaderDescriptor.MAGIC;
  }

  /**
   * The sizes of the simple variant fit where they lie there, and the fields here do not: its
   * {@code buffer_count} is where {@code schema_offset} is, which is 0 always.
   */
  private static boolean isSimpleVariant(ByteBuffer header, long fileLength) {
    int shift = HeaderDescriptor.SIMPLE_VARIANT_SHIFT;
    long count = header.getLong(HeaderDescriptor.BUFFER_COUNT_OFFSET - shift);
    long length = header.getLong(HeaderDescriptor.BUFFER_SIZE_OFFSET - shift);
    long offset = header.getLong(HeaderDescriptor.BUFFERS_OFFSET_OFFSET - shift);
    return count >= 1
        && count <= fileLength
        && length > 0
        && offset > 0
        && length <= fileLength / count
        && offset <= fileLength - count * length
        && text(header, HeaderDescriptor.WRITE_SEM_NAME_OFFSET - shift)
            .startsWith(SemaphoreNames.WRITE_PREFIX);
  }

  /**
   * The original gives the object its name first, then fills the header, then makes the semaphores
   * and sets {@code writer_active}.
   */
  private static boolean isUnfinished(ByteBuffer header) {
    return header.getLong(HeaderDescriptor.TOTAL_SIZE_OFFSET) == 0
        || header.getLong(HeaderDescriptor.HEADER_SIZE_OFFSET) == 0
        || header.getLong(HeaderDescriptor.BUFFER_COUNT_OFFSET) == 0
        || header.getLong(HeaderDescriptor.BUFFER_SIZE_OFFSET) == 0
        || header.getLong(HeaderDescriptor.BUFFERS_OFFSET_OFFSET) == 0
        || header.get(HeaderDescriptor.WRITE_SEM_NAME_OFFSET) == 0
        || header.get(HeaderDescriptor.READ_SEM_NAME_OFFSET) == 0
        || (header.get(HeaderDescriptor.WRITER_ACTIVE_OFFSET) == 0
            && header.getLong(HeaderDescriptor.WRITE_SEQUENCE_OFFSET) == 0);
  }

  static QdsException unfinished(String name) {
    return new QdsException(
        Reason.NO_SUCH_CHANNEL,
        "channel="
            + name
            + ": its creator is not done with it, or died meanwhile; wait for it, or remove it"
            + " (./qds rm "
            + name
            + " --layout qads1)");
  }

  /** Checks that a name is one that this layout may open, whatever the header says. */
  private static String semaphoreName(
      String channel, String field, ByteBuffer header, int offset, String prefix) {
    String name = text(header, offset);
    boolean sound =
        name.length() < HeaderDescriptor.SEM_NAME_LENGTH
            && name.startsWith(prefix)
            && name.substring(prefix.length()).matches(NAME_PATTERN);
    if (!sound) {
      throw corrupt(
          channel,
          field,
          name.replaceAll("[^ -~]", "?"),
          prefix + " and up to 55 bytes, ended by a zero");
    }
    return name;
  }

  /** Returns the characters before the first zero, or all of the field if it has none. */
  private static String text(ByteBuffer header, int offset) {
    StringBuilder text = new StringBuilder();
    for (int i = offset; i < offset + HeaderDescriptor.SEM_NAME_LENGTH && header.get(i) != 0; i++) {
      text.append((char) (header.get(i) & 0xff));
    }
    return text.toString();
  }

  private static void require(String channel, String field, long found, long allowed) {
    if (found != allowed) {
      throw corrupt(channel, field, found, Long.toString(allowed));
    }
  }

  private static QdsException corrupt(String channel, String field, Object found, String allowed) {
    return new QdsException(
        Reason.CORRUPT,
        "channel="
            + channel
            + " header field "
            + field
            + "="
            + found
            + " allowed="
            + allowed
            + "; this is no intact object of QADataSwap 0.1: remove it");
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.ISO_8859_1);
  }
}
