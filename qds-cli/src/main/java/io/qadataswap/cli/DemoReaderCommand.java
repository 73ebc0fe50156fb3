package io.qadataswap.cli;

import io.qadataswap.api.Message;
import io.qadataswap.api.Qds;
import io.qadataswap.api.Reader;
import io.qadataswap.codec.arrow.ArrowCodec;
import io.qadataswap.codec.arrow.ArrowTable;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/**
 * The reading side of the demo, in a JVM of its own: checks the content of every message and
 * measures. Reports on standard output, one {@link DemoReport} a line.
 */
@Command(name = "demo-reader", hidden = true)
final class DemoReaderCommand implements Callable<Integer> {
  private static final Duration CHANNEL_WAIT = Duration.ofSeconds(60);
  private static final int FIRST_ROW_COUNT = 5;
  private static final long REPORT_INTERVAL_NS = 50_000_000;

  @Mixin private DemoPlan plan;

  private final Map<DemoPhase, Integer> counts = new EnumMap<>(DemoPhase.class);
  private final List<Long> latenciesNs = new ArrayList<>();
  private long receivedCount;
  private long streamedRowCount;
  private long streamedByteCount;
  private long streamStartNs;
  private long streamEndNs;
  private long nextReportNs;

  @Override
  public Integer call() throws IOException, InterruptedException {
    ChildJvm.endWithParent();
    try (BufferAllocator allocator = new RootAllocator();
        DemoData flights = DemoData.flights(plan.rowCount, allocator);
        DemoData mixed = DemoData.mixed(allocator);
        Reader<ArrowTable> reader =
            Qds.reader(plan.channel, ArrowCodec.with(allocator))
                .directory(plan.directory)
                .layout(plan.layout)
                .backend(plan.backend)
                .awaitChannel(CHANNEL_WAIT)
                .label("qds demo")
                .open()) {
      double[] expectedSums = ColumnSums.of(flights.table().root());
      int expectedRowCount = flights.table().root().getRowCount();
      while (true) {
        try (Message<ArrowTable> message = reader.read()) {
          if (message == null) {
            break;
          }
          long receivedNs = System.nanoTime();
          ArrowTable table = message.value();
          DemoPhase phase = DemoPhase.of(message.tag());
          if (phase == DemoPhase.MIXED) {
            checkMixed(table, mixed.table(), message.sequence());
          } else {
            checkFlights(table.root(), expectedRowCount, expectedSums, message.sequence());
          }
          measure(phase, message, receivedNs);
        }
      }
      checkCounts();
      Collections.sort(latenciesNs);
      report(
          DemoReport.of(
              new DemoReport.Result(
                  receivedCount,
                  streamedRowCount,
                  streamedByteCount,
                  streamEndNs - streamStartNs,
                  percentile(50),
                  percentile(99))));
      return ExitCode.OK;
    }
  }

  private void measure(DemoPhase phase, Message<ArrowTable> message, long receivedNs)
      throws IOException {
    ArrowTable table = message.value();
    int index = counts.merge(phase, 1, Integer::sum) - 1;
    receivedCount++;
    if (index == 0 && (phase == DemoPhase.WARM_UP || phase == DemoPhase.MIXED)) {
      reportFirstRows(table);
    }
    if (phase == DemoPhase.STREAM) {
      if (index == 0) {
        // The clock starts when its first byte may have been written.
        streamStartNs = message.timeNs();
      }
      streamedRowCount += table.rowCount();
      streamedByteCount += message.payload().length();
      streamEndNs = System.nanoTime();
    }
    if (phase == DemoPhase.HAND_OVER) {
      latenciesNs.add(receivedNs - message.timeNs());
    }
    if (System.nanoTime() >= nextReportNs) {
      nextReportNs = System.nanoTime() + REPORT_INTERVAL_NS;
      report(DemoReport.of(new DemoReport.Progress(receivedCount)));
    }
  }

  private long percentile(int percent) {
    return latenciesNs.get((latenciesNs.size() - 1) * percent / 100);
  }

  private static void checkFlights(
      VectorSchemaRoot batch, int expectedRowCount, double[] expectedSums, long sequence) {
    if (batch.getRowCount() != expectedRowCount) {
      throw differs(
          "message "
              + sequence
              + " has "
              + batch.getRowCount()
              + " rows, expected "
              + expectedRowCount);
    }
    double[] actualSums = ColumnSums.of(batch);
    if (!Arrays.equals(actualSums, expectedSums)) {
      throw differs(
          "message "
              + sequence
              + " has the column sums "
              + Arrays.toString(actualSums)
              + ", expected "
              + Arrays.toString(expectedSums));
    }
  }

  private static void checkMixed(ArrowTable actual, ArrowTable expected, long sequence) {
    Comparison.run(
        new TableBatches(actual),
        new TableBatches(expected),
        difference -> {
          throw differs("message " + sequence + ": " + difference);
        });
  }

  private void checkCounts() {
    for (DemoPhase phase : DemoPhase.values()) {
      int count = counts.getOrDefault(phase, 0);
      if (count != plan.messageCount(phase)) {
        throw differs(phase + ": " + count + " messages, expected " + plan.messageCount(phase));
      }
    }
  }

  private static void reportFirstRows(ArrowTable table) throws IOException {
    VectorSchemaRoot batch = table.batch(0);
    int rowCount = Math.min(FIRST_ROW_COUNT, batch.getRowCount());
    List<List<String>> rows = new ArrayList<>();
    for (int row = 0; row < rowCount; row++) {
      List<String> cells = new ArrayList<>();
      for (FieldVector vector : batch.getFieldVectors()) {
        cells.add(Values.text(Values.of(vector, row, table.dictionaries())));
      }
      rows.add(cells);
    }
    List<String> headings = batch.getFieldVectors().stream().map(FieldVector::getName).toList();
    report(
        DemoReport.of(
            new DemoReport.FirstRows(table.rowCount(), table.batchCount(), headings, rows)));
  }

  private static void report(DemoReport report) throws IOException {
    System.out.println(Json.MAPPER.writeValueAsString(report));
  }

  private static ToolException differs(String message) {
    return new ToolException(ExitCode.DIFFERENT, message, null);
  }
}
