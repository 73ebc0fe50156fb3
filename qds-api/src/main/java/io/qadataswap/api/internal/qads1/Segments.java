package io.qadataswap.api.internal.qads1;

import io.qadataswap.api.IfExists;
import io.qadataswap.api.OverflowPolicy;
import io.qadataswap.api.QdsException;
import io.qadataswap.api.QdsException.Reason;
import io.qadataswap.api.ReaderMode;
import io.qadataswap.api.ReaderOptions;
import io.qadataswap.api.StartPosition;
import io.qadataswap.api.WriterOptions;
import io.qadataswap.api.channel.Channel;
import io.qadataswap.api.channel.ChannelProvider;
import io.qadataswap.api.channel.NamedSemaphore;
import io.qadataswap.api.channel.NamedSemaphores;
import io.qadataswap.api.channel.SegmentFile;
import io.qadataswap.api.internal.FreeSpace;
import io.qadataswap.api.internal.SegmentDirectory;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileLock;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;

/**
 * The life of objects and their semaphores: created, joined, left, removed.
 *
 * <p>An object appears under its name with its header; then come the semaphores, then {@code
 * writer_active}, as with the original: only who has the name may touch the semaphores. They are
 * removed in the reverse order, under a lock over the bytes of all participants.
 */
final class Segments {
  /** The codec of every channel of this layout; its header has no field for it. */
  static final String CODEC_ID = "arrow-ipc";

  static final String PREFIX = "qads_";

  static final String FILE_NAMES = PREFIX + "*";

  private static final System.Logger LOGGER = System.getLogger("io.qadataswap.api");

  /** Plain bytes: what such a channel holds as it lies there. */
  private static final String BYTES_CODEC_ID = "bytes";

  /** Each attempt but the last found the object being removed or created by somebody else. */
  private static final int ATTEMPTS = 1000;

  /** The place of who is no reader. */
  private static final int WRITER = -1;

  private static final long TURN_PATIENCE_NS = 10_000_000_000L;

  private Segments() {}

  static Path path(Path directory, String name) {
    return directory.resolve(PREFIX + name);
  }

  static Header readHeader(SegmentFile file, String name) {
    try {
      return Header.parse(file.readStart(Header.CHECKED_LENGTH), file.length(), name);
    } catch (IOException e) {
      throw SegmentFile.failure(name, "read " + file.path(), e);
    }
  }

  static Qads1Writer openWriter(WriterOptions options, ChannelProvider backend) {
    requirePossible(options);
    Header header = Header.of(options);
    NamedSemaphores semaphores = backend.semaphores(options.name());
    Path path = path(options.directory(), options.name());
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
      SegmentFile file = SegmentDirectory.openIfThere(path, options.name());
      Qads1Writer writer =
          file == null
              ? create(path, header, options, backend, semaphores)
              : join(file, options, backend, semaphores);
      if (writer != null) {
        return writer;
      }
    }
    throw SegmentDirectory.busy(options.name());
  }

  static Qads1Reader openReader(ReaderOptions options, ChannelProvider backend) {
    requirePossible(options);
    NamedSemaphores semaphores = backend.semaphores(options.name());
    Path path = path(options.directory(), options.name());
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
      Qads1Reader reader =
          attach(SegmentFile.open(path, options.name()), options, backend, semaphores);
      if (reader != null) {
        return reader;
      }
    }
    throw SegmentDirectory.busy(options.name());
  }

  /**
   * Gives up a participant's lock, and the object and its semaphores if he was the last, the writer
   * is closed or dead, and nothing is left to read.
   */
  static void leave(Segment segment, FileLock lock, NamedSemaphores semaphores) {
    SegmentFile file = segment.file;
    SegmentFile.release(lock);
    FileLock all = null;
    try {
      if (isDrained(segment)) {
        all = lockAll(file);
        // Under the lock over all bytes no writer of QDS lives.
        if (all != null
            && isDrained(segment)
            && (!segment.isWriterActive() || !segment.users.anyForeign())) {
          unlink(file, segment.name, semaphores);
        }
      }
    } catch (IOException | RuntimeException | InternalError e) {
      LOGGER.log(
          System.Logger.Level.WARNING,
          "channel=" + segment.name + ": the object was left but not removed",
          e);
    } finally {
      if (all != null) {
        SegmentFile.release(all);
      }
      segment.close();
    }
  }

  /** Removes a channel; see {@link io.qadataswap.api.layout.RingLayout#remove}. */
  static void remove(Path directory, String name, boolean force, ChannelProvider backend) {
    NamedSemaphores semaphores = backend.semaphores(name);
    Path path = path(directory, name);
    SegmentFile file;
    try {
      file = SegmentFile.open(path, name);
    } catch (QdsException e) {
      // Somebody may have removed the object alone.
      if (e.reason() == Reason.NO_SUCH_CHANNEL && unlinkSemaphores(path, name, semaphores)) {
        return;
      }
      throw e;
    }
    FileLock all = null;
    try {
      SegmentDirectory.requireWritable(file, name);
      all =
          SegmentDirectory.lockPatiently(
              file, HeaderDescriptor.WRITER_LOCK_POSITION, HeaderDescriptor.LOCKS_LENGTH);
      if (!force) {
        requireObject(file, name);
        requireUnused(file, name, all, " is in use by ", "remove it by force");
      }
      unlink(file, name, semaphores);
    } catch (IOException e) {
      throw SegmentFile.failure(name, "remove " + path, e);
    } finally {
      if (all != null) {
        SegmentFile.release(all);
      }
      file.close();
    }
  }

  private static void requireObject(SegmentFile file, String name) throws IOException {
    byte[] start = file.readStart(Long.BYTES);
    boolean begun = start.length < Integer.BYTES || ByteBuffer.wrap(start).getInt() == 0;
    if (!begun && !Header.hasMagic(start)) {
      throw new QdsException(
          Reason.CORRUPT,
          "channel="
              + name
              + ": "
              + file.path()
              + " is no object of QADataSwap 0.1; if it is to go all the same, remove it by force");
    }
  }

  /** Names who uses an object that is to go. */
  private static void requireUnused(
      SegmentFile file, String name, FileLock all, String verdict, String remedy) {
    ObjectUsers users = ObjectUsers.of(file, name);
    Set<Long> foreign = users.foreign();
    if (all == null || !foreign.isEmpty()) {
      throw new QdsException(
          Reason.IN_USE,
          "channel="
              + name
              + verdict
              + describe(all == null ? users.lockHolders() : Map.of(), foreign)
              + "; end them first, or "
              + remedy);
    }
  }

  private static String describe(Map<Long, Long> lockHolders, Set<Long> foreign) {
    StringBuilder text = new StringBuilder();
    lockHolders.forEach((position, pid) ->
        text.append(text.isEmpty() ? "" : ", ")
            .append(position == HeaderDescriptor.WRITER_LOCK_POSITION ? "writer" : "reader")
            .append(" pid=")
            .append(pid));
    for (long pid : foreign) {
      text.append(text.isEmpty() ? "" : ", ").append("pid=").append(pid).append(" (not of QDS)");
    }
    return text.isEmpty() ? "somebody who is gone by now" : text.toString();
  }

  private static FileLock lockAll(SegmentFile file) {
    return file.tryLock(HeaderDescriptor.WRITER_LOCK_POSITION, HeaderDescriptor.LOCKS_LENGTH);
  }

  private static boolean isDrained(Segment segment) {
    return segment.unreadCount() == 0 && segment.owedCount() == 0;
  }

  /**
   * Removes the semaphores and the object. The caller keeps participants of QDS out; the original
   * makes new semaphores only when the name of the object is free.
   */
  private static void unlink(SegmentFile file, String name, NamedSemaphores semaphores)
      throws IOException {
    if (file.isAtItsPath()) {
      unlinkSemaphores(file.path(), name, semaphores);
      Files.deleteIfExists(file.path());
    }
  }

  /** Returns whether there was one. */
  private static boolean unlinkSemaphores(Path path, String name, NamedSemaphores semaphores) {
    if (sharesSemaphores(path, name)) {
      return false;
    }
    boolean removed = semaphores.unlink(SemaphoreNames.write(name));
    removed |= semaphores.unlink(SemaphoreNames.read(name));
    return removed;
  }

  /** Returns whether another channel's name begins with the same 55 bytes as this long one. */
  private static boolean sharesSemaphores(Path path, String name) {
    String semaphore = SemaphoreNames.write(name);
    try (DirectoryStream<Path> others =
        Files.newDirectoryStream(
            path.getParent(),
            other -> {
              String fileName = other.getFileName().toString();
              return !other.equals(path)
                  && fileName.startsWith(PREFIX)
                  && SemaphoreNames.write(fileName.substring(PREFIX.length())).equals(semaphore);
            })) {
      return others.iterator().hasNext();
    } catch (IOException e) {
      throw SegmentFile.failure(name, "list " + path.getParent(), e);
    }
  }

  /** Returns null if the name was taken meanwhile. */
  private static Qads1Writer create(
      Path path,
      Header header,
      WriterOptions options,
      ChannelProvider backend,
      NamedSemaphores semaphores) {
    String name = options.name();
    SegmentDirectory.prepare(options);
    SegmentDirectory.sweepFirst(options, FILE_NAMES, HeaderDescriptor.WRITER_LOCK_POSITION);
    FreeSpace.require(options.directory(), name, header.totalLength());
    if (sharesSemaphores(path, name)) {
      throw new QdsException(
          Reason.IN_USE,
          "channel="
              + name
              + ": the semaphore "
              + header.writeSemaphore()
              + " is another channel's, whose name begins with the same 55 bytes; remove that one,"
              + " or choose another name");
    }
    Path temporary = SegmentDirectory.temporary(path);
    SegmentFile file =
        SegmentFile.create(
            temporary,
            name,
            header.totalLength(),
            options.fileMode(),
            HeaderDescriptor.WRITER_LOCK_POSITION,
            1);
    Channel channel = null;
    Segment segment = null;
    boolean named = false;
    boolean created = false;
    try {
      channel = backend.map(file, header.totalLength(), true);
      byte[] bytes = header.format();
      channel.putBytes(0, bytes, 0, bytes.length);
      ObjectUsers users = ObjectUsers.of(file, name);
      named = file.moveTo(path);
      if (!named) {
        return null;
      }
      // A predecessor that was killed may have left some.
      unlinkSemaphores(path, name, semaphores);
      segment =
          new Segment(
              WRITER,
              name,
              header,
              channel,
              users,
              create(semaphores, header.writeSemaphore(), header.bufferCount(), options),
              create(semaphores, header.readSemaphore(), 0, options));
      segment.setWriterActive(true);
      Qads1Writer writer = new Qads1Writer(segment, file.creationLock(), semaphores, options);
      created = true;
      return writer;
    } catch (NoSuchFileException e) {
      // Somebody swept it who had looked at it before it was locked.
      return null;
    } catch (IOException e) {
      throw SegmentFile.failure(name, "name " + path, e);
    } finally {
      if (!created) {
        deleteQuietly(named ? path : temporary);
        if (segment != null) {
          segment.close();
        } else if (channel != null) {
          channel.close();
        } else {
          file.close();
        }
      }
    }
  }

  private static NamedSemaphore create(
      NamedSemaphores semaphores, String name, int value, WriterOptions options) {
    return semaphores
        .create(name, value, options.fileMode())
        .orElseThrow(() ->
            new QdsException(
                Reason.IN_USE,
                "channel="
                    + options.name()
                    + ": the semaphore "
                    + name
                    + " is being created by somebody else; choose another name"));
  }

  /** Returns null if the object is gone or was removed to make place for a new one. */
  private static Qads1Writer join(
      SegmentFile file,
      WriterOptions options,
      ChannelProvider backend,
      NamedSemaphores semaphores) {
    String name = options.name();
    FileLock lock = null;
    Segment segment = null;
    boolean joined = false;
    try {
      if (options.ifExists() == IfExists.FAIL) {
        throw SegmentDirectory.channelExists(file, name);
      }
      SegmentDirectory.requireWritable(file, name);
      if (options.ifExists() == IfExists.REPLACE) {
        replace(file, name, semaphores);
        return null;
      }
      lock = SegmentDirectory.lockPatiently(file, HeaderDescriptor.WRITER_LOCK_POSITION, 1);
      ObjectUsers users = ObjectUsers.of(file, name);
      if (lock == null) {
        throw secondWriter(name, users.lockHolders().get(HeaderDescriptor.WRITER_LOCK_POSITION));
      }
      Optional<Header> found = finishedHeader(file, name);
      if (found.isEmpty() || (!found.get().isLike(options) && isLeftOver(file, name, users))) {
        SegmentFile.release(lock);
        lock = null;
        replace(file, name, semaphores);
        return null;
      }
      Header header = found.get();
      requireSame(header, options);
      segment = map(WRITER, file, name, header, users, backend, semaphores);
      if (!file.isAtItsPath()) {
        return null;
      }
      Set<Long> foreign = users.foreign();
      if (segment.isWriterActive() && !foreign.isEmpty()) {
        throw secondWriter(name, foreign.iterator().next());
      }
      segment.requireSoundSequences();
      segment.mendIfAlone(0, 0);
      segment.setWriterActive(true);
      Qads1Writer writer = new Qads1Writer(segment, lock, semaphores, options);
      joined = true;
      return writer;
    } finally {
      if (!joined) {
        giveBack(file, segment, lock);
      }
    }
  }

  /** Returns nothing if a creator has died over it, or is at it. */
  private static Optional<Header> finishedHeader(SegmentFile file, String name) {
    try {
      return Optional.of(readHeader(file, name));
    } catch (QdsException e) {
      if (e.reason() == Reason.NO_SUCH_CHANNEL) {
        return Optional.empty();
      }
      throw e;
    }
  }

  /**
   * Returns whether the writer has closed, all was read and nobody is attached but the caller, who
   * holds the writer's byte: nothing that has to be gone on with.
   */
  private static boolean isLeftOver(SegmentFile file, String name, ObjectUsers users) {
    FileLock others =
        file.tryLock(HeaderDescriptor.WRITER_LOCK_POSITION + 1, HeaderDescriptor.LOCKS_LENGTH - 1);
    if (others == null) {
      return false;
    }
    SegmentFile.release(others);
    try {
      ByteBuffer start =
          ByteBuffer.wrap(file.readStart(Header.CHECKED_LENGTH)).order(ByteOrder.LITTLE_ENDIAN);
      return start.get(HeaderDescriptor.WRITER_ACTIVE_OFFSET) == 0
          && start.getLong(HeaderDescriptor.WRITE_SEQUENCE_OFFSET)
              == start.getLong(HeaderDescriptor.READ_SEQUENCE_OFFSET)
          && users.foreign().isEmpty();
    } catch (IOException e) {
      throw SegmentFile.failure(name, "read " + file.path(), e);
    }
  }

  /** Removes an object that nobody uses. */
  private static void replace(SegmentFile file, String name, NamedSemaphores semaphores) {
    FileLock all =
        SegmentDirectory.lockPatiently(
            file, HeaderDescriptor.WRITER_LOCK_POSITION, HeaderDescriptor.LOCKS_LENGTH);
    try {
      requireUnused(
          file, name, all, " cannot be replaced, it is in use by ", "choose another name");
      unlink(file, name, semaphores);
    } catch (IOException e) {
      throw SegmentFile.failure(name, "replace " + file.path(), e);
    } finally {
      if (all != null) {
        SegmentFile.release(all);
      }
    }
  }

  /** Returns null if the object was removed meanwhile. */
  private static Qads1Reader attach(
      SegmentFile file,
      ReaderOptions options,
      ChannelProvider backend,
      NamedSemaphores semaphores) {
    String name = options.name();
    FileLock lock = null;
    Segment segment = null;
    boolean attached = false;
    try {
      SegmentDirectory.requireWritable(file, name);
      Header header = readHeader(file, name);
      // Before it is mapped: who maps it and holds no byte is taken for a process of the original.
      lock = lockAPlace(file);
      if (lock == null) {
        throw new QdsException(
            Reason.READER_TABLE_FULL,
            "channel="
                + name
                + " has "
                + BufferState.MAX_READER_COUNT
                + " readers of QDS already; close one");
      }
      int place = (int) (lock.position() - HeaderDescriptor.READER_LOCKS_POSITION);
      segment = map(place, file, name, header, ObjectUsers.of(file, name), backend, semaphores);
      if (!file.isAtItsPath()) {
        return null;
      }
      segment.requireSoundSequences();
      closeForPredecessor(segment, place);
      segment.mendIfAlone(0, 0);
      Qads1Reader reader =
          new Qads1Reader(segment, place, lock, semaphores, file.isForeign(), options);
      attached = true;
      return reader;
    } catch (IOException e) {
      throw SegmentFile.failure(name, "look at " + file.path(), e);
    } finally {
      if (!attached) {
        giveBack(file, segment, lock);
      }
    }
  }

  /** Returns null if all places are taken, and not just locked for a moment by who mends. */
  private static FileLock lockAPlace(SegmentFile file) {
    long startNs = System.nanoTime();
    while (true) {
      for (int place = 0; place < BufferState.MAX_READER_COUNT; place++) {
        FileLock lock = file.tryLock(HeaderDescriptor.READER_LOCKS_POSITION + place, 1);
        if (lock != null) {
          return lock;
        }
      }
      if (System.nanoTime() - startNs >= SegmentDirectory.BUSY_BYTE_NS) {
        return null;
      }
      LockSupport.parkNanos(SegmentDirectory.BUSY_BYTE_POLL_NS);
    }
  }

  /** A reader that died in this place may have left messages, which now would look like ours. */
  private static void closeForPredecessor(Segment segment, int place) {
    if (!segment.turn.tryTake(TURN_PATIENCE_NS)) {
      throw new QdsException(
          Reason.IO,
          "channel="
              + segment.name
              + ": a reader of QDS that was stopped while it took a message keeps others out; let"
              + " it go on, or end it (./qds inspect "
              + segment.name
              + " --layout qads1)");
    }
    try {
      for (int buffer = 0; buffer < segment.header.bufferCount(); buffer++) {
        if (segment.state(buffer) == BufferState.lentTo(place)) {
          segment.setState(buffer, BufferState.CLOSED);
        }
      }
    } finally {
      segment.endTurn();
    }
  }

  private static Segment map(
      int place,
      SegmentFile file,
      String name,
      Header header,
      ObjectUsers users,
      ChannelProvider backend,
      NamedSemaphores semaphores) {
    NamedSemaphore write = open(semaphores, name, header.writeSemaphore());
    NamedSemaphore read = null;
    Channel channel = null;
    try {
      read = open(semaphores, name, header.readSemaphore());
      channel = backend.map(file, header.totalLength(), true);
      return new Segment(place, name, header, channel, users, write, read);
    } finally {
      if (channel == null) {
        write.close();
        if (read != null) {
          read.close();
        }
      }
    }
  }

  private static NamedSemaphore open(NamedSemaphores semaphores, String channel, String name) {
    return semaphores
        .open(name)
        .orElseThrow(() ->
            new QdsException(
                Reason.NO_SUCH_CHANNEL,
                "channel="
                    + channel
                    + ": the object is there, but not its semaphore "
                    + name
                    + "; wait for its creator, or remove it (./qds rm "
                    + channel
                    + " --layout qads1)"));
  }

  private static void giveBack(SegmentFile file, Segment segment, FileLock lock) {
    if (lock != null) {
      SegmentFile.release(lock);
    }
    if (segment != null) {
      segment.close();
    } else {
      file.close();
    }
  }

  private static void requirePossible(WriterOptions options) {
    String name = options.name();
    if (!isPossible(options.codecId())) {
      throw new QdsException(
          Reason.UNSUPPORTED,
          "channel="
              + name
              + " codec="
              + options.codecId()
              + " allowed="
              + CODEC_ID
              + " with layout qads1, which carries no other; open it with that codec, or use layout"
              + " qds1");
    }
    requireOption(name, "overflow", options.overflow(), OverflowPolicy.BLOCK);
    requireOption(name, "retain", options.retainCount(), 0);
    requireOption(name, "payloadChecksum", options.payloadChecksum(), false);
  }

  private static void requirePossible(ReaderOptions options) {
    String name = options.name();
    if (!isPossible(options.codecId())) {
      throw new QdsException(
          Reason.CODEC_DIFFERS,
          "channel="
              + name
              + " codec="
              + CODEC_ID
              + " asked for="
              + options.codecId()
              + "; open it with the codec "
              + CODEC_ID);
    }
    requireOption(name, "mode", options.mode(), ReaderMode.LOSSLESS);
    requireOption(name, "start", options.start().kind(), StartPosition.Kind.OLDEST);
  }

  private static void requireOption(String name, String option, Object asked, Object allowed) {
    if (!asked.equals(allowed)) {
      throw new QdsException(
          Reason.UNSUPPORTED,
          "channel="
              + name
              + " "
              + option
              + "="
              + asked
              + " allowed="
              + allowed
              + " with layout qads1, where each message goes to one reader; use layout qds1");
    }
  }

  private static boolean isPossible(String codec) {
    return codec.isEmpty() || codec.equals(CODEC_ID) || codec.equals(BYTES_CODEC_ID);
  }

  private static void requireSame(Header found, WriterOptions options) {
    if (!found.isLike(options)) {
      throw new QdsException(
          Reason.GEOMETRY_DIFFERS,
          "channel="
              + options.name()
              + " exists with capacity="
              + found.totalLength()
              + " (asked for "
              + options.capacity()
              + ") messageSlots="
              + found.bufferCount()
              + " (asked for "
              + (options.messageSlots() == 0 ? "any" : Integer.toString(options.messageSlots()))
              + "); ask for the same, or open with IfExists.REPLACE");
    }
  }

  private static QdsException secondWriter(String name, Long pid) {
    return new QdsException(
        Reason.SECOND_WRITER,
        "channel="
            + name
            + " has a writer already"
            + (pid == null ? "" : ": pid=" + pid)
            + "; end it first, or choose another name");
  }

  private static void deleteQuietly(Path path) {
    try {
      Files.deleteIfExists(path);
    } catch (IOException e) {
      // Whoever comes next finds it half-made, and removes it.
    }
  }
}
