package io.qadataswap.codec.arrow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.qadataswap.api.QdsException;
import io.qadataswap.codec.arrow.support.Loopback;
import io.qadataswap.codec.arrow.support.Loopback.Sent;
import io.qadataswap.codec.arrow.support.Samples;
import io.qadataswap.codec.arrow.support.Values;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.complex.StructVector;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.arrow.vector.util.TransferPair;
import org.junit.jupiter.api.Test;

/** Closing in any order gives the memory back once, and never shows reused memory. */
class LifetimeTest {
  private static final List<Field> FIELDS =
      List.of(
          Field.nullable("n", new ArrowType.Int(64, true)),
          Field.nullable("t", ArrowType.Utf8.INSTANCE));

  private final BufferAllocator allocator = new RootAllocator();
  private final Loopback loopback = new Loopback(allocator, false);
  private final VectorSchemaRoot source = new Samples(allocator, 1, true).batch(FIELDS, 100);

  private Sent send() {
    return loopback.send(ArrowTable.of(source));
  }

  private void closeAll() {
    source.close();
    loopback.close();
    allocator.close();
  }

  @Test
  void closingTheMessageEmptiesItsVectors() {
    Sent sent = send();
    ArrowTable table = sent.read();
    VectorSchemaRoot root = table.root();
    BigIntVector vector = (BigIntVector) root.getVector("n");
    ArrowBuf buffer = vector.getDataBuffer();
    buffer.getLong(0);
    sent.close();

    assertEquals(1, sent.releaseCount());
    assertEquals(0, root.getRowCount());
    assertEquals(0, vector.getValueCount());
    assertThrows(IndexOutOfBoundsException.class, () -> vector.get(0));
    assertThrows(IllegalStateException.class, () -> buffer.getLong(0));
    String message = assertThrows(IllegalStateException.class, table::root).getMessage();
    assertTrue(message.contains("channel=loopback message=0 is closed"), message);
    assertThrows(IllegalStateException.class, table::dictionaries);
    assertThrows(IllegalStateException.class, table::rowCount);
    assertThrows(IllegalStateException.class, () -> table.batch(0));
    // A root that was kept may be closed once more.
    root.close();
    closeAll();
  }

  @Test
  void closingTheRootFirstIsAllowed() {
    Sent sent = send();
    sent.read().root().close();
    assertEquals(0, sent.releaseCount());
    sent.close();
    assertEquals(1, sent.releaseCount());
    closeAll();
  }

  @Test
  void aRetainedBufferHoldsTheMessage() {
    Sent sent = send();
    BigIntVector vector = (BigIntVector) sent.read().root().getVector("n");
    long first = vector.getDataBuffer().getLong(0);
    ArrowBuf buffer = vector.getDataBuffer();
    buffer.getReferenceManager().retain();
    sent.close();
    assertEquals(0, sent.releaseCount());
    assertTrue(sent.loan().isOpen());
    assertEquals(first, buffer.getLong(0));
    buffer.close();
    assertEquals(1, sent.releaseCount());
    assertFalse(sent.loan().isOpen());
    closeAll();
  }

  @Test
  void aTransferredVectorHoldsTheMessage() {
    try (BufferAllocator other = allocator.newChildAllocator("other", 0, Long.MAX_VALUE)) {
      Sent sent = send();
      BigIntVector vector = (BigIntVector) sent.read().root().getVector("n");
      List<Object> values = Values.of(vector);
      TransferPair pair = vector.getTransferPair(other);
      pair.transfer();
      BigIntVector kept = (BigIntVector) pair.getTo();
      sent.close();
      source.close();
      // The reader may go too.
      loopback.closeReader();
      assertEquals(0, sent.releaseCount());
      assertEquals(values, Values.of(kept));
      kept.close();
      assertEquals(1, sent.releaseCount());
    }
    closeAll();
  }

  @Test
  void theReaderMayBeClosedBeforeItsMessages() {
    Sent one = send();
    Sent two = send();
    ArrowTable first = one.read();
    ArrowTable second = two.read();
    loopback.closeReader();
    Values.assertSame(source, first.root());
    one.close();
    Values.assertSame(source, second.root());
    two.close();
    assertEquals(1, one.releaseCount());
    assertEquals(1, two.releaseCount());
    closeAll();
  }

  @Test
  void closingTheAllocatorFirstNamesTheChannel() {
    try (RootAllocator early = new RootAllocator();
        Loopback reader = new Loopback(early, false)) {
      Sent sent = reader.send(send().bytes());
      ArrowTable table = sent.read();
      String message = assertThrows(IllegalStateException.class, early::close).getMessage();
      assertTrue(message.contains("qds channel loopback"), message);
      // The message is none the worse.
      Values.assertSame(source, table.root());
      sent.close();
      assertEquals(1, sent.releaseCount());
    }
    closeAll();
  }

  @Test
  void closingAnIdleReaderAfterItsAllocatorIsHarmless() {
    RootAllocator early = new RootAllocator();
    Loopback reader = new Loopback(early, false);
    Sent sent = reader.send(send().bytes());
    sent.read();
    sent.close();
    early.close();
    reader.close();
    closeAll();
  }

  @Test
  void releasingTooOftenNamesTheMessageAndEmptiesItsVectorsAllTheSame() {
    for (int releases = 1; releases < 20; releases++) {
      Sent sent = send();
      VectorSchemaRoot root = sent.read().root();
      root.getVector("n").getDataBuffer().getReferenceManager().release(releases);
      String message = assertThrows(IllegalStateException.class, sent::close).getMessage();
      assertTrue(message.contains("channel=loopback message=" + (releases - 1)), message);
      assertEquals(0, root.getVector("n").getValueCount());
      assertEquals(0, root.getVector("t").getValueCount());
      assertEquals(1, sent.releaseCount());
    }
    closeAll();
  }

  @Test
  void aBufferMayOutliveTheReaderWhileAnotherAllocatorAccountsIt() {
    try (BufferAllocator other = allocator.newChildAllocator("other", 0, Long.MAX_VALUE)) {
      Sent sent = send();
      VectorSchemaRoot root = sent.read().root();
      ArrowBuf retained = root.getVector("n").getDataBuffer();
      retained.getReferenceManager().retain();
      TransferPair pair = root.getVector("t").getTransferPair(other);
      pair.transfer();
      pair.getTo().close();
      sent.close();
      loopback.closeReader();
      retained.getLong(0);
      retained.close();
      assertEquals(1, sent.releaseCount());
    }
    closeAll();
  }

  @Test
  void anAllocatorLimitIsNamedAndTheMessageGivenBack() {
    try (BufferAllocator small = new RootAllocator(100);
        Loopback reader = new Loopback(small, false)) {
      Sent sent = reader.send(send().bytes());
      QdsException refusal = assertThrows(QdsException.class, sent::read);
      assertEquals(QdsException.Reason.NO_ROOM, refusal.reason());
      assertTrue(refusal.getMessage().contains("channel=loopback"), refusal.getMessage());
      assertTrue(refusal.getMessage().contains("limit of the allocator"), refusal.getMessage());
      assertEquals(1, sent.releaseCount());
    }
    closeAll();
  }

  @Test
  void openMessagesAreAccountedWithTheirLength() {
    Sent sent = send();
    long before = allocator.getAllocatedMemory();
    sent.read();
    assertEquals(before + sent.loan().region().length(), allocator.getAllocatedMemory());
    sent.close();
    assertEquals(before, allocator.getAllocatedMemory());
    closeAll();
  }

  @Test
  void validityThatWasLeftOutIsSharedAndOutlivesTheReader() {
    Samples samples = new Samples(allocator, 1, false);
    try (VectorSchemaRoot small = samples.batch(FIELDS, 10);
        VectorSchemaRoot large = samples.batch(FIELDS, 100_000)) {
      Sent one = loopback.send(ArrowTable.of(small));
      ArrowTable first = one.read();
      Sent two = loopback.send(ArrowTable.of(large));
      ArrowTable second = two.read();
      loopback.closeReader();
      assertEquals(0, first.root().getVector("n").getNullCount());
      assertEquals(0, second.root().getVector("n").getNullCount());
      one.close();
      Values.assertSame(large, second.root());
      two.close();
    }
    closeAll();
  }

  @Test
  void theNextMessageFillsTheRootOfTheClosedOne() {
    Sent one = send();
    ArrowTable closed = one.read();
    VectorSchemaRoot root = closed.root();
    one.close();
    Sent two = send();
    ArrowTable table = two.read();
    assertSame(root, table.root());
    Values.assertSame(source, table.root());
    // The table of the closed message stays closed.
    assertThrows(IllegalStateException.class, closed::root);
    two.close();
    assertEquals(0, root.getRowCount());
    closeAll();
  }

  @Test
  void openMessagesHaveRootsOfTheirOwn() {
    Set<VectorSchemaRoot> roots = Collections.newSetFromMap(new IdentityHashMap<>());
    List<Sent> open = new ArrayList<>();
    for (int i = 0; i < 10; i++) {
      Sent sent = send();
      open.add(sent);
      roots.add(sent.read().root());
    }
    assertEquals(10, roots.size());
    for (VectorSchemaRoot root : roots) {
      Values.assertSame(source, root);
    }
    open.forEach(Sent::close);
    for (Sent sent : open) {
      assertEquals(1, sent.releaseCount());
    }
    closeAll();
  }

  @Test
  void whatIsRetainedOrTransferredKeepsItsBytesWhileOthersAreRead() {
    try (BufferAllocator other = allocator.newChildAllocator("other", 0, Long.MAX_VALUE)) {
      Sent one = send();
      BigIntVector vector = (BigIntVector) one.read().root().getVector("n");
      List<Object> values = Values.of(vector);
      ArrowBuf retained = vector.getDataBuffer();
      retained.getReferenceManager().retain();
      ArrowBuf slice = retained.slice(8, 8);
      TransferPair pair = vector.getTransferPair(other);
      pair.transfer();
      BigIntVector kept = (BigIntVector) pair.getTo();
      one.close();
      for (int i = 0; i < 20; i++) {
        Sent next = send();
        Values.assertSame(source, next.read().root());
        next.close();
        assertEquals(1, next.releaseCount());
      }
      assertEquals(values, Values.of(kept));
      assertEquals(retained.getLong(8), slice.getLong(0));
      assertEquals(0, one.releaseCount());
      slice.close(); // shares the reference of the retained one
      assertThrows(IllegalStateException.class, () -> retained.getLong(0));
      assertThrows(IllegalStateException.class, () -> retained.getReferenceManager().release());
      assertThrows(IllegalStateException.class, () -> retained.getReferenceManager().retain());
      assertThrows(
          IllegalStateException.class,
          () -> retained.getReferenceManager().transferOwnership(retained, other));
      assertEquals(values, Values.of(kept));
      assertEquals(0, one.releaseCount());
      kept.close();
      assertEquals(1, one.releaseCount());
    }
    closeAll();
  }

  @Test
  void aSliceOfARootHoldsTheMessage() {
    Sent one = send();
    VectorSchemaRoot part = one.read().root().slice(8, 16);
    List<Object> values = Values.of(part.getVector("n"));
    one.close();
    assertEquals(0, one.releaseCount());
    Sent two = send();
    two.read();
    assertEquals(values, Values.of(part.getVector("n")));
    two.close();
    part.close();
    assertEquals(1, one.releaseCount());
    closeAll();
  }

  @Test
  void anotherThreadMayReleaseWhatWasRetainedWhileMessagesAreRead() throws Exception {
    ExecutorService thread = Executors.newSingleThreadExecutor();
    Future<?> last = null;
    for (int i = 0; i < 200; i++) {
      Sent sent = send();
      ArrowBuf buffer = sent.read().root().getVector("n").getDataBuffer();
      buffer.getReferenceManager().retain();
      long first = buffer.getLong(0);
      last =
          thread.submit(() -> {
            assertEquals(first, buffer.getLong(0));
            buffer.close();
          });
      sent.close();
    }
    last.get();
    thread.shutdown();
    closeAll();
  }

  @Test
  void validityThatWasLeftOutMayBeTransferred() {
    try (BufferAllocator other = allocator.newChildAllocator("other", 0, Long.MAX_VALUE);
        VectorSchemaRoot valid = new Samples(allocator, 1, false).batch(FIELDS, 100)) {
      Sent sent = loopback.send(ArrowTable.of(valid));
      TransferPair pair = sent.read().root().getVector("n").getTransferPair(other);
      pair.transfer();
      sent.close();
      loopback.closeReader();
      BigIntVector kept = (BigIntVector) pair.getTo();
      assertEquals(0, kept.getNullCount());
      assertEquals(Values.of(valid.getVector("n")), Values.of(kept));
      kept.close();
      assertEquals(1, sent.releaseCount());
    }
    closeAll();
  }

  @Test
  void anAllocatorOfAnotherRootIsRefusedAndNothingIsLost() {
    try (BufferAllocator foreign = new RootAllocator()) {
      Sent sent = send();
      TransferPair pair = sent.read().root().getVector("n").getTransferPair(foreign);
      assertThrows(IllegalStateException.class, pair::transfer);
      sent.close();
      assertEquals(1, sent.releaseCount());
    }
    closeAll();
  }

  @Test
  void releasingEverythingWhileTheTableIsOpenIsRefused() {
    Sent sent = send();
    ArrowBuf buffer = sent.read().root().getVector("n").getDataBuffer();
    String message =
        assertThrows(
                IllegalStateException.class,
                () -> buffer.getReferenceManager().release(buffer.refCnt()))
            .getMessage();
    assertTrue(message.contains("closing its message"), message);
    sent.close();
    assertEquals(1, sent.releaseCount());
    closeAll();
  }

  @Test
  void aChangedShapeOfNestedVectorsDoesNotReachTheNextMessage() {
    Field struct =
        new Field(
            "s",
            FieldType.nullable(ArrowType.Struct.INSTANCE),
            List.of(Field.nullable("a", new ArrowType.Int(32, true))));
    try (VectorSchemaRoot nested = new Samples(allocator, 1, true).batch(List.of(struct), 10)) {
      Sent one = loopback.send(ArrowTable.of(nested));
      StructVector vector = (StructVector) one.read().root().getVector("s");
      vector.addOrGet("b", FieldType.nullable(new ArrowType.Int(64, true)), BigIntVector.class);
      one.close();
      Sent two = loopback.send(ArrowTable.of(nested));
      Values.assertSame(nested, two.read().root());
      two.close();
    }
    closeAll();
  }
}
