/** The user's own codec. What needs it requires this module; tools find it as a service. */
module org.example.trade {
  requires transitive io.qadataswap.api;

  exports org.example.trade;

  provides io.qadataswap.api.codec.CodecProvider with
      org.example.trade.TradeCodecProvider;
}
