package io.qadataswap.api.internal.qads1;

import io.qadataswap.api.QdsException;
import io.qadataswap.api.QdsException.Reason;
import io.qadataswap.api.Region;
import io.qadataswap.api.Timestamps;
import io.qadataswap.api.WriterOptions;
import io.qadataswap.api.WriterStats;
import io.qadataswap.api.channel.NamedSemaphores;
import io.qadataswap.api.internal.Counter;
import io.qadataswap.api.internal.Waiter;
import io.qadataswap.api.layout.RingWriter;
import java.nio.channels.FileLock;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * The writer of an object: takes a token for the next buffer, fills it, and gives a token for the
 * message. A token that was taken and not used is kept for the next claim, and given back at the
 * end.
 */
final class Qads1Writer implements RingWriter {
  private static final long CHECK_INTERVAL_NS = 100_000_000;

  private final Segment segment;
  private final FileLock lock;
  private final NamedSemaphores semaphores;
  private final boolean isTimed;
  private final Waiter waiter;
  private final StuckCheck stuckCheck;
  private final Region region = new Region();

  private long next;
  private boolean hasToken;
  private long checkedNs = System.nanoTime();

  private volatile boolean closing;
  private volatile Thread waitingThread;

  private final Counter writeCount = new Counter();
  private final Counter bytesWritten = new Counter();
  private final Counter waitCount = new Counter();
  private final Counter waitTimeoutCount = new Counter();

  Qads1Writer(Segment segment, FileLock lock, NamedSemaphores semaphores, WriterOptions options) {
    this.segment = segment;
    this.lock = lock;
    this.semaphores = semaphores;
    // The original stores one with every message.
    this.isTimed = options.timestamps() != Timestamps.NEVER;
    this.waiter = new Waiter(options.waitStrategy(), true);
    this.stuckCheck = new StuckCheck(segment);
    this.next = segment.writeSequence();
  }

  @Override
  public boolean claim(long maxLength, long timeoutNs) throws InterruptedException {
    if (maxLength > segment.header.bufferLength()) {
      throw new QdsException(
          Reason.MESSAGE_TOO_LARGE,
          "channel="
              + segment.name
              + " message length="
              + maxLength
              + " allowed=0 to "
              + segment.header.bufferLength()
              + " bytes, the length of a buffer; create the channel with a larger capacity or fewer"
              + " messageSlots");
    }
    requireInCharge();
    if (!takeFreeBuffer()) {
      if (timeoutNs == 0) {
        checkPeersIfDue();
        return false;
      }
      if (!awaitFreeBuffer(timeoutNs)) {
        return false;
      }
    }
    region.open(segment.channel, segment.header.bufferOffset(next), maxLength, true);
    return true;
  }

  @Override
  public Region region() {
    return region;
  }

  @Override
  public long commit(long length, long tag) {
    region.close();
    if (tag != 0) {
      throw new IllegalArgumentException(
          "channel="
              + segment.name
              + " tag="
              + tag
              + " allowed=0: layout qads1 carries no tags; use layout qds1");
    }
    requireInCharge();
    segment.describeMessage(
        next, length, isTimed ? TimeUnit.NANOSECONDS.toMicros(System.nanoTime()) : 0);
    segment.setState(next, BufferState.READY);
    next++;
    segment.setWriteSequence(next);
    hasToken = false;
    // SYNC POINT: message. Who takes the token sees the message.
    segment.readTokens.post();
    writeCount.add(1);
    bytesWritten.add(length);
    return next - 1;
  }

  @Override
  public void abort() {
    region.close();
  }

  @Override
  public WriterStats stats() {
    return new WriterStats(
        writeCount.get(),
        bytesWritten.get(),
        waitCount.get(),
        waitTimeoutCount.get(),
        0,
        segment.readerCount(),
        segment.unreadCount(),
        segment.writeSequence());
  }

  @Override
  public void interruptWait() {
    closing = true;
    // A native wait is not woken: it is short.
    LockSupport.unpark(waitingThread);
  }

  @Override
  public void close() {
    region.close();
    try {
      if (hasToken) {
        hasToken = false;
        segment.writeTokens.post();
      }
      segment.setWriterActive(false);
    } finally {
      Segments.leave(segment, lock, semaphores);
    }
  }

  /** Nobody but this writer counts the messages. */
  private void requireInCharge() {
    long found = segment.writeSequence();
    if (found != next) {
      throw new QdsException(
          Reason.CORRUPT,
          "channel="
              + segment.name
              + " write_sequence="
              + found
              + " allowed="
              + next
              + ", where this writer is: another program writes to the object; remove the channel"
              + " and create it again");
    }
  }

  /**
   * Takes a token, unless there is one in hand, and returns whether it stands for a free buffer.
   * The original's readers give one too many when two of them come to the same message; it must not
   * lead to a message that nobody has read being overwritten, and is dropped.
   */
  private boolean takeFreeBuffer() {
    while (hasToken || segment.writeTokens.tryWait()) {
      hasToken = true;
      if (isBufferFree()) {
        return true;
      }
      hasToken = false;
    }
    return false;
  }

  private boolean isBufferFree() {
    // SYNC POINT: buffer. Who gave the token was done with the buffer.
    int state = segment.state(next);
    boolean isUnread =
        state == BufferState.READY && next - segment.readSequence() >= segment.header.bufferCount();
    return !isUnread && !BufferState.isOwed(state);
  }

  private boolean awaitFreeBuffer(long timeoutNs) throws InterruptedException {
    waitCount.add(1);
    waiter.start(timeoutNs);
    waitingThread = Thread.currentThread();
    try {
      while (!closing) {
        if (waiter.isOver()) {
          waitTimeoutCount.add(1);
          return false;
        }
        if (waiter.pause() == Waiter.Advice.SLEEP) {
          hasToken = waiter.sleep(segment.writeTokens);
        }
        if (takeFreeBuffer()) {
          return true;
        }
        checkPeersIfDue();
      }
    } finally {
      waitingThread = null;
    }
    throw new QdsException(
        Reason.CLOSED, "writer of channel " + segment.name + " was closed while it waited");
  }

  /** Looks after readers now and then, also when each single wait is short. */
  private void checkPeersIfDue() {
    long nowNs = System.nanoTime();
    if (nowNs - checkedNs < CHECK_INTERVAL_NS) {
      return;
    }
    checkedNs = nowNs;
    if (!segment.file.isAtItsPath()) {
      throw new QdsException(
          Reason.REMOVED,
          "channel="
              + segment.name
              + " was removed while this end was attached; close it and open again");
    }
    // A reader that was killed leaves its open messages to whoever comes.
    segment.returnTokensOfDead();
    stuckCheck.run(0, 0);
  }
}
