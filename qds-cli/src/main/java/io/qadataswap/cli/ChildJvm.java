package io.qadataswap.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.ProcessBuilder.Redirect;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * This tool in another JVM, started with the flags of this one. It ends when this one does, however
 * that happens: see {@link #endWithParent}.
 */
final class ChildJvm implements AutoCloseable {
  private static final long KILL_AFTER_MS = 2_000;

  private final Process process;
  private final Runnable destroy;

  private ChildJvm(Process process) {
    this.process = process;
    this.destroy = process::destroy;
  }

  /** Starts a command of this tool; its standard error is this one's. */
  static ChildJvm start(List<String> arguments) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    for (String flag : ManagementFactory.getRuntimeMXBean().getInputArguments()) {
      // A debugger's port is taken already.
      if (!flag.startsWith("-agentlib:jdwp") && !flag.startsWith("-Xrunjdwp")) {
        command.add(flag);
      }
    }
    String classPath = System.getProperty("java.class.path");
    if (classPath.endsWith(".jar") && !classPath.contains(System.getProperty("path.separator"))) {
      // So that the flags in its manifest count.
      command.addAll(List.of("-jar", classPath));
    } else {
      command.addAll(List.of("-cp", classPath, Main.class.getName()));
    }
    command.addAll(arguments);
    Process process = new ProcessBuilder(command).redirectError(Redirect.INHERIT).start();
    // Its end is the end of its output, for which this JVM may wait.
    ChildJvm child = new ChildJvm(process);
    Interruption.alsoRun(child.destroy);
    return child;
  }

  /** In a child: ends this JVM when the parent's end of standard input goes away. */
  static void endWithParent() {
    Thread watcher =
        new Thread(
            () -> {
              try {
                while (System.in.read() >= 0) {
                  // The parent writes nothing.
                }
              } catch (IOException e) {
                // As good as its end.
              }
              Runtime.getRuntime().halt(ExitCode.TROUBLE);
            },
            "parent watcher");
    watcher.setDaemon(true);
    watcher.start();
  }

  BufferedReader output() {
    return new BufferedReader(
        new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
  }

  /** Tells the child that nothing will come any more. */
  void closeInput() throws IOException {
    process.getOutputStream().close();
  }

  Process process() {
    return process;
  }

  int await() throws InterruptedException {
    return process.waitFor();
  }

  /** Ends the child if it still runs. */
  @Override
  public void close() {
    Interruption.noLongerRun(destroy);
    process.destroy();
    try {
      if (!process.waitFor(KILL_AFTER_MS, TimeUnit.MILLISECONDS)) {
        process.destroyForcibly();
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }
}
