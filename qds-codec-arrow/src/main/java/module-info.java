/** Arrow tables in channels, see {@link io.qadataswap.codec.arrow}. */
module io.qadataswap.codec.arrow {
  requires transitive io.qadataswap.api;
  requires transitive org.apache.arrow.memory.core;
  requires transitive org.apache.arrow.vector;
  // Nobody else would have it resolved: Arrow looks for it by a class name.
  requires org.apache.arrow.memory.unsafe;

  exports io.qadataswap.codec.arrow;

  provides io.qadataswap.api.codec.CodecProvider with
      io.qadataswap.codec.arrow.ArrowCodecProvider;
}
