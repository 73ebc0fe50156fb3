/**
 * Channels on Agrona's buffers, for Java 17 and later. Agrona needs the JVM flag {@code
 * --add-opens=java.base/jdk.internal.misc=org.agrona} on the module path, and {@code
 * --add-opens=java.base/jdk.internal.misc=ALL-UNNAMED} on the class path.
 */
@SuppressWarnings("requires-automatic") // Agrona has no descriptor, but states its module's name
module io.qadataswap.shm.agrona {
  requires transitive io.qadataswap.api;
  requires org.agrona;

  exports io.qadataswap.shm.agrona;

  provides io.qadataswap.api.channel.ChannelProvider with
      io.qadataswap.shm.agrona.AgronaChannelProvider;
}
