/** The Arrow codec. */
module io.qadataswap.codec.arrow {
  requires io.qadataswap.api;
}
