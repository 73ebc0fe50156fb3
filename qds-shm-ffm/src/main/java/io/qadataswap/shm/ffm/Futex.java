package io.qadataswap.shm.ffm;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.ref.Reference;
import java.util.concurrent.TimeUnit;

/**
 * Native waiting on an int of shared memory, and waking. Only where the user has granted native
 * access, so that the JVM never warns, and on Linux.
 *
 * <p>Addresses are passed as plain numbers, not as segments: a segment in a call would keep its
 * arena from being closed meanwhile. The kernel checks them, so a call on memory that was unmapped
 * a moment before fails or wakes nobody, and does no harm.
 */
final class Futex {
  private static final int FUTEX_WAIT = 0;
  private static final int FUTEX_WAKE = 1;

  /** The number of the system call, or -1 where this class does not know it. */
  private static final long FUTEX = futexNumber();

  /** {@code long syscall(long number, ...)} of the C library, or null. */
  private static final MethodHandle SYSCALL = syscall();

  /** Whether there is a native wait. */
  static final boolean AVAILABLE = SYSCALL != null;

  /** Seconds and nanoseconds, for the calling thread alone. */
  private static final ThreadLocal<MemorySegment> TIMESPEC =
      ThreadLocal.withInitial(() -> Arena.ofAuto().allocate(ValueLayout.JAVA_LONG, 2));

  private Futex() {}

  /**
   * Blocks while the word has the value, at most for a time. Returns early without a reason, too:
   * callers look again, so the outcome of the call is of no interest.
   */
  static void waitWhile(long address, int expected, long timeoutNs) {
    MemorySegment timespec = TIMESPEC.get();
    long seconds = TimeUnit.NANOSECONDS.toSeconds(Math.max(0, timeoutNs));
    timespec.setAtIndex(ValueLayout.JAVA_LONG, 0, seconds);
    timespec.setAtIndex(
        ValueLayout.JAVA_LONG, 1, Math.max(0, timeoutNs) - TimeUnit.SECONDS.toNanos(seconds));
    try {
      call(address, FUTEX_WAIT, expected, timespec.address());
    } finally {
      Reference.reachabilityFence(timespec);
    }
  }

  /** Wakes all who wait on the word, in any process. */
  static void wake(long address) {
    call(address, FUTEX_WAKE, Integer.MAX_VALUE, 0);
  }

  private static long call(long address, long operation, long value, long timespec) {
    try {
      return (long) SYSCALL.invokeExact(FUTEX, address, operation, value, timespec);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  private static long futexNumber() {
    if (!System.getProperty("os.name").equals("Linux")) {
      return -1;
    }
    return switch (System.getProperty("os.arch")) {
      case "amd64" -> 202;
      case "aarch64" -> 98;
      default -> -1;
    };
  }

  @SuppressWarnings("restricted") // only where it is granted
  private static MethodHandle syscall() {
    if (FUTEX < 0 || !Futex.class.getModule().isNativeAccessEnabled()) {
      return null;
    }
    Linker linker = Linker.nativeLinker();
    return linker
        .defaultLookup()
        .find("syscall")
        .map(function ->
            linker.downcallHandle(
                function,
                FunctionDescriptor.of(
                    ValueLayout.JAVA_LONG,
                    ValueLayout.JAVA_LONG,
                    ValueLayout.JAVA_LONG,
                    ValueLayout.JAVA_LONG,
                    ValueLayout.JAVA_LONG,
                    ValueLayout.JAVA_LONG),
                Linker.Option.firstVariadicArg(1)))
        .orElse(null);
  }
}
