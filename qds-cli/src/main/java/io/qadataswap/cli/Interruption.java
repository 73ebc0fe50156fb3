package io.qadataswap.cli;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.IntSupplier;

/**
 * Ctrl-C and SIGTERM interrupt the thread of the command, which then ends in good order; the JVM
 * waits for it and exits with 128 + the signal's number.
 */
final class Interruption {
  private static final Duration DEFAULT_GRACE = Duration.ofSeconds(10);

  private static final List<Runnable> ACTIONS = new CopyOnWriteArrayList<>();

  private static volatile boolean requested;
  private static volatile Duration grace = DEFAULT_GRACE;

  private Interruption() {}

  /** Runs a command on this thread, and exits. */
  static void runAndExit(IntSupplier command) {
    CountDownLatch finished = new CountDownLatch(1);
    Thread worker = Thread.currentThread();
    Runtime.getRuntime()
        .addShutdownHook(
            new Thread(() -> {
              requested = true;
              ACTIONS.forEach(Runnable::run);
              worker.interrupt();
              awaitQuietly(finished);
            }));
    int exitCode;
    try {
      exitCode = command.getAsInt();
    } finally {
      finished.countDown();
    }
    System.exit(exitCode);
  }

  /** Returns whether the user wants the command to end. Never turns false again. */
  static boolean isRequested() {
    return requested;
  }

  /** Adds what has to be done where an interrupt alone does not end a wait. */
  static void alsoRun(Runnable action) {
    ACTIONS.add(action);
  }

  /** Takes an action back that {@link #alsoRun} has added. */
  static void noLongerRun(Runnable action) {
    ACTIONS.remove(action);
  }

  /** Lets the command's orderly end take this long, beside what it needs anyway. */
  static void allow(Duration orderlyEnd) {
    grace = DEFAULT_GRACE.plus(orderlyEnd);
  }

  private static void awaitQuietly(CountDownLatch finished) {
    try {
      // The bound is for a command that hangs in a write to a pipe which nobody reads.
      if (!finished.await(grace.toMillis(), TimeUnit.MILLISECONDS)) {
        Main.printError("gave up waiting for the orderly end");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
