package io.qadataswap.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.ToLongFunction;
import java.util.stream.Stream;

/**
 * What this process holds at one moment; -1 where the system does not tell.
 *
 * @param memoryLength bytes in memory, after a garbage collection
 * @param descriptorCount open file descriptors
 * @param threadCount threads, those of the JVM included
 * @param fileCount files of the soak in the directory of channels
 */
record SoakSample(long memoryLength, long descriptorCount, long threadCount, long fileCount) {
  private static final Path PROCESS = Path.of("/proc/self");

  /** The first part of the samples shows the start, and is not looked at. */
  private static final int START_DIVISOR = 4;

  /** Memory that a JVM may take beyond the growth allowed, such as for code that it compiles. */
  private static final long MEMORY_SLACK_LENGTH = 48L << 20;

  /** What comes and goes with the readers of one moment. */
  private static final long COUNT_SLACK = 6;

  static SoakSample take(int fileCount) throws IOException {
    System.gc();
    return new SoakSample(
        status("VmRSS:") * 1024, openDescriptorCount(), status("Threads:"), fileCount);
  }

  private static long status(String field) throws IOException {
    Path status = PROCESS.resolve("status");
    if (!Files.isReadable(status)) {
      return -1;
    }
    return Files.readAllLines(status).stream()
        .filter(line -> line.startsWith(field))
        .mapToLong(line -> Long.parseLong(line.replaceAll("[^0-9]", "")))
        .findFirst()
        .orElse(-1);
  }

  private static long openDescriptorCount() throws IOException {
    Path descriptors = PROCESS.resolve("fd");
    if (!Files.isDirectory(descriptors)) {
      return -1;
    }
    try (Stream<Path> open = Files.list(descriptors)) {
      return open.count();
    }
  }

  /** Compares the last quarter with the one after the start, by their medians. */
  static void requireFlat(List<SoakSample> samples) {
    int quarter = samples.size() / START_DIVISOR;
    if (quarter == 0) {
      return;
    }
    List<SoakSample> early = samples.subList(quarter, 2 * quarter);
    List<SoakSample> late = samples.subList(samples.size() - quarter, samples.size());
    long memory = median(early, SoakSample::memoryLength);
    requireAtMost(
        "memory",
        late,
        SoakSample::memoryLength,
        memory,
        memory + memory / 10 + MEMORY_SLACK_LENGTH);
    requireCount("file descriptors", early, late, SoakSample::descriptorCount);
    requireCount("threads", early, late, SoakSample::threadCount);
    requireCount("files", early, late, SoakSample::fileCount);
  }

  private static void requireCount(
      String what,
      List<SoakSample> early,
      List<SoakSample> late,
      ToLongFunction<SoakSample> value) {
    long before = median(early, value);
    requireAtMost(what, late, value, before, before + COUNT_SLACK);
  }

  private static void requireAtMost(
      String what,
      List<SoakSample> late,
      ToLongFunction<SoakSample> value,
      long before,
      long limit) {
    long found = median(late, value);
    if (found > limit) {
      throw new ToolException(
          what + " has grown from " + before + " to " + found + ", allowed=up to " + limit);
    }
  }

  private static long median(List<SoakSample> samples, ToLongFunction<SoakSample> value) {
    return samples.stream().mapToLong(value).sorted().toArray()[samples.size() / 2];
  }

  @Override
  public String toString() {
    return "memory "
        + Units.length(memoryLength)
        + ", "
        + descriptorCount
        + " descriptors, "
        + threadCount
        + " threads, "
        + fileCount
        + " files";
  }
}
