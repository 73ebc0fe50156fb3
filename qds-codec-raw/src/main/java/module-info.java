/** The raw codec. */
module io.qadataswap.codec.raw {
  requires io.qadataswap.api;
}
