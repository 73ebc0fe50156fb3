package io.qadataswap.api.internal.qads1;

import io.qadataswap.api.ChannelInfo;
import io.qadataswap.api.QdsException.Reason;
import io.qadataswap.api.QdsProvider;
import io.qadataswap.api.ReaderOptions;
import io.qadataswap.api.Unavailability;
import io.qadataswap.api.WriterOptions;
import io.qadataswap.api.channel.ChannelProvider;
import io.qadataswap.api.internal.SegmentDirectory;
import io.qadataswap.api.layout.RingLayout;
import io.qadataswap.api.layout.RingReader;
import io.qadataswap.api.layout.RingWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** The layout of the original QADataSwap 0.1 as a plugin. */
public final class Qads1Layout implements RingLayout {
  /** How users choose it. */
  static final String NAME = "qads1";

  /** For {@link java.util.ServiceLoader}. */
  public Qads1Layout() {}

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public int rank() {
    return 10;
  }

  @Override
  public int apiVersion() {
    return QdsProvider.API_VERSION;
  }

  @Override
  public Optional<Unavailability> unavailableReason() {
    return System.getProperty("os.name").equals("Linux")
        ? Optional.empty()
        : Optional.of(
            new Unavailability(
                Reason.PLATFORM_UNSUPPORTED,
                "works on Linux, where shared memory objects are files in /dev/shm; use layout"
                    + " qds1"));
  }

  @Override
  public RingWriter openWriter(WriterOptions options, ChannelProvider backend) {
    return Segments.openWriter(options, backend);
  }

  @Override
  public RingReader openReader(ReaderOptions options, ChannelProvider backend) {
    return Segments.openReader(options, backend);
  }

  @Override
  public List<String> list(Path directory) {
    return Inspection.list(directory);
  }

  @Override
  public ChannelInfo inspect(Path directory, String name, ChannelProvider backend) {
    return Inspection.inspect(directory, name, backend);
  }

  @Override
  public void remove(Path directory, String name, boolean force, ChannelProvider backend) {
    Segments.remove(directory, name, force, backend);
  }

  @Override
  public List<String> sweep(Path directory) {
    return SegmentDirectory.sweep(
        directory, Segments.FILE_NAMES, HeaderDescriptor.WRITER_LOCK_POSITION);
  }
}
