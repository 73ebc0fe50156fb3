package io.qadataswap.codec.arrow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.qadataswap.api.QdsException;
import io.qadataswap.codec.arrow.support.Loopback;
import io.qadataswap.codec.arrow.support.Loopback.Sent;
import io.qadataswap.codec.arrow.support.Samples;
import io.qadataswap.codec.arrow.support.Values;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.channels.Channels;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.arrow.compression.Lz4CompressionCodec;
import org.apache.arrow.compression.ZstdCompressionCodec;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorLoader;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.compression.CompressionCodec;
import org.apache.arrow.vector.dictionary.Dictionary;
import org.apache.arrow.vector.dictionary.DictionaryProvider.MapDictionaryProvider;
import org.apache.arrow.vector.ipc.ReadChannel;
import org.apache.arrow.vector.ipc.message.ArrowRecordBatch;
import org.apache.arrow.vector.ipc.message.MessageMetadataResult;
import org.apache.arrow.vector.ipc.message.MessageSerializer;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.DictionaryEncoding;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.arrow.vector.types.pojo.Schema;
import org.apache.arrow.vector.util.Text;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Streams of other writers, and what other readers make of ours. */
class ForeignStreamTest {
  private static final ArrowType INT = new ArrowType.Int(32, true);

  private final BufferAllocator allocator = new RootAllocator();
  private final Loopback loopback = new Loopback(allocator, true);
  private final MapDictionaryProvider none = new MapDictionaryProvider();

  @AfterEach
  void nothingIsLeft() {
    loopback.close();
    allocator.close();
  }

  @Test
  void streamsOfArrowJavaAreRead() {
    try (VectorSchemaRoot root = sample(100)) {
      assertRead(root, new StockStream().schema(root.getSchema(), none).batch(root).end());
    }
  }

  @Test
  void framesWithoutContinuationMarkerAreRead() {
    try (VectorSchemaRoot root = sample(100)) {
      StockStream stream = new StockStream().legacyFraming();
      assertRead(root, stream.schema(root.getSchema(), none).batch(root).end());
    }
  }

  @Test
  void longMetadataIsRead() {
    try (VectorSchemaRoot root = sample(100)) {
      StockStream stream = new StockStream().metadataPadding(4 << 20);
      assertRead(root, stream.schema(root.getSchema(), none).batch(root).end());
    }
  }

  @Test
  void streamsMayEndWithoutMarker() {
    try (VectorSchemaRoot root = sample(100)) {
      assertRead(root, new StockStream().schema(root.getSchema(), none).batch(root));
    }
  }

  @Test
  void bytesAfterTheEndAreLeftAlone() {
    byte[] noise = new byte[1000];
    new Random(1).nextBytes(noise);
    try (VectorSchemaRoot root = sample(100)) {
      StockStream stream = new StockStream().schema(root.getSchema(), none).batch(root).end();
      assertRead(root, stream.bytes(noise));
    }
  }

  @Test
  void compressedBuffersAreDecompressed() {
    for (CompressionCodec codec : List.of(new Lz4CompressionCodec(), new ZstdCompressionCodec())) {
      for (int rowCount : new int[] {0, 1, 1000}) {
        try (VectorSchemaRoot root = sample(rowCount)) {
          StockStream stream = new StockStream().compression(codec);
          assertRead(root, stream.schema(root.getSchema(), none).batch(root).end());
        }
      }
    }
  }

  @Test
  void deltaDictionariesAreAppended() {
    DictionaryEncoding encoding = new DictionaryEncoding(1, false, null);
    try (VarCharVector first = text("a", "b", null);
        VarCharVector second = text("d", "e");
        IntVector indices = indices(encoding, 0, 1, 3, 4);
        VectorSchemaRoot root = VectorSchemaRoot.of(indices)) {
      Dictionary base = new Dictionary(first, encoding);
      Dictionary delta = new Dictionary(second, encoding);
      StockStream stream =
          new StockStream()
              .schema(root.getSchema(), new MapDictionaryProvider(base))
              .dictionary(base, false)
              .dictionary(delta, true)
              .batch(root)
              .dictionary(delta, true)
              .end();
      Sent sent = loopback.send(stream.toBytes());
      FieldVector values = sent.read().dictionaries().lookup(1).getVector();
      assertEquals("[a, b, null, d, e, d, e]", Values.of(values).toString());
      sent.close();
    }
  }

  @Test
  void dictionariesMayBeSentAgainButNotChangedBetweenBatches() {
    DictionaryEncoding encoding = new DictionaryEncoding(1, false, null);
    try (VarCharVector first = text("a", "b");
        VarCharVector second = text("a", "c");
        IntVector indices = indices(encoding, 0, 1);
        VectorSchemaRoot root = VectorSchemaRoot.of(indices)) {
      Dictionary one = new Dictionary(first, encoding);
      Dictionary two = new Dictionary(second, encoding);
      MapDictionaryProvider provider = new MapDictionaryProvider(one);
      StockStream before =
          new StockStream()
              .schema(root.getSchema(), provider)
              .dictionary(two, false)
              .dictionary(one, false)
              .batch(root)
              .dictionary(one, false)
              .batch(root)
              .end();
      Sent sent = loopback.send(before.toBytes());
      ArrowTable table = sent.read();
      assertEquals(2, table.batchCount());
      assertEquals("[a, b]", Values.of(table.dictionaries().lookup(1).getVector()).toString());
      sent.close();

      StockStream changed =
          new StockStream()
              .schema(root.getSchema(), provider)
              .dictionary(one, false)
              .batch(root)
              .dictionary(two, false)
              .batch(root)
              .end();
      Sent refused = loopback.send(changed.toBytes());
      QdsException refusal = assertThrows(QdsException.class, refused::read);
      assertEquals(QdsException.Reason.UNSUPPORTED, refusal.reason());
      assertTrue(refusal.getMessage().contains("dictionary id=1 that changes"));
      assertEquals(1, refused.releaseCount());
    }
  }

  @Test
  void aDictionaryThatIsNotThereIsMissedOnlyByValues() {
    DictionaryEncoding encoding = new DictionaryEncoding(1, false, null);
    try (VarCharVector words = text("a");
        IntVector nothing = indices(encoding);
        IntVector something = indices(encoding, 0);
        VectorSchemaRoot empty = VectorSchemaRoot.of(nothing);
        VectorSchemaRoot full = VectorSchemaRoot.of(something)) {
      MapDictionaryProvider provider = new MapDictionaryProvider(new Dictionary(words, encoding));
      Sent sent =
          loopback.send(
              new StockStream().schema(empty.getSchema(), provider).batch(empty).toBytes());
      assertEquals(0, sent.read().dictionaries().lookup(1).getVector().getValueCount());
      sent.close();
      Sent refused =
          loopback.send(new StockStream().schema(full.getSchema(), provider).batch(full).toBytes());
      QdsException refusal = assertThrows(QdsException.class, refused::read);
      assertTrue(refusal.getMessage().contains("without a batch for dictionary id=1"));
    }
  }

  @Test
  void arrowJavaReadsOurStreams() throws IOException {
    for (boolean nulls : new boolean[] {true, false}) {
      try (VectorSchemaRoot root = new Samples(allocator, 9, nulls).batch(Samples.fields(), 100)) {
        byte[] bytes = loopback.send(ArrowTable.of(root)).bytes();
        ReadChannel in = new ReadChannel(Channels.newChannel(new ByteArrayInputStream(bytes)));
        assertEquals(root.getSchema(), MessageSerializer.deserializeSchema(in));
        MessageMetadataResult message = MessageSerializer.readMessage(in);
        assertEquals(0, in.bytesRead() % 64);
        int bodyStart = (int) in.bytesRead();
        int bodyLength = (int) message.getMessageBodyLength();
        ArrowBuf body = allocator.buffer(bodyLength);
        body.setBytes(0, bytes, bodyStart, bodyLength);
        try (ArrowRecordBatch batch = MessageSerializer.deserializeRecordBatch(message, body);
            VectorSchemaRoot loaded = VectorSchemaRoot.create(root.getSchema(), allocator)) {
          new VectorLoader(loaded).load(batch);
          Values.assertSame(root, loaded);
        }
        byte[] end = Arrays.copyOfRange(bytes, bodyStart + bodyLength, bytes.length);
        assertEquals("[-1, -1, -1, -1, 0, 0, 0, 0]", Arrays.toString(end));
      }
    }
  }

  /** What a reader keeps of one message must not show in another. */
  @Test
  void messagesOfAllKindsMayFollowEachOther() {
    try (VectorSchemaRoot first = sample(100);
        VectorSchemaRoot second = sample(100);
        VectorSchemaRoot shorter = sample(99);
        IntVector only = indices(null, 1, 2, 3);
        VectorSchemaRoot other = VectorSchemaRoot.of(only)) {
      IntVector differs = (IntVector) second.getVector("int32");
      for (int row = 0; row < 100; row++) {
        if (!differs.isNull(row)) {
          differs.set(row, 4711); // with the same metadata
        }
      }
      Schema schema = first.getSchema();
      Map<StockStream, List<VectorSchemaRoot>> messages = new LinkedHashMap<>();
      for (VectorSchemaRoot root : List.of(first, second, shorter, other)) {
        messages.put(stream(root.getSchema()).batch(root).end(), List.of(root));
      }
      messages.put(stream(schema).end(), List.of());
      messages.put(stream(schema).batch(first), List.of(first));
      byte[] whole = stream(schema).batch(first).toBytes();
      messages.put(new StockStream().bytes(Arrays.copyOf(whole, whole.length - 64)), null);
      messages.put(stream(schema).batch(first).batch(shorter).end(), List.of(first, shorter));
      messages.put(stream(schema).batch(first).batch(second).end(), List.of(first, second));
      messages.put(
          new StockStream().legacyFraming().schema(schema, none).batch(first).end(),
          List.of(first));

      List<Map.Entry<StockStream, List<VectorSchemaRoot>>> choices =
          List.copyOf(messages.entrySet());
      Random random = new Random(5);
      for (boolean fullValidation : new boolean[] {false, true}) {
        try (Loopback mixed = new Loopback(allocator, fullValidation)) {
          for (int round = 0; round < 400; round++) {
            Map.Entry<StockStream, List<VectorSchemaRoot>> choice =
                choices.get(random.nextInt(choices.size()));
            Sent sent = mixed.send(choice.getKey().toBytes());
            if (choice.getValue() == null) {
              QdsException e = assertThrows(QdsException.class, sent::read);
              assertEquals(QdsException.Reason.CORRUPT, e.reason(), e.getMessage());
              continue;
            }
            ArrowTable table = sent.read();
            assertEquals(choice.getValue().size(), table.batchCount());
            for (int i = 0; i < table.batchCount(); i++) {
              Values.assertSame(choice.getValue().get(i), table.batch(i));
            }
            sent.close();
          }
        }
      }
    }
  }

  private StockStream stream(Schema schema) {
    return new StockStream().schema(schema, none);
  }

  private VectorSchemaRoot sample(int rowCount) {
    return new Samples(allocator, rowCount, true).batch(Samples.fields(), rowCount);
  }

  private void assertRead(VectorSchemaRoot expected, StockStream stream) {
    Sent sent = loopback.send(stream.toBytes());
    Values.assertSame(expected, sent.read().root());
    sent.close();
    assertEquals(1, sent.releaseCount());
  }

  private VarCharVector text(String... texts) {
    VarCharVector vector = new VarCharVector("text", allocator);
    for (int i = 0; i < texts.length; i++) {
      if (texts[i] == null) {
        vector.setNull(i);
      } else {
        vector.setSafe(i, new Text(texts[i]));
      }
    }
    vector.setValueCount(texts.length);
    return vector;
  }

  private IntVector indices(DictionaryEncoding encoding, int... values) {
    IntVector vector =
        (IntVector)
            new Field("column", new FieldType(true, INT, encoding, null), null)
                .createVector(allocator);
    for (int i = 0; i < values.length; i++) {
      vector.setSafe(i, values[i]);
    }
    vector.setValueCount(values.length);
    return vector;
  }
}
