/** The compatibility kit. */
module io.qadataswap.tck {
  requires transitive io.qadataswap.api;
  requires transitive org.junit.jupiter.api;

  exports io.qadataswap.tck;

  opens io.qadataswap.tck to
      org.junit.platform.commons;

  uses io.qadataswap.api.channel.ChannelProvider;
}
