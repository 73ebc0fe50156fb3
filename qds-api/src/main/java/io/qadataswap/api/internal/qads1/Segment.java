package io.qadataswap.api.internal.qads1;

import io.qadataswap.api.QdsException;
import io.qadataswap.api.QdsException.Reason;
import io.qadataswap.api.channel.Channel;
import io.qadataswap.api.channel.NamedSemaphore;
import io.qadataswap.api.channel.SegmentFile;
import java.lang.invoke.VarHandle;
import java.nio.channels.FileLock;

/**
 * A mapped object with its semaphores: the words that all participants share, and the order in
 * which tokens are given back.
 *
 * <p>Readers of QDS take messages and give tokens back by turns. Nobody waits for the turn who only
 * has a token to give back: he marks his buffer first, and then tries; who has the turn gives it up
 * first, and then looks for marks. So one of the two sees the other.
 */
final class Segment {
  private static final System.Logger LOGGER = System.getLogger("io.qadataswap.api");

  private static final long MAX_SEQUENCE = 1L << 62;

  final String name;
  final Header header;
  final Channel channel;
  final SegmentFile file;
  final ObjectUsers users;
  final NamedSemaphore writeTokens;
  final NamedSemaphore readTokens;
  final Turn turn;

  /** Of the reader whose end this is, -1 for the writer's. */
  private final int place;

  Segment(
      int place,
      String name,
      Header header,
      Channel channel,
      ObjectUsers users,
      NamedSemaphore writeTokens,
      NamedSemaphore readTokens) {
    this.place = place;
    this.name = name;
    this.header = header;
    this.channel = channel;
    this.file = channel.file();
    this.users = users;
    this.writeTokens = writeTokens;
    this.readTokens = readTokens;
    this.turn = new Turn(channel, header.bufferCount(), place);
  }

  long writeSequence() {
    return channel.getLongAcquire(HeaderDescriptor.WRITE_SEQUENCE_OFFSET);
  }

  void setWriteSequence(long sequence) {
    channel.putLongRelease(HeaderDescriptor.WRITE_SEQUENCE_OFFSET, sequence);
  }

  long readSequence() {
    return channel.getLongAcquire(HeaderDescriptor.READ_SEQUENCE_OFFSET);
  }

  void setReadSequence(long sequence) {
    channel.putLongRelease(HeaderDescriptor.READ_SEQUENCE_OFFSET, sequence);
  }

  boolean isWriterActive() {
    boolean active = channel.getByte(HeaderDescriptor.WRITER_ACTIVE_OFFSET) != 0;
    VarHandle.acquireFence();
    return active;
  }

  void setWriterActive(boolean active) {
    VarHandle.releaseFence();
    channel.putByte(HeaderDescriptor.WRITER_ACTIVE_OFFSET, (byte) (active ? 1 : 0));
  }

  /** Counts a reader in or out, as the original does. Its own count is atomic, this one is not. */
  void addReader(int change) {
    int count = channel.getInt(HeaderDescriptor.READER_COUNT_OFFSET) + change;
    channel.putInt(HeaderDescriptor.READER_COUNT_OFFSET, Math.max(0, count));
  }

  int readerCount() {
    return Math.max(0, channel.getInt(HeaderDescriptor.READER_COUNT_OFFSET));
  }

  /** Returns the {@code ready} byte of a message's buffer; what it stands for is visible then. */
  int state(long sequence) {
    int state = channel.getByte(header.stateOffset(sequence) + BufferState.READY_OFFSET) & 0xff;
    VarHandle.acquireFence();
    return state;
  }

  /** Stores the {@code ready} byte, after everything that was done with the buffer. */
  void setState(long sequence, int state) {
    VarHandle.releaseFence();
    channel.putByte(header.stateOffset(sequence) + BufferState.READY_OFFSET, (byte) state);
  }

  long dataLength(long sequence) {
    return channel.getLong(header.stateOffset(sequence) + BufferState.DATA_SIZE_OFFSET);
  }

  long timestampUs(long sequence) {
    return channel.getLong(header.stateOffset(sequence) + BufferState.TIMESTAMP_OFFSET);
  }

  void describeMessage(long sequence, long length, long timestampUs) {
    long state = header.stateOffset(sequence);
    channel.putLong(state + BufferState.DATA_SIZE_OFFSET, length);
    channel.putLong(state + BufferState.TIMESTAMP_OFFSET, timestampUs);
  }

  /** Returns how many messages nobody has taken. */
  long unreadCount() {
    // The other way round a reader might overtake the number of messages.
    long read = readSequence();
    return Math.max(0, Math.min(header.bufferCount(), writeSequence() - read));
  }

  /** Refuses sequences that no participant stores. */
  void requireSoundSequences() {
    long read = readSequence();
    long written = writeSequence();
    // A reader may have gone on meanwhile, and the writer behind it.
    boolean sound =
        read >= 0
            && written >= read
            && written <= MAX_SEQUENCE
            && (written - read <= header.bufferCount() || readSequence() != read);
    if (!sound) {
      throw new QdsException(
          Reason.CORRUPT,
          "channel="
              + name
              + " write_sequence="
              + written
              + " read_sequence="
              + read
              + " allowed=0 <= read_sequence <= write_sequence <= read_sequence + "
              + header.bufferCount()
              + "; remove the channel and create it again");
    }
  }

  /** Ends the caller's turn, and gives back what others could not meanwhile. */
  void endTurn() {
    turn.end();
    returnTokens();
  }

  /**
   * Gives back, in the order of the messages, the tokens of all buffers that are done with. Leaves
   * it to others if somebody else has the turn.
   */
  void returnTokens() {
    // SYNC POINT: turn. Who has closed a message stores that, fences, and tries to get the turn;
    // who
    // has the turn gives it up, fences, and looks for closed messages.
    VarHandle.fullFence();
    while (isOldestClosed() && turn.tryTake()) {
      try {
        returnTokensInTurn();
      } finally {
        turn.end();
      }
      VarHandle.fullFence();
    }
  }

  /** The same for who has the turn. */
  private void returnTokensInTurn() {
    long end = readSequence();
    for (long sequence = firstOwed(end); sequence < end; sequence++) {
      int state = state(sequence);
      if (BufferState.isLent(state)) {
        return;
      }
      if (state == BufferState.CLOSED) {
        // A process that dies between these two loses the token, but none is given twice.
        setState(sequence, BufferState.FREE);
        writeTokens.post();
      }
    }
  }

  /** Returns whether a token can be given back. */
  private boolean isOldestClosed() {
    long end = readSequence();
    for (long sequence = firstOwed(end); sequence < end; sequence++) {
      int state = state(sequence);
      if (BufferState.isOwed(state)) {
        return state == BufferState.CLOSED;
      }
    }
    return false;
  }

  /** Returns the oldest message whose token readers of QDS may have to give back. */
  private long firstOwed(long end) {
    return Math.max(0, end - header.bufferCount());
  }

  /**
   * Gives back what readers hold that died, and what they could not give back. Makes system calls.
   */
  void returnTokensOfDead() {
    if (isAnyHeldByDead() && turn.tryTake()) {
      try {
        long end = readSequence();
        for (long sequence = firstOwed(end); sequence < end; sequence++) {
          if (isHeldByDead(sequence)) {
            setState(sequence, BufferState.CLOSED);
          }
        }
      } finally {
        turn.end();
      }
    }
    returnTokens();
  }

  private boolean isAnyHeldByDead() {
    long end = readSequence();
    for (long sequence = firstOwed(end); sequence < end; sequence++) {
      if (isHeldByDead(sequence)) {
        return true;
      }
    }
    return false;
  }

  private boolean isHeldByDead(long sequence) {
    int state = state(sequence);
    if (!BufferState.isLent(state)) {
      return false;
    }
    int reader = BufferState.readerOf(state);
    return reader != place && !file.isLocked(HeaderDescriptor.READER_LOCKS_POSITION + reader);
  }

  /** Counts the buffers whose tokens readers of QDS have not given back. */
  int owedCount() {
    int count = 0;
    for (int buffer = 0; buffer < header.bufferCount(); buffer++) {
      if (BufferState.isOwed(state(buffer))) {
        count++;
      }
    }
    return count;
  }

  /**
   * Returns whether the writer is gone without having closed: no writer of QDS holds its byte, and
   * nobody but readers of QDS has the object mapped. Makes system calls.
   */
  boolean isWriterDead() {
    return isWriterActive()
        && !file.isLocked(HeaderDescriptor.WRITER_LOCK_POSITION)
        && !users.anyForeign()
        // It may have closed, or a successor may have come, while we looked.
        && isWriterActive()
        && !file.isLocked(HeaderDescriptor.WRITER_LOCK_POSITION);
  }

  /**
   * Puts the tokens right if nobody else uses the object: see {@link Tokens#mend}.
   *
   * @param writeInHand write tokens that the caller has taken
   * @param readInHand read tokens that the caller has taken
   * @return whether the caller was alone, so that they are right now
   */
  boolean mendIfAlone(int writeInHand, int readInHand) {
    long own =
        place < 0
            ? HeaderDescriptor.WRITER_LOCK_POSITION
            : HeaderDescriptor.READER_LOCKS_POSITION + place;
    long start = HeaderDescriptor.WRITER_LOCK_POSITION;
    long end = start + HeaderDescriptor.LOCKS_LENGTH;
    // Looked at first: it may take a while, and nobody can attach while the bytes are locked.
    if (users.anyForeign()) {
      return false;
    }
    FileLock below = null;
    FileLock above = null;
    boolean alone;
    try {
      below = own == start ? null : file.tryLock(start, own - start);
      above = file.tryLock(own + 1, end - own - 1);
      alone = (own == start || below != null) && above != null && turn.tryTakeAlone();
      if (alone) {
        try {
          Tokens before = Tokens.of(this);
          logIf(Tokens.mend(this, place, writeInHand, readInHand), before);
        } finally {
          turn.end();
        }
      }
    } finally {
      if (below != null) {
        SegmentFile.release(below);
      }
      if (above != null) {
        SegmentFile.release(above);
      }
    }
    returnTokens();
    return alone;
  }

  /**
   * Gives tokens for those that are missing, if the turn can be had: see {@link Tokens#replace}.
   *
   * @param writeInHand write tokens that the caller has taken
   * @param readInHand read tokens that the caller has taken
   */
  void replaceTokens(int writeInHand, int readInHand) {
    if (turn.tryTake()) {
      try {
        Tokens before = Tokens.of(this);
        logIf(Tokens.replace(this, writeInHand, readInHand), before);
      } finally {
        endTurn();
      }
    }
  }

  private void logIf(boolean restored, Tokens before) {
    if (restored) {
      LOGGER.log(
          System.Logger.Level.INFO,
          "channel={0}: restored what processes that died took along: {1}",
          name,
          before);
    }
  }

  void close() {
    try {
      writeTokens.close();
      readTokens.close();
    } finally {
      channel.close();
    }
  }
}
