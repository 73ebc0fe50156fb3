package io.qadataswap.api.internal.qads1;

/**
 * The words by which readers of QDS keep the turn without system calls; see {@link Turn}. They lie
 * behind the states of the buffers, where the original leaves at least 43 bytes that it never looks
 * at. Offsets from the first multiple of 4 there; 0, or the place of a reader + 1.
 *
 * <pre>
 * offset width field  written by
 *      0     4 owner  who has the turn; 0 by whoever ends the ownership
 *      4     4 busy   the owner, while it is in its turn; 0 by others if it died there
 *      8     4 last   who has the turn: who had it last
 *     12     4 bearer who may write busy: the owner, and from then on until it has seen that it owns
 *                     no more, and stores 0; who has the turn, if the bearer died
 * </pre>
 */
final class TurnDescriptor {
  static final int OWNER_OFFSET = 0;
  static final int BUSY_OFFSET = 4;
  static final int LAST_OFFSET = 8;
  static final int BEARER_OFFSET = 12;
  static final int LENGTH = 16;

  /** What stands there for nobody. */
  static final int NONE = 0;

  private TurnDescriptor() {}
}
