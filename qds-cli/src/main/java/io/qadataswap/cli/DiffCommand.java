package io.qadataswap.cli;

import java.util.concurrent.Callable;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Compares two Arrow files. */
@Command(
    name = "diff",
    description = {
      "Compares two Arrow IPC files or streams: schema with metadata, batch boundaries,"
          + " dictionaries, every value and null. Tells where they differ (rows are counted from"
          + " 0), the value of A first.",
      "Exit code 0: equal, 1: different, 2: trouble."
    },
    mixinStandardHelpOptions = true)
final class DiffCommand implements Callable<Integer> {
  @Parameters(
      index = "0",
      paramLabel = "A",
      description = "An Arrow IPC file; - for standard input.")
  private String left;

  @Parameters(
      index = "1",
      paramLabel = "B",
      description = "An Arrow IPC file; - for standard input.")
  private String right;

  @Option(
      names = "--limit",
      paramLabel = "N",
      defaultValue = "20",
      description = "Most differences to print. Default: ${DEFAULT-VALUE}.")
  private long limit;

  @Option(
      names = {"-q", "--quiet"},
      description = "Print nothing; the exit code tells.")
  private boolean quiet;

  @Override
  public Integer call() throws Exception {
    if (left.equals("-") && right.equals("-")) {
      throw new ToolException("A and B cannot both be standard input");
    }
    try (BufferAllocator allocator = new RootAllocator();
        ArrowInput leftInput = ArrowInput.open(left, allocator);
        ArrowInput rightInput = ArrowInput.open(right, allocator)) {
      Printer printer = new Printer();
      Comparison.Result result = Comparison.run(leftInput, rightInput, printer::print);
      if (result.isEqual()) {
        printer.line(
            "equal: "
                + Units.count(leftInput.schema().getFields().size(), "column")
                + ", "
                + Units.count(result.rowCount(), "row")
                + ", "
                + (result.batchCount() == 1
                    ? "1 batch"
                    : Units.count(result.batchCount()) + " batches"));
        return ExitCode.OK;
      }
      printer.line("different: " + Units.count(result.differenceCount(), "difference"));
      return ExitCode.DIFFERENT;
    }
  }

  private final class Printer {
    private long count;

    void print(String difference) {
      if (count++ < limit) {
        line(difference);
      }
    }

    void line(String text) {
      if (!quiet) {
        System.out.println(text);
      }
    }
  }
}
