package io.qadataswap.tck;

import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;

/** The native layout over qds-shm-ffm. */
@EnabledForJreRange(min = JRE.JAVA_22, disabledReason = "qds-shm-ffm needs JDK 22")
class RingOnFfmTest {
  @Nested
  class Outcomes extends RingOutcomes {
    Outcomes() {
      super("ffm");
    }
  }

  @Nested
  class Flow extends RingFlow {
    Flow() {
      super("ffm");
    }
  }

  @Nested
  class Segments extends RingSegments {
    Segments() {
      super("ffm");
    }
  }
}
