package io.qadataswap.api.internal.qads1;

/**
 * Looks, for one who waits, whether tokens were lost with a process that was killed: restores them
 * if nobody but QDS uses the object, else says so, once, and fails when nobody can go on any more.
 *
 * <p>A process that lives may have a token in its hand for as long as it is off the CPU: so nothing
 * is believed that has not stayed the same for a while.
 */
final class StuckCheck {
  private static final System.Logger LOGGER = System.getLogger("io.qadataswap.api");

  private static final long LASTING_NS = 1_000_000_000;
  private static final long FAIL_NS = 10_000_000_000L;

  private final Segment segment;

  /** What was found when it was last found to have changed. */
  private Tokens last;

  private long lastRead;
  private long sinceNs;
  private Tokens told;

  /**
   * Creates the check of one participant.
   *
   * @param segment to look at
   */
  StuckCheck(Segment segment) {
    this.segment = segment;
  }

  /**
   * Looks.
   *
   * @param writeInHand write tokens that the caller has taken
   * @param readInHand read tokens that the caller has taken
   */
  void run(int writeInHand, int readInHand) {
    Tokens found = Tokens.of(segment);
    long read = segment.readSequence();
    long nowNs = System.nanoTime();
    // One too many does no harm: see Tokens.replace.
    boolean missing = found.missingWrite() > writeInHand || found.missingRead() > readInHand;
    if (!missing || !found.equals(last) || read != lastRead) {
      last = found;
      lastRead = read;
      sinceNs = nowNs;
      return;
    }
    if (segment.mendIfAlone(writeInHand, readInHand)) {
      last = null;
      return;
    }
    long lastedNs = nowNs - sinceNs;
    if (lastedNs < LASTING_NS) {
      return;
    }
    if (!segment.users.anyForeign()) {
      segment.replaceTokens(writeInHand, readInHand);
      last = null;
    } else if (lastedNs >= FAIL_NS && found.isStuck()) {
      throw found.lost(segment.name);
    } else if (!found.equals(told)) {
      told = found;
      LOGGER.log(System.Logger.Level.WARNING, found.lost(segment.name).getMessage());
    }
  }
}
