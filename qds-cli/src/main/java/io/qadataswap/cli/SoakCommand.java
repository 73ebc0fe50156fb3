package io.qadataswap.cli;

import io.qadataswap.api.OverflowPolicy;
import io.qadataswap.api.PluginInfo;
import io.qadataswap.api.Qds;
import io.qadataswap.api.QdsException;
import io.qadataswap.api.Reader;
import io.qadataswap.api.ReaderMode;
import io.qadataswap.api.Region;
import io.qadataswap.api.Writer;
import io.qadataswap.api.codec.RegionCodec;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Runs channels under load for a time, and watches that nothing leaks. */
@Command(
    name = "soak",
    description = {
      "Writes to two channels without a pause (one waits for its readers, one drops the oldest"
          + " messages) while readers of all kinds come and go, are stopped and killed, in JVMs of"
          + " their own and in this one. Every word of every message is checked. Every ten seconds"
          + " a line says what there was, and what this JVM holds.",
      "Exit code 0: all messages were right, and memory, file descriptors, threads and files stayed"
          + " as they were."
    },
    mixinStandardHelpOptions = true)
final class SoakCommand implements Callable<Integer> {
  private static final String CHANNEL_PREFIX = "qds-soak-";
  private static final int CHILD_COUNT = 4;
  private static final Duration SAMPLE_INTERVAL = Duration.ofSeconds(1);
  private static final int SAMPLES_PER_LINE = 10;
  private static final int LONGEST_LIFE_MS = 4_000;
  private static final int LONGEST_STOP_MS = 2_000;

  @Option(
      names = "--minutes",
      paramLabel = "N",
      defaultValue = "1",
      description = "How long. Default: ${DEFAULT-VALUE}.")
  private int minutes;

  @Option(
      names = "--seconds",
      paramLabel = "N",
      defaultValue = "0",
      description = "How long, instead of --minutes.")
  private int seconds;

  @Mixin private ChannelOptions channels;

  private final AtomicLong checkedCount = new AtomicLong();
  private final AtomicLong readerCount = new AtomicLong();
  private final AtomicLong stoppedCount = new AtomicLong();
  private final AtomicLong killedCount = new AtomicLong();
  private final List<SoakSample> samples = new ArrayList<>();
  private volatile boolean over;
  private Path directory;
  private String prefix;
  private List<String> backends;

  @Override
  public Integer call() throws IOException, InterruptedException {
    if (minutes < 1 && seconds < 1) {
      throw new ToolException("--minutes=" + minutes + " allowed=1 or more");
    }
    long durationNs = TimeUnit.SECONDS.toNanos(seconds > 0 ? seconds : 60L * minutes);
    directory = channels.directory();
    prefix = CHANNEL_PREFIX + ProcessHandle.current().pid();
    backends =
        Qds.backends().stream()
            .filter(plugin -> plugin.unavailableReason().isEmpty())
            .map(PluginInfo::name)
            .toList();
    try {
      run(durationNs);
    } finally {
      for (OverflowPolicy policy : OverflowPolicy.values()) {
        // Its readers have gone, so what is left was not read by the last of them.
        channels.find(channel(policy)).ifPresent(left -> channels.remove(left.name(), false));
      }
    }
    List<String> left = files();
    if (!left.isEmpty()) {
      throw new ToolException("files are left in " + directory + ": " + left);
    }
    SoakSample.requireFlat(samples);
    System.out.println("All messages were right, and nothing has grown.");
    return ExitCode.OK;
  }

  private String channel(OverflowPolicy policy) {
    return prefix + (policy == OverflowPolicy.BLOCK ? "-block" : "-drop");
  }

  private void run(long durationNs) throws IOException, InterruptedException {
    List<Future<Void>> readers = new ArrayList<>();
    List<Future<Void>> writers = new ArrayList<>();
    try (ExecutorService executor = Executors.newCachedThreadPool();
        Writer<Region> blocking = openWriter(OverflowPolicy.BLOCK);
        Writer<Region> dropping = openWriter(OverflowPolicy.DROP_OLDEST)) {
      try {
        writers.add(executor.submit(() -> write(blocking)));
        writers.add(executor.submit(() -> write(dropping)));
        for (int i = 0; i <= CHILD_COUNT; i++) {
          Random random = new Random(i);
          Callable<Void> life = i < CHILD_COUNT ? () -> runChild(random) : () -> readHere(random);
          readers.add(executor.submit(() -> repeat(life)));
        }
        List<Future<Void>> all = new ArrayList<>(writers);
        all.addAll(readers);
        watch(durationNs, blocking, dropping, all);
        over = true;
        requireAll(readers);
        print(blocking, dropping);
      } finally {
        over = true;
        readers.forEach(reader -> reader.cancel(true));
      }
    }
    // One that waited for room has ended now.
    requireAll(writers);
  }

  private static void requireAll(List<Future<Void>> tasks) throws InterruptedException {
    for (Future<Void> task : tasks) {
      require(task);
    }
  }

  private Writer<Region> openWriter(OverflowPolicy policy) {
    return Qds.writer(channel(policy), RegionCodec.instance())
        .directory(directory)
        .overflow(policy)
        .capacity(4L << 20)
        .label("qds soak")
        .open();
  }

  /** Samples until the time is over, or something went wrong. */
  private void watch(
      long durationNs, Writer<Region> blocking, Writer<Region> dropping, List<Future<Void>> tasks)
      throws IOException, InterruptedException {
    long startNs = System.nanoTime();
    for (int i = 1; System.nanoTime() - startNs < durationNs; i++) {
      Thread.sleep(SAMPLE_INTERVAL.toMillis());
      samples.add(SoakSample.take(files().size()));
      if (i % SAMPLES_PER_LINE == 0) {
        print(blocking, dropping);
      }
      for (Future<Void> task : tasks) {
        if (task.isDone()) {
          require(task);
        }
      }
    }
  }

  private void print(Writer<Region> blocking, Writer<Region> dropping) {
    System.out.printf(
        Locale.ROOT,
        "%s written, %s read and checked; %s, %d stopped, %d killed; %s%n",
        Units.count(blocking.stats().nextSequence() + dropping.stats().nextSequence(), "message"),
        Units.count(checkedCount.get()),
        Units.count(readerCount.get(), "reader"),
        stoppedCount.get(),
        killedCount.get(),
        samples.isEmpty() ? "" : samples.get(samples.size() - 1));
  }

  private static void require(Future<Void> task) throws InterruptedException {
    try {
      task.get();
    } catch (ExecutionException e) {
      throw e.getCause() instanceof ToolException failure
          ? failure
          : new ToolException("failed: " + e.getCause(), e.getCause());
    }
  }

  private Void write(Writer<Region> writer) throws InterruptedException {
    try {
      while (!over) {
        SoakMessages.write(writer);
      }
    } catch (QdsException e) {
      // It waited for a lossless reader; there is none any more.
      if (!over || e.reason() != QdsException.Reason.CLOSED) {
        throw e;
      }
    }
    return null;
  }

  private Void repeat(Callable<Void> life) throws Exception {
    while (!over) {
      life.call();
    }
    return null;
  }

  /** Lossless readers can attach where the writer waits. */
  private static OverflowPolicy policy(Random random) {
    return random.nextInt(3) == 0 ? OverflowPolicy.DROP_OLDEST : OverflowPolicy.BLOCK;
  }

  private static ReaderMode mode(OverflowPolicy policy, Random random) {
    return policy == OverflowPolicy.BLOCK && random.nextInt(3) > 0
        ? ReaderMode.LOSSLESS
        : ReaderMode.OBSERVER;
  }

  private String backend(Random random) {
    return backends.get(random.nextInt(backends.size()));
  }

  /** One reader in this JVM: attaches, reads for a while, is closed by another thread. */
  @SuppressWarnings("try") // closing it there, while it reads, is what this is for
  private Void readHere(Random random) throws Exception {
    OverflowPolicy policy = policy(random);
    readerCount.incrementAndGet();
    try (Reader<Region> reader =
        Qds.reader(channel(policy), RegionCodec.instance())
            .directory(directory)
            .backend(backend(random))
            .mode(mode(policy, random))
            .open()) {
      Thread closer =
          new Thread(
              () -> {
                try {
                  Thread.sleep(random.nextInt(200));
                } catch (InterruptedException e) {
                  // Then it closes at once.
                }
                reader.close();
              },
              "closer");
      closer.start();
      checkedCount.addAndGet(SoakReaderCommand.readToEnd(reader));
      closer.join();
    }
    return null;
  }

  /** One reader in a JVM of its own: it leaves, or is stopped and goes on, or is killed. */
  private Void runChild(Random random) throws IOException, InterruptedException {
    OverflowPolicy policy = policy(random);
    List<String> arguments =
        List.of(
            "soak-reader",
            "--channel",
            channel(policy),
            "--dir",
            directory.toString(),
            "--backend",
            backend(random),
            "--mode",
            mode(policy, random).name());
    readerCount.incrementAndGet();
    try (ChildJvm child = ChildJvm.start(arguments);
        BufferedReader output = child.output()) {
      boolean attached = output.readLine() != null;
      live(random);
      if (attached && !over && random.nextInt(3) == 0) {
        stoppedCount.incrementAndGet();
        signal("STOP", child);
        Thread.sleep(random.nextInt(LONGEST_STOP_MS));
        if (random.nextBoolean()) {
          signal("CONT", child);
          live(random);
        }
      }
      if (!over && random.nextInt(3) == 0) {
        killedCount.incrementAndGet();
        child.process().destroyForcibly();
        child.await();
        return null;
      }
      signal("CONT", child);
      child.closeInput();
      String count = output.readLine();
      if (child.await() != ExitCode.OK || count == null) {
        throw new ToolException(
            child.await(), "a reader failed: " + String.join(" ", arguments), null);
      }
      checkedCount.addAndGet(Long.parseLong(count));
    }
    return null;
  }

  private void live(Random random) throws InterruptedException {
    long endNs = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(random.nextInt(LONGEST_LIFE_MS));
    while (!over && System.nanoTime() < endNs) {
      Thread.sleep(10);
    }
  }

  private static void signal(String name, ChildJvm child) throws IOException, InterruptedException {
    new ProcessBuilder("kill", "-" + name, Long.toString(child.process().pid())).start().waitFor();
  }

  private List<String> files() throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(name -> name.contains(prefix))
          .toList();
    }
  }
}
