package io.qadataswap.api.internal.qads1;

import io.qadataswap.api.channel.Channel;
import io.qadataswap.api.channel.SegmentFile;
import java.lang.invoke.VarHandle;
import java.nio.channels.FileLock;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;

/**
 * The turn to take messages and to give tokens back: at most one participant of QDS has it, on one
 * thread. It is a lock on one byte of the file, but who has had it several times in a row without
 * anybody between becomes its <em>owner</em>, and from then on takes it without a system call, by
 * two stores and a fence. Whoever else wants it locks the byte, ends the ownership, and waits until
 * the owner is not in its turn.
 *
 * <p>No compare-and-set on the mapping: where the file was cut short that can end the JVM. The
 * handshake of owner and others is Dekker's: each stores, fences, and then looks at what the other
 * stores. What an owner stores is one word, so nobody becomes owner while another, who was it, may
 * still believe that he is, and store there: until then he is the word's <em>bearer</em>.
 *
 * <p>Any thread may call. Nothing here waits for longer than it was told to.
 */
final class Turn {
  private static final int NONE = TurnDescriptor.NONE;
  private static final int SPINS = 100;
  private static final long POLL_NS = 20_000;

  /** Turns in a row that make an owner: so many that readers who compete do not end it at once. */
  private static final int TURNS_TO_OWN = 16;

  private final Channel channel;
  private final SegmentFile file;
  private final long ownerOffset;
  private final long busyOffset;
  private final long lastOffset;
  private final long bearerOffset;

  /** How the words name this participant; {@link #NONE} for a writer, which never owns the turn. */
  private final int me;

  /** Whether a thread of this participant is in the turn that it owns, or about to be. */
  private final AtomicBoolean taken = new AtomicBoolean();

  /** Whether this participant owned the turn when it was last in it. */
  private volatile boolean owner;

  /** Until the first turn, what the words say of this participant is of one that died before. */
  private volatile boolean fresh = true;

  /** That of the turn, unless it is an owner's. */
  private volatile FileLock lock;

  private int turnsInARow;

  /**
   * Creates the turn as one participant sees it.
   *
   * @param channel that is mapped
   * @param bufferCount of the channel
   * @param place of the reader, or -1 for a writer
   */
  Turn(Channel channel, int bufferCount, int place) {
    this.channel = channel;
    this.file = channel.file();
    long offset = HeaderDescriptor.turnOffset(bufferCount);
    this.ownerOffset = offset + TurnDescriptor.OWNER_OFFSET;
    this.busyOffset = offset + TurnDescriptor.BUSY_OFFSET;
    this.lastOffset = offset + TurnDescriptor.LAST_OFFSET;
    this.bearerOffset = offset + TurnDescriptor.BEARER_OFFSET;
    this.me = place + 1;
  }

  /**
   * Tries to get the turn, for as long as it may take.
   *
   * @param patienceNs how long to try
   * @return whether the caller has it, and has to {@link #end} it
   */
  boolean tryTake(long patienceNs) {
    if (tryTake()) {
      return true;
    }
    long startNs = System.nanoTime();
    for (int attempt = 1; System.nanoTime() - startNs < patienceNs; attempt++) {
      if (attempt < SPINS) {
        Thread.onSpinWait();
      } else {
        LockSupport.parkNanos(POLL_NS);
      }
      if (tryTake()) {
        return true;
      }
    }
    return false;
  }

  /**
   * Tries once to get the turn. Who is refused can rely on somebody who has the turn now, or tries
   * for it, looking afterwards for what is to be done.
   *
   * @return whether the caller has it, and has to {@link #end} it
   */
  boolean tryTake() {
    if (!owner) {
      return tryTakeByLock();
    }
    if (!taken.compareAndSet(false, true)) {
      return false;
    }
    boolean mine = false;
    try {
      // Once more: another thread may have been told meanwhile that the ownership is over.
      mine = owner && tryTakeAsOwner();
    } finally {
      if (!mine) {
        taken.set(false);
      }
    }
    return mine || tryTakeByLock();
  }

  private boolean tryTakeAsOwner() {
    channel.putInt(busyOffset, me);
    // SYNC POINT: ownership. Who locks the byte stores NONE here, fences, and looks who is busy.
    VarHandle.fullFence();
    if (channel.getIntAcquire(ownerOffset) == me) {
      return true;
    }
    owner = false;
    channel.putIntRelease(busyOffset, NONE);
    // SYNC POINT: bearer. Who becomes owner finds no bearer, and so the word as it is from here on.
    channel.putIntRelease(bearerOffset, NONE);
    return false;
  }

  private boolean tryTakeByLock() {
    while (true) {
      FileLock found = file.tryLock(HeaderDescriptor.TURN_LOCK_POSITION, 1);
      if (found == null) {
        return false;
      }
      boolean idle = false;
      try {
        channel.putInt(ownerOffset, NONE);
        // SYNC POINT: ownership. The owner says that it is busy, fences, and looks if it is owner.
        VarHandle.fullFence();
        idle = isIdle();
      } finally {
        if (!idle) {
          SegmentFile.release(found);
        }
      }
      if (idle) {
        if (fresh && channel.getInt(bearerOffset) == me) {
          channel.putInt(bearerOffset, NONE);
        }
        fresh = false;
        lock = found;
        return true;
      }
      // Who was owner looks for what others have left to it when it is busy no more. If that was
      // while the byte was locked here, it was in vain.
      VarHandle.fullFence();
      if (channel.getIntAcquire(busyOffset) != NONE) {
        return false;
      }
    }
  }

  /** Returns whether no former owner is in its turn. The caller has locked the byte. */
  private boolean isIdle() {
    int busy = channel.getIntAcquire(busyOffset);
    boolean left = busy == me ? fresh : !isAlive(busy);
    if (busy != NONE && left) {
      channel.putIntRelease(busyOffset, NONE);
    }
    return busy == NONE || left;
  }

  private boolean isAlive(int reader) {
    return reader > NONE
        && reader <= BufferState.MAX_READER_COUNT
        && file.isLocked(HeaderDescriptor.READER_LOCKS_POSITION + reader - 1);
  }

  /**
   * Takes the turn of one who has the bytes of all participants locked, so that nobody else is
   * there but threads of this one.
   *
   * @return whether the caller has it, and has to {@link #end} it
   */
  boolean tryTakeAlone() {
    if (!taken.compareAndSet(false, true)) {
      return false;
    }
    channel.putInt(ownerOffset, NONE);
    channel.putInt(busyOffset, NONE);
    channel.putInt(bearerOffset, NONE);
    return true;
  }

  /** Ends the turn. The caller then fences and looks for what others have left to it. */
  void end() {
    FileLock held = lock;
    if (held == null) {
      try {
        channel.putIntRelease(busyOffset, NONE);
      } finally {
        taken.set(false);
      }
      return;
    }
    lock = null;
    try {
      ownAfterSomeTurns();
    } finally {
      SegmentFile.release(held);
    }
  }

  private void ownAfterSomeTurns() {
    if (me == NONE) {
      channel.putInt(lastOffset, NONE);
    } else if (channel.getInt(lastOffset) != me) {
      channel.putInt(lastOffset, me);
      turnsInARow = 1;
    } else if (++turnsInARow >= TURNS_TO_OWN) {
      if (mayBear()) {
        channel.putInt(bearerOffset, me);
        channel.putInt(ownerOffset, me);
        owner = true;
      }
      turnsInARow = 1;
    }
  }

  /** Returns whether nobody who lives may still believe that he is the owner. */
  private boolean mayBear() {
    // SYNC POINT: bearer. Who was owner stores NONE after all that it stores where busy is.
    int bearer = channel.getIntAcquire(bearerOffset);
    return bearer == NONE || bearer == me || !isAlive(bearer);
  }
}
