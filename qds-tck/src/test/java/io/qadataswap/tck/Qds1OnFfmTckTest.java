package io.qadataswap.tck;

class Qds1OnFfmTckTest extends RingLayoutTck {
  @Override
  protected String layout() {
    return "qds1";
  }

  @Override
  protected String backend() {
    return "ffm";
  }
}
