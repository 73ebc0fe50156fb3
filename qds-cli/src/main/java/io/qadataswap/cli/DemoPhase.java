package io.qadataswap.cli;

/** What a message of the demo is for. */
enum DemoPhase {
  /** Flights before anything is measured. */
  WARM_UP(0),
  /** Flights as fast as they go. */
  STREAM(1),
  /** Flights with one message under way at a time. */
  HAND_OVER(2),
  /** The table with texts, nulls, a dictionary, lists and several batches. */
  MIXED(3);

  private final long tag;

  DemoPhase(long tag) {
    this.tag = tag;
  }

  /** Returns the tag of the phase's messages. */
  long tag() {
    return tag;
  }

  static DemoPhase of(long tag) {
    for (DemoPhase phase : values()) {
      if (phase.tag == tag) {
        return phase;
      }
    }
    throw new ToolException(ExitCode.DIFFERENT, "a message has the tag " + tag, null);
  }
}
