package io.qadataswap.tck.live;

/**
 * Two programs that are to get along.
 *
 * @param first writes, holds or dies, as each rule says
 * @param second reads, waits or recovers
 */
record Pair(PeerProgram first, PeerProgram second) {
  @Override
  public String toString() {
    return first + " > " + second;
  }
}
