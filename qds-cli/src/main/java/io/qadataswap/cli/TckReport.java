package io.qadataswap.cli;

import com.samskivert.mustache.Mustache;
import io.qadataswap.api.Qds;
import io.qadataswap.tck.MatrixTck;
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

  /**
   * Who gets along with whom.
   *
   * @param title of the table
   * @param text that explains it
   * @param corner heading of the first column
   * @param rows the rules of each cell, by the names of row and column
   */
  private record Matrix(
      String title, String text, String corner, Map<String, Map<String, List<TckNode>>> rows) {
    Matrix(String title, String text, String corner) {
      this(title, text, corner, new LinkedHashMap<>());
    }

    void add(String row, String column, List<TckNode> rules) {
      rows.computeIfAbsent(row, name -> new LinkedHashMap<>()).put(column, rules);
    }

    Set<String> columns() {
      Set<String> columns = new LinkedHashSet<>();
      rows.values().forEach(cells -> columns.addAll(cells.keySet()));
      return columns;
    }

    TextTable table() {
      List<String> headings = new ArrayList<>(List.of(corner));
      headings.addAll(columns());
      TextTable table = new TextTable(headings);
      rows.forEach((row, found) -> {
        List<String> cells = new ArrayList<>(List.of(row));
        for (String column : columns()) {
          cells.add(TckNode.Count.of(found.getOrDefault(column, List.of()).stream()).text());
        }
        table.add(cells);
      });
      return table;
    }

    Map<String, Object> model() {
      List<Object> model = new ArrayList<>();
      rows.forEach((row, found) ->
          model.add(
              Map.of(
                  "name",
                  row,
                  "cells",
                  columns().stream()
                      .map(column -> cell(found.getOrDefault(column, List.of())))
                      .toList())));
      return Map.of(
          "title", title, "text", text, "corner", corner, "columns", columns(), "rows", model);
    }
  }

  /** Returns the tables that have something in them. */
  private List<Matrix> matrices() {
    Matrix plugins =
        new Matrix(
            "Plugins",
            "Every backend with every layout carries the values of every codec, or is refused.",
            "backend with layout \\ codec");
    root.all()
        .filter(node -> node.name().contains(MatrixTck.BETWEEN) && !node.children().isEmpty())
        .forEach(pair ->
            pair.children()
                .forEach(codec -> plugins.add(pair.name(), codec.name(), codec.rules().toList())));
    Matrix programs =
        new Matrix(
            "Who gets along with whom",
            "The first program (row) writes, holds, or dies; the second (column) reads, waits, or"
                + " recovers.",
            "first \\ second");
    pairs().forEach((pair, rules) -> programs.add(first(pair), second(pair), rules));
    return Stream.of(plugins, programs).filter(matrix -> !matrix.rows().isEmpty()).toList();
  }

  /** Prints which plugin or program got along with which. */
  void printMatrices(PrintStream out) {
    for (Matrix matrix : matrices()) {
      out.println();
      out.print(matrix.table().render());
    }
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
    Map<String, Object> model = new LinkedHashMap<>();
    model.put("version", Qds.version());
    model.put("time", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
    TckNode.Count count = TckNode.Count.of(root.rules());
    model.put("count", count.text());
    model.put("verdict", count.failed() == 0 ? "passed" : "failed");
    model.put("notes", notes);
    model.put("programs", programs());
    model.put("matrices", matrices().stream().map(Matrix::model).toList());
    model.put("groups", groups().map(TckReport::group).toList());
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

  /** Returns what has a table of its own: a class of rules, or a method that makes many. */
  private Stream<TckNode> groups() {
    return root.children().stream()
        .flatMap(node ->
            !node.children().isEmpty() && node.children().stream().allMatch(TckNode::isMethod)
                ? node.children().stream()
                : Stream.of(node));
  }

  /** Rules as a table: one row for each, one column for each pair, program or backend. */
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
        cells.add(cell(found.toList()));
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

  private static Map<String, String> cell(List<TckNode> rules) {
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
