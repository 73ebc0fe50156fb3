package org.example.quickstart;

import io.qadataswap.api.Message;
import io.qadataswap.api.Qds;
import io.qadataswap.api.Reader;
import io.qadataswap.api.Writer;
import io.qadataswap.codec.arrow.ArrowCodec;
import io.qadataswap.codec.arrow.ArrowTable;
import java.nio.charset.StandardCharsets;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;

/** The quick start of the README, in one process; writer and reader may as well be two. */
public final class QuickStart {
  private QuickStart() {}

  /**
   * Writes a table into a channel and reads it from there.
   *
   * @param arguments none
   * @throws InterruptedException if interrupted while waiting
   */
  public static void main(String[] arguments) throws InterruptedException {
    write();
    read();
  }

  // tag::write[]
  static void write() throws InterruptedException {
    try (BufferAllocator allocator = new RootAllocator();
        BigIntVector id = new BigIntVector("id", allocator);
        VarCharVector name = new VarCharVector("name", allocator);
        Float8Vector value = new Float8Vector("value", allocator);
        Writer<ArrowTable> writer =
            Qds.writer("trades", ArrowCodec.with(allocator)).capacity(100 << 20).open()) {
      String[] names = {"Alice", "Bob", "Charlie"};
      for (int row = 0; row < names.length; row++) {
        id.setSafe(row, row + 1);
        name.setSafe(row, names[row].getBytes(StandardCharsets.UTF_8));
        value.setSafe(row, 10.5 * (row + 1));
      }
      VectorSchemaRoot trades = VectorSchemaRoot.of(id, name, value);
      trades.setRowCount(names.length);
      writer.write(ArrowTable.of(trades));
    }
  }

  // end::write[]

  // tag::read[]
  static void read() {
    try (BufferAllocator allocator = new RootAllocator();
        Reader<ArrowTable> reader = Qds.reader("trades", ArrowCodec.with(allocator)).open()) {
      for (Message<ArrowTable> message : reader) { // each is closed before the next one
        VectorSchemaRoot trades = message.value().root(); // a view of the shared memory
        System.out.print(trades.contentToTSVString());
      }
    }
  }
  // end::read[]
}
