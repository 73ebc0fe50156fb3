package io.qadataswap.api.internal.qads1;

import io.qadataswap.api.channel.SegmentFile;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Who uses an object, as Linux tells it: the processes that have it mapped ({@code
 * /proc/PID/maps}), and those that hold locks on it ({@code /proc/locks}), which are those of QDS.
 *
 * <p>Processes that this one may not look into are not seen, nor those of other PID namespaces. The
 * original makes its objects for its own user alone, whose processes may look into each other.
 */
final class ObjectUsers {
  private static final Path PROCESSES = Path.of("/proc");
  private static final Path LOCKS = PROCESSES.resolve("locks");

  /** Device and inode as they stand in {@code maps}. */
  private final String mapsText;

  /** The same as they stand in {@code locks}. */
  private final String locksText;

  /** The process that used the object when it was last looked for, 0 for none. */
  private long lastUser;

  private ObjectUsers(long device, long inode) {
    // As glibc's makedev packs them.
    long major = (device >>> 8 & 0xfff) | (device >>> 32 & ~0xfffL);
    long minor = (device & 0xff) | (device >>> 12 & 0xffff_ff00L);
    this.mapsText = " %02x:%02x %d ".formatted(major, minor, inode);
    this.locksText = "%02x:%02x:%d".formatted(major, minor, inode);
  }

  static ObjectUsers of(SegmentFile file, String channel) {
    try {
      return new ObjectUsers((Long) Files.getAttribute(file.path(), "unix:dev"), file.inode());
    } catch (IOException e) {
      throw SegmentFile.failure(channel, "look at " + file.path(), e);
    }
  }

  /** Returns the processes of QDS by the positions of the bytes that they hold. */
  Map<Long, Long> lockHolders() {
    Map<Long, Long> holders = new TreeMap<>();
    for (String line : read(LOCKS).orElse("").split("\n", -1)) {
      String[] fields = line.trim().split(" +", -1);
      if (fields.length == 8 && fields[5].equals(locksText)) {
        long first = Long.parseUnsignedLong(fields[6]);
        if (first >= HeaderDescriptor.WRITER_LOCK_POSITION) {
          holders.put(first, Long.parseLong(fields[4]));
        }
      }
    }
    return holders;
  }

  /**
   * Returns the processes that have the object mapped and are none of QDS: the original's. Empty
   * only if there is certainly none that this process could see.
   */
  Set<Long> foreign() {
    Set<Long> own = ownProcesses();
    Set<Long> found = new TreeSet<>();
    try (DirectoryStream<Path> processes = Files.newDirectoryStream(PROCESSES, "[0-9]*")) {
      for (Path process : processes) {
        long pid = Long.parseLong(process.getFileName().toString());
        if (!own.contains(pid) && uses(pid)) {
          found.add(pid);
        }
      }
    } catch (IOException e) {
      throw SegmentFile.failure("(all)", "list " + PROCESSES, e);
    }
    return found;
  }

  /** Returns whether {@link #foreign} would find any; cheap as long as the same one is there. */
  boolean anyForeign() {
    if (lastUser != 0 && !ownProcesses().contains(lastUser) && uses(lastUser)) {
      return true;
    }
    Set<Long> found = foreign();
    lastUser = found.stream().findFirst().orElse(0L);
    return !found.isEmpty();
  }

  private Set<Long> ownProcesses() {
    Set<Long> own = new TreeSet<>(lockHolders().values());
    own.add(ProcessHandle.current().pid());
    return own;
  }

  private boolean uses(long pid) {
    return read(PROCESSES.resolve(pid + "/maps"))
        .map(maps -> maps.contains(mapsText))
        .orElse(false);
  }

  /** Reads by a plain stream: unlike a channel it does not react to interrupts. */
  private static Optional<String> read(Path path) {
    try (InputStream in = new FileInputStream(path.toFile())) {
      return Optional.of(new String(in.readAllBytes(), StandardCharsets.ISO_8859_1));
    } catch (IOException e) {
      return Optional.empty();
    }
  }
}
