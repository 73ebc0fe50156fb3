package io.qadataswap.bench;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Measures contenders against a limit of the machine.
 *
 * <p>A virtual machine's CPUs move together and apart every few seconds, and other programs come
 * and go. So every repetition is short, the limit is measured right before and right after, a
 * repetition whose two limits differ or that had to share its CPUs is dropped, and the ratio is
 * formed with these two alone.
 */
final class Contest {
  /** Two measurements of the limit that differ by more show that the machine has changed. */
  private static final double ALLOWED_CHANGE = 1.25;

  /** Attempts for each repetition asked for. */
  static final int MOST_ATTEMPTS = 4;

  private final Contender limit;
  private final List<Contender> contenders;
  private final List<List<Measurement.Sample>> samples = new ArrayList<>();
  private final int[] droppedCounts;

  private Contest(Contender limit, List<Contender> contenders) {
    this.limit = limit;
    this.contenders = contenders;
    droppedCounts = new int[contenders.size()];
    contenders.forEach(contender -> samples.add(new ArrayList<>()));
  }

  /** Holds so many repetitions of each contender, in turn. */
  static Contest hold(Contender limit, List<Contender> contenders, int repetitionCount)
      throws IOException {
    Contest contest = new Contest(limit, contenders);
    contest.hold(repetitionCount);
    return contest;
  }

  /** What a contender has shown. */
  Measurement measurement(
      int contender, String scenario, String unit, boolean lowerIsBetter, double goal) {
    return new Measurement(
        scenario,
        contenders.get(contender).name(),
        unit,
        lowerIsBetter,
        goal,
        samples.get(contender),
        droppedCounts[contender]);
  }

  private void hold(int repetitionCount) throws IOException {
    Map<String, Double> before = limit.run();
    for (int attempt = 0; attempt < repetitionCount * MOST_ATTEMPTS; attempt++) {
      for (int i = 0; i < contenders.size(); i++) {
        if (samples.get(i).size() == repetitionCount) {
          continue;
        }
        Contender contender = contenders.get(i);
        Map<String, Double> results = contender.run();
        Map<String, Double> after = limit.run();
        Measurement.Sample sample =
            new Measurement.Sample(
                value(contender, results), value(limit, before), value(limit, after), results);
        if (isSteady(sample)
            && Sides.undisturbed(before)
            && Sides.undisturbed(results)
            && Sides.undisturbed(after)) {
          samples.get(i).add(sample);
        } else {
          droppedCounts[i]++;
        }
        before = after;
      }
    }
  }

  private static boolean isSteady(Measurement.Sample sample) {
    double before = sample.limitBefore();
    double after = sample.limitAfter();
    return Math.max(before, after) <= ALLOWED_CHANGE * Math.min(before, after);
  }

  private static double value(Contender contender, Map<String, Double> results) {
    return contender.value().applyAsDouble(results);
  }
}
