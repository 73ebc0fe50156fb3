package org.example.trade;

import io.qadataswap.api.Qds;
import io.qadataswap.api.Writer;

/** One process: it writes two trades and ends. */
public final class WriteTrades {
  private WriteTrades() {}

  /**
   * Writes.
   *
   * @param arguments none
   * @throws InterruptedException if interrupted while waiting
   */
  // tag::write[]
  public static void main(String[] arguments) throws InterruptedException {
    try (Writer<Trade> writer = Qds.writer("trades", new TradeCodec()).open()) {
      writer.write(new Trade(1, 10.5, 100, "QDS"));
      writer.write(new Trade(2, 0.25, -7, ""));
    }
  }
  // end::write[]
}
