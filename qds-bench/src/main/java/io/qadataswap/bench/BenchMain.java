package io.qadataswap.bench;

import io.qadataswap.api.PluginInfo;
import io.qadataswap.api.Qds;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Measures QDS between two processes, against what this machine can do at best. */
@Command(
    name = "bench",
    description = "Measures QDS between two processes, against what this machine can do at best.",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    showDefaultValues = true)
public final class BenchMain implements Callable<Integer> {
  private static final int QUICK_REPETITIONS = 5;
  private static final int REPETITIONS = 20;
  private static final List<Scenario> SCENARIOS =
      List.of(new RoundTrips(), new Batches(), new ReadCosts());

  @Spec private CommandSpec spec;

  @Option(names = "--quick", description = "Fewer repetitions: under two minutes in all.")
  private boolean quick;

  @Option(
      names = "--backend",
      paramLabel = "NAME",
      description = "Only this backend; may be repeated. Default: all that work here.")
  private List<String> backends;

  @Option(
      names = "--scenario",
      paramLabel = "NAME",
      description = "Only this: round-trip, batches or read-cost; may be repeated. Default: all.")
  private List<String> scenarios;

  @Option(
      names = "--repetitions",
      paramLabel = "N",
      description = "Repetitions of each measurement. Default: 20, with --quick 5.")
  private Integer repetitions;

  @Option(
      names = "--cpus",
      paramLabel = "A,B",
      description = "Pin the two sides to these CPUs. Default: two that share no core.")
  private String cpus;

  @Option(
      names = "--json",
      paramLabel = "FILE",
      description = "Where every single result goes.",
      defaultValue = "qds-bench.json")
  private Path json;

  @Option(
      names = "--jmh",
      arity = "0..1",
      paramLabel = "REGEX",
      fallbackValue = ".*",
      description = "Run the JMH benchmarks in one process instead, or those that match.")
  private String jmh;

  private BenchMain() {}

  /**
   * Runs the benchmarks.
   *
   * @param arguments see {@code --help}
   */
  public static void main(String[] arguments) {
    System.exit(new CommandLine(new BenchMain()).execute(arguments));
  }

  @Override
  public Integer call() throws Exception {
    if (jmh != null) {
      JmhBenchmarks.run(jmh, chosenBackends(), quick);
      return CommandLine.ExitCode.OK;
    }
    PrintWriter out = spec.commandLine().getOut();
    String date =
        LocalDateTime.now(ZoneId.systemDefault()).truncatedTo(ChronoUnit.SECONDS).toString();
    Machine machine = Machine.here();
    List<Scenario> chosen = chosenScenarios();
    Path directory = Directories.create();
    try {
      Placement placement = Placement.of(cpus);
      Limits limits = Limits.prepare(placement, directory);
      Bench bench = new Bench(placement, limits, directory, chosenBackends(), repetitionCount());
      out.println(Report.heading(bench, machine, date));
      List<Measurement> measurements = new ArrayList<>();
      for (Scenario scenario : chosen) {
        out.println("measuring " + scenario.name() + " ...");
        out.flush();
        measurements.addAll(scenario.measure(bench));
      }
      Overhead overhead = Overhead.measure(directory);
      out.println();
      out.print(Report.of(measurements, overhead));
      Files.writeString(json, JsonReport.of(bench, machine, date, measurements, overhead));
      out.println("Every repetition: " + json.toAbsolutePath());
      out.flush();
    } finally {
      Directories.delete(directory);
    }
    return CommandLine.ExitCode.OK;
  }

  private int repetitionCount() {
    if (repetitions == null) {
      return quick ? QUICK_REPETITIONS : REPETITIONS;
    }
    if (repetitions < 1) {
      throw refusal("--repetitions=" + repetitions + " allowed=1 or more");
    }
    return repetitions;
  }

  private List<String> chosenBackends() {
    List<String> usable =
        Qds.backends().stream()
            .filter(plugin -> plugin.unavailableReason().isEmpty())
            .map(PluginInfo::name)
            .toList();
    if (backends == null) {
      return usable;
    }
    for (String backend : backends) {
      if (!usable.contains(backend)) {
        throw refusal("--backend=" + backend + " allowed=" + String.join(", ", usable));
      }
    }
    return backends;
  }

  private List<Scenario> chosenScenarios() {
    if (scenarios == null) {
      return SCENARIOS;
    }
    List<String> names = SCENARIOS.stream().map(Scenario::name).toList();
    for (String name : scenarios) {
      if (!names.contains(name)) {
        throw refusal("--scenario=" + name + " allowed=" + String.join(", ", names));
      }
    }
    return SCENARIOS.stream().filter(scenario -> scenarios.contains(scenario.name())).toList();
  }

  private ParameterException refusal(String message) {
    return new ParameterException(spec.commandLine(), message);
  }
}
