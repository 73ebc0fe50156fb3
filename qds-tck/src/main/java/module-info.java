/** The compatibility kit. */
module io.qadataswap.tck {
  requires io.qadataswap.api;
}
