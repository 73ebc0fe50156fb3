package io.qadataswap.cli;

import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.channels.ReadableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import org.apache.arrow.compression.CommonsCompressionFactory;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.OutOfMemoryException;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.dictionary.DictionaryProvider;
import org.apache.arrow.vector.ipc.ArrowFileReader;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.apache.arrow.vector.ipc.ArrowStreamReader;
import org.apache.arrow.vector.types.pojo.Schema;
import org.apache.arrow.vector.validate.ValidateUtil.ValidateException;
import org.apache.arrow.vector.validate.ValidateVectorBufferVisitor;
import org.apache.arrow.vector.validate.ValidateVectorDataVisitor;

/**
 * Arrow IPC data of a file or of standard input, in the file format or the stream format. Whatever
 * is wrong with it becomes a {@link ToolException} that names it.
 */
final class ArrowInput implements Batches, AutoCloseable {
  private static final byte[] FILE_MAGIC = "ARROW1".getBytes(StandardCharsets.US_ASCII);
  private static final int PREFIX_LENGTH = 8;
  private static final int CONTINUATION = 0xFFFFFFFF;

  /** Streams of Arrow before 0.15 begin with the length of their schema. */
  private static final int MAX_OLD_SCHEMA_LENGTH = 1 << 24;

  private final String name;
  private final ArrowReader reader;
  private final VectorSchemaRoot root;
  private final Optional<IpcScan> scan;
  private final Map<String, String> footerMetadata;
  private long batchCount;

  private ArrowInput(
      String name,
      ArrowReader reader,
      VectorSchemaRoot root,
      Optional<IpcScan> scan,
      Map<String, String> footerMetadata) {
    this.name = name;
    this.reader = reader;
    this.root = root;
    this.scan = scan;
    this.footerMetadata = footerMetadata;
  }

  /**
   * Opens a source and reads its schema. A regular file is checked for completeness first.
   *
   * @param file to open, {@code -} for standard input
   * @param allocator of the batches
   */
  static ArrowInput open(String file, BufferAllocator allocator) throws IOException {
    boolean isStandardInput = file.equals("-");
    String name = isStandardInput ? "standard input" : file;
    FileChannel channel;
    boolean seekable = false;
    if (isStandardInput) {
      // A channel, since an interrupt ends its read.
      channel = new FileInputStream(FileDescriptor.in).getChannel();
    } else {
      Path path = Path.of(file);
      if (Files.isDirectory(path)) {
        throw new ToolException(name + ": is a directory, not an Arrow IPC file");
      }
      channel = FileChannel.open(path, StandardOpenOption.READ);
      seekable = Files.isRegularFile(path);
    }
    ArrowReader reader = null;
    try {
      byte[] prefix = readPrefix(channel);
      boolean isFileFormat = isFileFormat(name, prefix);
      if (isFileFormat && !seekable) {
        channel = spool(prefix, channel);
        seekable = true;
      }
      if (seekable) {
        channel.position(0);
      }
      Optional<IpcScan> scan = Optional.empty();
      Map<String, String> footerMetadata = Map.of();
      if (isFileFormat) {
        checkEnd(name, channel);
        FileFormatReader fileReader = new FileFormatReader(channel, allocator);
        reader = fileReader;
        scan = Optional.of(IpcScan.ofFile(channel, fileReader));
        fileReader.loadAllDictionaries();
        if (fileReader.getMetaData() != null) {
          footerMetadata = fileReader.getMetaData();
        }
      } else {
        if (seekable) {
          scan = Optional.of(IpcScan.ofStream(channel));
          channel.position(0);
        }
        ReadableByteChannel source =
            seekable ? channel : new PrefixedChannel(ByteBuffer.wrap(prefix), channel);
        reader = new ArrowStreamReader(source, allocator, CommonsCompressionFactory.INSTANCE);
      }
      VectorSchemaRoot root = reader.getVectorSchemaRoot();
      return new ArrowInput(name, reader, root, scan, footerMetadata);
    } catch (IOException | RuntimeException | OutOfMemoryError e) {
      closeAfterFailure(e, reader, channel);
      throw failure(name, e);
    }
  }

  @Override
  public Schema schema() {
    return root.getSchema();
  }

  @Override
  public boolean next() {
    try {
      if (!reader.loadNextBatch()) {
        return false;
      }
      for (FieldVector vector : root.getFieldVectors()) {
        validate(vector);
      }
      batchCount++;
      return true;
    } catch (IOException | RuntimeException | OutOfMemoryError e) {
      throw failure(name + ": batch " + batchCount, e);
    }
  }

  @Override
  public VectorSchemaRoot batch() {
    return root;
  }

  @Override
  public DictionaryProvider dictionaries() {
    return reader;
  }

  /** Returns what is known of the whole; empty where the end cannot be seen from the beginning. */
  Optional<IpcScan> scan() {
    return scan;
  }

  /** Returns whether all batches have the same dictionaries. */
  boolean hasFixedDictionaries() {
    return reader instanceof ArrowFileReader || reader.getDictionaryIds().isEmpty();
  }

  /** Returns what a file's footer holds beside the schema; empty for a stream. */
  Map<String, String> footerMetadata() {
    return footerMetadata;
  }

  @Override
  public void close() throws IOException {
    reader.close();
  }

  private static void validate(FieldVector vector) {
    // Not vector.validateFull(): it refuses every map.
    try {
      vector.accept(new ValidateVectorBufferVisitor(), null);
      vector.accept(new ValidateVectorDataVisitor(), null);
    } catch (UnsupportedOperationException e) {
      // Arrow has no such check for list views, fixed-size lists and run ends.
    }
  }

  private static byte[] readPrefix(FileChannel channel) throws IOException {
    ByteBuffer prefix = ByteBuffer.allocate(PREFIX_LENGTH);
    while (prefix.hasRemaining() && channel.read(prefix) >= 0) {
      // A pipe gives what it has.
    }
    return Arrays.copyOf(prefix.array(), prefix.position());
  }

  private static void checkEnd(String name, FileChannel channel) throws IOException {
    ByteBuffer end = ByteBuffer.allocate(FILE_MAGIC.length);
    channel.read(end, Math.max(0, channel.size() - end.capacity()));
    if (!Arrays.equals(end.array(), FILE_MAGIC)) {
      throw new ToolException(name + ": is incomplete: it does not end as an Arrow IPC file does");
    }
  }

  private static boolean isFileFormat(String name, byte[] prefix) {
    if (prefix.length == 0) {
      throw new ToolException(name + ": is empty, not an Arrow IPC file or stream");
    }
    if (startsWith(prefix, FILE_MAGIC)) {
      return true;
    }
    String text = new String(prefix, StandardCharsets.ISO_8859_1);
    if (text.startsWith("PAR1")) {
      throw new ToolException(name + ": is a Parquet file; convert it to Arrow IPC");
    }
    if (text.startsWith("FEA1")) {
      throw new ToolException(name + ": is Feather version 1; write it as version 2, Arrow IPC");
    }
    if (prefix.length == PREFIX_LENGTH) {
      int first = ByteBuffer.wrap(prefix).order(ByteOrder.LITTLE_ENDIAN).getInt();
      if (first == CONTINUATION || (first > 0 && first < MAX_OLD_SCHEMA_LENGTH)) {
        return false;
      }
    }
    throw new ToolException(name + ": is not an Arrow IPC file or stream");
  }

  private static boolean startsWith(byte[] bytes, byte[] start) {
    return bytes.length >= start.length
        && Arrays.equals(bytes, 0, start.length, start, 0, start.length);
  }

  /** The file format is read from its end: a pipe's content has to lie somewhere. */
  private static FileChannel spool(byte[] prefix, FileChannel source) throws IOException {
    Path path = Files.createTempFile("qds-", ".arrow");
    // On POSIX systems the name is gone at once, so that nothing stays whatever happens.
    FileChannel spooled =
        FileChannel.open(
            path,
            StandardOpenOption.READ,
            StandardOpenOption.WRITE,
            StandardOpenOption.DELETE_ON_CLOSE);
    try (source) {
      spooled.write(ByteBuffer.wrap(prefix));
      ByteBuffer chunk = ByteBuffer.allocateDirect(1 << 16);
      while (source.read(chunk) >= 0) {
        chunk.flip();
        while (chunk.hasRemaining()) {
          spooled.write(chunk);
        }
        chunk.clear();
      }
      return spooled;
    } catch (IOException e) {
      spooled.close();
      throw e;
    }
  }

  private static void closeAfterFailure(
      Throwable failure, ArrowReader reader, FileChannel channel) {
    try {
      if (reader != null) {
        reader.close();
      }
      channel.close();
    } catch (IOException | RuntimeException e) {
      failure.addSuppressed(e);
    }
  }

  private static RuntimeException failure(String where, Throwable failure) {
    return switch (failure) {
      case ToolException e -> e;
      case ClosedByInterruptException e ->
          new ToolException(ExitCode.INTERRUPTED, where + ": interrupted", e);
      case FileSystemException e -> new ToolException(Main.describe(e), e);
      case OutOfMemoryError e -> new ToolException(where + ": does not fit into memory", e);
      case OutOfMemoryException e -> new ToolException(where + ": does not fit into memory", e);
      case ValidateException e ->
          new ToolException(where + ": damaged Arrow data: " + e.getMessage(), e);
      default ->
          new ToolException(
              where
                  + ": damaged or incomplete Arrow data: "
                  + (failure.getMessage() == null ? failure : failure.getMessage()),
              failure);
    };
  }

  /**
   * Arrow's own reader takes as many dictionary batches as there are dictionaries, and no deltas.
   */
  private static final class FileFormatReader extends ArrowFileReader {
    FileFormatReader(FileChannel in, BufferAllocator allocator) {
      super(in, allocator, CommonsCompressionFactory.INSTANCE);
    }

    void loadAllDictionaries() throws IOException {
      int loadedCount = getRecordBlocks().isEmpty() ? 0 : getDictionaryVectors().size();
      int blockCount = getDictionaryBlocks().size();
      for (int i = loadedCount; i < blockCount; i++) {
        loadDictionary(readDictionary());
      }
    }
  }

  /** A channel of which the first bytes were read already. */
  private record PrefixedChannel(ByteBuffer prefix, FileChannel rest)
      implements ReadableByteChannel {
    @Override
    public int read(ByteBuffer target) throws IOException {
      if (!prefix.hasRemaining()) {
        return rest.read(target);
      }
      int count = Math.min(prefix.remaining(), target.remaining());
      target.put(prefix.slice(prefix.position(), count));
      prefix.position(prefix.position() + count);
      return count;
    }

    @Override
    public boolean isOpen() {
      return rest.isOpen();
    }

    @Override
    public void close() throws IOException {
      rest.close();
    }
  }
}
