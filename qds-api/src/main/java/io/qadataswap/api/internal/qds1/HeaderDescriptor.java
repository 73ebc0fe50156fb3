package io.qadataswap.api.internal.qds1;

/**
 * The first 4096 bytes of a segment. Layout version 1.0, little-endian.
 *
 * <pre>
 *  offset width field                    writer            reader
 *       0     8 magic                    creator           all
 *       8     4 byteOrder                creator           all      0x0A0B0C0D
 *      12     2 versionMajor             creator           all
 *      14     2 versionMinor             creator           all
 *      16     8 featuresForReaders       creator           readers  unknown bits: refuse
 *      24     8 featuresForWriters       creator           writers  unknown bits: refuse
 *      32     8 featuresInformative      creator           all      unknown bits: ignore
 *      40     4 headerLength             creator           all      bytes
 *      44     4 readerEntryLength        creator           all      bytes
 *      48     4 messageDescriptorLength  creator           all      bytes
 *      52     4 readerEntryCount         creator           all
 *      56     8 readerTableOffset        creator           all      bytes from the start of the file
 *      64     8 descriptorRingOffset     creator           all      bytes from the start of the file
 *      72     8 arenaOffset              creator           all      bytes from the start of the file
 *      80     8 arenaLength              creator           all      bytes
 *      88     8 segmentLength            creator           all      bytes
 *      96     4 slotCount                creator           all      a power of two
 *     100     4 overflowPolicy           creator           all      0 BLOCK, 1 DROP_OLDEST
 *     104     4 retainCount              creator           writers  messages
 *     108     4 pinCount                 creator           all      pins of each reader entry
 *     112     8 maxMessageLength         creator           all      bytes
 *     120     8 creationRealtimeNs       creator           tools    since 1970
 *     128     8 creationMonotonicNs      creator           tools    taken with the one above
 *     136     8 inode                    creator           all
 *     144    16 segmentUuid              creator           all
 *     160    16 bootId                   creator           all
 *     176    32 codecId                  creator           all      ASCII, zero-padded
 *     208    16 creatorLanguage          creator           tools    ASCII, zero-padded
 *     224    32 creatorVersion           creator           tools    ASCII, zero-padded
 *     256    16 creatorBackend           creator           tools    ASCII, zero-padded
 *     508     4 headerCrc                creator           all      CRC-32C of bytes 0 to 507
 *    1024     8 floor                    writer            readers  oldest guaranteed sequence
 *    1152     8 published                writer            all      sequences below are readable
 *    1160     8 publishedBytes           writer            tools    payload bytes since creation
 *    1280     4 readersWaiting           readers, writer   writer   1: some reader may sleep
 *    1408     4 writerWaiting            writer, readers   readers  not 0: the writer may sleep
 *    1536     4 removed                  remover           all      1: the name is gone
 *    2048     4 writerState              writer            all      0 never, 1 ACTIVE, 2 CLOSED
 *    2052     4 writerWakes              writer            readers  1: the writer can wake sleepers
 *    2056     8 writerEpoch              writer            tools    takeovers, from 1
 *    2064     8 writerToken              writer            writer   random, of the current writer
 *    2072     8 writerPid                writer            all
 *    2080     8 writerStartTime          writer            all      of the process
 *    2088     8 writerPidNamespace       writer            all      inode number, 0 unknown
 *    2096     8 writerSinceNs            writer            tools    since 1970
 *    2104    48 writerLabel              writer            tools    UTF-8, zero-padded
 * </pre>
 *
 * Words from 1024 on that change while messages flow have 128 bytes each: they have different
 * writers, and some CPUs fetch cache lines in pairs. The record of the writer shares lines, it
 * changes only when a writer comes or goes.
 */
final class HeaderDescriptor {
  /** The bytes {@code Q D S 1 CR LF SUB LF}: transfer as text damages them. */
  static final long MAGIC = 0x0A1A0A0D31534451L;

  static final int BYTE_ORDER = 0x0A0B0C0D;
  static final int VERSION_MAJOR = 1;
  static final int VERSION_MINOR = 0;

  /** In featuresForWriters and featuresInformative: every message carries a checksum. */
  static final long FEATURE_PAYLOAD_CHECKSUM = 1;

  static final int MAGIC_OFFSET = 0;
  static final int BYTE_ORDER_OFFSET = 8;
  static final int VERSION_MAJOR_OFFSET = 12;
  static final int VERSION_MINOR_OFFSET = 14;
  static final int FEATURES_FOR_READERS_OFFSET = 16;
  static final int FEATURES_FOR_WRITERS_OFFSET = 24;
  static final int FEATURES_INFORMATIVE_OFFSET = 32;
  static final int HEADER_LENGTH_OFFSET = 40;
  static final int READER_ENTRY_LENGTH_OFFSET = 44;
  static final int MESSAGE_DESCRIPTOR_LENGTH_OFFSET = 48;
  static final int READER_ENTRY_COUNT_OFFSET = 52;
  static final int READER_TABLE_OFFSET_OFFSET = 56;
  static final int DESCRIPTOR_RING_OFFSET_OFFSET = 64;
  static final int ARENA_OFFSET_OFFSET = 72;
  static final int ARENA_LENGTH_OFFSET = 80;
  static final int SEGMENT_LENGTH_OFFSET = 88;
  static final int SLOT_COUNT_OFFSET = 96;
  static final int OVERFLOW_POLICY_OFFSET = 100;
  static final int RETAIN_COUNT_OFFSET = 104;
  static final int PIN_COUNT_OFFSET = 108;
  static final int MAX_MESSAGE_LENGTH_OFFSET = 112;
  static final int CREATION_REALTIME_NS_OFFSET = 120;
  static final int CREATION_MONOTONIC_NS_OFFSET = 128;
  static final int INODE_OFFSET = 136;
  static final int SEGMENT_UUID_OFFSET = 144;
  static final int BOOT_ID_OFFSET = 160;
  static final int CODEC_ID_OFFSET = 176;
  static final int CODEC_ID_LENGTH = 32;
  static final int CREATOR_LANGUAGE_OFFSET = 208;
  static final int CREATOR_LANGUAGE_LENGTH = 16;
  static final int CREATOR_VERSION_OFFSET = 224;
  static final int CREATOR_VERSION_LENGTH = 32;
  static final int CREATOR_BACKEND_OFFSET = 256;
  static final int CREATOR_BACKEND_LENGTH = 16;
  static final int HEADER_CRC_OFFSET = 508;

  static final int FLOOR_OFFSET = 1024;
  static final int PUBLISHED_OFFSET = 1152;
  static final int PUBLISHED_BYTES_OFFSET = 1160;
  static final int READERS_WAITING_OFFSET = 1280;
  static final int WRITER_WAITING_OFFSET = 1408;
  static final int REMOVED_OFFSET = 1536;

  static final int WRITER_STATE_OFFSET = 2048;
  static final int WRITER_WAKES_OFFSET = 2052;
  static final int WRITER_EPOCH_OFFSET = 2056;
  static final int WRITER_TOKEN_OFFSET = 2064;
  static final int WRITER_PID_OFFSET = 2072;
  static final int WRITER_START_TIME_OFFSET = 2080;
  static final int WRITER_PID_NAMESPACE_OFFSET = 2088;
  static final int WRITER_SINCE_NS_OFFSET = 2096;
  static final int WRITER_LABEL_OFFSET = 2104;

  static final int LENGTH = 4096;

  static final int POLICY_BLOCK = 0;
  static final int POLICY_DROP_OLDEST = 1;

  static final int WRITER_NEVER = 0;
  static final int WRITER_ACTIVE = 1;
  static final int WRITER_CLOSED = 2;

  /** The locked byte of the writer in the file, far beyond its end. */
  static final long WRITER_LOCK_POSITION = 1L << 62;

  private HeaderDescriptor() {}

  /** Returns the locked byte of a reader entry. */
  static long readerLockPosition(int entry) {
    return WRITER_LOCK_POSITION + 1 + entry;
  }
}
