package io.qadataswap.tck;

import io.qadataswap.api.Message;
import io.qadataswap.api.Qds;
import io.qadataswap.api.Reader;
import io.qadataswap.api.Writer;
import io.qadataswap.codec.arrow.ArrowCodec;
import io.qadataswap.codec.arrow.ArrowTable;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;

/** What the README shows of working beside the original. */
final class BesideTheOriginal {
  private BesideTheOriginal() {}

  // tag::read[]
  static void read(String channel) {
    try (BufferAllocator allocator = new RootAllocator();
        Reader<ArrowTable> reader =
            Qds.reader(channel, ArrowCodec.with(allocator)).layout("qads1").open()) {
      for (Message<ArrowTable> message : reader) { // closing it gives the buffer back
        System.out.print(message.value().root().contentToTSVString());
      }
    }
  }

  // end::read[]

  // tag::write[]
  static void write(String channel, VectorSchemaRoot table) throws InterruptedException {
    try (BufferAllocator allocator = new RootAllocator();
        Writer<ArrowTable> writer =
            Qds.writer(channel, ArrowCodec.with(allocator))
                .layout("qads1")
                .capacity(100 << 20)
                .messageSlots(3) // buffers
                .open()) {
      writer.write(ArrowTable.of(table)); // one batch: the original's reader takes no more
    }
  }

  // end::write[]
}
