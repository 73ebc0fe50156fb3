package io.qadataswap.bench;

import org.HdrHistogram.Histogram;

/**
 * A 64-byte message there and back. Side 1 answers as soon as it has read a message, side 0 takes
 * the time until it has read the answer; what ends the reading of a message comes after that.
 */
abstract class PingPong implements Side {
  /** Bytes of a message: its number and seven more words that depend on it. */
  static final int MESSAGE_LENGTH = 64;

  private final int side;
  private final Spin spin = new Spin();
  private final Histogram times = new Histogram(3);
  private long expected = 1;
  private long startNs;

  PingPong(int side) {
    this.side = side;
  }

  /** Sends a message; its words are the number, and the number plus their offsets. */
  abstract void send(long number);

  /**
   * Calls {@link #received} with the next message if it is there. Does not block.
   *
   * @return whether it was there
   */
  abstract boolean poll();

  /** Called with a message that is there: its number and the sum of all of its words. */
  final void received(long number, long sum) {
    if (side == 0) {
      times.recordValue(System.nanoTime() - startNs);
    } else {
      send(number);
    }
    long expectedSum = MESSAGE_LENGTH / Long.BYTES * number + sumOfOffsets();
    if (number != expected || sum != expectedSum) {
      throw new IllegalStateException(
          "number=" + number + " expected=" + expected + " sum=" + sum + " of " + expectedSum);
    }
  }

  @Override
  public final String run(long count) {
    times.reset();
    for (long i = 0; i < count; i++) {
      round();
    }
    return side == 1
        ? "done"
        : "p50_ns="
            + times.getValueAtPercentile(50)
            + " p99_ns="
            + times.getValueAtPercentile(99)
            + " p999_ns="
            + times.getValueAtPercentile(99.9)
            + " max_ns="
            + times.getMaxValue();
  }

  private void round() {
    if (side == 0) {
      startNs = System.nanoTime();
      send(expected);
    }
    while (!poll()) {
      spin.turn();
    }
    spin.reset();
    expected++;
  }

  private static long sumOfOffsets() {
    long sum = 0;
    for (int offset = 0; offset < MESSAGE_LENGTH; offset += Long.BYTES) {
      sum += offset;
    }
    return sum;
  }
}
