package io.qadataswap.api.internal.qds1;

import io.qadataswap.api.OverflowPolicy;
import io.qadataswap.api.channel.Channel;
import io.qadataswap.api.channel.SegmentFile;
import java.lang.invoke.VarHandle;
import java.nio.channels.FileLock;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** The reader entries of a segment, as the writer, joining readers and tools see them. */
final class ReaderTable {
  private static final System.Logger LOGGER = System.getLogger("io.qadataswap.api");

  private final Segment segment;
  private final Geometry geometry;
  private final Channel channel;
  private final Set<Long> lockLostTokens = ConcurrentHashMap.newKeySet();

  ReaderTable(Segment segment) {
    this.segment = segment;
    this.geometry = segment.geometry;
    this.channel = segment.channel;
  }

  int stateWordAcquire(int entry) {
    return channel.getIntAcquire(
        geometry.readerEntryOffset(entry) + ReaderEntryDescriptor.STATE_OFFSET);
  }

  long cursorAcquire(int entry) {
    return channel.getLongAcquire(
        geometry.readerEntryOffset(entry) + ReaderEntryDescriptor.CURSOR_OFFSET);
  }

  /** Returns the awaited sequence + 1; 0 if the reader does not wait. */
  long waitingForAcquire(int entry) {
    return channel.getLongAcquire(
        geometry.readerEntryOffset(entry) + ReaderEntryDescriptor.WAITING_FOR_OFFSET);
  }

  long pinAcquire(int entry, int pin) {
    return channel.getLongAcquire(
        geometry.readerEntryOffset(entry)
            + ReaderEntryDescriptor.PINS_OFFSET
            + (long) pin * Long.BYTES);
  }

  boolean canWakeWriter(int entry) {
    return channel.getInt(geometry.readerEntryOffset(entry) + ReaderEntryDescriptor.WAKES_OFFSET)
        != 0;
  }

  /** Returns the least cursor of a lossless reader; {@link Long#MAX_VALUE} if there is none. */
  long leastLosslessCursor() {
    long least = Long.MAX_VALUE;
    for (int entry = 0; entry < geometry.readerEntryCount(); entry++) {
      // SYNC POINT: reader state. The reader stores its cursor first, so a lossless state comes
      // with a cursor that holds.
      if (ReaderEntryDescriptor.isLossless(stateWordAcquire(entry))) {
        // SYNC POINT: cursor. What the reader did with the messages below is done.
        least = Math.min(least, cursorAcquire(entry));
      }
    }
    return least;
  }

  /**
   * Returns the lowest sequence that a reader is due: the least cursor of a lossless reader, or
   * without one the highest cursor at which a reader left.
   */
  long lowestDue() {
    // What readers left behind is read first: one that leaves in between is then still seen with
    // its state, or the value is too low, which is safe.
    long kept = kept();
    long least = leastLosslessCursor();
    return least == Long.MAX_VALUE ? kept : least;
  }

  /** Returns a lossless reader that is at a sequence and waits for another, or -1. */
  int holderWaitingFor(long cursor, long awaited) {
    for (int entry = 0; entry < geometry.readerEntryCount(); entry++) {
      if (ReaderEntryDescriptor.isLossless(stateWordAcquire(entry))
          && cursorAcquire(entry) == cursor
          && waitingForAcquire(entry) == awaited + 1) {
        return entry;
      }
    }
    return -1;
  }

  /** Returns the highest cursor of any reader that left or was evicted; 0 if there was none. */
  long kept() {
    long kept = 0;
    for (int entry = 0; entry < geometry.readerEntryCount(); entry++) {
      kept =
          Math.max(
              kept,
              channel.getLongAcquire(
                  geometry.readerEntryOffset(entry) + ReaderEntryDescriptor.LEFT_CURSOR_OFFSET));
    }
    return kept;
  }

  int attachedCount() {
    int count = 0;
    for (int entry = 0; entry < geometry.readerEntryCount(); entry++) {
      if (stateWordAcquire(entry) != ReaderEntryDescriptor.FREE) {
        count++;
      }
    }
    return count;
  }

  boolean anyWaiting() {
    for (int entry = 0; entry < geometry.readerEntryCount(); entry++) {
      if (waitingForAcquire(entry) != 0) {
        return true;
      }
    }
    return false;
  }

  ProcessIdentity process(int entry) {
    long offset = geometry.readerEntryOffset(entry);
    return new ProcessIdentity(
        channel.getLong(offset + ReaderEntryDescriptor.PID_OFFSET),
        channel.getLong(offset + ReaderEntryDescriptor.START_TIME_OFFSET),
        channel.getLong(offset + ReaderEntryDescriptor.PID_NAMESPACE_OFFSET));
  }

  String label(int entry) {
    byte[] bytes = new byte[ReaderEntryDescriptor.LABEL_LENGTH];
    channel.getBytes(
        geometry.readerEntryOffset(entry) + ReaderEntryDescriptor.LABEL_OFFSET,
        bytes,
        0,
        bytes.length);
    return SegmentHeader.text(java.nio.ByteBuffer.wrap(bytes), 0, bytes.length);
  }

  /** Names a reader for messages. */
  String describe(int entry) {
    int stateWord = stateWordAcquire(entry);
    String label = label(entry);
    return "reader entry="
        + entry
        + " pid="
        + process(entry).pid()
        + (label.isEmpty() ? "" : " label=" + label)
        + " mode="
        + (ReaderEntryDescriptor.mode(stateWord) == ReaderEntryDescriptor.MODE_LOSSLESS
            ? "LOSSLESS"
            : "OBSERVER");
  }

  /**
   * Frees an entry whose owner is certainly dead.
   *
   * @return whether the entry was in use and is free now
   */
  boolean evictIfDead(int entry) {
    FileLock lock = channel.file().tryLock(HeaderDescriptor.readerLockPosition(entry), 1);
    if (lock == null) {
      return false;
    }
    try {
      return evictLocked(entry);
    } finally {
      SegmentFile.release(lock);
    }
  }

  /** As {@link #evictIfDead}; the caller holds the lock of the entry. */
  boolean evictLocked(int entry) {
    if (stateWordAcquire(entry) == ReaderEntryDescriptor.FREE) {
      return false;
    }
    ProcessIdentity process = process(entry);
    if (process.isRunning()) {
      logLockLost(entry);
      return false;
    }
    leave(entry, cursorAcquire(entry));
    return true;
  }

  /** Logs once for each owner of an entry. */
  private void logLockLost(int entry) {
    long token =
        channel.getLong(geometry.readerEntryOffset(entry) + ReaderEntryDescriptor.TOKEN_OFFSET);
    if (lockLostTokens.add(token)) {
      LOGGER.log(
          System.Logger.Level.WARNING,
          "channel={0}: the kernel lock of {1} is lost though its process runs; something in that"
              + " process opened and closed the segment file",
          segment.name,
          describe(entry));
    }
  }

  /**
   * Frees an entry. The caller owns it, or has proved its owner's death.
   *
   * @param cursor up to which its reader has read
   */
  void leave(int entry, long cursor) {
    long offset = geometry.readerEntryOffset(entry);
    int stateWord = stateWordAcquire(entry);
    // One that dies while it joins has read nothing.
    boolean joined = ReaderEntryDescriptor.state(stateWord) != ReaderEntryDescriptor.JOINING;
    boolean counts =
        geometry.overflow() == OverflowPolicy.DROP_OLDEST
            || ReaderEntryDescriptor.isLossless(stateWord);
    if (joined && counts) {
      long left = channel.getLong(offset + ReaderEntryDescriptor.LEFT_CURSOR_OFFSET);
      long reached = Math.min(cursor, segment.readableAcquire());
      if (reached > left) {
        channel.putLongRelease(offset + ReaderEntryDescriptor.LEFT_CURSOR_OFFSET, reached);
      }
    }
    channel.putLong(offset + ReaderEntryDescriptor.TOKEN_OFFSET, 0);
    // SYNC POINT: reader state. The cursor left behind is there before the state says free.
    channel.putIntRelease(offset + ReaderEntryDescriptor.STATE_OFFSET, ReaderEntryDescriptor.FREE);
    channel.putLongRelease(offset + ReaderEntryDescriptor.WAITING_FOR_OFFSET, 0);
    clearPins(entry);
    VarHandle.fullFence();
    segment.wakeWriterIfWaiting();
  }

  void clearPins(int entry) {
    long offset = geometry.readerEntryOffset(entry) + ReaderEntryDescriptor.PINS_OFFSET;
    for (int pin = 0; pin < ReaderEntryDescriptor.PIN_COUNT; pin++) {
      channel.putLongRelease(offset + (long) pin * Long.BYTES, 0);
    }
  }
}
