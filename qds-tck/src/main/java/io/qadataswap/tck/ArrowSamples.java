package io.qadataswap.tck;

import io.qadataswap.api.codec.Codec;
import io.qadataswap.codec.arrow.ArrowCodec;
import io.qadataswap.codec.arrow.ArrowTable;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.BitVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ViewVarCharVector;
import org.apache.arrow.vector.complex.ListVector;
import org.apache.arrow.vector.complex.impl.UnionListWriter;
import org.apache.arrow.vector.dictionary.Dictionary;
import org.apache.arrow.vector.dictionary.DictionaryEncoder;
import org.apache.arrow.vector.dictionary.DictionaryProvider;
import org.apache.arrow.vector.dictionary.DictionaryProvider.MapDictionaryProvider;
import org.apache.arrow.vector.types.pojo.DictionaryEncoding;

/** Values for {@link ArrowCodec}: tables of several shapes. */
public final class ArrowSamples implements CodecSamples<ArrowTable> {
  private static final List<String> TEXTS =
      List.of("", "a", "Z\u00fcrich", "exactly twelve", "a text that is longer than twelve bytes");

  private final BufferAllocator root = new RootAllocator();
  private final BufferAllocator received = root.newChildAllocator("received", 0, Long.MAX_VALUE);
  private final Codec<ArrowTable> codec = ArrowCodec.with(received);
  private final List<AutoCloseable> owned = new ArrayList<>();
  private final List<ArrowTable> values = new ArrayList<>();

  /** Makes the values. */
  public ArrowSamples() {
    VectorSchemaRoot numbers = numbers(20);
    VectorSchemaRoot more = numbers(3);
    values.add(ArrowTable.of(numbers));
    values.add(ArrowTable.of(texts(11)));
    values.add(ArrowTable.of(numbers(0)));
    DictionaryProvider none = new MapDictionaryProvider();
    values.add(ArrowTable.of(numbers.getSchema(), List.of(), none));
    values.add(ArrowTable.of(numbers.getSchema(), List.of(numbers, more), none));
    values.add(encodedTexts());
  }

  private VectorSchemaRoot numbers(int rowCount) {
    BigIntVector longs = new BigIntVector("long", root);
    Float8Vector doubles = new Float8Vector("double", root);
    BitVector flags = new BitVector("flag", root);
    for (int row = 0; row < rowCount; row++) {
      if (row % 5 == 2) {
        longs.setNull(row);
        flags.setNull(row);
      } else {
        longs.setSafe(row, row * 1_000_000_007L);
        flags.setSafe(row, row % 2);
      }
      doubles.setSafe(row, row == 3 ? Double.NaN : row / 4.0);
    }
    return batch(rowCount, longs, doubles, flags);
  }

  private VectorSchemaRoot texts(int rowCount) {
    VarCharVector texts = new VarCharVector("text", root);
    ViewVarCharVector views = new ViewVarCharVector("view", root);
    ListVector lists = ListVector.empty("list", root);
    texts.allocateNew();
    views.allocateNew();
    UnionListWriter writer = lists.getWriter();
    for (int row = 0; row < rowCount; row++) {
      byte[] text = TEXTS.get(row % TEXTS.size()).getBytes(StandardCharsets.UTF_8);
      if (row % 4 == 3) {
        texts.setNull(row);
        views.setNull(row);
      } else {
        texts.setSafe(row, text);
        views.setSafe(row, text);
        writer.setPosition(row);
        writer.startList();
        for (int item = 0; item < row % 3; item++) {
          writer.bigInt().writeBigInt(row * 10L + item);
        }
        writer.endList();
      }
    }
    return batch(rowCount, texts, views, lists);
  }

  private ArrowTable encodedTexts() {
    VarCharVector words = new VarCharVector("words", root);
    VarCharVector texts = new VarCharVector("encoded", root);
    words.allocateNew();
    texts.allocateNew();
    for (int i = 0; i < TEXTS.size(); i++) {
      words.setSafe(i, TEXTS.get(i).getBytes(StandardCharsets.UTF_8));
    }
    words.setValueCount(TEXTS.size());
    for (int row = 0; row < 9; row++) {
      texts.setSafe(row, TEXTS.get(row * 2 % TEXTS.size()).getBytes(StandardCharsets.UTF_8));
    }
    texts.setValueCount(9);
    Dictionary dictionary = new Dictionary(words, new DictionaryEncoding(7, false, null));
    FieldVector indices = (FieldVector) DictionaryEncoder.encode(texts, dictionary);
    texts.close();
    owned.add(words);
    return ArrowTable.of(batch(9, indices), new MapDictionaryProvider(dictionary));
  }

  private VectorSchemaRoot batch(int rowCount, FieldVector... vectors) {
    for (FieldVector vector : vectors) {
      vector.setValueCount(rowCount);
    }
    VectorSchemaRoot batch = VectorSchemaRoot.of(vectors);
    batch.setRowCount(rowCount);
    owned.add(batch);
    return batch;
  }

  @Override
  public Codec<ArrowTable> codec() {
    return codec;
  }

  @Override
  public List<ArrowTable> values() {
    return values;
  }

  @Override
  public Object contentOf(ArrowTable value) {
    List<Object> content = new ArrayList<>();
    content.add(value.schema().toString());
    for (int i = 0; i < value.batchCount(); i++) {
      VectorSchemaRoot batch = value.batch(i);
      content.add(batch.getRowCount());
      batch.getFieldVectors().forEach(vector -> content.add(contentOf(vector)));
    }
    DictionaryProvider dictionaries = value.dictionaries();
    dictionaries.getDictionaryIds().stream()
        .sorted()
        .forEach(id -> content.add(contentOf(dictionaries.lookup(id).getVector())));
    return content;
  }

  private static List<Object> contentOf(FieldVector vector) {
    List<Object> content = new ArrayList<>();
    for (int row = 0; row < vector.getValueCount(); row++) {
      try {
        content.add(comparable(vector.getObject(row)));
      } catch (DateTimeException | ArithmeticException e) {
        content.add("a time that is none");
      }
    }
    return content;
  }

  private static Object comparable(Object value) {
    if (value instanceof byte[] bytes) {
      return ByteBuffer.wrap(bytes.clone());
    }
    if (value instanceof List<?> list) {
      List<Object> items = new ArrayList<>();
      list.forEach(item -> items.add(comparable(item)));
      return items;
    }
    if (value instanceof Map<?, ?> map) {
      Map<String, Object> sorted = new TreeMap<>();
      map.forEach((key, item) -> sorted.put(String.valueOf(key), comparable(item)));
      return sorted;
    }
    if (value instanceof Object[] array) {
      return Arrays.deepToString(array);
    }
    return String.valueOf(value);
  }

  @Override
  public long heldLength() {
    return received.getAllocatedMemory();
  }

  @Override
  public void close() {
    try {
      for (AutoCloseable each : owned) {
        each.close();
      }
      received.close();
      root.close();
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }
}
