package org.example.mmap;

import io.qadataswap.tck.ChannelTck;

// tag::tck[]
class MmapChannelTckTest extends ChannelTck {
  @Override
  protected String backend() {
    return "mmap"; // MmapChannelProvider.name()
  }
}
// end::tck[]
