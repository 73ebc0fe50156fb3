package io.qadataswap.bench;

import org.HdrHistogram.Histogram;

/** A 64-byte message there and back: side 0 takes the time, side 1 answers. */
abstract class PingPong implements Side {
  /** Bytes of a message; the first eight hold its number. */
  static final int MESSAGE_LENGTH = 64;

  private final int side;
  private long next = 1;

  PingPong(int side) {
    this.side = side;
  }

  /** Sends a message with its number. */
  abstract void send(long number) throws Exception;

  /** Spins until the next message is there, reads it and gives it back. Returns its number. */
  abstract long receive() throws Exception;

  @Override
  public final String run(long count) throws Exception {
    if (side == 1) {
      for (long i = 0; i < count; i++) {
        answer();
      }
      return "done";
    }
    Histogram times = new Histogram(3);
    for (long i = 0; i < count; i++) {
      times.recordValue(roundTrip());
    }
    return "p50_ns="
        + times.getValueAtPercentile(50)
        + " p99_ns="
        + times.getValueAtPercentile(99)
        + " p999_ns="
        + times.getValueAtPercentile(99.9)
        + " max_ns="
        + times.getMaxValue();
  }

  private long roundTrip() throws Exception {
    long startNs = System.nanoTime();
    send(next);
    long number = receive();
    long timeNs = System.nanoTime() - startNs;
    check(number);
    return timeNs;
  }

  private void answer() throws Exception {
    long number = receive();
    send(number);
    check(number);
  }

  private void check(long number) {
    if (number != next) {
      throw new IllegalStateException("number=" + number + " expected=" + next);
    }
    next++;
  }
}
