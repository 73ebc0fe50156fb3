package io.qadataswap.cli;

import io.qadataswap.tck.live.LiveTck;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.discovery.ClassSelector;
import org.junit.platform.engine.discovery.DiscoverySelectors;
import org.junit.platform.engine.reporting.ReportEntry;
import org.junit.platform.engine.support.descriptor.MethodSource;
import org.junit.platform.launcher.Launcher;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.TestPlan;
import org.junit.platform.launcher.core.LauncherConfig;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;
import org.junit.platform.reporting.legacy.xml.LegacyXmlReportGeneratingListener;

/** One run of rules by JUnit's launcher, which ends as a tree. */
final class TckRun implements TestExecutionListener {
  /** Some classes at the same time: most rules wait for processes most of the time. */
  private static final Map<String, String> SIDE_BY_SIDE =
      Map.of(
          "junit.jupiter.execution.parallel.enabled", "true",
          "junit.jupiter.execution.parallel.mode.default", "same_thread",
          "junit.jupiter.execution.parallel.mode.classes.default", "concurrent",
          "junit.jupiter.execution.parallel.config.strategy", "fixed",
          "junit.jupiter.execution.parallel.config.fixed.parallelism", "3");

  private final Map<String, TckNode> nodes = new HashMap<>();
  private final TckNode root = new TckNode("rules", null);
  private final Progress progress;
  private long doneCount;

  private TckRun(Progress progress) {
    this.progress = progress;
  }

  /**
   * Runs rules, and writes JUnit's XML.
   *
   * @param classes that hold the rules
   * @param plan of the live rules
   * @param reports directory of the XML
   */
  static TckNode of(List<Class<?>> classes, String plan, Path reports, Progress progress) {
    List<ClassSelector> selectors = classes.stream().map(DiscoverySelectors::selectClass).toList();
    LauncherDiscoveryRequest request =
        LauncherDiscoveryRequestBuilder.request()
            .selectors(selectors)
            .configurationParameter(LiveTck.PLAN, plan)
            .configurationParameters(SIDE_BY_SIDE)
            .build();
    TckRun run = new TckRun(progress);
    LegacyXmlReportGeneratingListener xml =
        new LegacyXmlReportGeneratingListener(
            reports, new PrintWriter(System.err, true, StandardCharsets.UTF_8));
    LauncherConfig config =
        LauncherConfig.builder()
            .enableLauncherSessionListenerAutoRegistration(false)
            .enableTestExecutionListenerAutoRegistration(false)
            .addTestExecutionListeners(run, xml)
            .build();
    Launcher launcher = LauncherFactory.create(config);
    launcher.execute(request);
    progress.clear();
    return run.root;
  }

  @Override
  public synchronized void testPlanExecutionStarted(TestPlan plan) {
    for (TestIdentifier engine : plan.getRoots()) {
      nodes.put(engine.getUniqueId(), root);
    }
  }

  @Override
  public synchronized void dynamicTestRegistered(TestIdentifier identifier) {
    node(identifier);
  }

  @Override
  public synchronized void executionStarted(TestIdentifier identifier) {
    node(identifier);
    if (identifier.isTest() && progress.isShown()) {
      progress.show(() -> doneCount + " rules done; now " + node(identifier).path());
    }
  }

  @Override
  public synchronized void executionSkipped(TestIdentifier identifier, String reason) {
    node(identifier).end(TckNode.Outcome.SKIPPED, reason);
  }

  @Override
  public synchronized void executionFinished(
      TestIdentifier identifier, TestExecutionResult result) {
    String reason = result.getThrowable().map(TckRun::text).orElse("");
    switch (result.getStatus()) {
      case SUCCESSFUL -> {
        if (identifier.isTest()) {
          node(identifier).end(TckNode.Outcome.PASSED, "");
        }
      }
      case ABORTED ->
          node(identifier)
              .end(TckNode.Outcome.SKIPPED, reason.replaceFirst("^Assumption failed: ", ""));
      case FAILED -> node(identifier).end(TckNode.Outcome.FAILED, reason);
    }
    if (identifier.isTest()) {
      doneCount++;
    }
  }

  @Override
  public synchronized void reportingEntryPublished(TestIdentifier identifier, ReportEntry entry) {
    node(identifier).put(entry.getKeyValuePairs());
  }

  private TckNode node(TestIdentifier identifier) {
    TckNode known = nodes.get(identifier.getUniqueId());
    if (known != null) {
      return known;
    }
    Optional<String> parent = identifier.getParentId();
    TckNode node = new TckNode(identifier.getDisplayName(), parent.map(nodes::get).orElse(root));
    if (identifier.getSource().orElse(null) instanceof MethodSource) {
      node.markAsMethod();
    }
    nodes.put(identifier.getUniqueId(), node);
    return node;
  }

  private static String text(Throwable failure) {
    if (failure instanceof AssertionError || failure.getClass().getName().contains("Aborted")) {
      return String.valueOf(failure.getMessage());
    }
    StackTraceElement[] trace = failure.getStackTrace();
    return failure + (trace.length == 0 ? "" : "\n  at " + trace[0]);
  }
}
