package io.qadataswap.api.internal;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * A number that one thread at a time changes and any thread reads, without a locked instruction.
 */
public final class Counter {
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

  /** Begins at zero. */
  public Counter() {}

  /**
   * Adds, by the thread that counts.
   *
   * @param count to add
   * @return the new value
   */
  public long add(long count) {
    long sum = (long) VALUE.get(this) + count;
    VALUE.setRelease(this, sum);
    return sum;
  }

  /**
   * Reads the value.
   *
   * @return the value now
   */
  public long get() {
    return (long) VALUE.getAcquire(this);
  }
}
