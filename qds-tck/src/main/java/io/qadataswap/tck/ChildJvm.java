package io.qadataswap.tck;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.PrintWriter;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** A second process that obeys lines of text, one answer to each; see {@link ChannelChild}. */
final class ChildJvm implements AutoCloseable {
  /** The first line that a JVM writes, to standard output, when it crashes. */
  private static final String CRASH_MARK = "#";

  private final Process process;
  private final BufferedReader answers;
  private final PrintWriter commands;
  private final Path errors;

  /**
   * Starts a JVM, of the version that runs the test, for the commands of {@link ChannelChild}.
   *
   * @param wrapper command that starts the JVM's command line, such as one that changes the mounts
   * @param flags of the JVM
   * @param onModulePath where the libraries are; the program itself is on the class path
   * @param libraries a class of each
   * @param backend name of the provider
   * @param directory for the error output
   */
  static ChildJvm start(
      List<String> wrapper,
      List<String> flags,
      boolean onModulePath,
      List<Class<?>> libraries,
      String backend,
      Path directory)
      throws IOException {
    String program = location(ChannelChild.class).toString();
    String path =
        libraries.stream()
            .map(library -> location(library).toString())
            .collect(Collectors.joining(File.pathSeparator));
    List<String> arguments = new ArrayList<>(List.of("-XX:+UseSerialGC")); // starts sooner
    arguments.addAll(flags);
    if (onModulePath) {
      arguments.addAll(List.of("-p", path, "--add-modules", "ALL-MODULE-PATH", "-cp", program));
    } else {
      arguments.addAll(List.of("-cp", program + File.pathSeparator + path));
    }
    arguments.addAll(List.of(ChannelChild.class.getName(), backend));
    return new ChildJvm(
        wrapper, Map.of(), Path.of(System.getProperty("java.home")), arguments, directory);
  }

  /**
   * Starts a JVM.
   *
   * @param wrapper command that starts the JVM's command line, such as one that changes the mounts
   * @param environment variables to be set
   * @param javaHome of the JVM
   * @param arguments of the JVM: flags, main class, and what that takes
   * @param directory for the error output
   */
  ChildJvm(
      List<String> wrapper,
      Map<String, String> environment,
      Path javaHome,
      List<String> arguments,
      Path directory)
      throws IOException {
    errors = Files.createTempFile(directory, "child", ".err");
    List<String> command = new ArrayList<>(wrapper);
    command.add(javaHome.resolve("bin/java").toString());
    command.addAll(arguments);
    ProcessBuilder builder = new ProcessBuilder(command).redirectError(errors.toFile());
    // With these, every JVM would say on its error output that it picked them up.
    builder.environment().keySet().removeAll(List.of("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS"));
    builder.environment().putAll(environment);
    process = builder.start();
    answers = process.inputReader();
    commands = new PrintWriter(process.outputWriter(), true);
  }

  /** Where a class was loaded from. */
  static Path location(Class<?> type) {
    try {
      return Path.of(type.getProtectionDomain().getCodeSource().getLocation().toURI());
    } catch (URISyntaxException e) {
      throw new AssertionError(e);
    }
  }

  /** Gives a command and waits for the answer. */
  String ask(String command) throws IOException {
    send(command);
    return answer();
  }

  void send(String command) {
    commands.println(command);
  }

  boolean hasAnswer() throws IOException {
    return answers.ready() || !process.isAlive();
  }

  String answer() throws IOException {
    String answer = answers.readLine();
    if (answer == null) {
      throw new AssertionError("the other process ended: " + end());
    }
    if (answer.equals(CRASH_MARK)) {
      throw new AssertionError(
          answers.lines().collect(Collectors.joining("\n", "the other JVM crashed:\n", "\n"))
              + end());
    }
    return answer;
  }

  /** Ends the process as a crash would. */
  void kill() throws IOException {
    process.destroyForcibly();
    end();
  }

  /** Lets the process end by itself. Returns what it wrote to its error output. */
  String end() throws IOException {
    commands.close();
    boolean interrupted = false;
    while (true) {
      try {
        process.waitFor();
        break;
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    return Files.readString(errors);
  }

  @Override
  public void close() {
    process.destroyForcibly();
  }
}
