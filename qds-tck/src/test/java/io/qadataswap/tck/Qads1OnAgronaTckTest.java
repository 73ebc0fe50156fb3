package io.qadataswap.tck;

class Qads1OnAgronaTckTest extends RingLayoutTck {
  @Override
  protected String layout() {
    return "qads1";
  }

  @Override
  protected String backend() {
    return "agrona";
  }

  @Override
  protected boolean refusesBackend() {
    return true;
  }
}
