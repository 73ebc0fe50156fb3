package io.qadataswap.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A process that follows the protocol as the original does: {@code qds-tck/peers/qads1/qads1.py}.
 */
final class Original implements AutoCloseable {
  private static final String PYTHON = System.getProperty("qds.python", "python3");
  private static final Path PROGRAM = Path.of("peers", "qads1", "qads1.py");

  final Process process;
  private final BufferedReader output;

  Original(Path directory, String command, String channel, Object... options) throws IOException {
    List<String> line =
        new ArrayList<>(
            List.of(PYTHON, PROGRAM.toString(), command, channel, "--dir", directory.toString()));
    for (Object option : options) {
      line.add(option.toString());
    }
    process = new ProcessBuilder(line).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    output = process.inputReader();
  }

  /** The tests are skipped on machines without Python. */
  static void assumeIsThere() {
    boolean found;
    try {
      found =
          new ProcessBuilder(PYTHON, "-c", "import sys; sys.exit(sys.version_info < (3, 9))")
                  .start()
                  .onExit()
                  .join()
                  .exitValue()
              == 0;
    } catch (IOException e) {
      found = false;
    }
    assumeTrue(found, "there is no " + PYTHON + " of version 3.9 or newer");
  }

  /** Returns the next line, or null at the end. */
  String line() throws IOException {
    return output.readLine();
  }

  Original expect(String line) throws IOException {
    assertEquals(line, line());
    return this;
  }

  /** Returns the numbers that it prints from now on, until it ends or is killed. */
  List<Long> numbers() throws IOException {
    List<Long> numbers = new ArrayList<>();
    for (String line = line(); line != null && !line.equals("closed"); line = line()) {
      numbers.add(Long.parseLong(line));
    }
    return numbers;
  }

  void kill() throws InterruptedException {
    kill(process);
  }

  /** As kill -9 does: what the process has printed can still be read. */
  static void kill(Process process) throws InterruptedException {
    process.toHandle().destroyForcibly();
    process.waitFor();
  }

  @Override
  public void close() {
    process.toHandle().destroyForcibly();
    process.onExit().join();
  }
}
