package io.qadataswap.codec.raw;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.qadataswap.api.Message;
import io.qadataswap.api.QdsException;
import io.qadataswap.api.QdsException.Reason;
import io.qadataswap.api.Reader;
import io.qadataswap.api.Writer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import net.openhft.chronicle.bytes.Bytes;
import net.openhft.chronicle.bytes.BytesIn;
import net.openhft.chronicle.bytes.BytesMarshallable;
import net.openhft.chronicle.bytes.BytesOut;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** A user's own messages through channels, on every backend that works in this JVM. */
class RawMessageCodecTest {
  private static final int MAX_LENGTH = 256;

  @TempDir private Path directory;

  static final class Order implements BytesMarshallable {
    long id;
    double price;
    boolean buy;
    final StringBuilder symbol = new StringBuilder();

    static Order of(long id, double price, boolean buy, String symbol) {
      Order order = new Order();
      order.id = id;
      order.price = price;
      order.buy = buy;
      order.symbol.append(symbol);
      return order;
    }

    @Override
    public void writeMarshallable(BytesOut<?> bytes) {
      bytes.writeLong(id).writeDouble(price).writeBoolean(buy).writeUtf8(symbol);
    }

    @Override
    public void readMarshallable(BytesIn<?> bytes) {
      id = bytes.readLong();
      price = bytes.readDouble();
      buy = bytes.readBoolean();
      bytes.readUtf8(symbol);
    }

    @Override
    public String toString() {
      return id + " " + price + " " + buy + " " + symbol;
    }
  }

  private static final RawMessageCodec<Order> ORDERS =
      RawMessageCodec.of("orders-1", MAX_LENGTH, Order::new);

  private static final RawMessageCodec<String> TEXTS =
      RawMessageCodec.of(
          "text-1", MAX_LENGTH, (text, out) -> out.writeUtf8(text), (in, reuse) -> in.readUtf8());

  private interface Case<T> {
    void run(Writer<T> writer, Reader<T> reader) throws Exception;
  }

  private <T> Stream<DynamicTest> onEachBackend(
      RawMessageCodec<T> written, RawMessageCodec<T> read, Case<T> test) {
    return Channels.backends().stream()
        .map(backend ->
            DynamicTest.dynamicTest(
                backend,
                () -> {
                  try (Writer<T> writer = Channels.writer(directory, backend, written);
                      Reader<T> reader = Channels.reader(directory, backend, read)) {
                    test.run(writer, reader);
                  }
                }));
  }

  @TestFactory
  Stream<DynamicTest> messagesArriveAsTheyWereWritten() {
    return onEachBackend(
        ORDERS,
        ORDERS,
        (writer, reader) -> {
          List<Order> received = new ArrayList<>();
          for (int i = 0; i < 300; i++) {
            Order order = Order.of(i, i / 4d, i % 2 == 0, Samples.text(i));
            writer.write(order);
            try (Message<Order> message = reader.poll()) {
              assertEquals(order.toString(), message.value().toString());
              assertTrue(message.payload().length() < 60, "what is not used is given back");
              received.add(message.value());
            }
          }
          assertEquals(0, received.get(0).id, "a single message's object is nobody else's");
          assertNotSame(received.get(0), received.get(1));
        });
  }

  @TestFactory
  Stream<DynamicTest> loopsReadIntoTheSameObject() {
    return onEachBackend(
        ORDERS,
        ORDERS,
        (writer, reader) -> {
          Order[] last = new Order[1];
          for (int i = 0; i < 3; i++) {
            writer.write(Order.of(i, 0, false, "" + i));
            int id = i;
            reader.drain(
                message -> {
                  assertEquals(id, message.value().id);
                  if (last[0] != null) {
                    assertSame(last[0], message.value());
                  }
                  last[0] = message.value();
                },
                1);
          }
        });
  }

  @TestFactory
  Stream<DynamicTest> functionsWillDo() {
    return onEachBackend(
        TEXTS,
        TEXTS,
        (writer, reader) -> {
          writer.write("größer");
          try (Message<String> message = reader.poll()) {
            assertEquals("größer", message.value());
          }
        });
  }

  /** What Chronicle's own memory does with the same calls is the measure. */
  @TestFactory
  Stream<DynamicTest> chroniclesMethodsDoWhatTheyDoElsewhere() {
    Bytes<?> expected = Bytes.allocateElasticOnHeap(1000);
    everything(expected);
    RawMessageCodec<String> codec =
        RawMessageCodec.of(
            "everything",
            1000,
            (text, out) -> everything(out),
            (in, reuse) -> {
              StringBuilder hex = new StringBuilder();
              while (in.readRemaining() > 0) {
                hex.append(in.readUnsignedByte()).append(' ');
              }
              in.readPosition(0);
              assertEquals(1.5, in.readDouble());
              assertEquals("8 bits", in.read8bit());
              assertEquals("größer", in.readUtf8());
              return hex.toString();
            });
    StringBuilder hex = new StringBuilder();
    while (expected.readRemaining() > 0) {
      hex.append(expected.readUnsignedByte()).append(' ');
    }
    return onEachBackend(
        codec,
        codec,
        (writer, reader) -> {
          writer.write("");
          try (Message<String> message = reader.poll()) {
            assertEquals(hex.toString(), message.value());
          }
        });
  }

  private static void everything(Bytes<?> out) {
    out.writeDouble(1.5).write8bit("8 bits").writeUtf8("größer");
    out.append(0).append(-7).append(1234567890123L).append(Long.MIN_VALUE).append(0.5);
    out.append(-12.25).append(3.0).append(1e15).append(2.5f).append(0.001, 3).append("text");
    out.append8bit("x").append(true).append('c').append(Bytes.from("bytes"));
    out.writeStopBit(-300).writeStopBit(1 << 20).writeInt24(77).writeUnsignedShort(65535);
    out.writeBoolean(true).writeFloat(1f).write(new byte[] {1, 2, 3});
  }

  @TestFactory
  Stream<DynamicTest> aMessageThatIsTooLongIsRefusedAndLeavesNoTrace() {
    return onEachBackend(
        TEXTS,
        TEXTS,
        (writer, reader) -> {
          QdsException e =
              assertThrows(QdsException.class, () -> writer.write("x".repeat(MAX_LENGTH)));
          assertEquals(Reason.MESSAGE_TOO_LARGE, e.reason());
          assertTrue(e.getMessage().contains("channel=raw codec=text-1"), "" + e);
          assertTrue(e.getMessage().contains("maxLength=256"), "" + e);
          assertNull(reader.poll());
          writer.write("x");
          try (Message<String> message = reader.poll()) {
            assertEquals("x", message.value());
          }
        });
  }

  /** Writers of the same id that lie. */
  @TestFactory
  Stream<DynamicTest> hostileBytesAreRefusedAndTheNextMessageIsRead() {
    RawMessageCodec<Order> lying =
        RawMessageCodec.of(
            "orders-1",
            MAX_LENGTH,
            (Order order, Bytes<?> out) -> {
              switch ((int) order.id) {
                case 0 -> {
                  // nothing at all
                }
                case 1 -> out.writeLong(1);
                case 2 -> {
                  out.writeLong(1).writeDouble(1).writeByte((byte) 1);
                  out.writeStopBit(Integer.MAX_VALUE).writeByte((byte) 'x');
                }
                case 3 -> {
                  out.writeLong(1).writeDouble(1).writeByte((byte) 1);
                  out.writeStopBit(50).writeByte((byte) 'x');
                }
                case 4 -> {
                  out.writeLong(1).writeDouble(1).writeByte((byte) 1);
                  for (int i = 0; i < 12; i++) {
                    out.writeByte((byte) 0xFF);
                  }
                }
                default -> order.writeMarshallable(out);
              }
            },
            (in, reuse) -> null);
    return onEachBackend(
        lying,
        ORDERS,
        (writer, reader) -> {
          for (int lie = 0; lie < 5; lie++) {
            writer.write(Order.of(lie, 0, false, ""));
            QdsException e = assertThrows(QdsException.class, reader::poll, "lie " + lie);
            assertEquals(Reason.CORRUPT, e.reason());
            assertTrue(e.getMessage().contains("channel=raw message="), "" + e);
            assertTrue(e.getMessage().contains("codec=orders-1"), "" + e);
            writer.write(Order.of(10 + lie, 0, false, "good"));
            try (Message<Order> message = reader.poll()) {
              assertEquals(10 + lie, message.value().id);
            }
          }
        });
  }

  @TestFactory
  Stream<DynamicTest> bytesThatTheCodeHasKeptShowNothing() {
    Bytes<?>[] kept = new Bytes<?>[2];
    RawMessageCodec<String> keeping =
        RawMessageCodec.of(
            "keeping",
            MAX_LENGTH,
            (text, out) -> {
              kept[0] = out;
              out.writeUtf8(text);
            },
            (in, reuse) -> {
              kept[1] = in;
              return in.readUtf8();
            });
    return onEachBackend(
        keeping,
        keeping,
        (writer, reader) -> {
          writer.write("x");
          reader.poll().close();
          assertThrows(RuntimeException.class, () -> kept[0].writeByte(0, (byte) 1));
          assertThrows(RuntimeException.class, () -> kept[1].readByte(0));
        });
  }
}
