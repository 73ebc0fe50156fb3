package io.qadataswap.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.qadataswap.codec.arrow.ArrowTable;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.TinyIntVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.compression.CompressionUtil.CodecType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.Schema;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Whatever differs between two files is found, and told where it lies. */
class DiffIT {
  @AutoClose private final Tool tool = Tool.create();
  private Path original;

  @BeforeEach
  void createOriginal() throws IOException {
    original = ArrowFiles.mixed(tool.file("original.arrow"));
  }

  @Test
  void fileAndStreamOfTheSameDataAreEqual() throws IOException {
    Path stream = ArrowFiles.mixedStream(tool.file("stream.arrows"));
    assertEquals(
        "equal: 6 columns, 1,581 rows, 4 batches\n", tool.ok("diff", original, stream).out());
    Path types = ArrowFiles.types(tool.file("types.arrow"));
    tool.ok("diff", types, types);
  }

  @Test
  void valueIsToldWithColumnAndRow() throws IOException {
    assertDiffers(
        change(table -> ((Float8Vector) table.batch(2).getVector("price")).set(16, 1.5)),
        "column price, row 1016: 10.16 | 1.5");
    assertDiffers(
        change(table -> ((VarCharVector) table.batch(0).getVector("city")).setNull(999)),
        "column city, row 999: 東京 | null");
    // Minus zero is not zero, and a NaN is itself.
    assertDiffers(
        change(table -> ((Float8Vector) table.batch(2).getVector("price")).set(16, Double.NaN)),
        "column price, row 1016: 10.16 | NaN");
  }

  @Test
  void dictionaryIsComparedItself() throws IOException {
    assertDiffers(
        change(table ->
            ((VarCharVector) table.dictionaries().lookup(1).getVector())
                .setSafe(4, "Onited".getBytes(StandardCharsets.UTF_8))),
        "dictionary 1 of carrier at batch 0, entry 4: United | Onited");
    assertDiffers(
        change(table -> ((TinyIntVector) table.batch(3).getVector("carrier")).set(2, 0)),
        "column carrier, row 1519: United | American");
  }

  @Test
  void schemaIsComparedWithItsMetadata() throws IOException {
    assertDiffers(
        changeSchema(
            schema -> new Schema(schema.getFields(), Map.of("purpose", "test", "more", "x"))),
        "schema, metadata more: absent | x",
        "schema, metadata purpose: demo | test");
    assertDiffers(
        changeSchema(schema -> {
          List<Field> fields = new ArrayList<>(schema.getFields());
          Field price = fields.get(3);
          fields.set(3, Field.nullable("cost", price.getType()));
          return new Schema(fields, schema.getCustomMetadata());
        }),
        "column price, name: price | cost",
        "column price, metadata unit: EUR | absent");
  }

  @Test
  void batchBoundariesAndRowCountsAreCompared() throws IOException {
    Path left = ArrowFiles.numbers(tool.file("left.arrow"), 3, 0, 2);
    assertReports(
        left,
        ArrowFiles.numbers(tool.file("right.arrow"), 2, 3),
        "batches: 3 | 2",
        "batch 0, rows: 3 | 2");
    assertReports(
        left,
        ArrowFiles.numbers(tool.file("right.arrow"), 3, 0, 1),
        "rows: 5 | 4",
        "batch 2, rows: 2 | 1");
    assertReports(left, original, "schema, columns: [n] | [id, city, carrier, price, late, stops]");
  }

  @Test
  void limitAndQuietAreHonoured() throws IOException {
    Path left = ArrowFiles.numbers(tool.file("left.arrow"), 100);
    Path right = ArrowFiles.numbers(tool.file("right.arrow"), 101);
    Tool.Run run = tool.run("diff", left, right, "--limit", 1).expect(ExitCode.DIFFERENT);
    assertEquals(
        List.of("rows: 100 | 101", "different: 2 differences"), run.out().lines().toList());
    run = tool.run("diff", left, right, "-q").expect(ExitCode.DIFFERENT);
    assertEquals("", run.out() + run.err());
  }

  private Path change(Consumer<ArrowTable> change) throws IOException {
    Path changed = tool.file("changed.arrow");
    try (BufferAllocator allocator = new RootAllocator();
        DemoData data = DemoData.mixed(allocator)) {
      change.accept(data.table());
      ArrowFiles.write(data.table(), false, CodecType.NO_COMPRESSION, changed, allocator);
    }
    return changed;
  }

  private interface SchemaChange {
    Schema of(Schema schema);
  }

  private Path changeSchema(SchemaChange change) throws IOException {
    Path changed = tool.file("changed.arrow");
    try (BufferAllocator allocator = new RootAllocator();
        DemoData data = DemoData.mixed(allocator)) {
      ArrowFiles.write(
          data.table(),
          change.of(data.table().schema()),
          false,
          CodecType.NO_COMPRESSION,
          changed,
          allocator);
    }
    return changed;
  }

  private void assertDiffers(Path changed, String... reports) throws IOException {
    assertReports(original, changed, reports);
  }

  private void assertReports(Path left, Path right, String... reports) throws IOException {
    Tool.Run run = tool.run("diff", left, right).expect(ExitCode.DIFFERENT);
    List<String> lines = run.out().lines().toList();
    for (String report : reports) {
      assertTrue(lines.contains(report), run.out());
    }
    assertTrue(lines.get(lines.size() - 1).startsWith("different: "), run.out());
  }
}
