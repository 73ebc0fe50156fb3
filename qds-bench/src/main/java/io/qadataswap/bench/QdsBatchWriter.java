package io.qadataswap.bench;

import io.qadataswap.api.Qds;
import io.qadataswap.api.WaitStrategy;
import io.qadataswap.api.Writer;
import io.qadataswap.codec.arrow.ArrowCodec;
import io.qadataswap.codec.arrow.ArrowTable;
import java.nio.file.Path;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;

/** Writes one Arrow batch over and over; tells when it began. */
final class QdsBatchWriter implements Side {
  /** The default capacity, or room for so many of the largest batches. */
  private static final long DEFAULT_CAPACITY = 100L << 20;

  private static final int BATCHES_THAT_FIT = 4;

  private final BufferAllocator allocator = new RootAllocator();
  private final VectorSchemaRoot root;
  private final ArrowTable table;
  private final Writer<ArrowTable> writer;

  QdsBatchWriter(Path directory, String backend, long batchLength) {
    root = Batch.create(allocator, batchLength);
    table = ArrowTable.of(root);
    writer =
        Qds.writer("batches-" + backend, ArrowCodec.with(allocator))
            .directory(directory)
            .backend(backend)
            .capacity(Math.max(DEFAULT_CAPACITY, BATCHES_THAT_FIT * batchLength))
            .waitStrategy(WaitStrategy.BUSY_SPIN)
            .open();
  }

  @Override
  public String run(long count) throws InterruptedException {
    long startNs = System.nanoTime();
    for (long i = 0; i < count; i++) {
      writer.write(table);
    }
    return "start_ns=" + startNs;
  }

  @Override
  public void close() {
    writer.close();
    root.close();
    allocator.close();
  }
}
