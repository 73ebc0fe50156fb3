package io.qadataswap.bench;

import io.qadataswap.bench.Measurement.Sample;
import java.util.List;
import java.util.Locale;

/** The results for people: goals beside what was measured. */
final class Report {
  private static final double NS_PER_US = 1000;

  private final List<Measurement> measurements;
  private final Overhead overhead;
  private final StringBuilder text = new StringBuilder();

  private Report(List<Measurement> measurements, Overhead overhead) {
    this.measurements = measurements;
    this.overhead = overhead;
  }

  /** Says where and how; printed before the measuring begins. */
  static String heading(Bench bench, Machine machine, String date) {
    return String.format(
        Locale.ROOT,
        "QDS benchmarks, %s%n%s, %d CPUs, %s%nJDK %s%nTwo processes, %s; limits: %s%n%s",
        date,
        machine.cpu(),
        machine.cpuCount(),
        machine.system(),
        machine.jdk(),
        bench.placement(),
        bench.limits(),
        machine.load() > 0.5
            ? String.format(
                Locale.ROOT,
                "The machine is busy (load %.1f): expect dropped repetitions, wait for a quiet"
                    + " moment.%n",
                machine.load())
            : "");
  }

  static String of(List<Measurement> measurements, Overhead overhead) {
    Report report = new Report(measurements, overhead);
    report.addTable();
    report.addPromises();
    return report.text.toString();
  }

  private void addTable() {
    line(
        String.format(
            Locale.ROOT,
            "%-32s %-26s %14s %14s %16s  %-16s %s",
            "what",
            "who",
            "median",
            "limit",
            "ratio (best)",
            "goal",
            "kept (dropped)"));
    for (Measurement m : measurements) {
      line(
          String.format(
              Locale.ROOT,
              "%-32s %-26s %14s %14s %16s  %-16s %d (%d)",
              m.scenario(),
              m.contender(),
              number(m.median(Sample::value)) + " " + m.unit(),
              number(m.median(Sample::limit)) + " " + m.unit(),
              String.format(
                  Locale.ROOT,
                  "%.2f (%.2f)",
                  m.median(Sample::ratio),
                  m.lowerIsBetter() ? m.min(Sample::ratio) : m.max(Sample::ratio)),
              goal(m),
              m.samples().size(),
              m.droppedCount()));
    }
    line("");
    line(
        "Ratios are to the limit right before and after. A repetition is dropped if these two"
            + " differ");
    line("by more than a quarter or other programs took CPU time. Goals hold for the median.");
    line("");
  }

  private void addPromises() {
    line("QADataSwap's promises");
    for (Measurement m : measurements) {
      if (m.scenario().startsWith(Batches.LABEL)) {
        double best = m.median(Sample::value);
        promise("over 10 GB/s", best > 10, number(best) + " GB/s, " + m.scenario(), m);
      } else if (m.scenario().equals(RoundTrips.LABEL)) {
        double p50Us = m.median(Sample::value) / NS_PER_US;
        double p99Us = m.median(s -> s.details().get("p99_ns")) / NS_PER_US;
        promise(
            "under 100 us",
            p99Us < 100,
            number(p50Us) + " us there and back at the median, " + number(p99Us) + " us at p99",
            m);
      }
    }
    line(
        String.format(
            Locale.ROOT,
            "  %-22s %-7s %s",
            "under 1 % overhead",
            verdict(overhead.percent() < 1),
            String.format(
                Locale.ROOT,
                "%.3f %%: %d of %d bytes at the defaults",
                overhead.percent(),
                overhead.overheadLength(),
                overhead.segmentLength())));
  }

  private void promise(String promise, boolean kept, String found, Measurement m) {
    if (m.contender().startsWith("QDS") && m.isMeasured()) {
      line(String.format("  %-22s %-7s %-12s %s", promise, verdict(kept), m.contender(), found));
    }
  }

  private static String goal(Measurement m) {
    if (!m.hasGoal()) {
      return "";
    }
    String sign = m.lowerIsBetter() ? "<= " : ">= ";
    return sign + number(m.goal()) + (m.meetsGoal() ? " met" : " MISSED");
  }

  private static String verdict(boolean kept) {
    return kept ? "kept" : "MISSED";
  }

  private static String number(double value) {
    return String.format(Locale.ROOT, value < 100 ? "%.2f" : "%.0f", value);
  }

  private void line(String line) {
    text.append(line.stripTrailing()).append(System.lineSeparator());
  }
}
