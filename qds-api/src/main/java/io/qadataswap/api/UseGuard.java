package io.qadataswap.api;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.locks.LockSupport;

/**
 * Keeps a writer or reader to one thread at a time, and its closing out of the way of the call that
 * is under way.
 *
 * <p>Entering is a compare-and-set, so that two threads are never inside together. Leaving stores
 * IDLE and then looks for a close request; a closer stores the request and then tries to move IDLE
 * to CLOSED. Both are volatile, so at least one of them sees the other, and the compare-and-set
 * lets exactly one of them run the close action.
 */
final class UseGuard {
  private static final int IDLE = 0;
  private static final int BUSY = 1;
  private static final int CLOSED = 2;
  private static final long CLOSE_POLL_NS = 50_000;

  private static final VarHandle STATE;

  static {
    try {
      STATE = MethodHandles.lookup().findVarHandle(UseGuard.class, "state", int.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private final String owner;
  private final Runnable closeAction;
  private volatile int state;
  private volatile boolean closeRequested;
  private volatile boolean closeDone;
  private Thread user;

  UseGuard(String owner, Runnable closeAction) {
    this.owner = owner;
    this.closeAction = closeAction;
  }

  void enter() {
    if (closeRequested || !STATE.compareAndSet(this, IDLE, BUSY)) {
      throw refusal();
    }
    user = Thread.currentThread();
  }

  void exit() {
    user = null;
    STATE.setVolatile(this, IDLE);
    if (closeRequested) {
      closeIfIdle();
    }
  }

  boolean isCloseRequested() {
    return closeRequested;
  }

  boolean isUsedByCurrentThread() {
    return user == Thread.currentThread();
  }

  /** Asks for the close. Returns whether this call is the first to do so. */
  boolean requestClose() {
    boolean first = !closeRequested;
    closeRequested = true;
    return first;
  }

  /** Runs the close action unless a call is under way, which then does it when it leaves. */
  void closeIfIdle() {
    if (STATE.compareAndSet(this, IDLE, CLOSED)) {
      try {
        closeAction.run();
      } finally {
        closeDone = true;
      }
    }
  }

  /** Waits until the call that is under way has left and the close action ran. */
  void awaitClosed() {
    while (!closeDone && !isUsedByCurrentThread()) {
      LockSupport.parkNanos(this, CLOSE_POLL_NS);
      closeIfIdle();
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
    Thread other = user;
    if (other == Thread.currentThread()) {
      return new IllegalStateException(
          owner + " is in use by this thread already: end the open claim or call first");
    }
    return new IllegalStateException(
        owner
            + " is used by one thread at a time: thread="
            + Thread.currentThread().getName()
            + " came while thread="
            + (other == null ? "unknown" : other.getName())
            + " was inside; hand it over after the call, or open one for each thread");
  }
}
