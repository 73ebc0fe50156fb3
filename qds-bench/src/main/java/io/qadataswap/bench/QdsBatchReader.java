package io.qadataswap.bench;

import io.qadataswap.api.Message;
import io.qadataswap.api.Qds;
import io.qadataswap.api.Reader;
import io.qadataswap.api.WaitStrategy;
import io.qadataswap.codec.arrow.ArrowCodec;
import io.qadataswap.codec.arrow.ArrowTable;
import java.nio.file.Path;
import java.time.Duration;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;

/** Sums a column of each batch that comes; tells when it was through. */
final class QdsBatchReader implements Side {
  private static final Duration LIMIT = Duration.ofMinutes(1);

  private final BufferAllocator allocator = new RootAllocator();
  private final Reader<ArrowTable> reader;

  QdsBatchReader(Path directory, String backend, String layout) {
    reader =
        Qds.reader("batches-" + backend + "-" + layout, ArrowCodec.with(allocator))
            .directory(directory)
            .backend(backend)
            .layout(layout)
            .waitStrategy(WaitStrategy.BUSY_SPIN)
            .awaitChannel(LIMIT)
            .open();
  }

  @Override
  public String run(long count) throws InterruptedException {
    for (long i = 0; i < count; i++) {
      readOne();
    }
    return "end_ns=" + System.nanoTime();
  }

  private void readOne() throws InterruptedException {
    try (Message<ArrowTable> message = reader.read(LIMIT)) {
      if (message == null) {
        throw new IllegalStateException("no batch for " + LIMIT);
      }
      Batch.checkSum(message.value());
    }
  }

  @Override
  public void close() {
    reader.close();
    allocator.close();
  }
}
