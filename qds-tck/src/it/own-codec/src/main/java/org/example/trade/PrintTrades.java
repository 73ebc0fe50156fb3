package org.example.trade;

import io.qadataswap.api.Message;
import io.qadataswap.api.Qds;
import io.qadataswap.api.Reader;

/** Another process: it prints what the channel holds, without knowing of trades. */
public final class PrintTrades {
  private PrintTrades() {}

  /**
   * Prints.
   *
   * @param arguments none
   */
  // tag::print[]
  public static void main(String[] arguments) {
    // By ServiceLoader, as a tool would; who knows the type says new TradeCodec().
    try (Reader<?> reader = Qds.reader("trades", Qds.codec("org.example.trade-1")).open()) {
      for (Message<?> message : reader) {
        System.out.println(message.value());
      }
    }
  }
  // end::print[]
}
