/** Raw columns and user messages on Chronicle Bytes, see {@link io.qadataswap.codec.raw}. */
@SuppressWarnings({
  "requires-automatic", // Chronicle has no descriptors, but states its modules' names
  "requires-transitive-automatic"
})
module io.qadataswap.codec.raw {
  requires transitive io.qadataswap.api;
  requires transitive chronicle.bytes;
  requires transitive chronicle.core;
  // Nobody else would have it resolved: Chronicle needs it and has no descriptor.
  requires jdk.unsupported;
  requires org.slf4j;

  exports io.qadataswap.codec.raw;

  provides io.qadataswap.api.codec.CodecProvider with
      io.qadataswap.codec.raw.RawCodecProvider;
}
