package io.qadataswap.api;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;

/**
 * Keeps a writer or reader to one thread at a time, and its closing out of the way of the call that
 * is under way.
 *
 * <p>Entering is a compare-and-set, so that two threads are never inside together. A closer stores
 * its request and then moves IDLE to CLOSED, by itself or when the call that is inside has left: a
 * compare-and-set lets exactly one thread run the close action. A closer normally waits for that,
 * so leaving needs no fence. It does not wait while the use is HELD between two calls (by an open
 * claim), which may last: leaving then stores IDLE with a full fence before it looks for a request,
 * as the closer does the other way round, so that at least one of them sees the other.
 *
 * <p>The error of a file that was cut short may come late (on JDK 17, or from compiled code),
 * between any two instructions, also those of a finally block. Whoever enters therefore catches it
 * once more around all of that, and leaves by {@link #exitLate} or {@link #exitHeldLate}: the state
 * tells whether this thread is still inside. Without it a closer would wait for ever.
 */
final class UseGuard {
  private static final long IDLE = 0;
  private static final long BUSY = 1;
  private static final long HELD = 2;
  private static final long CLOSED = 3;
  private static final long KIND_MASK = 3;
  private static final int KIND_BITS = 2;
  private static final long CLOSE_POLL_NS = 50_000;

  private static final VarHandle STATE;

  static {
    try {
      STATE = MethodHandles.lookup().findVarHandle(UseGuard.class, "state", long.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private final String channelName;
  private final String owner;
  private final Runnable wakeAction;
  private final Runnable closeAction;

  /**
   * One of the four kinds, and above it, unless IDLE, the id of the thread that stored it. An id
   * and not the thread: storing a reference costs the garbage collector's barrier, which may hold a
   * full fence.
   */
  private volatile long state;

  private volatile boolean closeRequested;
  private volatile boolean closeDone;

  /**
   * Creates the guard of a writer or reader that is open.
   *
   * @param role what is guarded, for messages
   * @param channelName for messages
   * @param wakeAction ends a wait of the call that is under way; repeated, since it may be just
   *     about to begin
   * @param closeAction runs once
   */
  UseGuard(String role, String channelName, Runnable wakeAction, Runnable closeAction) {
    this.channelName = channelName;
    this.owner = role + " of channel " + channelName;
    this.wakeAction = wakeAction;
    this.closeAction = closeAction;
  }

  void enter() {
    if (closeRequested || !STATE.compareAndSet(this, IDLE, mine(BUSY))) {
      throw refusal();
    }
  }

  /** Leaves a call that a closer waits for, see {@link #close}. */
  void exit() {
    STATE.setRelease(this, IDLE);
    if (closeRequested) {
      closeIfIdle();
    }
  }

  /** Leaves a call, but stays in use until {@link #exitHeld}: no closer waits for that. */
  void hold() {
    STATE.setRelease(this, mine(HELD));
  }

  /** Ends what {@link #hold} began. Nobody waits for it, so one of the two must see the other. */
  void exitHeld() {
    STATE.setVolatile(this, IDLE);
    if (closeRequested) {
      closeIfIdle();
    }
  }

  /** Leaves the call that {@link #enter} began, unless that was done. */
  void exitLate() {
    if (state == mine(BUSY)) {
      exit();
    }
  }

  /** Ends the use that {@link #hold} began or was about to begin, unless that was done. */
  void exitHeldLate() {
    if (isUsedByCurrentThread()) {
      exitHeld();
    }
  }

  boolean isCloseRequested() {
    return closeRequested;
  }

  boolean isHeld() {
    return (state & KIND_MASK) == HELD;
  }

  boolean isUsedByCurrentThread() {
    long now = state;
    return now == mine(BUSY) || now == mine(HELD);
  }

  private static long mine(long kind) {
    return Thread.currentThread().getId() << KIND_BITS | kind;
  }

  /** Does what any thread may do at any time, unless it is closed. */
  <S> S whileOpen(Supplier<S> work) {
    if (closeRequested) {
      throw closedException();
    }
    try {
      return work.get();
    } catch (IllegalStateException e) {
      // closed by another thread meanwhile
      throw closeRequested ? closedException() : e;
    } catch (InternalError e) {
      throw Failures.cutShort(channelName, e);
    }
  }

  /**
   * Asks for the close, and waits until the call that is under way has left and the close action
   * ran, unless that call is of this thread or leaves the use held.
   *
   * @throws QdsException if the file was found cut short; it is closed all the same
   */
  void close() {
    try {
      closeAndWait();
    } catch (InternalError e) {
      // It came late, before the waiting was over.
      closeAndWait();
      throw Failures.cutShort(channelName, e);
    }
  }

  private void closeAndWait() {
    closeRequested = true;
    wake();
    if (isUsedByCurrentThread()) {
      return;
    }
    closeIfIdle();
    while (!closeDone && !isHeld() && !isUsedByCurrentThread()) {
      LockSupport.parkNanos(this, CLOSE_POLL_NS);
      closeIfIdle();
      if (!closeDone) {
        wake();
      }
    }
  }

  private void wake() {
    try {
      wakeAction.run();
    } catch (InternalError e) {
      // The file was cut short: the call that waits finds that out by itself.
    }
  }

  /** Runs the close action unless a call is under way, which then does it when it leaves. */
  private void closeIfIdle() {
    try {
      if (STATE.compareAndSet(this, IDLE, mine(CLOSED))) {
        try {
          closeAction.run();
        } finally {
          closeDone = true;
        }
      }
    } catch (InternalError e) {
      // Late, perhaps before the inner block began or ended.
      if (state == mine(CLOSED)) {
        closeDone = true;
      }
      throw e;
    }
  }

  QdsException closedException() {
    return new QdsException(
        QdsException.Reason.CLOSED, owner + " is closed: open a new one to go on");
  }

  private RuntimeException refusal() {
    if (closeRequested) {
      return closedException();
    }
    long otherId = state >>> KIND_BITS;
    if (otherId == Thread.currentThread().getId()) {
      return new IllegalStateException(
          owner + " is in use by this thread already: end the open claim or call first");
    }
    return new IllegalStateException(
        owner
            + " is used by one thread at a time: thread="
            + Thread.currentThread().getName()
            + " came while thread id="
            + otherId
            + " was inside; hand it over after the call, or open one for each thread");
  }
}
