package io.qadataswap.api;

import io.qadataswap.api.WriterOptions.Setting;
import io.qadataswap.api.codec.Codec;
import io.qadataswap.api.layout.RingWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.EnumSet;
import java.util.Objects;
import java.util.Set;

/**
 * Settings of a writer; {@link #open()} opens it. Not thread-safe; may be used for several writers,
 * one after the other.
 *
 * @param <T> the type of the values
 */
public final class WriterBuilder<T> {
  private static final long DEFAULT_CAPACITY = 100L << 20;

  private final String name;
  private final Codec<T> codec;
  private Path directory = Qds.directory();
  private long capacity = DEFAULT_CAPACITY;
  private int messageSlots;
  private int readerEntries = 64;
  private OverflowPolicy overflow = OverflowPolicy.BLOCK;
  private int retainCount;
  private long maxMessageLength;
  private boolean payloadChecksum;
  private final Set<Setting> chosen = EnumSet.noneOf(Setting.class);
  private Set<PosixFilePermission> fileMode = PosixFilePermissions.fromString("rw-------");
  private IfExists ifExists = IfExists.TAKE_OVER;
  private WaitStrategy waitStrategy = WaitStrategy.BLOCKING;
  private Timestamps timestamps = Timestamps.LARGE;
  private String label = "";
  private String backend;
  private String layout = Qds.DEFAULT_LAYOUT;

  WriterBuilder(String name, Codec<T> codec) {
    this.name = Failures.requireName(name);
    this.codec = Objects.requireNonNull(codec, "codec");
  }

  /**
   * Sets the length of the segment file. Default 100 MiB. All of it but about 64 KiB holds
   * messages.
   *
   * @param bytes at least 128 KiB with the default slots and entries
   * @return this
   */
  public WriterBuilder<T> capacity(long bytes) {
    capacity = positive("capacity", bytes);
    chosen.add(Setting.CAPACITY);
    return this;
  }

  /**
   * Sets how many messages the channel holds at most. Default: what the layout takes, 512 for
   * {@code qds1}.
   *
   * @param count at least 1; {@code qds1} rounds up to a power of two of at least 2
   * @return this
   */
  public WriterBuilder<T> messageSlots(int count) {
    messageSlots = (int) positive("messageSlots", count);
    chosen.add(Setting.MESSAGE_SLOTS);
    return this;
  }

  /**
   * Sets how many readers may be attached at once. Default 64.
   *
   * @param count at least 1
   * @return this
   */
  public WriterBuilder<T> readerEntries(int count) {
    readerEntries = (int) positive("readerEntries", count);
    chosen.add(Setting.READER_ENTRIES);
    return this;
  }

  /**
   * Sets what to do when the channel is full. Default {@link OverflowPolicy#BLOCK}.
   *
   * @param policy of the channel
   * @return this
   */
  public WriterBuilder<T> overflow(OverflowPolicy policy) {
    overflow = Objects.requireNonNull(policy, "policy");
    chosen.add(Setting.OVERFLOW);
    return this;
  }

  /**
   * Sets how many messages stay for late joiners after every attached reader has passed them, as
   * long as there is room. Default 0.
   *
   * @param count 0 or more
   * @return this
   */
  public WriterBuilder<T> retain(int count) {
    if (count < 0) {
      throw new IllegalArgumentException("retain=" + count + " allowed=0 or more");
    }
    retainCount = count;
    chosen.add(Setting.RETAIN);
    return this;
  }

  /**
   * Sets the largest message. Default: a little under half of the channel, so that a reader which
   * still holds a message while it waits for the next cannot lock up the writer. A reader must not
   * do that with larger ones.
   *
   * @param bytes at most the channel's message memory
   * @return this
   */
  public WriterBuilder<T> maxMessageLength(long bytes) {
    maxMessageLength = positive("maxMessageLength", bytes);
    chosen.add(Setting.MAX_MESSAGE_LENGTH);
    return this;
  }

  /**
   * Sets whether each message carries a CRC-32C that readers verify. Default false: memory of one
   * machine does not garble messages, and a checksum reads every byte.
   *
   * @param on whether to compute and verify
   * @return this
   */
  public WriterBuilder<T> payloadChecksum(boolean on) {
    payloadChecksum = on;
    chosen.add(Setting.PAYLOAD_CHECKSUM);
    return this;
  }

  /**
   * Sets the permissions of the segment file, whatever the process's umask is. Default 0600. A
   * reader needs read and write permission.
   *
   * @param permissions of the file
   * @return this
   */
  public WriterBuilder<T> fileMode(Set<PosixFilePermission> permissions) {
    fileMode = Set.copyOf(permissions);
    return this;
  }

  /**
   * Sets what to do with a channel that exists. Default {@link IfExists#TAKE_OVER}.
   *
   * @param action to take
   * @return this
   */
  public WriterBuilder<T> ifExists(IfExists action) {
    ifExists = Objects.requireNonNull(action, "action");
    return this;
  }

  /**
   * Sets how to wait for room. Default {@link WaitStrategy#BLOCKING}.
   *
   * @param strategy of this writer
   * @return this
   */
  public WriterBuilder<T> waitStrategy(WaitStrategy strategy) {
    waitStrategy = Objects.requireNonNull(strategy, "strategy");
    return this;
  }

  /**
   * Sets which messages carry the time of their commit. Default {@link Timestamps#LARGE}.
   *
   * @param which messages
   * @return this
   */
  public WriterBuilder<T> timestamps(Timestamps which) {
    timestamps = Objects.requireNonNull(which, "which");
    return this;
  }

  /**
   * Sets a text that tools show for this writer.
   *
   * @param text at most 48 bytes of UTF-8
   * @return this
   */
  public WriterBuilder<T> label(String text) {
    label = checkLabel(text);
    return this;
  }

  /**
   * Sets the directory of the segment file. Default {@link Qds#directory()}.
   *
   * @param path of a directory, of a file system in memory for speed
   * @return this
   */
  public WriterBuilder<T> directory(Path path) {
    directory = Objects.requireNonNull(path, "path");
    return this;
  }

  /**
   * Chooses the backend by name. Default: the usable one of the highest rank.
   *
   * @param backendName such as {@code ffm} or {@code agrona}
   * @return this
   */
  public WriterBuilder<T> backend(String backendName) {
    backend = backendName;
    return this;
  }

  /**
   * Chooses the layout by name. Default {@code qds1}, the native one.
   *
   * @param layoutName of an installed layout
   * @return this
   */
  public WriterBuilder<T> layout(String layoutName) {
    layout = Objects.requireNonNull(layoutName, "layoutName");
    return this;
  }

  /**
   * Creates the channel, or takes over one without a live writer. One that exists must have what
   * was set here; what was not set stays as it was created. Blocks while the segment is filled with
   * zeros, about half a second for each GiB.
   *
   * @return the writer
   * @throws QdsException with reason {@code SECOND_WRITER}, {@code GEOMETRY_DIFFERS}, {@code
   *     CODEC_DIFFERS}, {@code CHANNEL_EXISTS}, {@code IN_USE}, {@code DIRECTORY_FULL}, {@code
   *     PERMISSION}, {@code UNSUPPORTED}, {@code CORRUPT}, {@code NO_PROVIDER}, {@code
   *     AMBIGUOUS_PROVIDER}, {@code FLAG_MISSING}, {@code JDK_TOO_OLD}, {@code
   *     PLATFORM_UNSUPPORTED} or {@code IO}
   */
  public Writer<T> open() {
    WriterOptions options =
        new WriterOptions(
            name,
            directory,
            codec.id(),
            capacity,
            messageSlots,
            readerEntries,
            overflow,
            retainCount,
            maxMessageLength,
            payloadChecksum,
            Set.copyOf(chosen),
            fileMode,
            ifExists,
            waitStrategy,
            timestamps,
            label);
    RingWriter ring = Providers.layout(layout).openWriter(options, Providers.backend(backend));
    boolean opened = false;
    try {
      Writer<T> writer = new Writer<>(name, ring, codec);
      opened = true;
      return writer;
    } finally {
      if (!opened) {
        ring.close();
      }
    }
  }

  static String checkLabel(String text) {
    int length = text.getBytes(StandardCharsets.UTF_8).length;
    if (length > 48) {
      throw new IllegalArgumentException(
          "label=" + text + " length=" + length + " allowed=48 bytes of UTF-8");
    }
    return text;
  }

  private static long positive(String field, long value) {
    if (value < 1) {
      throw new IllegalArgumentException(field + "=" + value + " allowed=1 or more");
    }
    return value;
  }
}
