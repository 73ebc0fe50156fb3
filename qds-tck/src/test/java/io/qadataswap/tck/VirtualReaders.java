package io.qadataswap.tck;

import io.qadataswap.api.Claim;
import io.qadataswap.api.Message;
import io.qadataswap.api.Qds;
import io.qadataswap.api.Reader;
import io.qadataswap.api.ReaderMode;
import io.qadataswap.api.Region;
import io.qadataswap.api.Writer;
import io.qadataswap.api.codec.RegionCodec;
import java.io.IOException;
import java.lang.reflect.Method;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;

/**
 * The program of {@link VirtualThreadsTest}: many readers in virtual threads, and the writers of
 * their channels in threads of the platform. Compiled for a Java that has no virtual threads yet.
 */
final class VirtualReaders {
  private static final int CHANNEL_COUNT = 4;
  private static final int READERS_PER_CHANNEL = 250;
  private static final int MESSAGE_COUNT = 100;
  private static final int SAMPLE_COUNT = 2_000;

  /** What {@code /proc/self/task/TID/syscall} begins with in a native wait of this project. */
  private static final List<String> NATIVE_WAITS = List.of("202 ", "98 ");

  private final String backend;
  private final Path directory;
  private final CountDownLatch opened = new CountDownLatch(CHANNEL_COUNT * READERS_PER_CHANNEL);
  private int carrierSampleCount;
  private int nativeWaitCount;

  private VirtualReaders(String backend, Path directory) {
    this.backend = backend;
    this.directory = directory;
  }

  /**
   * Prints what came of it.
   *
   * @param args name of the backend, directory of the channels
   */
  public static void main(String[] args) {
    try {
      System.out.println(new VirtualReaders(args[0], Path.of(args[1])).run());
    } catch (Exception e) {
      System.out.println(e);
      System.exit(1);
    }
  }

  private String run() throws Exception {
    // The method is newer than the Java version that this is compiled for.
    Method startVirtualThread = Thread.class.getMethod("startVirtualThread", Runnable.class);
    List<Writer<Region>> writers = new ArrayList<>();
    List<FutureTask<Integer>> readers = new ArrayList<>();
    for (int channel = 0; channel < CHANNEL_COUNT; channel++) {
      String name = RingFixture.NAME + channel;
      // Writers wait for lossless readers; observers are never lapped.
      boolean lossless = channel % 2 == 0;
      writers.add(
          Qds.writer(name, RegionCodec.instance())
              .directory(directory)
              .backend(backend)
              .capacity(16 << 20)
              .messageSlots(lossless ? 16 : 2 * MESSAGE_COUNT)
              .readerEntries(READERS_PER_CHANNEL)
              .open());
      for (int i = 0; i < READERS_PER_CHANNEL; i++) {
        ReaderMode mode = lossless ? ReaderMode.LOSSLESS : ReaderMode.OBSERVER;
        FutureTask<Integer> reader = new FutureTask<>(() -> readToEnd(name, mode));
        readers.add(reader);
        startVirtualThread.invoke(null, reader);
      }
    }
    opened.await();
    sampleCarriers();
    List<RingFixture.Task<Void>> writing = new ArrayList<>();
    for (Writer<Region> writer : writers) {
      writing.add(new RingFixture.Task<>("writer of " + writer.name(), () -> write(writer)));
    }
    for (RingFixture.Task<Void> task : writing) {
      task.get();
    }
    int least = Integer.MAX_VALUE;
    for (FutureTask<Integer> reader : readers) {
      least = Math.min(least, reader.get());
    }
    return String.join(
        " ",
        readers.size() + " readers got " + least + " of " + MESSAGE_COUNT,
        carrierSampleCount > 0 ? "samples" : "no samples",
        "in native waits " + nativeWaitCount);
  }

  private int readToEnd(String name, ReaderMode mode) throws InterruptedException {
    int count = 0;
    try (Reader<Region> reader =
        Qds.reader(name, RegionCodec.instance())
            .directory(directory)
            .backend(backend)
            .mode(mode)
            .open()) {
      opened.countDown();
      for (Message<Region> message = reader.read(); message != null; message = reader.read()) {
        if (message.sequence() != count) {
          throw new AssertionError(message.sequence() + " instead of " + count);
        }
        Payloads.checkSelfDescribed(message);
        message.close();
        count++;
      }
    }
    return count;
  }

  private static Void write(Writer<Region> writer) throws InterruptedException {
    try (writer) {
      for (int i = 0; i < MESSAGE_COUNT; i++) {
        int length = Payloads.lengthOf(i);
        Claim claim = writer.claim(length);
        Payloads.fill(claim.region(), i, length);
        claim.commit(length, i);
      }
    }
    return null;
  }

  /** Looks what the carriers do while all readers wait, as far as the kernel tells. */
  private void sampleCarriers() throws IOException {
    for (int i = 0; i < SAMPLE_COUNT; i++) {
      try (DirectoryStream<Path> threads = Files.newDirectoryStream(Path.of("/proc/self/task"))) {
        for (Path thread : threads) {
          sample(thread);
        }
      }
    }
  }

  private void sample(Path thread) {
    try {
      if (Files.readString(thread.resolve("comm")).startsWith("ForkJoinPool")) {
        String call = Files.readString(thread.resolve("syscall"));
        carrierSampleCount++;
        // Threads of the platform park by the private kind of the system call.
        boolean waits = NATIVE_WAITS.stream().anyMatch(call::startsWith);
        if (waits && Long.decode(call.split(" ", -1)[2]) == 0) {
          nativeWaitCount++;
        }
      }
    } catch (IOException e) {
      // It has ended, or the kernel does not tell.
    }
  }
}
