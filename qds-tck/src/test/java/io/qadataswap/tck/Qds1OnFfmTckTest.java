package io.qadataswap.tck;

// tag::layout[]
class Qds1OnFfmTckTest extends RingLayoutTck {
  @Override
  protected String layout() {
    return "qds1"; // RingLayout.name()
  }

  @Override
  protected String backend() {
    return "ffm";
  }
}
// end::layout[]
