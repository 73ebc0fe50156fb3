package io.qadataswap.codec.raw;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The columns of a raw batch, in order. Immutable. */
public final class RawSchema {
  private final List<RawField> fields;
  private final Map<String, Integer> indexes = new HashMap<>();
  private final byte[] encoded;

  private RawSchema(List<RawField> fields) {
    this.fields = List.copyOf(fields);
    if (fields.size() > RawDescriptor.COLUMN_LIMIT) {
      throw new IllegalArgumentException(
          "columns=" + fields.size() + " allowed=0 to " + RawDescriptor.COLUMN_LIMIT);
    }
    for (int i = 0; i < fields.size(); i++) {
      if (indexes.put(fields.get(i).name(), i) != null) {
        throw new IllegalArgumentException(
            "column name=" + fields.get(i).name() + " comes twice; give each column another name");
      }
    }
    this.encoded = encode(this.fields);
  }

  /**
   * Describes a batch.
   *
   * @param fields of the columns
   * @return the schema
   * @throws IllegalArgumentException if two have the same name, or all names are longer than 64 MiB
   */
  public static RawSchema of(RawField... fields) {
    return new RawSchema(List.of(fields));
  }

  /**
   * Describes a batch.
   *
   * @param fields of the columns
   * @return the schema
   * @throws IllegalArgumentException if two have the same name, or all names are longer than 64 MiB
   */
  public static RawSchema of(List<RawField> fields) {
    return new RawSchema(fields);
  }

  /**
   * Returns the columns' descriptions.
   *
   * @return the fields, in order
   */
  public List<RawField> fields() {
    return fields;
  }

  /**
   * Returns where a column is.
   *
   * @param name of the column
   * @return its index
   * @throws IllegalArgumentException if there is no such column; the message lists those there are
   */
  public int indexOf(String name) {
    Integer index = indexes.get(name);
    if (index == null) {
      throw new IllegalArgumentException("column=" + name + " allowed=" + indexes.keySet());
    }
    return index;
  }

  /** Returns the schema as it stands in messages; not to be changed. */
  byte[] encoded() {
    return encoded;
  }

  private static byte[] encode(List<RawField> fields) {
    long length = (long) fields.size() * RawDescriptor.FIELD_LENGTH;
    for (RawField field : fields) {
      length += field.name().getBytes(StandardCharsets.UTF_8).length;
    }
    length = RawDescriptor.padded(length);
    if (length > RawDescriptor.SCHEMA_LENGTH_LIMIT) {
      throw new IllegalArgumentException(
          "schema length=" + length + " allowed=0 to " + RawDescriptor.SCHEMA_LENGTH_LIMIT);
    }
    ByteBuffer bytes = ByteBuffer.allocate((int) length).order(ByteOrder.LITTLE_ENDIAN);
    int nameOffset = fields.size() * RawDescriptor.FIELD_LENGTH;
    for (int i = 0; i < fields.size(); i++) {
      RawField field = fields.get(i);
      byte[] name = field.name().getBytes(StandardCharsets.UTF_8);
      int at = i * RawDescriptor.FIELD_LENGTH;
      bytes.put(at + RawDescriptor.TYPE_OFFSET, (byte) field.type().code());
      bytes.put(
          at + RawDescriptor.FLAGS_OFFSET,
          (byte) (field.nullable() ? RawDescriptor.FLAG_NULLABLE : 0));
      bytes.putInt(at + RawDescriptor.WIDTH_OFFSET, field.width());
      bytes.putInt(at + RawDescriptor.NAME_OFFSET_OFFSET, nameOffset);
      bytes.putInt(at + RawDescriptor.NAME_LENGTH_OFFSET, name.length);
      bytes.put(nameOffset, name);
      nameOffset += name.length;
    }
    return bytes.array();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof RawSchema schema && fields.equals(schema.fields);
  }

  @Override
  public int hashCode() {
    return fields.hashCode();
  }

  @Override
  public String toString() {
    return fields.toString();
  }
}
