package io.qadataswap.api.internal.qds1;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * A number that one thread at a time changes and any thread reads, without a locked instruction.
 */
final class Counter {
  private static final VarHandle VALUE;

  static {
    try {
      VALUE = MethodHandles.lookup().findVarHandle(Counter.class, "value", long.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  @SuppressWarnings("unused") // through VALUE
  private long value;

  /** Adds and returns the new value. */
  long add(long count) {
    long sum = (long) VALUE.get(this) + count;
    VALUE.setRelease(this, sum);
    return sum;
  }

  long get() {
    return (long) VALUE.getAcquire(this);
  }
}
