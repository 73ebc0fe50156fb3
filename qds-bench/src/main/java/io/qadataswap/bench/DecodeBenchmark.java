package io.qadataswap.bench;

import io.qadataswap.api.Message;
import io.qadataswap.api.Qds;
import io.qadataswap.api.Reader;
import io.qadataswap.api.WaitStrategy;
import io.qadataswap.api.Writer;
import io.qadataswap.codec.arrow.ArrowCodec;
import io.qadataswap.codec.arrow.ArrowTable;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** Reading an Arrow batch that is there: poll, decode and close, whatever its size. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class DecodeBenchmark {
  private static final int BATCHES_THAT_FIT = 4;
  private static final long LEAST_CAPACITY = 1 << 20;

  /** The backend of both ends. */
  @Param({"ffm", "agrona"})
  public String backend;

  /** Bytes of the batch's values. */
  @Param({"65536", "1048576", "16777216"})
  public long batchLength;

  private Path directory;
  private BufferAllocator allocator;
  private VectorSchemaRoot root;
  private ArrowTable table;
  private Writer<ArrowTable> writer;
  private Reader<ArrowTable> reader;

  /** Called by JMH. */
  public DecodeBenchmark() {}

  /**
   * Opens both ends.
   *
   * @throws IOException if there is no room for the channel
   */
  @Setup
  public void open() throws IOException {
    directory = Directories.create();
    allocator = new RootAllocator();
    root = Batch.create(allocator, batchLength);
    table = ArrowTable.of(root);
    writer =
        Qds.writer("decode", ArrowCodec.with(allocator))
            .directory(directory)
            .backend(backend)
            .capacity(Math.max(LEAST_CAPACITY, BATCHES_THAT_FIT * batchLength))
            .waitStrategy(WaitStrategy.BUSY_SPIN)
            .open();
    reader =
        Qds.reader("decode", ArrowCodec.with(allocator))
            .directory(directory)
            .backend(backend)
            .waitStrategy(WaitStrategy.BUSY_SPIN)
            .open();
  }

  /**
   * Writes the batch that the next invocation reads.
   *
   * @throws InterruptedException never, since nobody interrupts
   */
  @Setup(Level.Invocation)
  public void write() throws InterruptedException {
    writer.write(table);
  }

  /**
   * Closes both ends.
   *
   * @throws IOException if the directory cannot be removed
   */
  @TearDown
  public void close() throws IOException {
    writer.close();
    reader.close();
    root.close();
    allocator.close();
    Directories.delete(directory);
  }

  /**
   * Reads the batch.
   *
   * @return its rows
   */
  @Benchmark
  public long pollDecodeClose() {
    try (Message<ArrowTable> message = reader.poll()) {
      return message.value().rowCount();
    }
  }
}
