package io.qadataswap.api.internal.qds1;

import io.qadataswap.api.OverflowPolicy;
import io.qadataswap.api.QdsException;
import io.qadataswap.api.QdsException.Reason;
import io.qadataswap.api.Region;
import io.qadataswap.api.Timestamps;
import io.qadataswap.api.WriterOptions;
import io.qadataswap.api.WriterStats;
import io.qadataswap.api.channel.Channel;
import io.qadataswap.api.internal.Counter;
import io.qadataswap.api.internal.Waiter;
import io.qadataswap.api.layout.RingWriter;
import java.lang.invoke.VarHandle;
import java.nio.channels.FileLock;
import java.util.concurrent.locks.LockSupport;

/**
 * The writer of a segment: finds room, publishes, and reclaims.
 *
 * <p>Reclaiming without a lock: the writer raises {@code floor}, fences, and scans the readers
 * again. A lossless reader that joins stores its cursor and state, fences, and loads the floor. So
 * either the scan sees the reader, or the reader sees the floor and moves up to it. An observer
 * does the same with a pin. What the second scan finds below the floor stays, until it is gone.
 */
final class Qds1Writer implements RingWriter {
  private static final System.Logger LOGGER = System.getLogger("io.qadataswap.api");

  /** How long a reader may wait while it holds what the writer needs before the write fails. */
  private static final long HOLDING_READER_GRACE_NS = 1_000_000_000;

  /**
   * Looking for dead readers costs system calls: writes that do not wait do it at most so often.
   */
  private static final long EVICTION_CHECK_INTERVAL_NS = 10_000_000;

  private static final int END_WAKE_ROUNDS = 20;
  private static final long END_WAKE_INTERVAL_NS = 100_000;

  private static final int LARGE_LENGTH = 4096;

  private final Segment segment;
  private final Segments segments;
  private final Geometry geometry;
  private final Channel channel;
  private final FileLock lock;
  private final long token;
  private final Arena arena;
  private final Waiter waiter;
  private final Timestamps timestamps;
  private final Region region = new Region();
  private final PayloadChecksum checksum;

  /** The first sequence of this writer; what is below was left by a former one. */
  private final long firstSequence;

  private long next;

  /** As in the header, which nobody else writes. */
  private long floor;

  /** No reader is below this any more, and none will be: what lies below may be overwritten. */
  private long live;

  private long claimOffset;

  /** The sequence whose slot {@link #ownAhead} has prepared. */
  private long ownedAhead = -1;

  private long publishedBytes;
  private int wakeValue;
  private long evictionCheckNs = System.nanoTime() - EVICTION_CHECK_INTERVAL_NS;
  private volatile boolean closing;
  private volatile Thread waitingThread;

  private final long startBytes;
  private final Counter writeCount = new Counter();
  private final Counter waitCount = new Counter();
  private final Counter waitTimeoutCount = new Counter();
  private final Counter evictionCount = new Counter();

  /** Takes over a segment whose writer lock the caller has taken. */
  Qds1Writer(Segment segment, Segments segments, FileLock lock, long token, WriterOptions options) {
    this.segment = segment;
    this.segments = segments;
    this.geometry = segment.geometry;
    this.channel = segment.channel;
    this.lock = lock;
    this.token = token;
    this.waiter = new Waiter(options.waitStrategy(), channel.canWake());
    this.timestamps = options.timestamps();
    this.checksum = geometry.payloadChecksum() ? new PayloadChecksum() : null;
    this.arena = new Arena(geometry.arenaLength(), geometry.slotCount(), 0);
    // From here on a predecessor that still runs without its lock is fenced off: the token comes
    // before anything that it could still change is read.
    segment.recordWriter(token, options.label());
    VarHandle.fullFence();
    this.next = finishedCommits();
    this.firstSequence = next;
    arena.begin(next);
    this.publishedBytes = channel.getLong(HeaderDescriptor.PUBLISHED_BYTES_OFFSET);
    this.startBytes = publishedBytes;
    this.floor = Math.max(0, Math.min(segment.floorAcquire(), next));
    this.live = Math.max(0, next - geometry.slotCount());
    // A former writer may have died between storing the floor and scanning again.
    VarHandle.fullFence();
    scanAgain();
  }

  /** Completes a commit of a former writer that died between the stamp and {@code published}. */
  private long finishedCommits() {
    long published = segment.publishedAcquire();
    while (segment.stampAcquire(published) == published + 1) {
      published++;
    }
    channel.putLongRelease(HeaderDescriptor.PUBLISHED_OFFSET, published);
    return published;
  }

  @Override
  public boolean claim(long maxLength, long timeoutNs) throws InterruptedException {
    requireInCharge();
    if (segment.isRemoved()) {
      throw segment.removedException();
    }
    if (maxLength > geometry.maxMessageLength()) {
      throw new QdsException(
          Reason.MESSAGE_TOO_LARGE,
          "channel="
              + segment.name
              + " message length="
              + maxLength
              + " allowed=0 to "
              + geometry.maxMessageLength()
              + " bytes; create the channel with a larger capacity or maxMessageLength");
    }
    long footprint = MessageDescriptor.footprint(maxLength);
    // A slot is rewritten only when the message that was in it may go.
    if (next - live >= geometry.slotCount() || arena.place(footprint) < 0) {
      if (!makeRoom(footprint) && !awaitRoom(footprint, timeoutNs)) {
        return false;
      }
    }
    claimOffset = arena.place(footprint);
    region.open(channel, geometry.arenaOffset() + claimOffset, maxLength, true);
    return true;
  }

  @Override
  public Region region() {
    return region;
  }

  @Override
  public long commit(long length, long tag) {
    int check = checksum == null ? 0 : checksum.of(region, length);
    region.close();
    requireInCharge();
    long sequence = next;
    long slot = geometry.slotOffset(sequence);
    if (ownedAhead != sequence) {
      eraseStamp(slot);
    }
    channel.putLong(slot + MessageDescriptor.OFFSET_OFFSET, claimOffset);
    channel.putLong(slot + MessageDescriptor.LENGTH_OFFSET, length);
    channel.putLong(slot + MessageDescriptor.TIME_NS_OFFSET, timeNs(length));
    channel.putLong(slot + MessageDescriptor.TAG_OFFSET, tag);
    // Also the flags, which are zero.
    channel.putLong(slot + MessageDescriptor.FLAGS_OFFSET, (long) check << 32);
    // SYNC POINT: stamp. A reader that sees it sees the descriptor and the payload.
    channel.putLongRelease(slot + MessageDescriptor.STAMP_OFFSET, sequence + 1);
    publishedBytes += length;
    channel.putLong(HeaderDescriptor.PUBLISHED_BYTES_OFFSET, publishedBytes);
    channel.putLongRelease(HeaderDescriptor.PUBLISHED_OFFSET, sequence + 1);
    arena.published(MessageDescriptor.footprint(length));
    next = sequence + 1;
    writeCount.add(1);
    ownAhead();
    segment.wakeWaitingReaders();
    return sequence;
  }

  /**
   * Touches the cache lines of the next descriptor and of the place where the next payload will
   * begin, while nobody waits for them: fetched for writing only when the next message is there,
   * each of them would delay it by the time of a cache miss.
   */
  private void ownAhead() {
    if (next - live < geometry.slotCount()) {
      eraseStamp(geometry.slotOffset(next));
      ownedAhead = next;
      long place = arena.place(MessageDescriptor.PAYLOAD_ALIGNMENT);
      if (place >= 0) {
        channel.putLong(geometry.arenaOffset() + place, 0);
      }
    }
  }

  private void eraseStamp(long slot) {
    channel.putLong(slot + MessageDescriptor.STAMP_OFFSET, 0);
    // SYNC POINT: slot rewrite. A reader that sees any of what follows sees the stamp gone.
    VarHandle.releaseFence();
  }

  @Override
  public void abort() {
    region.close();
  }

  @Override
  public WriterStats stats() {
    long published = segment.publishedAcquire();
    return new WriterStats(
        writeCount.get(),
        channel.getLong(HeaderDescriptor.PUBLISHED_BYTES_OFFSET) - startBytes,
        waitCount.get(),
        waitTimeoutCount.get(),
        evictionCount.get(),
        segment.readers.attachedCount(),
        Math.max(0, published - Math.min(published, segment.readers.lowestDue())),
        published);
  }

  @Override
  public void interruptWait() {
    closing = true;
    Thread waiting = waitingThread;
    if (waiting != null) {
      // A changed word also keeps it from falling asleep just now.
      LockSupport.unpark(waiting);
      try {
        channel.putIntRelease(HeaderDescriptor.WRITER_WAITING_OFFSET, 0);
        channel.wake(HeaderDescriptor.WRITER_WAITING_OFFSET);
      } catch (IllegalStateException e) {
        // It has noticed, and left, meanwhile.
      }
    }
  }

  @Override
  public void close() {
    region.close();
    try {
      if (isInCharge()) {
        // SYNC POINT: end. Everything published before is visible to who sees the state.
        channel.putIntRelease(HeaderDescriptor.WRITER_STATE_OFFSET, HeaderDescriptor.WRITER_CLOSED);
        wakeForTheEnd();
      }
    } finally {
      segments.leave(segment, lock);
    }
  }

  /**
   * The end does not change the word on which readers sleep, so one that is just falling asleep
   * misses a single wake-up, and would see the end only when its sleep is over.
   */
  private void wakeForTheEnd() {
    segment.wakeWaitingReaders();
    for (int round = 0; round < END_WAKE_ROUNDS && segment.readers.anyWaiting(); round++) {
      LockSupport.parkNanos(END_WAKE_INTERVAL_NS);
      channel.wake(HeaderDescriptor.PUBLISHED_OFFSET);
    }
  }

  private long timeNs(long length) {
    boolean taken =
        timestamps == Timestamps.ALWAYS
            || (timestamps == Timestamps.LARGE && length >= LARGE_LENGTH);
    return taken ? System.nanoTime() : 0;
  }

  private boolean isInCharge() {
    return channel.getLong(HeaderDescriptor.WRITER_TOKEN_OFFSET) == token;
  }

  private void requireInCharge() {
    if (!isInCharge()) {
      throw new QdsException(
          Reason.REPLACED,
          "channel="
              + segment.name
              + ": another writer, pid="
              + segment.writerProcess().pid()
              + ", has taken over because the kernel lock of this one was lost; nothing was"
              + " published, close this writer");
    }
  }

  /** Tries to make room for a message now: reclaims what readers have passed. */
  private boolean makeRoom(long footprint) {
    return geometry.overflow() == OverflowPolicy.BLOCK
        ? makeRoomBehindReaders(footprint)
        : makeRoomByDropping(footprint);
  }

  private boolean makeRoomBehindReaders(long footprint) {
    long due = Math.min(segment.readers.lowestDue(), next);
    reclaim(Math.min(due, next - geometry.retainCount()));
    if (hasRoom(footprint, true)) {
      return true;
    }
    if (geometry.retainCount() > 0) {
      // History is kept only as long as it is in nobody's way.
      reclaim(due);
      return hasRoom(footprint, true);
    }
    return false;
  }

  private boolean makeRoomByDropping(long footprint) {
    // The fence and the scans are paid for a batch of messages, not for each.
    long batch = Math.max(1, geometry.slotCount() / 16);
    long needed = Math.max(live, next - geometry.slotCount() + 1);
    if (needed > live) {
      reclaim(Math.min(next, needed + batch));
    }
    while (!hasRoom(footprint, false)) {
      if (live == next) {
        requireNoPinInTheWay(footprint);
        if (hasRoom(footprint, false)) {
          return true;
        }
      }
      long oldest = live;
      long bytes = 0;
      while (oldest < next && oldest - live < batch && bytes < geometry.arenaLength() / 16) {
        bytes += channel.getLong(geometry.slotOffset(oldest) + MessageDescriptor.LENGTH_OFFSET);
        oldest++;
      }
      reclaim(oldest);
    }
    return true;
  }

  private void requireNoPinInTheWay(long footprint) {
    boolean evicted = evictDead();
    if (!evicted && !hasRoom(footprint, false)) {
      throw new QdsException(
          Reason.NO_ROOM,
          "channel="
              + segment.name
              + " message length="
              + footprint
              + " bytes: open messages leave no contiguous room for it; they are held by "
              + pinHolders()
              + "; close messages there, or create the channel with a larger capacity");
    }
  }

  private String pinHolders() {
    StringBuilder holders = new StringBuilder();
    for (int entry = 0; entry < geometry.readerEntryCount(); entry++) {
      for (int pin = 0; pin < ReaderEntryDescriptor.PIN_COUNT; pin++) {
        if (segment.readers.pinAcquire(entry, pin) != 0) {
          holders.append(holders.isEmpty() ? "" : ", ").append(segment.readers.describe(entry));
          break;
        }
      }
    }
    return holders.isEmpty() ? "nobody any more" : holders.toString();
  }

  /** Raises the floor, then takes as reclaimed what no reader is in. */
  private void reclaim(long target) {
    if (target > floor) {
      floor = target;
      channel.putLongRelease(HeaderDescriptor.FLOOR_OFFSET, floor);
      // SYNC POINT: floor. A reader stores its cursor or pin, fences, and loads the floor.
      VarHandle.fullFence();
    }
    scanAgain();
  }

  /**
   * Takes what is below the floor as reclaimed, but for what a lossless reader that came before it
   * is in. One that comes later sees the floor.
   */
  private void scanAgain() {
    if (floor > live) {
      long least =
          geometry.overflow() == OverflowPolicy.BLOCK
              ? segment.readers.leastLosslessCursor()
              : floor;
      live = Math.max(live, Math.min(floor, least));
    }
  }

  private boolean hasRoom(long footprint, boolean reuseEarly) {
    if (next - live >= geometry.slotCount()) {
      return false;
    }
    if (arena.place(footprint) >= 0) {
      return true;
    }
    long own = Math.max(live, firstSequence);
    arena.resetObstacles(own);
    for (long sequence = live; sequence < firstSequence; sequence++) {
      addInheritedObstacle(sequence);
    }
    for (int entry = 0; entry < geometry.readerEntryCount(); entry++) {
      // SYNC POINT: reader state.
      if (segment.readers.stateWordAcquire(entry) != ReaderEntryDescriptor.FREE) {
        for (int pin = 0; pin < ReaderEntryDescriptor.PIN_COUNT; pin++) {
          // SYNC POINT: pin. What the reader did with the payload is done when the pin is gone.
          long value = segment.readers.pinAcquire(entry, pin);
          if (value != 0) {
            arena.addObstacle(
                ReaderEntryDescriptor.pinOffset(value), ReaderEntryDescriptor.pinEnd(value));
          }
        }
      }
    }
    return arena.extend(footprint, reuseEarly);
  }

  /**
   * Keeps clear of a predecessor's message. One that is unsound is gone: a reader that was only
   * about to join has stored a cursor below the floor, where the predecessor had reused the slot.
   */
  private void addInheritedObstacle(long sequence) {
    long slot = geometry.slotOffset(sequence);
    long offset = channel.getLong(slot + MessageDescriptor.OFFSET_OFFSET);
    long length = channel.getLong(slot + MessageDescriptor.LENGTH_OFFSET);
    if (segment.stampAcquire(sequence) == sequence + 1 && geometry.isPayload(offset, length)) {
      arena.addObstacle(offset, offset + MessageDescriptor.footprint(length));
    }
  }

  private boolean awaitRoom(long footprint, long timeoutNs) throws InterruptedException {
    if (timeoutNs == 0) {
      long nowNs = System.nanoTime();
      if (nowNs - evictionCheckNs > EVICTION_CHECK_INTERVAL_NS) {
        evictionCheckNs = nowNs;
        if (evictDead() && makeRoom(footprint)) {
          return true;
        }
      }
      waitTimeoutCount.add(1);
      return false;
    }
    waitCount.add(1);
    waiter.start(timeoutNs);
    waitingThread = Thread.currentThread();
    long blockedSinceNs = 0;
    long blockedCursor = -1;
    try {
      while (!closing) {
        Waiter.Advice advice = waiter.pause();
        if (advice == Waiter.Advice.SLEEP) {
          int value = announceWait();
          if (makeRoom(footprint)) {
            return true;
          }
          if (!closing) {
            waiter.sleep(channel, HeaderDescriptor.WRITER_WAITING_OFFSET, value, allReadersWake());
          }
        }
        if (makeRoom(footprint)) {
          return true;
        }
        if (waiter.isOver()) {
          waitTimeoutCount.add(1);
          return false;
        }
        if (advice == Waiter.Advice.LOOK) {
          continue;
        }
        requireInCharge();
        if (segment.isRemoved()) {
          throw segment.removedException();
        }
        if ((advice == Waiter.Advice.CHECK_PEERS || waiter.isCheckDue()) && evictDead()) {
          continue;
        }
        long cursor = segment.readers.lowestDue();
        int holder = cursor < next ? segment.readers.holderWaitingFor(cursor, next) : -1;
        if (holder < 0 || cursor != blockedCursor) {
          blockedCursor = holder < 0 ? -1 : cursor;
          blockedSinceNs = waiter.waitedNs();
        } else if (waiter.waitedNs() - blockedSinceNs > HOLDING_READER_GRACE_NS) {
          throw new QdsException(
              Reason.READER_HOLDS_LOANS,
              "channel="
                  + segment.name
                  + " message length="
                  + footprint
                  + " bytes: "
                  + segment.readers.describe(holder)
                  + " waits for this message while it holds open messages from "
                  + cursor
                  + " on; close messages before reading on, or create the channel with a larger"
                  + " capacity or more messageSlots");
        }
      }
    } finally {
      waitingThread = null;
      channel.putIntRelease(HeaderDescriptor.WRITER_WAITING_OFFSET, 0);
    }
    throw new QdsException(
        Reason.CLOSED, "writer of channel " + segment.name + " was closed while it waited");
  }

  private int announceWait() {
    wakeValue = wakeValue == Integer.MAX_VALUE ? 1 : wakeValue + 1;
    channel.putIntRelease(HeaderDescriptor.WRITER_WAITING_OFFSET, wakeValue);
    // SYNC POINT: room. A reader that makes room fences and then looks at this word.
    VarHandle.fullFence();
    return wakeValue;
  }

  private boolean allReadersWake() {
    for (int entry = 0; entry < geometry.readerEntryCount(); entry++) {
      if (segment.readers.stateWordAcquire(entry) != ReaderEntryDescriptor.FREE
          && !segment.readers.canWakeWriter(entry)) {
        return false;
      }
    }
    return true;
  }

  private boolean evictDead() {
    boolean evicted = false;
    for (int entry = 0; entry < geometry.readerEntryCount(); entry++) {
      if (segment.readers.stateWordAcquire(entry) != ReaderEntryDescriptor.FREE) {
        String who = segment.readers.describe(entry);
        if (segment.readers.evictIfDead(entry)) {
          evicted = true;
          evictionCount.add(1);
          LOGGER.log(
              System.Logger.Level.INFO, "channel={0}: {1} died and was removed", segment.name, who);
        }
      }
    }
    return evicted;
  }
}
