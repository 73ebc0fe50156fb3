package io.qadataswap.tck.broken;

import io.qadataswap.api.Qds;
import io.qadataswap.api.layout.RingLayout;
import io.qadataswap.tck.RingLayoutTck;
import io.qadataswap.tck.broken.FaultyLayout.Fault;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;

/** Layouts that break a rule on purpose fail that rule. */
@EnabledForJreRange(min = JRE.JAVA_22, disabledReason = "the kit is the same on each Java")
class BrokenLayoutsTest {
  private static final Map<Fault, Set<String>> BROKEN = new EnumMap<>(Fault.class);

  static {
    breaks(Fault.NONE);
    breaks(Fault.WRONG_NAME, "RL-01", "RL-48");
    breaks(Fault.LOSES_MESSAGES, "RL-10", "RL-23", "RL-24");
    breaks(Fault.LOSES_TAGS, "RL-11");
    breaks(Fault.LOSES_TIMES, "RL-12");
    breaks(Fault.MESSAGES_ARE_WRITABLE, "RL-13");
    breaks(Fault.COMMITS_THE_WHOLE_CLAIM, "RL-14");
    breaks(Fault.PUBLISHES_WHAT_WAS_ABORTED, "RL-15", "RL-30");
    breaks(Fault.LEAVES_REGIONS_OPEN, "RL-16");
    breaks(Fault.SAYS_NOT_WHAT_IS_TOO_LARGE, "RL-17");
    breaks(Fault.A_READER_MISSES_ONE, "RL-12", "RL-20", "RL-22", "RL-23");
    breaks(Fault.STARTS_AT_THE_OLDEST, "RL-22");
    breaks(Fault.COUNTS_NO_LOSSES, "RL-23", "RL-24");
    breaks(Fault.OBSERVERS_HOLD_BACK, "RL-23");
    breaks(Fault.TAKES_LOSSLESS_READERS, "RL-24");
    breaks(Fault.NEVER_WAITS_FOR_ROOM, "RL-30", "RL-35", "RL-36");
    breaks(Fault.FORGETS_WHAT_CAME_FIRST, "RL-31", "RL-45");
    breaks(Fault.GIVES_LOANS_BACK_AT_ONCE, "RL-32", "RL-33", "RL-50");
    breaks(Fault.CLOSES_LOANS_WITH_THE_READER, "RL-33");
    breaks(Fault.NEVER_WAITS_FOR_MESSAGES, "RL-34");
    breaks(Fault.IGNORES_INTERRUPT_WAIT, "RL-35");
    breaks(Fault.IGNORES_INTERRUPTS, "RL-36");
    breaks(Fault.ENDS_BEFORE_THE_LAST, "RL-40");
    breaks(Fault.NO_CHANNEL_IS_AN_IO_ERROR, "RL-42");
    breaks(Fault.A_SECOND_WRITER, "RL-43");
    breaks(Fault.IGNORES_IF_EXISTS, "RL-44");
    breaks(Fault.DROPS_THE_UNREAD, "RL-44", "RL-45", "RL-46", "RL-47");
    breaks(Fault.IGNORES_GEOMETRY, "RL-46");
    breaks(Fault.IGNORES_CODECS, "RL-47");
    breaks(Fault.REMOVES_THE_LIVING, "RL-48");
    breaks(Fault.LEAVES_FILES, "RL-49");
    breaks(Fault.COUNTS_NOTHING, "RL-50");
    breaks(Fault.SEES_NO_DEATH, "RL-60");
    breaks(Fault.REFUSES_SUCCESSORS_OF_THE_DEAD, "RL-61");
    breaks(Fault.WAITS_FOR_THE_DEAD, "RL-62");
    breaks(Fault.BREAKS_ON_DAMAGE, "RL-70");
  }

  /** To save time only the tens of rules that a fault is about are tried: RL-30 to 39, say. */
  private static String numbers(Fault fault) {
    String tens =
        BROKEN.get(fault).stream()
            .map(rule -> rule.substring(3, 4))
            .distinct()
            .collect(Collectors.joining());
    return tens.isEmpty() ? "RL-.*" : "RL-[" + tens + "].";
  }

  private static Fault fault;

  /** What follows from a fault: the rule that it is about, and those that rely on it. */
  private static void breaks(Fault fault, String... rules) {
    BROKEN.put(fault, Set.of(rules));
  }

  static final class FaultyLayoutTck extends RingLayoutTck {
    @Override
    protected String layout() {
      return "qds1";
    }

    @Override
    protected String backend() {
      return Qds.backends().stream()
          .filter(backend -> backend.unavailableReason().isEmpty())
          .findFirst()
          .orElseThrow()
          .name();
    }

    @Override
    protected RingLayout newLayout() {
      return new FaultyLayout(super.newLayout(), fault);
    }

    @Override
    protected List<String> flags() {
      return List.of("--add-opens=java.base/jdk.internal.misc=ALL-UNNAMED");
    }
  }

  @TestFactory
  Stream<DynamicTest> eachFaultBreaksItsRule() {
    return BrokenRules.tests(
        BROKEN, FaultyLayoutTck.class, BrokenLayoutsTest::numbers, each -> fault = each);
  }
}
