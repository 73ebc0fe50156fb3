package io.qadataswap.bench;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A process of {@link Sides}: runs one {@link Side} in this JVM. */
final class SideMain {
  private SideMain() {}

  /** Returns the command that runs a side; the directory is where the two sides meet. */
  static List<String> command(String kind, Path directory, int side, Object... arguments) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(Jvm.FLAGS);
    command.addAll(
        List.of(
            "-cp",
            System.getProperty("java.class.path"),
            SideMain.class.getName(),
            kind,
            directory.toString(),
            Integer.toString(side)));
    for (Object argument : arguments) {
      command.add(argument.toString());
    }
    return command;
  }

  /** Arguments: kind, directory, 0 or 1, and what the kind takes. */
  @SuppressWarnings("SystemOut") // the answers to the parent process
  public static void main(String[] arguments) {
    try (Side side = open(arguments);
        BufferedReader commands =
            new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
      System.out.println("ready");
      for (String line = commands.readLine(); line != null; line = commands.readLine()) {
        System.out.println(run(side, arguments[2], line.substring("run ".length())));
      }
    } catch (Exception e) {
      e.printStackTrace();
      System.out.println("failed: " + e);
      System.exit(1);
    }
  }

  /** Adds to the results how much of the time this thread had its CPU: all, unless disturbed. */
  private static String run(Side side, String number, String count) throws Exception {
    ThreadMXBean threads = ManagementFactory.getThreadMXBean();
    long cpuNs = threads.getCurrentThreadCpuTime();
    long startNs = System.nanoTime();
    String results = side.run(Long.parseLong(count));
    double share =
        (threads.getCurrentThreadCpuTime() - cpuNs) / (double) (System.nanoTime() - startNs);
    return results + " cpu_share" + number + "=" + share;
  }

  private static Side open(String[] arguments) throws Exception {
    Path directory = Path.of(arguments[1]);
    int side = Integer.parseInt(arguments[2]);
    return switch (arguments[0]) {
      case "bare-ping-pong" -> new BarePingPong(directory.resolve("limit"), side);
      case "bare-copy-ring" ->
          new BareCopyRing(
              directory.resolve("limit"),
              side,
              Integer.parseInt(arguments[3]),
              Integer.parseInt(arguments[4]));
      case "agrona-ping-pong" -> new AgronaPingPong(directory, side);
      case "qds-ping-pong" -> new QdsPingPong(directory, side, arguments[3]);
      case "qds-batches" ->
          side == 0
              ? new QdsBatchWriter(
                  directory, arguments[3], arguments[4], Long.parseLong(arguments[5]))
              : new QdsBatchReader(directory, arguments[3], arguments[4]);
      case "qds-read-cost" ->
          side == 0
              ? new QdsReadCostWriter(directory, arguments[3])
              : new QdsReadCostReader(directory, arguments[3]);
      default -> throw new IllegalArgumentException("kind=" + arguments[0]);
    };
  }
}
