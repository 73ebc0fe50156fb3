package io.qadataswap.bench;

import io.qadataswap.api.Message;
import io.qadataswap.api.Qds;
import io.qadataswap.api.Reader;
import io.qadataswap.api.WaitStrategy;
import io.qadataswap.api.Writer;
import io.qadataswap.codec.arrow.ArrowCodec;
import io.qadataswap.codec.arrow.ArrowTable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.TimeStampMicroVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowStreamReader;
import org.apache.arrow.vector.ipc.ArrowStreamWriter;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/**
 * A batch of few rows and five columns, written and read in one thread: through a channel, and by
 * Arrow's own streams over private memory. Each invocation changes a value and reads it back. Times
 * are sampled: the median stands what other programs on the machine do to the mean.
 */
@BenchmarkMode(Mode.SampleTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class SmallBatchBenchmark {
  /** Called by JMH. */
  public SmallBatchBenchmark() {}

  /** The batch that is written. */
  @State(Scope.Thread)
  public abstract static class Source {
    /** Rows of the batch. */
    @Param({"1", "100"})
    public int rowCount;

    BufferAllocator allocator;
    VectorSchemaRoot root;
    private BigIntVector id;
    private long next;

    /** Called by JMH. */
    protected Source() {}

    final void fill() {
      allocator = new RootAllocator();
      id = new BigIntVector("id", allocator);
      TimeStampMicroVector time = new TimeStampMicroVector("time", allocator);
      IntVector count = new IntVector("count", allocator);
      Float8Vector price = new Float8Vector("price", allocator);
      VarCharVector name = new VarCharVector("name", allocator);
      for (int row = 0; row < rowCount; row++) {
        id.setSafe(row, row);
        time.setSafe(row, 1_000_000L * row);
        count.setSafe(row, row);
        price.setSafe(row, row / 4.0);
        name.setSafe(row, ("name " + row % 10).getBytes(StandardCharsets.UTF_8));
      }
      root = VectorSchemaRoot.of(id, time, count, price, name);
      root.setRowCount(rowCount);
    }

    final void free() {
      root.close();
      allocator.close();
    }

    final VectorSchemaRoot next() {
      id.set(0, ++next);
      return root;
    }

    final long check(VectorSchemaRoot received) {
      long value = ((BigIntVector) received.getVector(0)).get(0);
      if (value != next || received.getRowCount() != rowCount) {
        throw new IllegalStateException("id=" + value + " expected=" + next);
      }
      return value;
    }
  }

  /** Both ends of a channel. */
  @State(Scope.Thread)
  public static class Ends extends Source {
    /** The backend of both ends. */
    @Param({"ffm", "agrona"})
    public String backend;

    private Path directory;
    private Writer<ArrowTable> writer;
    private Reader<ArrowTable> reader;
    private ArrowTable table;
    private Consumer<Message<ArrowTable>> handler;

    /** Called by JMH. */
    public Ends() {}

    /**
     * Opens both ends.
     *
     * @throws IOException if there is no room for the channel
     */
    @Setup
    public void open() throws IOException {
      fill();
      directory = Directories.create();
      writer =
          Qds.writer("small", ArrowCodec.with(allocator))
              .directory(directory)
              .backend(backend)
              .waitStrategy(WaitStrategy.BUSY_SPIN)
              .open();
      reader =
          Qds.reader("small", ArrowCodec.with(allocator))
              .directory(directory)
              .backend(backend)
              .waitStrategy(WaitStrategy.BUSY_SPIN)
              .open();
      table = ArrowTable.of(root);
      handler = message -> check(message.value().root());
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
      free();
      Directories.delete(directory);
    }
  }

  /** Both ends of a stream over an array. */
  @State(Scope.Thread)
  public static class Streams extends Source {
    private final Pipe pipe = new Pipe();
    private final Pipe spare = new Pipe();
    private ArrowStreamWriter writer;
    private ArrowStreamReader reader;

    /** Called by JMH. */
    public Streams() {}

    /**
     * Begins a stream.
     *
     * @throws IOException never
     */
    @Setup
    public void open() throws IOException {
      fill();
      writer = new ArrowStreamWriter(root, null, pipe);
      writer.start();
      reader = new ArrowStreamReader(pipe, allocator);
    }

    /**
     * Ends the stream.
     *
     * @throws IOException never
     */
    @TearDown
    public void close() throws IOException {
      reader.close();
      free();
    }
  }

  /**
   * Writes a batch and takes it from the channel.
   *
   * @param ends of the channel
   * @return the number of messages
   * @throws InterruptedException never, since nobody interrupts
   */
  @Benchmark
  public int channel(Ends ends) throws InterruptedException {
    ends.next();
    ends.writer.write(ends.table);
    return ends.reader.drain(ends.handler, 1);
  }

  /**
   * Writes a batch to an open stream and reads it there.
   *
   * @param streams both ends
   * @return the value that was changed
   * @throws IOException never
   */
  @Benchmark
  public long openStream(Streams streams) throws IOException {
    streams.next();
    streams.writer.writeBatch();
    streams.reader.loadNextBatch();
    return streams.check(streams.reader.getVectorSchemaRoot());
  }

  /**
   * Writes a batch as a stream of its own and reads that.
   *
   * @param streams for their memory
   * @return the value that was changed
   * @throws IOException never
   */
  @Benchmark
  public long streamWithSchema(Streams streams) throws IOException {
    Pipe pipe = streams.spare;
    ArrowStreamWriter writer = new ArrowStreamWriter(streams.next(), null, pipe);
    writer.start();
    writer.writeBatch();
    writer.end();
    try (ArrowStreamReader reader = new ArrowStreamReader(pipe, streams.allocator)) {
      reader.loadNextBatch();
      long value = streams.check(reader.getVectorSchemaRoot());
      reader.loadNextBatch();
      return value;
    }
  }

  /** Memory that is written and then read. */
  private static final class Pipe implements WritableByteChannel, ReadableByteChannel {
    private final ByteBuffer bytes = ByteBuffer.allocateDirect(1 << 20);
    private int readPosition;

    @Override
    public int write(ByteBuffer source) {
      int count = source.remaining();
      bytes.put(source);
      return count;
    }

    @Override
    public int read(ByteBuffer target) {
      int count = Math.min(target.remaining(), bytes.position() - readPosition);
      int position = target.position();
      target.put(position, bytes, readPosition, count);
      target.position(position + count);
      readPosition += count;
      if (readPosition == bytes.position()) {
        readPosition = 0;
        bytes.clear();
      }
      return count;
    }

    @Override
    public boolean isOpen() {
      return true;
    }

    @Override
    public void close() {
      // holds nothing
    }
  }
}
