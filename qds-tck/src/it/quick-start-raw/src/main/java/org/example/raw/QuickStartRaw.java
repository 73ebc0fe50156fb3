package org.example.raw;

import io.qadataswap.api.Message;
import io.qadataswap.api.Qds;
import io.qadataswap.api.Reader;
import io.qadataswap.api.Writer;
import io.qadataswap.codec.raw.RawBatch;
import io.qadataswap.codec.raw.RawClaim;
import io.qadataswap.codec.raw.RawCodec;
import io.qadataswap.codec.raw.RawColumn;
import io.qadataswap.codec.raw.RawField;
import io.qadataswap.codec.raw.RawMessageCodec;
import io.qadataswap.codec.raw.RawSchema;
import io.qadataswap.codec.raw.RawType;
import net.openhft.chronicle.bytes.BytesIn;
import net.openhft.chronicle.bytes.BytesMarshallable;
import net.openhft.chronicle.bytes.BytesOut;

/** The README's example of raw columns and user messages, in one process; it may as well be two. */
public final class QuickStartRaw {
  private QuickStartRaw() {}

  /**
   * Writes columns and a message, and reads them.
   *
   * @param arguments none
   * @throws InterruptedException if interrupted while waiting
   */
  public static void main(String[] arguments) throws InterruptedException {
    write();
    read();
    order();
  }

  // tag::write[]
  static void write() throws InterruptedException {
    RawSchema schema =
        RawSchema.of(
            RawField.of("id", RawType.INT64),
            RawField.of("name", RawType.UTF8),
            RawField.of("price", RawType.FLOAT64).orNull());
    try (Writer<RawBatch> writer = Qds.writer("prices", RawCodec.instance()).open();
        RawClaim claim = RawClaim.on(writer, schema)) {
      RawBatch batch = claim.open(3, 1000); // room for 3 rows, and 1000 bytes of names
      for (int row = 0; row < 3; row++) { // stores into the shared memory
        batch.column("id").setLong(row, row + 1);
        batch.column("name").setString(row, "item " + row);
        batch.column("price").setDouble(row, 10.5 * row);
      }
      batch.column("price").setNull(0);
      claim.commit(3);
    }
  }

  // end::write[]

  // tag::read[]
  static void read() {
    try (Reader<RawBatch> reader = Qds.reader("prices", RawCodec.instance()).open()) {
      for (Message<RawBatch> message : reader) { // each is closed before the next one
        RawColumn price = message.value().column("price"); // a view of the shared memory
        for (int row = 0; row < message.value().rowCount(); row++) {
          System.out.println(price.isNull(row) ? "none" : "" + price.getDouble(row));
        }
      }
    }
  }

  // end::read[]

  // tag::message[]
  static final class Order implements BytesMarshallable {
    long id;
    double price;

    @Override
    public void writeMarshallable(BytesOut<?> out) {
      out.writeLong(id).writeDouble(price);
    }

    @Override
    public void readMarshallable(BytesIn<?> in) {
      id = in.readLong();
      price = in.readDouble();
    }
  }

  static final RawMessageCodec<Order> ORDERS = RawMessageCodec.of("orders-1", 16, Order::new);

  // end::message[]

  private static void order() throws InterruptedException {
    try (Writer<Order> writer = Qds.writer("orders", ORDERS).open();
        Reader<Order> reader = Qds.reader("orders", ORDERS).open()) {
      Order order = new Order();
      order.id = 1;
      order.price = 2.5;
      writer.write(order);
      try (Message<Order> message = reader.read()) {
        if (message.value().price != order.price) {
          throw new IllegalStateException("price=" + message.value().price);
        }
        System.out.println("order " + message.value().id);
      }
    }
  }
}
