package io.qadataswap.tck.broken;

import io.qadataswap.api.Qds;
import io.qadataswap.api.channel.ChannelProvider;
import io.qadataswap.tck.ChannelTck;
import io.qadataswap.tck.broken.FaultyChannels.Fault;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;

/**
 * Backends that break a rule on purpose fail that rule. Other processes would not have the fault.
 */
@EnabledForJreRange(min = JRE.JAVA_22, disabledReason = "the kit is the same on each Java")
class BrokenChannelsTest {
  private static final Map<Fault, Set<String>> BROKEN = new EnumMap<>(Fault.class);

  static {
    breaks(Fault.NONE);
    breaks(Fault.SWAPS_BYTES, "CH-01");
    breaks(Fault.ORDERED_ACCESS_SWAPS_BYTES, "CH-02", "CH-21");
    breaks(Fault.TAKES_MISALIGNED_OFFSETS, "CH-02", "CH-03");
    breaks(Fault.CHECKS_NO_BOUNDS, "CH-04");
    breaks(Fault.ALLOWS_NEGATIVE_LENGTHS, "CH-05");
    breaks(Fault.FORGETS_THE_ARRAY_OFFSET, "CH-06");
    breaks(Fault.SLICES_ARE_BIG_ENDIAN, "CH-07", "CH-24");
    breaks(Fault.COPIES_ARE_VIEWS, "CH-08");
    breaks(Fault.EMPTY_COPIES_FAIL, "CH-09");
    breaks(Fault.READ_ONLY_IS_WRITABLE, "CH-10");
    breaks(Fault.WORKS_AFTER_CLOSE, "CH-11");
    breaks(Fault.LENGTH_IS_ROUNDED, "CH-20");
    breaks(Fault.MAPS_PRIVATELY, "CH-10", "CH-21", "CH-22", "CH-25");
    breaks(Fault.RELEASE_COMES_FIRST, "CH-22");
    breaks(Fault.MAPS_LESS_THAN_ASKED, "CH-23");
    breaks(Fault.STATES_A_WRONG_LIMIT, "CH-24");
    breaks(Fault.FAILS_WHEN_INTERRUPTED, "CH-25");
    breaks(Fault.CLOSES_NOT_THE_FILE, "CH-33", "CH-47");
    breaks(Fault.HIDES_LOCKS, "CH-30", "CH-31", "CH-32");
  }

  /** Rules that take their time are tried where they matter. */
  private static String numbers(Fault fault) {
    return switch (fault) {
      case MAPS_PRIVATELY, RELEASE_COMES_FIRST -> "CH-[012].";
      case CLOSES_NOT_THE_FILE, HIDES_LOCKS -> "CH-3[0-3]|CH-47";
      default -> "CH-[01].|CH-2[013-9]";
    };
  }

  private static Fault fault;

  /** What follows from a fault: the rule that it is about, and those that rely on it. */
  private static void breaks(Fault fault, String... rules) {
    BROKEN.put(fault, Set.of(rules));
  }

  static final class FaultyChannelTck extends ChannelTck {
    @Override
    protected String backend() {
      return Qds.backends().stream()
          .filter(backend -> backend.unavailableReason().isEmpty())
          .findFirst()
          .orElseThrow()
          .name();
    }

    @Override
    protected List<Class<?>> libraries() {
      return List.of(super.newProvider().getClass());
    }

    @Override
    protected ChannelProvider newProvider() {
      return new FaultyChannels(super.newProvider(), fault);
    }
  }

  @TestFactory
  Stream<DynamicTest> eachFaultBreaksItsRule() {
    return BrokenRules.tests(
        BROKEN, FaultyChannelTck.class, BrokenChannelsTest::numbers, each -> fault = each);
  }
}
