package io.qadataswap.api;

import io.qadataswap.api.QdsException.Reason;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.Set;

/**
 * Where QDS works: locks, mappings and memory order are those of these systems. Elsewhere there is
 * this sentence instead of whatever would fail first.
 */
final class Platform {
  private static final Set<String> SYSTEMS = Set.of("Linux", "Mac OS X");
  private static final Set<String> PROCESSORS = Set.of("amd64", "x86_64", "aarch64");

  private static final Optional<Unavailability> UNSUPPORTED = check();

  private Platform() {}

  static Optional<Unavailability> unsupported() {
    return UNSUPPORTED;
  }

  private static Optional<Unavailability> check() {
    String system = System.getProperty("os.name");
    String processor = System.getProperty("os.arch");
    boolean musl = isMusl();
    if (SYSTEMS.contains(system) && PROCESSORS.contains(processor) && !musl) {
      return Optional.empty();
    }
    return Optional.of(
        new Unavailability(
            Reason.PLATFORM_UNSUPPORTED,
            "QDS works on Linux with glibc and on macOS, with 64-bit x86 or ARM processors; this"
                + " JVM runs on "
                + system
                + (musl ? " with musl" : "")
                + ", processor "
                + processor
                + "; use a JDK or a container image for one of those"));
  }

  /** The dynamic linker of musl is mapped into every process that runs on it. */
  private static boolean isMusl() {
    try (InputStream maps = new FileInputStream("/proc/self/maps")) {
      return new String(maps.readAllBytes(), StandardCharsets.ISO_8859_1).contains("/ld-musl-");
    } catch (IOException e) {
      return false; // not Linux
    }
  }
}
