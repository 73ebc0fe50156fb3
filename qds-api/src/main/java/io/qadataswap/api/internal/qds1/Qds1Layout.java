package io.qadataswap.api.internal.qds1;

import io.qadataswap.api.ChannelInfo;
import io.qadataswap.api.Qds;
import io.qadataswap.api.QdsProvider;
import io.qadataswap.api.ReaderOptions;
import io.qadataswap.api.Unavailability;
import io.qadataswap.api.WriterOptions;
import io.qadataswap.api.channel.ChannelProvider;
import io.qadataswap.api.layout.RingLayout;
import io.qadataswap.api.layout.RingReader;
import io.qadataswap.api.layout.RingWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** The native layout as a plugin. */
public final class Qds1Layout implements RingLayout {
  private final Segments segments = new Segments();

  /** For {@link java.util.ServiceLoader}. */
  public Qds1Layout() {}

  @Override
  public String name() {
    return Qds.DEFAULT_LAYOUT;
  }

  @Override
  public int rank() {
    return 100;
  }

  @Override
  public int apiVersion() {
    return QdsProvider.API_VERSION;
  }

  @Override
  public Optional<Unavailability> unavailableReason() {
    return Optional.empty();
  }

  @Override
  public RingWriter openWriter(WriterOptions options, ChannelProvider backend) {
    return segments.openWriter(options, backend);
  }

  @Override
  public RingReader openReader(ReaderOptions options, ChannelProvider backend) {
    return segments.openReader(options, backend);
  }

  @Override
  public List<String> list(Path directory) {
    return Inspection.list(directory);
  }

  @Override
  public ChannelInfo inspect(Path directory, String name, ChannelProvider backend) {
    return Inspection.inspect(directory, name);
  }

  @Override
  public void remove(Path directory, String name, boolean force, ChannelProvider backend) {
    segments.remove(directory, name, force);
  }

  @Override
  public List<String> sweep(Path directory) {
    return segments.sweep(directory);
  }
}
