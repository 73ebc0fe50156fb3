package io.qadataswap.api.internal.qds1;

import io.qadataswap.api.QdsException;
import io.qadataswap.api.QdsException.Reason;
import io.qadataswap.api.channel.Channel;
import java.lang.invoke.VarHandle;
import java.nio.charset.StandardCharsets;

/**
 * A mapped segment of this layout: the words that both ends share, and who its writer is. What a
 * method name says of order (acquire, release) is what the word needs; the pairs are labelled where
 * they are used.
 */
final class Segment {
  private static final long MAX_SEQUENCE = 1L << 62;

  final String name;
  final SegmentHeader header;
  final Geometry geometry;
  final Channel channel;
  final ReaderTable readers;

  Segment(String name, SegmentHeader header, Channel channel) {
    this.name = name;
    this.header = header;
    this.geometry = header.geometry();
    this.channel = channel;
    this.readers = new ReaderTable(this);
  }

  long floorAcquire() {
    return channel.getLongAcquire(HeaderDescriptor.FLOOR_OFFSET);
  }

  long publishedAcquire() {
    return channel.getLongAcquire(HeaderDescriptor.PUBLISHED_OFFSET);
  }

  long stampAcquire(long sequence) {
    return channel.getLongAcquire(geometry.slotOffset(sequence) + MessageDescriptor.STAMP_OFFSET);
  }

  /**
   * Returns the sequence after the last one that readers can see. That is one more than {@code
   * published} while a commit is between its last two stores.
   */
  long readableAcquire() {
    long published = publishedAcquire();
    return stampAcquire(published) == published + 1 ? published + 1 : published;
  }

  /** Refuses a segment whose counters no writer stores. */
  void requireSoundCounters() {
    long floor = floorAcquire();
    long published = publishedAcquire();
    if (floor < 0 || floor > published || published > MAX_SEQUENCE) {
      throw new QdsException(
          Reason.CORRUPT,
          "channel="
              + name
              + " floor="
              + floor
              + " published="
              + published
              + " allowed=0 <= floor <= published <= "
              + MAX_SEQUENCE
              + "; remove the channel and create it again");
    }
  }

  /** For a successor: while a writer runs, the two counters cannot be read at one moment. */
  void requireFloorInRing() {
    long lowest = publishedAcquire() - geometry.slotCount();
    if (floorAcquire() < lowest) {
      throw new QdsException(
          Reason.CORRUPT,
          "channel="
              + name
              + " floor="
              + floorAcquire()
              + " published="
              + publishedAcquire()
              + " allowed=a floor of at least "
              + lowest
              + ", published less the slots; remove the channel and create it again");
    }
  }

  /** For a successor: each message that is there names a part of the arena. */
  void requireSoundDescriptors() {
    long published = publishedAcquire();
    for (long sequence = floorAcquire(); sequence < published; sequence++) {
      long slot = geometry.slotOffset(sequence);
      long stamp = stampAcquire(sequence);
      long offset = channel.getLong(slot + MessageDescriptor.OFFSET_OFFSET);
      long length = channel.getLong(slot + MessageDescriptor.LENGTH_OFFSET);
      if (stamp != sequence + 1 || !geometry.isPayload(offset, length)) {
        throw new QdsException(
            Reason.CORRUPT,
            "channel="
                + name
                + " descriptor of message "
                + sequence
                + ": stamp="
                + stamp
                + " offset="
                + offset
                + " length="
                + length
                + " allowed=the stamp "
                + (sequence + 1)
                + " and a multiple of 64 with its length inside the arena of "
                + geometry.arenaLength()
                + " bytes; read what can be read, then remove the channel");
      }
    }
  }

  int writerStateAcquire() {
    return channel.getIntAcquire(HeaderDescriptor.WRITER_STATE_OFFSET);
  }

  boolean isRemoved() {
    return channel.getInt(HeaderDescriptor.REMOVED_OFFSET) != 0;
  }

  /**
   * Wakes the writer if it may be asleep. The caller has stored what the writer waits for, and paid
   * a full fence since.
   */
  void wakeWriterIfWaiting() {
    // SYNC POINT: room. The writer stores this word, fences, and looks for room again before it
    // sleeps.
    if (channel.getInt(HeaderDescriptor.WRITER_WAITING_OFFSET) != 0) {
      channel.putIntRelease(HeaderDescriptor.WRITER_WAITING_OFFSET, 0);
      channel.wake(HeaderDescriptor.WRITER_WAITING_OFFSET);
    }
  }

  /** Wakes readers that may be asleep. The caller has stored what they wait for. */
  void wakeWaitingReaders() {
    // SYNC POINT: message. A reader stores its flag, fences, stores the hint, fences, and looks for
    // the
    // message again before it sleeps.
    VarHandle.fullFence();
    if (channel.getInt(HeaderDescriptor.READERS_WAITING_OFFSET) != 0) {
      channel.putInt(HeaderDescriptor.READERS_WAITING_OFFSET, 0);
      VarHandle.fullFence();
      if (readers.anyWaiting()) {
        channel.putInt(HeaderDescriptor.READERS_WAITING_OFFSET, 1);
        channel.wake(HeaderDescriptor.PUBLISHED_OFFSET);
      }
    }
  }

  ProcessIdentity writerProcess() {
    return new ProcessIdentity(
        channel.getLong(HeaderDescriptor.WRITER_PID_OFFSET),
        channel.getLong(HeaderDescriptor.WRITER_START_TIME_OFFSET),
        channel.getLong(HeaderDescriptor.WRITER_PID_NAMESPACE_OFFSET));
  }

  /**
   * Returns whether the writer is gone without having closed. Certain: its kernel lock is free and
   * its recorded process does not run.
   */
  boolean isWriterDead() {
    if (writerStateAcquire() != HeaderDescriptor.WRITER_ACTIVE) {
      return false;
    }
    long token = channel.getLongAcquire(HeaderDescriptor.WRITER_TOKEN_OFFSET);
    ProcessIdentity process = writerProcess();
    return !channel.isLocked(HeaderDescriptor.WRITER_LOCK_POSITION)
        && !process.isRunning()
        // It may have closed, or a successor may have come, while we looked.
        && writerStateAcquire() == HeaderDescriptor.WRITER_ACTIVE
        && channel.getLongAcquire(HeaderDescriptor.WRITER_TOKEN_OFFSET) == token;
  }

  void recordWriter(long token, String label) {
    ProcessIdentity self = ProcessIdentity.self();
    long epoch = channel.getLong(HeaderDescriptor.WRITER_EPOCH_OFFSET);
    channel.putLong(HeaderDescriptor.WRITER_PID_OFFSET, self.pid());
    channel.putLong(HeaderDescriptor.WRITER_START_TIME_OFFSET, self.startTime());
    channel.putLong(HeaderDescriptor.WRITER_PID_NAMESPACE_OFFSET, self.pidNamespace());
    channel.putLong(HeaderDescriptor.WRITER_SINCE_NS_OFFSET, realtimeNs());
    channel.putInt(HeaderDescriptor.WRITER_WAKES_OFFSET, channel.canWake() ? 1 : 0);
    putText(HeaderDescriptor.WRITER_LABEL_OFFSET, label);
    channel.putLongRelease(HeaderDescriptor.WRITER_EPOCH_OFFSET, epoch + 1);
    channel.putLongRelease(HeaderDescriptor.WRITER_TOKEN_OFFSET, token);
    channel.putIntRelease(HeaderDescriptor.WRITER_STATE_OFFSET, HeaderDescriptor.WRITER_ACTIVE);
  }

  /** Stores a label, zero-padded. */
  void putText(long offset, String text) {
    byte[] padded = new byte[ReaderEntryDescriptor.LABEL_LENGTH];
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    System.arraycopy(bytes, 0, padded, 0, Math.min(bytes.length, padded.length));
    channel.putBytes(offset, padded, 0, padded.length);
  }

  QdsException removedException() {
    return new QdsException(
        Reason.REMOVED,
        "channel=" + name + " was removed while this end was attached; close it and open again");
  }

  static long realtimeNs() {
    java.time.Instant now = java.time.Instant.now();
    return now.getEpochSecond() * 1_000_000_000L + now.getNano();
  }
}
