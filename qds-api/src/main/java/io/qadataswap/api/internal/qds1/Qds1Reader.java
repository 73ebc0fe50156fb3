package io.qadataswap.api.internal.qds1;

import io.qadataswap.api.QdsException;
import io.qadataswap.api.QdsException.Reason;
import io.qadataswap.api.ReaderOptions;
import io.qadataswap.api.ReaderStats;
import io.qadataswap.api.Trust;
import io.qadataswap.api.WaitStrategy;
import io.qadataswap.api.channel.Channel;
import io.qadataswap.api.internal.Counter;
import io.qadataswap.api.internal.Waiter;
import io.qadataswap.api.layout.Loan;
import io.qadataswap.api.layout.RingReader;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.channels.FileLock;
import java.util.concurrent.locks.LockSupport;

/**
 * What lossless readers and observers share: attaching, waiting, noticing the end, and the
 * descriptor of the next message. They differ in how a message is protected while it is on loan.
 */
abstract class Qds1Reader implements RingReader {
  private static final long HEALTH_INTERVAL_NS = 100_000_000;

  /** A look at the clock costs as much as several polls. */
  private static final int EMPTY_POLLS_PER_CLOCK = 16;

  private static final VarHandle NEXT;

  static {
    try {
      NEXT = MethodHandles.lookup().findVarHandle(Qds1Reader.class, "next", long.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  final Segment segment;
  final Geometry geometry;
  final Channel channel;
  final int entry;
  final long entryOffset;

  /** Whether messages are copied to private memory before anybody looks at them. */
  final boolean copying;

  /** The descriptor of the message that is being taken. */
  long payloadOffset;

  long payloadLength;

  private final Segments segments;
  private final FileLock lock;
  private final long token;
  private final long startSequence;
  private final boolean validateFully;
  private final boolean awaitSuccessor;
  private final boolean busySpin;
  private final Waiter waiter;
  private final PayloadChecksum checksum;

  /** The sequence of the next message; written by the reading thread. */
  @SuppressWarnings("unused") // through NEXT
  private long next;

  private long timeNs;
  private long tag;
  private int expectedChecksum;
  private long healthNs = System.nanoTime();
  private int emptyPolls;

  private volatile boolean ended;
  private volatile boolean closing;
  private volatile Thread waitingThread;
  private final Counter waitTimeoutCount = new Counter();
  private final Counter readCount = new Counter();
  private final Counter readBytes = new Counter();
  private final Counter lostCount = new Counter();
  private final Counter copyCount = new Counter();

  Qds1Reader(Attachment attachment, ReaderOptions options) {
    this.segment = attachment.segment();
    this.geometry = segment.geometry;
    this.channel = segment.channel;
    this.entry = attachment.entry();
    this.entryOffset = geometry.readerEntryOffset(entry);
    this.segments = attachment.segments();
    this.lock = attachment.lock();
    this.token = attachment.token();
    this.startSequence = attachment.startSequence();
    this.next = startSequence;
    Trust trust = options.trust();
    boolean foreign = trust == Trust.BY_OWNER && attachment.foreign();
    this.copying = trust == Trust.NONE || foreign;
    this.validateFully = copying || trust == Trust.VALIDATE;
    this.awaitSuccessor = options.awaitSuccessor();
    this.busySpin = options.waitStrategy() == WaitStrategy.BUSY_SPIN;
    this.waiter = new Waiter(options.waitStrategy(), channel.canWake());
    this.checksum = geometry.payloadChecksum() ? new PayloadChecksum() : null;
  }

  /**
   * A reader's place in a segment.
   *
   * @param segment attached to
   * @param segments to leave by
   * @param entry in the reader table
   * @param lock of the entry
   * @param token stored in the entry
   * @param startSequence first message due
   * @param foreign whether the segment belongs to another user
   */
  record Attachment(
      Segment segment,
      Segments segments,
      int entry,
      FileLock lock,
      long token,
      long startSequence,
      boolean foreign) {}

  /** Opens the loan on the next message if there is one. */
  abstract boolean take(Loan loan);

  /** Returns whether the writer may have reclaimed a message that this reader has not read. */
  abstract boolean mayBeGone(long sequence);

  /** Goes on behind a damaged message. */
  abstract void passOver(long sequence);

  /** Returns the number of loans that still refer to the mapping. */
  abstract int openLoanCount();

  /** Leaves the segment, now or when the last loan is released. */
  abstract void leaveWhenUnused();

  final long next() {
    return (long) NEXT.getAcquire(this);
  }

  final void setNext(long sequence) {
    NEXT.setRelease(this, sequence);
  }

  /** Leaves the segment. Nobody may touch the mapping any more. */
  final void leaveNow(long cursor) {
    try {
      if (isAttached()) {
        segment.readers.leave(entry, cursor);
      }
    } finally {
      segments.leave(segment, lock);
    }
  }

  final boolean isAttached() {
    return channel.getLong(entryOffset + ReaderEntryDescriptor.TOKEN_OFFSET) == token;
  }

  final void requireAttached() {
    if (!isAttached()) {
      throw new QdsException(
          Reason.EVICTED,
          "channel="
              + segment.name
              + " reader entry="
              + entry
              + ": this reader was taken for dead because its kernel lock was lost, and its entry"
              + " was freed; close it and open a new one");
    }
  }

  final long pinOffset(int pin) {
    return entryOffset + ReaderEntryDescriptor.PINS_OFFSET + (long) pin * Long.BYTES;
  }

  /** Copies the descriptor of a message; the caller makes sure that it is not being rewritten. */
  final void readDescriptor(long sequence) {
    long slot = geometry.slotOffset(sequence);
    payloadOffset = channel.getLong(slot + MessageDescriptor.OFFSET_OFFSET);
    payloadLength = channel.getLong(slot + MessageDescriptor.LENGTH_OFFSET);
    timeNs = channel.getLong(slot + MessageDescriptor.TIME_NS_OFFSET);
    tag = channel.getLong(slot + MessageDescriptor.TAG_OFFSET);
    if (checksum != null) {
      expectedChecksum = channel.getInt(slot + MessageDescriptor.CHECKSUM_OFFSET);
    }
  }

  /** Returns whether the copied descriptor names a part of the arena. */
  final boolean isDescriptorSound() {
    return geometry.isPayload(payloadOffset, payloadLength);
  }

  final QdsException unsoundDescriptor(long sequence) {
    return new QdsException(
        Reason.CORRUPT,
        "channel="
            + segment.name
            + " descriptor of message "
            + sequence
            + ": offset="
            + payloadOffset
            + " length="
            + payloadLength
            + " allowed=a multiple of 64 with its length"
            + " inside the arena of "
            + geometry.arenaLength()
            + " bytes; the message is passed over");
  }

  /** Points a loan at the payload in place. */
  final void lend(Loan loan, long sequence, long handle) {
    loan.region().open(channel, geometry.arenaOffset() + payloadOffset, payloadLength, false);
    loan.open(this, sequence, tag, timeNs, handle);
    count(sequence);
  }

  /** Points a loan at a private copy of the payload. */
  final void lendCopy(
      Loan loan, io.qadataswap.api.channel.Memory copy, long sequence, long handle) {
    loan.region().open(copy, 0, payloadLength, false);
    loan.open(this, sequence, tag, timeNs, handle);
    copyCount.add(1);
    count(sequence);
  }

  final io.qadataswap.api.channel.Memory copyPayload() {
    return channel.copyOf(geometry.arenaOffset() + payloadOffset, payloadLength);
  }

  private void count(long sequence) {
    if (ended) {
      // A volatile store costs a fence.
      ended = false;
    }
    setNext(sequence + 1);
    channel.putLong(entryOffset + ReaderEntryDescriptor.READ_COUNT_OFFSET, readCount.add(1));
    channel.putLong(
        entryOffset + ReaderEntryDescriptor.READ_BYTES_OFFSET, readBytes.add(payloadLength));
  }

  final void countLost(long count) {
    channel.putLong(entryOffset + ReaderEntryDescriptor.LOST_COUNT_OFFSET, lostCount.add(count));
  }

  @Override
  public final boolean poll(Loan loan) {
    if (takeChecked(loan)) {
      return true;
    }
    isAtEnd(isHealthDue());
    return false;
  }

  /** Says once in a while that it is time to look after the writer, for who polls in vain. */
  private boolean isHealthDue() {
    if (++emptyPolls % EMPTY_POLLS_PER_CLOCK != 0) {
      return false;
    }
    long nowNs = System.nanoTime();
    boolean due = nowNs - healthNs >= HEALTH_INTERVAL_NS;
    if (due) {
      healthNs = nowNs;
    }
    return due;
  }

  @Override
  public final boolean await(Loan loan, long timeoutNs) throws InterruptedException {
    if (takeChecked(loan)) {
      return true;
    }
    waiter.start(timeoutNs);
    waitingThread = Thread.currentThread();
    boolean announced = false;
    // A writer that has ended shows at once; whether it lives is looked at when the wait lasts.
    boolean healthDue = false;
    try {
      while (!closing) {
        if (isAtEnd(healthDue)) {
          return false;
        }
        if (takeChecked(loan)) {
          return true;
        }
        if (waiter.isOver()) {
          waitTimeoutCount.add(1);
          return false;
        }
        Waiter.Advice advice = waiter.pause();
        healthDue = advice == Waiter.Advice.CHECK_PEERS;
        if (advice == Waiter.Advice.SLEEP) {
          announceWait();
          announced = true;
          if (!isAtEnd(false) && segment.stampAcquire(next) != next + 1 && !closing) {
            waiter.sleep(
                channel,
                HeaderDescriptor.PUBLISHED_OFFSET,
                (int) Math.min(next, segment.publishedAcquire()),
                channel.getInt(HeaderDescriptor.WRITER_WAKES_OFFSET) != 0);
          }
          healthDue = waiter.isCheckDue();
        } else if (healthDue && busySpin && !announced) {
          announceWait();
          announced = true;
        }
      }
    } finally {
      waitingThread = null;
      if (announced && isAttached()) {
        channel.putLongRelease(entryOffset + ReaderEntryDescriptor.WAITING_FOR_OFFSET, 0);
      }
    }
    throw new QdsException(
        Reason.CLOSED, "reader of channel " + segment.name + " was closed while it waited");
  }

  @Override
  public final boolean isEnded() {
    return ended;
  }

  @Override
  public final long startSequence() {
    return startSequence;
  }

  @Override
  public final String codecId() {
    return segment.header.codecId();
  }

  @Override
  public final boolean validateFully() {
    return validateFully;
  }

  @Override
  public final ReaderStats stats() {
    long position = next();
    return new ReaderStats(
        readCount.get(),
        readBytes.get(),
        waitTimeoutCount.get(),
        lostCount.get(),
        copyCount.get(),
        openLoanCount(),
        Math.max(0, segment.publishedAcquire() - position),
        position);
  }

  @Override
  public final void interruptWait() {
    closing = true;
    Thread waiting = waitingThread;
    if (waiting != null) {
      LockSupport.unpark(waiting);
      try {
        channel.wake(HeaderDescriptor.PUBLISHED_OFFSET);
      } catch (IllegalStateException e) {
        // It has noticed, and left, meanwhile.
      }
    }
  }

  @Override
  public final void close() {
    leaveWhenUnused();
  }

  private boolean takeChecked(Loan loan) {
    if (!take(loan)) {
      return false;
    }
    if (checksum != null) {
      verifyChecksum(loan);
    }
    return true;
  }

  private void verifyChecksum(Loan loan) {
    int found = checksum.of(loan.region(), payloadLength);
    if (found != expectedChecksum) {
      long sequence = loan.sequence();
      loan.release();
      throw new QdsException(
          Reason.CORRUPT,
          "channel="
              + segment.name
              + " message "
              + sequence
              + ": checksum="
              + Integer.toHexString(found)
              + " allowed="
              + Integer.toHexString(expectedChecksum)
              + "; the message is passed over");
    }
  }

  /**
   * Announces to the writer that this reader waits for {@code next}; for a sleep from which it is
   * to be woken, also that it has to look.
   */
  private void announceWait() {
    channel.putLongRelease(entryOffset + ReaderEntryDescriptor.WAITING_FOR_OFFSET, next + 1);
    VarHandle.fullFence();
    if (waiter.sleepsUntilWoken()) {
      channel.putIntRelease(HeaderDescriptor.READERS_WAITING_OFFSET, 1);
      // SYNC POINT: message. The writer publishes, fences, and then looks at the hint and the
      // flags.
      VarHandle.fullFence();
    }
  }

  /**
   * Returns whether the stream has ended cleanly; there is nothing to take then.
   *
   * @param healthDue whether to look, by system calls, whether the other side lives
   */
  private boolean isAtEnd(boolean healthDue) {
    // SYNC POINT: end. The end is read first and the stamp once more after it.
    int state = segment.writerStateAcquire();
    boolean atEnd = state == HeaderDescriptor.WRITER_CLOSED && isNothingThere();
    if (ended != atEnd) {
      // The end is over when another writer goes on.
      ended = atEnd;
    }
    if (atEnd) {
      return true;
    }
    if (healthDue) {
      requireAttached();
      if (segment.isRemoved() && isNothingThere()) {
        throw segment.removedException();
      }
      if (!awaitSuccessor && segment.isWriterDead() && isNothingThere()) {
        throw new QdsException(
            Reason.WRITER_DIED,
            "channel="
                + segment.name
                + ": the writer, pid="
                + segment.writerProcess().pid()
                + ", died after "
                + next
                + " messages; start it again to go on, or open the reader with awaitSuccessor");
      }
      requireStampOfPublished();
    }
    return false;
  }

  private boolean isNothingThere() {
    return segment.stampAcquire(next) != next + 1 && segment.publishedAcquire() <= next;
  }

  /** A published message that this reader is due has its stamp: else the segment is damaged. */
  private void requireStampOfPublished() {
    long published = segment.publishedAcquire();
    long sequence = next;
    long stamp = segment.stampAcquire(sequence);
    if (published > sequence && stamp != sequence + 1 && !mayBeGone(sequence)) {
      requireAttached();
      passOver(sequence);
      throw new QdsException(
          Reason.CORRUPT,
          "channel="
              + segment.name
              + " stamp of message "
              + sequence
              + "="
              + stamp
              + " allowed="
              + (sequence + 1)
              + " because published="
              + published
              + "; the message is passed over");
    }
  }
}
