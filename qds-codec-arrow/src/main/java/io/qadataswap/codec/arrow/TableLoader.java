package io.qadataswap.codec.arrow;

import io.qadataswap.api.QdsException;
import io.qadataswap.api.Region;
import io.qadataswap.api.layout.Loan;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.OutOfMemoryException;
import org.apache.arrow.memory.util.MemoryUtil;
import org.apache.arrow.vector.BaseFixedWidthVector;
import org.apache.arrow.vector.BaseVariableWidthVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.compare.VectorEqualsVisitor;
import org.apache.arrow.vector.compression.CompressionCodec;
import org.apache.arrow.vector.compression.CompressionUtil;
import org.apache.arrow.vector.dictionary.Dictionary;
import org.apache.arrow.vector.dictionary.DictionaryProvider;
import org.apache.arrow.vector.ipc.message.ArrowFieldNode;
import org.apache.arrow.vector.util.VectorBatchAppender;

/**
 * Makes one table of a message's batches: vectors over the message's memory, after checking that
 * their buffers lie inside it and are as long as the number of values demands. How long this takes
 * depends on the number of columns, not of rows.
 *
 * <p>One loader serves a decoder, one message after the other: {@link #begin}, the batches, {@link
 * #finish}, {@link #end}.
 */
final class TableLoader {
  /** Length of a view in a column of views. */
  static final int VIEW_LENGTH = 16;

  private static final long COMPRESSED_HEADER_LENGTH = CompressionUtil.SIZE_OF_UNCOMPRESSED_LENGTH;

  /** No LZ4 block becomes longer by more than this factor. */
  private static final long LZ4_EXPANSION_LIMIT = 255;

  private final ChannelAllocator allocator;
  private final FlatBuffer metadata;
  private final Faults faults;

  // The message that is being loaded.
  private TableLayout layout;
  private Region region;
  private MessageMemory memory;
  private final List<LoadedBatch> batches = new ArrayList<>();
  private final Map<Long, FieldVector> dictionaries = new HashMap<>(0);
  private final Set<Long> neededDictionaries = new HashSet<>(0);
  private boolean finished;

  // The vector that is being loaded.
  private final Node node = new Node();
  private final List<ArrowBuf> ownBuffers = new ArrayList<>(3);
  private final List<ArrowBuf> decompressed = new ArrayList<>(0);
  private long missingValidity;

  // The batch that is being loaded.
  private long bodyPosition;
  private long bodyLength;
  private int rowCount;
  private int nodesAt;
  private int nodeCount;
  private int nodeIndex;
  private int buffersAt;
  private int bufferCount;
  private int bufferIndex;
  private int variadicAt;
  private int variadicCount;
  private int variadicIndex;
  private CompressionCodec compression;

  TableLoader(ChannelAllocator allocator, FlatBuffer metadata, Faults faults) {
    this.allocator = allocator;
    this.metadata = metadata;
    this.faults = faults;
  }

  /** Begins a message, whose memory is open. */
  void begin(TableLayout tableLayout, Loan loan, MessageMemory messageMemory) {
    layout = tableLayout;
    region = loan.region();
    memory = messageMemory;
    finished = false;
  }

  /** Adds the batch of a table {@code RecordBatch}. */
  void addBatch(int recordBatch, short version, long position, long length) {
    open(recordBatch, version, position, length, layout.nodeCount());
    loadBatch();
  }

  /** Adds a batch with the metadata of the last one, which is still there, at the same place. */
  void addBatchAgain() {
    nodeIndex = 0;
    bufferIndex = 0;
    variadicIndex = 0;
    loadBatch();
  }

  /** Adds a batch with the metadata of the last one, whose vectors show it already. */
  void addShownBatch() {
    LoadedBatch batch = memory.batch(layout);
    batches.add(batch);
    memory.account();
    batch.setRowCount(rowCount);
  }

  /** Lets the vectors of the only batch stay loaded for others with the same metadata. */
  void repeatable(long metadataId) {
    if (compression == null) {
      memory.repeatable(metadataId);
    }
  }

  private void loadBatch() {
    LoadedBatch batch =
        batches.isEmpty() ? memory.batch(layout) : new LoadedBatch(layout, allocator.allocator());
    batches.add(batch);
    List<Column> columns = layout.columns();
    for (int i = 0; i < columns.size(); i++) {
      Column column = columns.get(i);
      int valueCount = load(column, batch.vector(i), rowCount);
      if (valueCount != rowCount) {
        throw faults.corrupt(column.path(), "length=" + valueCount, "rowCount=" + rowCount);
      }
    }
    requireAllUsed();
    batch.setRowCount(rowCount);
  }

  /** Adds the values of a table {@code DictionaryBatch}. */
  void addDictionary(int dictionaryBatch, short version, long position, long length) {
    long id = metadata.longField(dictionaryBatch, 0, 0, "DictionaryBatch.id");
    TableLayout.DictionaryColumn dictionary = layout.dictionaries().get(id);
    if (dictionary == null) {
      throw faults.corrupt(
          "DictionaryBatch.id", "" + id, "one of the schema's " + layout.dictionaries().keySet());
    }
    int data = metadata.table(dictionaryBatch, 1, "DictionaryBatch.data");
    if (data == 0) {
      throw faults.corrupt("DictionaryBatch.data", "nothing", "a record batch");
    }
    boolean isDelta = metadata.byteField(dictionaryBatch, 2, (byte) 0, "isDelta") != 0;
    Column column = dictionary.column();
    open(data, version, position, length, column.nodeCount());
    FieldVector values = column.field().createVector(allocator.allocator());
    boolean loaded = false;
    try {
      load(column, values, rowCount);
      requireAllUsed();
      loaded = true;
    } finally {
      if (!loaded) {
        values.close();
      }
    }
    FieldVector before = dictionaries.put(id, values);
    if (before != null) {
      try (FieldVector replaced = before) {
        if (isDelta) {
          dictionaries.put(id, append(column, replaced, values));
          values.close();
        } else if (!batches.isEmpty()) {
          requireSame(column, id, replaced, values);
        }
      }
    }
  }

  /** Returns the table; from now on it holds the memory. */
  ArrowTable finish(boolean fullValidation) {
    DictionaryProvider provider =
        layout.dictionaries().isEmpty() ? ArrowTable.NO_DICTIONARIES : completeDictionaries();
    if (fullValidation) {
      validate();
    }
    List<VectorSchemaRoot> roots =
        batches.size() == 1
            ? batches.get(0).roots()
            : batches.stream().map(LoadedBatch::root).toList();
    finished = true;
    return ArrowTable.received(
        faults, layout.schema(), roots, provider, List.copyOf(dictionaries.values()), memory);
  }

  private DictionaryProvider completeDictionaries() {
    DictionaryProvider.MapDictionaryProvider provider =
        new DictionaryProvider.MapDictionaryProvider();
    for (TableLayout.DictionaryColumn dictionary : layout.dictionaries().values()) {
      long id = dictionary.encoding().getId();
      FieldVector values = dictionaries.get(id);
      if (values == null) {
        if (neededDictionaries.contains(id)) {
          throw faults.corrupt(
              dictionary.column().path(),
              "values that are not null without a batch for dictionary id=" + id,
              "a dictionary batch");
        }
        values = dictionary.column().field().createVector(allocator.allocator());
        dictionaries.put(id, values);
      }
      provider.put(new Dictionary(values, dictionary.encoding()));
    }
    return provider;
  }

  /** Ends the message, finished or not, and drops what no table has taken over. */
  void end() {
    closeDecompressed();
    ownBuffers.clear();
    missingValidity = 0;
    memory.loaded();
    if (!finished) {
      for (LoadedBatch batch : batches) {
        batch.clear();
      }
      dictionaries.values().forEach(FieldVector::close);
      memory.close();
    }
    batches.clear();
    if (!dictionaries.isEmpty()) {
      dictionaries.clear();
    }
    if (!neededDictionaries.isEmpty()) {
      neededDictionaries.clear();
    }
  }

  private void validate() {
    FullValidation validation = new FullValidation(dictionaries, faults);
    for (TableLayout.DictionaryColumn dictionary : layout.dictionaries().values()) {
      validation.check(dictionary.column(), dictionaries.get(dictionary.encoding().getId()));
    }
    for (LoadedBatch batch : batches) {
      for (int i = 0; i < layout.columns().size(); i++) {
        validation.check(layout.columns().get(i), batch.vector(i));
      }
    }
  }

  /** Returns the values of a dictionary with those of a delta behind them, in private memory. */
  private FieldVector append(Column column, FieldVector values, FieldVector delta) {
    try (FieldVector checkedValues = checkedCopy(column, values);
        FieldVector checkedDelta = checkedCopy(column, delta)) {
      return appendChecked(column, checkedValues, checkedDelta);
    }
  }

  private FieldVector appendChecked(Column column, FieldVector values, FieldVector delta) {
    FieldVector all = column.field().createVector(allocator.allocator());
    boolean appended = false;
    try {
      all.allocateNew();
      VectorBatchAppender.batchAppend(all, values, delta);
      appended = true;
      return all;
    } catch (OutOfMemoryException e) {
      throw noRoom(column, e);
    } catch (RuntimeException e) {
      throw faults.unsupported(
          column.path(),
          "a delta dictionary (Arrow Java: " + e + ")",
          "let the writer send whole dictionaries",
          e);
    } finally {
      if (!appended) {
        all.close();
      }
    }
  }

  /** Batches before a replaced dictionary refer to the old values, batches behind it to the new. */
  private void requireSame(Column column, long id, FieldVector before, FieldVector after) {
    try (FieldVector checkedBefore = checkedCopy(column, before);
        FieldVector checkedAfter = checkedCopy(column, after)) {
      if (!VectorEqualsVisitor.vectorEquals(checkedBefore, checkedAfter)) {
        throw faults.unsupported(
            column.path(),
            "dictionary id=" + id + " that changes between the batches of one message",
            "let the writer send one message for each dictionary, or unify them before");
      }
    }
  }

  /**
   * Returns a copy of a vector in private memory, checked in full, for code of Arrow that trusts
   * the offsets it reads: those in the channel may be others at each look.
   */
  private FieldVector checkedCopy(Column column, FieldVector vector) {
    FieldVector copy = column.field().createVector(allocator.allocator());
    boolean checked = false;
    try {
      copy(Column.storage(vector), Column.storage(copy));
      new FullValidation(dictionaries, faults).checkWithoutDictionaries(column, copy);
      checked = true;
      return copy;
    } catch (OutOfMemoryException e) {
      throw noRoom(column, e);
    } finally {
      if (!checked) {
        copy.close();
      }
    }
  }

  private void copy(FieldVector source, FieldVector target) {
    List<ArrowBuf> copies = new ArrayList<>(3);
    try {
      for (ArrowBuf buffer : source.getFieldBuffers()) {
        ArrowBuf copy = allocator.allocator().buffer(buffer.capacity());
        copies.add(copy);
        MemoryUtil.copyMemory(buffer.memoryAddress(), copy.memoryAddress(), buffer.capacity());
      }
      int valueCount = source.getValueCount();
      target.loadFieldBuffers(new ArrowFieldNode(valueCount, source.getNullCount()), copies);
    } finally {
      copies.forEach(ArrowBuf::close);
    }
    List<FieldVector> children = target.getChildrenFromFields();
    for (int i = 0; i < children.size(); i++) {
      copy(source.getChildrenFromFields().get(i), children.get(i));
    }
  }

  /** Reads the header of a batch. */
  private void open(
      int recordBatch, short version, long position, long length, int neededNodeCount) {
    bodyPosition = position;
    bodyLength = length;
    long declared = metadata.longField(recordBatch, 0, 0, "RecordBatch.length");
    requireCount("RecordBatch.length", declared);
    rowCount = (int) declared;
    int nodes = metadata.vector(recordBatch, 1, BatchMetadata.PAIR_LENGTH, "RecordBatch.nodes");
    nodeCount = metadata.count(nodes);
    nodesAt = metadata.elements(nodes);
    nodeIndex = 0;
    // Checked before any vector is made, so that small messages cannot ask for many of them.
    if (nodeCount != neededNodeCount) {
      throw faults.corrupt(
          "RecordBatch.nodes", "count=" + nodeCount, neededNodeCount + " as in the schema");
    }
    int buffers = metadata.vector(recordBatch, 2, BatchMetadata.PAIR_LENGTH, "RecordBatch.buffers");
    bufferCount = metadata.count(buffers);
    buffersAt = metadata.elements(buffers);
    bufferIndex = 0;
    int variadic = metadata.vector(recordBatch, 4, Long.BYTES, "RecordBatch.variadicBufferCounts");
    variadicCount = metadata.count(variadic);
    variadicAt = metadata.elements(variadic);
    variadicIndex = 0;
    compression = compression(metadata.table(recordBatch, 3, "RecordBatch.compression"));
    if (version == BatchMetadata.VERSION_4) {
      requireNoUnion(layout.columns());
    }
  }

  private CompressionCodec compression(int table) {
    if (table == 0) {
      return null;
    }
    byte codec = metadata.byteField(table, 0, (byte) 0, "BodyCompression.codec");
    byte method = metadata.byteField(table, 1, (byte) 0, "BodyCompression.method");
    CompressionUtil.CodecType type = CompressionUtil.CodecType.fromCompressionType(codec);
    if (method != 0 || type == CompressionUtil.CodecType.NO_COMPRESSION) {
      throw faults.unsupported(
          "BodyCompression",
          "codec=" + codec + " method=" + method,
          "let the writer use LZ4_FRAME or ZSTD by buffer, or better no compression");
    }
    try {
      return CompressionCodec.Factory.INSTANCE.createCodec(type);
    } catch (IllegalArgumentException e) {
      throw faults.unsupported(
          "BodyCompression.codec",
          type.name() + " without org.apache.arrow:arrow-compression",
          "add that artifact in the version of arrow-vector, or let the writer not compress",
          e);
    }
  }

  private void requireNoUnion(List<Column> columns) {
    for (Column column : columns) {
      if (column.kind() == Column.Kind.SPARSE_UNION || column.kind() == Column.Kind.DENSE_UNION) {
        throw faults.unsupported(
            column.path(), "a union in metadata version 4", "let the writer use version 5");
      }
      requireNoUnion(column.children());
    }
  }

  private void requireAllUsed() {
    if (bufferIndex != bufferCount) {
      throw faults.corrupt(
          "RecordBatch.buffers", "count=" + bufferCount, bufferIndex + " as the schema demands");
    }
    if (variadicIndex != variadicCount) {
      throw faults.corrupt(
          "RecordBatch.variadicBufferCounts",
          "count=" + variadicCount,
          variadicIndex + " as the schema demands");
    }
  }

  private void requireCount(String field, long count) {
    if (count < 0 || count > Integer.MAX_VALUE) {
      throw faults.corrupt(field, "length=" + count, "0 to " + Integer.MAX_VALUE);
    }
  }

  /** Loads a vector with its children, and returns its number of values. */
  private int load(Column column, FieldVector declared, long neededLength) {
    FieldVector vector = Column.storage(declared);
    long valueCount = metadata.longAt(nodesAt + nodeIndex * BatchMetadata.PAIR_LENGTH);
    long nullCount = metadata.longAt(nodesAt + nodeIndex * BatchMetadata.PAIR_LENGTH + Long.BYTES);
    nodeIndex++;
    requireCount(column.path(), valueCount);
    if (valueCount < neededLength) {
      throw faults.corrupt(
          column.path(), "length=" + valueCount, neededLength + " or more, as its parent demands");
    }
    // -1 stands for a number that the writer has not counted.
    if (nullCount < -1 || nullCount > valueCount) {
      throw faults.corrupt(column.path(), "nullCount=" + nullCount, "0 to " + valueCount);
    }
    int length = (int) valueCount;
    if (column.dictionary() != null && nullCount < length) {
      neededDictionaries.add(column.dictionary().getId());
    }
    switch (column.kind()) {
      case NULL -> loadOwn(vector, length, nullCount);
      case FIXED -> {
        takeValidity(column, length, nullCount);
        take(column, "values", column.valuesLength(length));
        loadOwn(vector, length, nullCount);
      }
      case VARIABLE -> {
        takeValidity(column, length, nullCount);
        long dataLength = takeOffsets(column, length);
        take(column, "data", dataLength);
        loadOwn(vector, length, nullCount);
      }
      case VIEW -> {
        takeValidity(column, length, nullCount);
        take(column, "views", (long) length * VIEW_LENGTH);
        takeAllVariadic(column);
        loadOwn(vector, length, nullCount);
      }
      case LIST -> {
        takeValidity(column, length, nullCount);
        long childLength = takeOffsets(column, length);
        loadOwn(vector, length, nullCount);
        loadChild(column, vector, 0, childLength);
      }
      case LIST_VIEW -> {
        takeValidity(column, length, nullCount);
        take(column, "offsets", (long) length * column.width());
        take(column, "sizes", (long) length * column.width());
        loadOwn(vector, length, nullCount);
        loadChild(column, vector, 0, 0);
      }
      case FIXED_SIZE_LIST ->
          loadParent(column, vector, length, nullCount, (long) length * column.width());
      case STRUCT -> loadParent(column, vector, length, nullCount, length);
      case SPARSE_UNION -> {
        take(column, "type ids", length);
        loadOwn(vector, length, nullCount);
        loadChildren(column, vector, length);
      }
      case DENSE_UNION -> {
        take(column, "type ids", length);
        take(column, "offsets", (long) length * Integer.BYTES);
        loadOwn(vector, length, nullCount);
        loadChildren(column, vector, 0);
      }
      case RUN_END_ENCODED -> {
        loadOwn(vector, length, nullCount);
        loadRuns(column, vector, length);
      }
    }
    return length;
  }

  /** Loads a vector that has nothing but validity of its own. */
  private void loadParent(
      Column column, FieldVector vector, int length, long nullCount, long neededLength) {
    takeValidity(column, length, nullCount);
    long missing = missingValidity;
    if (missing == 0) {
      loadOwn(vector, length, nullCount);
      loadChildren(column, vector, neededLength);
    } else {
      // Only its children show whether it really is that long.
      ownBuffers.clear();
      missingValidity = 0;
      loadChildren(column, vector, neededLength);
      ownBuffers.add(allocator.allocator().getEmpty());
      missingValidity = missing;
      loadOwn(vector, length, nullCount);
    }
  }

  private void loadChildren(Column column, FieldVector vector, long neededLength) {
    List<FieldVector> vectors = vector.getChildrenFromFields();
    for (int i = 0; i < vectors.size(); i++) {
      load(column.children().get(i), vectors.get(i), neededLength);
    }
  }

  private int loadChild(Column column, FieldVector vector, int index, long neededLength) {
    return load(
        column.children().get(index), vector.getChildrenFromFields().get(index), neededLength);
  }

  private void loadRuns(Column column, FieldVector vector, int length) {
    int runCount = loadChild(column, vector, 0, length == 0 ? 0 : 1);
    loadChild(column, vector, 1, runCount);
    if (length > 0) {
      FieldVector runEnds = vector.getChildrenFromFields().get(0);
      int width = column.children().get(0).width() / Byte.SIZE;
      long lastEnd = VectorBuffers.readInteger(runEnds.getDataBuffer(), runCount - 1L, width);
      if (lastEnd < length) {
        throw faults.corrupt(column.path(), "last run end=" + lastEnd, length + " or more");
      }
    }
  }

  private void loadOwn(FieldVector vector, int length, long nullCount) {
    if (missingValidity > 0) {
      ownBuffers.set(0, memory.ones(missingValidity));
      missingValidity = 0;
    }
    node.length = length;
    node.nullCount = (int) Math.max(0, nullCount);
    // Calls by class are several times faster here than those of the interface.
    if (vector instanceof BaseFixedWidthVector fixed) {
      fixed.loadFieldBuffers(node, ownBuffers);
    } else if (vector instanceof BaseVariableWidthVector variable) {
      variable.loadFieldBuffers(node, ownBuffers);
    } else {
      vector.loadFieldBuffers(node, ownBuffers);
    }
    ownBuffers.clear();
    closeDecompressed();
  }

  private void closeDecompressed() {
    if (!decompressed.isEmpty()) {
      decompressed.forEach(ArrowBuf::close);
      decompressed.clear();
    }
  }

  private void takeValidity(Column column, int length, long nullCount) {
    long byteCount = ((long) length + Byte.SIZE - 1) / Byte.SIZE;
    boolean isStored = byteCount > 0 && bufferLength(column, "validity") > 0;
    if (byteCount > 0 && (!isStored || nullCount == 0)) {
      if (nullCount > 0) {
        throw faults.corrupt(
            column.path(), "nullCount=" + nullCount + " without validity", "0, or validity");
      }
      bufferIndex++;
      // Made when the other buffers have shown that the vector really is that long.
      missingValidity = byteCount;
      ownBuffers.add(allocator.allocator().getEmpty());
    } else {
      take(column, "validity", byteCount);
    }
  }

  /**
   * Takes offsets and returns the last one, after checking that it does not lie before the first.
   */
  private long takeOffsets(Column column, int length) {
    if (length == 0) {
      // One offset, or none at all as some writers do.
      take(column, "offsets", 0);
      return 0;
    }
    take(column, "offsets", (length + 1L) * column.width());
    ArrowBuf offsets = ownBuffers.get(1);
    long first = VectorBuffers.readInteger(offsets, 0, column.width());
    long last = VectorBuffers.readInteger(offsets, length, column.width());
    if (first < 0 || last < first) {
      throw faults.corrupt(
          column.path(), "first offset=" + first + " last offset=" + last, "0 <= first <= last");
    }
    return last;
  }

  private void takeAllVariadic(Column column) {
    if (variadicIndex == variadicCount) {
      throw faults.corrupt(
          column.path(),
          "variadicBufferCounts count=" + variadicCount,
          "one for each column of views");
    }
    long count = metadata.longAt(variadicAt + variadicIndex * Long.BYTES);
    variadicIndex++;
    if (count < 0 || count > bufferCount - bufferIndex) {
      throw faults.corrupt(
          column.path(),
          "variadicBufferCount=" + count,
          "0 to " + (bufferCount - bufferIndex) + " buffers that are left");
    }
    for (long i = 0; i < count; i++) {
      take(column, "data", -1);
    }
  }

  /** Returns the length of the next buffer as it is stored. */
  private long bufferLength(Column column, String part) {
    if (bufferIndex == bufferCount) {
      throw faults.corrupt(
          column.path(), "RecordBatch.buffers count=" + bufferCount, "one more, for its " + part);
    }
    int place = buffersAt + bufferIndex * BatchMetadata.PAIR_LENGTH;
    long offset = metadata.longAt(place);
    long length = metadata.longAt(place + Long.BYTES);
    if (offset < 0 || length < 0 || offset > bodyLength - length) {
      throw faults.corrupt(
          column.path(),
          part + " offset=" + offset + " length=" + length,
          "inside the body of " + bodyLength + " bytes");
    }
    return length;
  }

  /** Takes the next buffer, cut to the needed length; all of it if that is negative. */
  private void take(Column column, String part, long needed) {
    long length = bufferLength(column, part);
    long position =
        bodyPosition + metadata.longAt(buffersAt + bufferIndex * BatchMetadata.PAIR_LENGTH);
    bufferIndex++;
    if (compression != null && length > 0) {
      takeCompressed(column, part, position, length, needed);
    } else {
      takeStored(column, part, position, length, needed);
    }
  }

  private void takeStored(Column column, String part, long position, long length, long needed) {
    if (length < needed) {
      throw faults.corrupt(column.path(), part + " length=" + length, needed + " or more");
    }
    long used = needed < 0 ? length : needed;
    ownBuffers.add(used == 0 ? allocator.allocator().getEmpty() : memory.buffer(position, used));
  }

  private void takeCompressed(Column column, String part, long position, long length, long needed) {
    if (length < COMPRESSED_HEADER_LENGTH) {
      throw faults.corrupt(
          column.path(),
          "compressed " + part + " length=" + length,
          COMPRESSED_HEADER_LENGTH + " or more");
    }
    long compressedLength = length - COMPRESSED_HEADER_LENGTH;
    long declared = region.getLong(position);
    if (declared == CompressionUtil.NO_COMPRESSION_LENGTH) {
      takeStored(column, part, position + COMPRESSED_HEADER_LENGTH, compressedLength, needed);
      return;
    }
    long limit =
        compression.getCodecType() == CompressionUtil.CodecType.LZ4_FRAME
            ? Math.min(Integer.MAX_VALUE - 8, compressedLength * LZ4_EXPANSION_LIMIT)
            : Math.max(Integer.MAX_VALUE, needed);
    if (declared < Math.max(0, needed) || declared > limit) {
      throw faults.corrupt(
          column.path(),
          "compressed " + part + " uncompressedLength=" + declared,
          Math.max(0, needed) + " to " + limit);
    }
    long used = needed < 0 ? declared : needed;
    if (used == 0) {
      ownBuffers.add(allocator.allocator().getEmpty());
      return;
    }
    ArrowBuf source = null;
    ArrowBuf buffer = null;
    try {
      // A private copy: the decompressors are native code, which would end the process where the
      // file was cut short, and could not stand bytes that change meanwhile.
      source = allocator.allocator().buffer(length);
      MemoryUtil.copyMemory(region.address() + position, source.memoryAddress(), length);
      source.writerIndex(length);
      buffer = compression.decompress(allocator.allocator(), source);
    } catch (OutOfMemoryException e) {
      throw noRoom(column, e);
    } catch (RuntimeException | OutOfMemoryError e) {
      throw faults.corrupt(
          column.path(),
          "compressed " + part + " (" + e + ")",
          compression.getCodecType() + " data of uncompressedLength=" + declared,
          e);
    } finally {
      // The codec releases its source when it succeeds.
      if (buffer == null && source != null) {
        source.close();
      }
    }
    decompressed.add(buffer);
    if (buffer.capacity() < used) {
      throw faults.corrupt(
          column.path(),
          "compressed " + part + " of " + buffer.capacity() + " bytes",
          "uncompressedLength=" + declared);
    }
    ownBuffers.add(buffer.slice(0, used));
  }

  private QdsException noRoom(Column column, OutOfMemoryException cause) {
    return new QdsException(
        QdsException.Reason.NO_ROOM,
        faults.place()
            + " field="
            + column.path()
            + ": the allocator has no room for the private memory that this message needs; close"
            + " messages earlier, or raise the limit of the allocator given to ArrowCodec",
        cause);
  }

  /** What a vector is told, again and again. */
  private static final class Node extends ArrowFieldNode {
    private int length;
    private int nullCount;

    Node() {
      super(0, 0);
    }

    @Override
    public int getLength() {
      return length;
    }

    @Override
    public int getNullCount() {
      return nullCount;
    }
  }
}
