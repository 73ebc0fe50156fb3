package io.qadataswap.cli;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** A container of rules, or a rule, with what came of it. */
final class TckNode {
  /** What came of a rule. */
  enum Outcome {
    PASSED("\u2714"),
    FAILED("\u2718"),
    SKIPPED("\u2013");

    final String sign;

    Outcome(String sign) {
      this.sign = sign;
    }
  }

  private final String name;
  private final TckNode parent;
  private final List<TckNode> children = new ArrayList<>();
  private final Map<String, String> facts = new LinkedHashMap<>();
  private Outcome outcome = Outcome.PASSED;
  private String reason = "";
  private boolean isRule;
  private boolean isMethod;

  TckNode(String name, TckNode parent) {
    this.name = name;
    this.parent = parent;
    if (parent != null) {
      parent.children.add(this);
    }
  }

  /** Notes what came of this rule, or of a container that could not be run. */
  void end(Outcome result, String why) {
    isRule = true;
    outcome = result;
    reason = why;
  }

  /** Notes that this is a method of a class of rules, or made by one. */
  void markAsMethod() {
    isMethod = true;
  }

  boolean isMethod() {
    return isMethod;
  }

  void put(Map<String, String> more) {
    facts.putAll(more);
  }

  String name() {
    return name;
  }

  TckNode parent() {
    return parent;
  }

  List<TckNode> children() {
    return children;
  }

  Map<String, String> facts() {
    return facts;
  }

  Outcome outcome() {
    return outcome;
  }

  String reason() {
    return reason;
  }

  /** Returns this node and all below. */
  Stream<TckNode> all() {
    return Stream.concat(Stream.of(this), children.stream().flatMap(TckNode::all));
  }

  /** Returns all rules below, or this one. */
  Stream<TckNode> rules() {
    return all().filter(node -> node.isRule);
  }

  /** Returns the names from the outermost container to this. */
  String path() {
    return parent == null || parent.parent == null ? name : parent.path() + ", " + name;
  }

  /** Counts of rules by what came of them. */
  record Count(long passed, long failed, long skipped) {
    static Count of(Stream<TckNode> rules) {
      Map<Outcome, Long> counts = new LinkedHashMap<>();
      rules.forEach(rule -> counts.merge(rule.outcome, 1L, Long::sum));
      return new Count(
          counts.getOrDefault(Outcome.PASSED, 0L),
          counts.getOrDefault(Outcome.FAILED, 0L),
          counts.getOrDefault(Outcome.SKIPPED, 0L));
    }

    /** Returns such as {@code 40 ✔ 1 ✘}. */
    String text() {
      List<String> parts = new ArrayList<>();
      if (passed > 0) {
        parts.add(passed + " " + Outcome.PASSED.sign);
      }
      if (failed > 0) {
        parts.add(failed + " " + Outcome.FAILED.sign);
      }
      if (skipped > 0) {
        parts.add(skipped + " " + Outcome.SKIPPED.sign);
      }
      return String.join("  ", parts);
    }

    /** Returns what a cell is coloured by. */
    String kind() {
      if (failed > 0) {
        return "failed";
      }
      if (passed > 0) {
        return "passed";
      }
      return skipped > 0 ? "skipped" : "none";
    }
  }
}
