package io.qadataswap.bench;

import java.util.ArrayDeque;
import java.util.Deque;

/** Closes all the processes of a scenario. */
final class SidesList implements AutoCloseable {
  private final Deque<Sides> list = new ArrayDeque<>();

  Sides add(Sides sides) {
    list.push(sides);
    return sides;
  }

  @Override
  public void close() {
    list.forEach(Sides::close);
  }
}
