package io.qadataswap.bench;

import io.qadataswap.api.Qds;
import io.qadataswap.api.WaitStrategy;
import io.qadataswap.api.Writer;
import io.qadataswap.api.WriterBuilder;
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

  /** A buffer of the original's layout takes the metadata, too. */
  private static final long METADATA_LENGTH = 64 << 10;

  private final BufferAllocator allocator = new RootAllocator();
  private final VectorSchemaRoot root;
  private final ArrowTable table;
  private final Writer<ArrowTable> writer;

  QdsBatchWriter(Path directory, String backend, String layout, long batchLength) {
    root = Batch.create(allocator, batchLength);
    table = ArrowTable.of(root);
    WriterBuilder<ArrowTable> builder =
        Qds.writer("batches-" + backend + "-" + layout, ArrowCodec.with(allocator))
            .directory(directory)
            .backend(backend)
            .layout(layout)
            .capacity(
                Math.max(DEFAULT_CAPACITY, BATCHES_THAT_FIT * (batchLength + METADATA_LENGTH)))
            .waitStrategy(WaitStrategy.BUSY_SPIN);
    if (!layout.equals(Qds.DEFAULT_LAYOUT)) {
      builder.messageSlots(BATCHES_THAT_FIT);
    }
    writer = builder.open();
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
