package io.qadataswap.api.internal.qds1;

import io.qadataswap.api.QdsException;
import io.qadataswap.api.QdsException.Reason;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Refuses to create a segment that the file system or the memory limit of this process's control
 * group has no room for: filling it would end in an error, or in the kernel killing the process.
 */
final class FreeSpace {
  private static final Path CONTROL_GROUPS = Path.of("/sys/fs/cgroup");

  private FreeSpace() {}

  static void require(Path directory, String channelName, long length) {
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
                + store.name()
                + " has "
                + store.getUsableSpace()
                + " bytes free of "
                + store.getTotalSpace()
                + ", needed="
                + length
                + "; ask for a smaller capacity, remove channels, or enlarge the file system"
                + " (mount -o remount,size=..., in a container --shm-size)");
      }
      if (store.type().equals("tmpfs")) {
        requireMemory(channelName, length);
      }
    } catch (IOException e) {
      throw io.qadataswap.api.channel.SegmentFile.failure(
          channelName, "look at the free space of " + directory, e);
    }
  }

  private static void requireMemory(String channelName, long length) throws IOException {
    Path group = ownControlGroup();
    while (group != null && group.startsWith(CONTROL_GROUPS)) {
      long limit = number(group.resolve("memory.max"));
      long used = number(group.resolve("memory.current"));
      if (limit >= 0 && used >= 0 && limit - used < length) {
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
      group = group.getParent();
    }
  }

  /** Returns null where there is no version 2 hierarchy. */
  private static Path ownControlGroup() {
    try {
      for (String line : read(Path.of("/proc/self/cgroup")).lines().toList()) {
        if (line.startsWith("0::/")) {
          return CONTROL_GROUPS.resolve(line.substring(4)).normalize();
        }
      }
    } catch (IOException e) {
      // not Linux
    }
    return null;
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
