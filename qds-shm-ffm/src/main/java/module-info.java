/**
 * Channels on {@code java.lang.foreign}, for Java 22 and later. No JVM flag is needed; with {@code
 * --enable-native-access=io.qadataswap.shm.ffm} waiting threads sleep in the kernel and are woken
 * by the other process, instead of looking again and again.
 */
module io.qadataswap.shm.ffm {
  requires transitive io.qadataswap.api;

  exports io.qadataswap.shm.ffm;

  provides io.qadataswap.api.channel.ChannelProvider with
      io.qadataswap.shm.ffm.FfmChannelProvider;
}
