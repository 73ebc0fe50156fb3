package io.qadataswap.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.qadataswap.api.IfExists;
import io.qadataswap.api.Message;
import io.qadataswap.api.OverflowPolicy;
import io.qadataswap.api.Qds;
import io.qadataswap.api.QdsException.Reason;
import io.qadataswap.api.Reader;
import io.qadataswap.api.ReaderMode;
import io.qadataswap.api.Region;
import io.qadataswap.api.StartPosition;
import io.qadataswap.api.Trust;
import io.qadataswap.api.Writer;
import io.qadataswap.api.channel.NamedSemaphore;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.Test;

/** What a user of the layout can rely on, within one process. */
@SuppressWarnings("try") // a writer that only has to be there
class Qads1LayoutTest extends Qads1Fixture {
  @Test
  void messagesComeInOrderAndTokensGoBack() throws InterruptedException {
    try (Writer<Region> writer = writer().open();
        Reader<Region> reader = reader().open()) {
      for (long number = 0; number < 1000; number++) {
        write(writer, number);
        readAndClose(reader, number);
      }
      assertTokens(BUFFER_COUNT, 0);
      assertNull(reader.poll());
      assertFalse(reader.isEnded());
      assertEquals(1, writer.stats().readerCount());
    }
    assertFalse(Files.exists(object()));
    assertEquals(List.of(), semaphoreFiles());
  }

  @Test
  void writerWaitsWhenAllBuffersAreFull() throws InterruptedException {
    try (Writer<Region> writer = writer().messageSlots(2).open();
        Reader<Region> reader = reader().open()) {
      assertTrue(tryWrite(writer, 0));
      assertTrue(tryWrite(writer, 1));
      assertFalse(tryWrite(writer, 2));
      assertNull(writer.claim(64, SHORT));
      assertEquals(2, writer.stats().unreadCount());
      readAndClose(reader, 0);
      assertTrue(tryWrite(writer, 2));
      readAndClose(reader, 1);
      readAndClose(reader, 2);
    }
  }

  @Test
  void tokensGoBackInTheOrderOfTheMessages() throws InterruptedException {
    try (Writer<Region> writer = writer().open();
        Reader<Region> reader = reader().open()) {
      for (long number = 0; number < BUFFER_COUNT; number++) {
        write(writer, number);
      }
      Message<Region> first = reader.read();
      Message<Region> second = reader.read();
      Message<Region> third = reader.read();
      third.close();
      second.close();
      assertTokens(0, 0);
      assertFalse(tryWrite(writer, 3));
      assertEquals(0, number(first));
      first.close();
      assertTokens(BUFFER_COUNT, 0);
      assertTrue(tryWrite(writer, 3));
      readAndClose(reader, 3);
    }
  }

  @Test
  void openMessageOfAClosedReaderStays() throws InterruptedException {
    try (Writer<Region> writer = writer().open()) {
      write(writer, 7);
      Reader<Region> reader = reader().open();
      Message<Region> message = reader.read();
      reader.close();
      assertEquals(7, number(message));
      write(writer, 8);
      write(writer, 9);
      assertFalse(tryWrite(writer, 10));
      message.close();
      assertTrue(tryWrite(writer, 10));
    }
    // What nobody has read stays for the next one.
    try (Reader<Region> reader = reader().open()) {
      readAndClose(reader, 8);
      readAndClose(reader, 9);
      readAndClose(reader, 10);
      assertNull(reader.read(LONG));
      assertTrue(reader.isEnded());
    }
    assertFalse(Files.exists(object()));
  }

  @Test
  void competingReadersNeverGetTheSameMessage() throws InterruptedException {
    int count = 3000;
    Set<Long> seen = ConcurrentHashMap.newKeySet();
    List<Thread> threads = new ArrayList<>();
    List<Throwable> failures = new ArrayList<>();
    try (Writer<Region> writer = writer().messageSlots(8).open()) {
      for (int i = 0; i < 3; i++) {
        Reader<Region> reader = reader().open();
        Thread thread =
            new Thread(() -> {
              try (reader) {
                for (Message<Region> message : reader) {
                  assertTrue(seen.add(number(message)), "twice");
                }
              } catch (Throwable e) {
                synchronized (failures) {
                  failures.add(e);
                }
              }
            });
        thread.start();
        threads.add(thread);
      }
      for (long number = 0; number < count; number++) {
        write(writer, number);
      }
    }
    for (Thread thread : threads) {
      thread.join();
    }
    assertEquals(List.of(), failures);
    assertEquals(count, seen.size());
    assertFalse(Files.exists(object()));
  }

  @Test
  void tooLargeAMessageIsRefusedBeforeATokenIsTaken() throws InterruptedException {
    try (Writer<Region> writer = writer().open()) {
      long largest = Long.parseLong(field("buffer_size"));
      assertRefused(
          Reason.MESSAGE_TOO_LARGE, () -> writer.tryClaim(largest + 1), name, largest + 1, largest);
      assertTokens(BUFFER_COUNT, 0);
      writer.claim(largest).abort();
      write(writer, 1);
      assertRefused(
          Reason.UNSUPPORTED, () -> reader().mode(ReaderMode.OBSERVER).open(), "OBSERVER");
      assertRefused(
          Reason.UNSUPPORTED, () -> reader().start(StartPosition.latest()).open(), "LATEST");
    }
    Qds.remove(directory, name, LAYOUT, false);
    assertFalse(Files.exists(object()));
    assertRefused(
        Reason.UNSUPPORTED,
        () -> writer().overflow(OverflowPolicy.DROP_OLDEST).open(),
        "DROP_OLDEST");
  }

  @Test
  void tagIsRefusedAndNothingIsPublished() throws InterruptedException {
    try (Writer<Region> writer = writer().open();
        Reader<Region> reader = reader().open()) {
      var claim = writer.claim(64);
      String refused =
          assertThrows(IllegalArgumentException.class, () -> claim.commit(64, 5)).getMessage();
      assertEquals(
          "channel=" + name + " tag=5 allowed=0: layout qads1 carries no tags; use layout qds1",
          refused);
      assertNull(reader.poll());
      write(writer, 1);
      readAndClose(reader, 1);
    }
  }

  @Test
  void closeGivesBackTokensInHandAndInterruptsEndWaits() throws Exception {
    try (Writer<Region> writer = writer().open();
        Reader<Region> reader = reader().open()) {
      writer.claim(64).abort();
      Thread waiting = Thread.currentThread();
      Thread interrupter =
          new Thread(() -> {
            await(() -> waiting.getState() == Thread.State.RUNNABLE);
            waiting.interrupt();
          });
      interrupter.start();
      assertThrows(InterruptedException.class, () -> reader.read(LONG));
      interrupter.join();
      write(writer, 3);
      readAndClose(reader, 3);
    }
    try (Writer<Region> writer = writer().open()) {
      Reader<Region> reader = reader().open();
      Thread closer = new Thread(reader::close);
      closer.start();
      assertRefused(Reason.CLOSED, () -> reader.read(LONG), name);
      closer.join();
      assertTokens(BUFFER_COUNT, 0);
    }
  }

  @Test
  void secondWriterIsRefusedAndExistingChannelToo() throws InterruptedException {
    try (Writer<Region> writer = writer().open()) {
      write(writer, 1);
      assertRefused(
          Reason.SECOND_WRITER, () -> writer().open(), name, ProcessHandle.current().pid());
      assertRefused(Reason.CHANNEL_EXISTS, () -> writer().ifExists(IfExists.FAIL).open(), object());
      assertRefused(Reason.IN_USE, () -> writer().ifExists(IfExists.REPLACE).open(), name);
      assertRefused(Reason.IN_USE, () -> Qds.remove(directory, name, LAYOUT, false), "pid=");
      assertTrue(inspect().isLive());
      assertEquals(ProcessHandle.current().pid(), inspect().writer().orElseThrow().pid());
    }
    assertRefused(
        Reason.GEOMETRY_DIFFERS, () -> writer().messageSlots(5).open(), "3 (asked for 5)");
    try (Writer<Region> writer = writer().open();
        Reader<Region> reader = reader().open()) {
      write(writer, 2);
      readAndClose(reader, 1);
      readAndClose(reader, 2);
    }
    try (Writer<Region> writer = writer().ifExists(IfExists.REPLACE).messageSlots(5).open()) {
      assertEquals(0, writer.stats().nextSequence());
    }
  }

  @Test
  void tokensThatADeadReaderTookAreRestoredForTheWriterThatIsAlone() throws InterruptedException {
    try (Writer<Region> writer = writer().messageSlots(1).open()) {
      write(writer, 1);
      // It died with the token in its hand.
      takeToken("/qads_r_");
      try (Reader<Region> reader = reader().open()) {
        assertNull(reader.poll());
      }
      Thread reading =
          new Thread(() -> {
            await(() -> "1".equals(field("read tokens")));
            try (Reader<Region> reader = reader().open()) {
              readAndClose(reader, 1);
            } catch (InterruptedException e) {
              throw new AssertionError(e);
            }
          });
      reading.start();
      write(writer, 2);
      reading.join();
      // And now a reader died between taking a message and giving the write token back.
      try (Reader<Region> reader = reader().open()) {
        readAndClose(reader, 2);
      }
      takeToken("/qads_w_");
      write(writer, 3);
      assertEquals("0 write, 0 read", field("missing tokens"));
    }
  }

  /**
   * The reader takes messages while two threads close those before, and gets the turn in between.
   */
  @Test
  void tokensGoBackWhenOtherThreadsClose() throws InterruptedException {
    int count = Stress.rounds(10_000);
    BlockingQueue<Message<Region>> open = new ArrayBlockingQueue<>(8);
    List<Thread> closers = new ArrayList<>();
    try (Writer<Region> writer = writer().messageSlots(8).open();
        Reader<Region> reader = reader().open()) {
      for (int i = 0; i < 2; i++) {
        Thread closer =
            new Thread(() -> {
              try {
                for (int closed = 0; closed < count / 2; closed++) {
                  open.take().close();
                }
              } catch (InterruptedException e) {
                throw new AssertionError(e);
              }
            });
        closer.start();
        closers.add(closer);
      }
      for (long number = 0; number < count; number++) {
        write(writer, number);
        Message<Region> message = reader.read(LONG);
        assertEquals(number, number(message));
        open.put(message);
      }
      for (Thread closer : closers) {
        closer.join();
      }
      assertTokens(8, 0);
    }
  }

  /** Two readers of QDS are there, one of which a third has left without a token. */
  @Test
  void tokensThatADeadReaderTookAreReplacedAmongReadersThatLive() throws InterruptedException {
    try (Writer<Region> writer = writer().open();
        Reader<Region> reader = reader().open();
        Reader<Region> other = reader().open()) {
      write(writer, 1);
      takeToken("/qads_r_");
      readAndClose(reader, 1);
      takeToken("/qads_w_");
      for (long number = 2; number < 2 + BUFFER_COUNT; number++) {
        write(writer, number);
      }
      for (long number = 2; number < 2 + BUFFER_COUNT; number++) {
        readAndClose(other, number);
      }
      assertEquals("0 write, 0 read", field("missing tokens"));
    }
  }

  @Test
  void tokenWithoutAMessageIsDropped() throws InterruptedException {
    try (Writer<Region> writer = writer().open();
        Reader<Region> reader = reader().open();
        NamedSemaphore read = semaphores().open("/qads_r_" + name).orElseThrow()) {
      read.post();
      assertNull(reader.read(SHORT));
      assertEquals(0, read.value());
      write(writer, 1);
      readAndClose(reader, 1);
    }
  }

  @Test
  void surplusWriteTokenOverwritesNothing() throws InterruptedException {
    try (Writer<Region> writer = writer().messageSlots(2).open();
        Reader<Region> reader = reader().open();
        NamedSemaphore write = semaphores().open("/qads_w_" + name).orElseThrow()) {
      write(writer, 1);
      write(writer, 2);
      write.post();
      assertFalse(tryWrite(writer, 3));
      Message<Region> held = reader.read();
      write.post();
      assertFalse(tryWrite(writer, 3));
      assertEquals(1, number(held));
      held.close();
      assertTrue(tryWrite(writer, 3));
      readAndClose(reader, 2);
      readAndClose(reader, 3);
    }
  }

  @Test
  void badDataSizeIsPassedOver() throws Exception {
    try (Writer<Region> writer = writer().open();
        Reader<Region> reader = reader().open()) {
      write(writer, 1);
      write(writer, 2);
      patch(213, Long.MAX_VALUE);
      assertRefused(Reason.CORRUPT, reader::poll, name, "data_size", Long.MAX_VALUE);
      readAndClose(reader, 2);
      assertTokens(BUFFER_COUNT, 0);
    }
  }

  @Test
  void objectThatWasCutShortIsRefusedAndTheJvmLives() throws Exception {
    try (Writer<Region> writer = writer().open();
        Reader<Region> reader = reader().open()) {
      write(writer, 1);
      try (FileChannel file = FileChannel.open(object(), StandardOpenOption.WRITE)) {
        file.truncate(0);
      }
      assertRefused(Reason.CORRUPT, reader::poll, name, "cut short");
    } catch (io.qadataswap.api.QdsException e) {
      assertEquals(Reason.CORRUPT, e.reason());
    }
    assertRefused(Reason.NO_SUCH_CHANNEL, () -> reader().open(), name, "not done with it");
  }

  @Test
  void hostileHeadersAreRefused() throws Exception {
    try (Writer<Region> writer = writer().open()) {
      write(writer, 1);
    }
    byte[] good = Files.readAllBytes(object());
    long seed = System.nanoTime();
    Random random = new Random(seed);
    for (int round = 0; round < Stress.rounds(150); round++) {
      byte[] bytes = good.clone();
      int changes = 1 + random.nextInt(4);
      for (int i = 0; i < changes; i++) {
        // Not the names: they would be another channel's.
        int offset = random.nextInt(85);
        bytes[offset] = (byte) (random.nextBoolean() ? random.nextInt() : 1 << random.nextInt(8));
      }
      Files.write(object(), bytes, StandardOpenOption.WRITE);
      try (Reader<Region> reader =
          reader().trust(random.nextBoolean() ? Trust.FULL : Trust.NONE).open()) {
        try (Message<Region> message = reader.poll()) {
          if (message != null) {
            assertTrue(message.value().length() <= CAPACITY);
          }
        }
      } catch (io.qadataswap.api.QdsException e) {
        assertTrue(e.getMessage().contains(name), "seed=" + seed + ": " + e);
      }
      restoreSemaphores();
      if (!Files.exists(object())) {
        Files.write(object(), good);
      }
    }
    Files.write(object(), good);
  }

  @Test
  void onlySemaphoresOfThisLayoutAreOpened() throws Exception {
    try (Writer<Region> writer = writer().open()) {
      write(writer, 1);
    }
    byte[] good = Files.readAllBytes(object());
    for (String bad :
        List.of("/qads_x_" + name, "/other", "/qads_w_", "qads_w_a", "/qads_w_../a")) {
      byte[] bytes = good.clone();
      byte[] field = java.util.Arrays.copyOf(bad.getBytes(StandardCharsets.US_ASCII), 64);
      System.arraycopy(field, 0, bytes, 85, 64);
      Files.write(object(), bytes);
      assertRefused(Reason.CORRUPT, () -> reader().open(), name, "write_sem_name");
    }
    Files.write(object(), good);
  }

  @Test
  void semaphoreThatWasCutShortIsRefusedAndRemoved() throws Exception {
    try (Writer<Region> writer = writer().open()) {
      write(writer, 1);
    }
    for (int length : new int[] {31, 0}) {
      try (FileChannel file =
          FileChannel.open(SEMAPHORES.resolve("sem.qads_r_" + name), StandardOpenOption.WRITE)) {
        file.truncate(length);
      }
      assertRefused(
          Reason.CORRUPT, () -> reader().open(), name, "/qads_r_" + name, "length=" + length);
    }
    Qds.remove(directory, name, LAYOUT, true);
    assertEquals(List.of(), semaphoreFiles());
    writer().open().close();
  }

  @Test
  void leftoversAreRemoved() throws Exception {
    try (Writer<Region> writer = writer().open()) {
      write(writer, 1);
    }
    // The object alone was deleted by hand.
    Files.delete(object());
    assertEquals(2, semaphoreFiles().size());
    Qds.remove(directory, name, LAYOUT, false);
    assertEquals(List.of(), semaphoreFiles());
    assertRefused(Reason.NO_SUCH_CHANNEL, () -> Qds.remove(directory, name, LAYOUT, false), name);
    // A creator of the original died right after it had made the object.
    Files.write(object(), new byte[CAPACITY]);
    assertRefused(Reason.NO_SUCH_CHANNEL, () -> reader().open(), name, "./qds rm " + name);
    writer().open().close();
    assertFalse(Files.exists(object()));
  }

  private void patch(long offset, long value) throws IOException {
    try (FileChannel file = FileChannel.open(object(), StandardOpenOption.WRITE)) {
      file.write(ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(0, value), offset);
    }
  }

  /** One message is unread, and all tokens are there. */
  private void restoreSemaphores() {
    semaphores().unlink("/qads_w_" + name);
    semaphores().unlink("/qads_r_" + name);
    var mode = java.nio.file.attribute.PosixFilePermissions.fromString("rw-------");
    semaphores().create("/qads_w_" + name, BUFFER_COUNT - 1, mode).orElseThrow().close();
    semaphores().create("/qads_r_" + name, 1, mode).orElseThrow().close();
  }
}
