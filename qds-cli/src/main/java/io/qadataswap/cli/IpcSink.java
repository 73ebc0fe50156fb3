package io.qadataswap.cli;

import io.qadataswap.api.Message;
import io.qadataswap.codec.arrow.ArrowTable;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.channels.Channels;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorLoader;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.VectorUnloader;
import org.apache.arrow.vector.compare.VectorEqualsVisitor;
import org.apache.arrow.vector.dictionary.Dictionary;
import org.apache.arrow.vector.dictionary.DictionaryProvider;
import org.apache.arrow.vector.ipc.ArrowFileWriter;
import org.apache.arrow.vector.ipc.ArrowStreamWriter;
import org.apache.arrow.vector.ipc.ArrowWriter;
import org.apache.arrow.vector.ipc.message.ArrowRecordBatch;

/** Writes received messages as one Arrow IPC file or stream. A file appears when it is complete. */
final class IpcSink implements MessageSink {
  private final String name;
  private final boolean streamFormat;
  private final BufferAllocator allocator;
  private final Path target;
  private final Path part;
  private final List<MessageLog.Entry> messages = new ArrayList<>();
  private final Map<String, String> footerMetadata = new HashMap<>();
  private final CurrentDictionaries dictionaries = new CurrentDictionaries();
  private final Map<Long, FieldVector> writtenDictionaries = new HashMap<>();
  private WritableByteChannel channel;
  private VectorSchemaRoot root;
  private VectorLoader loader;
  private ArrowWriter writer;

  /**
   * Prepares the output.
   *
   * @param file to write, {@code -} for standard output
   * @param streamFormat whether to write the stream format instead of the file format
   * @param allocator of the received messages
   */
  IpcSink(String file, boolean streamFormat, BufferAllocator allocator) {
    this.streamFormat = streamFormat;
    this.allocator = allocator;
    if (file.equals("-")) {
      name = "standard output";
      target = null;
      part = null;
      channel = Channels.newChannel(new FileOutputStream(FileDescriptor.out));
    } else {
      name = file;
      target = Path.of(file);
      boolean isDevice = Files.exists(target) && !Files.isRegularFile(target);
      Path parent = target.toAbsolutePath().getParent();
      if (Files.isDirectory(target) || parent == null || !Files.isDirectory(parent)) {
        throw new ToolException(
            file + ": is not a file that could be written; " + parent + " must be a directory");
      }
      if (!Files.isWritable(isDevice ? target : parent)) {
        throw new ToolException(file + ": permission denied");
      }
      part = isDevice ? target : target.resolveSibling(target.getFileName() + ".part");
    }
  }

  @Override
  public void accept(Message<ArrowTable> message) throws IOException {
    ArrowTable table = message.value();
    dictionaries.current = table.dictionaries();
    if (writer == null) {
      start(table);
    }
    if (!table.schema().equals(root.getSchema())) {
      throw new ToolException(
          name
              + ": message "
              + message.sequence()
              + " has another schema than those before, which one Arrow file cannot hold; receive"
              + " the channel in parts by --messages");
    }
    if (!streamFormat && table.batchCount() > 0) {
      checkDictionaries(message.sequence(), table.dictionaries());
    }
    for (int i = 0; i < table.batchCount(); i++) {
      try (ArrowRecordBatch batch = new VectorUnloader(table.batch(i)).getRecordBatch()) {
        loader.load(batch);
      }
      writer.writeBatch();
      root.clear();
    }
    messages.add(
        new MessageLog.Entry(
            message.sequence(), message.tag(), message.timeNs(), table.batchCount()));
  }

  @Override
  public void finish() throws IOException {
    if (writer == null) {
      return;
    }
    MessageLog.put(messages, footerMetadata);
    writer.end();
    channel.close();
    if (target != null && !part.equals(target)) {
      Files.move(part, target, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
    }
  }

  @Override
  public void close() throws IOException {
    if (writer != null) {
      writtenDictionaries.values().forEach(FieldVector::close);
      root.close();
      channel.close();
      if (streamFormat) {
        // Frees its copies of the dictionaries; all else of it is closed.
        closeQuietly(writer);
      }
      if (target != null && !part.equals(target)) {
        Files.deleteIfExists(part);
      }
    }
  }

  private void start(ArrowTable table) throws IOException {
    if (channel == null) {
      channel =
          Files.newByteChannel(
              part,
              StandardOpenOption.CREATE,
              StandardOpenOption.TRUNCATE_EXISTING,
              StandardOpenOption.WRITE);
    }
    root = VectorSchemaRoot.create(table.schema(), allocator);
    loader = new VectorLoader(root);
    writer =
        streamFormat
            ? new ArrowStreamWriter(root, dictionaries, channel)
            : new ArrowFileWriter(root, dictionaries, channel, footerMetadata);
    writer.start();
  }

  /** Arrow's file writer writes the dictionaries that it sees first, and looks at no later ones. */
  private void checkDictionaries(long sequence, DictionaryProvider provider) {
    for (long id : provider.getDictionaryIds()) {
      FieldVector vector = provider.lookup(id).getVector();
      FieldVector written = writtenDictionaries.get(id);
      if (written == null) {
        writtenDictionaries.put(id, copyOf(vector));
      } else if (!VectorEqualsVisitor.vectorEquals(vector, written)) {
        throw new ToolException(
            name
                + ": message "
                + sequence
                + " has other entries in dictionary "
                + id
                + " than those before, which the file format cannot hold; use --stream");
      }
    }
  }

  private FieldVector copyOf(FieldVector source) {
    FieldVector copy = source.getField().createVector(allocator);
    copy.allocateNew();
    for (int i = 0; i < source.getValueCount(); i++) {
      copy.copyFromSafe(i, i, source);
    }
    copy.setValueCount(source.getValueCount());
    return copy;
  }

  private static void closeQuietly(ArrowWriter closing) {
    try {
      closing.close();
    } catch (RuntimeException e) {
      // The channel below is closed already, after an end or after a failure that is on its way.
    }
  }

  private static final class CurrentDictionaries implements DictionaryProvider {
    private DictionaryProvider current;

    @Override
    public Dictionary lookup(long id) {
      return current.lookup(id);
    }

    @Override
    public Set<Long> getDictionaryIds() {
      return current.getDictionaryIds();
    }
  }
}
