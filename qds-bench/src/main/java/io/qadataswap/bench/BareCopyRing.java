package io.qadataswap.bench;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.file.Path;

/** The limit without a C compiler: as {@code copy-ring} in limits.c, by FFM. */
final class BareCopyRing implements Side {
  private static final VarHandle LONG = ValueLayout.JAVA_LONG.varHandle();
  private static final long WRITTEN_OFFSET = 0;
  private static final long READ_OFFSET = 128;
  private static final long HEADER_LENGTH = 4096;

  private final MemorySegment memory;
  private final MemorySegment source;
  private final int side;
  private final int length;
  private final int slotCount;
  private final Spin spin = new Spin();
  private long next = 1;
  private long sum;

  BareCopyRing(Path file, int side, int length, int slotCount) throws IOException {
    memory = Mapping.of(file);
    this.side = side;
    this.length = length;
    this.slotCount = slotCount;
    source = Arena.global().allocate(side == 0 ? length : Long.BYTES, 64);
    source.fill((byte) 1);
  }

  @Override
  public String run(long count) {
    long startNs = System.nanoTime();
    long last = next + count - 1;
    for (; next <= last; next++) {
      if (side == 0) {
        write();
      } else {
        read();
      }
    }
    if (side == 1) {
      return "sum=" + sum;
    }
    await(READ_OFFSET, last);
    double durationS = (System.nanoTime() - startNs) / 1e9;
    return "bytes_per_s=" + count * (double) length / durationS;
  }

  private void write() {
    await(READ_OFFSET, next - slotCount);
    MemorySegment.copy(source, 0, memory, slotOffset(), length);
    LONG.setRelease(memory, WRITTEN_OFFSET, next);
  }

  private void read() {
    await(WRITTEN_OFFSET, next);
    sum += Column.sum(memory, slotOffset(), length / Column.ROW_LENGTH);
    LONG.setRelease(memory, READ_OFFSET, next);
  }

  private long slotOffset() {
    return HEADER_LENGTH + next % slotCount * length;
  }

  private void await(long offset, long least) {
    while ((long) LONG.getAcquire(memory, offset) < least) {
      spin.turn();
    }
    spin.reset();
  }

  @Override
  public void close() {
    // the mapping ends with the process
  }
}
