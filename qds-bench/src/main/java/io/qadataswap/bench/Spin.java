package io.qadataswap.bench;

/** A deadline for loops that spin on a peer, which may have died. */
final class Spin {
  private static final int SPINS_PER_LOOK = 1 << 20;
  private static final long LIMIT_NS = 60_000_000_000L;

  private int spins;
  private long startNs;

  /** Called in each turn of the loop; looks at the clock now and then. */
  void turn() {
    if (++spins == SPINS_PER_LOOK) {
      spins = 0;
      long nowNs = System.nanoTime();
      if (startNs == 0) {
        startNs = nowNs;
      } else if (nowNs - startNs > LIMIT_NS) {
        throw new IllegalStateException("the other side has been silent for a minute");
      }
    }
  }

  /** Called when the peer has answered. */
  void reset() {
    spins = 0;
    startNs = 0;
  }
}
