package io.qadataswap.bench;

import io.qadataswap.bench.Measurement.Sample;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** The results for programs, with every repetition: charts are drawn from this. */
final class JsonReport {
  private JsonReport() {}

  static String of(
      Bench bench,
      Machine machine,
      String date,
      List<Measurement> measurements,
      Overhead overhead) {
    Map<String, Object> report = new LinkedHashMap<>();
    report.put("date", date);
    report.put("cpu", machine.cpu());
    report.put("cpuCount", machine.cpuCount());
    report.put("system", machine.system());
    report.put("jdk", machine.jdk());
    report.put("load", machine.load());
    report.put("placement", bench.placement().toString());
    report.put("limits", bench.limits().toString());
    report.put("overheadPercent", overhead.percent());
    report.put("measurements", measurements.stream().map(JsonReport::toMap).toList());
    StringBuilder json = new StringBuilder();
    append(json, report, "\n");
    return json.append('\n').toString();
  }

  private static Map<String, Object> toMap(Measurement m) {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("scenario", m.scenario());
    map.put("contender", m.contender());
    map.put("unit", m.unit());
    map.put("lowerIsBetter", m.lowerIsBetter());
    map.put("goal", m.goal());
    map.put("median", m.median(Sample::value));
    map.put("limitMedian", m.median(Sample::limit));
    map.put("ratioMedian", m.median(Sample::ratio));
    map.put("ratioMin", m.min(Sample::ratio));
    map.put("ratioMax", m.max(Sample::ratio));
    map.put("droppedCount", m.droppedCount());
    map.put("samples", m.samples().stream().map(JsonReport::toMap).toList());
    return map;
  }

  private static Map<String, Object> toMap(Sample sample) {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("value", sample.value());
    map.put("limitBefore", sample.limitBefore());
    map.put("limitAfter", sample.limitAfter());
    map.put("ratio", sample.ratio());
    map.put("details", new TreeMap<>(sample.details()));
    return map;
  }

  private static void append(StringBuilder json, Object value, String lineEnd) {
    switch (value) {
      case Map<?, ?> map -> appendMap(json, map, lineEnd);
      case Collection<?> list -> appendList(json, list, lineEnd);
      case String string -> appendString(json, string);
      case Double number when !Double.isFinite(number) -> json.append("null");
      default -> json.append(value);
    }
  }

  private static void appendMap(StringBuilder json, Map<?, ?> map, String lineEnd) {
    String inner = lineEnd + "  ";
    String separator = "";
    json.append('{');
    for (Map.Entry<?, ?> entry : map.entrySet()) {
      json.append(separator).append(inner);
      appendString(json, entry.getKey().toString());
      json.append(": ");
      append(json, entry.getValue(), inner);
      separator = ",";
    }
    json.append(lineEnd).append('}');
  }

  private static void appendList(StringBuilder json, Collection<?> list, String lineEnd) {
    String inner = lineEnd + "  ";
    String separator = "";
    json.append('[');
    for (Object item : list) {
      json.append(separator).append(inner);
      append(json, item, inner);
      separator = ",";
    }
    json.append(lineEnd).append(']');
  }

  private static void appendString(StringBuilder json, String value) {
    json.append('"');
    for (int i = 0; i < value.length(); i++) {
      char c = value.charAt(i);
      if (c == '"' || c == '\\') {
        json.append('\\').append(c);
      } else if (c < ' ') {
        json.append(String.format("\\u%04x", (int) c));
      } else {
        json.append(c);
      }
    }
    json.append('"');
  }
}
