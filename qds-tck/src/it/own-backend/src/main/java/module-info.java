/** The user's own backend. Nobody names it: it is found as a service. */
module org.example.mmap {
  requires transitive io.qadataswap.api;

  exports org.example.mmap;

  provides io.qadataswap.api.channel.ChannelProvider with
      org.example.mmap.MmapChannelProvider;
}
