package io.qadataswap.cli;

import com.samskivert.mustache.Mustache;
import io.qadataswap.api.Qds;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.Reader;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/**
 * What a run of the kit shows: the tree and the matrix on the terminal, and a page for browsers.
 *
 * @param root of the tree
 * @param notes sentences about what could not be tried
 */
record TckReport(TckNode root, List<String> notes) {
  /** What stands between the names of two programs in the names of their pairs. */
  private static final String PAIR = " > ";

  private static final String PAGE = "tck.html.mustache";

  /** Prints the tree. Rules that are kept show only if the whole is asked for. */
  void printTree(PrintStream out, boolean whole) {
    for (TckNode child : root.children()) {
      print(out, child, "", whole);
    }
  }

  private static void print(PrintStream out, TckNode node, String indent, boolean whole) {
    TckNode.Count count = TckNode.Count.of(node.rules());
    if (node.children().isEmpty()) {
      out.println(indent + node.outcome().sign + " " + node.name() + because(node, indent));
      return;
    }
    out.println(indent + node.name() + "  " + count.text());
    for (TckNode child : node.children()) {
      boolean isLeaf = child.children().isEmpty();
      if (whole || !isLeaf || child.outcome() != TckNode.Outcome.PASSED) {
        print(out, child, indent + "  ", whole);
      }
    }
  }

  private static String because(TckNode node, String indent) {
    if (node.reason().isEmpty()) {
      return "";
    }
    return node.outcome() == TckNode.Outcome.SKIPPED
        ? "  (" + node.reason() + ")"
        : "\n" + node.reason().indent(indent.length() + 4).stripTrailing();
  }

  /** Prints which program got along with which. */
  void printMatrix(PrintStream out) {
    Set<String> firsts = new LinkedHashSet<>();
    Set<String> seconds = new LinkedHashSet<>();
    pairs()
        .keySet()
        .forEach(pair -> {
          firsts.add(first(pair));
          seconds.add(second(pair));
        });
    if (firsts.isEmpty()) {
      return;
    }
    List<String> headings = new ArrayList<>(List.of("first \\ second"));
    headings.addAll(seconds);
    TextTable table = new TextTable(headings);
    for (String first : firsts) {
      List<String> cells = new ArrayList<>(List.of(first));
      for (String second : seconds) {
        List<TckNode> rules = pairs().getOrDefault(first + PAIR + second, List.of());
        cells.add(TckNode.Count.of(rules.stream()).text());
      }
      table.add(cells);
    }
    out.println();
    out.print(table.render());
  }

  private static String first(String pair) {
    return pair.substring(0, pair.indexOf(PAIR));
  }

  private static String second(String pair) {
    return pair.substring(pair.indexOf(PAIR) + PAIR.length());
  }

  /** Returns the rules of each pair of programs. */
  private Map<String, List<TckNode>> pairs() {
    Map<String, List<TckNode>> pairs = new LinkedHashMap<>();
    root.all()
        .filter(node -> node.name().contains(PAIR))
        .forEach(node ->
            pairs
                .computeIfAbsent(node.name(), name -> new ArrayList<>())
                .addAll(node.rules().toList()));
    return pairs;
  }

  /** Writes the page. */
  void writePage(Path file) throws IOException {
    Map<String, List<TckNode>> pairs = pairs();
    Map<String, Object> model = new LinkedHashMap<>();
    model.put("version", Qds.version());
    model.put("time", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
    TckNode.Count count = TckNode.Count.of(root.rules());
    model.put("count", count.text());
    model.put("verdict", count.failed() == 0 ? "passed" : "failed");
    model.put("notes", notes);
    model.put("programs", programs());
    Set<String> seconds = new LinkedHashSet<>();
    pairs.keySet().forEach(pair -> seconds.add(second(pair)));
    model.put("seconds", seconds);
    List<Object> rows = new ArrayList<>();
    pairs.keySet().stream()
        .map(TckReport::first)
        .distinct()
        .forEach(first ->
            rows.add(
                Map.of(
                    "name",
                    first,
                    "cells",
                    seconds.stream()
                        .map(second -> cell(pairs.getOrDefault(first + PAIR + second, List.of())))
                        .toList())));
    model.put("matrix", rows);
    model.put("hasMatrix", !rows.isEmpty());
    model.put("groups", root.children().stream().map(TckReport::group).toList());
    model.put(
        "failures", root.rules().filter(rule -> rule.outcome() == TckNode.Outcome.FAILED).toList());
    try (Reader template =
            new InputStreamReader(
                TckReport.class.getResourceAsStream(PAGE), StandardCharsets.UTF_8);
        Writer out = Files.newBufferedWriter(file)) {
      Mustache.compiler().compile(template).execute(model, out);
    }
  }

  /** What programs said of themselves. */
  private List<Object> programs() {
    return root.all()
        .filter(node -> !node.facts().isEmpty())
        .map(node ->
            (Object)
                Map.of(
                    "name",
                    node.parent().name(),
                    "facts",
                    node.facts().entrySet().stream()
                        .map(fact -> Map.of("name", fact.getKey(), "value", fact.getValue()))
                        .toList()))
        .toList();
  }

  private static Map<String, String> cell(List<TckNode> rules) {
    TckNode.Count count = TckNode.Count.of(rules.stream());
    return Map.of("text", count.text(), "kind", count.kind());
  }

  /** A class of rules as a table: one row for each rule, one column for each pair or program. */
  private static Map<String, Object> group(TckNode node) {
    List<TckNode> columns =
        node.children().stream().filter(child -> !child.children().isEmpty()).toList();
    if (columns.isEmpty()) {
      columns = List.of(node);
    }
    Set<String> rules = new LinkedHashSet<>();
    columns.forEach(column -> column.children().forEach(rule -> rules.add(rule.name())));
    List<Object> rows = new ArrayList<>();
    for (String rule : rules) {
      List<Map<String, String>> cells = new ArrayList<>();
      for (TckNode column : columns) {
        Stream<TckNode> found =
            column.children().stream()
                .filter(child -> child.name().equals(rule))
                .flatMap(TckNode::rules);
        cells.add(ruleCell(found.toList()));
      }
      rows.add(Map.of("name", rule, "cells", cells));
    }
    return Map.of(
        "name",
        node.name(),
        "count",
        TckNode.Count.of(node.rules()).text(),
        "columns",
        columns.stream().map(TckNode::name).toList(),
        "rules",
        rows);
  }

  private static Map<String, String> ruleCell(List<TckNode> rules) {
    TckNode.Count count = TckNode.Count.of(rules.stream());
    String reasons =
        rules.stream()
            .filter(rule -> !rule.reason().isEmpty())
            .map(rule -> rule.name() + ": " + rule.reason())
            .reduce("", (a, b) -> a.isEmpty() ? b : a + "\n" + b);
    String text = rules.size() == 1 ? rules.get(0).outcome().sign : count.text();
    return Map.of("text", text, "kind", count.kind(), "reason", reasons);
  }
}
