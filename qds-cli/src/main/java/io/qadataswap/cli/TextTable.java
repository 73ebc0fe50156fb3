package io.qadataswap.cli;

import java.util.ArrayList;
import java.util.List;

/** A table of text for terminals: a line of headings, then rows, in aligned columns. */
final class TextTable {
  private final List<String> headings;
  private final List<Boolean> rightAligned;
  private final List<List<String>> rows = new ArrayList<>();

  /**
   * Creates a table.
   *
   * @param headings of the columns; a leading {@code >} aligns the column to the right
   */
  TextTable(List<String> headings) {
    this.headings = headings.stream().map(h -> h.startsWith(">") ? h.substring(1) : h).toList();
    this.rightAligned = headings.stream().map(h -> h.startsWith(">")).toList();
  }

  static TextTable of(String... headings) {
    return new TextTable(List.of(headings));
  }

  void add(List<String> cells) {
    if (cells.size() != headings.size()) {
      throw new IllegalArgumentException("cells=" + cells.size() + " allowed=" + headings.size());
    }
    rows.add(List.copyOf(cells));
  }

  void add(String... cells) {
    add(List.of(cells));
  }

  boolean isEmpty() {
    return rows.isEmpty();
  }

  /** Returns the lines, each ended by a line feed. */
  String render() {
    int[] widths = new int[headings.size()];
    List<List<String>> lines = new ArrayList<>();
    lines.add(headings);
    lines.addAll(rows);
    for (List<String> line : lines) {
      for (int column = 0; column < widths.length; column++) {
        widths[column] = Math.max(widths[column], width(line.get(column)));
      }
    }
    StringBuilder text = new StringBuilder();
    for (List<String> line : lines) {
      StringBuilder lineText = new StringBuilder();
      for (int column = 0; column < widths.length; column++) {
        String cell = line.get(column);
        String padding = " ".repeat(widths[column] - width(cell));
        lineText
            .append(column == 0 ? "" : "  ")
            .append(rightAligned.get(column) ? padding + cell : cell + padding);
      }
      text.append(lineText.toString().stripTrailing()).append('\n');
    }
    return text.toString();
  }

  private static int width(String cell) {
    return cell.codePointCount(0, cell.length());
  }
}
