package io.qadataswap.api.internal.qads1;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.qadataswap.api.QdsException;
import io.qadataswap.api.QdsException.Reason;
import java.io.IOException;
import java.lang.reflect.Field;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The header lies where the specification says, and no other is taken for one. */
class HeaderTest {
  private static final Path SPECIFICATION = Path.of("..", "qds-tck", "spec", "qads1.md");
  private static final Pattern FIELD =
      Pattern.compile("(?m)^\\| (\\d+)(?: \\+ 17 i)? \\| (\\d+) \\| `([a-z_]+)`");

  private static final int LENGTH = 1 << 20;

  /** As the original makes it with three buffers: captured values. */
  private static final Header THREE =
      new Header(LENGTH, 3, 349376, 320, "/qads_w_three", "/qads_r_three");

  @Test
  void fieldsLieWhereTheSpecificationSays() throws Exception {
    Matcher fields = FIELD.matcher(Files.readString(SPECIFICATION));
    int count = 0;
    int end = 0;
    while (fields.find()) {
      int offset = Integer.parseInt(fields.group(1));
      assertEquals(end, offset, fields.group(3));
      end = offset + Integer.parseInt(fields.group(2));
      assertEquals(offset, offset(fields.group(3)), fields.group(3));
      count++;
    }
    assertEquals(18, count);
    assertEquals(BufferState.LENGTH, end - HeaderDescriptor.BUFFER_STATES_OFFSET);
    assertEquals(213 + 2 * 17, HeaderDescriptor.stateOffset(2));
  }

  @Test
  void wordsOfTheTurnLieWhereTheOriginalHasNothing() {
    for (int count = 1; count < 100; count++) {
      long offset = HeaderDescriptor.turnOffset(count);
      assertEquals(0, offset % 4);
      assertTrue(offset >= HeaderDescriptor.stateOffset(count));
      assertTrue(offset + TurnDescriptor.LENGTH <= 256 + 17 * count);
    }
    assertEquals(
        List.of(0, 4, 8, 12, 16),
        List.of(
            TurnDescriptor.OWNER_OFFSET,
            TurnDescriptor.BUSY_OFFSET,
            TurnDescriptor.LAST_OFFSET,
            TurnDescriptor.BEARER_OFFSET,
            TurnDescriptor.LENGTH));
  }

  private static int offset(String field) throws ReflectiveOperationException {
    String constant = field.toUpperCase(Locale.ROOT) + "_OFFSET";
    for (Field candidate : HeaderDescriptor.class.getDeclaredFields()) {
      if (candidate.getName().equals(constant)) {
        return candidate.getInt(null);
      }
    }
    return HeaderDescriptor.BUFFER_STATES_OFFSET
        + BufferState.class.getDeclaredField(constant).getInt(null);
  }

  @Test
  void formattedHeaderIsParsedOnceItsWriterIsActive() {
    byte[] bytes = THREE.format();
    assertEquals(320, bytes.length);
    assertRefused(Reason.NO_SUCH_CHANNEL, bytes, LENGTH);
    bytes[HeaderDescriptor.WRITER_ACTIVE_OFFSET] = 1;
    assertEquals(THREE, Header.parse(bytes, LENGTH, "three"));
    assertRefused(Reason.CORRUPT, bytes, LENGTH - 1);
    assertRefused(Reason.NO_SUCH_CHANNEL, new byte[0], 0);
  }

  @Test
  void semaphoresOfLongNamesAreCutAsInTheHeader() {
    String name = "n".repeat(70);
    assertEquals("/qads_w_" + "n".repeat(55), SemaphoreNames.write(name));
    assertEquals("/qads_r_short", SemaphoreNames.read("short"));
  }

  @Test
  void eachFieldIsChecked() {
    for (int offset : new int[] {4, 8, 16, 24, 32, 40, 48, 56}) {
      byte[] bytes = THREE.format();
      bytes[HeaderDescriptor.WRITER_ACTIVE_OFFSET] = 1;
      bytes[offset]++;
      assertRefused(Reason.CORRUPT, bytes, LENGTH);
    }
    byte[] endless = THREE.format();
    endless[HeaderDescriptor.WRITER_ACTIVE_OFFSET] = 1;
    java.util.Arrays.fill(
        endless,
        HeaderDescriptor.WRITE_SEM_NAME_OFFSET + 8,
        HeaderDescriptor.READ_SEM_NAME_OFFSET,
        (byte) 'x');
    assertRefused(Reason.CORRUPT, endless, LENGTH);
  }

  @Test
  void noiseIsRefusedOrSound() throws IOException {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    for (int round = 0; round < 20_000; round++) {
      byte[] bytes = THREE.format();
      bytes[HeaderDescriptor.WRITER_ACTIVE_OFFSET] = 1;
      for (int changes = 1 + random.nextInt(6); changes > 0; changes--) {
        if (random.nextInt(3) == 0) {
          ByteBuffer.wrap(bytes)
              .order(ByteOrder.LITTLE_ENDIAN)
              .putLong(8 * random.nextInt(10), random.nextLong() >> random.nextInt(64));
        } else {
          bytes[random.nextInt(Header.CHECKED_LENGTH)] = (byte) random.nextInt();
        }
      }
      long length = random.nextInt(4) == 0 ? random.nextInt(LENGTH) : LENGTH;
      try {
        Header header = Header.parse(bytes, length, "three");
        long end = header.bufferOffset(header.bufferCount() - 1L) + header.bufferLength();
        assertTrue(
            header.bufferCount() > 0 && header.bufferLength() > 0 && end <= length,
            "seed=" + seed + " " + header);
      } catch (QdsException e) {
        assertTrue(e.getMessage().contains("channel=three"), "seed=" + seed + " " + e);
      }
    }
  }

  private static void assertRefused(Reason reason, byte[] bytes, long length) {
    QdsException refusal =
        assertThrows(QdsException.class, () -> Header.parse(bytes, length, "three"));
    assertEquals(reason, refusal.reason(), refusal.getMessage());
  }
}
