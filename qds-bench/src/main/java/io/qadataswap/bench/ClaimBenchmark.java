package io.qadataswap.bench;

import io.qadataswap.api.Message;
import io.qadataswap.api.Qds;
import io.qadataswap.api.Reader;
import io.qadataswap.api.WaitStrategy;
import io.qadataswap.api.Writer;
import io.qadataswap.codec.arrow.ArrowClaim;
import io.qadataswap.codec.arrow.ArrowCodec;
import io.qadataswap.codec.arrow.ArrowTable;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.ipc.message.ArrowFieldNode;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.Schema;
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
 * Handing over a batch that was filled in place: claim, commit, read and close. The values are
 * those that the memory holds from the message before, so that no time goes into filling. Times are
 * sampled: the median stands what other programs on the machine do to the mean.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.SampleTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class ClaimBenchmark {
  private static final long OVERHEAD = 1 << 20;
  private static final Schema SCHEMA =
      new Schema(List.of(Field.notNullable("value", new ArrowType.Int(64, true))));

  /** The backend of both ends. */
  @Param({"ffm", "agrona"})
  public String backend;

  /** Bytes of the batch's values. */
  @Param({"1024", "1073741824"})
  public long batchLength;

  private Path directory;
  private BufferAllocator allocator;
  private ArrowCodec codec;
  private ArrowBuf ones;
  private Writer<ArrowTable> writer;
  private Reader<ArrowTable> reader;

  /** Called by JMH. */
  public ClaimBenchmark() {}

  /**
   * Opens both ends.
   *
   * @throws IOException if there is no room for the channel
   */
  @Setup
  public void open() throws IOException {
    directory = Directories.create();
    allocator = new RootAllocator();
    codec = ArrowCodec.with(allocator);
    // Validity for Arrow's getters and setters; a column that is not nullable sends none.
    ones = allocator.buffer(batchLength / Long.BYTES / Byte.SIZE);
    ones.setOne(0L, ones.capacity());
    writer =
        Qds.writer("claim", codec)
            .directory(directory)
            .backend(backend)
            .capacity(batchLength + OVERHEAD * 4)
            .maxMessageLength(batchLength + OVERHEAD)
            .waitStrategy(WaitStrategy.BUSY_SPIN)
            .open();
    reader =
        Qds.reader("claim", codec)
            .directory(directory)
            .backend(backend)
            .waitStrategy(WaitStrategy.BUSY_SPIN)
            .open();
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
    ones.close();
    allocator.close();
    Directories.delete(directory);
  }

  /**
   * Hands a batch over.
   *
   * @return its first and last value
   * @throws InterruptedException never, since nobody interrupts
   */
  @Benchmark
  public long claimCommitPollClose() throws InterruptedException {
    int rowCount = (int) (batchLength / Long.BYTES);
    try (ArrowClaim claim = codec.claim(writer, SCHEMA, batchLength)) {
      BigIntVector values = (BigIntVector) claim.root().getVector(0);
      // Memory as it is, where allocateNew would fill it with zeros.
      try (ArrowBuf memory = claim.allocator().buffer(batchLength)) {
        memory.setLong(0, rowCount);
        values.loadFieldBuffers(new ArrowFieldNode(rowCount, 0), List.of(ones, memory));
      }
      claim.commit(rowCount);
    }
    try (Message<ArrowTable> message = reader.poll()) {
      BigIntVector values = (BigIntVector) message.value().root().getVector(0);
      if (values.get(0) != rowCount) {
        throw new IllegalStateException("first=" + values.get(0) + " expected=" + rowCount);
      }
      return values.get(rowCount - 1);
    }
  }
}
