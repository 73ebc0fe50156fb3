package io.qadataswap.cli;

import io.qadataswap.api.IfExists;
import io.qadataswap.api.Qds;
import io.qadataswap.api.Timestamps;
import io.qadataswap.api.Writer;
import io.qadataswap.codec.arrow.ArrowCodec;
import io.qadataswap.codec.arrow.ArrowTable;
import java.io.IOException;
import java.util.concurrent.Callable;
import java.util.concurrent.locks.LockSupport;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** The writing side of the demo, in a JVM of its own. */
@Command(name = "demo-writer", hidden = true)
final class DemoWriterCommand implements Callable<Integer> {
  private static final long SPIN_LIMIT = 10_000;
  private static final long PARK_NS = 20_000;

  @Mixin private DemoPlan plan;

  @Override
  public Integer call() throws IOException, InterruptedException {
    ChildJvm.endWithParent();
    try (BufferAllocator allocator = new RootAllocator();
        DemoData flights = DemoData.flights(plan.rowCount, allocator);
        DemoData mixed = DemoData.mixed(allocator);
        Writer<ArrowTable> writer =
            Qds.writer(plan.channel, ArrowCodec.with(allocator))
                .directory(plan.directory)
                .layout(plan.layout)
                .backend(plan.backend)
                .capacity(plan.capacity)
                .timestamps(Timestamps.ALWAYS)
                .ifExists(IfExists.FAIL)
                .label("qds demo")
                .open()) {
      for (DemoPhase phase : DemoPhase.values()) {
        ArrowTable table = phase == DemoPhase.MIXED ? mixed.table() : flights.table();
        for (int i = 0; i < plan.messageCount(phase); i++) {
          if (phase == DemoPhase.HAND_OVER) {
            awaitDrained(writer);
          }
          writer.write(table, phase.tag());
        }
        // The phases do not overlap: none is measured while the reader still has another to do.
        awaitDrained(writer);
      }
      return ExitCode.OK;
    }
  }

  private static void awaitDrained(Writer<ArrowTable> writer) throws InterruptedException {
    long spinCount = 0;
    while (writer.stats().unreadCount() > 0) {
      if (spinCount++ < SPIN_LIMIT) {
        Thread.onSpinWait();
      } else {
        // The reader may need this processor.
        LockSupport.parkNanos(PARK_NS);
      }
      if (Thread.interrupted()) {
        throw new InterruptedException();
      }
    }
  }
}
