package io.qadataswap.api.internal.qds1;

import io.qadataswap.api.ReaderOptions;
import io.qadataswap.api.channel.Memory;
import io.qadataswap.api.layout.Loan;
import java.lang.invoke.VarHandle;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A reader that never holds the writer's sequence back. It protects each open message by a pin;
 * when the writer laps it, it skips forward and counts what it lost.
 */
final class ObserverReader extends Qds1Reader {
  /** The handle of loans that hold nothing: their message was copied. */
  private static final long COPIED = -1;

  /** Loans that are open, plus one until this reader is closed. The last one leaves. */
  private final AtomicInteger users = new AtomicInteger(1);

  ObserverReader(Attachment attachment, ReaderOptions options) {
    super(attachment, options);
  }

  @Override
  boolean take(Loan loan) {
    while (true) {
      long sequence = next();
      // SYNC POINT: stamp. With it the descriptor is there; whether it stays, the floor tells.
      if (segment.stampAcquire(sequence) != sequence + 1) {
        if (!skipIfLapped(sequence)) {
          return false;
        }
        continue;
      }
      requireAttached();
      readDescriptor(sequence);
      if (!isDescriptorSound()) {
        // Torn because it is being rewritten, or damaged.
        VarHandle.acquireFence();
        if (skipIfLapped(sequence)) {
          continue;
        }
        passOver(sequence);
        throw unsoundDescriptor(sequence);
      }
      if (copying ? takeCopy(loan, sequence) : takePinned(loan, sequence)) {
        users.incrementAndGet();
        channel.putLongRelease(entryOffset + ReaderEntryDescriptor.CURSOR_OFFSET, sequence + 1);
        return true;
      }
    }
  }

  @Override
  boolean mayBeGone(long sequence) {
    return segment.floorAcquire() > sequence;
  }

  @Override
  void passOver(long sequence) {
    setNext(sequence + 1);
    channel.putLongRelease(entryOffset + ReaderEntryDescriptor.CURSOR_OFFSET, sequence + 1);
  }

  @Override
  public void release(Loan loan) {
    long pin = loan.handle();
    try {
      if (pin != COPIED) {
        clearPin((int) pin);
      }
    } finally {
      leaveIfUnused();
    }
  }

  @Override
  int openLoanCount() {
    return users.get() - 1;
  }

  @Override
  void leaveWhenUnused() {
    leaveIfUnused();
  }

  private void leaveIfUnused() {
    if (users.decrementAndGet() == 0) {
      leaveNow(next());
    }
  }

  /** Lends in place under a pin; false if the writer came first, after skipping forward. */
  private boolean takePinned(Loan loan, long sequence) {
    int pin = freePin();
    if (pin < 0) {
      return takeCopy(loan, sequence);
    }
    channel.putLongRelease(pinOffset(pin), ReaderEntryDescriptor.pin(payloadOffset, payloadLength));
    // SYNC POINT: floor. The writer stores the floor, fences, and reads the pins.
    VarHandle.fullFence();
    if (skipIfLapped(sequence)) {
      clearPin(pin);
      return false;
    }
    lend(loan, sequence, pin);
    return true;
  }

  /** Lends a private copy; false if the writer came meanwhile, after skipping forward. */
  private boolean takeCopy(Loan loan, long sequence) {
    Memory copy = copyPayload();
    // SYNC POINT: floor. The copy is whole if the floor has not passed it by now.
    VarHandle.acquireFence();
    if (skipIfLapped(sequence)) {
      return false;
    }
    lendCopy(loan, copy, sequence, COPIED);
    return true;
  }

  /**
   * Skips forward if the message's memory is no longer guaranteed: not to the floor, where it would
   * be overtaken again at once, but a quarter of the way from there to the newest message.
   */
  private boolean skipIfLapped(long sequence) {
    long floor = segment.floorAcquire();
    if (floor <= sequence) {
      return false;
    }
    segment.requireSoundCounters();
    long target = floor + Math.max(0, segment.publishedAcquire() - floor) / 4;
    countLost(target - sequence);
    setNext(target);
    channel.putLongRelease(entryOffset + ReaderEntryDescriptor.CURSOR_OFFSET, target);
    return true;
  }

  private int freePin() {
    for (int pin = 0; pin < ReaderEntryDescriptor.PIN_COUNT; pin++) {
      if (channel.getLongAcquire(pinOffset(pin)) == 0) {
        return pin;
      }
    }
    return -1;
  }

  private void clearPin(int pin) {
    // SYNC POINT: pin. What this reader did with the payload is done.
    channel.putLongRelease(pinOffset(pin), 0);
    VarHandle.fullFence();
    segment.wakeWriterIfWaiting();
  }
}
