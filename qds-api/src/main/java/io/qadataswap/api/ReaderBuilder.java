package io.qadataswap.api;

import io.qadataswap.api.channel.ChannelProvider;
import io.qadataswap.api.codec.Codec;
import io.qadataswap.api.layout.RingLayout;
import io.qadataswap.api.layout.RingReader;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.locks.LockSupport;

/**
 * Settings of a reader; {@link #open()} opens it. Not thread-safe; may be used for several readers,
 * one after the other.
 *
 * @param <T> the type of the values
 */
public final class ReaderBuilder<T> {
  private static final long CHANNEL_POLL_NS = 5_000_000;

  private final String name;
  private final Codec<T> codec;
  private Path directory = Qds.directory();
  private ReaderMode mode = ReaderMode.LOSSLESS;
  private StartPosition start = StartPosition.oldest();
  private Trust trust = Trust.BY_OWNER;
  private WaitStrategy waitStrategy = WaitStrategy.BLOCKING;
  private boolean awaitSuccessor;
  private Duration awaitChannel = Duration.ZERO;
  private String label = "";
  private String backend;
  private String layout = Qds.DEFAULT_LAYOUT;

  ReaderBuilder(String name, Codec<T> codec) {
    this.name = Failures.requireName(name);
    this.codec = Objects.requireNonNull(codec, "codec");
  }

  /**
   * Sets what the reader is to the writer. Default {@link ReaderMode#LOSSLESS}.
   *
   * @param readerMode of this reader
   * @return this
   */
  public ReaderBuilder<T> mode(ReaderMode readerMode) {
    mode = Objects.requireNonNull(readerMode, "readerMode");
    return this;
  }

  /**
   * Sets where to start. Default {@link StartPosition#oldest()}.
   *
   * @param position of the first message
   * @return this
   */
  public ReaderBuilder<T> start(StartPosition position) {
    start = Objects.requireNonNull(position, "position");
    return this;
  }

  /**
   * Sets how far to trust what the writer stores. Default {@link Trust#BY_OWNER}.
   *
   * @param level of trust
   * @return this
   */
  public ReaderBuilder<T> trust(Trust level) {
    trust = Objects.requireNonNull(level, "level");
    return this;
  }

  /**
   * Sets how to wait for a message. Default {@link WaitStrategy#BLOCKING}.
   *
   * @param strategy of this reader
   * @return this
   */
  public ReaderBuilder<T> waitStrategy(WaitStrategy strategy) {
    waitStrategy = Objects.requireNonNull(strategy, "strategy");
    return this;
  }

  /**
   * Sets whether to wait for a new writer when the writer has died, instead of failing. Default
   * false.
   *
   * @param await whether to wait
   * @return this
   */
  public ReaderBuilder<T> awaitSuccessor(boolean await) {
    awaitSuccessor = await;
    return this;
  }

  /**
   * Sets how long {@link #open()} waits for a channel that does not exist yet. Default zero.
   *
   * @param timeout longest wait
   * @return this
   */
  public ReaderBuilder<T> awaitChannel(Duration timeout) {
    awaitChannel = Objects.requireNonNull(timeout, "timeout");
    return this;
  }

  /**
   * Sets a text that tools show for this reader.
   *
   * @param text at most 48 bytes of UTF-8
   * @return this
   */
  public ReaderBuilder<T> label(String text) {
    label = WriterBuilder.checkLabel(text);
    return this;
  }

  /**
   * Sets the directory of the segment file. Default {@link Qds#directory()}.
   *
   * @param path of a directory
   * @return this
   */
  public ReaderBuilder<T> directory(Path path) {
    directory = Objects.requireNonNull(path, "path");
    return this;
  }

  /**
   * Chooses the backend by name. Default: the usable one of the highest rank. It need not be the
   * writer's.
   *
   * @param backendName such as {@code ffm} or {@code agrona}
   * @return this
   */
  public ReaderBuilder<T> backend(String backendName) {
    backend = backendName;
    return this;
  }

  /**
   * Chooses the layout by name. Default {@code qds1}, the native one.
   *
   * @param layoutName of an installed layout
   * @return this
   */
  public ReaderBuilder<T> layout(String layoutName) {
    layout = Objects.requireNonNull(layoutName, "layoutName");
    return this;
  }

  /**
   * Attaches to the channel. Waits for it only if {@link #awaitChannel} says so.
   *
   * @return the reader
   * @throws QdsException with reason {@code NO_SUCH_CHANNEL}, {@code CODEC_DIFFERS}, {@code
   *     READER_TABLE_FULL}, {@code SEQUENCE_GONE}, {@code PERMISSION}, {@code UNSUPPORTED}, {@code
   *     CORRUPT}, {@code NO_PROVIDER}, {@code AMBIGUOUS_PROVIDER}, {@code FLAG_MISSING}, {@code
   *     JDK_TOO_OLD}, {@code PLATFORM_UNSUPPORTED}, {@code INTERRUPTED} or {@code IO}
   */
  public Reader<T> open() {
    ReaderOptions options =
        new ReaderOptions(
            name, directory, codec.id(), mode, start, trust, waitStrategy, awaitSuccessor, label);
    RingLayout ringLayout = Providers.layout(layout);
    ChannelProvider channels = Providers.backend(backend);
    long startNs = System.nanoTime();
    long timeoutNs = Writer.toNs(awaitChannel);
    while (true) {
      try {
        return reader(ringLayout.openReader(options, channels));
      } catch (QdsException e) {
        if (e.reason() != QdsException.Reason.NO_SUCH_CHANNEL
            || System.nanoTime() - startNs >= timeoutNs) {
          throw e;
        }
      }
      LockSupport.parkNanos(this, CHANNEL_POLL_NS);
      if (Thread.currentThread().isInterrupted()) {
        throw new QdsException(
            QdsException.Reason.INTERRUPTED,
            "channel=" + name + ": interrupted while waiting for the channel to appear");
      }
    }
  }

  private Reader<T> reader(RingReader ring) {
    boolean opened = false;
    try {
      Reader<T> reader = new Reader<>(name, ring, codec);
      opened = true;
      return reader;
    } finally {
      if (!opened) {
        ring.close();
      }
    }
  }
}
