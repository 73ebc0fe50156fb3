package io.qadataswap.tck;

/**
 * How often tests that try their luck do so: {@code -Dqds.stress=N} multiplies their rounds, from
 * the few seconds that each has in every build to as long as one likes.
 */
final class Stress {
  private static final int FACTOR = Integer.getInteger("qds.stress", 1);

  private Stress() {}

  /** Returns whether more than the rounds of every build are run. */
  static boolean isLong() {
    return FACTOR > 1;
  }

  /** Returns the rounds to run where every build runs {@code base}. */
  static int rounds(int base) {
    return Math.multiplyExact(base, FACTOR);
  }
}
