package io.qadataswap.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Two processes that work together and obey the same command. Each prints "ready", then answers
 * every line "run COUNT" by a line of results, "name=value" with spaces between, or by "failed:
 * REASON". They end when their standard input does.
 */
final class Sides implements AutoCloseable {
  private final String name;
  private final List<Process> processes = new ArrayList<>();
  private final List<BufferedReader> answers = new ArrayList<>();
  private final List<PrintWriter> commands = new ArrayList<>();
  private final Thread killer = new Thread(this::kill);

  private Sides(String name) {
    this.name = name;
    Runtime.getRuntime().addShutdownHook(killer);
  }

  /** Less of the CPUs than this, and other programs were in the way; collections may be. */
  private static final double LEAST_CPU_SHARE = 0.9;

  /** Starts both sides and waits until they are ready. */
  static Sides start(String name, Placement placement, List<String> first, List<String> second)
      throws IOException {
    Sides sides = new Sides(name);
    try {
      sides.startOne(placement.pin(0, first));
      sides.startOne(placement.pin(1, second));
      for (int side = 0; side < 2; side++) {
        String line = sides.answer(side);
        if (!line.equals("ready")) {
          throw new IOException(name + ", side " + side + ": " + line);
        }
      }
      return sides;
    } catch (IOException | RuntimeException e) {
      sides.close();
      throw e;
    }
  }

  /**
   * Runs both sides once.
   *
   * @return the results of both sides by their names
   */
  Map<String, Double> run(long count) throws IOException {
    for (int side = 1; side >= 0; side--) {
      commands.get(side).println("run " + count);
    }
    Map<String, Double> results = new HashMap<>();
    for (int side = 0; side < 2; side++) {
      String line = answer(side);
      if (line.startsWith("failed:")) {
        throw new IOException(name + ", side " + side + " " + line);
      }
      for (String result : line.split(" ", -1)) {
        int equals = result.indexOf('=');
        if (equals > 0) {
          results.put(result.substring(0, equals), Double.valueOf(result.substring(equals + 1)));
        }
      }
    }
    return results;
  }

  /** Returns whether both sides had their CPUs for themselves, as spinning processes should. */
  static boolean undisturbed(Map<String, Double> results) {
    return results.get("cpu_share0") >= LEAST_CPU_SHARE
        && results.get("cpu_share1") >= LEAST_CPU_SHARE;
  }

  /** Ends both processes. */
  @Override
  public void close() {
    Runtime.getRuntime().removeShutdownHook(killer);
    for (PrintWriter input : commands) {
      input.close();
    }
    for (Process process : processes) {
      try {
        if (!process.waitFor(java.time.Duration.ofSeconds(5))) {
          process.destroyForcibly();
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        process.destroyForcibly();
      }
    }
  }

  private void kill() {
    processes.forEach(Process::destroyForcibly);
  }

  private void startOne(List<String> command) throws IOException {
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    processes.add(process);
    answers.add(process.inputReader());
    commands.add(new PrintWriter(process.outputWriter(), true));
  }

  private String answer(int side) throws IOException {
    String line = answers.get(side).readLine();
    if (line == null) {
      throw new IOException(name + ", side " + side + " ended without an answer");
    }
    return line;
  }
}
