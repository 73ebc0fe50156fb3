package io.qadataswap.tck;

class FfmChannelTckTest extends ChannelTck {
  @Override
  protected String backend() {
    return "ffm";
  }
}
