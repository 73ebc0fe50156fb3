package io.qadataswap.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.qadataswap.api.ChannelInfo;
import io.qadataswap.api.Claim;
import io.qadataswap.api.Message;
import io.qadataswap.api.Qds;
import io.qadataswap.api.QdsException.Reason;
import io.qadataswap.api.Reader;
import io.qadataswap.api.ReaderBuilder;
import io.qadataswap.api.ReaderMode;
import io.qadataswap.api.Region;
import io.qadataswap.api.Writer;
import io.qadataswap.api.WriterBuilder;
import io.qadataswap.api.codec.RegionCodec;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

/** Small channels in a directory of the test's own. */
abstract class RingFixture {
  /** A time-out that is expected to pass. */
  static final Duration SHORT = Duration.ofMillis(20);

  /** A time-out that is not. */
  static final Duration LONG = Duration.ofMinutes(5);

  static final String NAME = "ring";
  static final int SLOT_COUNT = 16;
  static final int CAPACITY = 1 << 20;
  static final int ARENA_OFFSET = 1 << 16;
  static final int ARENA_LENGTH = CAPACITY - ARENA_OFFSET;
  static final int READER_ENTRY_COUNT = 8;
  static final int DESCRIPTOR_RING_OFFSET = Patch.READER_TABLE_OFFSET + READER_ENTRY_COUNT * 256;

  @TempDir Path directory;

  private final String backend;

  RingFixture(String backend) {
    this.backend = backend;
  }

  final String backend() {
    return backend;
  }

  final WriterBuilder<Region> writer() {
    return Qds.writer(NAME, RegionCodec.instance())
        .directory(directory)
        .backend(backend)
        .capacity(CAPACITY)
        .messageSlots(SLOT_COUNT)
        .readerEntries(READER_ENTRY_COUNT);
  }

  final ReaderBuilder<Region> reader() {
    return Qds.reader(NAME, RegionCodec.instance()).directory(directory).backend(backend);
  }

  final ReaderBuilder<Region> observer() {
    return reader().mode(ReaderMode.OBSERVER);
  }

  final Path file() {
    return directory.resolve(NAME + ".qds");
  }

  final ChannelInfo inspect() {
    return inspect(directory);
  }

  static ChannelInfo inspect(Path directory) {
    return Qds.inspect(directory, NAME, Qds.DEFAULT_LAYOUT);
  }

  /** Writes the message whose bytes follow from its sequence. */
  static void write(Writer<Region> writer, int length) throws InterruptedException {
    fillAndCommit(writer.claim(length), writer, length);
  }

  static void write(Writer<Region> writer, int length, int count) throws InterruptedException {
    for (int i = 0; i < count; i++) {
      write(writer, length);
    }
  }

  /** Returns whether there was room in time. */
  static boolean write(Writer<Region> writer, int length, Duration timeout)
      throws InterruptedException {
    Claim claim = writer.claim(length, timeout);
    if (claim != null) {
      fillAndCommit(claim, writer, length);
    }
    return claim != null;
  }

  static boolean tryWrite(Writer<Region> writer, int length) {
    Claim claim = writer.tryClaim(length);
    if (claim != null) {
      fillAndCommit(claim, writer, length);
    }
    return claim != null;
  }

  private static void fillAndCommit(Claim claim, Writer<Region> writer, int length) {
    long sequence = writer.stats().nextSequence();
    Payloads.fill(claim.region(), sequence, length);
    assertEquals(sequence, claim.commit(length));
  }

  /** Reads a message, checks it, and closes it. */
  static void readAndClose(Reader<Region> reader, long sequence) throws InterruptedException {
    try (Message<Region> message = read(reader, sequence)) {
      assertTrue(message.value().isOpen());
    }
  }

  /** Reads a message and checks it. */
  static Message<Region> read(Reader<Region> reader, long sequence) throws InterruptedException {
    Message<Region> message = reader.read(LONG);
    assertEquals(sequence, message.sequence());
    Payloads.check(message);
    return message;
  }

  /** Checks that something is refused for a reason, in words that name what they should. */
  static void assertRefused(Reason reason, Executable action, Object... named) {
    Refusals.assertRefused(reason, action, named);
  }

  static void assertNames(Exception refusal, Object... named) {
    for (Object part : named) {
      assertTrue(refusal.getMessage().contains(part.toString()), part + " in: " + refusal);
    }
  }

  /** Waits for something that happens soon. */
  static void await(BooleanSupplier condition) {
    while (!condition.getAsBoolean()) {
      LockSupport.parkNanos(1_000_000);
    }
  }

  /** Waits until a reader sleeps. */
  final void awaitWaitingReader() {
    await(() -> inspect().readers().stream().anyMatch(reader -> reader.waiting()));
  }

  /** Something that is done on another thread. */
  static final class Task<T> {
    final Thread thread;
    private final FutureTask<T> result;

    Task(String name, Callable<T> work) {
      result = new FutureTask<>(work);
      thread = new Thread(result, name);
      thread.setDaemon(true);
      thread.start();
    }

    T get() throws InterruptedException {
      try {
        return result.get();
      } catch (ExecutionException e) {
        if (e.getCause() instanceof RuntimeException refusal) {
          throw refusal;
        }
        if (e.getCause() instanceof InterruptedException) {
          throw new InterruptedException("of " + thread.getName());
        }
        throw new AssertionError(e.getCause());
      }
    }
  }
}
