package io.qadataswap.tck.live;

import java.util.List;

/**
 * The rules for implementations of the wire format in other languages. They are JUnit test classes,
 * run by JUnit's launcher with a plan, the configuration parameter {@value #PLAN}, that names the
 * programs.
 */
public final class LiveTck {
  /** Name of the configuration parameter that holds the plan. */
  public static final String PLAN = "qds.tck.live.plan";

  private LiveTck() {}

  /**
   * Returns the classes of the rules.
   *
   * @return test classes
   */
  public static List<Class<?>> rules() {
    return List.of(
        PeerRules.class,
        FixtureRules.class,
        ExchangeRules.class,
        LockRules.class,
        WaitRules.class,
        KillRules.class,
        ArrowRules.class,
        RawRules.class,
        CrowdRules.class);
  }

  /**
   * Makes the plan that tries every peer with each reference, and the peers among themselves.
   *
   * @param references programs that are known to be right; see {@link JavaPrograms}
   * @param peers to be tried
   * @return value of the parameter
   */
  public static String fullPlan(List<PeerProgram> references, List<PeerProgram> peers) {
    return LivePlan.full(references, peers).toJson();
  }

  /**
   * Makes a smaller plan: every peer with one reference, each with another one, and with one other
   * peer; by themselves the peers and the first reference.
   *
   * @param references programs that are known to be right
   * @param peers to be tried
   * @return value of the parameter
   */
  public static String boundedPlan(List<PeerProgram> references, List<PeerProgram> peers) {
    return LivePlan.bounded(references, peers).toJson();
  }
}
