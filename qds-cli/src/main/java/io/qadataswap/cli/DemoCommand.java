package io.qadataswap.cli;

import io.qadataswap.api.ChannelInfo;
import io.qadataswap.api.PluginInfo;
import io.qadataswap.api.Qds;
import io.qadataswap.api.QdsException;
import java.io.BufferedReader;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Shows the whole at work: two JVMs and a real data set. */
@Command(
    name = "demo",
    description = {
      "Moves a real data set (flights in the United States) from one JVM to another through shared"
          + " memory many times over, and then a table with texts, nulls, a dictionary and several"
          + " batches. The other side checks the content of every message.",
      "Exit code 0: everything arrived intact."
    },
    mixinStandardHelpOptions = true)
final class DemoCommand implements Callable<Integer> {
  private static final int PERCENT_STEP = 25;
  private static final String CHANNEL_PREFIX = "qds-demo-";

  @Option(
      names = "--batches",
      paramLabel = "N",
      defaultValue = "3000",
      description = "How many times the flights are streamed. Default: ${DEFAULT-VALUE}.")
  private int batchCount;

  @Option(
      names = "--rows",
      paramLabel = "N",
      defaultValue = "0",
      description = "Rows of the flights in each message. Default: all of the file.")
  private int rowCount;

  @Option(
      names = "--backend",
      paramLabel = "NAME",
      description = "Backend of both sides: ffm or agrona. Default: the best that works here.")
  private String backend;

  @Option(
      names = "--to",
      paramLabel = "LANGUAGE",
      description =
          "Write each table once, to a program in another language, which prints what it got:"
              + " python, rust or cpp, if this machine can build it.")
  private String peer;

  @Option(names = "--writer-backend", paramLabel = "NAME", description = "Backend of the writer.")
  private String writerBackend;

  @Option(names = "--reader-backend", paramLabel = "NAME", description = "Backend of the reader.")
  private String readerBackend;

  @Option(
      names = "--capacity",
      paramLabel = "BYTES",
      converter = Units.LengthConverter.class,
      defaultValue = "100M",
      description = "Length of the channel's segment file. Default: ${DEFAULT-VALUE}.")
  private long capacity;

  @Mixin private ChannelOptions channels;

  private Optional<DemoReport.Result> result = Optional.empty();

  @Override
  public Integer call() throws IOException, InterruptedException {
    requireAtLeast("--batches", batchCount, 1);
    requireAtLeast("--rows", rowCount, 0);
    DemoPlan plan = new DemoPlan();
    plan.channel = CHANNEL_PREFIX + ProcessHandle.current().pid();
    plan.directory = channels.directory();
    plan.layout = channels.layoutOf(plan.channel);
    plan.rowCount = rowCount;
    plan.streamCount = batchCount;
    plan.capacity = capacity;
    removeKilledDemos();
    String writerSide = sideBackend(writerBackend);
    if (peer != null) {
      plan.backend = writerSide;
      try {
        return DemoToPeer.run(peer, plan);
      } finally {
        removeLeftover(plan.channel);
      }
    }
    String readerSide = sideBackend(readerBackend);
    int exitCode;
    try {
      exitCode = run(plan, writerSide, readerSide);
    } finally {
      // After a clean end there is nothing; the children have gone, whatever happened.
      removeLeftover(plan.channel);
    }
    if (exitCode != ExitCode.OK) {
      return exitCode;
    }
    if (result.isEmpty()) {
      throw new ToolException("the reader ended without a result");
    }
    printResult(result.get(), plan.layout, writerSide, readerSide);
    return ExitCode.OK;
  }

  /** Returns the exit code of the side that failed first, or 0. */
  private int run(DemoPlan plan, String writerSide, String readerSide)
      throws IOException, InterruptedException {
    try (ChildJvm reader = ChildJvm.start(arguments("demo-reader", plan, readerSide));
        ChildJvm writer = ChildJvm.start(arguments("demo-writer", plan, writerSide))) {
      System.out.println(
          "writer: JVM "
              + writer.process().pid()
              + " on "
              + writerSide
              + ", reader: JVM "
              + reader.process().pid()
              + " on "
              + readerSide
              + ", channel "
              + plan.directory.resolve(plan.channel));
      // Without a writer the reader would wait for the channel; one that is half-way through, the
      // reader notices itself.
      var _ =
          writer
              .process()
              .onExit()
              .thenAccept(ended -> {
                if (ended.exitValue() != ExitCode.OK) {
                  reader.process().destroy();
                }
              });
      follow(reader, plan.messageCount());
      int readerExitCode = reader.await();
      if (readerExitCode != ExitCode.OK) {
        // It explains itself, unless it was ended because of the writer.
        boolean writerFailed = !writer.process().isAlive() && writer.await() != ExitCode.OK;
        return writerFailed ? writer.await() : readerExitCode;
      }
      return writer.await();
    }
  }

  private static List<String> arguments(String command, DemoPlan plan, String backend) {
    List<String> arguments = new ArrayList<>(List.of(command));
    arguments.addAll(plan.arguments());
    arguments.addAll(List.of("--backend", backend));
    return arguments;
  }

  /** Shows what the reader reports until its end. */
  private void follow(ChildJvm reader, long expectedCount) throws IOException {
    long printedPercent = 0;
    try (BufferedReader lines = reader.output();
        Progress progress = new Progress(true)) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        DemoReport report = Json.MAPPER.readValue(line, DemoReport.class);
        if (report.firstRows() != null) {
          progress.clear();
          printFirstRows(report.firstRows());
        }
        if (report.progress() != null) {
          long messageCount = report.progress().messageCount();
          long percent = 100 * messageCount / expectedCount;
          String text =
              percent
                  + " %: "
                  + Units.count(messageCount)
                  + " of "
                  + Units.count(expectedCount, "message")
                  + " received and checked";
          if (progress.isShown()) {
            progress.show(() -> text);
          } else if (percent >= printedPercent + PERCENT_STEP) {
            printedPercent = percent;
            System.out.println(text);
          }
        }
        if (report.result() != null) {
          result = Optional.of(report.result());
        }
      }
    }
  }

  private static void printFirstRows(DemoReport.FirstRows firstRows) {
    TextTable table = new TextTable(firstRows.headings());
    firstRows.rows().forEach(table::add);
    System.out.println();
    System.out.print(table.render());
    System.out.println(
        "... "
            + Units.count(firstRows.rowCount(), "row")
            + " in "
            + (firstRows.batchCount() == 1 ? "1 batch" : firstRows.batchCount() + " batches"));
    System.out.println();
  }

  private static void printResult(
      DemoReport.Result result, String layout, String writerSide, String readerSide) {
    TextTable table =
        TextTable.of(">rows", ">bytes", ">rate", ">hand-over median", ">p99", "backend", "layout");
    table.add(
        Units.count(result.rowCount()),
        Units.count(result.byteCount()),
        Units.rate(result.byteCount(), result.durationNs()),
        Units.time(result.medianNs()),
        Units.time(result.p99Ns()),
        writerSide.equals(readerSide) ? writerSide : writerSide + " to " + readerSide,
        layout);
    System.out.println();
    System.out.print(table.render());
    System.out.println();
    System.out.println(
        "All "
            + Units.count(result.messageCount(), "message")
            + " arrived intact: row counts and column sums equal the file's, the second table"
            + " equals its original. The rate includes this check.");
  }

  private String sideBackend(String ofSide) {
    if (ofSide != null) {
      return ofSide;
    }
    if (backend != null) {
      return backend;
    }
    return Qds.backends().stream()
        .filter(plugin -> plugin.unavailableReason().isEmpty())
        .map(PluginInfo::name)
        .findFirst()
        .orElseThrow(() -> new ToolException("no backend is usable here; see ./qds doctor"));
  }

  /** A demo that was killed could not clean up. */
  private void removeKilledDemos() {
    for (ChannelOptions.Listed listed : channels.list()) {
      boolean isDead = listed.info().isPresent() && !listed.info().get().isLive();
      if (listed.name().startsWith(CHANNEL_PREFIX) && isDead) {
        removeLeftover(listed.name());
      }
    }
  }

  private void removeLeftover(String channel) {
    try {
      Optional<ChannelInfo> left = channels.find(channel);
      if (left.isPresent()) {
        channels.remove(channel, true);
      }
    } catch (QdsException e) {
      Main.printError(e.getMessage());
    }
  }

  private static void requireAtLeast(String option, int value, int least) {
    if (value < least) {
      throw new ToolException(option + "=" + value + " allowed=" + least + " or more");
    }
  }
}
