package io.qadataswap.tck;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.qadataswap.api.QdsException;
import io.qadataswap.api.QdsException.Reason;
import io.qadataswap.api.channel.Channel;
import io.qadataswap.api.channel.ChannelProvider;
import io.qadataswap.api.channel.Memory;
import io.qadataswap.api.channel.SegmentFile;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.RandomAccessFile;
import java.lang.module.ModuleFinder;
import java.lang.ref.WeakReference;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * What a backend must do: a subclass names it, and its tests then run against the {@link
 * ChannelProvider} that the service loader finds by that name. Where the backend cannot work, all
 * tests are skipped with the backend's own reason.
 *
 * <p>Many tests start a second JVM, of the version that runs the test, with the backend on its
 * class path or module path.
 */
public abstract class ChannelTck {
  private static final long LENGTH = 40_000;
  private static final long LOCK_POSITION = 1L << 62;
  private static final Set<PosixFilePermission> MODE = PosixFilePermissions.fromString("rw-------");

  /** What a store by another thread may take to be seen before the rule counts as broken. */
  private final long patienceNs =
      TimeUnit.SECONDS.toNanos(Long.getLong("qds.tck.patienceSeconds", 60));

  private final Deque<AutoCloseable> opened = new ArrayDeque<>();
  private ChannelProvider provider;
  private Path directory;

  /** Called by subclasses. */
  protected ChannelTck() {}

  /**
   * Returns which backend to test.
   *
   * @return the provider's name
   */
  protected abstract String backend();

  /**
   * Returns what the backend needs on the path of a second JVM, beside QDS and its own jar.
   *
   * @return a class of each library; none by default
   */
  protected List<Class<?>> libraries() {
    return List.of();
  }

  /**
   * Returns the flags without which the backend does not work.
   *
   * @param onModulePath whether it is on the module path, not on the class path
   * @return flags of the JVM; none by default
   */
  protected List<String> flags(boolean onModulePath) {
    return List.of();
  }

  /**
   * Returns the provider itself.
   *
   * @return by default what the service loader finds by the name
   */
  protected ChannelProvider newProvider() {
    return Plugins.backend(backend());
  }

  @BeforeEach
  void findBackend() throws IOException {
    provider = newProvider();
    directory = KitDirectory.create();
  }

  @AfterEach
  void removeFiles() throws Exception {
    while (!opened.isEmpty()) {
      opened.pop().close();
    }
    if (directory != null) {
      KitDirectory.delete(directory);
    }
  }

  /** Plain and ordered access, copies and slices. */
  @Nested
  class AccessToMemory {
    @Test
    @Tag("required")
    @DisplayName("CH-01 a value reads back at any offset, and lies there in little-endian order")
    @IfThisFails(
        "look at how you store the bytes of a value: in little-endian order, whatever the machine"
            + " has")
    void plainAccess() {
      Channel channel = create("values");
      for (long offset = 0; offset < 16; offset++) {
        channel.putLong(offset, 0x0807060504030201L);
        assertEquals(0x0807060504030201L, channel.getLong(offset));
        assertEquals(0x04030201, channel.getInt(offset));
        for (int i = 0; i < 8; i++) {
          assertEquals(i + 1, channel.getByte(offset + i));
        }
        channel.putInt(offset, 0x0d0c0b0a);
        assertEquals(0x0d0c0b0a, channel.getInt(offset));
        assertEquals(0x080706050d0c0b0aL, channel.getLong(offset));
        channel.putByte(offset, (byte) 0x80);
        assertEquals((byte) 0x80, channel.getByte(offset));
        assertEquals(0x0d0c0b80, channel.getInt(offset));
      }
    }

    @Test
    @Tag("required")
    @DisplayName("CH-02 ordered access sees plain access, in little-endian order")
    @IfThisFails(
        "look at ordered access: it goes to the same bytes, in the same order, as plain access")
    void orderedAccess() {
      Channel channel = create("values");
      channel.putLongRelease(64, 0x0807060504030201L);
      assertEquals(0x0807060504030201L, channel.getLongAcquire(64));
      assertEquals(0x0807060504030201L, channel.getLong(64));
      assertEquals(1, channel.getByte(64));
      channel.putIntRelease(68, 0x0d0c0b0a);
      assertEquals(0x0d0c0b0a, channel.getIntAcquire(68));
      assertEquals(0x0d0c0b0a04030201L, channel.getLong(64));
      assertEquals(0x0a, channel.getByte(68));
    }

    @Test
    @Tag("required")
    @DisplayName("CH-03 ordered access at an offset that is not aligned is refused")
    @IfThisFails("look at the check of ordered offsets: the value's own width divides them")
    void misalignedOrderedAccess() {
      Channel channel = create("values");
      for (Access access : Access.values()) {
        for (long offset = 1; access.isOrdered() && offset < access.width; offset++) {
          long misaligned = 64 + offset;
          assertThrows(
              IllegalArgumentException.class,
              () -> access.on(channel, misaligned),
              access + " at " + misaligned);
        }
      }
    }

    @Test
    @Tag("required")
    @DisplayName("CH-04 access outside the memory is refused, access to its last bytes is not")
    @IfThisFails(
        "look at the check of offset and width: their sum overflows, and is compared with the"
            + " length")
    void bounds() {
      Channel channel = create("values");
      for (Access access : Access.values()) {
        access.on(channel, 0);
        access.on(channel, LENGTH - access.width);
        List<Long> outside =
            new ArrayList<>(
                List.of(-8L, LENGTH, 1L << 32, -(1L << 32), Long.MIN_VALUE, Long.MAX_VALUE - 7));
        if (!access.isOrdered()) {
          outside.addAll(List.of(-1L, LENGTH - access.width + 1, Long.MAX_VALUE));
        }
        for (long offset : outside) {
          assertThrows(
              IndexOutOfBoundsException.class,
              () -> access.on(channel, offset),
              access + " at " + offset);
        }
      }
    }

    @Test
    @Tag("required")
    @DisplayName("CH-05 lengths below zero, and parts that an array does not have, are refused")
    @IfThisFails(
        "look at the checks of array offsets and of lengths below zero, before anything is touched")
    void boundsOfArrays() {
      Channel channel = create("values");
      byte[] array = new byte[10];
      for (int[] part : new int[][] {{0, 11}, {10, 1}, {-1, 1}, {0, -1}, {5, Integer.MAX_VALUE}}) {
        assertThrows(
            IndexOutOfBoundsException.class, () -> channel.getBytes(0, array, part[0], part[1]));
        assertThrows(
            IndexOutOfBoundsException.class, () -> channel.putBytes(0, array, part[0], part[1]));
      }
      assertThrows(IndexOutOfBoundsException.class, () -> channel.slice(0, -1));
      assertThrows(IndexOutOfBoundsException.class, () -> channel.copyOf(0, -1));
      assertThrows(IndexOutOfBoundsException.class, () -> channel.copyOf(8, Long.MAX_VALUE));
    }

    @Test
    @Tag("required")
    @DisplayName("CH-06 bytes are copied in and out, from and to parts of arrays, also none")
    @IfThisFails("look at the two offsets of a copy, and at copies of no bytes")
    void bytes() {
      Channel channel = create("values");
      byte[] source = new byte[5000];
      for (int i = 0; i < source.length; i++) {
        source[i] = (byte) (i * 7);
      }
      channel.putBytes(LENGTH - 4990, source, 10, 4990);
      byte[] target = new byte[5000];
      channel.getBytes(LENGTH - 4990, target, 5, 4990);
      for (int i = 0; i < 4990; i++) {
        assertEquals(source[i + 10], target[i + 5], "byte " + i);
      }
      assertEquals(0, target[4]);
      assertEquals(0, target[4995]);
      channel.getBytes(LENGTH, target, 0, 0);
      channel.putBytes(LENGTH, source, 5000, 0);
    }

    @Test
    @Tag("required")
    @DisplayName("CH-07 a slice is a writable little-endian window")
    @IfThisFails("look at the order, the limits and the position of the buffers that slice returns")
    void slices() {
      Channel channel = create("values");
      channel.putInt(100, 0x04030201);
      ByteBuffer slice = channel.slice(100, 20);
      assertTrue(slice.isDirect());
      assertFalse(slice.isReadOnly());
      assertEquals(0, slice.position());
      assertEquals(20, slice.capacity());
      assertEquals(20, slice.limit());
      assertEquals(ByteOrder.LITTLE_ENDIAN, slice.order());
      assertEquals(0x04030201, slice.getInt(0));
      slice.putLong(12, 77);
      assertEquals(77, channel.getLong(112));
      assertEquals(0, channel.slice(LENGTH, 0).capacity());
    }

    @Test
    @Tag("required")
    @DisplayName("CH-08 a copy is private, aligned to 64 bytes, and outlives the channel")
    @IfThisFails("look at copyOf: the copy has memory of its own, which starts at a multiple of 64")
    void copies() {
      Channel channel = create("values");
      channel.putLong(104, 5);
      Memory copy = channel.copyOf(104, 100);
      channel.putLong(104, 6);
      assertEquals(5, copy.getLong(0));
      copy.putLong(0, 7);
      assertEquals(6, channel.getLong(104));
      assertEquals(100, copy.length());
      assertEquals(0, copy.address() % 64);
      assertThrows(IndexOutOfBoundsException.class, () -> copy.getLong(93));
      channel.close();
      assertEquals(7, copy.getLong(0));
      assertEquals(7, copy.slice(0, 8).getLong());
    }

    @Test
    @Tag("required")
    @DisplayName("CH-09 a copy of nothing is empty")
    @IfThisFails("look at allocations of no bytes")
    void emptyCopy() {
      Memory copy = create("values").copyOf(LENGTH, 0);
      assertEquals(0, copy.length());
      assertThrows(IndexOutOfBoundsException.class, () -> copy.getByte(0));
    }

    @Test
    @Tag("required")
    @DisplayName("CH-10 a read-only mapping refuses stores of every kind and shows those of others")
    @IfThisFails("look at how a read-only mapping is made, and at each way to store into it")
    void readOnly() {
      Channel writable = create("values");
      Channel readOnly = open("values", false);
      for (Access access : Access.values()) {
        if (access.store) {
          assertThrows(
              UnsupportedOperationException.class, () -> access.on(readOnly, 0), access.toString());
        } else {
          access.on(readOnly, 0);
        }
      }
      assertTrue(readOnly.slice(0, 8).isReadOnly());
      writable.putLongRelease(8, 9);
      assertEquals(9, readOnly.getLongAcquire(8));
      assertEquals(0, writable.getLong(0));
      Memory copy = readOnly.copyOf(0, 16);
      copy.putLong(0, 1);
      assertEquals(1, copy.getLong(0));
    }

    @Test
    @Tag("required")
    @DisplayName("CH-11 access after close is refused, in every way there is")
    @IfThisFails(
        "look at what close leaves behind: every access has to notice it, and a second close"
            + " nothing")
    void afterClose() {
      Channel channel = create("values");
      channel.close();
      for (Access access : Access.values()) {
        assertThrows(IllegalStateException.class, () -> access.on(channel, 0), access.toString());
      }
      assertDoesNotThrow(channel::close);
    }

    @Test
    @Tag("required")
    @DisplayName("CH-12 a slice is safe to touch after close: stale bytes, or refused")
    @IfThisFails("look at what keeps the mapping while a slice is reachable")
    void sliceAfterClose() {
      Channel channel = create("values");
      channel.putLong(0, 11);
      ByteBuffer slice = channel.slice(0, 8);
      channel.close();
      System.gc();
      try {
        assertEquals(11, slice.getLong(0));
      } catch (IllegalStateException e) {
        // the other allowed end
      }
    }

    @Test
    @Tag("required")
    @DisplayName("CH-13 a channel can be closed under threads that use it")
    @IfThisFails("look at what stands between the check that the channel is open and the access")
    void closeUnderUse() throws Exception {
      for (int round = 0; round < 20; round++) {
        Channel channel = create("round" + round);
        List<FutureTask<Throwable>> users = new ArrayList<>();
        for (Access access :
            List.of(Access.GET_LONG_ACQUIRE, Access.PUT_LONG_RELEASE, Access.COPY)) {
          FutureTask<Throwable> user =
              new FutureTask<>(() -> {
                try {
                  while (true) {
                    access.on(channel, 64);
                  }
                } catch (RuntimeException e) {
                  return e;
                }
              });
          users.add(user);
          new Thread(user).start();
        }
        while (channel.getLongAcquire(64) == 0) {
          Thread.onSpinWait();
        }
        channel.close();
        for (FutureTask<Throwable> user : users) {
          assertEquals(IllegalStateException.class, user.get().getClass());
        }
      }
    }
  }

  /** Mapping files. */
  @Nested
  class Mapping {
    @Test
    @Tag("required")
    @DisplayName("CH-20 a channel shows the whole file and knows its address")
    @IfThisFails("look at the length and the address that you report: those of the mapping")
    void geometry() throws IOException {
      Channel channel = create("values");
      assertEquals(LENGTH, channel.length());
      assertTrue(channel.address() != 0);
      assertEquals(0, channel.address() % 4096);
      assertEquals(LENGTH, channel.file().length());
    }

    @Test
    @Tag("required")
    @DisplayName(
        "CH-21 two channels over one file see each other's stores, each of them to its end")
    @IfThisFails(
        "look at how the file is mapped: shared, not private; and at close of one of two mappings")
    void twoChannels() {
      Channel first = create("values");
      Channel second = open("values", true);
      first.putLongRelease(LENGTH - 8, 1);
      assertEquals(1, second.getLongAcquire(LENGTH - 8));
      second.putByte(3, (byte) 4);
      assertEquals(4, first.getByte(3));
      second.close();
      assertEquals(1, first.getLong(LENGTH - 8));
    }

    @Test
    @Tag("required")
    @DisplayName("CH-22 what was stored before a release is seen after the acquire that reads it")
    @IfThisFails("look at the access modes of putLongRelease and getLongAcquire")
    void ordering() throws Exception {
      Channel first = create("values");
      Channel second = open("values", true);
      int rounds = 100_000;
      FutureTask<Long> reader =
          new FutureTask<>(() -> {
            for (long round = 1; round <= rounds; round++) {
              long startNs = System.nanoTime();
              while (second.getLongAcquire(0) != round) {
                if (System.nanoTime() - startNs > patienceNs) {
                  return round;
                }
                Thread.onSpinWait();
              }
              for (long offset = 1024; offset < 1024 + 512; offset += 64) {
                if (second.getLong(offset) != round) {
                  return round;
                }
              }
              second.putLongRelease(256, round);
            }
            return 0L;
          });
      new Thread(reader).start();
      for (long round = 1; round <= rounds && !reader.isDone(); round++) {
        for (long offset = 1024; offset < 1024 + 512; offset += 64) {
          first.putLong(offset, round);
        }
        first.putLongRelease(0, round);
        while (first.getLongAcquire(256) != round && !reader.isDone()) {
          Thread.onSpinWait();
        }
      }
      assertEquals(0, reader.get(), "the round in which an older value was seen, or no new one");
    }

    @Test
    @Tag("required")
    @DisplayName(
        "CH-23 more than the file has is refused, the file keeps its length and is given back")
    @IfThisFails(
        "look at the check of the length against the file, before the mapping would grow it; the"
            + " file is given back then")
    void longerThanFile() throws IOException {
      Path path = create("values").file().path();
      for (boolean writable : new boolean[] {true, false}) {
        for (long length : new long[] {LENGTH + 1, -1}) {
          SegmentFile file = SegmentFile.open(path, "tck");
          assertThrows(IllegalArgumentException.class, () -> provider.map(file, length, writable));
        }
      }
      assertEquals(LENGTH, Files.size(path));
    }

    @Test
    @Tag("required")
    @DisplayName("CH-24 a segment beyond 2 GiB works to its end, or is refused by a stated limit")
    @IfThisFails("look at offsets that are ints, and at maxLength()")
    void huge() throws IOException {
      long length = 5L << 30;
      Path path = directory.resolve("huge");
      try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
        file.setLength(length);
      }
      SegmentFile file = SegmentFile.open(path, "tck");
      if (provider.maxLength() < length) {
        assertThrows(IllegalArgumentException.class, () -> provider.map(file, length, true));
        return;
      }
      Channel channel = track(provider.map(file, length, true));
      for (long offset : new long[] {(1L << 31) - 4, (1L << 32) - 4, length - 8}) {
        channel.putLong(offset, offset);
        assertEquals(offset, channel.getLong(offset));
        assertEquals(offset, channel.slice(offset, 8).getLong());
        assertEquals(offset, channel.copyOf(offset, 8).getLong(0));
      }
      assertEquals(0, channel.getLong((1L << 31) - 12));
    }

    @Test
    @Tag("required")
    @DisplayName("CH-25 mapping works in an interrupted thread, which stays interrupted")
    @IfThisFails(
        "look at what you do on the calling thread: an interrupt closes channels of the JDK;"
            + " SegmentFile.call does not run there")
    void interruptedThread() {
      Path path = create("values").file().path();
      Thread.currentThread().interrupt();
      try {
        SegmentFile file = SegmentFile.open(path, "tck");
        Channel channel = track(provider.map(file, LENGTH, true));
        channel.putLong(0, 1);
        assertEquals(1, channel.copyOf(0, 8).getLong(0));
      } finally {
        assertTrue(Thread.interrupted());
      }
    }
  }

  /** Participant locks, seen from another process. */
  @Nested
  class Locks {
    @Test
    @Tag("required")
    @DisplayName(
        "CH-30 a lock is seen in this and in other processes, and gone when it is released")
    @IfThisFails(
        "look at isLocked and at the file that you pass on: channel.file() is the one that was"
            + " given")
    void lockAndRelease() throws IOException {
      Channel channel = create("values");
      try (ChildJvm child = child("values")) {
        FileLock lock = lock(channel, 1);
        assertTrue(channel.isLocked(LOCK_POSITION + 1));
        assertNull(channel.file().tryLock(LOCK_POSITION + 1, 1));
        assertEquals("true", child.ask("isLocked " + (LOCK_POSITION + 1)));
        assertEquals("false", child.ask("lock " + (LOCK_POSITION + 1) + " 1"));
        assertEquals("false", child.ask("isLocked " + (LOCK_POSITION + 2)));
        SegmentFile.release(lock);
        assertEquals("true", child.ask("lock " + (LOCK_POSITION + 1) + " 1"));
        assertTrue(channel.isLocked(LOCK_POSITION + 1));
        assertNull(channel.file().tryLock(LOCK_POSITION + 1, 1));
        assertEquals("released", child.ask("release"));
        assertFalse(channel.isLocked(LOCK_POSITION + 1));
      }
    }

    @Test
    @Tag("required")
    @DisplayName("CH-31 the lock of a killed process is gone")
    @IfThisFails("look at who else may hold the file of the killed process")
    void killedHolder() throws IOException {
      Channel channel = create("values");
      try (ChildJvm child = child("values")) {
        assertEquals("true", child.ask("lock " + (LOCK_POSITION + 1) + " 1"));
        assertTrue(channel.isLocked(LOCK_POSITION + 1));
        child.kill();
        while (channel.isLocked(LOCK_POSITION + 1)) {
          Thread.onSpinWait();
        }
      }
    }

    @Test
    @Tag("required")
    @DisplayName("CH-32 a new file is locked from the start, under the asked permissions")
    @IfThisFails("look at whether you open the file a second time")
    void lockOfCreation() throws IOException {
      Set<PosixFilePermission> mode = PosixFilePermissions.fromString("rw-rw-rw-");
      Path path = directory.resolve("values");
      SegmentFile file = SegmentFile.create(path, "tck", LENGTH, mode, LOCK_POSITION, 2);
      Channel channel = track(provider.map(file, LENGTH, true));
      System.gc(); // the lock does not hang on garbage
      assertEquals(mode, Files.getPosixFilePermissions(path));
      assertTrue(channel.isLocked(LOCK_POSITION + 1));
      try (ChildJvm child = child("values")) {
        assertEquals("true", child.ask("isLocked " + LOCK_POSITION));
        SegmentFile.release(file.creationLock());
        assertEquals("false", child.ask("isLocked " + LOCK_POSITION));
      }
    }

    @Test
    @Tag("required")
    @DisplayName("CH-33 opening and closing the file again does not drop its locks")
    @IfThisFails(
        "look at descriptors that you open and close: closing any one drops all locks of the"
            + " process")
    void secondOpening() throws IOException {
      Channel channel = create("values");
      lock(channel, 1);
      try (ChildJvm child = child("values")) {
        open("values", true).close();
        open("values", false).close();
        SegmentFile.open(channel.file().path(), "tck").close();
        assertEquals("true", child.ask("isLocked " + (LOCK_POSITION + 1)));
        channel.close();
        assertEquals("false", child.ask("isLocked " + (LOCK_POSITION + 1)));
      }
    }

    @Test
    @Tag("required")
    @DisplayName("CH-34 nor does doing so from another class loader")
    @IfThisFails("look at what you keep in static fields: another class loader has its own")
    void secondClassLoader() throws Exception {
      Channel channel = create("values");
      lock(channel, 1);
      try (ChildJvm child = child("values");
          URLClassLoader loader =
              new URLClassLoader(
                  new URL[] {ChildJvm.location(SegmentFile.class).toUri().toURL()}, null)) {
        Class<?> other = loader.loadClass(SegmentFile.class.getName());
        assertFalse(other == SegmentFile.class);
        Object file =
            other
                .getMethod("open", Path.class, String.class)
                .invoke(null, channel.file().path(), "tck");
        assertNull(
            other.getMethod("tryLock", long.class, long.class).invoke(file, LOCK_POSITION + 1, 1L));
        assertNotNull(
            other.getMethod("tryLock", long.class, long.class).invoke(file, LOCK_POSITION + 2, 1L));
        other.getMethod("close").invoke(file);
        assertEquals("true", child.ask("isLocked " + (LOCK_POSITION + 1)));
        assertEquals("true", child.ask("isLocked " + (LOCK_POSITION + 2)));

        // The other way round: what the other copy has open outlasts this one's use.
        Object second =
            other
                .getMethod("open", Path.class, String.class)
                .invoke(null, channel.file().path(), "tck");
        channel.close();
        open("values", false).close();
        assertEquals("true", child.ask("isLocked " + (LOCK_POSITION + 1)));
        other.getMethod("close").invoke(second);
        assertEquals("false", child.ask("isLocked " + (LOCK_POSITION + 1)));
      }
    }

    @Test
    @Tag("required")
    @DisplayName("CH-35 a parked file keeps its locks when it is closed")
    @IfThisFails("look at close: it gives the file back, and does nothing else with it")
    void parked() throws IOException {
      Channel channel = create("values");
      FileLock lock = lock(channel, 1);
      channel.file().parkIfLastUser();
      channel.close();
      try (ChildJvm child = child("values")) {
        assertEquals("true", child.ask("isLocked " + (LOCK_POSITION + 1)));
        open("values", true).close();
        assertEquals("true", child.ask("isLocked " + (LOCK_POSITION + 1)));
        SegmentFile.release(lock);
      }
    }

    @Test
    @Tag("required")
    @DisplayName("CH-36 a storm of interrupts leaves file, mapping and locks as they are")
    @IfThisFails(
        "look at system calls on the calling thread: an interrupt closes the file under them")
    void interrupts() throws Exception {
      Channel channel = create("values");
      Path path = channel.file().path();
      lock(channel, 1);
      FutureTask<Long> work =
          new FutureTask<>(() -> {
            long sum = 0;
            for (int i = 0; i < 2000; i++) {
              Thread.currentThread().interrupt();
              sum += channel.file().length();
              sum += channel.file().readStart(100).length;
              sum += channel.isLocked(LOCK_POSITION + 1) ? 1 : 0;
              FileLock lock = channel.file().tryLock(LOCK_POSITION + 2, 1);
              SegmentFile.release(lock);
              SegmentFile file = SegmentFile.open(path, "tck");
              provider.map(file, LENGTH, true).close();
            }
            return sum;
          });
      Thread thread = new Thread(work);
      thread.start();
      while (thread.isAlive()) {
        thread.interrupt();
        Thread.onSpinWait();
      }
      assertEquals(2000 * (LENGTH + 100 + 1), work.get());
      try (ChildJvm child = child("values")) {
        assertEquals("true", child.ask("isLocked " + (LOCK_POSITION + 1)));
      }
    }

    @Test
    @Tag("required")
    @DisplayName("CH-37 a file that replaces another while it is opened is not taken for the other")
    @IfThisFails("look at paths that you open again: go by the file that you were given")
    void replacedFile() throws Exception {
      Path path = directory.resolve("values");
      writeFileThatKnowsItsInode(path);
      FutureTask<Void> replacer =
          new FutureTask<>(() -> {
            while (!Thread.currentThread().isInterrupted()) {
              Path next = directory.resolve("next");
              writeFileThatKnowsItsInode(next);
              Files.move(next, path, StandardCopyOption.ATOMIC_MOVE);
            }
            return null;
          });
      Thread thread = new Thread(replacer);
      thread.start();
      try {
        for (int i = 0; i < 1000; i++) {
          SegmentFile file = SegmentFile.open(path, "tck");
          Channel channel = provider.map(file, 8, false);
          assertEquals(file.inode(), channel.getLong(0));
          channel.close();
        }
      } finally {
        thread.interrupt();
        replacer.get();
      }
    }

    @Test
    @Tag("required")
    @DisplayName("CH-38 threads that create, open and close files do not stand in each other's way")
    @IfThisFails("look at state that channels share: locks between threads, fields of the provider")
    void concurrentFiles() throws Exception {
      List<FutureTask<Void>> tasks = new ArrayList<>();
      for (int t = 0; t < 4; t++) {
        int thread = t;
        FutureTask<Void> task =
            new FutureTask<>(() -> {
              for (int i = 0; i < 100; i++) {
                Path path = directory.resolve(thread + "-" + i);
                SegmentFile file = SegmentFile.create(path, "tck", LENGTH, MODE, LOCK_POSITION, 1);
                SegmentFile.open(path, "tck").close();
                provider.map(file, LENGTH, true).close();
              }
              return null;
            });
        tasks.add(task);
        new Thread(task).start();
      }
      for (FutureTask<Void> task : tasks) {
        task.get();
      }
    }

    @Test
    @Tag("required")
    @DisplayName("CH-39 a moved file keeps its locks, and never takes another one's place")
    @IfThisFails("look at paths that you keep: a file may have another one later")
    void movedFile() throws IOException {
      Path path = directory.resolve("temporary");
      Path target = directory.resolve("values");
      SegmentFile file = SegmentFile.create(path, "tck", LENGTH, MODE, LOCK_POSITION, 1);
      Channel channel = track(provider.map(file, LENGTH, true));
      assertTrue(file.moveTo(target));
      assertFalse(Files.exists(path));
      assertEquals(target, file.path());
      assertTrue(file.isAtItsPath());
      try (ChildJvm child = child("values")) {
        assertEquals("true", child.ask("isLocked " + LOCK_POSITION));
        SegmentFile second = SegmentFile.create(path, "tck", LENGTH, MODE, LOCK_POSITION, 1);
        assertFalse(second.moveTo(target));
        assertEquals(path, second.path());
        assertTrue(second.isAtItsPath());
        second.close();
        Files.delete(target);
        assertFalse(channel.file().isAtItsPath());
        assertEquals("true", child.ask("isLocked " + LOCK_POSITION));
      }
    }

    @Test
    @Tag("required")
    @DisplayName("CH-40 a path that exists is not created again, and stays as it is")
    @IfThisFails("look at who creates files: SegmentFile alone does")
    void existingPath() throws IOException {
      Channel channel = create("values");
      channel.putLong(0, 5);
      QdsException e =
          assertThrows(
              QdsException.class,
              () ->
                  SegmentFile.create(channel.file().path(), "tck", LENGTH, MODE, LOCK_POSITION, 1));
      assertEquals(Reason.CHANNEL_EXISTS, e.reason());
      assertEquals(5, channel.getLong(0));
      try (ChildJvm child = child("values")) {
        assertEquals("true", child.ask("isLocked " + LOCK_POSITION));
      }
    }

    @Test
    @Tag("required")
    @DisplayName("CH-41 in a full directory creation says so and leaves nothing behind")
    @IfThisFails("look at what is written before the mapping: SegmentFile fills the file")
    void fullDirectory() throws Exception {
      Path full = Files.createDirectory(directory.resolve("full"));
      List<String> small =
          List.of(
              "unshare",
              "-rm",
              "sh",
              "-c",
              "mount -t tmpfs -o size=1m none " + full + " && exec \"$@\"",
              "sh");
      assumeTrue(runs(small, "true"), "no right to mount a small file system here");
      try (ChildJvm child = child(small, false, flags(false))) {
        Path first = full.resolve("first");
        Path second = full.resolve("second");
        assertEquals(first.toString(), child.ask("create " + first + " 500000"));
        assertEquals("DIRECTORY_FULL", child.ask("create " + second + " 600000"));
        assertEquals("first", child.ask("list " + full));
        assertEquals(second.toString(), child.ask("create " + second + " 300000"));
      }
    }
  }

  /** What the rest of the program must not notice, and must not spoil. */
  @Nested
  class Surroundings {
    @Test
    @Tag("required")
    @DisplayName("CH-45 the system properties can be stored, listed and replaced")
    @IfThisFails("look at who else stores into the system properties: JDK types only")
    void systemProperties() throws Exception {
      Channel channel = create("values");
      Properties properties = System.getProperties();
      properties.store(OutputStream.nullOutputStream(), "");
      properties.storeToXML(OutputStream.nullOutputStream(), "");
      properties.list(new PrintStream(OutputStream.nullOutputStream()));
      assertEquals(properties.size(), properties.stringPropertyNames().size());
      Properties others = new Properties();
      others.putAll(properties);
      System.setProperties(others);
      try (ChildJvm child = child("values")) {
        open("values", true).close();
        assertEquals("true", child.ask("isLocked " + LOCK_POSITION));
        channel.close();
        assertEquals("false", child.ask("isLocked " + LOCK_POSITION));
      } finally {
        System.setProperties(properties);
      }
    }

    @Test
    @Tag("required")
    @DisplayName("CH-46 interrupts of all threads that can be found do no harm")
    @IfThisFails("look at threads of your own, and at what an interrupt does to them")
    void interruptsOfAllThreads() {
      Channel channel = create("values");
      Thread.getAllStackTraces().keySet().stream()
          .filter(thread -> thread.getName().startsWith("qds"))
          .forEach(Thread::interrupt);
      open("values", true).close();
      channel.putLong(0, 1);
      assertNull(channel.file().tryLock(LOCK_POSITION, 1));
    }

    @Test
    @Tag("required")
    @DisplayName("CH-47 a lock that nobody keeps lasts until the file is given back")
    @IfThisFails("look at who holds the file: it is yours until close")
    void forgottenLock() throws IOException {
      Channel channel = create("values");
      WeakReference<FileLock> forgotten = new WeakReference<>(lock(channel, 1));
      for (int i = 0; i < 10; i++) {
        System.gc();
        assertNotNull(forgotten.get());
        // Of a lock that is garbage the JDK forgets the range some time later.
        assertNull(channel.file().tryLock(LOCK_POSITION + 1, 1));
      }
      try (ChildJvm child = child("values")) {
        assertEquals("true", child.ask("isLocked " + (LOCK_POSITION + 1)));
        channel.close();
        assertEquals("false", child.ask("isLocked " + (LOCK_POSITION + 1)));
      }
    }
  }

  /** Files that are cut short under their mappings. */
  @Nested
  class Faults {
    @TestFactory
    @Tag("required")
    @DisplayName("CH-50 access to what was cut off a file ends in InternalError, in every compiler")
    @IfThisFails(
        "look at intrinsics and vector operations on the mapping: copies, compares, fills and"
            + " checksums, widening loads; see the Javadoc of Memory")
    Stream<DynamicTest> cutFile() {
      return Stream.of(
              List.of("-Xint"),
              List.of("-Xbatch", "-XX:TieredStopAtLevel=1"),
              List.of("-Xbatch", "-XX:-TieredCompilation"),
              List.<String>of())
          .map(compiler ->
              DynamicTest.dynamicTest(
                  "flags " + compiler,
                  () -> {
                    List<String> flags = new ArrayList<>(flags(false));
                    flags.addAll(compiler);
                    try (ChildJvm child = child(List.of(), false, flags)) {
                      for (Access access : Access.values()) {
                        assertEquals(
                            "InternalError",
                            child.ask("cut " + access + " " + directory.resolve("cut")),
                            access.toString());
                      }
                    }
                  }));
    }
  }

  /** Waiting in the kernel. */
  @Nested
  class Waiting {
    @Test
    @Tag("required")
    @DisplayName("CH-60 without the right to native calls nothing waits natively")
    @IfThisFails("look at canWake(): it is false unless native calls are granted")
    void withoutRight() {
      Channel channel = create("values");
      assumeFalse(channel.canWake(), "native access is granted to the tests");
      assertFalse(channel.waitWhile(64, 0, Long.MAX_VALUE));
      channel.wake(64);
    }

    @Test
    @Tag("required")
    @DisplayName("CH-61 a thread that waits natively is woken by another process")
    @IfThisFails("look at the futex: not private, on the word's own address")
    void wake() throws IOException {
      create("values");
      for (boolean onModulePath : new boolean[] {false, true}) {
        try (ChildJvm sleeper = nativeChild(onModulePath);
            ChildJvm waker = nativeChild(onModulePath)) {
          assumeTrue(
              sleeper.ask("canWake").equals("true"), backend() + " never waits natively here");
          sleeper.send("wait 64 0 " + Long.MAX_VALUE);
          do {
            waker.ask("wake 64");
          } while (!sleeper.hasAnswer());
          assertEquals("true", sleeper.answer());
          assertEquals("", sleeper.end());
          assertEquals("", waker.end());
        }
      }
    }

    @Test
    @Tag("required")
    @DisplayName("CH-62 a native wait ends by time, and at once if the word has another value")
    @IfThisFails("look at the time that you give the kernel, and at virtual threads")
    void waitEnds() throws IOException {
      create("values");
      try (ChildJvm child = nativeChild(false)) {
        assumeTrue(child.ask("canWake").equals("true"), backend() + " never waits natively here");
        for (long timeoutNs : new long[] {-1, 0, 1, 20_000_000}) {
          long start;
          do { // it may return early, but not always
            start = System.nanoTime();
            assertEquals("true", child.ask("wait 64 0 " + timeoutNs));
          } while (System.nanoTime() - start < timeoutNs);
        }
        assertEquals("true", child.ask("wait 64 1 " + Long.MAX_VALUE));
        assertEquals("false", child.ask("waitVirtually 64 0 " + Long.MAX_VALUE));
        assertTrue(child.ask("wait " + LENGTH + " 0 1").contains("IndexOutOfBounds"));
        assertEquals("closed", child.ask("close"));
        assertTrue(child.ask("wait 64 0 1").contains("IllegalState"));
        assertTrue(child.ask("wake 64").contains("IllegalState"));
        assertEquals("", child.end());
      }
    }
  }

  /** Two processes on the class path and on the module path. */
  @Nested
  class Processes {
    @Test
    @Tag("required")
    @DisplayName("CH-70 two processes see each other's stores, on the class path")
    @IfThisFails("look at the byte order, the mapping and the flags on the class path")
    void onClassPath() throws IOException {
      exchange(false);
    }

    @Test
    @Tag("required")
    @DisplayName("CH-71 two processes see each other's stores, on the module path")
    @IfThisFails("look at your module's descriptor: what it requires, provides and opens")
    void onModulePath() throws IOException {
      exchange(true);
    }

    private void exchange(boolean onModulePath) throws IOException {
      Channel channel = create("values");
      channel.putLongRelease(LENGTH - 8, 42);
      try (ChildJvm child = child(List.of(), onModulePath, flags(onModulePath))) {
        assertEquals(String.valueOf(onModulePath), child.ask("isModule"));
        assertEquals("usable", child.ask("reason"));
        assertEquals("open", child.ask("open " + directory.resolve("values")));
        assertEquals("42", child.ask("getLong " + (LENGTH - 8)));
        assertEquals("stored", child.ask("putLong " + (LENGTH - 8) + " 43"));
        assertEquals(43, channel.getLongAcquire(LENGTH - 8));
        assertEquals("touched", child.ask("touch"));
        assertEquals("closed", child.ask("close"));
        assertEquals("", child.end(), "the JVM warns of nothing");
      }
    }

    @Test
    @Tag("required")
    @DisplayName("CH-72 without its flags the backend names the missing one, for either path")
    @IfThisFails("look at unavailableReason(): it names the flag for the path that was used")
    void withoutFlags() throws IOException {
      for (boolean onModulePath : new boolean[] {false, true}) {
        try (ChildJvm child = child(List.of(), onModulePath, List.of())) {
          String reason = child.ask("reason");
          if (flags(onModulePath).isEmpty()) {
            assertEquals("usable", reason);
          }
          for (String flag : flags(onModulePath)) {
            assertTrue(reason.contains(flag), reason);
          }
          assertEquals("", child.end());
        }
      }
    }

    @Test
    @Tag("required")
    @DisplayName("CH-73 the provider says its name, rank, version of the interfaces, and limit")
    @IfThisFails("look at what your provider says of itself")
    void provider() {
      assertTrue(provider.name().matches("[a-z0-9-]+"), provider.name());
      assertEquals(1, provider.apiVersion());
      assertTrue(provider.maxLength() >= 1 << 30);
      assertNotNull(provider.unavailableReason());
    }
  }

  private <T extends AutoCloseable> T track(T closeable) {
    opened.push(closeable);
    return closeable;
  }

  private Channel create(String name) {
    SegmentFile file =
        SegmentFile.create(directory.resolve(name), "tck", LENGTH, MODE, LOCK_POSITION, 1);
    return track(provider.map(file, LENGTH, true));
  }

  private Channel open(String name, boolean writable) {
    SegmentFile file = SegmentFile.open(directory.resolve(name), "tck");
    return track(provider.map(file, LENGTH, writable));
  }

  private static FileLock lock(Channel channel, long index) {
    FileLock lock = channel.file().tryLock(LOCK_POSITION + index, 1);
    assertNotNull(lock, "nobody else locks here");
    return lock;
  }

  private static void writeFileThatKnowsItsInode(Path path) throws IOException {
    Files.write(path, new byte[8]);
    long inode = (Long) Files.getAttribute(path, "unix:ino");
    Files.write(path, ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(inode).array());
  }

  /** A second JVM with a file open. */
  private ChildJvm child(String name) throws IOException {
    ChildJvm child = child(List.of(), false, flags(false));
    assertEquals("open", child.ask("open " + directory.resolve(name)));
    return child;
  }

  private ChildJvm nativeChild(boolean onModulePath) throws IOException {
    List<String> flags = new ArrayList<>(flags(onModulePath));
    flags.add(
        "--enable-native-access="
            + (onModulePath
                ? ModuleFinder.of(ChildJvm.location(provider.getClass())).findAll().stream()
                    .map(module -> module.descriptor().name())
                    .collect(Collectors.joining())
                : "ALL-UNNAMED"));
    ChildJvm child = child(List.of(), onModulePath, flags);
    assertEquals("open", child.ask("open " + directory.resolve("values")));
    return child;
  }

  private ChildJvm child(List<String> wrapper, boolean onModulePath, List<String> flags)
      throws IOException {
    List<Class<?>> all = new ArrayList<>(libraries());
    all.add(SegmentFile.class);
    all.add(provider.getClass());
    return ChildJvm.start(wrapper, flags, onModulePath, all, backend(), directory);
  }

  private static boolean runs(List<String> wrapper, String command)
      throws IOException, InterruptedException {
    List<String> all = new ArrayList<>(wrapper);
    all.add(command);
    try {
      return new ProcessBuilder(all)
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start()
              .waitFor()
          == 0;
    } catch (IOException e) {
      return false; // there is no such program
    }
  }
}
