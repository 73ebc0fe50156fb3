package io.qadataswap.bench;

import io.qadataswap.api.Message;
import io.qadataswap.api.Qds;
import io.qadataswap.api.Reader;
import io.qadataswap.api.WaitStrategy;
import io.qadataswap.api.Writer;
import io.qadataswap.api.codec.Codec;
import io.qadataswap.codec.raw.RawBatch;
import io.qadataswap.codec.raw.RawClaim;
import io.qadataswap.codec.raw.RawCodec;
import io.qadataswap.codec.raw.RawColumn;
import io.qadataswap.codec.raw.RawField;
import io.qadataswap.codec.raw.RawMessageCodec;
import io.qadataswap.codec.raw.RawSchema;
import io.qadataswap.codec.raw.RawType;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.LongStream;
import net.openhft.chronicle.bytes.BytesIn;
import net.openhft.chronicle.bytes.BytesMarshallable;
import net.openhft.chronicle.bytes.BytesOut;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** Raw batches and user messages through channels whose two ends are in this process. */
@State(Scope.Thread)
@BenchmarkMode(Mode.SampleTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class RawBenchmark {
  private static final byte[] NAME = {'n', 'a', 'm', 'e'};
  private static final int MANY_ROWS = 100;
  private static final int SUMMED_ROWS = 100_000;
  private static final RawSchema SCHEMA =
      RawSchema.of(
          RawField.of("id", RawType.INT64),
          RawField.of("name", RawType.UTF8),
          RawField.of("price", RawType.FLOAT64),
          RawField.of("size", RawType.INT32),
          RawField.of("time", RawType.TIMESTAMP));

  /** The backend of both ends. */
  @Param({"ffm", "agrona"})
  public String backend;

  private Path directory;
  private Writer<RawBatch> writer;
  private Reader<RawBatch> reader;
  private RawClaim claim;
  private Writer<Order> orderWriter;
  private Reader<Order> orderReader;
  private final Order order = new Order();
  private Reader<RawBatch> summedReader;
  private Message<RawBatch> summed;
  private RawColumn column;
  private long sum;
  private long[] numbers;
  private Consumer<Message<RawBatch>> handler;
  private Consumer<Message<Order>> orderHandler;

  /** What a user might send. */
  static final class Order implements BytesMarshallable {
    long id;
    double price;
    int size;

    @Override
    public void writeMarshallable(BytesOut<?> out) {
      out.writeLong(id).writeDouble(price).writeInt(size);
    }

    @Override
    public void readMarshallable(BytesIn<?> in) {
      id = in.readLong();
      price = in.readDouble();
      size = in.readInt();
    }
  }

  /** Called by JMH. */
  public RawBenchmark() {}

  /**
   * Opens both ends of each channel.
   *
   * @throws IOException if there is no room for the channels
   * @throws InterruptedException never, since nobody interrupts
   */
  @Setup
  public void open() throws IOException, InterruptedException {
    handler = message -> sum += message.value().column(0).getLong(0);
    orderHandler = message -> sum += message.value().id;
    directory = Directories.create();
    writer = writer("raw", RawCodec.instance());
    reader = reader("raw", RawCodec.instance());
    claim = RawClaim.on(writer, SCHEMA);
    RawMessageCodec<Order> orders = RawMessageCodec.of("orders", 32, Order::new);
    orderWriter = writer("orders", orders);
    orderReader = reader("orders", orders);
    try (Writer<RawBatch> summedWriter = writer("summed", RawCodec.instance())) {
      RawClaim large = RawClaim.on(summedWriter, RawSchema.of(RawField.of("n", RawType.INT64)));
      RawColumn filled = large.open(SUMMED_ROWS, 0).column(0);
      for (int row = 0; row < SUMMED_ROWS; row++) {
        filled.setLong(row, row);
      }
      large.commit(SUMMED_ROWS);
    }
    summedReader = reader("summed", RawCodec.instance());
    summed = summedReader.read();
    column = summed.value().column(0);
    numbers = LongStream.range(0, SUMMED_ROWS).toArray();
  }

  private <T> Writer<T> writer(String name, Codec<T> codec) {
    return Qds.writer(name, codec)
        .directory(directory)
        .backend(backend)
        .waitStrategy(WaitStrategy.BUSY_SPIN)
        .open();
  }

  private <T> Reader<T> reader(String name, Codec<T> codec) {
    return Qds.reader(name, codec)
        .directory(directory)
        .backend(backend)
        .waitStrategy(WaitStrategy.BUSY_SPIN)
        .open();
  }

  /**
   * Closes all ends.
   *
   * @throws IOException if the directory cannot be removed
   */
  @TearDown
  public void close() throws IOException {
    writer.close();
    reader.close();
    orderWriter.close();
    orderReader.close();
    summed.close();
    summedReader.close();
    Directories.delete(directory);
  }

  /**
   * Fills a row of five columns in place, commits and drains it.
   *
   * @return what keeps the work from being optimized away
   * @throws InterruptedException never, since nobody interrupts
   */
  @Benchmark
  public long oneRow() throws InterruptedException {
    return exchange(1);
  }

  /**
   * Fills 100 rows of five columns in place, commits and drains them.
   *
   * @return what keeps the work from being optimized away
   * @throws InterruptedException never, since nobody interrupts
   */
  @Benchmark
  public long hundredRows() throws InterruptedException {
    return exchange(MANY_ROWS);
  }

  private long exchange(int rowCount) throws InterruptedException {
    RawBatch batch = claim.open(rowCount, 4L * rowCount);
    for (int row = 0; row < rowCount; row++) {
      batch.column(0).setLong(row, sum);
      batch.column(1).setBytes(row, NAME, 0, NAME.length);
      batch.column(2).setDouble(row, row);
      batch.column(3).setInt(row, row);
      batch.column(4).setLong(row, row);
    }
    claim.commit(rowCount);
    reader.drain(handler, 1);
    return sum;
  }

  /**
   * Writes and drains a message of a user's type.
   *
   * @return what keeps the work from being optimized away
   * @throws InterruptedException never, since nobody interrupts
   */
  @Benchmark
  public long userMessage() throws InterruptedException {
    order.id = sum;
    orderWriter.write(order);
    orderReader.drain(orderHandler, 1);
    return sum;
  }

  /**
   * Sums a column of 100000 longs in place, each access checked.
   *
   * @return the sum
   */
  @Benchmark
  public long sumColumn() {
    long total = 0;
    for (int row = 0; row < SUMMED_ROWS; row++) {
      total += column.getLong(row);
    }
    return total;
  }

  /**
   * Sums as many longs of an array, for comparison.
   *
   * @return the sum
   */
  @Benchmark
  public long sumArray() {
    long total = 0;
    for (int row = 0; row < SUMMED_ROWS; row++) {
      total += numbers[row];
    }
    return total;
  }
}
