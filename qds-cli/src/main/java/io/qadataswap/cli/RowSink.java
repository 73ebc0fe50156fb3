package io.qadataswap.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.util.MinimalPrettyPrinter;
import io.qadataswap.api.Message;
import io.qadataswap.codec.arrow.ArrowTable;
import java.io.BufferedWriter;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStreamWriter;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.Schema;

/** Prints the rows of received messages to standard output. */
final class RowSink implements MessageSink {
  /** How rows look. Each prints its head when a new schema comes. */
  enum Format {
    TABLE,
    CSV,
    JSON,
    JSONL
  }

  private interface Printer {
    void schema(List<String> headings, List<Field> fields) throws IOException;

    void row(List<Object> values) throws IOException;

    void end() throws IOException;
  }

  private static final List<String> MESSAGE_HEADINGS = List.of("message", "tag", "timeNs");

  private final Printer printer;
  private final Writer out;
  private final boolean withMessages;
  private final long rowLimit;
  private Schema schema;
  private long rowCount;

  /**
   * Creates a sink.
   *
   * @param format of the rows
   * @param withMessages whether each row begins with its message's sequence, tag and time
   * @param rowLimit most rows to print
   */
  RowSink(Format format, boolean withMessages, long rowLimit) {
    this.out =
        new BufferedWriter(
            new OutputStreamWriter(
                new FileOutputStream(FileDescriptor.out), StandardCharsets.UTF_8));
    this.withMessages = withMessages;
    this.rowLimit = rowLimit;
    this.printer =
        switch (format) {
          case TABLE -> new TablePrinter();
          case CSV -> new CsvPrinter();
          case JSON -> new JsonPrinter(true);
          case JSONL -> new JsonPrinter(false);
        };
  }

  @Override
  public void accept(Message<ArrowTable> message) throws IOException {
    ArrowTable table = message.value();
    if (!table.schema().equals(schema)) {
      schema = table.schema();
      List<String> headings = new ArrayList<>(withMessages ? MESSAGE_HEADINGS : List.of());
      schema.getFields().forEach(field -> headings.add(field.getName()));
      printer.schema(headings, schema.getFields());
    }
    for (int i = 0; i < table.batchCount(); i++) {
      VectorSchemaRoot batch = table.batch(i);
      for (int row = 0; row < batch.getRowCount() && rowCount < rowLimit; row++) {
        List<Object> values = new ArrayList<>();
        if (withMessages) {
          values.addAll(List.of(message.sequence(), message.tag(), message.timeNs()));
        }
        for (FieldVector vector : batch.getFieldVectors()) {
          values.add(Values.of(vector, row, table.dictionaries()));
        }
        printer.row(values);
        rowCount++;
      }
    }
    out.flush();
  }

  @Override
  public void finish() throws IOException {
    printer.end();
    out.flush();
  }

  @Override
  public void close() throws IOException {
    // Standard output stays open. What was not finished is not completed either.
  }

  /** Collects, since the widths of the columns are known at the end. */
  private final class TablePrinter implements Printer {
    private static final int MAX_CELL_LENGTH = 60;

    private TextTable table;

    @Override
    public void schema(List<String> headings, List<Field> fields) throws IOException {
      end();
      int firstField = headings.size() - fields.size();
      table =
          new TextTable(
              IntStream.range(0, headings.size())
                  .mapToObj(i ->
                      i < firstField || isNumeric(fields.get(i - firstField))
                          ? ">" + headings.get(i)
                          : headings.get(i))
                  .toList());
    }

    @Override
    public void row(List<Object> values) {
      table.add(values.stream().map(this::cell).toList());
    }

    @Override
    public void end() throws IOException {
      if (table != null) {
        out.write(table.render());
        table = null;
      }
    }

    private String cell(Object value) {
      // Line ends and other control characters would break the table.
      String text = Values.text(value).replaceAll("\\p{Cntrl}", "\u00b7");
      return text.length() <= MAX_CELL_LENGTH
          ? text
          : text.substring(0, MAX_CELL_LENGTH - 3) + "...";
    }

    private static boolean isNumeric(Field field) {
      return field.getDictionary() == null
          && (field.getType() instanceof ArrowType.Int
              || field.getType() instanceof ArrowType.FloatingPoint
              || field.getType() instanceof ArrowType.Decimal);
    }
  }

  /** RFC 4180 with line feeds; null is nothing, and an empty text is {@code ""}. */
  private final class CsvPrinter implements Printer {
    @Override
    public void schema(List<String> headings, List<Field> fields) throws IOException {
      line(headings);
    }

    @Override
    public void row(List<Object> values) throws IOException {
      line(values);
    }

    @Override
    public void end() {}

    private void line(List<?> values) throws IOException {
      for (int i = 0; i < values.size(); i++) {
        if (i > 0) {
          out.write(',');
        }
        Object value = values.get(i);
        if (value != null) {
          String text = Values.text(value);
          boolean quoted =
              text.isEmpty() || text.chars().anyMatch(c -> c == ',' || c == '"' || c < ' ');
          out.write(quoted ? "\"" + text.replace("\"", "\"\"") + "\"" : text);
        }
      }
      out.write('\n');
    }
  }

  /** One object for each row, on a line of its own; as an array, the whole is one JSON document. */
  private final class JsonPrinter implements Printer {
    private final boolean asArray;
    private final JsonGenerator json;
    private List<String> names = List.of();
    private boolean begun;

    JsonPrinter(boolean asArray) {
      this.asArray = asArray;
      try {
        json = Json.MAPPER.createGenerator(out);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      json.setPrettyPrinter(new MinimalPrettyPrinter(""));
    }

    @Override
    public void schema(List<String> headings, List<Field> fields) {
      names = headings;
    }

    @Override
    public void row(List<Object> values) throws IOException {
      if (asArray) {
        json.writeRaw(begun ? ",\n" : "[\n");
      }
      begun = true;
      json.writeStartObject();
      for (int i = 0; i < values.size(); i++) {
        json.writePOJOField(names.get(i), values.get(i));
      }
      json.writeEndObject();
      if (!asArray) {
        json.writeRaw('\n');
      }
      json.flush();
    }

    @Override
    public void end() throws IOException {
      if (asArray) {
        json.writeRaw(begun ? "\n]\n" : "[]\n");
        json.flush();
      }
    }
  }
}
