package io.qadataswap.api.internal.qds1;

import io.qadataswap.api.ReaderOptions;
import io.qadataswap.api.layout.Loan;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * A reader that the writer waits for: its cursor protects every message from the oldest open one
 * on.
 *
 * <p>Loans are released in any order and by any thread. A release marks its message and then tries
 * to become the one that advances the cursor over all marked messages; who finds somebody at it may
 * leave, because that one looks again after he has finished.
 */
final class LosslessReader extends Qds1Reader {
  private static final VarHandle MARKS = MethodHandles.arrayElementVarHandle(byte[].class);
  private static final VarHandle ADVANCING;
  private static final VarHandle CURSOR;

  private static final byte RELEASED = 1;

  /** The handle of loans that hold nothing: their message was copied. */
  private static final long COPIED = -1;

  static {
    try {
      MethodHandles.Lookup lookup = MethodHandles.lookup();
      ADVANCING = lookup.findVarHandle(LosslessReader.class, "advancingId", long.class);
      CURSOR = lookup.findVarHandle(LosslessReader.class, "cursor", long.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  /** By slot: whether the loan of a message at or after the cursor was released. */
  private final byte[] marks;

  private final int mask;

  /** The id of the thread that advances the cursor, 0 for none. */
  private volatile long advancingId;

  /** Written by the one that advances, by release; a volatile store would cost a fence. */
  private volatile long cursor;

  private volatile boolean leaving;
  private boolean lingering;

  /** The messages that the pins keep while this reader lingers. */
  private final long[] pinned = new long[ReaderEntryDescriptor.PIN_COUNT];

  private int pinnedCount;
  private volatile boolean left;

  LosslessReader(Attachment attachment, ReaderOptions options) {
    super(attachment, options);
    this.marks = new byte[geometry.slotCount()];
    this.mask = geometry.slotCount() - 1;
    this.cursor = attachment.startSequence();
  }

  @Override
  boolean take(Loan loan) {
    long sequence = next();
    // SYNC POINT: stamp. With it the descriptor and the payload are there, and stay: the cursor
    // protects them.
    if (segment.stampAcquire(sequence) != sequence + 1) {
      return false;
    }
    requireAttached();
    readDescriptor(sequence);
    if (!isDescriptorSound()) {
      passOver(sequence);
      throw unsoundDescriptor(sequence);
    }
    if (copying) {
      lendCopy(loan, copyPayload(), sequence, COPIED);
      markReleased(sequence);
    } else {
      lend(loan, sequence, 0);
    }
    return true;
  }

  @Override
  boolean mayBeGone(long sequence) {
    return false;
  }

  @Override
  void passOver(long sequence) {
    setNext(sequence + 1);
    markReleased(sequence);
  }

  @Override
  public void release(Loan loan) {
    if (loan.handle() != COPIED) {
      markReleased(loan.sequence());
    }
  }

  @Override
  int openLoanCount() {
    int count = 0;
    long end = next();
    for (long sequence = cursor; sequence < end; sequence++) {
      if (!isReleased(sequence)) {
        count++;
      }
    }
    return count;
  }

  @Override
  void leaveWhenUnused() {
    try {
      leaving = true;
      advanceForSure();
    } catch (InternalError e) {
      letGoLate();
      throw e;
    }
  }

  private void markReleased(long sequence) {
    try {
      markAndAdvance(sequence);
    } catch (InternalError e) {
      letGoLate();
      throw e;
    }
  }

  /**
   * Lets others advance after the error of a file that was cut short, which may come late (on JDK
   * 17, or from compiled code) between any two instructions, also those of a finally block.
   */
  private void letGoLate() {
    if (advancingId == Thread.currentThread().getId()) {
      ADVANCING.setRelease(this, 0L);
    }
  }

  private boolean tryAdvancing() {
    return ADVANCING.compareAndSet(this, 0L, Thread.currentThread().getId());
  }

  private void markAndAdvance(long sequence) {
    if (!tryAdvancing()) {
      MARKS.setVolatile(marks, (int) sequence & mask, RELEASED);
      if (leaving) {
        // Whoever is at it looks for the oldest mark again, but not for the pins of younger ones.
        advanceForSure();
      } else {
        advance();
      }
      return;
    }
    MARKS.set(marks, (int) sequence & mask, RELEASED);
    advanceAndLetGo();
  }

  private boolean isReleased(long sequence) {
    return (byte) MARKS.getVolatile(marks, (int) sequence & mask) == RELEASED;
  }

  private void advance() {
    if (tryAdvancing()) {
      advanceAndLetGo();
    }
  }

  private void advanceForSure() {
    while (!tryAdvancing()) {
      Thread.onSpinWait();
    }
    advanceAndLetGo();
  }

  /** Advances, lets others do so, then looks for marks of those who came meanwhile. */
  private void advanceAndLetGo() {
    boolean more;
    do {
      try {
        advanceAlone();
      } finally {
        ADVANCING.setRelease(this, 0L);
      }
      // Between letting go and the look for marks, and between the cursor and the look at whether
      // the writer waits.
      VarHandle.fullFence();
      if (left) {
        return;
      }
      long oldest = cursor;
      more = oldest < next() && isReleased(oldest) && tryAdvancing();
    } while (more);
    wakeWriter();
  }

  private void wakeWriter() {
    try {
      segment.wakeWriterIfWaiting();
    } catch (IllegalStateException e) {
      // Another thread has released the last loan meanwhile and left; that woke the writer.
      if (!left) {
        throw e;
      }
    }
  }

  private void advanceAlone() {
    if (left) {
      return;
    }
    long sequence = cursor;
    long end = next();
    while (sequence < end && isReleased(sequence)) {
      MARKS.set(marks, (int) sequence & mask, (byte) 0);
      sequence++;
    }
    boolean advanced = sequence != cursor;
    CURSOR.setRelease(this, sequence);
    if (leaving && sequence == end) {
      left = true;
      leaveNow(sequence);
      return;
    }
    if (advanced && !lingering && isAttached()) {
      // SYNC POINT: cursor. What this reader did with the messages below is done.
      channel.putLongRelease(entryOffset + ReaderEntryDescriptor.CURSOR_OFFSET, sequence);
    }
    if (leaving && isAttached()) {
      linger(sequence, end);
    }
  }

  /**
   * Keeps what is still on loan by pins instead of the cursor, so that the writer no longer waits
   * for this reader. With more loans than pins the cursor stays until some are released.
   */
  private void linger(long from, long end) {
    if (!lingering) {
      int count = 0;
      for (long sequence = from; sequence < end; sequence++) {
        if (!isReleased(sequence)) {
          if (count == ReaderEntryDescriptor.PIN_COUNT) {
            return;
          }
          pinned[count++] = sequence;
        }
      }
      pinnedCount = count;
      replaceCursorByPins(end);
    }
    for (int pin = 0; pin < pinnedCount; pin++) {
      if (pinned[pin] < from || isReleased(pinned[pin])) {
        // SYNC POINT: pin. What this reader did with the payload is done.
        channel.putLongRelease(pinOffset(pin), 0);
      }
    }
  }

  private void replaceCursorByPins(long end) {
    lingering = true;
    for (int pin = 0; pin < pinnedCount; pin++) {
      readDescriptor(pinned[pin]);
      channel.putLongRelease(
          pinOffset(pin), ReaderEntryDescriptor.pin(payloadOffset, payloadLength));
    }
    long leftCursor = entryOffset + ReaderEntryDescriptor.LEFT_CURSOR_OFFSET;
    channel.putLongRelease(leftCursor, Math.max(end, channel.getLong(leftCursor)));
    // SYNC POINT: reader state. Who sees it sees the pins.
    channel.putIntRelease(
        entryOffset + ReaderEntryDescriptor.STATE_OFFSET,
        ReaderEntryDescriptor.stateWord(
            ReaderEntryDescriptor.LINGERING, ReaderEntryDescriptor.MODE_LOSSLESS));
  }
}
