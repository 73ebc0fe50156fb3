package io.qadataswap.cli;

import io.qadataswap.codec.arrow.ArrowTable;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.arrow.compression.CommonsCompressionFactory;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.DateDayVector;
import org.apache.arrow.vector.DecimalVector;
import org.apache.arrow.vector.DurationVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.FixedSizeBinaryVector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.LargeVarCharVector;
import org.apache.arrow.vector.NullVector;
import org.apache.arrow.vector.TimeMicroVector;
import org.apache.arrow.vector.TimeStampMilliTZVector;
import org.apache.arrow.vector.TinyIntVector;
import org.apache.arrow.vector.UInt4Vector;
import org.apache.arrow.vector.UInt8Vector;
import org.apache.arrow.vector.VarBinaryVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorLoader;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.VectorUnloader;
import org.apache.arrow.vector.ViewVarCharVector;
import org.apache.arrow.vector.complex.FixedSizeListVector;
import org.apache.arrow.vector.complex.MapVector;
import org.apache.arrow.vector.complex.StructVector;
import org.apache.arrow.vector.complex.impl.UnionMapWriter;
import org.apache.arrow.vector.compression.CompressionUtil.CodecType;
import org.apache.arrow.vector.compression.NoCompressionCodec;
import org.apache.arrow.vector.dictionary.Dictionary;
import org.apache.arrow.vector.dictionary.DictionaryProvider.MapDictionaryProvider;
import org.apache.arrow.vector.ipc.ArrowFileWriter;
import org.apache.arrow.vector.ipc.ArrowStreamWriter;
import org.apache.arrow.vector.ipc.ArrowWriter;
import org.apache.arrow.vector.ipc.message.ArrowRecordBatch;
import org.apache.arrow.vector.ipc.message.IpcOption;
import org.apache.arrow.vector.types.TimeUnit;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.DictionaryEncoding;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.arrow.vector.types.pojo.Schema;

/** Arrow files for tests, written by Arrow's own writers. */
final class ArrowFiles {
  private ArrowFiles() {}

  /** The real flights: three numeric columns in one batch. */
  static Path flights(Path target) throws IOException {
    try (var resource = DemoData.class.getResourceAsStream("flights-200k.arrow")) {
      Files.copy(resource, target, StandardCopyOption.REPLACE_EXISTING);
    }
    return target;
  }

  /**
   * A table with texts, nulls, a dictionary, lists, metadata and four batches, one of them empty.
   */
  static Path mixed(Path target) throws IOException {
    return mixed(target, false);
  }

  static Path mixedStream(Path target) throws IOException {
    return mixed(target, true);
  }

  private static Path mixed(Path target, boolean stream) throws IOException {
    try (BufferAllocator allocator = new RootAllocator();
        DemoData mixed = DemoData.mixed(allocator)) {
      write(mixed.table(), stream, CodecType.NO_COMPRESSION, target, allocator);
    }
    return target;
  }

  static Path mixedCompressed(Path target, CodecType codec) throws IOException {
    try (BufferAllocator allocator = new RootAllocator();
        DemoData mixed = DemoData.mixed(allocator)) {
      write(mixed.table(), false, codec, target, allocator);
    }
    return target;
  }

  /** The mixed table's schema, with no batch. */
  static Path schemaOnly(Path target) throws IOException {
    try (BufferAllocator allocator = new RootAllocator();
        DemoData mixed = DemoData.mixed(allocator)) {
      ArrowTable table =
          ArrowTable.of(mixed.table().schema(), List.of(), mixed.table().dictionaries());
      write(table, false, CodecType.NO_COMPRESSION, target, allocator);
    }
    return target;
  }

  /** Batches of one column of numbers that count up over all batches. */
  static Path numbers(Path target, int... batchRowCounts) throws IOException {
    Schema schema = new Schema(List.of(Field.notNullable("n", new ArrowType.Int(32, true))));
    try (BufferAllocator allocator = new RootAllocator();
        VectorSchemaRoot root = VectorSchemaRoot.create(schema, allocator);
        FileChannel channel = create(target);
        ArrowFileWriter writer = new ArrowFileWriter(root, null, channel)) {
      int next = 0;
      for (int rowCount : batchRowCounts) {
        IntVector numbers = (IntVector) root.getVector("n");
        for (int row = 0; row < rowCount; row++) {
          numbers.setSafe(row, next++);
        }
        root.setRowCount(rowCount);
        writer.writeBatch();
      }
    }
    return target;
  }

  /** A stream in which the second batch comes with another dictionary. */
  static Path changingDictionary(Path target) throws IOException {
    DictionaryEncoding encoding = new DictionaryEncoding(7, false, new ArrowType.Int(8, true));
    Schema schema =
        new Schema(
            List.of(
                new Field(
                    "word", new FieldType(true, new ArrowType.Int(8, true), encoding), List.of())));
    try (BufferAllocator allocator = new RootAllocator();
        VarCharVector words = new VarCharVector("words", allocator);
        VectorSchemaRoot root = VectorSchemaRoot.create(schema, allocator);
        FileChannel channel = create(target);
        ArrowStreamWriter writer =
            new ArrowStreamWriter(
                root, new MapDictionaryProvider(new Dictionary(words, encoding)), channel)) {
      for (String word : List.of("first", "second")) {
        words.setSafe(0, bytes(word));
        words.setValueCount(1);
        ((TinyIntVector) root.getVector("word")).setSafe(0, 0);
        root.setRowCount(1);
        writer.writeBatch();
      }
    }
    return target;
  }

  /** Three rows of many types; the last row is null wherever that is possible. */
  static Path types(Path target) throws IOException {
    try (BufferAllocator allocator = new RootAllocator()) {
      List<FieldVector> vectors = new ArrayList<>();
      DecimalVector decimal = new DecimalVector("decimal", allocator, 20, 3);
      UInt4Vector uint4 = new UInt4Vector("uint4", allocator);
      UInt8Vector uint8 = new UInt8Vector("uint8", allocator);
      LargeVarCharVector largeText = new LargeVarCharVector("largeText", allocator);
      ViewVarCharVector viewText = new ViewVarCharVector("viewText", allocator);
      VarBinaryVector binary = new VarBinaryVector("binary", allocator);
      FixedSizeBinaryVector fixedBinary = new FixedSizeBinaryVector("fixedBinary", allocator, 2);
      DateDayVector date = new DateDayVector("date", allocator);
      TimeMicroVector time = new TimeMicroVector("time", allocator);
      TimeStampMilliTZVector timestamp =
          new TimeStampMilliTZVector("timestamp", allocator, "Europe/Zurich");
      DurationVector duration =
          new DurationVector(
              "duration", FieldType.nullable(new ArrowType.Duration(TimeUnit.SECOND)), allocator);
      NullVector nothing = new NullVector("nothing", 0);
      FixedSizeListVector pair = FixedSizeListVector.empty("pair", 2, allocator);
      IntVector pairItems =
          (IntVector)
              pair.addOrGetVector(FieldType.nullable(new ArrowType.Int(32, true))).getVector();
      StructVector struct = StructVector.empty("struct", allocator);
      BigIntVector inner =
          struct.addOrGet(
              "inner", FieldType.nullable(new ArrowType.Int(64, true)), BigIntVector.class);
      MapVector map = MapVector.empty("map", allocator, false);
      vectors.addAll(
          List.of(
              decimal,
              uint4,
              uint8,
              largeText,
              viewText,
              binary,
              fixedBinary,
              date,
              time,
              timestamp,
              duration,
              nothing,
              pair,
              struct,
              map));
      UnionMapWriter mapWriter = map.getWriter();
      for (int row = 0; row < 2; row++) {
        decimal.setSafe(row, new BigDecimal(row == 0 ? "12345678901.250" : "-0.001"));
        uint4.setSafe(row, row == 0 ? -1 : 1);
        uint8.setSafe(row, row == 0 ? -1 : 1);
        largeText.setSafe(row, bytes("large \"" + row + "\", ä"));
        viewText.setSafe(row, bytes(row == 0 ? "short" : "longer than the twelve bytes of a view"));
        binary.setSafe(row, new byte[] {1, 2, (byte) 0xFF});
        fixedBinary.setSafe(row, new byte[] {0, (byte) row});
        date.setSafe(row, row == 0 ? -1 : 20000);
        time.setSafe(row, row == 0 ? 0 : 86_399_999_999L);
        timestamp.setSafe(row, row == 0 ? -1 : 1_700_000_000_000L);
        duration.setSafe(row, 90 + row);
        pairItems.setSafe(2 * row, row);
        pairItems.setSafe(2 * row + 1, -row);
        pair.setNotNull(row);
        inner.setSafe(row, Long.MAX_VALUE - row);
        struct.setIndexDefined(row);
        mapWriter.setPosition(row);
        mapWriter.startMap();
        mapWriter.startEntry();
        mapWriter.key().integer().writeInt(row);
        mapWriter.value().bigInt().writeBigInt(10L * row);
        mapWriter.endEntry();
        mapWriter.endMap();
      }
      vectors.forEach(vector -> vector.setValueCount(3));
      List<Field> fields = vectors.stream().map(FieldVector::getField).toList();
      try (VectorSchemaRoot root =
          new VectorSchemaRoot(new Schema(fields, Map.of("a key", "a value")), vectors, 3)) {
        write(ArrowTable.of(root), false, CodecType.NO_COMPRESSION, target, allocator);
      }
    }
    return target;
  }

  static void write(
      ArrowTable table, boolean stream, CodecType codec, Path target, BufferAllocator allocator)
      throws IOException {
    write(table, table.schema(), stream, codec, target, allocator);
  }

  /** Writes a table's batches under a schema of the same shape. */
  static void write(
      ArrowTable table,
      Schema schema,
      boolean stream,
      CodecType codec,
      Path target,
      BufferAllocator allocator)
      throws IOException {
    try (VectorSchemaRoot root = VectorSchemaRoot.create(schema, allocator);
        FileChannel channel = create(target);
        ArrowWriter writer =
            stream
                ? new ArrowStreamWriter(root, table.dictionaries(), channel)
                : new ArrowFileWriter(
                    root,
                    table.dictionaries(),
                    channel,
                    Map.of(),
                    IpcOption.DEFAULT,
                    codec == CodecType.NO_COMPRESSION
                        ? NoCompressionCodec.Factory.INSTANCE
                        : CommonsCompressionFactory.INSTANCE,
                    codec)) {
      writer.start();
      for (int i = 0; i < table.batchCount(); i++) {
        try (ArrowRecordBatch batch = new VectorUnloader(table.batch(i)).getRecordBatch()) {
          new VectorLoader(root).load(batch);
        }
        writer.writeBatch();
      }
    }
  }

  private static FileChannel create(Path target) throws IOException {
    return FileChannel.open(
        target,
        StandardOpenOption.CREATE,
        StandardOpenOption.TRUNCATE_EXISTING,
        StandardOpenOption.WRITE);
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
