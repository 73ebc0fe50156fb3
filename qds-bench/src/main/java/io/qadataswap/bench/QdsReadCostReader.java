package io.qadataswap.bench;

import io.qadataswap.api.Message;
import io.qadataswap.api.Qds;
import io.qadataswap.api.Reader;
import io.qadataswap.api.Region;
import io.qadataswap.api.WaitStrategy;
import io.qadataswap.api.Writer;
import io.qadataswap.api.codec.RegionCodec;
import io.qadataswap.codec.arrow.ArrowCodec;
import io.qadataswap.codec.arrow.ArrowTable;
import java.nio.file.Path;
import java.time.Duration;
import org.HdrHistogram.Histogram;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;

/** Takes the time of poll, decode and close for small and large batches in turn. */
final class QdsReadCostReader implements Side {
  private static final Duration LIMIT = Duration.ofMinutes(1);

  private final BufferAllocator allocator = new RootAllocator();
  private final Reader<ArrowTable> reader;
  private final Writer<Region> done;
  private final Spin spin = new Spin();
  private long rowSum;

  QdsReadCostReader(Path directory, String backend) {
    done =
        Qds.writer("read-cost-done-" + backend, RegionCodec.instance())
            .directory(directory)
            .backend(backend)
            .waitStrategy(WaitStrategy.BUSY_SPIN)
            .open();
    reader =
        Qds.reader("read-cost-" + backend, ArrowCodec.with(allocator))
            .directory(directory)
            .backend(backend)
            .waitStrategy(WaitStrategy.BUSY_SPIN)
            .awaitChannel(LIMIT)
            .open();
  }

  @Override
  public String run(long count) throws InterruptedException {
    Histogram small = new Histogram(3);
    Histogram large = new Histogram(3);
    for (long i = 0; i < Math.abs(count); i++) {
      small.recordValue(readOne());
      large.recordValue(readOne());
    }
    return "small_ns="
        + small.getValueAtPercentile(50)
        + " large_ns="
        + large.getValueAtPercentile(50)
        + " rows="
        + rowSum;
  }

  private long readOne() throws InterruptedException {
    long timeNs = -1;
    while (timeNs < 0) {
      timeNs = pollOne();
      spin.turn();
    }
    spin.reset();
    done.claim(Long.BYTES).commit(Long.BYTES);
    return timeNs;
  }

  /** Returns the time that it took, or -1 if there was nothing yet. */
  private long pollOne() {
    long startNs = System.nanoTime();
    try (Message<ArrowTable> message = reader.poll()) {
      if (message == null) {
        return -1;
      }
      rowSum += message.value().rowCount();
    }
    return System.nanoTime() - startNs;
  }

  @Override
  public void close() {
    reader.close();
    done.close();
    allocator.close();
  }
}
