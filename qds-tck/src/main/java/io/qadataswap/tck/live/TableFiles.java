package io.qadataswap.tck.live;

import io.qadataswap.api.Message;
import io.qadataswap.api.Qds;
import io.qadataswap.api.Reader;
import io.qadataswap.api.Writer;
import io.qadataswap.api.codec.Codec;
import io.qadataswap.codec.arrow.ArrowClaim;
import io.qadataswap.codec.arrow.ArrowCodec;
import io.qadataswap.codec.arrow.ArrowTable;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorLoader;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.VectorUnloader;
import org.apache.arrow.vector.ipc.ArrowStreamReader;
import org.apache.arrow.vector.ipc.ArrowStreamWriter;
import org.apache.arrow.vector.ipc.message.ArrowFieldNode;
import org.apache.arrow.vector.ipc.message.ArrowRecordBatch;
import org.apache.arrow.vector.types.pojo.Schema;

/**
 * What the peer does with Arrow tables: whole streams in files, by Arrow's own reader and writer.
 */
final class TableFiles {
  private static final long ALIGNMENT = 64;
  private static final Duration FOR_EVER = Duration.ofSeconds(Long.MAX_VALUE);

  private final BufferAllocator allocator = new RootAllocator();
  private final ArrowCodec codec = ArrowCodec.with(allocator);

  /** Returns the version of Arrow Java, as its artifact names it. */
  static String arrowVersion() {
    try (InputStream in =
        VectorSchemaRoot.class.getResourceAsStream(
            "/META-INF/maven/org.apache.arrow/arrow-vector/pom.properties")) {
      Properties properties = new Properties();
      if (in != null) {
        properties.load(in);
      }
      return properties.getProperty("version", "unknown");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  Codec<?> codec() {
    return codec;
  }

  /** Writes the table of a file. Returns false after the time-out, of which null has no end. */
  boolean write(Writer<ArrowTable> writer, Path file, long tag, Duration timeout)
      throws IOException, InterruptedException {
    try (InputStream in = Files.newInputStream(file);
        BatchReader reader = new BatchReader(in, allocator)) {
      ArrowTable table =
          ArrowTable.of(reader.getVectorSchemaRoot().getSchema(), reader.loadAll(), reader);
      if (timeout != null) {
        return writer.write(table, tag, timeout);
      }
      writer.write(table, tag);
      return true;
    }
  }

  /** Puts the only batch of a file together in claimed memory. The same otherwise. */
  boolean writeInPlace(Writer<ArrowTable> writer, Path file, long tag, Duration timeout)
      throws IOException, InterruptedException {
    try (InputStream in = Files.newInputStream(file);
        BatchReader reader = new BatchReader(in, allocator)) {
      Schema schema = reader.getVectorSchemaRoot().getSchema();
      VectorSchemaRoot batch = reader.loadAll().get(0);
      long bodyLength = 0;
      for (FieldVector vector : batch.getFieldVectors()) {
        bodyLength += claimedLength(vector);
      }
      try (ArrowClaim claim =
          codec.claim(writer, schema, reader, bodyLength, timeout == null ? FOR_EVER : timeout)) {
        if (claim == null) {
          return false;
        }
        for (int i = batch.getFieldVectors().size() - 1; i >= 0; i--) { // any order is right
          copy(batch.getVector(i), claim.root().getVector(i), claim.allocator());
        }
        claim.commit(batch.getRowCount(), tag);
        return true;
      }
    }
  }

  private static long claimedLength(FieldVector vector) {
    long length = 0;
    for (ArrowBuf buffer : vector.getFieldBuffers()) {
      length += buffer.capacity() + 2 * ALIGNMENT;
    }
    for (FieldVector child : vector.getChildrenFromFields()) {
      length += claimedLength(child);
    }
    return length;
  }

  /** Gives a vector buffers of its own, with gaps between them, that hold what another's do. */
  private static void copy(FieldVector source, FieldVector target, BufferAllocator memory) {
    List<ArrowBuf> copies = new ArrayList<>();
    List<ArrowBuf> gaps = new ArrayList<>();
    for (ArrowBuf buffer : source.getFieldBuffers()) {
      gaps.add(memory.buffer(ALIGNMENT));
      ArrowBuf copy = memory.buffer(buffer.capacity());
      copy.setBytes(0, buffer, 0, buffer.capacity());
      copy.writerIndex(buffer.writerIndex());
      copies.add(copy);
    }
    target.loadFieldBuffers(
        new ArrowFieldNode(source.getValueCount(), source.getNullCount()), copies);
    copies.forEach(ArrowBuf::close);
    gaps.forEach(ArrowBuf::close);
    for (int i = 0; i < source.getChildrenFromFields().size(); i++) {
      copy(source.getChildrenFromFields().get(i), target.getChildrenFromFields().get(i), memory);
    }
  }

  void save(ArrowTable table, Path file) throws IOException {
    try (OutputStream out = Files.newOutputStream(file);
        VectorSchemaRoot root = new Batch(table.schema(), allocator);
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

  /**
   * A batch that leaves its vectors as they were loaded. Setting the number of rows of a dense
   * union would shorten its children to the values that are used if none is left out.
   */
  private static final class Batch extends VectorSchemaRoot {
    private int loadedRowCount;

    Batch(Schema schema, BufferAllocator allocator) {
      super(
          schema,
          schema.getFields().stream().map(field -> field.createVector(allocator)).toList(),
          0);
    }

    @Override
    public void setRowCount(int rowCount) {
      loadedRowCount = rowCount;
    }

    @Override
    public int getRowCount() {
      return loadedRowCount;
    }
  }

  /** Loads each batch into memory of its own. */
  private static final class BatchReader extends ArrowStreamReader {
    private final List<VectorSchemaRoot> batches = new ArrayList<>();

    BatchReader(InputStream in, BufferAllocator allocator) {
      super(in, allocator);
    }

    /** Returns all batches, which closing the reader closes. */
    List<VectorSchemaRoot> loadAll() throws IOException {
      while (loadNextBatch()) {
        // each is a batch of its own
      }
      return batches;
    }

    @Override
    public void close() throws IOException {
      batches.forEach(VectorSchemaRoot::close);
      super.close();
    }

    @Override
    protected void loadRecordBatch(ArrowRecordBatch data) {
      try (data) {
        Batch batch;
        try {
          batch = new Batch(getVectorSchemaRoot().getSchema(), allocator);
        } catch (IOException e) {
          throw new UncheckedIOException(e);
        }
        batches.add(batch);
        new VectorLoader(batch).load(data);
      }
    }
  }
}
