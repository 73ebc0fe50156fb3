package io.qadataswap.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** On which CPU each of the two sides runs. */
final class Placement {
  private final List<Integer> cpus;

  private Placement(List<Integer> cpus) {
    this.cpus = cpus;
  }

  /** Pins to two given CPUs, "0,1", or to the first two that share no core when none are given. */
  static Placement of(String given) throws IOException {
    if (findProgram("taskset") == null) {
      if (given != null) {
        throw new IllegalArgumentException("--cpus=" + given + " needs the program taskset");
      }
      return new Placement(List.of());
    }
    List<Integer> cpus = given == null ? firstTwo(allowedCpus()) : parse(given);
    if (given != null && cpus.size() != 2) {
      throw new IllegalArgumentException("--cpus=" + given + " allowed=two numbers such as 0,1");
    }
    return new Placement(cpus.size() == 2 ? cpus : List.of());
  }

  /** Returns a command that runs on the CPU of a side. */
  List<String> pin(int side, List<String> command) {
    if (cpus.isEmpty()) {
      return command;
    }
    List<String> pinned = new ArrayList<>();
    pinned.add("taskset");
    pinned.add("-c");
    pinned.add(Integer.toString(cpus.get(side)));
    pinned.addAll(command);
    return pinned;
  }

  @Override
  public String toString() {
    return cpus.isEmpty()
        ? "not pinned (that takes Linux, taskset and two CPUs)"
        : "pinned to CPUs " + cpus.get(0) + " and " + cpus.get(1);
  }

  /** Returns the path of a program that the search path has, or null. */
  static Path findProgram(String name) {
    for (String directory : System.getenv().getOrDefault("PATH", "").split(":", -1)) {
      Path program = Path.of(directory, name);
      if (Files.isExecutable(program)) {
        return program;
      }
    }
    return null;
  }

  private static List<Integer> allowedCpus() throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
      if (line.startsWith("Cpus_allowed_list:")) {
        return parse(line.substring(line.indexOf(':') + 1).trim());
      }
    }
    return List.of();
  }

  private static List<Integer> firstTwo(List<Integer> allowed) throws IOException {
    if (allowed.size() < 2) {
      return List.of();
    }
    int first = allowed.get(0);
    Path siblings =
        Path.of("/sys/devices/system/cpu/cpu" + first + "/topology/thread_siblings_list");
    List<Integer> sameCore =
        Files.isReadable(siblings) ? parse(Files.readString(siblings).trim()) : List.of(first);
    for (int cpu : allowed) {
      if (!sameCore.contains(cpu)) {
        return List.of(first, cpu);
      }
    }
    return List.of(first, allowed.get(1));
  }

  /** Parses a list such as 0,2-3. */
  private static List<Integer> parse(String list) {
    List<Integer> cpus = new ArrayList<>();
    for (String range : list.split(",", -1)) {
      String[] ends = range.split("-", -1);
      int last = Integer.parseInt(ends[ends.length - 1]);
      for (int cpu = Integer.parseInt(ends[0]); cpu <= last; cpu++) {
        cpus.add(cpu);
      }
    }
    return cpus;
  }
}
