package io.qadataswap.api.internal.qds1;

import io.qadataswap.api.OverflowPolicy;
import io.qadataswap.api.QdsException;
import io.qadataswap.api.QdsException.Reason;
import io.qadataswap.api.WriterOptions;
import io.qadataswap.api.WriterOptions.Setting;
import java.util.Set;

/**
 * Where the sections of a segment lie, and the policies that were fixed when it was created.
 *
 * @param readerEntryCount entries of the reader table
 * @param slotCount slots of the descriptor ring, a power of two
 * @param readerTableOffset in bytes
 * @param descriptorRingOffset in bytes
 * @param arenaOffset in bytes
 * @param arenaLength in bytes
 * @param segmentLength in bytes
 * @param overflow policy
 * @param retainCount messages
 * @param maxMessageLength in bytes
 * @param payloadChecksum whether messages carry one
 */
record Geometry(
    int readerEntryCount,
    int slotCount,
    long readerTableOffset,
    long descriptorRingOffset,
    long arenaOffset,
    long arenaLength,
    long segmentLength,
    OverflowPolicy overflow,
    int retainCount,
    long maxMessageLength,
    boolean payloadChecksum) {

  /** A separate mapping of the arena must start on a page, and pages have up to 64 KiB. */
  static final long SECTION_ALIGNMENT = 1 << 16;

  /** Pins name units of 64 bytes in 32 bits. */
  static final long MAX_ARENA_LENGTH = 0xFFFF_FFFFL * MessageDescriptor.PAYLOAD_ALIGNMENT;

  private static final int DEFAULT_SLOT_COUNT = 512;
  static final int MAX_SLOT_COUNT = 1 << 24;
  static final int MAX_READER_ENTRY_COUNT = 1 << 16;

  private static final long SEGMENT_ALIGNMENT = 4096;

  static Geometry of(WriterOptions options) {
    int asked = options.messageSlots() == 0 ? DEFAULT_SLOT_COUNT : options.messageSlots();
    int slotCount = atMost("messageSlots", options, asked, MAX_SLOT_COUNT);
    slotCount = Math.max(2, Integer.highestOneBit(slotCount - 1) << 1);
    int entryCount =
        atMost("readerEntries", options, options.readerEntries(), MAX_READER_ENTRY_COUNT);
    long tableOffset = HeaderDescriptor.LENGTH;
    long ringOffset = tableOffset + (long) entryCount * ReaderEntryDescriptor.LENGTH;
    long ringEnd = ringOffset + (long) slotCount * MessageDescriptor.LENGTH;
    long arenaOffset = roundUp(ringEnd, SECTION_ALIGNMENT);
    long smallest = arenaOffset + SEGMENT_ALIGNMENT;
    if (options.capacity() < smallest || options.capacity() > arenaOffset + MAX_ARENA_LENGTH) {
      throw new IllegalArgumentException(
          "channel="
              + options.name()
              + " capacity="
              + options.capacity()
              + " allowed="
              + smallest
              + " to "
              + (arenaOffset + MAX_ARENA_LENGTH)
              + " bytes with messageSlots="
              + slotCount
              + " and readerEntries="
              + entryCount);
    }
    long segmentLength = roundUp(options.capacity(), SEGMENT_ALIGNMENT);
    long arenaLength = segmentLength - arenaOffset;
    long maxMessageLength =
        options.maxMessageLength() == 0
            ? defaultMaxMessageLength(arenaLength)
            : options.maxMessageLength();
    if (maxMessageLength > arenaLength) {
      throw new IllegalArgumentException(
          "channel="
              + options.name()
              + " maxMessageLength="
              + maxMessageLength
              + " allowed=1 to "
              + arenaLength
              + " bytes; raise the capacity");
    }
    return new Geometry(
        entryCount,
        slotCount,
        tableOffset,
        ringOffset,
        arenaOffset,
        arenaLength,
        segmentLength,
        options.overflow(),
        options.retainCount(),
        maxMessageLength,
        options.payloadChecksum());
  }

  /**
   * A reader that still holds a message while it waits for the next one needs room for two; see
   * {@link Arena} for how they are placed.
   */
  static long defaultMaxMessageLength(long arenaLength) {
    return arenaLength / 2 - MessageDescriptor.PAYLOAD_ALIGNMENT;
  }

  long readerEntryOffset(int entry) {
    return readerTableOffset + (long) entry * ReaderEntryDescriptor.LENGTH;
  }

  long slotOffset(long sequence) {
    return descriptorRingOffset + (sequence & (slotCount - 1)) * MessageDescriptor.LENGTH;
  }

  /** Returns whether a descriptor's values name a part of the arena where a payload may lie. */
  boolean isPayload(long offset, long length) {
    return offset >= 0
        && length >= 0
        && length <= arenaLength
        && offset <= arenaLength - length
        && offset % MessageDescriptor.PAYLOAD_ALIGNMENT == 0;
  }

  /** Refuses a channel that has not what was chosen, naming every field that differs. */
  void requireChosen(Geometry asked, Set<Setting> chosen, String channelName) {
    StringBuilder differences = new StringBuilder();
    for (Setting setting : Setting.values()) {
      Object found = value(setting);
      Object wanted = asked.value(setting);
      if (chosen.contains(setting) && !found.equals(wanted)) {
        differences
            .append(' ')
            .append(name(setting))
            .append('=')
            .append(found)
            .append(" (asked for ")
            .append(wanted)
            .append(')');
      }
    }
    if (!differences.isEmpty()) {
      throw new QdsException(
          Reason.GEOMETRY_DIFFERS,
          "channel="
              + channelName
              + " exists with"
              + differences
              + "; ask for the same, leave it open, or open with IfExists.REPLACE");
    }
  }

  /** Returns the name of the builder's method. */
  private static String name(Setting setting) {
    return switch (setting) {
      case CAPACITY -> "capacity";
      case MESSAGE_SLOTS -> "messageSlots";
      case READER_ENTRIES -> "readerEntries";
      case OVERFLOW -> "overflow";
      case RETAIN -> "retain";
      case MAX_MESSAGE_LENGTH -> "maxMessageLength";
      case PAYLOAD_CHECKSUM -> "payloadChecksum";
    };
  }

  private Object value(Setting setting) {
    return switch (setting) {
      case CAPACITY -> segmentLength;
      case MESSAGE_SLOTS -> slotCount;
      case READER_ENTRIES -> readerEntryCount;
      case OVERFLOW -> overflow;
      case RETAIN -> retainCount;
      case MAX_MESSAGE_LENGTH -> maxMessageLength;
      case PAYLOAD_CHECKSUM -> payloadChecksum;
    };
  }

  private static int atMost(String field, WriterOptions options, int value, int limit) {
    if (value > limit) {
      throw new IllegalArgumentException(
          "channel=" + options.name() + " " + field + "=" + value + " allowed=1 to " + limit);
    }
    return value;
  }

  private static long roundUp(long value, long alignment) {
    return (value + alignment - 1) & -alignment;
  }
}
