/** The compatibility kit. */
module io.qadataswap.tck {
  requires transitive io.qadataswap.api;
  requires transitive org.junit.jupiter.api;
  requires org.opentest4j;
  // To measure what a codec allocates.
  requires java.management;
  requires jdk.management;
  // Only of the packages that work with Arrow data and with JSON.
  requires static com.fasterxml.jackson.databind;
  requires static transitive org.apache.arrow.memory.core;
  requires static transitive org.apache.arrow.vector;
  requires static transitive io.qadataswap.codec.arrow;
  // Only of the live rules.
  requires static com.fasterxml.jackson.core;
  requires static transitive io.qadataswap.codec.raw;
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
  uses io.qadataswap.api.codec.CodecProvider;
  uses io.qadataswap.api.layout.RingLayout;
  uses io.qadataswap.tck.CodecSamples;

  provides io.qadataswap.tck.CodecSamples with
      io.qadataswap.tck.ArrowSamples,
      io.qadataswap.tck.BytesSamples,
      io.qadataswap.tck.live.RawSamples;
}
