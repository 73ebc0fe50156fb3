package io.qadataswap.api;

import io.qadataswap.api.channel.ChannelProvider;
import io.qadataswap.api.codec.Codec;
import io.qadataswap.api.codec.CodecProvider;
import io.qadataswap.api.layout.RingLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * The entry to QDS: opens writers and readers on named channels, and looks at channels. A channel
 * is one file in {@link #directory()} that all its processes map. Every method may be called from
 * any thread.
 *
 * {@snippet file="io/qadataswap/api/example/Examples.java" region="qds" id="snippet-qds"}
 */
public final class Qds {
  /** The name of the native layout. */
  public static final String DEFAULT_LAYOUT = "qds1";

  private Qds() {}

  /**
   * Begins a writer.
   *
   * @param name of the channel: 1 to 100 of the characters A-Z a-z 0-9 . _ -, starting with a
   *     letter or digit
   * @param codec of the values
   * @param <T> the type of the values
   * @return the settings, to be opened
   */
  public static <T> WriterBuilder<T> writer(String name, Codec<T> codec) {
    return new WriterBuilder<>(name, codec);
  }

  /**
   * Begins a reader.
   *
   * @param name of the channel
   * @param codec of the values
   * @param <T> the type of the values
   * @return the settings, to be opened
   */
  public static <T> ReaderBuilder<T> reader(String name, Codec<T> codec) {
    return new ReaderBuilder<>(name, codec);
  }

  /**
   * Returns the directory where channels lie unless a builder says otherwise: the system property
   * {@code qds.dir}, else the environment variable {@code QDS_DIR}, else {@code /dev/shm} if there
   * is one, else {@code qds} in the directory for temporary files.
   *
   * @return the directory
   */
  public static Path directory() {
    String property = System.getProperty("qds.dir", System.getenv("QDS_DIR"));
    if (property != null && !property.isEmpty()) {
      return Path.of(property);
    }
    Path shared = Path.of("/dev/shm");
    return Files.isDirectory(shared)
        ? shared
        : Path.of(System.getProperty("java.io.tmpdir"), "qds");
  }

  /**
   * Returns the version of this library.
   *
   * @return such as {@code 0.1.0}
   */
  public static String version() {
    return Version.TEXT;
  }

  /**
   * Lists the backends that were found, usable or not.
   *
   * @return the highest rank first
   */
  public static List<PluginInfo> backends() {
    return Providers.list(ChannelProvider.class);
  }

  /**
   * Lists the layouts that were found, usable or not.
   *
   * @return the highest rank first
   */
  public static List<PluginInfo> layouts() {
    return Providers.list(RingLayout.class);
  }

  /**
   * Lists the codecs that were found, usable or not. Codecs that are not registered work too; only
   * tools do not find them.
   *
   * @return the highest rank first
   */
  public static List<PluginInfo> codecs() {
    return Providers.list(CodecProvider.class);
  }

  /**
   * Returns a codec by the id that stands in a channel's header.
   *
   * @param id of the codec
   * @return the codec
   * @throws QdsException with reason {@code NO_PROVIDER} if there is none
   */
  public static Codec<?> codec(String id) {
    return Providers.codec(id).codec();
  }

  /**
   * Lists the channels of a layout in a directory.
   *
   * @param directory to search
   * @param layout by which to look
   * @return the names, sorted
   */
  public static List<String> list(Path directory, String layout) {
    return Providers.layout(layout).list(directory);
  }

  /**
   * Describes a channel without attaching to it.
   *
   * @param directory of the channel
   * @param name of the channel
   * @param layout of the channel
   * @return what is known of it at this moment
   * @throws QdsException with reason {@code NO_SUCH_CHANNEL}, {@code CORRUPT} or {@code PERMISSION}
   */
  public static ChannelInfo inspect(Path directory, String name, String layout) {
    return Providers.layout(layout)
        .inspect(directory, Failures.requireName(name), Providers.backend(null));
  }

  /**
   * Removes a channel with what it still holds.
   *
   * @param directory of the channel
   * @param name of the channel
   * @param layout of the channel
   * @param force also while somebody is attached
   * @throws QdsException with reason {@code IN_USE} while somebody is attached, unless forced
   */
  public static void remove(Path directory, String name, String layout, boolean force) {
    Providers.layout(layout)
        .remove(directory, Failures.requireName(name), force, Providers.backend(null));
  }

  /**
   * Removes what creators of channels, of any layout, that died have left half-made in a directory.
   *
   * @param directory to sweep
   * @return the file names that were removed
   */
  public static List<String> sweep(Path directory) {
    return layouts().stream()
        .filter(layout -> layout.unavailableReason().isEmpty())
        .flatMap(layout -> Providers.layout(layout.name()).sweep(directory).stream())
        .toList();
  }
}
