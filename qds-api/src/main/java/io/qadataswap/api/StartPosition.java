package io.qadataswap.api;

/**
 * Where a reader starts.
 *
 * @param kind how the position is chosen
 * @param sequence for {@link Kind#SEQUENCE}, else 0
 * @param gapsAllowed for {@link Kind#SEQUENCE}: whether to start at the oldest message if the asked
 *     one is gone
 */
public record StartPosition(Kind kind, long sequence, boolean gapsAllowed) {
  /** How a start position is chosen. */
  public enum Kind {
    /** At the oldest message that is available. */
    OLDEST,
    /** After the newest message. */
    LATEST,
    /** At a given sequence. */
    SEQUENCE
  }

  /** Checks the values. */
  public StartPosition {
    if (sequence < 0) {
      throw new IllegalArgumentException("sequence=" + sequence + " allowed=0 or more");
    }
  }

  /**
   * At the oldest message that is available. The default.
   *
   * @return the position
   */
  public static StartPosition oldest() {
    return new StartPosition(Kind.OLDEST, 0, false);
  }

  /**
   * After the newest message: the first one read is the next one written.
   *
   * @return the position
   */
  public static StartPosition latest() {
    return new StartPosition(Kind.LATEST, 0, false);
  }

  /**
   * At a given sequence; refused if that message is gone or lies beyond the next one to be written.
   *
   * @param sequence of the first message, 0-based
   * @return the position
   */
  public static StartPosition at(long sequence) {
    return new StartPosition(Kind.SEQUENCE, sequence, false);
  }

  /**
   * At a given sequence, or at the oldest message if that one is gone.
   *
   * @param sequence of the first message, 0-based
   * @return the position
   */
  public static StartPosition atOrAfter(long sequence) {
    return new StartPosition(Kind.SEQUENCE, sequence, true);
  }
}
