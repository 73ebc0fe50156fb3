/** Channels on java.lang.foreign. */
module io.qadataswap.shm.ffm {
  requires io.qadataswap.api;

  exports io.qadataswap.shm.ffm;
}
