/** A user's module that finds qds-shm-ffm as a service. */
module org.example.ffm {
  requires io.qadataswap.api;

  uses io.qadataswap.api.channel.ChannelProvider;
}
