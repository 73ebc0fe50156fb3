package io.qadataswap.api.internal.qads1;

import io.qadataswap.api.QdsException;
import io.qadataswap.api.QdsException.Reason;
import io.qadataswap.api.channel.NamedSemaphore;

/**
 * Where the tokens of a channel are at one moment. Together with the buffers that are in use there
 * are as many write tokens as buffers, and as many read tokens as unread messages; each is in its
 * semaphore, or in the hand of a process that is between taking it and passing it on. A process
 * that is killed there takes the token along.
 *
 * @param bufferCount of the channel
 * @param write tokens in the semaphore
 * @param read tokens in the semaphore
 * @param unread messages that nobody has taken
 * @param held buffers whose message a reader of QDS has taken and whose token it has not given back
 */
record Tokens(int bufferCount, int write, int read, long unread, int held) {
  private static final long MAX_EXCESS = 1 << 20;

  static Tokens of(Segment segment) {
    return new Tokens(
        segment.header.bufferCount(),
        segment.writeTokens.value(),
        segment.readTokens.value(),
        segment.unreadCount(),
        segment.owedCount());
  }

  /** Write tokens that are nowhere to be seen; negative for more than there may be. */
  long missingWrite() {
    return bufferCount - unread - held - write;
  }

  /** Read tokens that are nowhere to be seen; negative for more than there may be. */
  long missingRead() {
    return unread - read;
  }

  boolean isBalanced() {
    return missingWrite() == 0 && missingRead() == 0;
  }

  /** Whether nobody can do anything any more: tokens are gone and none is left. */
  boolean isStuck() {
    return !isBalanced() && write == 0 && read == 0;
  }

  @Override
  public String toString() {
    return "buffers="
        + bufferCount
        + " write tokens="
        + write
        + " read tokens="
        + read
        + " unread="
        + unread
        + " held="
        + held
        + " missing="
        + missingWrite()
        + " write, "
        + missingRead()
        + " read";
  }

  /** Says that tokens are lost, and what helps. */
  QdsException lost(String channel) {
    return new QdsException(
        Reason.CORRUPT,
        "channel="
            + channel
            + " "
            + this
            + " allowed=0 missing: a process that was killed took them along, and others have the"
            + " object mapped, so they cannot be restored; end those, or remove the channel (./qds"
            + " rm "
            + channel
            + " --layout qads1)");
  }

  /**
   * Puts the tokens right, for who is alone: no other process has the object mapped, no other
   * participant of QDS is attached, and none can attach meanwhile. Afterwards there is no message
   * half-written and none half-taken.
   *
   * @param segment to be mended
   * @param reader the caller's place, -1 for a writer
   * @param writeInHand write tokens that the caller has taken
   * @param readInHand read tokens that the caller has taken
   * @return whether something was wrong
   */
  static boolean mend(Segment segment, int reader, int writeInHand, int readInHand) {
    boolean changed = mendFront(segment);
    changed |= mendBack(segment);
    changed |= mendHeld(segment, reader);
    Tokens found = of(segment);
    changed |= adjust(segment.writeTokens, found.missingWrite() - writeInHand);
    changed |= adjust(segment.readTokens, found.missingRead() - readInHand);
    return changed;
  }

  /**
   * Gives the tokens that have been missing for so long that nobody who lives has them in his hand,
   * for who has the turn, while others of QDS are attached and nobody else is. If somebody has one
   * after all, there is one too many then, which does no harm among those of QDS: a writer drops a
   * token whose buffer is not free, a reader one without a message.
   *
   * @param segment to be mended
   * @param writeInHand write tokens that the caller has taken
   * @param readInHand read tokens that the caller has taken
   * @return whether something was missing
   */
  static boolean replace(Segment segment, int writeInHand, int readInHand) {
    boolean changed = mendFront(segment);
    Tokens found = of(segment);
    changed |= adjust(segment.writeTokens, Math.max(0, found.missingWrite() - writeInHand));
    changed |= adjust(segment.readTokens, Math.max(0, found.missingRead() - readInHand));
    return changed;
  }

  /** Gives tokens, or takes what is too many. Returns whether there was anything to do. */
  private static boolean adjust(NamedSemaphore semaphore, long missing) {
    for (long given = 0; given < missing; given++) {
      semaphore.post();
    }
    // More than this is no accident, and would take long.
    long excess = Math.min(-missing, MAX_EXCESS);
    for (long taken = 0; taken < excess && semaphore.tryWait(); taken++) {
      // until it fits
    }
    return missing != 0;
  }

  /** Completes what readers that died had begun with the oldest unread messages. */
  private static boolean mendFront(Segment segment) {
    boolean changed = false;
    segment.requireSoundSequences();
    long written = segment.writeSequence();
    long read = segment.readSequence();
    while (read < written && segment.state(read) != BufferState.READY) {
      changed = true;
      if (segment.state(read) == BufferState.FREE) {
        // The original's reader was done with it, and had not counted it yet.
        read++;
        segment.setReadSequence(read);
      } else {
        // A reader of QDS had marked it, and had not taken it yet.
        segment.setState(read, BufferState.READY);
      }
    }
    return changed;
  }

  /** Takes back a message whose writer died before it counted it. */
  private static boolean mendBack(Segment segment) {
    long written = segment.writeSequence();
    boolean isWritersBuffer = written - segment.readSequence() < segment.header.bufferCount();
    if (isWritersBuffer && segment.state(written) == BufferState.READY) {
      segment.setState(written, BufferState.FREE);
      return true;
    }
    return false;
  }

  /** Closes what readers that died held. The tokens are counted afterwards. */
  private static boolean mendHeld(Segment segment, int reader) {
    boolean changed = false;
    long read = segment.readSequence();
    boolean mayGiveBack = true;
    for (long sequence = Math.max(0, read - segment.header.bufferCount());
        sequence < read;
        sequence++) {
      int state = segment.state(sequence);
      boolean own = BufferState.isLent(state) && BufferState.readerOf(state) == reader;
      mayGiveBack &= !own;
      if (BufferState.isOwed(state) && !own) {
        // Behind one that the caller holds the token has to wait.
        segment.setState(sequence, mayGiveBack ? BufferState.FREE : BufferState.CLOSED);
        changed = true;
      }
    }
    return changed;
  }
}
