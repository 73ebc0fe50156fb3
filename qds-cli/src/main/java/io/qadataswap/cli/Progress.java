package io.qadataswap.cli;

import java.util.function.Supplier;

/**
 * One line on the terminal that tells how far a command is. Shows nothing where standard error is
 * not a terminal.
 */
final class Progress implements AutoCloseable {
  private static final long INTERVAL_NS = 100_000_000;

  private final boolean shown;
  private long lastNs = System.nanoTime() - INTERVAL_NS;
  private int lastLength;

  Progress(boolean wanted) {
    // The launcher knows; Java can only ask for standard input and output together.
    this.shown = wanted && Boolean.getBoolean("qds.terminal");
  }

  boolean isShown() {
    return shown;
  }

  void show(Supplier<String> text) {
    long nowNs = System.nanoTime();
    if (shown && nowNs - lastNs >= INTERVAL_NS) {
      lastNs = nowNs;
      print(text.get());
    }
  }

  @Override
  public void close() {
    clear();
  }

  /** Clears the line, so that something else can be printed. */
  void clear() {
    if (lastLength > 0) {
      print("");
      lastLength = 0;
    }
  }

  private void print(String text) {
    String padding = " ".repeat(Math.max(0, lastLength - text.length()));
    System.err.print("\r" + text + padding + "\r" + text);
    System.err.flush();
    lastLength = text.length();
  }
}
