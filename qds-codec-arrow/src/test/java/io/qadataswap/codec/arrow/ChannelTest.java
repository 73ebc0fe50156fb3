package io.qadataswap.codec.arrow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.qadataswap.api.Message;
import io.qadataswap.api.PluginInfo;
import io.qadataswap.api.Qds;
import io.qadataswap.api.QdsException;
import io.qadataswap.api.Reader;
import io.qadataswap.api.Trust;
import io.qadataswap.api.Writer;
import io.qadataswap.api.codec.RegionCodec;
import io.qadataswap.codec.arrow.support.Samples;
import io.qadataswap.codec.arrow.support.Values;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.FutureTask;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.types.pojo.Field;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** Tables through channels, on every backend that works in this JVM. */
class ChannelTest {
  private static final int CAPACITY = 2 << 20;

  @TempDir private Path directory;
  private final BufferAllocator allocator = new RootAllocator();

  @AfterEach
  void nothingIsLeft() {
    allocator.close();
  }

  private interface Case {
    void run(String backend) throws Exception;
  }

  private static List<DynamicTest> onEachBackend(Case test) {
    List<DynamicTest> tests = new ArrayList<>();
    for (PluginInfo backend : Qds.backends()) {
      if (backend.unavailableReason().isEmpty()) {
        tests.add(DynamicTest.dynamicTest(backend.name(), () -> test.run(backend.name())));
      }
    }
    assertEquals(
        Runtime.version().feature() < 22 ? 1 : 2, tests.size(), () -> Qds.backends().toString());
    return tests;
  }

  private Writer<ArrowTable> writer(String backend) {
    return Qds.writer("tables-" + backend, ArrowCodec.with(allocator))
        .directory(directory)
        .backend(backend)
        .capacity(CAPACITY)
        .open();
  }

  private Reader<ArrowTable> reader(String backend, Trust trust) {
    return Qds.reader("tables-" + backend, ArrowCodec.with(allocator))
        .directory(directory)
        .backend(backend)
        .trust(trust)
        .open();
  }

  @TestFactory
  List<DynamicTest> tablesArriveWithTheirTags() {
    return onEachBackend(backend -> {
      for (Trust trust : Trust.values()) {
        Samples samples = new Samples(allocator, 3, true);
        try (VectorSchemaRoot root = samples.batch(Samples.fields(), 200);
            Writer<ArrowTable> writer = writer(backend);
            Reader<ArrowTable> reader = reader(backend, trust)) {
          // Many times round the arena.
          for (int i = 0; i < 50; i++) {
            writer.write(ArrowTable.of(root), i);
            try (Message<ArrowTable> message = reader.read(Duration.ofSeconds(30))) {
              assertEquals(i, message.tag());
              Values.assertSame(root, message.value().root());
              assertEquals(0, message.payload().address() % 64);
            }
          }
          assertNull(reader.poll());
        }
      }
    });
  }

  @TestFactory
  List<DynamicTest> aKeptBufferHoldsTheRoomOfItsMessage() {
    return onEachBackend(backend -> {
      Samples samples = new Samples(allocator, 3, true);
      try (VectorSchemaRoot root = samples.batch(Samples.fields().subList(8, 10), 30_000);
          Writer<ArrowTable> writer = writer(backend);
          Reader<ArrowTable> reader = reader(backend, Trust.FULL)) {
        writer.write(ArrowTable.of(root));
        Message<ArrowTable> message = reader.read(Duration.ofSeconds(30));
        FieldVector vector = message.value().root().getVector(0);
        ArrowBuf kept = vector.getDataBuffer();
        kept.getReferenceManager().retain();
        long value = kept.getLong(0);
        message.close();

        int written = 0;
        while (writer.tryWrite(ArrowTable.of(root))) {
          written++;
        }
        assertTrue(written > 0);
        for (int i = 0; i < written; i++) {
          reader.read(Duration.ofSeconds(30)).close();
        }
        assertEquals(value, kept.getLong(0));
        // The writer goes on where nothing is held, and everywhere when nothing is held.
        kept.close();
        for (int i = 0; i < 3 * written; i++) {
          writer.write(ArrowTable.of(root));
          reader.read(Duration.ofSeconds(30)).close();
        }
      }
    });
  }

  @TestFactory
  List<DynamicTest> readersMayBeClosedBeforeTheirMessages() {
    return onEachBackend(backend -> {
      Samples samples = new Samples(allocator, 3, true);
      VectorSchemaRoot root = samples.batch(Samples.fields(), 100);
      Writer<ArrowTable> writer = writer(backend);
      Reader<ArrowTable> reader = reader(backend, Trust.FULL);
      writer.write(ArrowTable.of(root));
      Message<ArrowTable> message = reader.read(Duration.ofSeconds(30));
      writer.close();
      reader.close();
      Values.assertSame(root, message.value().root());
      message.close();
      root.close();
    });
  }

  @TestFactory
  List<DynamicTest> hundredsOfTablesOutliveTheirReader() {
    return onEachBackend(backend -> {
      int openCount = 300;
      BufferAllocator early = new RootAllocator();
      try (VectorSchemaRoot root = new Samples(allocator, 3, true).batch(Samples.fields(), 5);
          Writer<ArrowTable> writer =
              Qds.writer("tables", ArrowCodec.with(allocator))
                  .directory(directory)
                  .backend(backend)
                  .capacity(32 << 20)
                  .messageSlots(512)
                  .open()) {
        Reader<ArrowTable> reader =
            Qds.reader("tables", ArrowCodec.with(early))
                .directory(directory)
                .backend(backend)
                .open();
        List<Message<ArrowTable>> open = new ArrayList<>();
        for (int i = 0; i < openCount; i++) {
          writer.write(ArrowTable.of(root));
          open.add(reader.read(Duration.ofMinutes(5)));
        }
        reader.close();
        // Closing the allocator too early is refused by name, and the tables are none the worse.
        String refusal = assertThrows(IllegalStateException.class, early::close).getMessage();
        assertTrue(refusal.contains("qds channel tables"), refusal);
        Collections.shuffle(open, new Random(1));
        List<FutureTask<Void>> closers = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
          List<Message<ArrowTable>> part = open.subList(i * openCount / 3, (i + 1) * openCount / 3);
          closers.add(start("closer-" + i, () -> checkAndClose(root, part)));
        }
        for (FutureTask<Void> closer : closers) {
          closer.get();
        }
        assertEquals(0, early.getAllocatedMemory());
        assertEquals(0, writer.stats().readerCount());
      }
    });
  }

  private static Void checkAndClose(VectorSchemaRoot expected, List<Message<ArrowTable>> messages) {
    for (Message<ArrowTable> message : messages) {
      Values.assertSame(expected, message.value().root());
      message.close();
    }
    return null;
  }

  private static FutureTask<Void> start(String name, Callable<Void> work) {
    FutureTask<Void> task = new FutureTask<>(work);
    Thread thread = new Thread(task, name);
    thread.setDaemon(true);
    thread.start();
    return task;
  }

  @TestFactory
  List<DynamicTest> aMessageThatIsNoStreamIsRefusedAndPassedOver() {
    return onEachBackend(backend -> {
      try (VectorSchemaRoot root = new Samples(allocator, 3, true).batch(Samples.fields(), 9);
          Writer<ArrowTable> writer = writer(backend);
          Reader<ArrowTable> reader = reader(backend, Trust.FULL)) {
        try (var claim = writer.claim(100)) {
          claim.region().putInt(0, 12345);
          claim.commit(100);
        }
        writer.write(ArrowTable.of(root));
        QdsException refusal = assertThrows(QdsException.class, reader::read);
        assertEquals(QdsException.Reason.CORRUPT, refusal.reason());
        assertTrue(refusal.getMessage().contains("channel=tables-" + backend + " message=0"));
        try (Message<ArrowTable> message = reader.read()) {
          Values.assertSame(root, message.value().root());
        }
      }
    });
  }

  @TestFactory
  List<DynamicTest> readersOfAnotherCodecAreRefused() {
    return onEachBackend(backend -> {
      try (Writer<ArrowTable> writer = writer(backend)) {
        QdsException refusal =
            assertThrows(
                QdsException.class,
                () ->
                    Qds.reader(writer.name(), RegionCodec.instance())
                        .directory(directory)
                        .backend(backend)
                        .open());
        assertEquals(QdsException.Reason.CODEC_DIFFERS, refusal.reason());
        assertTrue(refusal.getMessage().contains("arrow-ipc"), refusal.getMessage());
      }
    });
  }

  @TestFactory
  List<DynamicTest> oneCodecServesFourChannelsAtOnce() {
    return onEachBackend(backend -> {
      ArrowCodec codec = ArrowCodec.with(allocator);
      int channelCount = 4;
      CyclicBarrier together = new CyclicBarrier(channelCount);
      List<FutureTask<Void>> exchanges = new ArrayList<>();
      for (int i = 0; i < channelCount; i++) {
        String name = "channel-" + i;
        // Another schema for each, so that anything that they shared would show.
        List<Field> fields = Samples.fields().subList(12 * i, 12 * i + 12);
        exchanges.add(start(name, () -> exchange(codec, backend, name, fields, together)));
      }
      for (FutureTask<Void> exchange : exchanges) {
        exchange.get();
      }
      assertEquals(List.of(), List.copyOf(allocator.getChildAllocators()), "closed with readers");
    });
  }

  private Void exchange(
      ArrowCodec codec, String backend, String name, List<Field> fields, CyclicBarrier together)
      throws Exception {
    try (VectorSchemaRoot root = new Samples(allocator, name.hashCode(), true).batch(fields, 100);
        Writer<ArrowTable> writer =
            Qds.writer(name, codec)
                .directory(directory)
                .backend(backend)
                .capacity(CAPACITY)
                .open();
        Reader<ArrowTable> reader =
            Qds.reader(name, codec).directory(directory).backend(backend).open()) {
      together.await();
      List<String> own =
          allocator.getChildAllocators().stream()
              .map(BufferAllocator::getName)
              .filter(child -> child.endsWith(name))
              .toList();
      assertEquals(1, own.size(), own::toString);
      for (int i = 0; i < 200; i++) {
        writer.write(ArrowTable.of(root), i);
        try (Message<ArrowTable> message = reader.read(Duration.ofMinutes(5))) {
          assertEquals(i, message.tag());
          Values.assertSame(root, message.value().root());
        }
      }
    }
    return null;
  }

  @Test
  void theCodecIsFoundById() {
    assertEquals(ArrowCodec.ID, Qds.codec("arrow-ipc").id());
    assertTrue(
        Qds.codecs().stream()
            .anyMatch(c -> c.name().equals("arrow-ipc") && c.unavailableReason().isEmpty()));
  }
}
