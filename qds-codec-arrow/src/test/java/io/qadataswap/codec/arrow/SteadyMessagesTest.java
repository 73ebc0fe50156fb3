package io.qadataswap.codec.arrow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.qadataswap.api.QdsException;
import io.qadataswap.api.QdsException.Reason;
import io.qadataswap.codec.arrow.support.Loopback;
import io.qadataswap.codec.arrow.support.Loopback.Sent;
import io.qadataswap.codec.arrow.support.Values;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.util.TransferPair;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Messages that look alike at the same place, whose vectors stay loaded: each shows its own values,
 * whatever was done with the vectors and buffers of those before.
 */
class SteadyMessagesTest {
  /** From then on vectors certainly stay loaded. */
  private static final int ENOUGH = 20;

  private static final int ROW_COUNT = 3;

  private final BufferAllocator allocator = new RootAllocator();
  private final BufferAllocator other = allocator.newChildAllocator("other", 0, Long.MAX_VALUE);
  private final Loopback loopback = new Loopback(allocator, false);
  private final BigIntVector numbers = new BigIntVector("n", allocator);
  private final VarCharVector texts = new VarCharVector("t", allocator);
  private final VectorSchemaRoot source = VectorSchemaRoot.of(numbers, texts);
  private int next;
  private Sent place;

  @BeforeEach
  void becomeSteady() {
    fill();
    readElsewhere();
    readSome();
  }

  @AfterEach
  void nothingIsLeft() {
    source.close();
    loopback.close();
    other.close();
    allocator.close();
  }

  private void fill() {
    next++;
    for (int row = 0; row < ROW_COUNT; row++) {
      numbers.setSafe(row, next + row);
      texts.setSafe(row, Integer.toString(1000 + next + row).getBytes(StandardCharsets.UTF_8));
    }
    source.setRowCount(ROW_COUNT);
  }

  /** Sends the next message to the place of the last. */
  private Sent send() {
    fill();
    place = loopback.send(ArrowTable.of(source), place);
    return place;
  }

  private VectorSchemaRoot readNext() {
    Sent sent = send();
    VectorSchemaRoot root = sent.read().root();
    Values.assertSame(source, root);
    sent.close();
    assertEquals(1, sent.releaseCount());
    return root;
  }

  /** Reads what is filled at a place of its own, where the next message then goes. */
  private void readElsewhere() {
    openElsewhere();
    place.close();
  }

  private VectorSchemaRoot openElsewhere() {
    place = loopback.send(ArrowTable.of(source));
    VectorSchemaRoot root = place.read().root();
    Values.assertSame(source, root);
    return root;
  }

  private void readSome() {
    for (int i = 0; i < ENOUGH; i++) {
      readNext();
    }
  }

  @Test
  void theSameVectorsShowTheNextMessage() {
    VectorSchemaRoot root = readNext();
    ArrowBuf buffer = root.getVector("t").getDataBuffer();
    VectorSchemaRoot following = readNext();
    assertSame(root, following);
    assertSame(buffer, following.getVector("t").getDataBuffer());
  }

  @Test
  void betweenMessagesNothingCanBeRead() {
    long before = allocator.getAllocatedMemory();
    VectorSchemaRoot root = readNext();
    assertEquals(before, allocator.getAllocatedMemory());
    assertEquals(0, root.getRowCount());
    for (FieldVector vector : root.getFieldVectors()) {
      ArrowBuf buffer = vector.getDataBuffer();
      assertThrows(IllegalStateException.class, () -> vector.getObject(0));
      assertThrows(IllegalStateException.class, () -> buffer.getByte(0));
      assertThrows(IllegalStateException.class, () -> buffer.getReferenceManager().retain());
      TransferPair pair = vector.getTransferPair(allocator);
      assertThrows(IllegalStateException.class, pair::transfer);
      TransferPair away = vector.getTransferPair(other);
      assertThrows(IllegalStateException.class, away::transfer);
    }
    readSome();
  }

  @Test
  void vectorsMayBeClosedWhileTheMessageIsOpen() {
    Sent sent = send();
    sent.read().root().close();
    sent.close();
    assertEquals(1, sent.releaseCount());
    readSome();
  }

  @Test
  void vectorsMayBeClosedAfterTheMessage() {
    VectorSchemaRoot root = readNext();
    root.getVector("t").clear();
    readNext();
    root.close();
    readSome();
    root.close();
    root.close();
    readSome();
  }

  @Test
  void vectorsMayBeFilledAnewAfterTheMessage() {
    BigIntVector vector = (BigIntVector) readNext().getVector("n");
    vector.allocateNew(ROW_COUNT);
    vector.set(0, -1);
    vector.setValueCount(ROW_COUNT);
    readSome();
  }

  @Test
  void aValueCountThatWasChangedIsSetAgain() {
    Sent sent = send();
    VectorSchemaRoot root = sent.read().root();
    root.getVector("n").setValueCount(1);
    sent.close();
    readSome();
  }

  @Test
  void whatIsTransferredHoldsTheMessageThoughTheCountsAreTheSame() {
    List<Function<FieldVector, BufferAllocator>> targets =
        List.of(FieldVector::getAllocator, vector -> allocator, vector -> other);
    for (Function<FieldVector, BufferAllocator> target : targets) {
      Sent sent = send();
      FieldVector vector = sent.read().root().getVector("t");
      List<Object> values = Values.of(vector);
      TransferPair pair = vector.getTransferPair(target.apply(vector));
      pair.transfer();
      sent.close();
      assertEquals(0, sent.releaseCount());
      readElsewhere();
      readSome();
      assertEquals(values, Values.of((FieldVector) pair.getTo()));
      pair.getTo().close();
      assertEquals(1, sent.releaseCount());
      place = sent;
      readSome();
    }
  }

  /** Ends a message late, and by emptying its vectors: all references are counted then. */
  private void retain(Sent sent, VectorSchemaRoot root) {
    ArrowBuf buffer = root.getVector("n").getDataBuffer();
    long value = buffer.getLong(0);
    buffer.getReferenceManager().retain();
    sent.close();
    assertEquals(0, sent.releaseCount());
    assertEquals(value, buffer.getLong(0));
    buffer.close();
    assertEquals(1, sent.releaseCount());
  }

  @Test
  void whatIsRetainedHoldsTheMessage() {
    Sent sent = send();
    retain(sent, sent.read().root());
    readSome();
  }

  @Test
  void whoReleasesTooOftenIsTold() {
    Sent sent = send();
    ArrowBuf buffer = sent.read().root().getVector("n").getDataBuffer();
    buffer.getReferenceManager().release();
    String message = assertThrows(IllegalStateException.class, sent::close).getMessage();
    assertTrue(message.contains("released more often than it was retained"), message);
    assertEquals(1, sent.releaseCount());
    readSome();
    // After the message it changes nothing.
    readNext().getVector("n").getDataBuffer().getReferenceManager().release();
    readNext();
    Sent last = send();
    retain(last, last.read().root());
  }

  @Test
  void otherMetadataInBetweenIsSeen() {
    for (int length : new int[] {2, 40, 4, 0}) {
      fill();
      texts.setSafe(1, "x".repeat(length).getBytes(StandardCharsets.UTF_8));
      readElsewhere();
      readSome();
    }
  }

  @Test
  void aTableThatWasRefusedIsNotTakenForTheLast() {
    fill();
    texts.setSafe(1, "x".repeat(40).getBytes(StandardCharsets.UTF_8));
    try (VectorSchemaRoot noColumns = VectorSchemaRoot.of()) {
      ArrowTable refused =
          ArrowTable.of(source.getSchema(), List.of(source, noColumns), ArrowTable.NO_DICTIONARIES);
      assertThrows(IllegalArgumentException.class, () -> loopback.send(refused));
    }
    readElsewhere();
    readSome();
  }

  @Test
  void offsetsThatEndElsewhereAreSeen() {
    for (int last : new int[] {13, -1, 7, 12, Integer.MIN_VALUE}) {
      Sent sent = send();
      ArrowBuf offsets = sent.read().root().getVector("t").getOffsetBuffer();
      long position = offsets.memoryAddress() - sent.memory().address();
      sent.close();
      Sent damaged = send();
      damaged.memory().putInt(position + ROW_COUNT * (long) Integer.BYTES, last);
      if (last < 0 || last > 12) {
        QdsException refusal = assertThrows(QdsException.class, damaged::read);
        assertEquals(Reason.CORRUPT, refusal.reason());
        assertTrue(refusal.getMessage().contains(" field=t"), refusal.getMessage());
        assertEquals(1, damaged.releaseCount());
      } else {
        VectorSchemaRoot root = damaged.read().root();
        assertEquals(last, root.getVector("t").getDataBuffer().capacity());
        damaged.close();
      }
      readSome();
    }
  }

  @Test
  void morePlacesThanAreKeptShareWhatIs() {
    for (int i = 0; i < 3000; i++) {
      fill();
      VectorSchemaRoot root = openElsewhere();
      if (i % 100 == 0) {
        retain(place, root);
      } else {
        place.close();
      }
    }
    readSome();
  }

  @Test
  void manyMayBeOpenAtManyPlaces() {
    List<Sent> open = new ArrayList<>();
    List<List<Object>> values = new ArrayList<>();
    List<ArrowTable> tables = new ArrayList<>();
    for (int i = 0; i < 200; i++) {
      fill();
      Sent sent = loopback.send(ArrowTable.of(source));
      open.add(sent);
      ArrowTable table = sent.read();
      tables.add(table);
      values.add(Values.of(table.root().getVector("t")));
    }
    assertNotSame(tables.get(0).root(), tables.get(1).root());
    for (int i = 0; i < open.size(); i++) {
      assertEquals(values.get(i), Values.of(tables.get(i).root().getVector("t")));
      open.get(i).close();
    }
    for (Sent sent : open) {
      place = sent;
      readNext();
    }
  }
}
