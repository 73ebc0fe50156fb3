package io.qadataswap.codec.raw;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.qadataswap.api.QdsException;
import io.qadataswap.api.QdsException.Reason;
import io.qadataswap.api.layout.Loan;
import io.qadataswap.api.layout.RingReader;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Whatever a message holds, reading it ends in values or in a {@link QdsException}. */
class HostileBatchTest {
  private static final int ROUNDS = 20_000;
  private static final int ROW_COUNT = 20;
  private static final long[] WILD = {
    0,
    1,
    -1,
    2,
    7,
    63,
    64,
    0x7F,
    0xFF,
    0x7FFF_FFFF,
    0x8000_0000L,
    0x7FFF_FFC0L,
    Long.MAX_VALUE,
    Long.MAX_VALUE - 63,
    Long.MIN_VALUE
  };

  private final Random random = new Random(1);

  private static byte[] message() {
    RawBatch batch = Samples.batch(ROW_COUNT);
    byte[] bytes = new byte[(int) batch.length()];
    batch.region().getBytes(0, bytes, 0, bytes.length);
    return bytes;
  }

  private static Loan loan(byte[] bytes, int length) {
    Loan loan = new Loan();
    loan.region().open(new HeapMemory(Arrays.copyOf(bytes, length)), 0, length, false);
    RingReader ring =
        (RingReader)
            Proxy.newProxyInstance(
                RingReader.class.getClassLoader(),
                new Class<?>[] {RingReader.class},
                (proxy, method, arguments) -> null);
    loan.open(ring, 3, 0, 0, 0);
    return loan;
  }

  private static RawBatch decode(byte[] bytes, boolean fullValidation) {
    return new RawDecoder("c", fullValidation).decode(loan(bytes, bytes.length));
  }

  private static ByteBuffer buffer(byte[] bytes) {
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  /** Reads everything. */
  private static long sum(RawBatch batch) {
    long sum = 0;
    byte[] bytes = new byte[1 << 20];
    for (RawColumn column : batch.columns()) {
      for (int row = 0; row < Math.min(batch.rowCount(), 100); row++) {
        sum += column.isNull(row) ? 1 : 0;
        switch (column.field().type()) {
          case INT8, UINT8 -> sum += column.getByte(row);
          case INT16, UINT16 -> sum += column.getShort(row);
          case INT32, UINT32 -> sum += column.getInt(row);
          case INT64, UINT64, TIMESTAMP -> sum += column.getLong(row);
          case FLOAT32 -> sum += (long) column.getFloat(row);
          case FLOAT64 -> sum += (long) column.getDouble(row);
          case BOOL -> sum += column.getBoolean(row) ? 1 : 0;
          case UTF8 -> sum += column.getString(row).length();
          case FIXED, BINARY -> sum += column.getBytes(row, bytes, 0);
        }
      }
    }
    return sum;
  }

  private static boolean isReadOrRefused(byte[] bytes, boolean fullValidation) {
    try {
      sum(decode(bytes, fullValidation));
      return true;
    } catch (QdsException e) {
      assertTrue(e.reason() == Reason.CORRUPT || e.reason() == Reason.UNSUPPORTED, "" + e);
      assertTrue(e.getMessage().contains("channel=c message=3 field="), "" + e);
      return false;
    }
  }

  @Test
  void wildValuesAnywhereAreReadOrRefused() {
    byte[] good = message();
    int readCount = 0;
    for (int round = 0; round < ROUNDS; round++) {
      byte[] bytes = good.clone();
      for (int i = random.nextInt(3); i >= 0; i--) {
        // What describes the batch is more interesting than values.
        int at = random.nextInt(random.nextBoolean() ? 64 : bytes.length);
        long value = WILD[random.nextInt(WILD.length)] + random.nextInt(3) * 64L;
        switch (random.nextInt(4)) {
          case 0 -> bytes[at] = (byte) value;
          case 1 -> buffer(bytes).putInt(Math.min(at & -4, bytes.length - 4), (int) value);
          default -> buffer(bytes).putLong(Math.min(at & -8, bytes.length - 8), value);
        }
      }
      readCount += isReadOrRefused(bytes, random.nextBoolean()) ? 1 : 0;
    }
    assertTrue(readCount > ROUNDS / 10 && readCount < ROUNDS * 9 / 10, "read " + readCount);
  }

  @Test
  void messagesCutAnywhereAreRefused() {
    byte[] good = message();
    for (int length = 0; length < good.length; length++) {
      Loan loan = loan(good, length);
      QdsException e =
          assertThrows(QdsException.class, () -> new RawDecoder("c", false).decode(loan));
      assertEquals(Reason.CORRUPT, e.reason());
    }
  }

  @Test
  void bytesBehindTheMessageAreIgnored() {
    byte[] bytes = Arrays.copyOf(message(), message().length + 100);
    Samples.check(decode(bytes, true), ROW_COUNT, 0);
  }

  private void refused(Reason reason, String part, boolean fullValidation, byte[] bytes) {
    QdsException e =
        assertThrows(QdsException.class, () -> sum(decode(bytes, fullValidation)), part);
    assertEquals(reason, e.reason(), "" + e);
    assertTrue(e.getMessage().contains(part), part + " in " + e);
  }

  private static byte[] with(int at, int width, long value) {
    byte[] bytes = message();
    switch (width) {
      case 1 -> bytes[at] = (byte) value;
      case 2 -> buffer(bytes).putShort(at, (short) value);
      case 4 -> buffer(bytes).putInt(at, (int) value);
      default -> buffer(bytes).putLong(at, value);
    }
    return bytes;
  }

  private static int tableEntry(String column) {
    return 64
        + buffer(message()).getInt(RawDescriptor.SCHEMA_LENGTH_OFFSET)
        + Samples.schema().indexOf(column) * RawDescriptor.BUFFERS_LENGTH;
  }

  private static int schemaEntry(String column) {
    return 64 + Samples.schema().indexOf(column) * RawDescriptor.FIELD_LENGTH;
  }

  @Test
  void eachLieIsNamed() {
    refused(Reason.CORRUPT, "field=magic", false, with(0, 4, 1));
    refused(Reason.UNSUPPORTED, "field=version", false, with(4, 2, 2));
    refused(Reason.CORRUPT, "field=rowCount: found -1", false, with(8, 4, -1));
    refused(Reason.CORRUPT, "field=columnCount", false, with(12, 4, 1 << 21));
    refused(Reason.CORRUPT, "field=schemaLength", false, with(16, 4, 16));
    refused(Reason.CORRUPT, "field=schemaLength", false, with(16, 4, 1 << 27));
    refused(Reason.CORRUPT, "field=messageLength", false, with(24, 8, Long.MAX_VALUE));
    refused(Reason.CORRUPT, "field=messageLength", false, with(24, 8, message().length - 1));
    refused(Reason.UNSUPPORTED, "type 16", false, with(schemaEntry("int8"), 1, 16));
    refused(Reason.UNSUPPORTED, "flags 0x2", false, with(schemaEntry("int8") + 1, 1, 2));
    refused(Reason.CORRUPT, "width: found 2", false, with(schemaEntry("int8") + 4, 4, 2));
    refused(Reason.CORRUPT, "nameOffset", false, with(schemaEntry("int8") + 8, 4, 1 << 30));
    refused(Reason.CORRUPT, "nameLength", false, with(schemaEntry("int8") + 12, 4, 60_000));
    refused(Reason.CORRUPT, "nameLength", false, with(schemaEntry("int8") + 12, 4, 0));
    refused(Reason.CORRUPT, "field=int8: found validity", false, with(tableEntry("int8"), 8, 64));
    refused(
        Reason.CORRUPT, "field=int64: found values", false, with(tableEntry("int64") + 8, 8, 0));
    refused(Reason.CORRUPT, "data offset", false, with(tableEntry("int64") + 16, 8, 64));
    refused(Reason.CORRUPT, "dataLength", false, with(tableEntry("utf8") + 24, 8, 1L << 31));
  }

  @Test
  void offsetsAreCheckedWhenTheirRowIsRead() {
    long values = buffer(message()).getLong(tableEntry("utf8") + RawDescriptor.VALUES_OFFSET);
    byte[] bytes = with((int) values + 4 * 5, 4, 0x4000_0000);
    RawBatch batch = decode(bytes, false);
    assertEquals(Samples.text(3), batch.column("utf8").getString(3));
    for (int row : new int[] {4, 5}) {
      QdsException e = assertThrows(QdsException.class, () -> batch.column("utf8").getString(row));
      assertTrue(e.getMessage().contains("field=utf8: found offsets"), "" + e);
    }
    refused(Reason.CORRUPT, "of row 4", true, bytes);
    refused(Reason.CORRUPT, "first offset=1", false, with((int) values, 4, 1));
  }

  @Test
  void fullValidationReadsTextsAndBooleans() {
    long data = buffer(message()).getLong(tableEntry("utf8") + RawDescriptor.DATA_OFFSET);
    byte[] noText = with((int) data, 1, 0xFF);
    assertTrue(isReadOrRefused(noText, false));
    refused(Reason.CORRUPT, "text that is not UTF-8 in row 0", true, noText);
    long values = buffer(message()).getLong(tableEntry("bool") + RawDescriptor.VALUES_OFFSET);
    byte[] noBoolean = with((int) values + 1, 1, 2);
    assertTrue(decode(noBoolean, false).column("bool").getBoolean(1));
    refused(Reason.CORRUPT, "boolean 2 in row 1", true, noBoolean);
  }

  @Test
  void textsLongerThanAPieceAreValidatedWhole() {
    RawBatch batch = RawBatch.allocate(RawSchema.of(RawField.of("t", RawType.UTF8)), 1, 100_000);
    batch.column(0).setString(0, "x" + "€".repeat(30_000));
    batch.setRowCount(1);
    byte[] bytes = new byte[(int) batch.length()];
    batch.region().getBytes(0, bytes, 0, bytes.length);
    assertEquals(30_001, decode(bytes, true).column(0).getString(0).length());
    bytes[(int) batch.column(0).dataOffset() + 90_000] = 'x';
    refused(Reason.CORRUPT, "text that is not UTF-8 in row 0", true, bytes);
  }

  @Test
  void namesThatShareBytesAreRefused() {
    byte[] bytes = message();
    int columns = Samples.schema().fields().size();
    for (int i = 0; i < columns; i++) {
      int entry = 64 + i * RawDescriptor.FIELD_LENGTH;
      buffer(bytes).putInt(entry + RawDescriptor.NAME_OFFSET_OFFSET, columns * 16 + i);
      buffer(bytes).putInt(entry + RawDescriptor.NAME_LENGTH_OFFSET, 100);
    }
    refused(Reason.CORRUPT, "nameLength", false, bytes);
  }
}
