/** Channels on Agrona. */
module io.qadataswap.shm.agrona {
  requires io.qadataswap.api;
}
