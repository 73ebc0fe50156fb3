package io.qadataswap.bench;

import io.qadataswap.api.Message;
import io.qadataswap.api.OverflowPolicy;
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
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;

/**
 * Writes a small and a large batch in turn, and waits after each until the reader is done, so that
 * no copying disturbs the reader's clock. Copying 64 MiB empties caches, and lets the reader wait:
 * before a small batch as much is copied to another channel, so that both are read after the same.
 */
final class QdsReadCostWriter implements Side {
  static final long SMALL_LENGTH = 64L << 10;
  static final long LARGE_LENGTH = 64L << 20;

  private static final int BATCHES_THAT_FIT = 4;
  private static final Duration LIMIT = Duration.ofMinutes(1);

  private final BufferAllocator allocator = new RootAllocator();
  private final VectorSchemaRoot small = Batch.create(allocator, SMALL_LENGTH);
  private final VectorSchemaRoot large = Batch.create(allocator, LARGE_LENGTH);
  private final Writer<ArrowTable> writer;
  private final Writer<ArrowTable> elsewhere;
  private final Reader<Region> done;

  QdsReadCostWriter(Path directory, String backend) {
    writer =
        Qds.writer("read-cost-" + backend, ArrowCodec.with(allocator))
            .directory(directory)
            .backend(backend)
            .capacity(BATCHES_THAT_FIT * LARGE_LENGTH)
            .waitStrategy(WaitStrategy.BUSY_SPIN)
            .open();
    elsewhere =
        Qds.writer("read-cost-elsewhere-" + backend, ArrowCodec.with(allocator))
            .directory(directory)
            .backend(backend)
            .capacity(BATCHES_THAT_FIT * LARGE_LENGTH)
            .overflow(OverflowPolicy.DROP_OLDEST)
            .open();
    done =
        Qds.reader("read-cost-done-" + backend, RegionCodec.instance())
            .directory(directory)
            .backend(backend)
            .waitStrategy(WaitStrategy.BUSY_SPIN)
            .awaitChannel(LIMIT)
            .open();
  }

  /** A negative count warms up with that many pairs of small batches. */
  @Override
  public String run(long count) throws InterruptedException {
    ArrowTable first = ArrowTable.of(small);
    ArrowTable second = ArrowTable.of(count < 0 ? small : large);
    for (long i = 0; i < Math.abs(count); i++) {
      elsewhere.write(second);
      writeOne(first);
      writeOne(second);
    }
    return "done";
  }

  private void writeOne(ArrowTable table) throws InterruptedException {
    writer.write(table);
    try (Message<Region> message = done.read(LIMIT)) {
      if (message == null) {
        throw new IllegalStateException("no answer for " + LIMIT);
      }
    }
  }

  @Override
  public void close() {
    writer.close();
    done.close();
    small.close();
    large.close();
    allocator.close();
  }
}
