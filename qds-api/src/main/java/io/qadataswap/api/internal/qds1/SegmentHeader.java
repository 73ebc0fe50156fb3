package io.qadataswap.api.internal.qds1;

import io.qadataswap.api.OverflowPolicy;
import io.qadataswap.api.QdsException;
import io.qadataswap.api.QdsException.Reason;
import io.qadataswap.api.channel.SegmentFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.UUID;
import java.util.zip.CRC32C;

/**
 * The static block of a segment's header, parsed from a private copy and checked, or to be
 * formatted.
 *
 * @param geometry sections and policies
 * @param codecId of the messages
 * @param inode of the segment file
 * @param segmentUuid random
 * @param bootId of the machine when the segment was created
 * @param creationRealtimeNs since 1970
 * @param creationMonotonicNs taken with it
 * @param creatorLanguage of the program that created it
 * @param creatorVersion of the library that created it
 * @param creatorBackend of the program that created it
 */
record SegmentHeader(
    Geometry geometry,
    String codecId,
    long inode,
    UUID segmentUuid,
    UUID bootId,
    long creationRealtimeNs,
    long creationMonotonicNs,
    String creatorLanguage,
    String creatorVersion,
    String creatorBackend) {

  private static final long KNOWN_FEATURES_FOR_READERS = 0;
  private static final long MAX_READER_TABLE_OFFSET = 1 << 20;
  private static final long KNOWN_FEATURES_FOR_WRITERS = HeaderDescriptor.FEATURE_PAYLOAD_CHECKSUM;

  /** Returns whether the file is neither a copy nor from an earlier boot of the machine. */
  boolean isOf(SegmentFile file) {
    return bootId.equals(ProcessIdentity.bootId()) && inode == file.inode();
  }

  /** Returns the bytes of a new header; the words after the static block are zero. */
  byte[] format() {
    ByteBuffer b = ByteBuffer.allocate(HeaderDescriptor.LENGTH).order(ByteOrder.LITTLE_ENDIAN);
    Geometry g = geometry;
    long features = g.payloadChecksum() ? HeaderDescriptor.FEATURE_PAYLOAD_CHECKSUM : 0;
    b.putLong(HeaderDescriptor.MAGIC_OFFSET, HeaderDescriptor.MAGIC);
    b.putInt(HeaderDescriptor.BYTE_ORDER_OFFSET, HeaderDescriptor.BYTE_ORDER);
    b.putShort(HeaderDescriptor.VERSION_MAJOR_OFFSET, (short) HeaderDescriptor.VERSION_MAJOR);
    b.putShort(HeaderDescriptor.VERSION_MINOR_OFFSET, (short) HeaderDescriptor.VERSION_MINOR);
    b.putLong(HeaderDescriptor.FEATURES_FOR_WRITERS_OFFSET, features);
    b.putLong(HeaderDescriptor.FEATURES_INFORMATIVE_OFFSET, features);
    b.putInt(HeaderDescriptor.HEADER_LENGTH_OFFSET, HeaderDescriptor.LENGTH);
    b.putInt(HeaderDescriptor.READER_ENTRY_LENGTH_OFFSET, ReaderEntryDescriptor.LENGTH);
    b.putInt(HeaderDescriptor.MESSAGE_DESCRIPTOR_LENGTH_OFFSET, MessageDescriptor.LENGTH);
    b.putInt(HeaderDescriptor.READER_ENTRY_COUNT_OFFSET, g.readerEntryCount());
    b.putLong(HeaderDescriptor.READER_TABLE_OFFSET_OFFSET, g.readerTableOffset());
    b.putLong(HeaderDescriptor.DESCRIPTOR_RING_OFFSET_OFFSET, g.descriptorRingOffset());
    b.putLong(HeaderDescriptor.ARENA_OFFSET_OFFSET, g.arenaOffset());
    b.putLong(HeaderDescriptor.ARENA_LENGTH_OFFSET, g.arenaLength());
    b.putLong(HeaderDescriptor.SEGMENT_LENGTH_OFFSET, g.segmentLength());
    b.putInt(HeaderDescriptor.SLOT_COUNT_OFFSET, g.slotCount());
    b.putInt(
        HeaderDescriptor.OVERFLOW_POLICY_OFFSET,
        g.overflow() == OverflowPolicy.BLOCK
            ? HeaderDescriptor.POLICY_BLOCK
            : HeaderDescriptor.POLICY_DROP_OLDEST);
    b.putInt(HeaderDescriptor.RETAIN_COUNT_OFFSET, g.retainCount());
    b.putInt(HeaderDescriptor.PIN_COUNT_OFFSET, ReaderEntryDescriptor.PIN_COUNT);
    b.putLong(HeaderDescriptor.MAX_MESSAGE_LENGTH_OFFSET, g.maxMessageLength());
    b.putLong(HeaderDescriptor.CREATION_REALTIME_NS_OFFSET, creationRealtimeNs);
    b.putLong(HeaderDescriptor.CREATION_MONOTONIC_NS_OFFSET, creationMonotonicNs);
    b.putLong(HeaderDescriptor.INODE_OFFSET, inode);
    putUuid(b, HeaderDescriptor.SEGMENT_UUID_OFFSET, segmentUuid);
    putUuid(b, HeaderDescriptor.BOOT_ID_OFFSET, bootId);
    putText(b, HeaderDescriptor.CODEC_ID_OFFSET, HeaderDescriptor.CODEC_ID_LENGTH, codecId);
    putText(
        b,
        HeaderDescriptor.CREATOR_LANGUAGE_OFFSET,
        HeaderDescriptor.CREATOR_LANGUAGE_LENGTH,
        creatorLanguage);
    putText(
        b,
        HeaderDescriptor.CREATOR_VERSION_OFFSET,
        HeaderDescriptor.CREATOR_VERSION_LENGTH,
        creatorVersion);
    putText(
        b,
        HeaderDescriptor.CREATOR_BACKEND_OFFSET,
        HeaderDescriptor.CREATOR_BACKEND_LENGTH,
        creatorBackend);
    b.putInt(HeaderDescriptor.HEADER_CRC_OFFSET, crc(b.array()));
    return b.array();
  }

  /** Returns whether bytes from the start of a file are meant to be a segment of this layout. */
  static boolean hasMagic(byte[] bytes) {
    return bytes.length >= Long.BYTES
        && ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong()
            == HeaderDescriptor.MAGIC;
  }

  /**
   * Parses and checks a header.
   *
   * @param bytes from the start of the file
   * @param fileLength of the file
   * @param forWriting whether the caller wants to write messages
   */
  static SegmentHeader parse(
      byte[] bytes, long fileLength, String channelName, boolean forWriting) {
    Checker check = new Checker(channelName);
    check.that(
        "file length", bytes.length, bytes.length >= HeaderDescriptor.LENGTH, "4096 or more");
    ByteBuffer b = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    long magic = b.getLong(HeaderDescriptor.MAGIC_OFFSET);
    check.that(
        "magic", Long.toHexString(magic), magic == HeaderDescriptor.MAGIC, "a segment of QDS");
    int order = b.getInt(HeaderDescriptor.BYTE_ORDER_OFFSET);
    if (order == Integer.reverseBytes(HeaderDescriptor.BYTE_ORDER)) {
      throw check.unsupported("byteOrder", "big-endian", "little-endian");
    }
    check.that("byteOrder", order, order == HeaderDescriptor.BYTE_ORDER, "little-endian tag");
    int major = b.getShort(HeaderDescriptor.VERSION_MAJOR_OFFSET);
    if (major != HeaderDescriptor.VERSION_MAJOR) {
      throw check.unsupported("versionMajor", major, HeaderDescriptor.VERSION_MAJOR);
    }
    int crc = b.getInt(HeaderDescriptor.HEADER_CRC_OFFSET);
    check.that("headerCrc", crc, crc == crc(bytes), crc(bytes));
    long features = b.getLong(HeaderDescriptor.FEATURES_FOR_READERS_OFFSET);
    if ((features & ~KNOWN_FEATURES_FOR_READERS) != 0) {
      throw check.unsupported("featuresForReaders", features, KNOWN_FEATURES_FOR_READERS);
    }
    long writerFeatures = b.getLong(HeaderDescriptor.FEATURES_FOR_WRITERS_OFFSET);
    if (forWriting && (writerFeatures & ~KNOWN_FEATURES_FOR_WRITERS) != 0) {
      throw check.unsupported("featuresForWriters", writerFeatures, KNOWN_FEATURES_FOR_WRITERS);
    }
    long informative = b.getLong(HeaderDescriptor.FEATURES_INFORMATIVE_OFFSET);
    check.that(
        "featuresInformative",
        informative,
        ((informative ^ writerFeatures) & HeaderDescriptor.FEATURE_PAYLOAD_CHECKSUM) == 0,
        "bit 0 as in featuresForWriters=" + writerFeatures);
    Geometry geometry = parseGeometry(b, check, fileLength);
    String codecId = text(b, HeaderDescriptor.CODEC_ID_OFFSET, HeaderDescriptor.CODEC_ID_LENGTH);
    check.that("codecId", codecId, isCodecId(b), "printable ASCII, then zeros");
    return new SegmentHeader(
        geometry,
        codecId,
        b.getLong(HeaderDescriptor.INODE_OFFSET),
        uuid(b, HeaderDescriptor.SEGMENT_UUID_OFFSET),
        uuid(b, HeaderDescriptor.BOOT_ID_OFFSET),
        b.getLong(HeaderDescriptor.CREATION_REALTIME_NS_OFFSET),
        b.getLong(HeaderDescriptor.CREATION_MONOTONIC_NS_OFFSET),
        text(b, HeaderDescriptor.CREATOR_LANGUAGE_OFFSET, HeaderDescriptor.CREATOR_LANGUAGE_LENGTH),
        text(b, HeaderDescriptor.CREATOR_VERSION_OFFSET, HeaderDescriptor.CREATOR_VERSION_LENGTH),
        text(b, HeaderDescriptor.CREATOR_BACKEND_OFFSET, HeaderDescriptor.CREATOR_BACKEND_LENGTH));
  }

  private static Geometry parseGeometry(ByteBuffer b, Checker check, long fileLength) {
    int headerLength = b.getInt(HeaderDescriptor.HEADER_LENGTH_OFFSET);
    check.that("headerLength", headerLength, headerLength == HeaderDescriptor.LENGTH, 4096);
    int entryLength = b.getInt(HeaderDescriptor.READER_ENTRY_LENGTH_OFFSET);
    check.that(
        "readerEntryLength",
        entryLength,
        entryLength == ReaderEntryDescriptor.LENGTH,
        ReaderEntryDescriptor.LENGTH);
    int descriptorLength = b.getInt(HeaderDescriptor.MESSAGE_DESCRIPTOR_LENGTH_OFFSET);
    check.that(
        "messageDescriptorLength",
        descriptorLength,
        descriptorLength == MessageDescriptor.LENGTH,
        MessageDescriptor.LENGTH);
    int pinCount = b.getInt(HeaderDescriptor.PIN_COUNT_OFFSET);
    check.that(
        "pinCount",
        pinCount,
        pinCount == ReaderEntryDescriptor.PIN_COUNT,
        ReaderEntryDescriptor.PIN_COUNT);
    int entryCount = b.getInt(HeaderDescriptor.READER_ENTRY_COUNT_OFFSET);
    check.that(
        "readerEntryCount",
        entryCount,
        entryCount >= 1 && entryCount <= Geometry.MAX_READER_ENTRY_COUNT,
        "1 to " + Geometry.MAX_READER_ENTRY_COUNT);
    int slotCount = b.getInt(HeaderDescriptor.SLOT_COUNT_OFFSET);
    check.that(
        "slotCount",
        slotCount,
        slotCount >= 2 && slotCount <= Geometry.MAX_SLOT_COUNT && Integer.bitCount(slotCount) == 1,
        "a power of two up to " + Geometry.MAX_SLOT_COUNT);
    long segmentLength = b.getLong(HeaderDescriptor.SEGMENT_LENGTH_OFFSET);
    check.that("segmentLength", segmentLength, segmentLength == fileLength, fileLength);

    long tableOffset = b.getLong(HeaderDescriptor.READER_TABLE_OFFSET_OFFSET);
    // Tools read everything before the descriptor ring into memory.
    check.that(
        "readerTableOffset",
        tableOffset,
        tableOffset <= MAX_READER_TABLE_OFFSET,
        "up to " + MAX_READER_TABLE_OFFSET);
    check.section(
        "readerTableOffset",
        tableOffset,
        (long) entryCount * ReaderEntryDescriptor.LENGTH,
        128,
        HeaderDescriptor.LENGTH,
        segmentLength);
    long tableEnd = tableOffset + (long) entryCount * ReaderEntryDescriptor.LENGTH;
    long ringOffset = b.getLong(HeaderDescriptor.DESCRIPTOR_RING_OFFSET_OFFSET);
    check.section(
        "descriptorRingOffset",
        ringOffset,
        (long) slotCount * MessageDescriptor.LENGTH,
        64,
        tableEnd,
        segmentLength);
    long ringEnd = ringOffset + (long) slotCount * MessageDescriptor.LENGTH;
    long arenaOffset = b.getLong(HeaderDescriptor.ARENA_OFFSET_OFFSET);
    long arenaLength = b.getLong(HeaderDescriptor.ARENA_LENGTH_OFFSET);
    check.that(
        "arenaLength",
        arenaLength,
        arenaLength >= 2 * MessageDescriptor.PAYLOAD_ALIGNMENT
            && arenaLength <= Geometry.MAX_ARENA_LENGTH
            && arenaLength % MessageDescriptor.PAYLOAD_ALIGNMENT == 0,
        "a multiple of 64 up to " + Geometry.MAX_ARENA_LENGTH);
    check.section(
        "arenaOffset",
        arenaOffset,
        arenaLength,
        Geometry.SECTION_ALIGNMENT,
        ringEnd,
        segmentLength);
    int policy = b.getInt(HeaderDescriptor.OVERFLOW_POLICY_OFFSET);
    check.that(
        "overflowPolicy",
        policy,
        policy == HeaderDescriptor.POLICY_BLOCK || policy == HeaderDescriptor.POLICY_DROP_OLDEST,
        "0 or 1");
    int retainCount = b.getInt(HeaderDescriptor.RETAIN_COUNT_OFFSET);
    check.that("retainCount", retainCount, retainCount >= 0, "0 or more");
    long maxMessageLength = b.getLong(HeaderDescriptor.MAX_MESSAGE_LENGTH_OFFSET);
    check.that(
        "maxMessageLength",
        maxMessageLength,
        maxMessageLength >= 1 && maxMessageLength <= arenaLength,
        "1 to " + arenaLength);
    long features = b.getLong(HeaderDescriptor.FEATURES_INFORMATIVE_OFFSET);
    return new Geometry(
        entryCount,
        slotCount,
        tableOffset,
        ringOffset,
        arenaOffset,
        arenaLength,
        segmentLength,
        policy == HeaderDescriptor.POLICY_BLOCK ? OverflowPolicy.BLOCK : OverflowPolicy.DROP_OLDEST,
        retainCount,
        maxMessageLength,
        (features & HeaderDescriptor.FEATURE_PAYLOAD_CHECKSUM) != 0);
  }

  private static int crc(byte[] header) {
    CRC32C crc = new CRC32C();
    crc.update(header, 0, HeaderDescriptor.HEADER_CRC_OFFSET);
    return (int) crc.getValue();
  }

  private static void putUuid(ByteBuffer b, int offset, UUID uuid) {
    ByteBuffer bytes = b.duplicate().order(ByteOrder.BIG_ENDIAN);
    bytes.putLong(offset, uuid.getMostSignificantBits());
    bytes.putLong(offset + 8, uuid.getLeastSignificantBits());
  }

  private static UUID uuid(ByteBuffer b, int offset) {
    ByteBuffer bytes = b.duplicate().order(ByteOrder.BIG_ENDIAN);
    return new UUID(bytes.getLong(offset), bytes.getLong(offset + 8));
  }

  private static void putText(ByteBuffer b, int offset, int limit, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
    b.put(offset, bytes, 0, Math.min(limit, bytes.length));
  }

  /** Looks at the bytes themselves: in texts to be shown others stand for what cannot be. */
  private static boolean isCodecId(ByteBuffer b) {
    int offset = HeaderDescriptor.CODEC_ID_OFFSET;
    int end = offset + HeaderDescriptor.CODEC_ID_LENGTH;
    int at = offset;
    while (at < end && b.get(at) >= 0x21 && b.get(at) <= 0x7E) {
      at++;
    }
    boolean named = at > offset;
    while (at < end && b.get(at) == 0) {
      at++;
    }
    return named && at == end;
  }

  static String text(ByteBuffer b, int offset, int limit) {
    int length = 0;
    while (length < limit && b.get(offset + length) != 0) {
      length++;
    }
    byte[] bytes = new byte[length];
    b.get(offset, bytes);
    // It goes to terminals and logs.
    return new String(bytes, StandardCharsets.UTF_8).replaceAll("\\p{Cntrl}", "?");
  }

  /** Makes the exceptions of header checks. */
  private record Checker(String channelName) {
    void that(String field, Object found, boolean good, Object allowed) {
      if (!good) {
        throw new QdsException(
            Reason.CORRUPT,
            "channel="
                + channelName
                + " header field "
                + field
                + "="
                + found
                + " allowed="
                + allowed
                + "; this is no intact segment: remove it");
      }
    }

    void section(
        String field, long offset, long length, long alignment, long from, long segmentLength) {
      that(
          field,
          offset,
          offset >= from && offset % alignment == 0 && offset <= segmentLength - length,
          "a multiple of "
              + alignment
              + " from "
              + from
              + " with "
              + length
              + " bytes before "
              + segmentLength);
    }

    QdsException unsupported(String field, Object found, Object allowed) {
      return new QdsException(
          Reason.UNSUPPORTED,
          "channel="
              + channelName
              + " header field "
              + field
              + "="
              + found
              + " allowed="
              + allowed
              + "; the channel was created by a newer QDS or another platform: use the same version"
              + " on both sides");
    }
  }
}
