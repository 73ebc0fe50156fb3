/**
 * The API of QDS: the facade ({@link io.qadataswap.api.Qds}), the three service interfaces ({@link
 * io.qadataswap.api.channel.Channel}, {@link io.qadataswap.api.layout.RingLayout}, {@link
 * io.qadataswap.api.codec.Codec}) and the built-in layouts, the native one and that of the original
 * QADataSwap 0.1, which are found through {@link java.util.ServiceLoader} like any other.
 */
module io.qadataswap.api {
  exports io.qadataswap.api;
  exports io.qadataswap.api.channel;
  exports io.qadataswap.api.codec;
  exports io.qadataswap.api.layout;

  uses io.qadataswap.api.channel.ChannelProvider;
  uses io.qadataswap.api.codec.CodecProvider;
  uses io.qadataswap.api.layout.RingLayout;

  provides io.qadataswap.api.codec.CodecProvider with
      io.qadataswap.api.codec.RegionCodec.Provider;
  provides io.qadataswap.api.layout.RingLayout with
      io.qadataswap.api.internal.qds1.Qds1Layout,
      io.qadataswap.api.internal.qads1.Qads1Layout;
}
