package io.qadataswap.bench;

import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;

/**
 * What a contender has shown.
 *
 * @param scenario what was done
 * @param contender who did it
 * @param unit of the values and the limit
 * @param lowerIsBetter whether the values are times, not rates
 * @param goal what the ratio has to keep to: at most if lower is better, else at least; NaN without
 *     one
 * @param samples the repetitions that count
 * @param droppedCount repetitions left out because the machine changed or others ran
 */
record Measurement(
    String scenario,
    String contender,
    String unit,
    boolean lowerIsBetter,
    double goal,
    List<Sample> samples,
    int droppedCount) {
  /**
   * One repetition.
   *
   * @param value the contender's
   * @param limitBefore the limit's, right before
   * @param limitAfter the limit's, right after
   * @param details everything else that it told
   */
  record Sample(double value, double limitBefore, double limitAfter, Map<String, Double> details) {
    /** The value in terms of the limit. */
    double ratio() {
      return value / limit();
    }

    double limit() {
      return (limitBefore + limitAfter) / 2;
    }
  }

  boolean hasGoal() {
    return !Double.isNaN(goal);
  }

  /** False if every repetition was dropped. */
  boolean isMeasured() {
    return !samples.isEmpty();
  }

  /** Whether the median ratio keeps to the goal. */
  boolean meetsGoal() {
    return lowerIsBetter ? median(Sample::ratio) <= goal : median(Sample::ratio) >= goal;
  }

  /** NaN without samples. */
  double median(ToDoubleFunction<Sample> of) {
    double[] sorted = samples.stream().mapToDouble(of).sorted().toArray();
    int middle = sorted.length / 2;
    if (sorted.length == 0) {
      return Double.NaN;
    }
    return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }

  double min(ToDoubleFunction<Sample> of) {
    return samples.stream().mapToDouble(of).min().orElse(Double.NaN);
  }

  double max(ToDoubleFunction<Sample> of) {
    return samples.stream().mapToDouble(of).max().orElse(Double.NaN);
  }
}
