package io.qadataswap.bench;

import io.qadataswap.api.Claim;
import io.qadataswap.api.Message;
import io.qadataswap.api.Qds;
import io.qadataswap.api.Reader;
import io.qadataswap.api.Region;
import io.qadataswap.api.WaitStrategy;
import io.qadataswap.api.Writer;
import io.qadataswap.api.codec.RegionCodec;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** A message of plain bytes through a channel whose two ends are in this process. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class MessageBenchmark {
  private static final int LENGTH = 64;

  /** The backend of both ends. */
  @Param({"ffm", "agrona"})
  public String backend;

  private Path directory;
  private Writer<Region> writer;
  private Reader<Region> reader;
  private long sum;
  private final Consumer<Message<Region>> handler = this::add;

  /** Called by JMH. */
  public MessageBenchmark() {}

  /**
   * Opens both ends.
   *
   * @throws IOException if there is no room for the channel
   */
  @Setup
  public void open() throws IOException {
    directory = Directories.create();
    writer =
        Qds.writer("message", RegionCodec.instance())
            .directory(directory)
            .backend(backend)
            .waitStrategy(WaitStrategy.BUSY_SPIN)
            .open();
    reader =
        Qds.reader("message", RegionCodec.instance())
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
    Directories.delete(directory);
  }

  /**
   * Claims, fills and commits a message, and drains it.
   *
   * @return what keeps the work from being optimized away
   * @throws InterruptedException never, since nobody interrupts
   */
  @Benchmark
  public long claimCommitDrain() throws InterruptedException {
    Claim claim = writer.claim(LENGTH);
    claim.region().putLong(0, sum);
    claim.commit(LENGTH);
    reader.drain(handler, 1);
    return sum;
  }

  private void add(Message<Region> message) {
    sum += message.value().getLong(0);
  }
}
