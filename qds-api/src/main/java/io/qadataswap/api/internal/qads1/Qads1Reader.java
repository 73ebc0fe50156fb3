package io.qadataswap.api.internal.qads1;

import io.qadataswap.api.QdsException;
import io.qadataswap.api.QdsException.Reason;
import io.qadataswap.api.ReaderOptions;
import io.qadataswap.api.ReaderStats;
import io.qadataswap.api.Trust;
import io.qadataswap.api.channel.NamedSemaphores;
import io.qadataswap.api.internal.Counter;
import io.qadataswap.api.internal.Waiter;
import io.qadataswap.api.layout.Loan;
import io.qadataswap.api.layout.RingReader;
import java.nio.channels.FileLock;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/**
 * A reader of an object: takes a token, and with it the oldest message that nobody has taken. It
 * competes with the other readers; those of QDS take turns, so that each message goes to one.
 *
 * <p>A token that was taken while no turn could be had is kept for the next call, and given back at
 * the end.
 */
final class Qads1Reader implements RingReader {
  /** The handle of loans that hold nothing: their message was copied. */
  private static final long COPIED = -1;

  /** How long a call that does not block tries to get a turn that takes a few microseconds. */
  private static final long TURN_PATIENCE_NS = 50_000;

  private static final long FIRST_HEALTH_INTERVAL_NS = 100_000_000;
  private static final long LAST_HEALTH_INTERVAL_NS = 2_000_000_000;

  /** More than there can be loans. */
  private static final int OPEN = 1 << 30;

  private final Segment segment;
  private final int place;
  private final FileLock lock;
  private final NamedSemaphores semaphores;
  private final boolean copying;
  private final boolean validateFully;
  private final boolean awaitSuccessor;
  private final Waiter waiter;
  private final StuckCheck stuckCheck;
  private final long startSequence;

  /** Open loans, and {@link #OPEN} until the reader is closed: at 0 the object is left. */
  private final AtomicInteger uses = new AtomicInteger(OPEN);

  private boolean hasToken;
  private long healthNs = System.nanoTime();
  private long healthIntervalNs = FIRST_HEALTH_INTERVAL_NS;

  private volatile long next;
  private volatile boolean ended;
  private volatile boolean closing;
  private volatile Thread waitingThread;

  private final Counter readCount = new Counter();
  private final Counter readBytes = new Counter();
  private final Counter copyCount = new Counter();
  private final Counter waitTimeoutCount = new Counter();

  Qads1Reader(
      Segment segment,
      int place,
      FileLock lock,
      NamedSemaphores semaphores,
      boolean foreign,
      ReaderOptions options) {
    this.segment = segment;
    this.place = place;
    this.lock = lock;
    this.semaphores = semaphores;
    this.copying = options.trust() == Trust.NONE || (options.trust() == Trust.BY_OWNER && foreign);
    this.validateFully = copying || options.trust() == Trust.VALIDATE;
    this.awaitSuccessor = options.awaitSuccessor();
    this.waiter = new Waiter(options.waitStrategy(), true);
    this.stuckCheck = new StuckCheck(segment);
    this.startSequence = segment.readSequence();
    this.next = startSequence;
    segment.addReader(1);
  }

  @Override
  public boolean poll(Loan loan) {
    if (take(loan)) {
      return true;
    }
    isAtEnd();
    checkHealthIfDue();
    return false;
  }

  @Override
  public boolean await(Loan loan, long timeoutNs) throws InterruptedException {
    if (take(loan)) {
      return true;
    }
    waiter.start(timeoutNs);
    waitingThread = Thread.currentThread();
    try {
      while (!closing) {
        if (isAtEnd()) {
          return false;
        }
        if (waiter.isOver()) {
          waitTimeoutCount.add(1);
          return false;
        }
        if (waiter.pause() == Waiter.Advice.SLEEP) {
          if (hasToken) {
            waiter.park();
          } else {
            hasToken = waiter.sleep(segment.readTokens);
          }
        }
        if (take(loan)) {
          return true;
        }
        checkHealthIfDue();
      }
    } finally {
      waitingThread = null;
    }
    throw new QdsException(
        Reason.CLOSED, "reader of channel " + segment.name + " was closed while it waited");
  }

  @Override
  public boolean isEnded() {
    return ended;
  }

  @Override
  public long startSequence() {
    return startSequence;
  }

  @Override
  public String codecId() {
    return Segments.CODEC_ID;
  }

  @Override
  public boolean validateFully() {
    return validateFully;
  }

  @Override
  public void release(Loan loan) {
    if (loan.handle() != COPIED) {
      closeMessage(loan.sequence());
      endUse(1);
    }
  }

  @Override
  public ReaderStats stats() {
    return new ReaderStats(
        readCount.get(),
        readBytes.get(),
        waitTimeoutCount.get(),
        0,
        copyCount.get(),
        uses.get() & (OPEN - 1),
        segment.unreadCount(),
        next);
  }

  @Override
  public void interruptWait() {
    closing = true;
    // A native wait is not woken: it is short.
    LockSupport.unpark(waitingThread);
  }

  @Override
  public void close() {
    if (hasToken) {
      hasToken = false;
      segment.readTokens.post();
    }
    endUse(OPEN);
  }

  private void endUse(int count) {
    if (uses.addAndGet(-count) == 0) {
      try {
        segment.addReader(-1);
      } finally {
        Segments.leave(segment, lock, semaphores);
      }
    }
  }

  /** Takes the next message with the token in hand, or one that is there. */
  private boolean take(Loan loan) {
    if (!hasToken) {
      // SYNC POINT: message. The writer gives the token after the message.
      hasToken = segment.readTokens.tryWait();
    }
    if (!hasToken) {
      return false;
    }
    if (!segment.turn.tryTake(TURN_PATIENCE_NS)) {
      return false;
    }
    long sequence;
    try {
      sequence = takeInTurn();
    } finally {
      segment.endTurn();
    }
    return sequence >= 0 && lend(loan, sequence);
  }

  /** Returns the message that was taken, or -1 if there is none for the token, not yet or not. */
  private long takeInTurn() {
    segment.requireSoundSequences();
    long sequence = segment.readSequence();
    if (sequence == segment.writeSequence()) {
      // The original's notify_data_ready gives tokens without a message.
      hasToken = false;
      return -1;
    }
    int state = segment.state(sequence);
    // Who marked it died in its turn, before it had taken it.
    boolean half = BufferState.isOwed(state);
    if (state != BufferState.READY && !half) {
      // A reader of the original is done with it and about to count it.
      return -1;
    }
    segment.setState(sequence, BufferState.lentTo(place));
    segment.setReadSequence(sequence + 1);
    hasToken = false;
    next = sequence + 1;
    return sequence;
  }

  private boolean lend(Loan loan, long sequence) {
    long length = segment.dataLength(sequence);
    if (length < 0 || length > segment.header.bufferLength()) {
      closeMessage(sequence);
      throw new QdsException(
          Reason.CORRUPT,
          "channel="
              + segment.name
              + " data_size of message "
              + sequence
              + "="
              + length
              + " allowed=0 to "
              + segment.header.bufferLength()
              + "; the message is passed over");
    }
    long offset = segment.header.bufferOffset(sequence);
    long timeNs = TimeUnit.MICROSECONDS.toNanos(segment.timestampUs(sequence));
    if (copying) {
      loan.region().open(segment.channel.copyOf(offset, length), 0, length, false);
      closeMessage(sequence);
      copyCount.add(1);
      loan.open(this, sequence, 0, timeNs, COPIED);
    } else {
      uses.incrementAndGet();
      loan.region().open(segment.channel, offset, length, false);
      loan.open(this, sequence, 0, timeNs, 0);
    }
    readCount.add(1);
    readBytes.add(length);
    ended = false;
    healthNs = System.nanoTime();
    healthIntervalNs = FIRST_HEALTH_INTERVAL_NS;
    return true;
  }

  /** Marks a message as read, and gives its token back if it is its turn. */
  private void closeMessage(long sequence) {
    // SYNC POINT: buffer. What was done with the buffer is done before the writer has the token.
    segment.setState(sequence, BufferState.CLOSED);
    segment.returnTokens();
  }

  /** Notes whether the stream has ended cleanly: the writer closed, and all was taken. */
  private boolean isAtEnd() {
    // SYNC POINT: end. Everything that was written is there when the writer is no longer active.
    ended = !segment.isWriterActive() && segment.unreadCount() == 0;
    return ended;
  }

  /** Looks at the other side now and then, the less often the longer nothing comes. */
  private void checkHealthIfDue() {
    long nowNs = System.nanoTime();
    if (nowNs - healthNs < healthIntervalNs) {
      return;
    }
    healthNs = nowNs;
    healthIntervalNs = Math.min(LAST_HEALTH_INTERVAL_NS, 2 * healthIntervalNs);
    segment.returnTokensOfDead();
    stuckCheck.run(0, hasToken ? 1 : 0);
    if (segment.unreadCount() > 0) {
      return;
    }
    if (!segment.file.isAtItsPath() && segment.isWriterActive()) {
      throw new QdsException(
          Reason.REMOVED,
          "channel="
              + segment.name
              + " was removed while this end was attached; close it and open again");
    }
    if (!awaitSuccessor && segment.isWriterDead() && segment.unreadCount() == 0) {
      throw new QdsException(
          Reason.WRITER_DIED,
          "channel="
              + segment.name
              + ": no process but readers of QDS has the object mapped, so its writer died after "
              + segment.writeSequence()
              + " messages; remove the channel (./qds rm "
              + segment.name
              + " --layout qads1), or start a writer of QDS to go on");
    }
  }
}
