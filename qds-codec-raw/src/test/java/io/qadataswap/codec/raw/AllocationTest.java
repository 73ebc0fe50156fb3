package io.qadataswap.codec.raw;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import io.qadataswap.api.Message;
import io.qadataswap.api.Reader;
import io.qadataswap.api.Writer;
import io.qadataswap.codec.raw.RawMessageCodecTest.Order;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.function.Consumer;
import java.util.stream.Stream;
import net.openhft.chronicle.bytes.BytesStore;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** Nothing is allocated for a message, once the objects are there that serve all of them. */
class AllocationTest {
  private static final int WARM_UP_COUNT = 200;
  private static final int MESSAGE_COUNT = 10_000;

  private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  @TempDir private Path directory;
  private double sum;

  private interface Exchange {
    void run(int number) throws Exception;
  }

  private Stream<DynamicTest> onEachBackend(Consumer<String> test) {
    return Channels.backends().stream()
        .map(backend -> DynamicTest.dynamicTest(backend, () -> test.accept(backend)));
  }

  private void requireNoAllocation(Exchange exchange) {
    try {
      for (int i = 0; i < WARM_UP_COUNT; i++) {
        exchange.run(i);
      }
      long before = threads.getCurrentThreadAllocatedBytes();
      for (int i = 0; i < MESSAGE_COUNT; i++) {
        exchange.run(i);
      }
      long allocated = threads.getCurrentThreadAllocatedBytes() - before;
      // Less than a byte for each: what the JVM itself, or the measuring, leaves on the thread.
      assertTrue(
          allocated < MESSAGE_COUNT, allocated + " bytes for " + MESSAGE_COUNT + " messages");
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  @TestFactory
  Stream<DynamicTest> batchesFilledAndReadInPlace() {
    RawSchema schema =
        RawSchema.of(
            RawField.of("id", RawType.INT64),
            RawField.of("name", RawType.UTF8),
            RawField.of("price", RawType.FLOAT64).orNull(),
            RawField.of("size", RawType.INT16));
    return onEachBackend(backend -> {
      try (Writer<RawBatch> writer = Channels.writer(directory, backend, RawCodec.instance());
          Reader<RawBatch> reader = Channels.reader(directory, backend, RawCodec.instance())) {
        RawClaim claim = RawClaim.on(writer, schema);
        Consumer<Message<RawBatch>> handler = this::add;
        requireNoAllocation(number -> {
          RawBatch batch = claim.open(4, 100);
          for (int row = 0; row < 4; row++) {
            batch.column(0).setLong(row, number);
            batch.column(1).setString(row, "Zoë");
            batch.column(2).setNull(row);
            batch.column(3).setShort(row, (short) row);
          }
          claim.commit(4);
          assertEquals(1, reader.drain(handler, 1));
        });
      }
    });
  }

  private final byte[] name = new byte[100];

  private void add(Message<RawBatch> message) {
    RawBatch batch = message.value();
    BytesStore<?, Void> ids = batch.column("id").values();
    for (int row = 0; row < batch.rowCount(); row++) {
      sum += batch.column(0).getLong(row) + ids.readLong(8L * row);
      sum += batch.column(1).getBytes(row, name, 0);
      sum += batch.column(2).isNull(row) ? 1 : batch.column(2).getDouble(row);
      sum += batch.column(3).getShort(row);
    }
  }

  @TestFactory
  Stream<DynamicTest> batchesCopied() {
    RawBatch batch = Samples.batch(20);
    return onEachBackend(backend -> {
      try (Writer<RawBatch> writer = Channels.writer(directory, backend, RawCodec.instance());
          Reader<RawBatch> reader = Channels.reader(directory, backend, RawCodec.instance())) {
        Consumer<Message<RawBatch>> handler = message -> sum += message.value().rowCount();
        requireNoAllocation(number -> {
          writer.write(batch);
          assertEquals(1, reader.drain(handler, 1));
        });
      }
    });
  }

  @TestFactory
  Stream<DynamicTest> messagesOfAUsersType() {
    RawMessageCodec<Order> orders = RawMessageCodec.of("orders", 100, Order::new);
    Order order = Order.of(1, 2, true, "symbol");
    return onEachBackend(backend -> {
      try (Writer<Order> writer = Channels.writer(directory, backend, orders);
          Reader<Order> reader = Channels.reader(directory, backend, orders)) {
        Consumer<Message<Order>> handler = message -> sum += message.value().price;
        requireNoAllocation(number -> {
          order.id = number;
          writer.write(order);
          assertEquals(1, reader.drain(handler, 1));
        });
      }
    });
  }
}
