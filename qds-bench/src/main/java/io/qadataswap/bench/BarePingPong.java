package io.qadataswap.bench;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.file.Path;

/** The limit without a C compiler: as {@code ping-pong} in limits.c, by FFM. */
final class BarePingPong extends PingPong {
  private static final VarHandle LONG = ValueLayout.JAVA_LONG.varHandle();
  private static final int LINE_STRIDE = 128;

  private final MemorySegment memory;
  private final long sendOffset;
  private final long receiveOffset;
  private long last;

  BarePingPong(Path file, int side) throws IOException {
    super(side);
    memory = Mapping.of(file);
    sendOffset = (long) side * LINE_STRIDE;
    receiveOffset = (long) (1 - side) * LINE_STRIDE;
  }

  @Override
  void send(long number) {
    for (int i = 8; i < MESSAGE_LENGTH; i += 8) {
      memory.set(ValueLayout.JAVA_LONG, sendOffset + i, number + i);
    }
    LONG.setRelease(memory, sendOffset, number);
  }

  @Override
  boolean poll() {
    long number = (long) LONG.getAcquire(memory, receiveOffset);
    if (number == last) {
      return false;
    }
    last = number;
    long sum = number;
    for (int i = 8; i < MESSAGE_LENGTH; i += 8) {
      sum += memory.get(ValueLayout.JAVA_LONG, receiveOffset + i);
    }
    received(number, sum);
    return true;
  }

  @Override
  public void close() {
    // the mapping ends with the process
  }
}
