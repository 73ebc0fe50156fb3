package io.qadataswap.tck;

import org.junit.jupiter.api.Nested;

/** The native layout over qds-shm-agrona. */
class RingOnAgronaTest {
  @Nested
  class Outcomes extends RingOutcomes {
    Outcomes() {
      super("agrona");
    }
  }

  @Nested
  class Flow extends RingFlow {
    Flow() {
      super("agrona");
    }
  }

  @Nested
  class Segments extends RingSegments {
    Segments() {
      super("agrona");
    }
  }
}
