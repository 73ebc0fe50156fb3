package io.qadataswap.tck;

import java.util.List;

class Qds1OnAgronaTckTest extends RingLayoutTck {
  @Override
  protected String layout() {
    return "qds1";
  }

  @Override
  protected String backend() {
    return "agrona";
  }

  @Override
  protected List<String> flags() {
    return List.of("--add-opens=java.base/jdk.internal.misc=ALL-UNNAMED");
  }
}
