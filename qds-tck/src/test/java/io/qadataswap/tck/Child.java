package io.qadataswap.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.qadataswap.api.Qds;
import io.qadataswap.api.channel.ChannelProvider;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.PrintWriter;
import java.net.URI;
import java.net.URL;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.ServiceLoader;
import java.util.stream.Collectors;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * A process that a test of the native ring starts: a program with a backend, which obeys lines of
 * text, such as {@link RingChild}.
 */
final class Child {
  /** What a child runs on. */
  enum Side {
    FFM("ffm", "-Xshare:auto"),
    FFM_WITH_FUTEX("ffm", "--enable-native-access=ALL-UNNAMED"),
    AGRONA("agrona", "--add-opens=java.base/jdk.internal.misc=ALL-UNNAMED"),
    AGRONA_ON_17("agrona", "--add-opens=java.base/jdk.internal.misc=ALL-UNNAMED");

    final String backend;
    final String flag;

    Side(String backend, String flag) {
      this.backend = backend;
      this.flag = flag;
    }

    String javaHome() {
      return System.getProperty(this == AGRONA_ON_17 ? "qds.jdk17.home" : "java.home");
    }

    boolean isThere() {
      String home = javaHome();
      return home != null && Files.isDirectory(Path.of(home));
    }
  }

  final Process process;
  private final BufferedReader answers;
  private final PrintWriter commands;

  /**
   * Starts a JVM.
   *
   * @param side its backend, which is the program's first argument
   * @param program whose main method runs
   * @param directory of the channel, its second argument
   * @param flags further ones of the JVM
   */
  Child(Side side, Class<?> program, Path directory, String... flags) throws IOException {
    this(side, side.backend, program, directory, flags);
  }

  /** As the other one, with a backend that is not the side's own. */
  Child(Side side, String backend, Class<?> program, Path directory, String... flags)
      throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(side.javaHome(), "bin", "java").toString());
    command.addAll(List.of("-XX:+UseSerialGC", "-Xmx128m"));
    if (!Stress.isLong()) {
      // Most live for a second or two, of which C2 would take its share.
      command.add("-XX:TieredStopAtLevel=1");
    }
    command.add(side.flag);
    command.addAll(List.of(flags));
    command.addAll(List.of("-cp", classPath(side), program.getName()));
    command.addAll(List.of(backend, directory.toString()));
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD);
    builder.environment().keySet().removeAll(List.of("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS"));
    process = builder.start();
    answers = process.inputReader();
    commands = new PrintWriter(process.outputWriter(), true);
  }

  static String classPath(Side side) {
    List<Class<?>> libraries =
        new ArrayList<>(
            List.of(RingChild.class, Payloads.class, Qds.class, provider(side.backend)));
    if (side.backend.equals("agrona")) {
      libraries.add(UnsafeBuffer.class);
    }
    return libraries.stream().map(Child::location).collect(Collectors.joining(File.pathSeparator));
  }

  private static Class<? extends ChannelProvider> provider(String backend) {
    return ServiceLoader.load(ChannelProvider.class).stream()
        .filter(provider -> provider.get().name().equals(backend))
        .findFirst()
        .orElseThrow()
        .type();
  }

  /** Where a class lies; its code source would not tell where tests of a module lie. */
  static String location(Class<?> type) {
    String name = "/" + type.getName().replace('.', '/') + ".class";
    URL found = type.getResource(name);
    String text = found.toString();
    text = text.substring(0, text.length() - name.length());
    if (text.startsWith("jar:")) {
      text = text.substring("jar:".length(), text.length() - "!".length());
    }
    return Path.of(URI.create(text)).toString();
  }

  long pid() {
    return process.pid();
  }

  void send(String command) {
    commands.println(command);
  }

  String answer() throws IOException {
    return answers.readLine();
  }

  /** Returns whether an answer is there, or none will come. */
  boolean hasAnswer() throws IOException {
    return answers.ready() || !process.isAlive();
  }

  String ask(String command) throws IOException {
    send(command);
    return answer();
  }

  /** Ends it as a crash would. */
  void kill() throws InterruptedException {
    process.destroyForcibly().waitFor();
  }

  /** Sends a signal. After STOP no thread runs any more. */
  void signal(String name) throws IOException, InterruptedException {
    Process kill = new ProcessBuilder("kill", "-" + name, Long.toString(pid())).start();
    assertEquals(0, kill.waitFor());
    while (name.equals("STOP") && !hasStopped()) {
      Thread.onSpinWait();
    }
  }

  private boolean hasStopped() throws IOException {
    try (DirectoryStream<Path> threads =
        Files.newDirectoryStream(Path.of("/proc", Long.toString(pid()), "task"))) {
      for (Path thread : threads) {
        if (!Files.readString(thread.resolve("stat")).matches("(?s).*\\) [Tt] .*")) {
          return false;
        }
      }
    }
    return true;
  }
}
