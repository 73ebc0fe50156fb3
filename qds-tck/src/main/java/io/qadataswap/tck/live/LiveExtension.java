package io.qadataswap.tck.live;

import java.util.stream.Stream;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ExtensionContext.Namespace;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.ArgumentsProvider;
import org.junit.jupiter.params.support.ParameterDeclarations;

/** Gives the rules their peers. */
final class LiveExtension implements BeforeEachCallback, AfterEachCallback {
  private static final Namespace NAMESPACE = Namespace.create(LiveExtension.class);

  @Override
  public void beforeEach(ExtensionContext context) throws Exception {
    PeerPool pool =
        context
            .getRoot()
            .getStore(NAMESPACE)
            .getOrComputeIfAbsent(PeerPool.class, key -> newPool(), PeerPool.class);
    rules(context).begin(pool);
  }

  private static PeerPool newPool() {
    try {
      return new PeerPool();
    } catch (java.io.IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  @Override
  public void afterEach(ExtensionContext context) throws Exception {
    rules(context).end();
  }

  private static LiveRules rules(ExtensionContext context) {
    return (LiveRules) context.getRequiredTestInstance();
  }

  private static LivePlan plan(ExtensionContext context) {
    return LivePlan.fromJson(
        context
            .getConfigurationParameter(LiveTck.PLAN)
            .orElseThrow(() ->
                new IllegalStateException(
                    "the configuration parameter " + LiveTck.PLAN + " is missing")));
  }

  /** Each pair of the plan. */
  static final class Pairs implements ArgumentsProvider {
    @Override
    public Stream<? extends Arguments> provideArguments(
        ParameterDeclarations parameters, ExtensionContext context) {
      return plan(context).pairs().stream().map(Arguments::of);
    }
  }

  /** Each program that the plan tries by itself. */
  static final class Programs implements ArgumentsProvider {
    @Override
    public Stream<? extends Arguments> provideArguments(
        ParameterDeclarations parameters, ExtensionContext context) {
      return plan(context).alone().stream().map(Arguments::of);
    }
  }

  /** Each program of the plan as a writer, with all of them as readers. */
  static final class Crowds implements ArgumentsProvider {
    @Override
    public Stream<? extends Arguments> provideArguments(
        ParameterDeclarations parameters, ExtensionContext context) {
      LivePlan plan = plan(context);
      return plan.programs().stream().map(writer -> Arguments.of(writer, plan));
    }
  }
}
