package io.qadataswap.bench;

import java.io.IOException;
import java.util.Map;
import java.util.function.ToDoubleFunction;

/**
 * Two sides that are measured, or that show a limit.
 *
 * @param name for the report
 * @param sides to run
 * @param count of rounds in a repetition
 * @param value picks what counts from the results
 */
record Contender(
    String name, Sides sides, long count, ToDoubleFunction<Map<String, Double>> value) {
  /** Runs so many repetitions without looking at them. */
  void warmUp(int repetitions) throws IOException {
    for (int i = 0; i < repetitions; i++) {
      sides.run(count);
    }
  }

  /** Runs one repetition. */
  Map<String, Double> run() throws IOException {
    return sides.run(count);
  }
}
