/** The compatibility kit. */
module io.qadataswap.tck {
  requires transitive io.qadataswap.api;
  requires transitive org.junit.jupiter.api;
  // Only of the packages that work with Arrow data and with JSON.
  requires static com.fasterxml.jackson.databind;
  requires static transitive org.apache.arrow.memory.core;
  requires static transitive org.apache.arrow.vector;

  exports io.qadataswap.tck;
  exports io.qadataswap.tck.fixtures;

  opens io.qadataswap.tck to
      org.junit.platform.commons;

  uses io.qadataswap.api.channel.ChannelProvider;
}
