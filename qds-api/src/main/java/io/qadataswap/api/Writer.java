package io.qadataswap.api;

import io.qadataswap.api.codec.Codec;
import io.qadataswap.api.codec.Encoder;
import io.qadataswap.api.layout.RingWriter;
import java.time.Duration;

/**
 * The writing end of a channel.
 *
 * <p>Threads: used by one thread at a time; it may be handed over between calls. A second thread
 * that comes while a call is under way, or while a claim is open, is refused with {@link
 * IllegalStateException}. {@link #stats()} and {@link #close()} may be called from any thread.
 *
 * <p>Blocking: {@link #write(Object)}, {@link #write(Object, Duration)} and {@link #claim} wait for
 * readers when the channel is full and its policy is {@link OverflowPolicy#BLOCK}; a closed writer
 * and an interrupt end the wait.
 *
 * <p>A write that does not happen says why: false for a time-out, else a {@link QdsException} with
 * reason {@code MESSAGE_TOO_LARGE}, {@code NO_ROOM}, {@code READER_HOLDS_LOANS}, {@code REPLACED},
 * {@code LOCK_LOST}, {@code CORRUPT} or {@code CLOSED}. Nothing is published then.
 *
 * {@snippet file="io/qadataswap/api/example/Examples.java" region="writer" id="snippet-writer"}
 *
 * @param <T> the type of the values
 */
public final class Writer<T> implements AutoCloseable {
  private static final long FOR_EVER = Long.MAX_VALUE;

  private final String name;
  private final RingWriter ring;
  private final Encoder<T> encoder;
  private final UseGuard guard;
  private final Claim claim = new Claim(this);
  private final CloseReminder reminder;

  Writer(String name, RingWriter ring, Codec<T> codec) {
    this.name = name;
    this.ring = ring;
    this.guard = new UseGuard("writer", name, ring::interruptWait, this::closeNow);
    this.encoder = codec.newEncoder(name);
    this.reminder = new CloseReminder(this, "writer of channel " + name);
  }

  /**
   * Returns the channel's name.
   *
   * @return the name
   */
  public String name() {
    return name;
  }

  /**
   * Writes a value with tag 0; waits for room as long as it takes.
   *
   * @param value to write; not kept
   * @return the message's sequence
   * @throws InterruptedException if the thread was interrupted while it waited; nothing was written
   */
  public long write(T value) throws InterruptedException {
    return write(value, 0);
  }

  /**
   * Writes a value; waits for room as long as it takes.
   *
   * @param value to write; not kept
   * @param tag travels with the message
   * @return the message's sequence
   * @throws InterruptedException if the thread was interrupted while it waited; nothing was written
   */
  public long write(T value, long tag) throws InterruptedException {
    return writeWithin(value, tag, FOR_EVER);
  }

  /**
   * Writes a value with tag 0; waits for room for a limited time.
   *
   * @param value to write; not kept
   * @param timeout longest wait
   * @return whether it was written
   * @throws InterruptedException if the thread was interrupted while it waited; nothing was written
   */
  public boolean write(T value, Duration timeout) throws InterruptedException {
    return write(value, 0, timeout);
  }

  /**
   * Writes a value; waits for room for a limited time.
   *
   * @param value to write; not kept
   * @param tag travels with the message
   * @param timeout longest wait
   * @return whether it was written
   * @throws InterruptedException if the thread was interrupted while it waited; nothing was written
   */
  public boolean write(T value, long tag, Duration timeout) throws InterruptedException {
    return writeWithin(value, tag, toNs(timeout)) >= 0;
  }

  /**
   * Writes a value with tag 0 if there is room now. Does not block.
   *
   * @param value to write; not kept
   * @return whether it was written
   */
  public boolean tryWrite(T value) {
    return tryWrite(value, 0);
  }

  /**
   * Writes a value if there is room now. Does not block.
   *
   * @param value to write; not kept
   * @param tag travels with the message
   * @return whether it was written
   */
  public boolean tryWrite(T value, long tag) {
    try {
      return writeWithin(value, tag, 0) >= 0;
    } catch (InterruptedException e) {
      throw new AssertionError("a claim that does not wait was interrupted", e);
    }
  }

  /**
   * Claims memory of the channel to be filled in place; waits for room as long as it takes. The
   * writer is in use until the claim ends.
   *
   * @param maxLength most bytes that the message will have
   * @return the open claim; the same object for every claim of this writer
   * @throws InterruptedException if the thread was interrupted while it waited
   */
  public Claim claim(long maxLength) throws InterruptedException {
    return claimWithin(maxLength, FOR_EVER);
  }

  /**
   * Claims memory of the channel to be filled in place; waits for room for a limited time.
   *
   * @param maxLength most bytes that the message will have
   * @param timeout longest wait; zero does not wait
   * @return the open claim, or null after the time-out
   * @throws InterruptedException if the thread was interrupted while it waited
   */
  public Claim claim(long maxLength, Duration timeout) throws InterruptedException {
    return claimWithin(maxLength, toNs(timeout));
  }

  /**
   * Claims memory of the channel to be filled in place, if there is room now. Does not block.
   *
   * @param maxLength most bytes that the message will have
   * @return the open claim, or null
   */
  public Claim tryClaim(long maxLength) {
    try {
      return claimWithin(maxLength, 0);
    } catch (InterruptedException e) {
      throw new AssertionError("a claim that does not wait was interrupted", e);
    }
  }

  /**
   * Returns counters. May be called from any thread, also while a call is under way.
   *
   * @return a snapshot
   * @throws QdsException with reason {@code CLOSED} after {@link #close()}
   */
  public WriterStats stats() {
    return guard.whileOpen(ring::stats);
  }

  /**
   * Ends the stream: readers get what was written, then the end. May be called from any thread; a
   * blocked call ends with reason {@code CLOSED}. An open claim of this thread is aborted; one of
   * another thread ends when that thread commits (which is refused) or aborts it, and the channel
   * is left then. Idempotent.
   */
  @Override
  public void close() {
    reminder.closed();
    boolean ownClaim = guard.isUsedByCurrentThread() && guard.isHeld();
    guard.close();
    if (ownClaim) {
      claim.abort();
    }
  }

  RingWriter ring() {
    return ring;
  }

  boolean isUsedByCurrentThread() {
    return guard.isUsedByCurrentThread();
  }

  long commitClaim(long length, long tag) {
    try {
      try {
        claim.end(true);
        if (guard.isCloseRequested()) {
          ring.abort();
          throw guard.closedException();
        }
        return ring.commit(length, tag);
      } finally {
        guard.exitHeld();
      }
    } catch (InternalError e) {
      guard.exitHeldLate();
      throw Failures.cutShort(name, e);
    }
  }

  void abortClaim() {
    try {
      try {
        claim.end(false);
        ring.abort();
      } finally {
        guard.exitHeld();
      }
    } catch (InternalError e) {
      guard.exitHeldLate();
      throw Failures.cutShort(name, e);
    }
  }

  private Claim claimWithin(long maxLength, long timeoutNs) throws InterruptedException {
    if (maxLength < 0) {
      throw new IllegalArgumentException(
          "channel=" + name + " maxLength=" + maxLength + " allowed=0 or more");
    }
    boolean claimed = false;
    try {
      guard.enter();
      try {
        claimed = ring.claim(maxLength, timeoutNs);
        if (claimed) {
          claim.open();
        }
      } finally {
        if (claimed) {
          guard.hold();
        } else {
          guard.exit();
        }
      }
      return claimed ? claim : null;
    } catch (InternalError e) {
      if (claimed) {
        guard.exitHeldLate();
      } else {
        guard.exitLate();
      }
      throw Failures.cutShort(name, e);
    }
  }

  /** Returns the sequence, or -1 after the time-out. */
  private long writeWithin(T value, long tag, long timeoutNs) throws InterruptedException {
    try {
      guard.enter();
      try {
        return encodeAndCommit(value, tag, timeoutNs);
      } finally {
        guard.exit();
      }
    } catch (InternalError e) {
      guard.exitLate();
      throw Failures.cutShort(name, e);
    }
  }

  private long encodeAndCommit(T value, long tag, long timeoutNs) throws InterruptedException {
    long length = encoder.measure(value);
    if (!ring.claim(length, timeoutNs)) {
      return -1;
    }
    boolean encoded = false;
    long used = 0;
    try {
      used = encoder.encode(value, ring.region());
      if (used < 0 || used > length) {
        throw new IllegalStateException(
            "channel="
                + name
                + " encoded length="
                + used
                + " allowed=0 to the measured "
                + length
                + "; the codec is at fault");
      }
      encoded = true;
    } finally {
      if (!encoded) {
        ring.abort();
      }
    }
    return ring.commit(used, tag);
  }

  private void closeNow() {
    try {
      ring.close();
    } catch (InternalError e) {
      throw Failures.cutShort(name, e);
    } finally {
      encoder.close();
    }
  }

  static long toNs(Duration timeout) {
    if (timeout.isNegative()) {
      throw new IllegalArgumentException("timeout=" + timeout + " allowed=zero or more");
    }
    return timeout.compareTo(Duration.ofNanos(FOR_EVER)) >= 0 ? FOR_EVER : timeout.toNanos();
  }
}
