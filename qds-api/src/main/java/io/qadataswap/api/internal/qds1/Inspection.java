package io.qadataswap.api.internal.qds1;

import io.qadataswap.api.ChannelInfo;
import io.qadataswap.api.OverflowPolicy;
import io.qadataswap.api.ParticipantInfo;
import io.qadataswap.api.QdsException;
import io.qadataswap.api.QdsException.Reason;
import io.qadataswap.api.channel.SegmentFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Looks at a segment from outside: reads header and reader table from the file, maps nothing and
 * takes no entry.
 */
final class Inspection {
  private final String name;
  private final Path path;
  private final SegmentFile file;
  private final SegmentHeader header;
  private final Geometry geometry;
  private final ByteBuffer bytes;

  private Inspection(String name, Path path, SegmentFile file) {
    this.name = name;
    this.path = path;
    this.file = file;
    this.header = Segments.readHeader(file, name, false);
    this.geometry = header.geometry();
    try {
      int tableEnd = (int) geometry.readerEntryOffset(geometry.readerEntryCount());
      byte[] start = file.readStart(tableEnd);
      if (start.length < tableEnd) {
        throw new QdsException(
            Reason.CORRUPT, "channel=" + name + ": " + path + " was cut short; remove the channel");
      }
      this.bytes = ByteBuffer.wrap(start).order(ByteOrder.LITTLE_ENDIAN);
    } catch (IOException e) {
      throw SegmentFile.failure(name, "read " + path, e);
    }
  }

  static Inspection of(Path path, String name, SegmentFile file) {
    return new Inspection(name, path, file);
  }

  static ChannelInfo inspect(Path directory, String name) {
    ProcessIdentity.require(name);
    Path path = Segments.path(directory, name);
    SegmentFile file = SegmentFile.open(path, name);
    try {
      return of(path, name, file).info();
    } finally {
      giveBack(file, name);
    }
  }

  static List<String> list(Path directory) {
    List<String> names = new ArrayList<>();
    if (!Files.isDirectory(directory)) {
      return names;
    }
    try (DirectoryStream<Path> files =
        Files.newDirectoryStream(directory, "[A-Za-z0-9]*" + Segments.SUFFIX)) {
      for (Path path : files) {
        if (isSegment(path)) {
          String fileName = path.getFileName().toString();
          names.add(fileName.substring(0, fileName.length() - Segments.SUFFIX.length()));
        }
      }
    } catch (IOException e) {
      throw SegmentFile.failure("(all)", "list " + directory, e);
    }
    names.sort(null);
    return names;
  }

  /**
   * Returns the number of unread messages for a last word before a channel goes; 0 if it is
   * damaged.
   */
  static long unreadCount(SegmentFile file, String name) {
    try {
      return of(file.path(), name, file).unreadCount();
    } catch (QdsException e) {
      return 0;
    }
  }

  /** Names the writer for messages. */
  String writerText() {
    return writer().map(w -> "pid=" + w.pid() + " since " + w.since()).orElse("unknown");
  }

  /** Names everybody who is alive for messages. */
  String participants() {
    List<String> texts = new ArrayList<>();
    writer()
        .filter(ParticipantInfo::alive)
        .ifPresent(w -> texts.add("writer pid=" + w.pid() + " since " + w.since()));
    for (ParticipantInfo reader : readers()) {
      if (reader.alive()) {
        texts.add("reader entry=" + reader.index() + " pid=" + reader.pid());
      }
    }
    return texts.isEmpty() ? "somebody who is not recorded" : String.join(", ", texts);
  }

  /**
   * Refuses if a recorded participant runs. The caller holds all locks: so its own was lost, which
   * is not its death.
   */
  void requireNobodyRuns() {
    List<String> running = new ArrayList<>();
    if (isWriterActive() && writerProcess().isRunning()) {
      running.add("writer pid=" + writerProcess().pid());
    }
    for (int entry = 0; entry < geometry.readerEntryCount(); entry++) {
      if (stateOf(entry) != ReaderEntryDescriptor.FREE && readerProcess(entry).isRunning()) {
        running.add("reader entry=" + entry + " pid=" + readerProcess(entry).pid());
      }
    }
    if (!running.isEmpty()) {
      throw new QdsException(
          Reason.LOCK_LOST,
          "channel="
              + name
              + " is in use, though the kernel locks are lost, by "
              + String.join(", ", running)
              + "; something in that process opened and closed the segment file; end it first, or"
              + " remove the channel by force");
    }
  }

  /** Returns whether this process is recorded, be it by another class loader or language. */
  private boolean namesThisProcess() {
    ProcessIdentity self = ProcessIdentity.self();
    if (isWriterActive() && writerProcess().equals(self)) {
      return true;
    }
    for (int entry = 0; entry < geometry.readerEntryCount(); entry++) {
      if (stateOf(entry) != ReaderEntryDescriptor.FREE && readerProcess(entry).equals(self)) {
        return true;
      }
    }
    return false;
  }

  /** Gives a file back that somebody just looked at. */
  static void giveBack(SegmentFile file, String name) {
    parkIfAttached(file, name);
    file.close();
  }

  /**
   * Keeps the descriptor if somebody in this process who does not share it is attached: closing it
   * would drop his lock.
   */
  static void parkIfAttached(SegmentFile file, String name) {
    try {
      if (of(file.path(), name, file).namesThisProcess()) {
        file.parkIfLastUser();
      }
    } catch (QdsException e) {
      // No segment, or a damaged one: nobody is attached.
    }
  }

  private boolean isWriterActive() {
    return bytes.getInt(HeaderDescriptor.WRITER_STATE_OFFSET) == HeaderDescriptor.WRITER_ACTIVE;
  }

  /** Returns whether the writer has closed, or its record names a process that has ended. */
  boolean isWriterGone() {
    return !isWriterActive() || writerProcess().isKnownDead();
  }

  private ProcessIdentity writerProcess() {
    return new ProcessIdentity(
        bytes.getLong(HeaderDescriptor.WRITER_PID_OFFSET),
        bytes.getLong(HeaderDescriptor.WRITER_START_TIME_OFFSET),
        bytes.getLong(HeaderDescriptor.WRITER_PID_NAMESPACE_OFFSET));
  }

  private int stateOf(int entry) {
    return bytes.getInt(entryOffset(entry) + ReaderEntryDescriptor.STATE_OFFSET);
  }

  private ProcessIdentity readerProcess(int entry) {
    int offset = entryOffset(entry);
    return new ProcessIdentity(
        bytes.getLong(offset + ReaderEntryDescriptor.PID_OFFSET),
        bytes.getLong(offset + ReaderEntryDescriptor.START_TIME_OFFSET),
        bytes.getLong(offset + ReaderEntryDescriptor.PID_NAMESPACE_OFFSET));
  }

  private ChannelInfo info() {
    return new ChannelInfo(
        name,
        path,
        io.qadataswap.api.Qds.DEFAULT_LAYOUT,
        header.codecId(),
        geometry.segmentLength(),
        geometry.overflow(),
        published(),
        unreadCount(),
        bytes.getLong(HeaderDescriptor.FLOOR_OFFSET),
        writer(),
        readers(),
        fields());
  }

  private long published() {
    return bytes.getLong(HeaderDescriptor.PUBLISHED_OFFSET);
  }

  private long unreadCount() {
    long kept = 0;
    long slowest = Long.MAX_VALUE;
    for (int entry = 0; entry < geometry.readerEntryCount(); entry++) {
      int offset = entryOffset(entry);
      kept = Math.max(kept, bytes.getLong(offset + ReaderEntryDescriptor.LEFT_CURSOR_OFFSET));
      int state = stateOf(entry);
      boolean counts =
          ReaderEntryDescriptor.isLossless(state)
              || (geometry.overflow() == OverflowPolicy.DROP_OLDEST
                  && ReaderEntryDescriptor.state(state) == ReaderEntryDescriptor.ACTIVE);
      if (counts) {
        slowest = Math.min(slowest, bytes.getLong(offset + ReaderEntryDescriptor.CURSOR_OFFSET));
      }
    }
    long due = slowest == Long.MAX_VALUE ? kept : slowest;
    return Math.max(0, published() - Math.max(due, bytes.getLong(HeaderDescriptor.FLOOR_OFFSET)));
  }

  private Optional<ParticipantInfo> writer() {
    int state = bytes.getInt(HeaderDescriptor.WRITER_STATE_OFFSET);
    if (state == HeaderDescriptor.WRITER_NEVER) {
      return Optional.empty();
    }
    ProcessIdentity process = writerProcess();
    boolean active = isWriterActive();
    return Optional.of(
        new ParticipantInfo(
            -1,
            active ? "ACTIVE" : "CLOSED",
            "",
            active && (file.isLocked(HeaderDescriptor.WRITER_LOCK_POSITION) || process.isRunning()),
            process.pid(),
            instant(bytes.getLong(HeaderDescriptor.WRITER_SINCE_NS_OFFSET)),
            label(HeaderDescriptor.WRITER_LABEL_OFFSET),
            published(),
            0,
            published(),
            bytes.getLong(HeaderDescriptor.PUBLISHED_BYTES_OFFSET),
            0,
            bytes.getInt(HeaderDescriptor.WRITER_WAITING_OFFSET) != 0));
  }

  private List<ParticipantInfo> readers() {
    List<ParticipantInfo> readers = new ArrayList<>();
    for (int entry = 0; entry < geometry.readerEntryCount(); entry++) {
      int offset = entryOffset(entry);
      int state = stateOf(entry);
      if (state != ReaderEntryDescriptor.FREE) {
        readers.add(reader(entry, offset, state));
      }
    }
    return readers;
  }

  private ParticipantInfo reader(int entry, int offset, int state) {
    ProcessIdentity process = readerProcess(entry);
    long cursor = bytes.getLong(offset + ReaderEntryDescriptor.CURSOR_OFFSET);
    return new ParticipantInfo(
        entry,
        switch (ReaderEntryDescriptor.state(state)) {
          case ReaderEntryDescriptor.JOINING -> "JOINING";
          case ReaderEntryDescriptor.ACTIVE -> "ACTIVE";
          case ReaderEntryDescriptor.LINGERING -> "LINGERING";
          default -> "UNKNOWN " + state;
        },
        ReaderEntryDescriptor.mode(state) == ReaderEntryDescriptor.MODE_LOSSLESS
            ? "LOSSLESS"
            : "OBSERVER",
        file.isLocked(HeaderDescriptor.readerLockPosition(entry)) || process.isRunning(),
        process.pid(),
        instant(bytes.getLong(offset + ReaderEntryDescriptor.SINCE_NS_OFFSET)),
        label(offset + ReaderEntryDescriptor.LABEL_OFFSET),
        cursor,
        Math.max(0, published() - cursor),
        bytes.getLong(offset + ReaderEntryDescriptor.READ_COUNT_OFFSET),
        bytes.getLong(offset + ReaderEntryDescriptor.READ_BYTES_OFFSET),
        bytes.getLong(offset + ReaderEntryDescriptor.LOST_COUNT_OFFSET),
        bytes.getLong(offset + ReaderEntryDescriptor.WAITING_FOR_OFFSET) != 0);
  }

  private Map<String, String> fields() {
    Map<String, String> fields = new LinkedHashMap<>();
    fields.put(
        "version",
        bytes.getShort(HeaderDescriptor.VERSION_MAJOR_OFFSET)
            + "."
            + bytes.getShort(HeaderDescriptor.VERSION_MINOR_OFFSET));
    fields.put("segmentLength", Long.toString(geometry.segmentLength()));
    fields.put("readerTableOffset", Long.toString(geometry.readerTableOffset()));
    fields.put("readerEntryCount", Integer.toString(geometry.readerEntryCount()));
    fields.put("descriptorRingOffset", Long.toString(geometry.descriptorRingOffset()));
    fields.put("slotCount", Integer.toString(geometry.slotCount()));
    fields.put("arenaOffset", Long.toString(geometry.arenaOffset()));
    fields.put("arenaLength", Long.toString(geometry.arenaLength()));
    fields.put("overflowPolicy", geometry.overflow().name());
    fields.put("retainCount", Integer.toString(geometry.retainCount()));
    fields.put("maxMessageLength", Long.toString(geometry.maxMessageLength()));
    fields.put("payloadChecksum", Boolean.toString(geometry.payloadChecksum()));
    fields.put("created", instant(header.creationRealtimeNs()).toString());
    fields.put("segmentUuid", header.segmentUuid().toString());
    fields.put("bootId", header.bootId().toString());
    fields.put("inode", Long.toString(header.inode()));
    fields.put("codecId", header.codecId());
    fields.put(
        "creator",
        header.creatorLanguage() + " " + header.creatorVersion() + " " + header.creatorBackend());
    fields.put("floor", Long.toString(bytes.getLong(HeaderDescriptor.FLOOR_OFFSET)));
    fields.put("published", Long.toString(published()));
    fields.put("writerEpoch", Long.toString(bytes.getLong(HeaderDescriptor.WRITER_EPOCH_OFFSET)));
    fields.put("removed", Integer.toString(bytes.getInt(HeaderDescriptor.REMOVED_OFFSET)));
    return fields;
  }

  private int entryOffset(int entry) {
    return (int) geometry.readerEntryOffset(entry);
  }

  private String label(int offset) {
    return SegmentHeader.text(bytes, offset, ReaderEntryDescriptor.LABEL_LENGTH);
  }

  private static Instant instant(long realtimeNs) {
    return Instant.ofEpochSecond(
        Math.floorDiv(realtimeNs, 1_000_000_000L), Math.floorMod(realtimeNs, 1_000_000_000L));
  }

  private static boolean isSegment(Path path) {
    try {
      String name = path.getFileName().toString();
      SegmentFile file = SegmentFile.open(path, name);
      try {
        return SegmentHeader.hasMagic(file.readStart(Long.BYTES));
      } finally {
        giveBack(file, name);
      }
    } catch (QdsException | IOException e) {
      return false;
    }
  }
}
