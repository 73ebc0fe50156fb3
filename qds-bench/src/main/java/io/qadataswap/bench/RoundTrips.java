package io.qadataswap.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The round trip of a 64-byte message: QDS and Agrona's ring buffer against the C ping-pong. */
final class RoundTrips implements Scenario {
  /** The ratio to the limit that QDS keeps to. */
  private static final double GOAL = 1.4;

  /** What is measured, in the report. */
  static final String LABEL = "round trip 64 B, p50";

  private static final int ROUNDS = 20_000;
  private static final int WARM_UPS = 20;

  @Override
  public String name() {
    return "round-trip";
  }

  @Override
  public List<Measurement> measure(Bench bench) throws IOException {
    Path directory = Files.createDirectory(bench.directory().resolve(name()));
    List<Contender> contenders = new ArrayList<>();
    try (SidesList all = new SidesList()) {
      Contender limit = contender("limit", all.add(bench.limits().startPingPong(directory)));
      for (String backend : bench.backends()) {
        Sides sides = Jvm.start(bench, directory, "qds-ping-pong", backend);
        contenders.add(contender("QDS " + backend, all.add(sides)));
      }
      AgronaPingPong.createFiles(directory);
      Sides agrona = Jvm.start(bench, directory, "agrona-ping-pong");
      contenders.add(contender("Agrona OneToOneRingBuffer", all.add(agrona)));
      for (Contender contender : contenders) {
        contender.warmUp(WARM_UPS);
      }
      Contest contest = Contest.hold(limit, contenders, bench.repetitionCount());
      List<Measurement> measurements = new ArrayList<>();
      for (int i = 0; i < contenders.size(); i++) {
        double goal = i < bench.backends().size() ? GOAL : Double.NaN;
        measurements.add(contest.measurement(i, LABEL, "ns", true, goal));
      }
      return measurements;
    }
  }

  private static Contender contender(String name, Sides sides) {
    return new Contender(name, sides, ROUNDS, results -> results.get("p50_ns"));
  }
}
