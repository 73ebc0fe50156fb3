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
 */
final class UseGuard {
  private static final int IDLE = 0;
  private static final int BUSY = 1;
  private static final int HELD = 2;
  private static final int CLOSED = 3;
  private static final long CLOSE_POLL_NS = 50_000;

  private static final VarHandle STATE;
  private static final VarHandle USER_ID;

  static {
    try {
      MethodHandles.Lookup lookup = MethodHandles.lookup();
      STATE = lookup.findVarHandle(UseGuard.class, "state", int.class);
      USER_ID = lookup.findVarHandle(UseGuard.class, "userId", long.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private final String channelName;
  private final String owner;
  private final Runnable wakeAction;
  private final Runnable closeAction;
  private volatile int state;
  private volatile boolean closeRequested;
  private volatile boolean closeDone;

  /**
   * The id of the thread that is inside; 0 for none. An id and not the thread: storing a reference
   * costs the garbage collector's barrier, which may hold a full fence.
   */
  private volatile long userId;

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
    try {
      if (closeRequested || !STATE.compareAndSet(this, IDLE, BUSY)) {
        throw refusal();
      }
      USER_ID.setOpaque(this, Thread.currentThread().getId());
      return;
    } catch (InternalError e) {
      if (userId == 0 || isUsedByCurrentThread()) {
        leaveAgain();
      }
      throw e;
    }
  }

  /** Leaves a call that a closer waits for, see {@link #close}. */
  void exit() {
    try {
      USER_ID.setOpaque(this, 0L);
      STATE.setRelease(this, IDLE);
      if (closeRequested) {
        closeIfIdle();
      }
    } catch (InternalError e) {
      leaveAgain();
      throw e;
    }
  }

  /** Leaves a call, but stays in use until {@link #exitHeld}: no closer waits for that. */
  void hold() {
    STATE.setRelease(this, HELD);
  }

  /** Ends what {@link #hold} began. Nobody waits for it, so one of the two must see the other. */
  void exitHeld() {
    USER_ID.setOpaque(this, 0L);
    STATE.setVolatile(this, IDLE);
    if (closeRequested) {
      closeIfIdle();
    }
  }

  boolean isCloseRequested() {
    return closeRequested;
  }

  boolean isHeld() {
    return state == HELD;
  }

  boolean isUsedByCurrentThread() {
    return userId == Thread.currentThread().getId();
  }

  /**
   * Leaves after the error of a file that was cut short has come late, here of all places, as it
   * may on JDK 17: a closer would wait for ever.
   */
  private void leaveAgain() {
    USER_ID.setOpaque(this, 0L);
    STATE.compareAndSet(this, BUSY, IDLE);
    if (closeRequested) {
      closeIfIdle();
    }
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
   */
  void close() {
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
    boolean closing = false;
    try {
      closing = STATE.compareAndSet(this, IDLE, CLOSED);
      if (closing) {
        closeAction.run();
      }
    } catch (InternalError e) {
      // As in leaveAgain: it may have come before we knew that we are the one to close.
      closing |= state == CLOSED;
      throw e;
    } finally {
      if (closing) {
        closeDone = true;
      }
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
    long otherId = userId;
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
