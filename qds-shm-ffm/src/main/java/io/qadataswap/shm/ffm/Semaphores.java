package io.qadataswap.shm.ffm;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;
import java.util.concurrent.TimeUnit;

/**
 * The native calls of {@link PosixSemaphores}: {@code semaphore.h} of the C library. Linked only
 * where the user has granted native access, so that the JVM never warns.
 */
@SuppressWarnings("restricted") // only where it is granted
final class Semaphores {
  static final int NO_SUCH_FILE = 2;
  static final int FILE_EXISTS = 17;

  /** {@code O_CREAT | O_EXCL} of Linux. */
  static final int CREATE_NEW = 0100 | 0200;

  private static final int CLOCK_MONOTONIC = 1;

  /** Nobody waits so long in one call; a sum with the clock cannot overflow. */
  private static final long MAX_WAIT_NS = TimeUnit.DAYS.toNanos(1);

  /** That of {@code sem_t} on Linux; nothing but the C library looks into it. */
  static final long LENGTH = 32;

  private static final StructLayout CALL_STATE = Linker.Option.captureStateLayout();
  private static final VarHandle ERRNO =
      CALL_STATE.varHandle(MemoryLayout.PathElement.groupElement("errno"));
  private static final ThreadLocal<MemorySegment> STATE =
      ThreadLocal.withInitial(() -> Arena.ofAuto().allocate(CALL_STATE));
  private static final ThreadLocal<MemorySegment> TIMESPEC =
      ThreadLocal.withInitial(() -> Arena.ofAuto().allocate(ValueLayout.JAVA_LONG, 2));

  private static final Linker.Option CAPTURE = Linker.Option.captureCallState("errno");
  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
  private static final MemoryLayout POINTER = ValueLayout.ADDRESS;

  private static final MethodHandle OPEN =
      link(
          "sem_open",
          FunctionDescriptor.of(ValueLayout.JAVA_LONG, POINTER, INT, INT, INT),
          CAPTURE,
          Linker.Option.firstVariadicArg(2));
  private static final MethodHandle UNLINK =
      link("sem_unlink", FunctionDescriptor.of(INT, POINTER), CAPTURE);
  private static final MethodHandle CLOSE = link("sem_close", FunctionDescriptor.of(INT, POINTER));
  private static final MethodHandle TRY_WAIT =
      link("sem_trywait", FunctionDescriptor.of(INT, POINTER));
  private static final MethodHandle POST =
      link("sem_post", FunctionDescriptor.of(INT, POINTER), CAPTURE);
  private static final MethodHandle VALUE =
      link("sem_getvalue", FunctionDescriptor.of(INT, POINTER, POINTER));
  private static final MethodHandle STRERROR =
      link("strerror", FunctionDescriptor.of(ValueLayout.ADDRESS, INT));

  /** Since glibc 2.30; elsewhere waits are short sleeps. */
  private static final MethodHandle CLOCK_WAIT =
      link("sem_clockwait", FunctionDescriptor.of(INT, POINTER, INT, POINTER));

  /** Whether there are semaphores. */
  static final boolean AVAILABLE =
      OPEN != null
          && UNLINK != null
          && CLOSE != null
          && TRY_WAIT != null
          && POST != null
          && VALUE != null
          && STRERROR != null;

  /** Whether a thread can wait for a token in the kernel, on the monotonic clock. */
  static final boolean CAN_WAIT = CLOCK_WAIT != null;

  private Semaphores() {}

  /**
   * What {@code sem_open} returned.
   *
   * @param address of the semaphore
   * @param error 0, or the error number
   */
  record Opened(long address, int error) {}

  static Opened open(String name, int flags, int mode, int value) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = STATE.get();
      long address = (long) OPEN.invokeExact(state, arena.allocateFrom(name), flags, mode, value);
      return new Opened(address, address == 0 ? errno(state) : 0);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** Returns the semaphore at an address, which is closed together with an arena. */
  static MemorySegment at(long address, Arena arena) {
    return MemorySegment.ofAddress(address).reinterpret(LENGTH, arena, Semaphores::close);
  }

  private static void close(MemorySegment semaphore) {
    try {
      int _ = (int) CLOSE.invokeExact(semaphore);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** Returns 0, or the error number. */
  static int unlink(String name) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = STATE.get();
      return (int) UNLINK.invokeExact(state, arena.allocateFrom(name)) == 0 ? 0 : errno(state);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  static boolean tryWait(MemorySegment semaphore) {
    try {
      return (int) TRY_WAIT.invokeExact(semaphore) == 0;
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** Waits for a token, at most for a time; a signal ends the wait early, too. */
  static boolean await(MemorySegment semaphore, long timeoutNs) {
    // The JVM's nanoTime is this clock on Linux.
    long deadlineNs = System.nanoTime() + Math.clamp(timeoutNs, 0, MAX_WAIT_NS);
    long seconds = TimeUnit.NANOSECONDS.toSeconds(deadlineNs);
    MemorySegment timespec = TIMESPEC.get();
    timespec.setAtIndex(ValueLayout.JAVA_LONG, 0, seconds);
    timespec.setAtIndex(ValueLayout.JAVA_LONG, 1, deadlineNs - TimeUnit.SECONDS.toNanos(seconds));
    try {
      return (int) CLOCK_WAIT.invokeExact(semaphore, CLOCK_MONOTONIC, timespec) == 0;
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** Returns 0, or the error number. */
  static int post(MemorySegment semaphore) {
    MemorySegment state = STATE.get();
    try {
      return (int) POST.invokeExact(state, semaphore) == 0 ? 0 : errno(state);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  static void value(MemorySegment semaphore, MemorySegment value) {
    try {
      int _ = (int) VALUE.invokeExact(semaphore, value);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  static String describe(int error) {
    try {
      MemorySegment text = (MemorySegment) STRERROR.invokeExact(error);
      return text.reinterpret(Long.MAX_VALUE).getString(0);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  private static int errno(MemorySegment state) {
    return (int) ERRNO.get(state, 0L);
  }

  private static RuntimeException unexpected(Throwable failure) {
    if (failure instanceof RuntimeException e) {
      return e;
    }
    if (failure instanceof Error e) {
      throw e;
    }
    return new IllegalStateException(failure);
  }

  /** Returns null if the C library has no such function. */
  private static MethodHandle link(String name, FunctionDescriptor type, Linker.Option... options) {
    Linker linker = Linker.nativeLinker();
    return linker
        .defaultLookup()
        .find(name)
        .map(function -> linker.downcallHandle(function, type, options))
        .orElse(null);
  }
}
