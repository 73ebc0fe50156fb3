package io.qadataswap.cli;

import io.qadataswap.api.ChannelInfo;
import io.qadataswap.api.PluginInfo;
import io.qadataswap.api.Qds;
import io.qadataswap.api.QdsException;
import io.qadataswap.api.Unavailability;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** Looks for what could keep QDS from working here. */
@Command(
    name = "doctor",
    description =
        "Looks at Java, its flags, the backends, the directory of the channels, and leftovers; each"
            + " finding comes with its remedy. Exit code 2 if something keeps QDS from working.",
    mixinStandardHelpOptions = true)
final class DoctorCommand implements Callable<Integer> {
  private static final long DEFAULT_CHANNEL_LENGTH = 100L << 20;
  private static final String UNSAFE_FLAG = "--sun-misc-unsafe-memory-access=";

  @Mixin private ChannelOptions channels;

  private boolean broken;

  @Override
  public Integer call() throws IOException {
    checkJava();
    checkPlugins("backend", Qds.backends(), true);
    checkPlugins("layout", Qds.layouts(), true);
    checkPlugins("codec", Qds.codecs(), false);
    checkDirectory();
    return broken ? ExitCode.TROUBLE : ExitCode.OK;
  }

  private void checkJava() {
    ok("tool", "qds " + Qds.version());
    ok(
        "Java",
        Runtime.version()
            + " of "
            + System.getProperty("java.vendor")
            + " in "
            + System.getProperty("java.home"));
    ok(
        "system",
        System.getProperty("os.name")
            + " "
            + System.getProperty("os.version")
            + " on "
            + System.getProperty("os.arch")
            + ", "
            + Units.count(Runtime.getRuntime().availableProcessors(), "processor"));
    ok("flags", String.join(" ", ManagementFactory.getRuntimeMXBean().getInputArguments()));
    Module ffm = module("io.qadataswap.shm.ffm");
    if (ffm.isNativeAccessEnabled()) {
      ok("native access", "granted: waiting costs no CPU");
    } else {
      warn(
          "native access",
          "not granted: waiting sides park, and look again every 1 to 10 ms",
          "start Java with --enable-native-access=" + flagValue(ffm));
    }
    checkOpen(
        "java.nio",
        module("org.apache.arrow.memory.core"),
        "Arrow's file and stream readers need it");
    checkOpen("jdk.internal.misc", module("org.agrona"), "Agrona needs it");
    List<String> arguments = ManagementFactory.getRuntimeMXBean().getInputArguments();
    if (Runtime.version().feature() >= 24
        && arguments.stream().noneMatch(argument -> argument.startsWith(UNSAFE_FLAG))) {
      warn(
          "Unsafe",
          "this Java warns once of the memory access of Arrow and Agrona",
          "start Java with " + UNSAFE_FLAG + "allow");
    }
  }

  /** Returns the module, or that of the class path if it is not on the module path. */
  private static Module module(String name) {
    return ModuleLayer.boot()
        .findModule(name)
        .orElseGet(() -> ClassLoader.getSystemClassLoader().getUnnamedModule());
  }

  /** Returns the name of a module in flags of the JVM. */
  private static String flagValue(Module module) {
    return module.isNamed() ? module.getName() : "ALL-UNNAMED";
  }

  private void checkOpen(String packageName, Module user, String reason) {
    if (Object.class.getModule().isOpen(packageName, user)) {
      ok("package " + packageName, "open, as " + reason);
    } else {
      warn(
          "package " + packageName,
          "not open; " + reason,
          "start Java with --add-opens=java.base/" + packageName + "=" + flagValue(user));
    }
  }

  private void checkPlugins(String kind, List<PluginInfo> plugins, boolean required) {
    boolean usable = false;
    for (PluginInfo plugin : plugins) {
      String name = kind + " " + plugin.name();
      if (plugin.unavailableReason().isPresent()) {
        Unavailability reason = plugin.unavailableReason().get();
        warn(name, reason.text(), "see the reason, and README" + reason.reason().anchor());
      } else {
        ok(name, "usable, rank " + plugin.rank() + " (" + plugin.className() + ")");
        usable = true;
      }
    }
    if (!usable && required) {
      fail(
          kind,
          "none is usable here",
          "build the tool again: mvn -pl qds-cli -am -DskipTests clean package");
    }
  }

  private void checkDirectory() throws IOException {
    Path directory;
    try {
      directory = channels.directory();
    } catch (ToolException e) {
      fail(
          "directory",
          e.getMessage(),
          "create it: mkdir -p " + Shell.quote(channels.chosenDirectory().toString()));
      return;
    }
    FileStore store = Files.getFileStore(directory);
    String described =
        directory
            + " ("
            + store.type()
            + ", "
            + Units.length(store.getUsableSpace())
            + " free of "
            + Units.length(store.getTotalSpace())
            + ")";
    if (!Files.isWritable(directory)) {
      fail("directory", described + " is not writable", "choose another one by --dir or QDS_DIR");
      return;
    }
    if (store.getUsableSpace() < DEFAULT_CHANNEL_LENGTH) {
      warn(
          "directory",
          described + " has no room for a channel of the default 100 MiB",
          "remove unused channels by ./qds rm, create channels by --capacity 16M, or enlarge it"
              + " (docker run --shm-size=1g, mount -o remount,size=1G /dev/shm)");
    } else {
      ok("directory", described);
    }
    if (!store.type().equals("tmpfs") && System.getProperty("os.name").equals("Linux")) {
      warn(
          "file system",
          store.type() + " may write the channels to a disk",
          "use a tmpfs such as /dev/shm by --dir or QDS_DIR");
    }
    checkLeftovers(directory);
  }

  private void checkLeftovers(Path directory) {
    try {
      for (String swept : Qds.sweep(directory)) {
        ok("leftover " + swept, "removed; its creator had died");
      }
      for (ChannelOptions.Listed channel : channels.list()) {
        checkChannel(channel);
      }
    } catch (QdsException e) {
      warn("channels", e.getMessage(), "see the reason");
    }
  }

  private void checkChannel(ChannelOptions.Listed channel) {
    String title = "channel " + channel.name();
    String remove = channels.rmCommand(channel.name());
    if (channel.info().isEmpty()) {
      warn(title, channel.problem(), "remove it: " + remove);
      return;
    }
    ChannelInfo info = channel.info().get();
    String unread = Units.count(info.unreadCount(), "unread message");
    if (info.isLive()) {
      ok(title, "in use, " + unread);
    } else {
      warn(
          title,
          "nobody is attached, "
              + unread
              + ", writer "
              + info.writer().map(LsCommand::describe).orElse("none"),
          "read it: " + channels.recvCommand(info) + "; or remove it: " + remove);
    }
  }

  private static void ok(String subject, String finding) {
    print("ok", subject, finding);
  }

  private static void warn(String subject, String finding, String remedy) {
    print("warn", subject, finding + "\n        remedy: " + remedy);
  }

  private void fail(String subject, String finding, String remedy) {
    broken = true;
    print("FAIL", subject, finding + "\n        remedy: " + remedy);
  }

  private static void print(String level, String subject, String text) {
    System.out.println(String.format(Locale.ROOT, "%-6s  %s: %s", level, subject, text));
  }
}
