package io.qadataswap.codec.raw;

import io.qadataswap.api.QdsException;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;

/** Reads every offset, text and boolean of a batch, for writers that are not trusted. */
final class FullValidation {
  private static final int PIECE_LENGTH = 4096;

  private final Faults faults;
  private final CharsetDecoder utf8 = StandardCharsets.UTF_8.newDecoder();
  private final byte[] piece = new byte[PIECE_LENGTH];
  private final ByteBuffer pieceBuffer = ByteBuffer.wrap(piece);
  private final CharBuffer chars = CharBuffer.allocate(PIECE_LENGTH);

  FullValidation(Faults faults) {
    this.faults = faults;
  }

  void check(RawBatch batch) {
    for (int i = 0; i < batch.columns().size(); i++) {
      RawColumn column = batch.column(i);
      switch (column.field().type()) {
        case UTF8 -> checkTexts(batch, column);
        case BINARY -> {
          for (int row = 0; row < batch.rowCount(); row++) {
            column.range(row);
          }
        }
        case BOOL -> checkBooleans(batch, column);
        default -> {
          // any bytes are values
        }
      }
    }
  }

  private void checkTexts(RawBatch batch, RawColumn column) {
    for (int row = 0; row < batch.rowCount(); row++) {
      long range = column.range(row);
      long start = column.dataOffset() + (range >>> Integer.SIZE);
      if (!isUtf8(batch, start, column.dataOffset() + (int) range)) {
        throw wrong(column, row, "text that is not UTF-8", "well-formed UTF-8");
      }
    }
  }

  private boolean isUtf8(RawBatch batch, long start, long end) {
    utf8.reset();
    pieceBuffer.clear();
    long next = start;
    while (next < end || pieceBuffer.position() > 0) {
      int kept = pieceBuffer.position();
      int step = (int) Math.min(PIECE_LENGTH - kept, end - next);
      batch.region().getBytes(next, piece, kept, step);
      next += step;
      pieceBuffer.position(kept + step).flip();
      chars.clear();
      CoderResult result = utf8.decode(pieceBuffer, chars, next == end);
      if (result.isError()) {
        return false;
      }
      // A character that the piece cut through comes first in the next one.
      pieceBuffer.compact();
    }
    return true;
  }

  private void checkBooleans(RawBatch batch, RawColumn column) {
    for (int row = 0; row < batch.rowCount(); row++) {
      byte value = batch.region().getByte(column.valuesOffset() + row);
      if (value != 0 && value != 1) {
        throw wrong(column, row, "boolean " + value, "0 or 1");
      }
    }
  }

  private QdsException wrong(RawColumn column, int row, String found, String allowed) {
    return faults.corrupt(column.field().name(), found + " in row " + row, allowed);
  }
}
