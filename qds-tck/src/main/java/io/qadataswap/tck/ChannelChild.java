package io.qadataswap.tck;

import io.qadataswap.api.QdsException;
import io.qadataswap.api.Unavailability;
import io.qadataswap.api.channel.Channel;
import io.qadataswap.api.channel.ChannelProvider;
import io.qadataswap.api.channel.SegmentFile;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.ServiceLoader;
import java.util.concurrent.FutureTask;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The other process of {@link ChannelTck}: does what it reads from standard input, line by line,
 * and answers each command with one line. Started with the backend's name; uses nothing of JUnit.
 */
final class ChannelChild {
  private static final long LOCK_POSITION = 1L << 62;
  private static final byte NEVER_STORED = 99;
  private static final long CUT_LENGTH = 128 << 10;
  private static final long CUT_OFFSET = CUT_LENGTH / 2;

  /** Enough for each compiler to have compiled the loop and what it calls. */
  private static final long CUT_AFTER = 60_000;

  private final ChannelProvider provider;
  private final List<FileLock> locks = new ArrayList<>();
  private Channel channel;
  private volatile long progress;
  private volatile Throwable failure;

  private ChannelChild(ChannelProvider provider) {
    this.provider = provider;
  }

  /**
   * Runs until standard input ends.
   *
   * @param args name of the backend
   * @throws IOException if standard input fails
   */
  public static void main(String[] args) throws IOException {
    ChannelProvider provider =
        ServiceLoader.load(ChannelProvider.class).stream()
            .map(ServiceLoader.Provider::get)
            .filter(p -> p.name().equals(args[0]))
            .findFirst()
            .orElseThrow();
    ChannelChild child = new ChannelChild(provider);
    BufferedReader commands =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = commands.readLine(); line != null; line = commands.readLine()) {
      System.out.println(child.answer(line.split(" ")));
    }
  }

  private String answer(String[] words) {
    try {
      return String.valueOf(result(words));
    } catch (QdsException e) {
      return e.reason().name();
    } catch (Exception e) {
      return e.toString();
    }
  }

  private Object result(String[] words) throws Exception {
    return switch (words[0]) {
      case "reason" -> provider.unavailableReason().map(Unavailability::text).orElse("usable");
      case "isModule" -> provider.getClass().getModule().isNamed();
      case "create" -> create(Path.of(words[1]), number(words[2])).path();
      case "list" -> list(Path.of(words[1]));
      case "open" -> open(Path.of(words[1]));
      case "getLong" -> channel.getLongAcquire(number(words[1]));
      case "putLong" -> {
        channel.putLongRelease(number(words[1]), number(words[2]));
        yield "stored";
      }
      case "touch" -> {
        for (Access access : Access.values()) {
          access.on(channel, 0);
        }
        yield "touched";
      }
      case "lock" -> {
        FileLock lock = channel.file().tryLock(number(words[1]), number(words[2]));
        if (lock != null) {
          locks.add(lock); // one that is collected as garbage is forgotten
        }
        yield lock != null;
      }
      case "release" -> {
        locks.forEach(SegmentFile::release);
        locks.clear();
        yield "released";
      }
      case "isLocked" -> channel.isLocked(number(words[1]));
      case "canWake" -> channel.canWake();
      case "wait" -> waitWhile(words);
      case "waitVirtually" -> {
        FutureTask<Boolean> task = new FutureTask<>(() -> waitWhile(words));
        // The method is newer than the Java version that this is compiled for.
        Thread.class.getMethod("startVirtualThread", Runnable.class).invoke(null, task);
        yield task.get();
      }
      case "wake" -> {
        channel.wake(number(words[1]));
        yield "woken";
      }
      case "cut" -> cut(Access.valueOf(words[1]), Path.of(words[2]));
      case "close" -> {
        channel.close();
        yield "closed";
      }
      default -> throw new IllegalArgumentException(words[0]);
    };
  }

  private static SegmentFile create(Path path, long length) {
    return SegmentFile.create(
        path, "tck", length, PosixFilePermissions.fromString("rw-------"), LOCK_POSITION, 1);
  }

  private String open(Path path) throws IOException {
    SegmentFile file = SegmentFile.open(path, "tck");
    channel = provider.map(file, file.length(), true);
    return "open";
  }

  private static String list(Path directory) throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files.map(f -> f.getFileName().toString()).collect(Collectors.joining(" "));
    }
  }

  private boolean waitWhile(String[] words) {
    return channel.waitWhile(number(words[1]), Math.toIntExact(number(words[2])), number(words[3]));
  }

  /** Takes the second half of a file away while another thread works there. */
  private String cut(Access access, Path path) throws Exception {
    SegmentFile file = create(path, CUT_LENGTH);
    channel = provider.map(file, CUT_LENGTH, true);
    progress = 0;
    failure = null;
    Thread thread = new Thread(() -> touchUntilFailure(access));
    // Compiled code can leave a second error behind, which comes in the handler of the first.
    thread.setUncaughtExceptionHandler((ended, e) -> failure = e);
    thread.start();
    while (progress < CUT_AFTER && thread.isAlive()) {
      Thread.onSpinWait();
    }
    file.call(c -> c.truncate(CUT_OFFSET));
    while (thread.isAlive()) {
      // On JDK 17 the error of a compiled loop comes when the JVM stops the thread for something.
      thread.getStackTrace();
    }
    channel.close();
    Files.delete(path);
    return failure == null ? "nothing" : failure.getClass().getSimpleName();
  }

  private void touchUntilFailure(Access access) {
    try {
      for (long i = 0; true; i++) {
        long value = access.on(channel, CUT_OFFSET + (i & 63) * 8);
        // depends on the value, so that no compiler leaves the access out
        progress = value == NEVER_STORED ? 0 : i;
      }
    } catch (Throwable e) {
      failure = e;
    }
  }

  private static long number(String word) {
    return Long.parseLong(word);
  }
}
