package io.qadataswap.tck.live;

import io.qadataswap.api.Message;
import io.qadataswap.api.Qds;
import io.qadataswap.api.Reader;
import io.qadataswap.api.Writer;
import io.qadataswap.api.codec.Codec;
import io.qadataswap.codec.arrow.ArrowCodec;
import io.qadataswap.codec.arrow.ArrowTable;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorLoader;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.VectorUnloader;
import org.apache.arrow.vector.ipc.ArrowStreamReader;
import org.apache.arrow.vector.ipc.ArrowStreamWriter;
import org.apache.arrow.vector.ipc.message.ArrowRecordBatch;
import org.apache.arrow.vector.util.TransferPair;

/**
 * What the peer does with Arrow tables: whole streams in files, by Arrow's own reader and writer.
 */
final class TableFiles {
  private final BufferAllocator allocator = new RootAllocator();

  Codec<?> codec() {
    return ArrowCodec.with(allocator);
  }

  /** Writes the table of a file. Returns false after the time-out, of which null has no end. */
  boolean write(Writer<ArrowTable> writer, Path file, long tag, Duration timeout)
      throws IOException, InterruptedException {
    try (InputStream in = Files.newInputStream(file);
        ArrowStreamReader reader = new ArrowStreamReader(in, allocator)) {
      List<VectorSchemaRoot> batches = new ArrayList<>();
      try {
        VectorSchemaRoot current = reader.getVectorSchemaRoot();
        while (reader.loadNextBatch()) {
          batches.add(moved(current));
        }
        ArrowTable table = ArrowTable.of(current.getSchema(), batches, reader);
        if (timeout != null) {
          return writer.write(table, tag, timeout);
        }
        writer.write(table, tag);
        return true;
      } finally {
        batches.forEach(VectorSchemaRoot::close);
      }
    }
  }

  /** Takes a batch's memory, so that the reader gets other memory for its next one. */
  private VectorSchemaRoot moved(VectorSchemaRoot batch) {
    List<FieldVector> vectors = new ArrayList<>();
    for (FieldVector vector : batch.getFieldVectors()) {
      TransferPair pair = vector.getTransferPair(vector.getField(), allocator);
      pair.transfer();
      vectors.add((FieldVector) pair.getTo());
    }
    return new VectorSchemaRoot(batch.getSchema(), vectors, batch.getRowCount());
  }

  void save(ArrowTable table, Path file) throws IOException {
    try (OutputStream out = Files.newOutputStream(file);
        VectorSchemaRoot root = VectorSchemaRoot.create(table.schema(), allocator);
        ArrowStreamWriter writer = new ArrowStreamWriter(root, table.dictionaries(), out)) {
      VectorLoader loader = new VectorLoader(root);
      writer.start();
      for (int i = 0; i < table.batchCount(); i++) {
        try (ArrowRecordBatch batch = new VectorUnloader(table.batch(i)).getRecordBatch()) {
          loader.load(batch);
        }
        writer.writeBatch();
      }
      writer.end();
    }
  }

  /** Prints all tables of a channel. */
  void print(Path directory, String channel, String backend, Duration patience, PrintStream out) {
    try (Reader<ArrowTable> reader =
        Qds.reader(channel, ArrowCodec.with(allocator))
            .directory(directory)
            .backend(backend)
            .awaitChannel(patience)
            .open()) {
      for (Message<ArrowTable> message : reader) {
        ArrowTable table = message.value();
        for (int i = 0; i < table.batchCount(); i++) {
          out.print(table.batch(i).contentToTSVString());
        }
      }
    }
  }
}
