package io.qadataswap.api.channel;

import io.qadataswap.api.QdsException;
import io.qadataswap.api.QdsException.Reason;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * An open segment file: what all backends share of opening, creating, reading, locking and
 * removing.
 *
 * <p>Three properties of the platform shape this class.
 *
 * <ul>
 *   <li>Java's file locks are the classic POSIX ones. They belong to the process, and all of them
 *       on a file vanish when the process closes <em>any</em> descriptor of that file. So within a
 *       JVM there is one descriptor for each segment, in a table that spans class loaders and is
 *       made of JDK types only.
 *   <li>The JDK forgets a lock whose {@link FileLock} was collected as garbage, and would then give
 *       it out a second time within this JVM. So the table keeps the locks too.
 *   <li>An interrupt that arrives in an operation of a {@link FileChannel} closes the channel, and
 *       with it all locks. So such operations run on a private thread that nobody interrupts; only
 *       taking and releasing locks, which do not react to interrupts, run on the caller's thread.
 *   <li>A file can be replaced between two looks at its path. So the file that was opened is
 *       compared with the path afterwards.
 * </ul>
 *
 * <p>Thread-safe. Methods block as long as the file system does, never for a lock.
 */
public final class SegmentFile {
  /** What to do where a directory is full, for messages. */
  public static final String MORE_ROOM =
      "ask for a smaller capacity, remove channels (./qds ls, ./qds rm NAME), or enlarge the file"
          + " system (mount -o remount,size=SIZE DIRECTORY; in a container run it with"
          + " --shm-size=SIZE)";

  private static final int ZEROS_LENGTH = 1 << 20;

  /** Each takes some microseconds, and who replaces a file in a loop wins most of them. */
  private static final int OPEN_ATTEMPTS = 10_000;

  private static final ThreadPoolExecutor IO_THREAD =
      new ThreadPoolExecutor(
          1,
          1,
          5,
          TimeUnit.SECONDS,
          new LinkedBlockingQueue<>(),
          task -> {
            Thread thread = new Thread(null, task, "qds-io", 0, false);
            thread.setDaemon(true);
            thread.setContextClassLoader(null);
            return thread;
          });

  static {
    IO_THREAD.allowCoreThreadTimeOut(true);
  }

  private volatile Path path;
  private final String key;
  private final FileChannel channel;
  private final boolean writable;
  private final long inode;
  private final FileLock creationLock;

  /** Those that this JVM took, through any copy of this class. */
  private final Set<FileLock> locks;

  private boolean open = true;

  private SegmentFile(
      Path path,
      String key,
      FileChannel channel,
      boolean writable,
      long inode,
      FileLock creationLock,
      Set<FileLock> locks) {
    this.path = path;
    this.key = key;
    this.channel = channel;
    this.writable = writable;
    this.inode = inode;
    this.creationLock = creationLock;
    this.locks = locks;
  }

  /**
   * Work on a file channel that runs on the private thread.
   *
   * @param <R> the type of the result
   */
  @FunctionalInterface
  public interface ChannelWork<R> {
    /**
     * Does the work.
     *
     * @param channel of the segment file; must not be closed
     * @return the result
     * @throws IOException if the system refuses
     */
    R on(FileChannel channel) throws IOException;
  }

  /** What is open in this JVM, as an array of JDK types: other class loaders share it. */
  private static final class Entry {
    static final int CHANNEL = 0;
    static final int WRITABLE = 1;
    static final int USERS = 2;

    /** A set of {@link FileLock}. */
    static final int LOCKS = 3;

    static final int SIZE = 4;

    private Entry() {}
  }

  /**
   * Opens an existing segment file, for reading and writing if that is allowed, else for reading.
   *
   * @param path of the file
   * @param channelName for messages
   * @return the open file; give it back with {@link #close}
   * @throws QdsException with reason {@code NO_SUCH_CHANNEL}, {@code PERMISSION}, {@code CORRUPT}
   *     if it is not a regular file, or {@code IO}
   */
  public static SegmentFile open(Path path, String channelName) {
    for (int attempt = 0; attempt < OPEN_ATTEMPTS; attempt++) {
      try {
        Map<String, Object> attributes = attributes(path);
        if (!Boolean.TRUE.equals(attributes.get("isRegularFile"))) {
          throw new QdsException(
              Reason.CORRUPT,
              "channel="
                  + channelName
                  + ": "
                  + path
                  + " is "
                  + kind(attributes)
                  + ", allowed=a regular file; remove it, or choose another directory or name");
        }
        SegmentFile file = openOnce(path, attributes);
        if (file != null) {
          return file;
        }
      } catch (NoSuchFileException e) {
        throw noSuchChannel(path, channelName, e);
      } catch (IOException e) {
        if (Files.isRegularFile(path.toAbsolutePath().getParent())) {
          // JDK 17 has another exception for this.
          throw noSuchChannel(path, channelName, e);
        }
        throw failure(channelName, "open " + path, e);
      }
    }
    throw new QdsException(
        Reason.IO, "channel=" + channelName + ": " + path + " is being replaced all the time");
  }

  private static QdsException noSuchChannel(Path path, String channelName, IOException cause) {
    return new QdsException(
        Reason.NO_SUCH_CHANNEL,
        "channel="
            + channelName
            + ": there is no "
            + path
            + NearNames.describe(path)
            + "; start the writer first, or set the"
            + " directory (qds.dir, QDS_DIR) that the writer uses",
        cause);
  }

  /**
   * Creates a file that is all zeros, every byte of it written, so that a full file system shows
   * now and not as a fault in the mapping later. It is locked before it has its length.
   *
   * @param path of the new file
   * @param channelName for messages
   * @param length in bytes
   * @param mode permissions, whatever the umask
   * @param lockPosition first byte to lock
   * @param lockLength bytes to lock
   * @return the open, locked file
   * @throws QdsException with reason {@code CHANNEL_EXISTS} if the path exists, {@code
   *     DIRECTORY_FULL}, {@code PERMISSION} or {@code IO}; nothing is left behind then
   */
  public static SegmentFile create(
      Path path,
      String channelName,
      long length,
      Set<PosixFilePermission> mode,
      long lockPosition,
      long lockLength) {
    SegmentFile file = null;
    boolean filled = false;
    try {
      file = createEmpty(path, mode, lockPosition, lockLength);
      file.fill(length);
      filled = true;
      return file;
    } catch (FileAlreadyExistsException e) {
      throw new QdsException(
          Reason.CHANNEL_EXISTS, "channel=" + channelName + ": " + path + " exists already", e);
    } catch (IOException e) {
      throw failure(channelName, "create " + path + " with " + length + " bytes", e);
    } finally {
      if (file != null && !filled) {
        file.discard();
      }
    }
  }

  /**
   * Returns where the file was when it was opened or moved.
   *
   * @return the path
   */
  public Path path() {
    return path;
  }

  /**
   * Returns the file's number in its file system.
   *
   * @return the inode number
   */
  public long inode() {
    return inode;
  }

  /**
   * Returns the lock under which {@link #create} made the file.
   *
   * @return the lock, or null if the file was opened
   */
  public FileLock creationLock() {
    return creationLock;
  }

  /**
   * Returns whether the file belongs to another user than the one who runs this process.
   *
   * @return whether its content may have been written by somebody else
   * @throws IOException if the file is gone
   */
  public boolean isForeign() throws IOException {
    return isForeign(path);
  }

  private static boolean isForeign(Path path) throws IOException {
    Path self = Path.of("/proc/self");
    return Files.exists(self)
        ? !Files.getAttribute(self, "unix:uid").equals(attributes(path).get("uid"))
        : !Files.getOwner(path).getName().equals(System.getProperty("user.name"));
  }

  /**
   * Returns whether the file was opened for writing too.
   *
   * @return whether exclusive locks and writable mappings are possible
   */
  public boolean isWritable() {
    return writable;
  }

  /**
   * Returns the current length of the file.
   *
   * @return bytes
   * @throws IOException if the system refuses
   */
  public long length() throws IOException {
    return call(FileChannel::size);
  }

  /**
   * Runs work on the file's channel where interrupts cannot reach it. Blocks until it is done; an
   * interrupt meanwhile is kept for later.
   *
   * @param work to do; mapping, for example
   * @param <R> the type of the result
   * @return its result
   * @throws IOException if the work fails
   */
  public <R> R call(ChannelWork<R> work) throws IOException {
    return onIoThread(() -> work.on(channel));
  }

  /**
   * Copies bytes from the start of the file, without mapping it.
   *
   * @param count of bytes
   * @return the bytes, fewer if the file is shorter
   * @throws IOException if the system refuses
   */
  public byte[] readStart(int count) throws IOException {
    return call(c -> {
      ByteBuffer buffer = ByteBuffer.allocate(count);
      while (buffer.hasRemaining() && c.read(buffer, buffer.position()) >= 0) {
        // until full or at the end of the file
      }
      byte[] bytes = new byte[buffer.position()];
      buffer.flip().get(bytes);
      return bytes;
    });
  }

  /**
   * Tries to take an exclusive lock. It lasts until it is released or the file is given back, also
   * if the caller forgets it. Does not block and does not react to interrupts.
   *
   * @param position first byte
   * @param length bytes
   * @return the lock, or null if a participant of this or another process holds a part of the range
   */
  public FileLock tryLock(long position, long length) {
    FileLock lock = tryLock(position, length, false);
    if (lock != null) {
      locks.removeIf(held -> !held.isValid());
      locks.add(lock);
    }
    return lock;
  }

  /**
   * Tells whether somebody holds a lock on a byte. Takes it, shared, for a moment: others who try
   * then are refused, so whoever finds a byte busy tries again for a while before he believes it.
   *
   * @param position of the byte
   * @return whether a participant of this or another process holds it exclusively
   */
  public boolean isLocked(long position) {
    FileLock lock = tryLock(position, 1, true);
    if (lock == null) {
      return true;
    }
    release(lock);
    return false;
  }

  /**
   * Gives a lock back. Does not block and does not react to interrupts.
   *
   * @param lock taken before; may have vanished meanwhile
   */
  public static void release(FileLock lock) {
    try {
      lock.release();
    } catch (IOException e) {
      // The channel is closed: the lock went with it.
    }
  }

  /**
   * Returns whether the path still leads to this file.
   *
   * @return false if the file was removed or replaced
   */
  public boolean isAtItsPath() {
    try {
      return key.equals(key(attributes(path)));
    } catch (IOException e) {
      return false;
    }
  }

  /**
   * Returns whether the file has more than one name.
   *
   * @return true between the two steps of {@link #moveTo}, or where its process died there
   * @throws IOException if the file is gone
   */
  public boolean hasOtherName() throws IOException {
    return (Integer) Files.getAttribute(path, "unix:nlink", LinkOption.NOFOLLOW_LINKS) > 1;
  }

  /**
   * Moves the file to another name; fails if that exists.
   *
   * @param target the new path, in the same directory
   * @return whether the file has the new path now; else it keeps the old one
   * @throws IOException if the system refuses
   */
  public boolean moveTo(Path target) throws IOException {
    try {
      return onIoThread(() -> {
        // A rename would replace an existing file; a link does not.
        Files.createLink(target, path);
        Path old = path;
        path = target;
        deleteQuietly(old);
        return true;
      });
    } catch (FileAlreadyExistsException e) {
      return false;
    }
  }

  /**
   * Gives the file back. When nobody in this JVM uses it any more, the descriptor is closed, and
   * with it every lock of this process on the file. Idempotent.
   */
  public void close() {
    synchronized (SharedTable.MONITOR) {
      if (!open) {
        return;
      }
      open = false;
      Map<String, Object[]> table = SharedTable.get();
      Object[] entry = table.get(key);
      int users = (Integer) entry[Entry.USERS] - 1;
      entry[Entry.USERS] = users;
      if (users == 0) {
        table.remove(key);
        closeQuietly(channel);
        SharedTable.endIfEmpty(table);
      }
    }
  }

  /**
   * If this is the last user of the file in this JVM, keeps the descriptor open for the life of the
   * JVM: somebody else in this process (a native library, say) has locks on the file, which closing
   * it would drop.
   */
  public void parkIfLastUser() {
    synchronized (SharedTable.MONITOR) {
      Object[] entry = SharedTable.get().get(key);
      if (open && (Integer) entry[Entry.USERS] == 1) {
        entry[Entry.USERS] = 2;
      }
    }
  }

  /**
   * Makes an exception of a failed system call.
   *
   * @param channelName for the message
   * @param what was tried
   * @param cause the failure
   * @return the exception, of reason {@code PERMISSION}, {@code DIRECTORY_FULL} or {@code IO}
   */
  public static QdsException failure(String channelName, String what, IOException cause) {
    String text = String.valueOf(cause.getMessage());
    String detail =
        cause instanceof FileSystemException f && f.getReason() != null ? f.getReason() : text;
    if (cause instanceof AccessDeniedException || isOthers(cause)) {
      return new QdsException(
          Reason.PERMISSION,
          "channel="
              + channelName
              + ": cannot "
              + what
              + ": permission denied for user "
              + System.getProperty("user.name")
              + "; a writer sets the permissions by fileMode, a reader needs read and write"
              + " permission",
          cause);
    }
    if (SystemErrors.isFull(detail)) {
      return new QdsException(
          Reason.DIRECTORY_FULL,
          "channel=" + channelName + ": cannot " + what + ": " + detail + "; " + MORE_ROOM,
          cause);
    }
    String remedy =
        SystemErrors.isOutOfDescriptors()
            ? "; this process has as many files open as it may: close some, or raise the limit"
                + " (ulimit -n)"
            : "";
    return new QdsException(
        Reason.IO, "channel=" + channelName + ": cannot " + what + ": " + detail + remedy, cause);
  }

  /**
   * Returns whether a file was refused that belongs to another user: in a sticky directory, say.
   */
  private static boolean isOthers(IOException cause) {
    try {
      return cause instanceof FileSystemException f
          && f.getFile() != null
          && !SystemErrors.isOutOfDescriptors()
          && isForeign(Path.of(f.getFile()));
    } catch (IOException e) {
      return false;
    }
  }

  private FileLock tryLock(long position, long length, boolean shared) {
    try {
      return channel.tryLock(position, length, shared);
    } catch (OverlappingFileLockException e) {
      return null;
    } catch (IOException e) {
      throw failure(path.getFileName().toString(), "lock " + path, e);
    }
  }

  private static SegmentFile openOnce(Path path, Map<String, Object> attributes)
      throws IOException {
    String key = key(attributes);
    long inode = (Long) attributes.get("ino");
    synchronized (SharedTable.MONITOR) {
      Map<String, Object[]> table = SharedTable.get();
      try {
        Object[] entry = table.get(key);
        if (entry == null) {
          boolean[] writable = {true};
          FileChannel channel = onIoThread(() -> openChannel(path, writable));
          entry = entry(channel, writable[0], ConcurrentHashMap.newKeySet());
          if (!key.equals(keyOrNull(path))) {
            // Some other file was opened. Its descriptor must not be closed, this JVM may have
            // locks on that file: keep it, under a name that nobody looks for.
            table.put("stray " + System.identityHashCode(entry) + " " + key, entry);
            return null;
          }
          table.put(key, entry);
        }
        entry[Entry.USERS] = (Integer) entry[Entry.USERS] + 1;
        return new SegmentFile(
            path,
            key,
            (FileChannel) entry[Entry.CHANNEL],
            (Boolean) entry[Entry.WRITABLE],
            inode,
            null,
            locks(entry));
      } finally {
        SharedTable.endIfEmpty(table);
      }
    }
  }

  private static Object[] entry(FileChannel channel, boolean writable, Set<FileLock> locks) {
    Object[] entry = new Object[Entry.SIZE];
    entry[Entry.CHANNEL] = channel;
    entry[Entry.WRITABLE] = writable;
    entry[Entry.USERS] = 0;
    entry[Entry.LOCKS] = locks;
    return entry;
  }

  @SuppressWarnings("unchecked") // as entry() makes it
  private static Set<FileLock> locks(Object[] entry) {
    return (Set<FileLock>) entry[Entry.LOCKS];
  }

  private static FileChannel openChannel(Path path, boolean[] writable) throws IOException {
    try {
      return FileChannel.open(
          path, StandardOpenOption.READ, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS);
    } catch (NoSuchFileException e) {
      throw e;
    } catch (FileSystemException e) {
      if (Files.isWritable(path)) {
        throw e;
      }
      // no permission to write, or a file system that is mounted read-only
      writable[0] = false;
      return FileChannel.open(path, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS);
    }
  }

  private static SegmentFile createEmpty(
      Path path, Set<PosixFilePermission> mode, long lockPosition, long lockLength)
      throws IOException {
    // First the table, then the private thread, as in openOnce: never the other way round.
    synchronized (SharedTable.MONITOR) {
      Map<String, Object[]> table = SharedTable.get();
      try {
        SegmentFile file = null;
        for (int attempt = 0; file == null; attempt++) {
          if (attempt == OPEN_ATTEMPTS) {
            throw new IOException("others lock or delete the new file all the time");
          }
          file = onIoThread(() -> openNew(path, mode, lockPosition, lockLength));
        }
        Object[] entry = entry(file.channel, true, file.locks);
        entry[Entry.USERS] = 1;
        table.put(file.key, entry);
        return file;
      } finally {
        SharedTable.endIfEmpty(table);
      }
    }
  }

  /** Returns null if somebody probed or deleted the file before it was locked. */
  private static SegmentFile openNew(
      Path path, Set<PosixFilePermission> mode, long lockPosition, long lockLength)
      throws IOException {
    FileChannel channel =
        FileChannel.open(
            path,
            Set.of(
                StandardOpenOption.CREATE_NEW,
                StandardOpenOption.READ,
                StandardOpenOption.WRITE,
                LinkOption.NOFOLLOW_LINKS),
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    boolean complete = false;
    try {
      FileLock lock = channel.tryLock(lockPosition, lockLength, false);
      if (lock == null) {
        return null;
      }
      Files.setPosixFilePermissions(path, mode);
      Map<String, Object> attributes = attributes(path);
      Set<FileLock> locks = ConcurrentHashMap.newKeySet();
      locks.add(lock);
      SegmentFile file =
          new SegmentFile(
              path, key(attributes), channel, true, (Long) attributes.get("ino"), lock, locks);
      complete = true;
      return file;
    } catch (NoSuchFileException e) {
      return null;
    } finally {
      if (!complete) {
        deleteQuietly(path);
        closeQuietly(channel);
      }
    }
  }

  /** In portions, so that nobody else waits long for the private thread. */
  private void fill(long length) throws IOException {
    ByteBuffer zeros = ByteBuffer.allocateDirect((int) Math.min(ZEROS_LENGTH, length));
    for (long done = 0; done < length; ) {
      long position = done;
      done +=
          call(c -> {
            zeros.clear().limit((int) Math.min(zeros.capacity(), length - position));
            return c.write(zeros, position);
          });
    }
  }

  /** Takes a file away that nobody knows yet. */
  private void discard() {
    deleteQuietly(path);
    close();
  }

  private static Map<String, Object> attributes(Path path) throws IOException {
    return Files.readAttributes(
        path,
        "unix:ino,uid,fileKey,isRegularFile,isDirectory,isSymbolicLink",
        LinkOption.NOFOLLOW_LINKS);
  }

  private static String kind(Map<String, Object> attributes) {
    if (Boolean.TRUE.equals(attributes.get("isDirectory"))) {
      return "a directory";
    }
    return Boolean.TRUE.equals(attributes.get("isSymbolicLink"))
        ? "a symbolic link"
        : "a pipe, socket or device";
  }

  private static String key(Map<String, Object> attributes) {
    return String.valueOf(attributes.get("fileKey"));
  }

  private static String keyOrNull(Path path) {
    try {
      return key(attributes(path));
    } catch (IOException e) {
      return null;
    }
  }

  private static void deleteQuietly(Path path) {
    try {
      Files.deleteIfExists(path);
    } catch (IOException e) {
      // A caller that fails reports its own failure; else whoever sweeps the directory removes it.
    }
  }

  private static void closeQuietly(FileChannel channel) {
    try {
      channel.close();
    } catch (IOException e) {
      // nothing was written that could be lost
    }
  }

  /** A piece of work for the private thread. */
  @FunctionalInterface
  private interface Work<R> {
    R run() throws IOException;
  }

  private static <R> R onIoThread(Work<R> work) throws IOException {
    Future<R> future = IO_THREAD.submit(work::run);
    boolean interrupted = false;
    try {
      while (true) {
        try {
          return future.get();
        } catch (InterruptedException e) {
          interrupted = true;
        } catch (ExecutionException e) {
          Throwable cause = e.getCause();
          if (cause instanceof IOException io) {
            throw io;
          }
          if (cause instanceof RuntimeException runtime) {
            throw runtime;
          }
          if (cause instanceof Error error) {
            throw error;
          }
          throw new IllegalStateException("segment file work failed", cause);
        }
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
