package io.qadataswap.api.internal;

import io.qadataswap.api.Qds;
import io.qadataswap.api.QdsException;
import io.qadataswap.api.QdsException.Reason;
import io.qadataswap.api.WriterOptions;
import io.qadataswap.api.channel.SegmentFile;
import java.io.IOException;
import java.nio.channels.FileLock;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.locks.LockSupport;

/**
 * What layouts share of the directory of segments: preparing it, the temporary names under which
 * segments begin, and sweeping what creators that died have left of them.
 */
public final class SegmentDirectory {
  /** Probes take a lock for a moment: a busy byte is believed only after this time. */
  public static final long BUSY_BYTE_NS = 100_000_000;

  /** How often a busy byte is tried. */
  public static final long BUSY_BYTE_POLL_NS = 2_000_000;

  private static final System.Logger LOGGER = System.getLogger("io.qadataswap.api");

  private static final String TEMPORARY_PREFIX = ".";
  private static final String TEMPORARY_SUFFIX = ".tmp";

  /**
   * A creator locks its file right after it has made it; until then nothing tells that it lives.
   */
  private static final long UNLOCKED_CREATION_MS = 10_000;

  private SegmentDirectory() {}

  /**
   * Makes sure that a segment can be created: makes the default directory if it is missing.
   *
   * @param options of the segment
   * @throws QdsException with reason {@code IO} or {@code PERMISSION} if it cannot
   */
  public static void prepare(WriterOptions options) {
    Path directory = options.directory();
    String where = "channel=" + options.name() + ": the directory " + directory;
    String remedy = " or choose another (qds.dir, QDS_DIR)";
    try {
      if (directory.equals(Qds.directory())) {
        Files.createDirectories(directory);
      }
      if (!Files.readAttributes(directory, BasicFileAttributes.class).isDirectory()) {
        throw new QdsException(Reason.IO, where + " is a file; remove it" + remedy);
      }
      if (!Files.isWritable(directory)) {
        throw new QdsException(
            Reason.PERMISSION,
            where
                + " cannot be written by user "
                + System.getProperty("user.name")
                + ", found permissions="
                + PosixFilePermissions.toString(Files.getPosixFilePermissions(directory))
                + " owner="
                + Files.getOwner(directory)
                + "; allow it, mount it writable,"
                + remedy);
      }
    } catch (NoSuchFileException e) {
      throw new QdsException(Reason.IO, where + " does not exist; create it" + remedy, e);
    } catch (IOException e) {
      throw SegmentFile.failure(options.name(), "use the directory " + directory, e);
    }
  }

  /**
   * Returns a name under which a segment begins; nobody else has it.
   *
   * @param path of the segment when it is complete
   * @return a path in the same directory
   */
  public static Path temporary(Path path) {
    return path.resolveSibling(
        TEMPORARY_PREFIX
            + path.getFileName()
            + Long.toHexString(ThreadLocalRandom.current().nextLong())
            + TEMPORARY_SUFFIX);
  }

  /**
   * Removes temporary files whose creators are gone.
   *
   * @param directory to sweep
   * @param fileNames a glob of the complete segments' names
   * @param lockPosition of the byte that a creator holds
   * @return the names that were removed
   */
  public static List<String> sweep(Path directory, String fileNames, long lockPosition) {
    List<String> removed = new ArrayList<>();
    String glob = TEMPORARY_PREFIX + fileNames + "*" + TEMPORARY_SUFFIX;
    try (DirectoryStream<Path> files = Files.newDirectoryStream(directory, glob)) {
      for (Path path : files) {
        if (sweepOne(path, lockPosition)) {
          removed.add(path.getFileName().toString());
        }
      }
    } catch (IOException e) {
      throw SegmentFile.failure("(all)", "sweep " + directory, e);
    }
    return removed;
  }

  /**
   * Does what {@link #sweep} does as far as it is allowed to, and says so.
   *
   * @param options of the segment that is about to be created
   * @param fileNames a glob of the complete segments' names
   * @param lockPosition of the byte that a creator holds
   */
  public static void sweepFirst(WriterOptions options, String fileNames, long lockPosition) {
    try {
      for (String removed : sweep(options.directory(), fileNames, lockPosition)) {
        LOGGER.log(
            System.Logger.Level.INFO,
            "channel={0}: removed {1}, left in {2} by a creator that died",
            options.name(),
            removed,
            options.directory());
      }
    } catch (QdsException e) {
      // A directory that may not be listed can be written to all the same.
      LOGGER.log(System.Logger.Level.DEBUG, "channel=" + options.name() + ": no sweep", e);
    }
  }

  /**
   * Tries to take a lock for as long as probes may be in its way.
   *
   * @param file to lock
   * @param position first byte
   * @param length bytes
   * @return the lock, or null if somebody holds it
   */
  public static FileLock lockPatiently(SegmentFile file, long position, long length) {
    long startNs = System.nanoTime();
    while (true) {
      FileLock lock = file.tryLock(position, length);
      if (lock != null || System.nanoTime() - startNs >= BUSY_BYTE_NS) {
        return lock;
      }
      LockSupport.parkNanos(BUSY_BYTE_POLL_NS);
    }
  }

  /** Leaves what belongs to others, or is no file that a creator makes. */
  private static boolean sweepOne(Path path, long lockPosition) {
    SegmentFile file = null;
    try {
      boolean justBegun =
          Files.size(path) == 0
              && Files.getLastModifiedTime(path).toMillis()
                  > System.currentTimeMillis() - UNLOCKED_CREATION_MS;
      if (justBegun) {
        return false;
      }
      file = SegmentFile.open(path, path.getFileName().toString());
      // The writer of a file that has its name needs the temporary one no more, dead or alive.
      return file.isWritable()
          && (file.hasOtherName() || !file.isLocked(lockPosition))
          && Files.deleteIfExists(path);
    } catch (QdsException | IOException e) {
      return false;
    } finally {
      if (file != null) {
        file.close();
      }
    }
  }

  /**
   * Returns the refusal of a writer that was to find no channel of that name.
   *
   * @param file that is there
   * @param name of the channel
   * @return the exception to throw
   */
  public static QdsException channelExists(SegmentFile file, String name) {
    return new QdsException(
        Reason.CHANNEL_EXISTS,
        "channel="
            + name
            + " exists already: "
            + file.path()
            + "; choose another name, or open with IfExists.TAKE_OVER or REPLACE");
  }

  /**
   * Opens a segment.
   *
   * @param path of the segment
   * @param name of the channel
   * @return the file, or null if there is none
   */
  public static SegmentFile openIfThere(Path path, String name) {
    try {
      return SegmentFile.open(path, name);
    } catch (QdsException e) {
      if (e.reason() == Reason.NO_SUCH_CHANNEL) {
        return null;
      }
      throw e;
    }
  }

  /**
   * Refuses a segment that this user may not write to.
   *
   * @param file of the segment
   * @param name of the channel
   */
  public static void requireWritable(SegmentFile file, String name) {
    if (!file.isWritable()) {
      throw new QdsException(
          Reason.PERMISSION,
          "channel="
              + name
              + ": no write permission on "
              + file.path()
              + "; writers and readers need it, a writer sets the permissions by fileMode");
    }
  }

  /**
   * Returns what ends too many attempts to open a channel.
   *
   * @param name of the channel
   * @return the exception to throw
   */
  public static QdsException busy(String name) {
    return new QdsException(
        Reason.IO,
        "channel=" + name + " is being created and removed by others all the time; try again");
  }
}
