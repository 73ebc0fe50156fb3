package io.qadataswap.codec.raw;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.qadataswap.api.Message;
import io.qadataswap.api.Qds;
import io.qadataswap.api.Reader;
import io.qadataswap.api.Trust;
import io.qadataswap.api.Writer;
import io.qadataswap.api.codec.Codec;
import java.nio.BufferUnderflowException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import net.openhft.chronicle.bytes.Bytes;
import net.openhft.chronicle.bytes.BytesStore;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** Raw batches through channels, on every backend that works in this JVM. */
class RawCodecTest {
  private static final int ROW_COUNT = 100;
  private static final RawSchema TRADES =
      RawSchema.of(
          RawField.of("id", RawType.INT64),
          RawField.of("name", RawType.UTF8).orNull(),
          RawField.of("price", RawType.FLOAT64).orNull());

  @TempDir private Path directory;

  private interface Case {
    void run(Writer<RawBatch> writer, Reader<RawBatch> reader) throws Exception;
  }

  private Stream<DynamicTest> onEachBackend(Case test) {
    return Channels.backends().stream()
        .map(backend ->
            DynamicTest.dynamicTest(
                backend,
                () -> {
                  try (Writer<RawBatch> writer =
                          Channels.writer(directory, backend, RawCodec.instance());
                      Reader<RawBatch> reader =
                          Channels.reader(directory, backend, RawCodec.instance())) {
                    test.run(writer, reader);
                  }
                }));
  }

  @TestFactory
  Stream<DynamicTest> everyTypeIsFilledAndReadInPlace() {
    return onEachBackend((writer, reader) -> {
      RawClaim claim = RawClaim.on(writer, Samples.schema());
      for (int rowCount : new int[] {ROW_COUNT, 0, 1, 7, 8, 9, 64, 65}) {
        Samples.fill(claim.open(ROW_COUNT, 4000), rowCount, rowCount);
        claim.commit(rowCount, 5);
        try (Message<RawBatch> message = reader.poll()) {
          assertEquals(5, message.tag());
          Samples.check(message.value(), rowCount, rowCount);
          for (RawColumn column : message.value().columns()) {
            assertEquals(0, column.address() % 64);
            assertTrue(column.address() >= message.payload().address());
            assertTrue(
                column.address() <= message.payload().address() + message.payload().length());
          }
        }
      }
    });
  }

  @TestFactory
  Stream<DynamicTest> privateAndReceivedBatchesAreWrittenByCopy() {
    return onEachBackend((writer, reader) -> {
      RawBatch batch = Samples.batch(ROW_COUNT);
      writer.write(batch);
      try (Message<RawBatch> first = reader.poll()) {
        Samples.check(first.value(), ROW_COUNT, 0);
        writer.write(first.value());
        try (Message<RawBatch> second = reader.poll()) {
          Samples.check(second.value(), ROW_COUNT, 0);
        }
      }
      Samples.fill(batch.clear(), 10, 3);
      writer.write(batch.setRowCount(10));
      try (Message<RawBatch> third = reader.poll()) {
        Samples.check(third.value(), 10, 3);
      }
    });
  }

  @TestFactory
  Stream<DynamicTest> readersThatTrustNobodyGetTheSame() {
    return Channels.backends().stream()
        .map(backend ->
            DynamicTest.dynamicTest(
                backend,
                () -> {
                  for (Trust trust : Trust.values()) {
                    try (Writer<RawBatch> writer =
                            Channels.writer(directory, backend, RawCodec.instance());
                        Reader<RawBatch> reader =
                            Channels.readerBuilder(directory, backend, RawCodec.instance())
                                .trust(trust)
                                .open()) {
                      writer.write(Samples.batch(ROW_COUNT));
                      try (Message<RawBatch> message = reader.poll()) {
                        Samples.check(message.value(), ROW_COUNT, 0);
                      }
                    }
                  }
                }));
  }

  @TestFactory
  Stream<DynamicTest> rowsThatAreNotSetAreEmptyAndCapacityIsGivenBack() {
    return onEachBackend((writer, reader) -> {
      RawClaim claim = RawClaim.on(writer, TRADES);
      RawBatch batch = claim.open(1000, new long[] {0, 100_000, 0});
      batch.column("name").setString(2, "Bob");
      batch.column("name").setNull(4);
      claim.commit(6);
      try (Message<RawBatch> message = reader.poll()) {
        RawColumn name = message.value().column("name");
        assertEquals(
            List.of("", "", "Bob", "", "", ""),
            Stream.of(0, 1, 2, 3, 4, 5).map(name::getString).toList());
        assertEquals(
            List.of(false, false, false, false, true, false),
            Stream.of(0, 1, 2, 3, 4, 5).map(name::isNull).toList());
        // Nobody was null there, and nothing needs to be looked up.
        assertFalse(message.value().column("price").hasNulls());
        assertTrue(message.payload().length() < 30_000, "unused data is given back");
      }
    });
  }

  @TestFactory
  Stream<DynamicTest> aClaimThatIsTooSmallSaysWhatItNeeds() {
    return onEachBackend((writer, reader) -> {
      try (RawClaim claim = RawClaim.on(writer, TRADES)) {
        RawBatch batch = claim.open(2, 5);
        RawColumn name = batch.column(1);
        name.setString(0, "1234");
        IllegalStateException full =
            assertThrows(IllegalStateException.class, () -> name.setString(1, "é"));
        assertTrue(full.getMessage().contains("column=name row=1 needs dataCapacity=6"), "" + full);
        assertThrows(IndexOutOfBoundsException.class, () -> batch.column(0).setLong(2, 1));
        assertThrows(IllegalStateException.class, () -> batch.column(0).setNull(0));
        assertThrows(IllegalStateException.class, () -> batch.column(0).setDouble(0, 1));
        assertThrows(IllegalStateException.class, () -> name.setString(0, "again"));
        assertThrows(IllegalArgumentException.class, () -> claim.commit(3));
        assertThrows(IllegalStateException.class, () -> claim.open(1, 1));
        assertThrows(IllegalStateException.class, batch::length);
        assertThrows(IllegalStateException.class, () -> batch.setRowCount(1));
      }
      assertNull(reader.poll());
    });
  }

  @TestFactory
  Stream<DynamicTest> afterTheMessageIsClosedEveryAccessIsRefused() {
    return onEachBackend((writer, reader) -> {
      writer.write(Samples.batch(ROW_COUNT));
      Message<RawBatch> message = reader.poll();
      RawBatch batch = message.value();
      RawColumn number = batch.column("int64");
      RawColumn text = batch.column("utf8");
      BytesStore<?, Void> store = number.values();
      Bytes<Void> bytes = store.bytesForRead();
      BytesStore<?, Void> data = text.data();
      assertEquals(number.getLong(1), store.readLong(8));
      assertEquals(number.getLong(0), bytes.readLong());
      assertEquals(text.getString(0).charAt(0), data.readByte(0));
      assertThrows(BufferUnderflowException.class, () -> store.readLong(8L * ROW_COUNT - 7));
      assertThrows(BufferUnderflowException.class, () -> data.readByte(data.capacity()));
      assertThrows(BufferUnderflowException.class, () -> store.readByte(-1));
      assertThrows(UnsupportedOperationException.class, () -> store.writeLong(0, 1));
      assertThrows(UnsupportedOperationException.class, () -> store.addressForRead(0));
      assertThrows(IndexOutOfBoundsException.class, () -> number.getLong(ROW_COUNT));
      assertThrows(IndexOutOfBoundsException.class, () -> number.getLong(-1));
      message.close();
      for (RawColumn column : batch.columns()) {
        assertThrows(IllegalStateException.class, () -> column.values().readByte(0));
      }
      assertThrows(IllegalStateException.class, () -> number.getLong(1));
      assertThrows(IllegalStateException.class, () -> text.getString(1));
      assertThrows(IllegalStateException.class, () -> text.length(1));
      assertThrows(IllegalStateException.class, () -> batch.column(1).isNull(1));
      assertThrows(IllegalStateException.class, () -> store.readLong(8));
      assertThrows(IllegalStateException.class, bytes::readLong);
      assertThrows(IllegalStateException.class, () -> data.readByte(0));
      assertThrows(IllegalStateException.class, () -> writer.write(batch));
      assertThrows(IllegalStateException.class, number::address);
    });
  }

  @TestFactory
  Stream<DynamicTest> claimsEndWithTheirCommit() {
    return onEachBackend((writer, reader) -> {
      RawClaim claim = RawClaim.on(writer, TRADES);
      RawBatch batch = claim.open(1, 10);
      BytesStore<?, Void> store = batch.column(0).values();
      store.writeLong(0, 7);
      claim.commit(1);
      assertThrows(IllegalStateException.class, () -> batch.column(0).setLong(0, 8));
      assertThrows(IllegalStateException.class, () -> store.writeLong(0, 8));
      assertThrows(IllegalStateException.class, () -> claim.commit(1));
      try (Message<RawBatch> message = reader.poll()) {
        assertEquals(7, message.value().column(0).getLong(0));
      }
    });
  }

  @TestFactory
  Stream<DynamicTest> loopsReuseTheBatchAndSingleMessagesDoNot() {
    return onEachBackend((writer, reader) -> {
      RawBatch[] seen = new RawBatch[2];
      for (int i = 0; i < 2; i++) {
        writer.write(Samples.batch(i));
        int place = i;
        reader.drain(
            message -> {
              seen[place] = message.value();
              Samples.check(message.value(), place, 0);
            },
            1);
      }
      assertSame(seen[0], seen[1]);
      writer.write(Samples.batch(1));
      writer.write(Samples.batch(2));
      try (Message<RawBatch> first = reader.poll();
          Message<RawBatch> second = reader.poll()) {
        assertNotSame(first.value(), second.value());
        assertSame(first.value().schema(), second.value().schema());
        Samples.check(first.value(), 1, 0);
        Samples.check(second.value(), 2, 0);
      }
    });
  }

  @TestFactory
  Stream<DynamicTest> schemasMayChangeFromMessageToMessage() {
    return onEachBackend((writer, reader) -> {
      for (int round = 0; round < 2; round++) {
        writer.write(Samples.batch(3));
        RawClaim claim = RawClaim.on(writer, TRADES);
        claim.open(1, 10).column("id").setLong(0, 1);
        claim.commit(1);
        writer.write(RawBatch.allocate(RawSchema.of(), 4, 0).setRowCount(4));
      }
      int[] count = {0};
      reader.drain(
          message -> {
            switch (count[0]++ % 3) {
              case 0 -> Samples.check(message.value(), 3, 0);
              case 1 -> assertEquals(TRADES, message.value().schema());
              default -> assertEquals(4, message.value().rowCount());
            }
          },
          6);
      assertEquals(6, count[0]);
    });
  }

  @Test
  void isFoundByItsId() {
    Codec<?> codec = Qds.codec(RawCodec.ID);
    assertSame(RawCodec.instance(), codec);
  }

  @Test
  void schemasRefuseWhatTheFormatDoes() {
    assertThrows(
        IllegalArgumentException.class,
        () -> RawSchema.of(RawField.of("a", RawType.INT8), RawField.of("a", RawType.BOOL)));
    assertThrows(IllegalArgumentException.class, () -> RawField.of("", RawType.INT8));
    assertThrows(IllegalArgumentException.class, () -> RawField.of("\uD800", RawType.INT8));
    assertThrows(IllegalArgumentException.class, () -> RawField.of("x", RawType.FIXED));
    assertThrows(IllegalArgumentException.class, () -> RawField.fixed("x", 0));
    assertThrows(IllegalArgumentException.class, () -> new RawField("x", RawType.INT8, 2, false));
    assertThrows(IllegalArgumentException.class, () -> RawSchema.of().indexOf("nothing"));
  }

  @Test
  void unpairedSurrogatesBecomeQuestionMarks() {
    RawBatch batch = RawBatch.allocate(RawSchema.of(RawField.of("t", RawType.UTF8)), 3, 100);
    batch.column(0).setString(0, "a\uD83Db");
    batch.column(0).setString(1, "\uDE00");
    batch.column(0).setString(2, "\uD83D\uDE00\uD83D");
    batch.setRowCount(3);
    assertEquals("a?b", batch.column(0).getString(0));
    assertEquals("?", batch.column(0).getString(1));
    assertEquals("\uD83D\uDE00?", batch.column(0).getString(2));
  }
}
