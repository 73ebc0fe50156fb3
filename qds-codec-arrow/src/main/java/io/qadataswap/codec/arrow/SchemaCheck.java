package io.qadataswap.codec.arrow;

/**
 * Walks the tables of a schema, so that Arrow's own parser meets only references that stay inside
 * the buffer, a depth that it can recurse to, and an amount of work that fits the buffer.
 */
final class SchemaCheck {
  /** As deep as Arrow C++ reads. */
  static final int DEPTH_LIMIT = 64;

  /** Bounds the heap that a hostile schema takes. */
  private static final int FIELD_LIMIT = 1_000_000;

  private static final short LITTLE_ENDIAN = 0;
  private static final int TYPE_DECIMAL = 7;
  private static final int TYPE_TIMESTAMP = 10;
  private static final int TYPE_UNION = 14;

  /** The last that Arrow Java knows. */
  private static final int TYPE_LARGE_LIST_VIEW = 26;

  private static final int DEFAULT_DECIMAL_BITS = 128;

  private final FlatBuffer metadata;
  private final Faults faults;
  private int fieldCount;

  SchemaCheck(FlatBuffer metadata, Faults faults) {
    this.metadata = metadata;
    this.faults = faults;
  }

  /** Checks the table {@code Schema}. */
  void check(int schema) {
    fieldCount = 0;
    short endianness = metadata.shortField(schema, 0, LITTLE_ENDIAN, "Schema.endianness");
    if (endianness != LITTLE_ENDIAN) {
      throw faults.unsupported(
          "Schema.endianness",
          "big-endian data (" + endianness + ")",
          "let the writer send little-endian data");
    }
    fields(schema, 1, "Schema.fields", 1);
    keyValues(schema, 2, "Schema.custom_metadata");
    metadata.vector(schema, 3, Long.BYTES, "Schema.features");
  }

  private void fields(int owner, int slot, String name, int depth) {
    int vector = metadata.vector(owner, slot, Integer.BYTES, name);
    int count = metadata.count(vector);
    if (count > 0 && depth > DEPTH_LIMIT) {
      throw faults.corrupt(name, "fields nested deeper", "at most " + DEPTH_LIMIT + " levels");
    }
    fieldCount += count;
    if (fieldCount > FIELD_LIMIT) {
      throw faults.corrupt(name, "fieldCount=" + fieldCount, "at most " + FIELD_LIMIT);
    }
    for (int i = 0; i < count; i++) {
      field(metadata.tableElement(vector, i, name), depth);
    }
  }

  private void field(int field, int depth) {
    string(field, 0, "Field.name");
    int typeId = metadata.byteField(field, 2, (byte) 0, "Field.type_type");
    int type = metadata.table(field, 3, "Field.type");
    if (type == 0) {
      throw faults.corrupt("Field.type", "nothing (type id=" + typeId + ")", "a type");
    }
    if (typeId <= 0 || typeId > TYPE_LARGE_LIST_VIEW) {
      throw faults.unsupported(
          metadata.text(field, 0, "Field.name"),
          "type id=" + typeId,
          "let the writer use one of the types 1 to " + TYPE_LARGE_LIST_VIEW);
    }
    if (typeId == TYPE_DECIMAL) {
      int bits = metadata.intField(type, 2, DEFAULT_DECIMAL_BITS, "Decimal.bitWidth");
      if (bits != 128 && bits != 256) {
        throw faults.unsupported(
            metadata.text(field, 0, "Field.name"),
            "a decimal of " + bits + " bits",
            "Arrow Java has decimals of 128 and 256 bits: let the writer use one of them");
      }
    }
    if (typeId == TYPE_TIMESTAMP) {
      string(type, 1, "Timestamp.timezone");
    } else if (typeId == TYPE_UNION) {
      metadata.vector(type, 1, Integer.BYTES, "Union.typeIds");
    }
    int dictionary = metadata.table(field, 4, "Field.dictionary");
    if (dictionary != 0) {
      metadata.table(dictionary, 1, "DictionaryEncoding.indexType");
    }
    fields(field, 5, "Field.children", depth + 1);
    keyValues(field, 6, "Field.custom_metadata");
  }

  private void keyValues(int owner, int slot, String name) {
    int vector = metadata.vector(owner, slot, Integer.BYTES, name);
    for (int i = 0; i < metadata.count(vector); i++) {
      int keyValue = metadata.tableElement(vector, i, name);
      string(keyValue, 0, name + ".key");
      string(keyValue, 1, name + ".value");
    }
  }

  private void string(int table, int slot, String name) {
    metadata.vector(table, slot, Byte.BYTES, name);
  }
}
