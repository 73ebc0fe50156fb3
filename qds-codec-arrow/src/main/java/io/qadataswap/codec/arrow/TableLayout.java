package io.qadataswap.codec.arrow;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.dictionary.Dictionary;
import org.apache.arrow.vector.dictionary.DictionaryProvider;
import org.apache.arrow.vector.types.pojo.DictionaryEncoding;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.arrow.vector.types.pojo.Schema;
import org.apache.arrow.vector.util.DictionaryUtility;

/**
 * What writer and reader derive from a schema once: the columns, and the dictionaries that they
 * refer to, each after those that it refers to itself. In memory format a dictionary-encoded field
 * has the type of its indices, in message format that of the dictionary's values.
 */
final class TableLayout {
  /** The values of a dictionary. */
  record DictionaryColumn(DictionaryEncoding encoding, Column column) {}

  private final Schema schema;
  private final List<Column> columns;
  private final Map<Long, DictionaryColumn> dictionaries;
  private final int nodeCount;

  private TableLayout(
      Schema schema, List<Column> columns, Map<Long, DictionaryColumn> dictionaries) {
    this.schema = schema;
    this.columns = columns;
    this.dictionaries = dictionaries;
    int nodes = 0;
    for (Column column : columns) {
      nodes += column.nodeCount();
    }
    this.nodeCount = nodes;
  }

  /** Lays out a schema in memory format, as users have it. */
  static TableLayout ofMemoryFormat(Schema schema, DictionaryProvider provider, Faults faults) {
    List<Column> columns = new ArrayList<>();
    Map<Long, DictionaryColumn> dictionaries = new LinkedHashMap<>();
    for (Field field : schema.getFields()) {
      columns.add(Column.of(field, field.getName(), faults));
      collect(field, field.getName(), provider, dictionaries, new HashSet<>(), faults);
    }
    return new TableLayout(schema, columns, dictionaries);
  }

  private static void collect(
      Field field,
      String path,
      DictionaryProvider provider,
      Map<Long, DictionaryColumn> dictionaries,
      Set<Long> outer,
      Faults faults) {
    DictionaryEncoding encoding = field.getDictionary();
    List<Field> children = field.getChildren();
    if (encoding != null) {
      long id = encoding.getId();
      if (dictionaries.containsKey(id)) {
        return;
      }
      Dictionary dictionary = provider.lookup(id);
      if (dictionary == null) {
        throw faults.misuse(
            path,
            "it refers to dictionary id=" + id + ", which the table's dictionaries do not hold",
            "pass a DictionaryProvider that has it to ArrowTable.of");
      }
      if (!encoding.getIndexType().equals(field.getType())) {
        throw faults.misuse(
            path,
            "its type is " + field.getType() + ", its indices are " + encoding.getIndexType(),
            "give the field of an encoded vector the type of its indices");
      }
      if (!outer.add(id)) {
        throw faults.misuse(path, "dictionary id=" + id + " refers to itself", "use another id");
      }
      Field values = withoutEncoding(dictionary.getVector().getField());
      for (Field child : values.getChildren()) {
        collect(child, path + "." + child.getName(), provider, dictionaries, outer, faults);
      }
      outer.remove(id);
      dictionaries.put(id, new DictionaryColumn(encoding, Column.of(values, path, faults)));
      return;
    }
    for (Field child : children) {
      collect(child, path + "." + child.getName(), provider, dictionaries, outer, faults);
    }
  }

  private static Field withoutEncoding(Field field) {
    return field.getDictionary() == null
        ? field
        : new Field(
            field.getName(),
            new FieldType(field.isNullable(), field.getType(), null, field.getMetadata()),
            field.getChildren());
  }

  /** Lays out a schema in message format, as it was received. */
  static TableLayout ofMessageFormat(Schema message, BufferAllocator allocator, Faults faults) {
    List<Field> fields = new ArrayList<>();
    List<Column> columns = new ArrayList<>();
    Map<Long, DictionaryColumn> dictionaries = new LinkedHashMap<>();
    for (Field field : message.getFields()) {
      Field inMemory = toMemoryFormat(field, field.getName(), dictionaries, faults);
      Column column = Column.of(inMemory, field.getName(), faults);
      requireVectors(column, allocator, faults);
      fields.add(inMemory);
      columns.add(column);
    }
    for (DictionaryColumn dictionary : dictionaries.values()) {
      requireVectors(dictionary.column(), allocator, faults);
    }
    return new TableLayout(new Schema(fields, message.getCustomMetadata()), columns, dictionaries);
  }

  private static Field toMemoryFormat(
      Field field, String path, Map<Long, DictionaryColumn> dictionaries, Faults faults) {
    DictionaryEncoding encoding = field.getDictionary();
    if (encoding == null && field.getChildren().isEmpty()) {
      return field;
    }
    List<Field> children = new ArrayList<>(field.getChildren().size());
    for (Field child : field.getChildren()) {
      children.add(toMemoryFormat(child, path + "." + child.getName(), dictionaries, faults));
    }
    if (encoding == null) {
      return new Field(field.getName(), field.getFieldType(), children);
    }
    long id = encoding.getId();
    DictionaryColumn known = dictionaries.get(id);
    if (known == null) {
      Field values =
          new Field(
              "DICT" + id,
              new FieldType(field.isNullable(), field.getType(), null, null),
              children);
      dictionaries.put(id, new DictionaryColumn(encoding, Column.of(values, path, faults)));
    } else {
      Field values = known.column().field();
      if (!values.getType().equals(field.getType()) || !values.getChildren().equals(children)) {
        throw faults.corrupt(
            path,
            "type " + field.getType() + " with dictionary id=" + id,
            values.getType() + ", as field " + known.column().path() + " has with this dictionary");
      }
    }
    return new Field(
        field.getName(),
        new FieldType(field.isNullable(), encoding.getIndexType(), encoding, field.getMetadata()),
        null);
  }

  /** Refuses what Arrow Java makes no vectors for, or vectors of another shape. */
  private static void requireVectors(Column column, BufferAllocator allocator, Faults faults) {
    String problem;
    RuntimeException cause = null;
    try (FieldVector vector = column.field().createVector(allocator)) {
      problem = column.deepMismatch(vector);
    } catch (RuntimeException e) {
      problem = e.toString();
      cause = e;
    }
    if (problem != null) {
      throw faults.unsupported(
          column.path(),
          "type " + column.field().getType() + " (Arrow Java: " + problem + ")",
          "let the writer use another type, or distinct names for the children",
          cause);
    }
  }

  /** Returns whether a writer's layout still fits the dictionaries of the next table. */
  boolean fits(DictionaryProvider provider) {
    if (dictionaries.isEmpty()) {
      return true;
    }
    for (DictionaryColumn dictionary : dictionaries.values()) {
      Dictionary current = provider.lookup(dictionary.encoding().getId());
      if (current == null
          || !withoutEncoding(current.getVector().getField()).equals(dictionary.column().field())) {
        return false;
      }
    }
    return true;
  }

  private Schema toMessageFormat(DictionaryProvider provider) {
    if (dictionaries.isEmpty()) {
      return schema;
    }
    List<Field> fields = new ArrayList<>();
    for (Field field : schema.getFields()) {
      fields.add(DictionaryUtility.toMessageFormat(field, provider, new HashSet<>()));
    }
    return new Schema(fields, schema.getCustomMetadata());
  }

  /** Returns the framed schema, lengthened with zeros to a multiple of 64. */
  byte[] schemaMessage(DictionaryProvider provider) {
    byte[] message = toMessageFormat(provider).serializeAsMessage();
    int length = (int) BatchMetadata.align(message.length);
    byte[] aligned = Arrays.copyOf(message, length);
    int metadataLength = length - BatchMetadata.FRAME_LENGTH;
    for (int i = 0; i < Integer.BYTES; i++) {
      aligned[Integer.BYTES + i] = (byte) (metadataLength >>> (i * Byte.SIZE));
    }
    return aligned;
  }

  /** Returns the schema in memory format. */
  Schema schema() {
    return schema;
  }

  List<Column> columns() {
    return columns;
  }

  /** Returns the dictionaries by id, each after those that it refers to. */
  Map<Long, DictionaryColumn> dictionaries() {
    return Collections.unmodifiableMap(dictionaries);
  }

  /** Returns the number of field nodes of a record batch. */
  int nodeCount() {
    return nodeCount;
  }
}
