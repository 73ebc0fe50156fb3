package io.qadataswap.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** What reading an Arrow batch costs (poll, decode, close) at 64 MiB, set against 64 KiB. */
final class ReadCosts implements Scenario {
  private static final double GOAL = 1.2;
  private static final int PAIRS = 20;
  private static final int WARM_UP_PAIRS = 10_000;

  @Override
  public String name() {
    return "read-cost";
  }

  @Override
  public List<Measurement> measure(Bench bench) throws IOException {
    List<Measurement> measurements = new ArrayList<>();
    for (String backend : bench.backends()) {
      measurements.add(measure(bench, backend));
    }
    return measurements;
  }

  private Measurement measure(Bench bench, String backend) throws IOException {
    Path directory = Files.createDirectory(bench.directory().resolve(name() + backend));
    try (Sides sides = Jvm.start(bench, directory, "qds-read-cost", backend)) {
      sides.run(-WARM_UP_PAIRS);
      sides.run(PAIRS);
      List<Measurement.Sample> samples = new ArrayList<>();
      int attemptCount = 0;
      while (samples.size() < bench.repetitionCount()
          && attemptCount < bench.repetitionCount() * Contest.MOST_ATTEMPTS) {
        attemptCount++;
        Map<String, Double> results = sides.run(PAIRS);
        double small = results.get("small_ns");
        if (Sides.undisturbed(results)) {
          samples.add(new Measurement.Sample(results.get("large_ns"), small, small, results));
        }
      }
      int droppedCount = attemptCount - samples.size();
      return new Measurement(
          "read 64 MiB against 64 KiB, p50",
          "QDS " + backend,
          "ns",
          true,
          GOAL,
          samples,
          droppedCount);
    } finally {
      Directories.delete(directory);
    }
  }
}
