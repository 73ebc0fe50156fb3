package io.qadataswap.codec.raw;

import io.qadataswap.api.Region;
import io.qadataswap.api.codec.Decoder;
import io.qadataswap.api.layout.Loan;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Shows messages as batches: copies header, schema and buffer table to private memory, checks them,
 * and points the columns at their buffers. The schema is parsed only when its bytes differ from the
 * last.
 */
final class RawDecoder implements Decoder<RawBatch> {
  private final Faults faults;
  private final FullValidation fullValidation;

  private byte[] metadata = new byte[1024];
  private ByteBuffer metadataBuffer = ByteBuffer.wrap(metadata).order(ByteOrder.LITTLE_ENDIAN);

  private RawSchema schema;
  private byte[] schemaBytes = {};

  /** The batch of the last message, used again when its loan is. */
  private RawBatch batch;

  private Loan loanOfBatch;

  RawDecoder(String channel, boolean fullValidation) {
    this.faults = new Faults(channel);
    this.fullValidation = fullValidation ? new FullValidation(faults) : null;
  }

  @Override
  public RawBatch decode(Loan loan) {
    faults.message(loan.sequence());
    Region region = loan.region();
    long available = region.length();
    if (available < RawDescriptor.HEADER_LENGTH) {
      throw faults.corrupt(
          "message", available + " bytes", RawDescriptor.HEADER_LENGTH + " bytes or more");
    }
    region.getBytes(0, metadata, 0, RawDescriptor.HEADER_LENGTH);
    int magic = metadataBuffer.getInt(RawDescriptor.MAGIC_OFFSET);
    if (magic != RawDescriptor.MAGIC) {
      throw faults.corrupt(
          "magic",
          "0x" + Integer.toHexString(magic),
          "0x" + Integer.toHexString(RawDescriptor.MAGIC));
    }
    int version = metadataBuffer.getShort(RawDescriptor.VERSION_OFFSET) & 0xFFFF;
    if (version != RawDescriptor.VERSION) {
      throw faults.unsupported("version", "version " + version + " of raw batches");
    }
    int rowCount = metadataBuffer.getInt(RawDescriptor.ROW_COUNT_OFFSET);
    require("rowCount", rowCount, 0, Integer.MAX_VALUE);
    int columnCount = metadataBuffer.getInt(RawDescriptor.COLUMN_COUNT_OFFSET);
    require("columnCount", columnCount, 0, RawDescriptor.COLUMN_LIMIT);
    int schemaLength = metadataBuffer.getInt(RawDescriptor.SCHEMA_LENGTH_OFFSET);
    require(
        "schemaLength",
        schemaLength,
        (long) columnCount * RawDescriptor.FIELD_LENGTH,
        RawDescriptor.SCHEMA_LENGTH_LIMIT);
    requireAligned("schemaLength", schemaLength);
    long messageLength = metadataBuffer.getLong(RawDescriptor.MESSAGE_LENGTH_OFFSET);
    long buffersAt = RawDescriptor.buffers(schemaLength, columnCount);
    require("messageLength", messageLength, buffersAt, available);
    requireAligned("messageLength", messageLength);

    copyMetadata(region, schemaLength, columnCount);
    readSchema(schemaLength, columnCount);
    RawBatch view = batchFor(loan);
    view.open(region, rowCount, messageLength);
    int entry = (int) RawDescriptor.bufferTable(schemaLength);
    for (int i = 0; i < columnCount; i++) {
      bind(view.column(i), entry, rowCount, buffersAt, messageLength);
      entry += RawDescriptor.BUFFERS_LENGTH;
    }
    if (fullValidation != null) {
      fullValidation.check(view);
    }
    return view;
  }

  @Override
  public void release(RawBatch value) {
    // the loan closes the region
  }

  @Override
  public void close() {
    // holds nothing
  }

  private void copyMetadata(Region region, int schemaLength, int columnCount) {
    int length =
        (int) RawDescriptor.bufferTable(schemaLength) + columnCount * RawDescriptor.BUFFERS_LENGTH;
    if (metadata.length < length) {
      metadata = new byte[length];
      metadataBuffer = ByteBuffer.wrap(metadata).order(ByteOrder.LITTLE_ENDIAN);
    }
    int copied = RawDescriptor.HEADER_LENGTH;
    region.getBytes(copied, metadata, copied, length - copied);
  }

  private void readSchema(int schemaLength, int columnCount) {
    int from = RawDescriptor.HEADER_LENGTH;
    int to = from + schemaLength;
    if (schema != null
        && schema.fields().size() == columnCount
        && Arrays.equals(metadata, from, to, schemaBytes, 0, schemaBytes.length)) {
      return;
    }
    schema = parseSchema(schemaLength, columnCount);
    schemaBytes = Arrays.copyOfRange(metadata, from, to);
    batch = null;
  }

  private RawSchema parseSchema(int schemaLength, int columnCount) {
    int namesAt = columnCount * RawDescriptor.FIELD_LENGTH;
    // Names that share bytes would take much more memory than the message.
    int unusedNameLength = schemaLength - namesAt;
    List<RawField> fields = new ArrayList<>(columnCount);
    for (int i = 0; i < columnCount; i++) {
      String place = "column " + i;
      int at = RawDescriptor.HEADER_LENGTH + i * RawDescriptor.FIELD_LENGTH;
      int code = metadata[at + RawDescriptor.TYPE_OFFSET] & 0xFF;
      int flags = metadata[at + RawDescriptor.FLAGS_OFFSET] & 0xFF;
      RawType type = RawType.ofCode(code);
      if (type == null) {
        throw faults.unsupported(place + " type", "type " + code);
      }
      if ((flags & ~RawDescriptor.FLAG_NULLABLE) != 0) {
        throw faults.unsupported(place + " flags", "flags 0x" + Integer.toHexString(flags));
      }
      int width = metadataBuffer.getInt(at + RawDescriptor.WIDTH_OFFSET);
      if (!RawField.isWidthOf(type, width)) {
        throw faults.corrupt(place + " width", "" + width, RawField.widths(type));
      }
      int nameLength = metadataBuffer.getInt(at + RawDescriptor.NAME_LENGTH_OFFSET);
      require(
          place + " nameLength",
          nameLength,
          1,
          Math.min(RawDescriptor.NAME_LENGTH_LIMIT, unusedNameLength));
      unusedNameLength -= nameLength;
      int nameOffset = metadataBuffer.getInt(at + RawDescriptor.NAME_OFFSET_OFFSET);
      require(place + " nameOffset", nameOffset, namesAt, schemaLength - nameLength);
      fields.add(
          new RawField(
              name(place, nameOffset, nameLength),
              type,
              width,
              flags == RawDescriptor.FLAG_NULLABLE));
    }
    try {
      return RawSchema.of(fields);
    } catch (IllegalArgumentException e) {
      throw faults.corrupt("schema", e.getMessage(), "names that differ");
    }
  }

  private String name(String place, int nameOffset, int nameLength) {
    try {
      return StandardCharsets.UTF_8
          .newDecoder()
          .decode(ByteBuffer.wrap(metadata, RawDescriptor.HEADER_LENGTH + nameOffset, nameLength))
          .toString();
    } catch (CharacterCodingException e) {
      throw faults.corrupt(place + " name", "text that is not UTF-8", "well-formed UTF-8");
    }
  }

  /** A message's object is used again with its loan, and this reader's batch with it. */
  @SuppressWarnings("ReferenceEquality") // the very object
  private RawBatch batchFor(Loan loan) {
    if (batch == null || loanOfBatch != loan) {
      batch = new RawBatch(schema, new Faults(faults), false);
      loanOfBatch = loan;
    }
    batch.faults().message(loan.sequence());
    return batch;
  }

  private void bind(RawColumn column, int entry, int rowCount, long buffersAt, long messageLength) {
    RawField field = column.field();
    long validity = metadataBuffer.getLong(entry + RawDescriptor.VALIDITY_OFFSET);
    if (validity != 0) {
      if (!field.nullable()) {
        throw faults.corrupt(field.name(), "validity offset=" + validity, "0, it has no nulls");
      }
      requirePlace(
          field,
          "validity",
          validity,
          RawDescriptor.validityLength(rowCount),
          buffersAt,
          messageLength);
    }
    long values = metadataBuffer.getLong(entry + RawDescriptor.VALUES_OFFSET);
    requirePlace(
        field,
        "values",
        values,
        RawDescriptor.valuesLength(field.width(), rowCount),
        buffersAt,
        messageLength);
    long data = metadataBuffer.getLong(entry + RawDescriptor.DATA_OFFSET);
    long dataLength = metadataBuffer.getLong(entry + RawDescriptor.DATA_LENGTH_OFFSET);
    if (field.width() == 0) {
      requireRange(field, "dataLength", dataLength, 0, Integer.MAX_VALUE);
      requirePlace(field, "data", data, dataLength, buffersAt, messageLength);
    } else {
      requireRange(field, "data offset", data, 0, 0);
      requireRange(field, "dataLength", dataLength, 0, 0);
    }
    column.bind(rowCount, validity, values, data, dataLength);
    if (field.width() == 0) {
      column.requireEnds();
    }
  }

  private void requirePlace(
      RawField field, String part, long offset, long length, long buffersAt, long messageLength) {
    long padded = RawDescriptor.padded(length);
    if ((offset & (RawDescriptor.ALIGNMENT - 1)) != 0
        || offset < buffersAt
        || offset > messageLength - padded) {
      throw faults.corrupt(
          field.name(),
          part + " offset=" + offset + " length=" + length,
          "a multiple of "
              + RawDescriptor.ALIGNMENT
              + " from "
              + buffersAt
              + " to "
              + (messageLength - padded));
    }
  }

  private void require(String field, long found, long least, long most) {
    if (found < least || found > most) {
      throw faults.corrupt(field, "" + found, least + " to " + most);
    }
  }

  private void requireRange(RawField field, String part, long found, long least, long most) {
    if (found < least || found > most) {
      throw faults.corrupt(field.name(), part + "=" + found, least + " to " + most);
    }
  }

  private void requireAligned(String field, long found) {
    if ((found & (RawDescriptor.ALIGNMENT - 1)) != 0) {
      throw faults.corrupt(field, "" + found, "a multiple of " + RawDescriptor.ALIGNMENT);
    }
  }
}
