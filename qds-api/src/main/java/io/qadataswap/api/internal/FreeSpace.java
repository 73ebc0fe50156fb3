package io.qadataswap.api.internal;

import io.qadataswap.api.QdsException;
import io.qadataswap.api.QdsException.Reason;
import io.qadataswap.api.channel.SegmentFile;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * Refuses to create a segment that the file system, the file-size limit of this process or the
 * memory limit of its control group has no room for: filling it would end in an error, or in the
 * kernel killing the process.
 */
public final class FreeSpace {
  private static final Path CONTROL_GROUPS = Path.of("/sys/fs/cgroup");

  private static final System.Logger LOGGER = System.getLogger("io.qadataswap.api");

  private FreeSpace() {}

  /**
   * Checks that there is room for a segment.
   *
   * @param directory where it is to lie
   * @param channelName for messages
   * @param length of the segment, in bytes
   * @throws QdsException with reason {@code DIRECTORY_FULL} or {@code IO} if there is not
   */
  public static void require(Path directory, String channelName, long length) {
    requireFileSize(channelName, length);
    try {
      FileStore store = Files.getFileStore(directory);
      if (store.getUsableSpace() < length) {
        throw new QdsException(
            Reason.DIRECTORY_FULL,
            "channel="
                + channelName
                + ": "
                + directory
                + " on "
                + store
                + " has "
                + store.getUsableSpace()
                + " bytes free of "
                + store.getTotalSpace()
                + ", needed="
                + length
                + "; "
                + SegmentFile.MORE_ROOM);
      }
      if (store.type().equals("tmpfs")) {
        requireMemory(channelName, length);
      }
    } catch (IOException e) {
      // Some containers show no mount for the directory, and a process that has no file descriptor
      // left sees none: filling the file tells then, if a little later.
      LOGGER.log(System.Logger.Level.DEBUG, "channel=" + channelName + ": free space unknown", e);
    }
  }

  /** The limit that {@code ulimit -f} sets. */
  private static void requireFileSize(String channelName, long length) {
    String title = "Max file size";
    String limits;
    try {
      limits = read(Path.of("/proc/self/limits"));
    } catch (IOException e) {
      return; // not Linux
    }
    limits
        .lines()
        .filter(line -> line.startsWith(title))
        .map(line -> line.substring(title.length()).trim().split(" ", 2)[0])
        .filter(limit -> limit.matches("[0-9]+") && Long.parseUnsignedLong(limit) < length)
        .findFirst()
        .ifPresent(limit -> {
          throw new QdsException(
              Reason.IO,
              "channel="
                  + channelName
                  + " segment length="
                  + length
                  + " allowed=up to "
                  + limit
                  + " bytes, the file-size limit of this process; ask for a smaller capacity or"
                  + " raise the limit (ulimit -f)");
        });
  }

  private static void requireMemory(String channelName, long length) throws IOException {
    Path groups = Path.of("/proc/self/cgroup");
    if (!Files.isReadable(groups)) {
      return; // not Linux
    }
    for (String line : read(groups).lines().toList()) {
      String[] fields = line.split(":", 3);
      if (fields[1].isEmpty()) {
        requireMemory(
            channelName,
            length,
            CONTROL_GROUPS,
            fields[2],
            List.of("memory.max", "memory.current", "active_file", "inactive_file"));
      } else if (fields[1].equals("memory")) {
        requireMemory(
            channelName,
            length,
            CONTROL_GROUPS.resolve("memory"),
            fields[2],
            List.of(
                "memory.limit_in_bytes",
                "memory.usage_in_bytes",
                "total_active_file",
                "total_inactive_file"));
      }
    }
  }

  /** Looks at a group and those above it. A container sees its own group as the root. */
  private static void requireMemory(
      String channelName, long length, Path root, String name, List<String> files) {
    Path group = root.resolve(name.substring(1)).normalize();
    if (!Files.isDirectory(group)) {
      group = root;
    }
    while (group != null && group.startsWith(root)) {
      long limit = number(group.resolve(files.get(0)));
      long used = number(group.resolve(files.get(1)));
      if (limit >= 0 && used >= 0 && limit - used < length) {
        // The kernel drops files' pages that it can read again.
        long reclaimable = statistic(group, files.get(2)) + statistic(group, files.get(3));
        requireMemory(channelName, length, group, limit, Math.max(0, used - reclaimable));
      }
      group = group.getParent();
    }
  }

  private static void requireMemory(
      String channelName, long length, Path group, long limit, long used) {
    if (limit - used < length) {
      throw new QdsException(
          Reason.DIRECTORY_FULL,
          "channel="
              + channelName
              + ": the memory limit of control group "
              + group
              + " is "
              + limit
              + " bytes, used="
              + used
              + ", needed="
              + length
              + "; ask for a smaller capacity or raise the limit");
    }
  }

  /** Returns a line of the group's statistics, 0 if it is not there. */
  private static long statistic(Path group, String name) {
    try {
      return read(group.resolve("memory.stat"))
          .lines()
          .filter(line -> line.startsWith(name + " "))
          .mapToLong(line -> Long.parseLong(line.substring(name.length() + 1)))
          .findFirst()
          .orElse(0);
    } catch (IOException | NumberFormatException e) {
      return 0;
    }
  }

  /** Returns -1 if the file is not there or says that there is no limit. */
  private static long number(Path file) {
    try {
      return Long.parseLong(read(file).trim());
    } catch (IOException | NumberFormatException e) {
      return -1;
    }
  }

  private static String read(Path file) throws IOException {
    try (InputStream in = new FileInputStream(file.toFile())) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
  }
}
