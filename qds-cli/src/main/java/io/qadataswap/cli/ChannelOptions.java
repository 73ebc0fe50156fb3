package io.qadataswap.cli;

import io.qadataswap.api.ChannelInfo;
import io.qadataswap.api.OverflowPolicy;
import io.qadataswap.api.PluginInfo;
import io.qadataswap.api.Qds;
import io.qadataswap.api.QdsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Option;

/** Where channels lie; the options that all commands on channels have. */
final class ChannelOptions {
  @Option(
      names = "--dir",
      paramLabel = "DIRECTORY",
      description = "Directory of the channels. Default: QDS_DIR, else /dev/shm.")
  private Path directory;

  @Option(
      names = "--layout",
      paramLabel = "NAME",
      description = "Layout of the channel. Default: that of the existing channel, else qds1.")
  private String layout;

  /** Returns the directory, whether it exists or not. */
  Path chosenDirectory() {
    return directory == null ? Qds.directory() : directory;
  }

  /** Returns the directory, which exists. */
  Path directory() {
    Path chosen = chosenDirectory();
    if (!Files.isDirectory(chosen)) {
      throw new ToolException(
          "directory="
              + chosen
              + " does not exist; create it, or choose another by --dir or QDS_DIR");
    }
    return chosen;
  }

  /** Removes what creators that died have left half-made, and says so. */
  void sweep() {
    for (String swept : Qds.sweep(directory())) {
      Main.printNote("removed leftover " + swept);
    }
  }

  /** Returns the layout for a channel that may have to be created. */
  String layoutOf(String channel) {
    if (layout != null) {
      return layout;
    }
    List<String> layouts = usableLayouts();
    if (layouts.size() > 1) {
      for (String candidate : layouts) {
        if (Qds.list(directory(), candidate).contains(channel)) {
          return candidate;
        }
      }
    }
    return Qds.DEFAULT_LAYOUT;
  }

  /** Describes a channel, if there is one of that name. */
  Optional<ChannelInfo> find(String channel) {
    try {
      return Optional.of(inspect(channel));
    } catch (QdsException e) {
      if (e.reason() == QdsException.Reason.NO_SUCH_CHANNEL) {
        return Optional.empty();
      }
      throw e;
    }
  }

  ChannelInfo inspect(String channel) {
    return Qds.inspect(directory(), channel, layoutOf(channel));
  }

  void remove(String channel, boolean force) {
    Qds.remove(directory(), channel, layoutOf(channel), force);
  }

  /** A channel as a listing shows it: described, or with the reason why it cannot be. */
  record Listed(String name, String layout, Optional<ChannelInfo> info, String problem) {}

  /** Lists the channels of all layouts. */
  List<Listed> list() {
    List<Listed> channels = new ArrayList<>();
    for (String candidate : layout == null ? usableLayouts() : List.of(layout)) {
      for (String name : Qds.list(directory(), candidate)) {
        try {
          channels.add(
              new Listed(
                  name, candidate, Optional.of(Qds.inspect(directory(), name, candidate)), ""));
        } catch (QdsException e) {
          // One that went away meanwhile is no news.
          if (e.reason() != QdsException.Reason.NO_SUCH_CHANNEL) {
            channels.add(new Listed(name, candidate, Optional.empty(), e.getMessage()));
          }
        }
      }
    }
    return channels;
  }

  /** Returns the command that reads what a channel holds. */
  String recvCommand(ChannelInfo info) {
    // Lossless readers cannot attach where the oldest messages are dropped.
    String mode = info.overflow() == OverflowPolicy.DROP_OLDEST ? " --mode observer" : "";
    return "./qds recv --channel " + info.name() + mode + sameDirectory();
  }

  /** Returns the command that removes a channel. */
  String rmCommand(String channel) {
    return "./qds rm " + channel + sameDirectory();
  }

  private String sameDirectory() {
    return directory == null ? "" : " --dir " + Shell.quote(directory.toString());
  }

  private static List<String> usableLayouts() {
    return Qds.layouts().stream()
        .filter(plugin -> plugin.unavailableReason().isEmpty())
        .map(PluginInfo::name)
        .toList();
  }
}
