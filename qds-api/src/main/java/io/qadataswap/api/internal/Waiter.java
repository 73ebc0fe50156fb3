package io.qadataswap.api.internal;

import io.qadataswap.api.WaitStrategy;
import io.qadataswap.api.channel.Channel;
import io.qadataswap.api.channel.NamedSemaphore;
import java.util.concurrent.locks.LockSupport;

/**
 * Paces one wait: spins, then yields, then sleeps, as the strategy says. Every sleep is bounded, so
 * a wake-up that got lost with a dying peer costs no more than that. One thread at a time.
 */
public final class Waiter {
  /** What the caller of {@link #pause} does before it pauses again. */
  public enum Advice {
    /** Look again, that is all. */
    LOOK,
    /** This has lasted: also look whether the other side is still there. */
    CHECK_PEERS,
    /** Announce the wait to the other side, look again, and {@link #sleep}. */
    SLEEP
  }

  /** The bound of a sleep from which a peer wakes us. */
  private static final long LONG_SLEEP_NS = 100_000_000;

  /** The bound of a sleep from which nobody wakes us. */
  private static final long SHORT_SLEEP_NS = 1_000_000;

  /** The same when the wait has lasted: waking a thread 1000 times a second costs 5 % of a core. */
  private static final long LASTING_SLEEP_NS = 10_000_000;

  private static final long LASTING_NS = 1_000_000_000;

  private static final long FIRST_SLEEP_NS = 20_000;
  private static final long CHECK_INTERVAL_NS = 100_000_000;

  /** Spins are counted in rounds of this length between looks at the clock. */
  private static final int SPINS_PER_ROUND = 256;

  /** About 50 microseconds: less than a sleep and its wake-up cost. */
  private static final long SPIN_NS = 50_000;

  private static final int YIELDS = 16;

  private final WaitStrategy strategy;
  private final boolean canWake;

  private long startNs;
  private long timeoutNs;
  private long nowNs;
  private long checkedNs;
  private long sleepNs;
  private int spins;
  private int yields;

  /**
   * Creates the pace of one waiting thread at a time.
   *
   * @param strategy how to wait
   * @param canWake whether there is a native wait from which a peer can wake the thread
   */
  public Waiter(WaitStrategy strategy, boolean canWake) {
    this.strategy = strategy;
    this.canWake = canWake;
  }

  /**
   * Begins a wait.
   *
   * @param limitNs longest wait
   */
  public void start(long limitNs) {
    startNs = System.nanoTime();
    nowNs = startNs;
    timeoutNs = limitNs;
    checkedNs = startNs;
    sleepNs = FIRST_SLEEP_NS;
    spins = 0;
    yields = 0;
  }

  /**
   * Returns the time since {@link #start}, as of the last look at the clock.
   *
   * @return nanoseconds
   */
  public long waitedNs() {
    return nowNs - startNs;
  }

  /**
   * Returns whether the time is up.
   *
   * @return whether the wait has lasted as long as it may
   */
  public boolean isOver() {
    return nowNs - startNs >= timeoutNs;
  }

  /**
   * Spins or yields for a moment, or advises to sleep.
   *
   * @return what to do next
   * @throws InterruptedException if the thread is interrupted
   */
  @SuppressWarnings("ThreadPriorityCheck") // yielding is a pause here, nothing depends on it
  public Advice pause() throws InterruptedException {
    if (++spins < SPINS_PER_ROUND) {
      Thread.onSpinWait();
      return Advice.LOOK;
    }
    spins = 0;
    if (Thread.interrupted()) {
      throw new InterruptedException();
    }
    nowNs = System.nanoTime();
    if (strategy == WaitStrategy.BUSY_SPIN) {
      return isCheckDue() ? Advice.CHECK_PEERS : Advice.LOOK;
    }
    if (waitedNs() < SPIN_NS) {
      return Advice.LOOK;
    }
    if (yields < YIELDS) {
      yields++;
      spins = SPINS_PER_ROUND;
      Thread.yield();
      return Advice.LOOK;
    }
    spins = SPINS_PER_ROUND;
    return Advice.SLEEP;
  }

  /**
   * Returns whether peers were not looked at for a while, and notes that they are now.
   *
   * @return whether to look
   */
  public boolean isCheckDue() {
    if (nowNs - checkedNs < CHECK_INTERVAL_NS) {
      return false;
    }
    checkedNs = nowNs;
    return true;
  }

  /**
   * Returns whether a sleep needs to be announced: a peer can then end it.
   *
   * @return whether sleeps are native
   */
  public boolean sleepsUntilWoken() {
    return strategy == WaitStrategy.BLOCKING && canWake;
  }

  /**
   * Sleeps until a word changes, for a bounded time.
   *
   * @param channel of the word
   * @param offset of the word
   * @param expected value to sleep on
   * @param peersCanWake whether everybody who may change the word can wake this thread
   */
  public void sleep(Channel channel, long offset, int expected, boolean peersCanWake) {
    long boundNs = Math.min(leftNs(), peersCanWake ? LONG_SLEEP_NS : unwokenSleepNs());
    if (!sleepsUntilWoken() || !channel.waitWhile(offset, expected, boundNs)) {
      park();
    }
  }

  /**
   * Sleeps until a token of a semaphore can be taken, for a bounded time.
   *
   * @param semaphore to wait for
   * @return whether a token was taken
   */
  public boolean sleep(NamedSemaphore semaphore) {
    if (sleepsUntilWoken() && semaphore.canBlock()) {
      return semaphore.await(Math.min(leftNs(), LONG_SLEEP_NS));
    }
    park();
    return semaphore.tryWait();
  }

  /** Sleeps for a time that grows: nobody will wake this thread. */
  public void park() {
    LockSupport.parkNanos(this, Math.min(leftNs(), sleepNs));
    sleepNs = Math.min(2 * sleepNs, unwokenSleepNs());
  }

  private long leftNs() {
    return timeoutNs - waitedNs();
  }

  private long unwokenSleepNs() {
    return waitedNs() < LASTING_NS ? SHORT_SLEEP_NS : LASTING_SLEEP_NS;
  }
}
