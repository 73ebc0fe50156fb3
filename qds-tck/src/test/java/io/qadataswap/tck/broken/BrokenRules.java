package io.qadataswap.tck.broken;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.util.Arrays;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.platform.engine.FilterResult;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.TestExecutionResult.Status;
import org.junit.platform.engine.discovery.DiscoverySelectors;
import org.junit.platform.launcher.PostDiscoveryFilter;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

/**
 * What came of the rules of a class.
 *
 * @param broken numbers of the rules that failed, with what was said
 * @param kept numbers of those that passed; a skipped rule is in neither
 */
record BrokenRules(Map<String, String> broken, Set<String> kept) {
  private static final String PATIENCE = "qds.tck.patienceSeconds";

  /**
   * Runs the rules of a class.
   *
   * @param numbers matches the numbers of those to be run
   */
  private static BrokenRules of(Class<?> kit, String numbers) {
    BrokenRules rules = new BrokenRules(new TreeMap<>(), new TreeSet<>());
    LauncherFactory.create()
        .execute(
            LauncherDiscoveryRequestBuilder.request()
                .selectors(DiscoverySelectors.selectClass(kit))
                .filters(
                    (PostDiscoveryFilter)
                        rule ->
                            FilterResult.includedIf(
                                !rule.getDisplayName().matches("[A-Z]+-.*")
                                    || number(rule.getDisplayName()).matches(numbers)))
                .build(),
            new TestExecutionListener() {
              @Override
              public void executionFinished(TestIdentifier rule, TestExecutionResult result) {
                String number = number(rule.getDisplayName());
                if (result.getStatus() == Status.FAILED) {
                  rules.broken.put(number, String.valueOf(result.getThrowable().orElse(null)));
                } else if (rule.isTest() && result.getStatus() == Status.SUCCESSFUL) {
                  rules.kept.add(number);
                }
              }
            });
    return rules;
  }

  /**
   * Returns a test for each fault: a class of rules, run on it, finds just those rules broken that
   * follow from it.
   *
   * @param broken for each fault the rule that it is about, and those that rely on it
   * @param numbers matches the numbers of the rules to be run
   * @param install makes what the class tests have the fault
   */
  static <F extends Enum<F>> Stream<DynamicTest> tests(
      Map<F, Set<String>> broken, Class<?> kit, Function<F, String> numbers, Consumer<F> install) {
    F anyFault = broken.keySet().iterator().next();
    return Arrays.stream(anyFault.getDeclaringClass().getEnumConstants())
        .map(fault ->
            dynamicTest(
                fault.name(),
                () -> {
                  install.accept(fault);
                  System.setProperty(PATIENCE, "3"); // what fails shall not take long
                  try {
                    of(kit, numbers.apply(fault)).require(fault.name(), broken.get(fault));
                  } finally {
                    System.clearProperty(PATIENCE);
                  }
                }));
  }

  private static String number(String rule) {
    return rule.replaceFirst(" .*", "");
  }

  /** Requires that these rules are broken, no others, and that each says where to look. */
  private void require(String name, Set<String> expected) {
    assertFalse(kept.isEmpty() && broken.isEmpty(), "no rule was run");
    assertEquals(
        new TreeSet<>(expected),
        broken.keySet(),
        () -> name + " breaks " + broken.keySet() + ": " + broken);
    broken.forEach((rule, text) -> assertTrue(text.contains("If this fails, look at"), text));
  }
}
