package io.qadataswap.bench;

import io.qadataswap.api.Qds;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Arrow batches copied in once, one column summed by the reader, against the bare copying ring. */
final class Batches implements Scenario {
  /** What is measured, in the report; the size follows. */
  static final String LABEL = "Arrow batches of ";

  private static final double BYTES_PER_GB = 1e9;
  private static final long REPETITION_LENGTH = 256L << 20;
  private static final int WARM_UPS = 3;

  /** The least ratio to the limit that QDS keeps to, at the sizes where it has a goal. */
  private static final double GOAL = 0.9;

  /** Slots of the bare ring: enough that neither side waits for the other in passing. */
  private static final int SLOT_COUNT = 4;

  private record Way(String name, String backend, String layout) {}

  private record Size(String name, long length, double goal) {}

  private static final List<Size> SIZES =
      List.of(
          new Size("64 KiB", 64 << 10, Double.NaN),
          new Size("1 MiB", 1 << 20, GOAL),
          new Size("16 MiB", 16 << 20, GOAL),
          new Size("64 MiB", 64 << 20, Double.NaN));

  @Override
  public String name() {
    return "batches";
  }

  @Override
  public List<Measurement> measure(Bench bench) throws IOException {
    List<Measurement> measurements = new ArrayList<>();
    for (Size size : SIZES) {
      measurements.addAll(measure(bench, size));
    }
    return measurements;
  }

  /** Returns each backend with the native layout, and the original's where it works. */
  private static List<Way> ways(Bench bench) {
    List<Way> ways = new ArrayList<>();
    for (String backend : bench.backends()) {
      ways.add(new Way(backend, backend, Qds.DEFAULT_LAYOUT));
    }
    if (bench.backends().contains("ffm")) {
      ways.add(new Way("qads1", "ffm", "qads1"));
    }
    return ways;
  }

  private List<Measurement> measure(Bench bench, Size size) throws IOException {
    Path directory = Files.createDirectory(bench.directory().resolve(name() + size.length()));
    long count = REPETITION_LENGTH / size.length();
    List<Contender> contenders = new ArrayList<>();
    try (SidesList all = new SidesList()) {
      Sides ring = bench.limits().startCopyRing(directory, size.length(), SLOT_COUNT);
      Contender limit =
          new Contender(
              "limit", all.add(ring), count, results -> results.get("bytes_per_s") / BYTES_PER_GB);
      limit.warmUp(1);
      for (Way way : ways(bench)) {
        Sides sides =
            Jvm.start(bench, directory, "qds-batches", way.backend(), way.layout(), size.length());
        contenders.add(
            new Contender(
                "QDS " + way.name(),
                all.add(sides),
                count,
                results ->
                    // bytes per nanosecond
                    REPETITION_LENGTH / (results.get("end_ns") - results.get("start_ns"))));
      }
      for (Contender contender : contenders) {
        contender.warmUp(WARM_UPS);
      }
      Contest contest = Contest.hold(limit, contenders, bench.repetitionCount());
      List<Measurement> measurements = new ArrayList<>();
      for (int i = 0; i < contenders.size(); i++) {
        String scenario = LABEL + size.name();
        measurements.add(contest.measurement(i, scenario, "GB/s", false, size.goal()));
      }
      return measurements;
    } finally {
      Directories.delete(directory);
    }
  }
}
