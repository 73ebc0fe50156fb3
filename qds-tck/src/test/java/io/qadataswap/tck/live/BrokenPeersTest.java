package io.qadataswap.tck.live;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.qadataswap.api.channel.ChannelProvider;
import io.qadataswap.tck.fixtures.SegmentVariant;
import io.qadataswap.tck.live.FaultyBackend.Fault;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;
import org.junit.jupiter.api.io.TempDir;
import org.junit.platform.engine.DiscoverySelector;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.discovery.DiscoverySelectors;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

/** Peers that break a rule on purpose fail it, and say what is needed to mend them. */
@EnabledForJreRange(min = JRE.JAVA_22, disabledReason = "qds-shm-ffm needs JDK 22")
class BrokenPeersTest {
  @TempDir Path directory;

  @Test
  void aPeerThatWakesNobodyLosesWakeUps() throws IOException {
    requireBroken(Fault.WAKES_NOBODY, WaitRules.class, "no wake-up is lost");
  }

  @Test
  void aWriterThatIgnoresPinsBreaksWhatIsHeld() throws IOException {
    requireBroken(
        Fault.IGNORES_PINS,
        ExchangeRules.class,
        "what an observer holds stays intact",
        "where pins leave no room",
        "what a reader holds when it is closed stays intact");
  }

  @Test
  void aWriterThatEvictsTheLivingIsFoundOut() throws IOException {
    Map<String, String> broken =
        failures(
            new Pair(JavaPrograms.ffm(), faulty(Fault.EVICTS_THE_LIVING)),
            DiscoverySelectors.selectMethod(LockRules.class, "stoppedReader"));
    String why =
        broken.entrySet().stream()
            .filter(rule -> rule.getKey().contains("a reader that is stopped keeps its entry"))
            .map(Map.Entry::getValue)
            .findFirst()
            .orElse("");
    assertTrue(why.contains("look at how you find a reader dead"), broken::toString);
  }

  @Test
  void aWriterThatGarblesIsFoundOut() throws IOException {
    Map<String, String> broken =
        failures(
            new Pair(faulty(Fault.GARBLES), JavaPrograms.ffm()),
            DiscoverySelectors.selectMethod(PeerRules.class, "unknown"),
            DiscoverySelectors.selectMethod(PeerRules.class, "pattern"));
    String why =
        broken.entrySet().stream()
            .filter(rule -> rule.getKey().startsWith("PEER-09"))
            .map(Map.Entry::getValue)
            .findFirst()
            .orElse("");
    assertTrue(why.contains("If this fails, look at the mixing function"), broken::toString);
    assertTrue(broken.toString().contains("CONTENT"), broken::toString);
    assertTrue(broken.keySet().stream().noneMatch(rule -> rule.startsWith("PEER-01")));
  }

  @Test
  void aReaderThatTakesDamageIsFoundOut() throws IOException {
    PeerProgram faulty = faulty(Fault.BENDS_OFFSETS);
    Map<String, String> broken =
        failures(
            new Pair(faulty, faulty),
            DiscoverySelectors.selectMethod(
                FixtureRules.class, "variantsRead", SegmentVariant.class.getName()));
    assertEquals(
        Set.of("descriptor-offset-unaligned", "descriptor-offset-negative"), broken.keySet());
    String why = broken.get("descriptor-offset-negative");
    assertTrue(why.contains("a message that names offset"), why);
  }

  /** Requires that a fault of the first program breaks these rules and no others. */
  private void requireBroken(Fault fault, Class<?> rules, String... expected) throws IOException {
    Map<String, String> broken =
        failures(
            new Pair(faulty(fault), JavaPrograms.ffm()), DiscoverySelectors.selectClass(rules));
    assertEquals(expected.length, broken.size(), broken::toString);
    for (String rule : expected) {
      assertTrue(
          broken.keySet().stream().anyMatch(name -> name.contains(rule)),
          () -> rule + " is not among " + broken);
    }
  }

  private PeerProgram faulty(Fault fault) throws IOException {
    Path services = Files.createDirectories(directory.resolve("META-INF/services"));
    Files.writeString(
        services.resolve(ChannelProvider.class.getName()), FaultyBackend.class.getName());
    List<String> command = new ArrayList<>(JavaPrograms.ffm().command());
    int path = command.indexOf("-cp") + 1;
    command.set(
        path,
        command.get(path)
            + ":"
            + directory
            + ":"
            + Path.of("target/test-classes").toAbsolutePath());
    command.replaceAll(word ->
        word.startsWith("-Dqds.peer.backend=") ? "-Dqds.peer.backend=" + FaultyBackend.NAME : word);
    command.add(1, "-D" + FaultyBackend.FAULT + "=" + fault);
    return new PeerProgram("faulty", command);
  }

  /** Returns the rules that a pair breaks, with their reasons. */
  private static Map<String, String> failures(Pair pair, DiscoverySelector... rules) {
    LauncherDiscoveryRequest request =
        LauncherDiscoveryRequestBuilder.request()
            .selectors(rules)
            .configurationParameter(LiveTck.PLAN, new LivePlan(List.of(pair)).toJson())
            .build();
    Map<String, String> failures = new TreeMap<>();
    List<String> done = new ArrayList<>();
    LauncherFactory.create()
        .execute(
            request,
            new TestExecutionListener() {
              @Override
              public void executionFinished(TestIdentifier rule, TestExecutionResult result) {
                if (result.getStatus() == TestExecutionResult.Status.FAILED) {
                  failures.put(
                      rule.getDisplayName(), String.valueOf(result.getThrowable().orElse(null)));
                }
                if (rule.isTest()) {
                  done.add(rule.getDisplayName());
                }
              }
            });
    assertFalse(done.isEmpty(), "no rule was run");
    return failures;
  }

  // ---------------------------------------------------------------- programs that are no peers

  private AssertionError refused(long patienceMs, String script) throws IOException {
    PeerProgram program = new PeerProgram("wrong", List.of("/bin/sh", "-c", script));
    try (Peer peer = new Peer(program, directory, patienceMs)) {
      return assertThrows(AssertionError.class, peer::hello);
    }
  }

  private static void requireText(AssertionError failure, String... texts) {
    for (String text : texts) {
      assertTrue(failure.getMessage().contains(text), failure::getMessage);
    }
  }

  @Test
  void oneThatHangsIsKilledAndItsErrorsAreShown() throws IOException {
    AssertionError failure = refused(500, "echo trouble ahead >&2; exec sleep 1000");
    requireText(failure, "wrong did not answer", "\"op\":\"hello\"", "killed", "trouble ahead");
  }

  @Test
  void oneThatEndsSaysHow() throws IOException {
    AssertionError failure = refused(60_000, "read line; echo no such module >&2; exit 3");
    requireText(failure, "exit code 3", "no such module");
  }

  @Test
  void oneThatPrintsSomethingElseIsQuoted() throws IOException {
    requireText(refused(60_000, "echo Hello there; exec cat"), "no answer", "Hello there");
  }

  @Test
  void oneOfAnotherProtocolIsRefused() throws IOException {
    AssertionError failure = refused(60_000, "read line; echo '{\"protocol\":2}'; exec cat");
    requireText(failure, "protocol=1");
  }

  @Test
  void aCommandThatIsNotThereIsNamed() {
    PeerProgram program = new PeerProgram("wrong", List.of("/no/such/program"));
    IOException failure =
        assertThrows(IOException.class, () -> new Peer(program, directory, 1000).close());
    assertTrue(failure.getMessage().contains("/no/such/program"));
  }
}
