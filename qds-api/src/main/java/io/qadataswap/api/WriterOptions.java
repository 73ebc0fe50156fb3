package io.qadataswap.api;

import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.util.Set;

/**
 * Everything a layout needs to know to open a writer. Made by {@link WriterBuilder}, which has the
 * defaults and explains each value.
 *
 * @param name of the channel
 * @param directory of the segment file
 * @param codecId stored in the header
 * @param capacity length of the segment file, in bytes
 * @param messageSlots most messages that the channel holds; 0 for the layout's default; the layout
 *     may round up
 * @param readerEntries most readers attached at once
 * @param overflow what to do when the channel is full
 * @param retainCount messages kept for late joiners after all readers have passed them, while there
 *     is room
 * @param maxMessageLength most bytes of a message; 0 for the layout's default
 * @param payloadChecksum whether every message carries a checksum that readers verify
 * @param chosen which of the values from {@code capacity} to {@code payloadChecksum} the program
 *     has chosen: a channel that exists must have the same. The others are defaults for a new
 *     channel; one that exists may have any
 * @param fileMode permissions of the file
 * @param ifExists what to do with a channel that exists
 * @param waitStrategy how to wait for room
 * @param timestamps which messages carry their time
 * @param label shown by tools, at most 48 bytes of UTF-8
 */
public record WriterOptions(
    String name,
    Path directory,
    String codecId,
    long capacity,
    int messageSlots,
    int readerEntries,
    OverflowPolicy overflow,
    int retainCount,
    long maxMessageLength,
    boolean payloadChecksum,
    Set<Setting> chosen,
    Set<PosixFilePermission> fileMode,
    IfExists ifExists,
    WaitStrategy waitStrategy,
    Timestamps timestamps,
    String label) {

  /** What is fixed when a channel is created. */
  public enum Setting {
    /** {@link WriterOptions#capacity()}. */
    CAPACITY,
    /** {@link WriterOptions#messageSlots()}. */
    MESSAGE_SLOTS,
    /** {@link WriterOptions#readerEntries()}. */
    READER_ENTRIES,
    /** {@link WriterOptions#overflow()}. */
    OVERFLOW,
    /** {@link WriterOptions#retainCount()}. */
    RETAIN,
    /** {@link WriterOptions#maxMessageLength()}. */
    MAX_MESSAGE_LENGTH,
    /** {@link WriterOptions#payloadChecksum()}. */
    PAYLOAD_CHECKSUM
  }
}
