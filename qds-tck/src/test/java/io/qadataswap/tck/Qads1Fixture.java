package io.qadataswap.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.qadataswap.api.ChannelInfo;
import io.qadataswap.api.Message;
import io.qadataswap.api.Qds;
import io.qadataswap.api.QdsException;
import io.qadataswap.api.QdsException.Reason;
import io.qadataswap.api.Reader;
import io.qadataswap.api.ReaderBuilder;
import io.qadataswap.api.Region;
import io.qadataswap.api.Writer;
import io.qadataswap.api.WriterBuilder;
import io.qadataswap.api.channel.NamedSemaphore;
import io.qadataswap.api.channel.NamedSemaphores;
import io.qadataswap.api.codec.RegionCodec;
import io.qadataswap.shm.ffm.FfmChannelProvider;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

/**
 * Channels of the layout {@code qads1}, each with a name of its own: their semaphores are the whole
 * machine's. Messages repeat a number of 8 bytes.
 */
abstract class Qads1Fixture {
  static final String LAYOUT = "qads1";
  static final Duration SHORT = Duration.ofMillis(20);
  static final Duration LONG = Duration.ofMinutes(2);
  static final int BUFFER_COUNT = 3;
  static final int CAPACITY = 1 << 16;

  static final Path SEMAPHORES = Path.of("/dev/shm");
  private static final Pattern TEST_SEMAPHORE =
      Pattern.compile("sem\\.qads_[wr]_(?:t|it|layout-tck-|matrix-tck-)(\\d{1,10})(?:-.*)?");

  @TempDir(factory = SharedMemory.class)
  Path directory;

  private static int count;

  /** The name of this test's channel. */
  final String name = "t" + ProcessHandle.current().pid() + "-" + count++;

  final NamedSemaphores semaphores() {
    return new FfmChannelProvider().semaphores(name);
  }

  /**
   * A run of the tests that was killed leaves semaphores, which are the whole machine's: names of
   * these tests, the kit's and the tool's, with the process in them.
   */
  @BeforeAll
  static void removeWhatKilledRunsHaveLeft() throws IOException {
    try (DirectoryStream<Path> files = Files.newDirectoryStream(SEMAPHORES, "sem.qads_*")) {
      for (Path file : files) {
        Matcher name = TEST_SEMAPHORE.matcher(file.getFileName().toString());
        if (name.matches() && ProcessHandle.of(Long.parseLong(name.group(1))).isEmpty()) {
          Files.deleteIfExists(file);
        }
      }
    }
  }

  /** They run in an execution of their own, which grants it. */
  @BeforeEach
  void requireNativeAccess() {
    assumeNativeAccess();
  }

  /** Skips a test in executions without native access, which a selection by name comes to, too. */
  static void assumeNativeAccess() {
    assumeTrue(
        Runtime.version().feature() >= 22 && isNativeAccessGranted(),
        "needs --enable-native-access=io.qadataswap.shm.ffm, as the build's own execution of these"
            + " tests has it");
  }

  private static boolean isNativeAccessGranted() {
    try {
      new FfmChannelProvider().semaphores("probe");
      return true;
    } catch (QdsException e) {
      assertEquals(Reason.FLAG_MISSING, e.reason());
      return false;
    }
  }

  @AfterEach
  void nothingIsLeft() {
    if (Files.exists(directory.resolve("qads_" + name))) {
      Qds.remove(directory, name, LAYOUT, true);
    }
    assertEquals(List.of(), semaphoreFiles());
  }

  final List<String> semaphoreFiles() {
    String[] names =
        SEMAPHORES
            .toFile()
            .list((file, fileName) -> fileName.startsWith("sem.qads_") && fileName.contains(name));
    return List.of(names);
  }

  final WriterBuilder<Region> writer() {
    return Qds.writer(name, RegionCodec.instance())
        .layout(LAYOUT)
        .backend("ffm")
        .directory(directory)
        .capacity(CAPACITY);
  }

  final ReaderBuilder<Region> reader() {
    return Qds.reader(name, RegionCodec.instance())
        .layout(LAYOUT)
        .backend("ffm")
        .directory(directory);
  }

  final Path object() {
    return directory.resolve("qads_" + name);
  }

  final ChannelInfo inspect() {
    return Qds.inspect(directory, name, LAYOUT);
  }

  final String field(String field) {
    return inspect().header().get(field);
  }

  final void assertTokens(int write, int read) {
    assertEquals(
        Integer.toString(write), field("write tokens"), () -> inspect().header().toString());
    assertEquals(Integer.toString(read), field("read tokens"), () -> inspect().header().toString());
  }

  /** Takes a token away, as a process does that is killed afterwards. */
  final void takeToken(String prefix) {
    try (NamedSemaphore semaphore = semaphores().open(prefix + name).orElseThrow()) {
      assertTrue(semaphore.tryWait());
    }
  }

  static void write(Writer<Region> writer, long number) throws InterruptedException {
    write(writer, number, 64);
  }

  static void write(Writer<Region> writer, long number, int length) throws InterruptedException {
    var claim = writer.claim(length);
    fill(claim.region(), number, length);
    claim.commit(length);
  }

  static boolean tryWrite(Writer<Region> writer, long number) {
    var claim = writer.tryClaim(64);
    if (claim != null) {
      fill(claim.region(), number, 64);
      claim.commit(64);
    }
    return claim != null;
  }

  private static void fill(Region region, long number, int length) {
    byte[] bytes = new byte[length];
    ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    while (buffer.hasRemaining()) {
      buffer.putLong(number);
    }
    region.putBytes(0, bytes, 0, length);
  }

  /** Returns the number of a message, all of whose bytes have to repeat it. */
  static long number(Message<Region> message) {
    Region region = message.value();
    byte[] bytes = new byte[(int) region.length()];
    region.getBytes(0, bytes, 0, bytes.length);
    ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    long number = buffer.getLong(0);
    while (buffer.hasRemaining()) {
      assertEquals(number, buffer.getLong(), "torn");
    }
    return number;
  }

  static void readAndClose(Reader<Region> reader, long number) throws InterruptedException {
    try (Message<Region> message = reader.read(LONG)) {
      assertEquals(number, number(message));
    }
  }

  static void assertRefused(Reason reason, Executable action, Object... named) {
    QdsException refusal = assertThrows(QdsException.class, action);
    assertEquals(reason, refusal.reason(), refusal.getMessage());
    for (Object part : named) {
      assertTrue(refusal.getMessage().contains(part.toString()), part + " in: " + refusal);
    }
  }

  static void await(BooleanSupplier condition) {
    long startNs = System.nanoTime();
    while (!condition.getAsBoolean()) {
      assertTrue(System.nanoTime() - startNs < LONG.toNanos(), "waited for too long");
      LockSupport.parkNanos(1_000_000);
    }
  }
}
