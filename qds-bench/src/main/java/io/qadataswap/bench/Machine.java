package io.qadataswap.bench;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Where and when a run was made.
 *
 * @param cpu its model
 * @param cpuCount CPUs that this process may use
 * @param system name and version
 * @param jdk version and vendor of the measured JVMs
 * @param load programs that wanted to run in the last minute, on average; negative if unknown
 */
record Machine(String cpu, int cpuCount, String system, String jdk, double load) {
  static Machine here() throws IOException {
    return new Machine(
        cpuModel(),
        Runtime.getRuntime().availableProcessors(),
        System.getProperty("os.name") + " " + System.getProperty("os.version"),
        System.getProperty("java.runtime.version") + " (" + System.getProperty("java.vendor") + ")",
        ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage());
  }

  private static String cpuModel() throws IOException {
    Path info = Path.of("/proc/cpuinfo");
    if (Files.isReadable(info)) {
      for (String line : Files.readAllLines(info)) {
        if (line.startsWith("model name")) {
          return line.substring(line.indexOf(':') + 1).trim();
        }
      }
    }
    return System.getProperty("os.arch");
  }
}
