package io.qadataswap.api.internal.qds1;

import io.qadataswap.api.IfExists;
import io.qadataswap.api.OverflowPolicy;
import io.qadataswap.api.Qds;
import io.qadataswap.api.QdsException;
import io.qadataswap.api.QdsException.Reason;
import io.qadataswap.api.ReaderMode;
import io.qadataswap.api.ReaderOptions;
import io.qadataswap.api.StartPosition;
import io.qadataswap.api.WriterOptions;
import io.qadataswap.api.channel.Channel;
import io.qadataswap.api.channel.ChannelProvider;
import io.qadataswap.api.channel.SegmentFile;
import io.qadataswap.api.internal.FreeSpace;
import io.qadataswap.api.internal.SegmentDirectory;
import java.io.IOException;
import java.lang.invoke.VarHandle;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.locks.LockSupport;

/**
 * The life of segment files: created, joined, left, removed.
 *
 * <p>A segment appears under its name complete, with its writer's lock held. It is removed under
 * one lock over the bytes of all participants, which nobody else can hold then; {@code removed} is
 * set first, and whoever comes looks at it, and at the name, after he has taken his own byte.
 */
final class Segments {
  static final String SUFFIX = ".qds";
  private static final String FILE_NAMES = "*" + SUFFIX;

  private static final System.Logger LOGGER = System.getLogger("io.qadataswap.api");

  /**
   * The byte of a free entry, or of a writer that is gone, is held by somebody who is about to give
   * it back, or to enter: a prober, a remover, a participant. He may be off the CPU for a while, so
   * that takes as long as this.
   */
  private static final long PASSING_HOLDER_NS = 10_000_000_000L;

  /** The bytes that participants of any segment can lock, from the writer's on. */
  private static final long ALL_LOCKS = 1L + Geometry.MAX_READER_ENTRY_COUNT;

  /** Each attempt but the last found the segment being removed or created by somebody else. */
  private static final int ATTEMPTS = 1000;

  Qds1Writer openWriter(WriterOptions options, ChannelProvider backend) {
    ProcessIdentity.require(options.name());
    Geometry geometry = Geometry.of(options);
    requireMappable(options.name(), geometry.segmentLength(), backend);
    Path path = path(options.directory(), options.name());
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
      SegmentFile file = SegmentDirectory.openIfThere(path, options.name());
      Qds1Writer writer =
          file == null
              ? create(path, geometry, options, backend)
              : join(file, geometry, options, backend);
      if (writer != null) {
        return writer;
      }
    }
    throw SegmentDirectory.busy(options.name());
  }

  Qds1Reader openReader(ReaderOptions options, ChannelProvider backend) {
    ProcessIdentity.require(options.name());
    Path path = path(options.directory(), options.name());
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
      Qds1Reader reader = attach(SegmentFile.open(path, options.name()), options, backend);
      if (reader != null) {
        return reader;
      }
    }
    throw SegmentDirectory.busy(options.name());
  }

  /**
   * Gives up a participant's lock, and the segment if he was the last and nothing is left to read.
   */
  void leave(Segment segment, FileLock lock) {
    SegmentFile file = segment.channel.file();
    SegmentFile.release(lock);
    try {
      removeIfDrained(segment);
      Inspection.parkIfAttached(file, segment.name);
    } catch (IOException | RuntimeException | InternalError e) {
      LOGGER.log(
          System.Logger.Level.WARNING,
          "channel=" + segment.name + ": the segment was left but not removed",
          e);
    } finally {
      segment.channel.close();
    }
  }

  /** Removes a channel; see {@link io.qadataswap.api.layout.RingLayout#remove}. */
  void remove(Path directory, String name, boolean force) {
    ProcessIdentity.require(name);
    Path path = path(directory, name);
    SegmentFile file = SegmentFile.open(path, name);
    try {
      SegmentDirectory.requireWritable(file, name);
      FileLock all =
          SegmentDirectory.lockPatiently(file, HeaderDescriptor.WRITER_LOCK_POSITION, ALL_LOCKS);
      if (all == null && !force) {
        throw new QdsException(
            Reason.IN_USE,
            "channel="
                + name
                + " is in use by "
                + Inspection.of(path, name, file).participants()
                + "; end them first, or remove it by force");
      }
      try {
        if (!force) {
          requireNobodyRuns(file, name);
        }
        unlink(file);
      } finally {
        if (all != null) {
          SegmentFile.release(all);
        }
      }
    } catch (IOException e) {
      throw SegmentFile.failure(name, "remove " + path, e);
    } finally {
      Inspection.giveBack(file, name);
    }
  }

  /** Removes temporary files whose creators are gone. */
  List<String> sweep(Path directory) {
    return SegmentDirectory.sweep(directory, FILE_NAMES, HeaderDescriptor.WRITER_LOCK_POSITION);
  }

  static Path path(Path directory, String name) {
    return directory.resolve(name + SUFFIX);
  }

  static SegmentHeader readHeader(SegmentFile file, String name, boolean forWriting) {
    try {
      return SegmentHeader.parse(
          file.readStart(HeaderDescriptor.LENGTH), file.length(), name, forWriting);
    } catch (IOException e) {
      throw SegmentFile.failure(name, "read " + file.path(), e);
    }
  }

  /** Returns null if the name was taken meanwhile. */
  private Qds1Writer create(
      Path path, Geometry geometry, WriterOptions options, ChannelProvider backend) {
    SegmentDirectory.prepare(options);
    SegmentDirectory.sweepFirst(options, FILE_NAMES, HeaderDescriptor.WRITER_LOCK_POSITION);
    FreeSpace.require(options.directory(), options.name(), geometry.segmentLength());
    Path temporary = SegmentDirectory.temporary(path);
    SegmentFile file =
        SegmentFile.create(
            temporary,
            options.name(),
            geometry.segmentLength(),
            options.fileMode(),
            HeaderDescriptor.WRITER_LOCK_POSITION,
            1);
    boolean created = false;
    Channel channel = null;
    try {
      channel = backend.map(file, geometry.segmentLength(), true);
      SegmentHeader header =
          new SegmentHeader(
              geometry,
              options.codecId(),
              file.inode(),
              UUID.randomUUID(),
              ProcessIdentity.bootId(),
              Segment.realtimeNs(),
              System.nanoTime(),
              "java",
              Qds.version(),
              backend.name());
      channel.putBytes(0, header.format(), 0, HeaderDescriptor.LENGTH);
      Segment segment = new Segment(options.name(), header, channel);
      long token = newToken();
      Qds1Writer writer = new Qds1Writer(segment, this, file.creationLock(), token, options);
      created = file.moveTo(path);
      return created ? writer : null;
    } catch (NoSuchFileException e) {
      // Somebody swept it who had looked at it before it was locked.
      return null;
    } catch (IOException e) {
      throw SegmentFile.failure(options.name(), "name " + path, e);
    } finally {
      if (!created) {
        deleteQuietly(temporary);
        if (channel != null) {
          channel.close();
        } else {
          file.close();
        }
      }
    }
  }

  /** Returns null if the segment is gone or was removed to make place for a new one. */
  private Qds1Writer join(
      SegmentFile file, Geometry geometry, WriterOptions options, ChannelProvider backend) {
    String name = options.name();
    boolean joined = false;
    FileLock lock = null;
    Channel channel = null;
    try {
      if (options.ifExists() == IfExists.FAIL) {
        throw SegmentDirectory.channelExists(file, name);
      }
      SegmentDirectory.requireWritable(file, name);
      if (options.ifExists() == IfExists.REPLACE || isLeftOver(file, name)) {
        discard(file, name);
        return null;
      }
      SegmentHeader header = readHeader(file, name, true);
      requireCodec(name, header.codecId(), options.codecId());
      header.geometry().requireChosen(geometry, options.chosen(), name);
      lock = lockWriter(file, name);
      if (lock == null) {
        if (!file.isAtItsPath()) {
          return null;
        }
        throw secondWriter(file, name);
      }
      channel = backend.map(file, header.geometry().segmentLength(), true);
      Segment segment = new Segment(name, header, channel);
      if (segment.isRemoved() || !isNamed(file, header)) {
        return null;
      }
      if (segment.writerStateAcquire() == HeaderDescriptor.WRITER_ACTIVE
          && segment.writerProcess().isRunning()) {
        throw new QdsException(
            Reason.LOCK_LOST,
            "channel="
                + name
                + ": the kernel lock of the writer is lost, but its process pid="
                + segment.writerProcess().pid()
                + " runs; something in that process opened and closed the segment file; end that"
                + " writer first");
      }
      segment.requireSoundCounters();
      segment.requireFloorInRing();
      segment.requireSoundDescriptors();
      if (segment.writerStateAcquire() == HeaderDescriptor.WRITER_ACTIVE) {
        LOGGER.log(
            System.Logger.Level.INFO,
            "channel={0}: goes on where the writer pid={1} died",
            name,
            Long.toString(segment.writerProcess().pid()));
      }
      SegmentDirectory.sweepFirst(options, FILE_NAMES, HeaderDescriptor.WRITER_LOCK_POSITION);
      long token = newToken();
      Qds1Writer writer = new Qds1Writer(segment, this, lock, token, options);
      joined = true;
      return writer;
    } finally {
      if (!joined) {
        giveBack(file, name, channel, lock);
      }
    }
  }

  /** Returns null if the segment is gone. */
  private Qds1Reader attach(SegmentFile file, ReaderOptions options, ChannelProvider backend) {
    String name = options.name();
    boolean attached = false;
    FileLock lock = null;
    Channel channel = null;
    int[] entry = new int[1];
    Segment entered = null;
    try {
      SegmentHeader header = readHeader(file, name, false);
      if (isLeftOver(file, name)) {
        throw new QdsException(
            Reason.NO_SUCH_CHANNEL,
            "channel="
                + name
                + ": "
                + file.path()
                + " was removed, is a copy, or was left by an earlier boot of the machine; start"
                + " the writer first");
      }
      SegmentDirectory.requireWritable(file, name);
      if (!options.codecId().isEmpty()) {
        requireCodec(name, header.codecId(), options.codecId());
      }
      if (options.mode() == ReaderMode.LOSSLESS
          && header.geometry().overflow() == OverflowPolicy.DROP_OLDEST) {
        throw new QdsException(
            Reason.UNSUPPORTED,
            "channel="
                + name
                + " mode=LOSSLESS allowed=OBSERVER: the channel's overflow policy is DROP_OLDEST,"
                + " its writer waits for nobody; open the reader with ReaderMode.OBSERVER");
      }
      requireMappable(name, header.geometry().segmentLength(), backend);
      channel = backend.map(file, header.geometry().segmentLength(), true);
      Segment segment = new Segment(name, header, channel);
      lock = lockEntry(segment, entry);
      if (segment.isRemoved() || !isNamed(file, header)) {
        return null;
      }
      if (lock == null) {
        throw tableFull(segment);
      }
      segment.requireSoundCounters();
      long token = newToken();
      long start = enter(segment, entry[0], token, options);
      entered = segment;
      Qds1Reader.Attachment attachment =
          new Qds1Reader.Attachment(segment, this, entry[0], lock, token, start, file.isForeign());
      Qds1Reader reader =
          options.mode() == ReaderMode.LOSSLESS
              ? new LosslessReader(attachment, options)
              : new ObserverReader(attachment, options);
      attached = true;
      return reader;
    } catch (IOException e) {
      throw SegmentFile.failure(name, "look at " + file.path(), e);
    } finally {
      if (!attached) {
        if (entered != null) {
          entered.readers.leave(entry[0], 0);
        }
        giveBack(file, name, channel, lock);
      }
    }
  }

  /** Takes the writer's lock; null if there is a writer, or the file lost its name. */
  private static FileLock lockWriter(SegmentFile file, String name) {
    long startNs = System.nanoTime();
    while (true) {
      FileLock lock = file.tryLock(HeaderDescriptor.WRITER_LOCK_POSITION, 1);
      if (lock != null || !file.isAtItsPath()) {
        return lock;
      }
      boolean passing = Inspection.of(file.path(), name, file).isWriterGone();
      if (System.nanoTime() - startNs
          >= (passing ? PASSING_HOLDER_NS : SegmentDirectory.BUSY_BYTE_NS)) {
        return null;
      }
      LockSupport.parkNanos(SegmentDirectory.BUSY_BYTE_POLL_NS);
    }
  }

  /** Takes the lock of a free entry, or of one whose owner died; null if there is none. */
  private static FileLock lockEntry(Segment segment, int[] entry) {
    SegmentFile file = segment.channel.file();
    int count = segment.geometry.readerEntryCount();
    long startNs = System.nanoTime();
    long limitNs;
    do {
      limitNs = SegmentDirectory.BUSY_BYTE_NS;
      for (boolean freeOnly : new boolean[] {true, false}) {
        for (int i = 0; i < count; i++) {
          boolean free = segment.readers.stateWordAcquire(i) == ReaderEntryDescriptor.FREE;
          if (free != freeOnly) {
            continue;
          }
          FileLock lock = file.tryLock(HeaderDescriptor.readerLockPosition(i), 1);
          if (lock == null) {
            limitNs = free ? PASSING_HOLDER_NS : limitNs;
            continue;
          }
          segment.readers.evictLocked(i);
          if (segment.readers.stateWordAcquire(i) == ReaderEntryDescriptor.FREE) {
            entry[0] = i;
            return lock;
          }
          SegmentFile.release(lock);
        }
      }
      LockSupport.parkNanos(SegmentDirectory.BUSY_BYTE_POLL_NS);
    } while (System.nanoTime() - startNs < limitNs && !segment.isRemoved());
    return null;
  }

  /**
   * Records a reader in its entry and joins it at its start position. Returns the first sequence
   * due.
   */
  private static long enter(Segment segment, int entry, long token, ReaderOptions options) {
    Channel channel = segment.channel;
    long offset = segment.geometry.readerEntryOffset(entry);
    ProcessIdentity self = ProcessIdentity.self();
    segment.readers.clearPins(entry);
    channel.putLong(offset + ReaderEntryDescriptor.WAITING_FOR_OFFSET, 0);
    channel.putInt(offset + ReaderEntryDescriptor.WAKES_OFFSET, channel.canWake() ? 1 : 0);
    channel.putLong(offset + ReaderEntryDescriptor.PID_OFFSET, self.pid());
    channel.putLong(offset + ReaderEntryDescriptor.START_TIME_OFFSET, self.startTime());
    channel.putLong(offset + ReaderEntryDescriptor.PID_NAMESPACE_OFFSET, self.pidNamespace());
    channel.putLong(offset + ReaderEntryDescriptor.SINCE_NS_OFFSET, Segment.realtimeNs());
    channel.putLong(offset + ReaderEntryDescriptor.READ_COUNT_OFFSET, 0);
    channel.putLong(offset + ReaderEntryDescriptor.READ_BYTES_OFFSET, 0);
    channel.putLong(offset + ReaderEntryDescriptor.LOST_COUNT_OFFSET, 0);
    segment.putText(offset + ReaderEntryDescriptor.LABEL_OFFSET, options.label());
    channel.putLong(offset + ReaderEntryDescriptor.TOKEN_OFFSET, token);

    int mode =
        options.mode() == ReaderMode.LOSSLESS
            ? ReaderEntryDescriptor.MODE_LOSSLESS
            : ReaderEntryDescriptor.MODE_OBSERVER;
    StartPosition start = options.start();
    long cursor = startCursor(segment, start);
    boolean entered = false;
    try {
      while (true) {
        channel.putLongRelease(offset + ReaderEntryDescriptor.CURSOR_OFFSET, cursor);
        // SYNC POINT: reader state. The cursor is there before the state.
        channel.putIntRelease(
            offset + ReaderEntryDescriptor.STATE_OFFSET,
            ReaderEntryDescriptor.stateWord(ReaderEntryDescriptor.JOINING, mode));
        // SYNC POINT: floor. The writer stores the floor, fences, and scans the entries again.
        VarHandle.fullFence();
        long floor = segment.floorAcquire();
        if (floor <= cursor) {
          break;
        }
        requireStart(segment, start, floor);
        cursor = floor;
      }
      channel.putIntRelease(
          offset + ReaderEntryDescriptor.STATE_OFFSET,
          ReaderEntryDescriptor.stateWord(ReaderEntryDescriptor.ACTIVE, mode));
      // It may have scanned this entry while its cursor was below the floor.
      VarHandle.fullFence();
      segment.wakeWriterIfWaiting();
      entered = true;
      return cursor;
    } finally {
      if (!entered) {
        segment.readers.leave(entry, 0);
      }
    }
  }

  private static long startCursor(Segment segment, StartPosition start) {
    long published = segment.publishedAcquire();
    long floor = segment.floorAcquire();
    return switch (start.kind()) {
      case OLDEST -> floor;
      case LATEST -> published;
      case SEQUENCE -> {
        if (start.sequence() > published) {
          throw new QdsException(
              Reason.SEQUENCE_GONE,
              "channel="
                  + segment.name
                  + " start sequence="
                  + start.sequence()
                  + " allowed="
                  + floor
                  + " to "
                  + published
                  + ": later messages are not written yet");
        }
        if (floor > start.sequence()) {
          requireStart(segment, start, floor);
        }
        yield Math.max(floor, start.sequence());
      }
    };
  }

  private static void requireStart(Segment segment, StartPosition start, long floor) {
    if (start.kind() == StartPosition.Kind.SEQUENCE && !start.gapsAllowed()) {
      throw new QdsException(
          Reason.SEQUENCE_GONE,
          "channel="
              + segment.name
              + " start sequence="
              + start.sequence()
              + " allowed="
              + floor
              + " or more: earlier messages are gone; use StartPosition.atOrAfter to start at the"
              + " oldest one then");
    }
  }

  /** Removes a segment that is of no use, if nobody is attached. */
  private static void discard(SegmentFile file, String name) {
    FileLock all =
        SegmentDirectory.lockPatiently(file, HeaderDescriptor.WRITER_LOCK_POSITION, ALL_LOCKS);
    if (all == null) {
      throw new QdsException(
          Reason.IN_USE,
          "channel="
              + name
              + " cannot be replaced, it is in use by "
              + Inspection.of(file.path(), name, file).participants()
              + "; end them first, or choose another name");
    }
    try {
      requireNobodyRuns(file, name);
      LOGGER.log(
          System.Logger.Level.INFO,
          "channel={0}: replaced, with {1} unread messages",
          name,
          Inspection.unreadCount(file, name));
      unlink(file);
    } catch (IOException e) {
      throw SegmentFile.failure(name, "remove " + file.path(), e);
    } finally {
      SegmentFile.release(all);
    }
  }

  /** The caller holds the lock over all bytes, or was told to use force. */
  private static void unlink(SegmentFile file) throws IOException {
    if (!file.isAtItsPath()) {
      return;
    }
    if (file.isWritable()) {
      file.call(c -> {
        java.nio.ByteBuffer one = java.nio.ByteBuffer.allocate(4);
        one.order(java.nio.ByteOrder.LITTLE_ENDIAN).putInt(0, 1);
        if (c.size() >= HeaderDescriptor.LENGTH) {
          c.write(one, HeaderDescriptor.REMOVED_OFFSET);
        }
        return null;
      });
    }
    Files.deleteIfExists(file.path());
  }

  /** A file that is no segment, or a damaged or foreign one, has nobody to be asked for. */
  private static void requireNobodyRuns(SegmentFile file, String name) {
    Inspection inspection;
    try {
      if (!readHeader(file, name, false).isOf(file)) {
        return;
      }
      inspection = Inspection.of(file.path(), name, file);
    } catch (QdsException e) {
      return;
    }
    inspection.requireNobodyRuns();
  }

  private static void removeIfDrained(Segment segment) throws IOException {
    SegmentFile file = segment.channel.file();
    if (segment.isRemoved()) {
      return;
    }
    // While somebody is recorded as attached there is no point in trying long.
    FileLock all =
        segment.readers.attachedCount() > 0
                || segment.writerStateAcquire() == HeaderDescriptor.WRITER_ACTIVE
            ? file.tryLock(HeaderDescriptor.WRITER_LOCK_POSITION, ALL_LOCKS)
            : SegmentDirectory.lockPatiently(
                file, HeaderDescriptor.WRITER_LOCK_POSITION, ALL_LOCKS);
    if (all == null) {
      return;
    }
    try {
      if (isAbandoned(segment) && segment.readers.kept() >= segment.publishedAcquire()) {
        unlink(file);
      }
    } finally {
      SegmentFile.release(all);
    }
  }

  /** Frees the entries of dead readers. The caller holds the lock over all bytes. */
  private static boolean isAbandoned(Segment segment) {
    if (segment.writerStateAcquire() == HeaderDescriptor.WRITER_ACTIVE
        && segment.writerProcess().isRunning()) {
      return false;
    }
    for (int entry = 0; entry < segment.geometry.readerEntryCount(); entry++) {
      segment.readers.evictLocked(entry);
      if (segment.readers.stateWordAcquire(entry) != ReaderEntryDescriptor.FREE) {
        return false;
      }
    }
    return true;
  }

  private static boolean isNamed(SegmentFile file, SegmentHeader header) {
    return header.inode() == file.inode() && file.isAtItsPath();
  }

  /** Returns whether nobody may join the segment: it is removed, a copy, or of an earlier boot. */
  private static boolean isLeftOver(SegmentFile file, String name) {
    return isRemoved(file, name) || !readHeader(file, name, false).isOf(file);
  }

  /** Returns whether somebody was about to remove the name, and died or was not allowed to. */
  private static boolean isRemoved(SegmentFile file, String name) {
    try {
      byte[] header = file.readStart(HeaderDescriptor.LENGTH);
      return header.length == HeaderDescriptor.LENGTH
          && SegmentHeader.hasMagic(header)
          && header[HeaderDescriptor.REMOVED_OFFSET] != 0;
    } catch (IOException e) {
      throw SegmentFile.failure(name, "read " + file.path(), e);
    }
  }

  private static void requireMappable(String name, long length, ChannelProvider backend) {
    if (length > backend.maxLength()) {
      throw new QdsException(
          Reason.UNSUPPORTED,
          "channel="
              + name
              + " segment length="
              + length
              + " allowed=up to "
              + backend.maxLength()
              + " bytes with backend "
              + backend.name()
              + "; use a backend without this limit, such as"
              + " ffm of io.qadataswap:qds-shm-ffm, or a smaller capacity");
    }
  }

  private static void requireCodec(String name, String found, String asked) {
    if (!found.equals(asked)) {
      throw new QdsException(
          Reason.CODEC_DIFFERS,
          "channel="
              + name
              + " codec="
              + found
              + " asked for="
              + asked
              + "; open it with the codec "
              + found);
    }
  }

  private static QdsException secondWriter(SegmentFile file, String name) {
    return new QdsException(
        Reason.SECOND_WRITER,
        "channel="
            + name
            + " has a writer already: "
            + Inspection.of(file.path(), name, file).writerText()
            + "; end it first, or choose another name");
  }

  private static QdsException tableFull(Segment segment) {
    StringBuilder holders = new StringBuilder();
    for (int entry = 0; entry < segment.geometry.readerEntryCount(); entry++) {
      holders.append(entry == 0 ? "" : ", ").append(segment.readers.describe(entry));
    }
    return new QdsException(
        Reason.READER_TABLE_FULL,
        "channel="
            + segment.name
            + " has "
            + segment.geometry.readerEntryCount()
            + " reader entries and all are in use: "
            + holders
            + "; close one, or create the channel with more readerEntries");
  }

  private static long newToken() {
    long token;
    do {
      token = ThreadLocalRandom.current().nextLong();
    } while (token == 0);
    return token;
  }

  private static void giveBack(SegmentFile file, String name, Channel channel, FileLock lock) {
    if (lock != null) {
      SegmentFile.release(lock);
    }
    Inspection.parkIfAttached(file, name);
    if (channel != null) {
      channel.close();
    } else {
      file.close();
    }
  }

  private static void deleteQuietly(Path path) {
    try {
      Files.deleteIfExists(path);
    } catch (IOException e) {
      // the next sweep does it
    }
  }
}
