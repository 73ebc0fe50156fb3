package org.example.mmap;

import io.qadataswap.tck.RingLayoutTck;

// tag::ring[]
class Qds1OnMmapTckTest extends RingLayoutTck {
  @Override
  protected String layout() {
    return "qds1"; // that of qds-api
  }

  @Override
  protected String backend() {
    return "mmap";
  }
}
// end::ring[]
