package io.qadataswap.api.internal.qds1;

import io.qadataswap.api.QdsException;
import io.qadataswap.api.channel.SegmentFile;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.UUID;

/**
 * Who a process is, so that a recorded process is told from a later one with the same number. On
 * Linux the start time is field 22 of {@code /proc/PID/stat} (clock ticks since boot); elsewhere it
 * is milliseconds since 1970.
 *
 * @param pid number in its PID namespace
 * @param startTime of the process
 * @param pidNamespace inode number of the namespace; 0 unknown
 */
record ProcessIdentity(long pid, long startTime, long pidNamespace) {
  private static final String BOOT_ID_FILE = "/proc/sys/kernel/random/boot_id";

  /** What {@link #startTimeOf} returns if the system does not say. */
  private static final long UNKNOWN = -1;

  private static volatile ProcessIdentity self;
  private static volatile UUID bootId;

  /**
   * Finds out who this process is, before anything depends on it.
   *
   * @throws QdsException if the system does not say, for want of descriptors
   */
  static void require(String channelName) {
    try {
      self();
      bootId();
    } catch (UncheckedIOException e) {
      throw SegmentFile.failure(channelName, "tell this process from others", e.getCause());
    }
  }

  static ProcessIdentity self() {
    if (self == null) {
      long pid = ProcessHandle.current().pid();
      long startTime = startTimeOf(pid);
      if (startTime == UNKNOWN) {
        throw new UncheckedIOException(new IOException("cannot read " + stat(pid)));
      }
      self = new ProcessIdentity(pid, startTime, ownPidNamespace());
    }
    return self;
  }

  /** Returns the id of this boot of the machine; zeros where the system has none. */
  static UUID bootId() {
    if (bootId == null) {
      bootId = readBootId();
    }
    return bootId;
  }

  /**
   * Returns whether the recorded process is known to run. A process of another namespace is never
   * known to run: for it the kernel lock alone decides.
   */
  boolean isRunning() {
    if (pid <= 0 || startTime == 0 || pidNamespace != self().pidNamespace) {
      return false;
    }
    long found = startTimeOf(pid);
    // Nobody is declared dead because this process has too many files open to look.
    return found == startTime || found == UNKNOWN;
  }

  /** Returns whether the recorded process is one of this namespace that has ended. */
  boolean isKnownDead() {
    return pid > 0 && startTime != 0 && pidNamespace == self().pidNamespace && !isRunning();
  }

  /** Returns 0 if there is no such process, or only its remains. */
  private static long startTimeOf(long pid) {
    if (!Files.exists(Path.of("/proc/self/stat"))) {
      return ProcessHandle.of(pid)
          .filter(ProcessHandle::isAlive)
          .flatMap(handle -> handle.info().startInstant())
          .map(java.time.Instant::toEpochMilli)
          .orElse(0L);
    }
    String stat;
    try {
      stat = read(stat(pid));
    } catch (IOException e) {
      return Files.isReadable(Path.of(stat(pid))) ? UNKNOWN : 0;
    }
    // The command name, field 2, is in parentheses and may hold anything, so count from its end.
    String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
    boolean zombie = fields[0].equals("Z") || fields[0].equals("X");
    return zombie ? 0 : Long.parseLong(fields[19]);
  }

  private static long ownPidNamespace() {
    try {
      String link = Files.readSymbolicLink(Path.of("/proc/self/ns/pid")).toString();
      return Long.parseLong(link.substring(link.indexOf('[') + 1, link.indexOf(']')));
    } catch (IOException | UnsupportedOperationException e) {
      return 0;
    }
  }

  private static UUID readBootId() {
    try {
      return UUID.fromString(read(BOOT_ID_FILE).trim());
    } catch (IOException e) {
      if (Files.isReadable(Path.of(BOOT_ID_FILE))) {
        throw new UncheckedIOException(e);
      }
      return new UUID(0, 0);
    }
  }

  private static String stat(long pid) {
    return "/proc/" + pid + "/stat";
  }

  /** Reads by a plain stream: unlike a channel it does not react to interrupts. */
  private static String read(String file) throws IOException {
    try (InputStream in = new FileInputStream(file)) {
      return new String(in.readAllBytes(), StandardCharsets.ISO_8859_1);
    }
  }
}
