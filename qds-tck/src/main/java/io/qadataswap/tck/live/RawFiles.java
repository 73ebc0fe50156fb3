package io.qadataswap.tck.live;

import io.qadataswap.codec.raw.RawBatch;
import io.qadataswap.codec.raw.RawColumn;
import io.qadataswap.codec.raw.RawField;
import io.qadataswap.codec.raw.RawSchema;
import io.qadataswap.codec.raw.RawType;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;

/**
 * What the peer does with raw batches: lines of text in files, as the peer protocol says (PEER-18).
 */
final class RawFiles {
  private static final String NULL = "-";

  private RawFiles() {}

  /** Makes the batch of a file, in private memory. */
  static RawBatch parse(String text) {
    List<String> lines = text.lines().toList();
    int rowCount = Integer.parseInt(lines.get(0).substring("rows ".length()));
    List<RawField> fields = new ArrayList<>();
    for (int at = 1; at < lines.size(); at += rowCount + 1) {
      fields.add(field(lines.get(at).split(" ", -1)));
    }
    RawBatch batch = RawBatch.allocate(RawSchema.of(fields), rowCount, text.length());
    for (int i = 0; i < fields.size(); i++) {
      for (int row = 0; row < rowCount; row++) {
        String line = lines.get(2 + i * (rowCount + 1) + row);
        if (line.equals(NULL)) {
          batch.column(i).setNull(row);
        } else {
          set(batch.column(i), row, HexFormat.of().parseHex(line.substring(1)));
        }
      }
    }
    return batch.setRowCount(rowCount);
  }

  private static RawField field(String[] words) {
    String name = new String(HexFormat.of().parseHex(words[4]), StandardCharsets.UTF_8);
    return new RawField(
        name,
        RawType.valueOf(words[1].toUpperCase(Locale.ROOT)),
        Integer.parseInt(words[2]),
        words[3].equals("null"));
  }

  private static void set(RawColumn column, int row, byte[] bytes) {
    ByteBuffer value = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    switch (column.field().type()) {
      case INT8, UINT8 -> column.setByte(row, value.get());
      case INT16, UINT16 -> column.setShort(row, value.getShort());
      case INT32, UINT32 -> column.setInt(row, value.getInt());
      case INT64, UINT64, TIMESTAMP -> column.setLong(row, value.getLong());
      case FLOAT32 -> column.setFloat(row, value.getFloat());
      case FLOAT64 -> column.setDouble(row, value.getDouble());
      case BOOL -> column.setBoolean(row, value.get() != 0);
      case UTF8 -> column.setString(row, new String(bytes, StandardCharsets.UTF_8));
      case FIXED, BINARY -> column.setBytes(row, bytes, 0, bytes.length);
    }
  }

  /** Returns the text of a batch. */
  static String text(RawBatch batch) {
    StringBuilder text = new StringBuilder("rows " + batch.rowCount() + "\n");
    for (RawColumn column : batch.columns()) {
      RawField field = column.field();
      text.append("column ")
          .append(field.type().name().toLowerCase(Locale.ROOT))
          .append(' ')
          .append(field.width())
          .append(field.nullable() ? " null " : " - ")
          .append(HexFormat.of().formatHex(field.name().getBytes(StandardCharsets.UTF_8)))
          .append('\n');
      for (int row = 0; row < batch.rowCount(); row++) {
        text.append(column.isNull(row) ? NULL : "=" + HexFormat.of().formatHex(bytes(column, row)))
            .append('\n');
      }
    }
    return text.toString();
  }

  private static byte[] bytes(RawColumn column, int row) {
    int width = column.field().width();
    ByteBuffer value = ByteBuffer.allocate(Math.max(width, Long.BYTES));
    value.order(ByteOrder.LITTLE_ENDIAN);
    switch (column.field().type()) {
      case INT8, UINT8 -> value.put(column.getByte(row));
      case INT16, UINT16 -> value.putShort(column.getShort(row));
      case INT32, UINT32 -> value.putInt(column.getInt(row));
      case INT64, UINT64, TIMESTAMP -> value.putLong(column.getLong(row));
      case FLOAT32 -> value.putFloat(column.getFloat(row));
      case FLOAT64 -> value.putDouble(column.getDouble(row));
      case BOOL -> value.put((byte) (column.getBoolean(row) ? 1 : 0));
      case UTF8 -> {
        return column.getString(row).getBytes(StandardCharsets.UTF_8);
      }
      case FIXED, BINARY -> {
        byte[] bytes = new byte[column.length(row)];
        column.getBytes(row, bytes, 0);
        return bytes;
      }
    }
    return java.util.Arrays.copyOf(value.array(), width);
  }

  static String read(Path file) throws IOException {
    return Files.readString(file, StandardCharsets.US_ASCII);
  }
}
