package io.qadataswap.tck.broken;

import io.qadataswap.api.codec.Codec;
import io.qadataswap.api.codec.CodecProvider;
import io.qadataswap.tck.CodecSamples;
import io.qadataswap.tck.CodecTck;
import io.qadataswap.tck.broken.TextsCodec.Fault;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;

/** Codecs that break a rule on purpose fail that rule. */
@EnabledForJreRange(min = JRE.JAVA_22, disabledReason = "the kit is the same on each Java")
class BrokenCodecsTest {
  private static final Map<Fault, Set<String>> BROKEN = new EnumMap<>(Fault.class);

  static {
    breaks(Fault.NONE);
    breaks(Fault.WRONG_ID, "CD-01");
    breaks(Fault.PROVIDER_OF_ANOTHER_ID, "CD-02");
    breaks(Fault.GARBLES, "CD-10", "CD-12", "CD-13", "CD-20", "CD-21", "CD-22", "CD-34", "CD-40");
    breaks(Fault.USES_MORE_THAN_MEASURED, "CD-11", "CD-14");
    breaks(Fault.FORGETS_WHAT_IT_WROTE_TWICE, "CD-12", "CD-21", "CD-22", "CD-40");
    breaks(Fault.KEEPS_WHAT_WAS_MEASURED_FIRST, "CD-13");
    breaks(Fault.LEAVES_GAPS, "CD-14");
    breaks(Fault.STORES_INTO_SOME_MESSAGES, "CD-20");
    breaks(Fault.SHARES_VALUES, "CD-21");
    breaks(Fault.RELEASES_ON_ONE_THREAD, "CD-22");
    breaks(Fault.KEEPS_ONE_LOAN, "CD-20", "CD-22", "CD-23", "CD-34");
    breaks(Fault.HOLDS_MEMORY, "CD-24", "CD-34");
    breaks(Fault.CLOSES_ONCE, "CD-24");
    breaks(Fault.TRUSTS_LENGTHS, "CD-30", "CD-31", "CD-32", "CD-33", "CD-34", "CD-35");
    breaks(Fault.ALLOCATES_FIRST, "CD-31", "CD-32", "CD-33", "CD-34");
    breaks(Fault.CHECKS_LATE, "CD-30", "CD-31", "CD-32", "CD-33");
    breaks(Fault.FAILS_FOR_EVER, "CD-30", "CD-31", "CD-32", "CD-33", "CD-34");
    breaks(Fault.HOLDS_WHAT_IT_REFUSED, "CD-34");
    breaks(Fault.SAYS_NOTHING, "CD-35");
    breaks(Fault.NAMES_ANOTHER_CHANNEL, "CD-35");
    breaks(Fault.SHARES_WHAT_IT_WRITES, "CD-40");
    breaks(Fault.HIDES_CUT_FILES, "CD-50");
    breaks(Fault.ALLOCATES, "CD-60");
  }

  private static Fault fault;

  /** What follows from a fault: the rule that it is about, and those that rely on it. */
  private static void breaks(Fault fault, String... rules) {
    BROKEN.put(fault, Set.of(rules));
  }

  static final class FaultyCodecTck extends CodecTck<List<String>> {
    private TextsCodec codec;

    @Override
    protected CodecSamples<List<String>> samples() {
      codec = new TextsCodec(fault);
      return new CodecSamples<>() {
        private final List<List<String>> values =
            List.of(
                List.of("one", "second", "a third, longer text"),
                List.of(),
                List.of("", "Z\u00fcrich"));

        @Override
        public Codec<List<String>> codec() {
          return codec;
        }

        @Override
        public List<List<String>> values() {
          return values;
        }

        @Override
        public Object contentOf(List<String> value) {
          return List.copyOf(value);
        }

        @Override
        public long heldLength() {
          return codec.heldLength.get();
        }
      };
    }

    @Override
    protected Optional<CodecProvider> provider() {
      return Optional.of(codec.provider());
    }

    @Override
    protected boolean allocatesNothing() {
      return fault == Fault.ALLOCATES;
    }
  }

  @TestFactory
  Stream<DynamicTest> eachFaultBreaksItsRule() {
    return BrokenRules.tests(BROKEN, FaultyCodecTck.class, each -> ".*", each -> fault = each);
  }
}
