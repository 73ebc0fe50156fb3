package io.qadataswap.api.layout;

import io.qadataswap.api.ChannelInfo;
import io.qadataswap.api.QdsProvider;
import io.qadataswap.api.ReaderOptions;
import io.qadataswap.api.WriterOptions;
import io.qadataswap.api.channel.ChannelProvider;
import java.nio.file.Path;
import java.util.List;

/**
 * A segment format with its protocol, found by {@link java.util.ServiceLoader}. Immutable and
 * thread-safe. All methods may block for as long as the file system does; none waits for a peer.
 *
 * <p>Failures of the environment (no such channel, other geometry, a full directory and so on) are
 * {@link io.qadataswap.api.QdsException}s that name the channel.
 *
 * {@snippet file="io/qadataswap/api/example/Examples.java" region="layout" id="snippet-layout"}
 */
public interface RingLayout extends QdsProvider {
  /**
   * Creates a channel, or joins one that exists as {@link WriterOptions#ifExists()} says.
   *
   * @param options what to create
   * @param backend maps the segment
   * @return the writer's end
   */
  RingWriter openWriter(WriterOptions options, ChannelProvider backend);

  /**
   * Attaches to a channel that exists.
   *
   * @param options which and how
   * @param backend maps the segment
   * @return a reader's end
   * @throws io.qadataswap.api.QdsException with reason {@code NO_SUCH_CHANNEL} if there is none yet
   */
  RingReader openReader(ReaderOptions options, ChannelProvider backend);

  /**
   * Lists the channels of this layout in a directory. Files that only look alike are left out.
   *
   * @param directory to search
   * @return the names, sorted
   */
  List<String> list(Path directory);

  /**
   * Describes a channel, without attaching to it and without disturbing it.
   *
   * @param directory of the channel
   * @param name of the channel
   * @param backend maps the segment, read-only
   * @return what is known of it
   */
  ChannelInfo inspect(Path directory, String name, ChannelProvider backend);

  /**
   * Removes a channel, with what it still holds.
   *
   * @param directory of the channel
   * @param name of the channel
   * @param force also while somebody is attached: he keeps what he has mapped, and is told at his
   *     next operation
   * @param backend maps the segment
   * @throws io.qadataswap.api.QdsException with reason {@code IN_USE} while somebody is attached,
   *     unless forced
   */
  void remove(Path directory, String name, boolean force, ChannelProvider backend);

  /**
   * Removes what creators that died have left half-made in a directory.
   *
   * @param directory to sweep
   * @return the file names that were removed
   */
  List<String> sweep(Path directory);
}
