/** The compatibility kit. */
module io.qadataswap.tck {
  requires transitive io.qadataswap.api;
  requires transitive org.junit.jupiter.api;
  // Only of the packages that work with Arrow data and with JSON.
  requires static com.fasterxml.jackson.databind;
  requires static transitive org.apache.arrow.memory.core;
  requires static transitive org.apache.arrow.vector;
  // Only of the live rules.
  requires static com.fasterxml.jackson.core;
  requires static io.qadataswap.codec.arrow;
  requires static org.junit.jupiter.params;

  exports io.qadataswap.tck;
  exports io.qadataswap.tck.fixtures;
  exports io.qadataswap.tck.live;

  opens io.qadataswap.tck to
      org.junit.platform.commons;
  opens io.qadataswap.tck.live to
      com.fasterxml.jackson.databind,
      org.junit.platform.commons;

  uses io.qadataswap.api.channel.ChannelProvider;
}
