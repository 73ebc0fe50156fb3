package org.example.trade;

import io.qadataswap.api.QdsException;
import io.qadataswap.api.Region;
import io.qadataswap.api.codec.Codec;
import io.qadataswap.api.codec.Decoder;
import io.qadataswap.api.codec.Encoder;
import io.qadataswap.api.layout.Loan;
import java.nio.charset.StandardCharsets;

// tag::codec[]
/**
 * Trades as little-endian bytes, without gaps:
 *
 * <pre>
 * offset  width  field
 *      0      8  id
 *      8      8  price
 *     16      4  quantity
 *     20      4  symbolLength, in bytes
 *     24         symbol, in UTF-8
 * </pre>
 */
public final class TradeCodec implements Codec<Trade> {
  /** Stands in the header of each channel; another byte format gets another id. */
  public static final String ID = "org.example.trade-1";

  private static final int ID_OFFSET = 0;
  private static final int PRICE_OFFSET = 8;
  private static final int QUANTITY_OFFSET = 16;
  private static final int SYMBOL_LENGTH_OFFSET = 20;
  private static final int SYMBOL_OFFSET = 24;

  @Override
  public String id() {
    return ID;
  }

  @Override
  public Encoder<Trade> newEncoder(String channel) {
    return new TradeEncoder();
  }

  @Override
  public Decoder<Trade> newDecoder(String channel, boolean fullValidation) {
    return new TradeDecoder(channel); // whose checks cost so little that they are always made
  }

  // end::codec[]

  // tag::encoder[]
  private static final class TradeEncoder implements Encoder<Trade> {
    private byte[] symbol; // of the trade that was measured last, which is the one to be encoded

    @Override
    public long measure(Trade trade) {
      symbol = trade.symbol().getBytes(StandardCharsets.UTF_8);
      return SYMBOL_OFFSET + symbol.length;
    }

    @Override
    public long encode(Trade trade, Region target) { // stores into the shared memory
      target.putLong(ID_OFFSET, trade.id());
      target.putDouble(PRICE_OFFSET, trade.price());
      target.putInt(QUANTITY_OFFSET, trade.quantity());
      target.putInt(SYMBOL_LENGTH_OFFSET, symbol.length);
      target.putBytes(SYMBOL_OFFSET, symbol, 0, symbol.length);
      return SYMBOL_OFFSET + symbol.length;
    }

    @Override
    public void close() {}
  }

  // end::encoder[]

  // tag::decoder[]
  private record TradeDecoder(String channel) implements Decoder<Trade> {
    @Override
    public Trade decode(Loan loan) {
      Region message = loan.region();
      long room = message.length() - SYMBOL_OFFSET;
      if (room < 0) {
        throw corrupt(
            loan, "length=" + message.length() + " allowed=" + SYMBOL_OFFSET + " or more");
      }
      int symbolLength = message.getInt(SYMBOL_LENGTH_OFFSET); // whatever a writer has put there
      if (symbolLength != room) {
        throw corrupt(loan, "symbolLength=" + symbolLength + " allowed=" + room);
      }
      byte[] symbol = new byte[symbolLength];
      message.getBytes(SYMBOL_OFFSET, symbol, 0, symbolLength);
      return new Trade(
          message.getLong(ID_OFFSET),
          message.getDouble(PRICE_OFFSET),
          message.getInt(QUANTITY_OFFSET),
          new String(symbol, StandardCharsets.UTF_8));
    }

    private QdsException corrupt(Loan loan, String problem) {
      return new QdsException(
          QdsException.Reason.CORRUPT,
          "channel=" + channel + " message=" + loan.sequence() + " " + problem);
    }

    @Override
    public void release(Trade trade) {} // it holds nothing of the message

    @Override
    public void close() {}
  }
  // end::decoder[]
}
