package org.example.mmap;

import io.qadataswap.api.Unavailability;
import io.qadataswap.api.channel.Channel;
import io.qadataswap.api.channel.ChannelProvider;
import io.qadataswap.api.channel.SegmentFile;
import java.util.Optional;

// tag::provider[]
/** By which {@code Qds.writer(name, codec).backend("mmap")} finds the backend. */
public final class MmapChannelProvider implements ChannelProvider {
  @Override
  public String name() {
    return "mmap";
  }

  @Override
  public Channel map(SegmentFile file, long length, boolean writable) {
    return MmapChannel.map(file, length, writable);
  }

  @Override
  public long maxLength() {
    return Long.MAX_VALUE;
  }

  @Override
  public int rank() {
    return 0; // below the built-in ones: used by who asks for it, or has no other
  }

  @Override
  public int apiVersion() {
    return 1; // of the interfaces that this class was written for
  }

  @Override
  public Optional<Unavailability> unavailableReason() {
    return Optional.empty(); // or the flag, or whatever else a user has to add
  }
}
// end::provider[]
