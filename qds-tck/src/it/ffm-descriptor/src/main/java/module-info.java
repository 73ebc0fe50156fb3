/** A user's module on qds-shm-ffm. */
module org.example.ffm {
  requires io.qadataswap.shm.ffm;
}
