package io.qadataswap.tck;

import io.qadataswap.api.Claim;
import io.qadataswap.api.Message;
import io.qadataswap.api.OverflowPolicy;
import io.qadataswap.api.Qds;
import io.qadataswap.api.QdsException;
import io.qadataswap.api.Reader;
import io.qadataswap.api.ReaderMode;
import io.qadataswap.api.Region;
import io.qadataswap.api.Trust;
import io.qadataswap.api.Writer;
import io.qadataswap.api.WriterBuilder;
import io.qadataswap.api.codec.Codec;
import io.qadataswap.api.codec.RegionCodec;
import io.qadataswap.codec.arrow.ArrowClaim;
import io.qadataswap.codec.arrow.ArrowCodec;
import io.qadataswap.codec.arrow.ArrowTable;
import io.qadataswap.codec.raw.RawBatch;
import io.qadataswap.codec.raw.RawClaim;
import io.qadataswap.codec.raw.RawCodec;
import io.qadataswap.codec.raw.RawField;
import io.qadataswap.codec.raw.RawMessageCodec;
import io.qadataswap.codec.raw.RawSchema;
import io.qadataswap.codec.raw.RawType;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ViewVarCharVector;
import org.apache.arrow.vector.complex.DenseUnionVector;
import org.apache.arrow.vector.complex.ListVector;
import org.apache.arrow.vector.complex.impl.UnionListWriter;
import org.apache.arrow.vector.holders.NullableBigIntHolder;
import org.apache.arrow.vector.types.Types;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.Schema;

/**
 * The process of {@link RingDamageTest} that uses a channel while its file is damaged. Obeys lines
 * of text, with one line each. Uses nothing of JUnit and runs on Java 17.
 */
final class DamageChild {
  private static final int LARGE_LENGTH = 200_000;
  private static final int ROW_COUNT = 300;
  private static final RawSchema COLUMNS =
      RawSchema.of(
          RawField.of("int", RawType.INT32),
          RawField.of("text", RawType.UTF8),
          RawField.of("short", RawType.INT16),
          RawField.of("double", RawType.FLOAT64).orNull(),
          RawField.of("boolean", RawType.BOOL));

  private final String backend;
  private final Path directory;
  private final BufferAllocator allocator = new RootAllocator();
  private final Deque<AutoCloseable> opened = new ArrayDeque<>();
  private volatile boolean stopped;
  private FutureTask<String> work;
  private Thread thread;

  /** Keeps the compiler from leaving loads out. */
  private long sum;

  private DamageChild(String backend, Path directory) {
    this.backend = backend;
    this.directory = directory;
  }

  /** What is done again and again. */
  interface Step {
    void run() throws Exception;
  }

  /** Each kind of access that a program's use of QDS comes down to. */
  enum Use {
    WRITE_MESSAGES(true, true) {
      @Override
      Step prepare(DamageChild child) {
        Writer<Region> writer = child.droppingWriter();
        return () -> child.write(writer, 8);
      }
    },
    POLL_NOTHING(false, false) {
      @Override
      Step prepare(DamageChild child) {
        child.writer();
        Reader<Region> reader = child.reader(ReaderMode.LOSSLESS, Trust.FULL);
        return reader::poll;
      }
    },
    EXCHANGE(true, true) {
      @Override
      Step prepare(DamageChild child) {
        Writer<Region> writer = child.writer();
        Reader<Region> reader = child.reader(ReaderMode.LOSSLESS, Trust.FULL);
        return () -> {
          child.write(writer, 100);
          child.read(reader);
        };
      }
    },
    OBSERVE(true, true) {
      @Override
      Step prepare(DamageChild child) {
        Writer<Region> writer = child.droppingWriter();
        Reader<Region> reader = child.reader(ReaderMode.OBSERVER, Trust.FULL);
        return () -> {
          child.write(writer, 100);
          child.read(reader);
        };
      }
    },
    COPY(true, true) {
      @Override
      Step prepare(DamageChild child) {
        Writer<Region> writer = child.writer();
        Reader<Region> reader = child.reader(ReaderMode.LOSSLESS, Trust.NONE);
        return () -> {
          child.write(writer, 10_000);
          child.read(reader);
        };
      }
    },
    CHECKSUM(true, true) {
      @Override
      Step prepare(DamageChild child) {
        Writer<Region> writer = child.open(child.writerBuilder(RegionCodec.instance(), true));
        Reader<Region> reader = child.reader(ReaderMode.LOSSLESS, Trust.FULL);
        return () -> {
          child.write(writer, 20_000);
          child.read(reader);
        };
      }
    },
    GET_VALUES(true, true) {
      @Override
      Step prepare(DamageChild child) throws Exception {
        Region region = child.largeMessage();
        return () -> {
          for (int i = 0; i < 64; i += 8) {
            child.sum += region.getLong(100_000 + i) + region.getByte(i) + region.getInt(i + 4L);
          }
        };
      }
    },
    GET_BYTES(true, true) {
      @Override
      Step prepare(DamageChild child) throws Exception {
        Region region = child.largeMessage();
        byte[] bytes = new byte[10_000];
        return () -> {
          region.getBytes(100_000, bytes, 0, bytes.length);
          region.getBytes(50_000, bytes, 0, 24);
        };
      }
    },
    PUT_VALUES(true, true) {
      @Override
      Step prepare(DamageChild child) throws Exception {
        Region region = child.largeClaim();
        return () -> {
          for (int i = 0; i < 64; i += 8) {
            region.putLong(100_000 + i, i);
            region.putInt(i, i);
            region.putByte(i + 5L, (byte) i);
          }
        };
      }
    },
    PUT_BYTES(true, true) {
      @Override
      Step prepare(DamageChild child) throws Exception {
        Region region = child.largeClaim();
        byte[] bytes = new byte[10_000];
        return () -> {
          region.putBytes(100_000, bytes, 0, bytes.length);
          region.putBytes(50_000, bytes, 0, 24);
        };
      }
    },
    STATISTICS(false, false) {
      @Override
      Step prepare(DamageChild child) {
        Writer<Region> writer = child.writer();
        Reader<Region> reader = child.reader(ReaderMode.LOSSLESS, Trust.FULL);
        return () -> child.sum += writer.stats().readerCount() + reader.stats().lag();
      }
    },
    WRITE_TABLES(false, true) {
      @Override
      Step prepare(DamageChild child) {
        Writer<ArrowTable> writer =
            child.open(
                child
                    .writerBuilder(ArrowCodec.with(child.allocator), false)
                    .overflow(OverflowPolicy.DROP_OLDEST));
        ArrowTable table = child.table();
        return () -> writer.tryWrite(table);
      }
    },
    READ_TABLES(false, true) {
      @Override
      Step prepare(DamageChild child) {
        return child.exchangeTables(child.table(), Trust.FULL);
      }
    },
    READ_FLAT_TABLES(false, true) {
      @Override
      Step prepare(DamageChild child) {
        return child.exchangeTables(child.flatTable(), Trust.FULL);
      }
    },
    VALIDATE_TABLES(false, true) {
      @Override
      Step prepare(DamageChild child) {
        return child.exchangeTables(child.table(), Trust.VALIDATE);
      }
    },
    CLAIM_TABLES(true, true) {
      @Override
      Step prepare(DamageChild child) {
        ArrowCodec codec = ArrowCodec.with(child.allocator);
        Writer<ArrowTable> writer =
            child.open(child.writerBuilder(codec, false).overflow(OverflowPolicy.DROP_OLDEST));
        Schema schema = new Schema(List.of(Field.nullable("number", new ArrowType.Int(32, true))));
        return () -> {
          try (ArrowClaim claim = codec.claimRows(writer, schema, ROW_COUNT)) {
            IntVector numbers = (IntVector) claim.root().getVector(0);
            for (int i = 0; i < ROW_COUNT; i++) {
              numbers.set(i, i);
            }
            claim.commit(ROW_COUNT);
          }
        };
      }
    },
    FILL_COLUMNS(true, true) {
      @Override
      Step prepare(DamageChild child) {
        Writer<RawBatch> writer =
            child.open(
                child
                    .writerBuilder(RawCodec.instance(), false)
                    .overflow(OverflowPolicy.DROP_OLDEST));
        RawClaim claim = RawClaim.on(writer, COLUMNS);
        return () -> child.fillColumns(claim);
      }
    },
    READ_COLUMNS(true, true) {
      @Override
      Step prepare(DamageChild child) {
        return child.exchangeColumns(Trust.FULL);
      }
    },
    VALIDATE_COLUMNS(true, true) {
      @Override
      Step prepare(DamageChild child) {
        return child.exchangeColumns(Trust.VALIDATE);
      }
    },
    GET_COLUMN_VALUES(true, true) {
      @Override
      Step prepare(DamageChild child) throws Exception {
        Writer<RawBatch> writer = child.open(child.writerBuilder(RawCodec.instance(), false));
        Reader<RawBatch> reader =
            child.reader(RawCodec.instance(), ReaderMode.LOSSLESS, Trust.FULL);
        child.fillColumns(RawClaim.on(writer, COLUMNS));
        Message<RawBatch> message = reader.read();
        child.opened.push(message);
        return () -> child.sumColumns(message.value());
      }
    },
    EXCHANGE_USER_MESSAGES(true, true) {
      @Override
      Step prepare(DamageChild child) {
        RawMessageCodec<long[]> codec =
            RawMessageCodec.of(
                "longs",
                8000,
                (longs, out) -> {
                  for (long value : longs) {
                    out.writeLong(value).writeInt((int) value).writeUtf8("text");
                  }
                },
                (in, reuse) -> {
                  long[] longs = new long[100];
                  for (int i = 0; i < 100; i++) {
                    longs[i] = in.readLong() + in.readInt() + in.readUtf8().length();
                  }
                  return longs;
                });
        Writer<long[]> writer = child.open(child.writerBuilder(codec, false));
        Reader<long[]> reader = child.reader(codec, ReaderMode.LOSSLESS, Trust.FULL);
        long[] longs = new long[100];
        return () -> {
          writer.tryWrite(longs);
          try (Message<long[]> message = reader.poll()) {
            child.sum += message == null ? 0 : message.value()[0];
          }
        };
      }
    },
    INSPECT(false, false) {
      @Override
      Step prepare(DamageChild child) {
        child.writer();
        return () ->
            child.sum +=
                Qds.inspect(child.directory, RingFixture.NAME, Qds.DEFAULT_LAYOUT).length();
      }
    },
    LIST(false, false) {
      @Override
      Step prepare(DamageChild child) {
        child.writer();
        return () -> child.sum += Qds.list(child.directory, Qds.DEFAULT_LAYOUT).size();
      }
    },
    WRITE_TO_OTHER_PROCESS(true, true) {
      @Override
      Step prepare(DamageChild child) {
        Writer<Region> writer = child.writer();
        return () -> child.write(writer, 1000);
      }
    },
    READ_FROM_OTHER_PROCESS(false, true) {
      @Override
      Step prepare(DamageChild child) {
        Reader<Region> reader = child.reader(ReaderMode.LOSSLESS, Trust.FULL);
        return () -> child.read(reader);
      }
    };

    /** Whether the user's own code touches the memory, which no code of QDS surrounds. */
    final boolean direct;

    /** Whether payloads are touched, and not only the words of the ring. */
    final boolean payload;

    Use(boolean direct, boolean payload) {
      this.direct = direct;
      this.payload = payload;
    }

    abstract Step prepare(DamageChild child) throws Exception;
  }

  /**
   * Runs until standard input ends.
   *
   * @param args name of the backend, directory of the channel
   * @throws IOException if standard input fails
   */
  public static void main(String[] args) throws IOException {
    DamageChild child = new DamageChild(args[0], Path.of(args[1]));
    BufferedReader commands =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = commands.readLine(); line != null; line = commands.readLine()) {
      System.out.println(child.answer(line.split(" ", -1)));
    }
  }

  private String answer(String[] words) {
    try {
      return switch (words[0]) {
        case "work" -> work(Use.valueOf(words[1]), Long.parseLong(words[2]));
        case "failure" -> failure();
        case "stop" -> {
          stopped = true;
          yield failure();
        }
        case "close" -> close();
        default -> throw new IllegalArgumentException(words[0]);
      };
    } catch (Throwable e) {
      return text(e);
    }
  }

  private static String text(Throwable e) {
    String text =
        e instanceof QdsException q ? q.reason() + " " + q.getMessage() : "unexpected " + e;
    return text.replace('\n', ' ');
  }

  /** Answers when the work has gone on for a number of steps. */
  private String work(Use use, long warmUpCount) throws Exception {
    stopped = false;
    Step step = use.prepare(this);
    CompletableFuture<String> beginning = new CompletableFuture<>();
    work = new FutureTask<>(() -> repeat(step, warmUpCount, beginning));
    thread = new Thread(work, "work");
    thread.start();
    return beginning.get();
  }

  private String repeat(Step step, long warmUpCount, CompletableFuture<String> beginning) {
    String end = "none";
    try {
      for (long i = 0; !stopped; i++) {
        if (i == warmUpCount) {
          beginning.complete("working");
        }
        step.run();
      }
    } catch (Throwable e) {
      end = text(e);
    }
    beginning.complete("early end: " + end);
    return end;
  }

  private String failure() throws Exception {
    while (!work.isDone()) {
      // On JDK 17 the error of a compiled loop comes when the JVM stops the thread for something.
      thread.getStackTrace();
    }
    try {
      return work.get();
    } catch (ExecutionException e) {
      // It came later still, outside of what was to catch it.
      return text(e.getCause());
    }
  }

  /** Closes everything. Returns the first failure. */
  private String close() {
    String failure = "none";
    while (!opened.isEmpty()) {
      try {
        opened.pop().close();
      } catch (Throwable e) {
        if (failure.equals("none") || text(e).startsWith("unexpected")) {
          failure = text(e);
        }
      }
    }
    return failure;
  }

  private <T> WriterBuilder<T> writerBuilder(Codec<T> codec, boolean checksum) {
    return Qds.writer(RingFixture.NAME, codec)
        .directory(directory)
        .backend(backend)
        .capacity(RingFixture.CAPACITY)
        .messageSlots(RingFixture.SLOT_COUNT)
        .readerEntries(RingFixture.READER_ENTRY_COUNT)
        .payloadChecksum(checksum);
  }

  private <T> Writer<T> open(WriterBuilder<T> builder) {
    Writer<T> writer = builder.open();
    opened.push(writer);
    return writer;
  }

  private Writer<Region> writer() {
    return open(writerBuilder(RegionCodec.instance(), false));
  }

  /** One that does not keep messages for readers that may come. */
  private Writer<Region> droppingWriter() {
    return open(writerBuilder(RegionCodec.instance(), false).overflow(OverflowPolicy.DROP_OLDEST));
  }

  private Reader<Region> reader(ReaderMode mode, Trust trust) {
    return reader(RegionCodec.instance(), mode, trust);
  }

  private <T> Reader<T> reader(Codec<T> codec, ReaderMode mode, Trust trust) {
    Reader<T> reader =
        Qds.reader(RingFixture.NAME, codec)
            .directory(directory)
            .backend(backend)
            .mode(mode)
            .trust(trust)
            .open();
    opened.push(reader);
    return reader;
  }

  private Region largeMessage() throws Exception {
    Writer<Region> writer = writer();
    Reader<Region> reader = reader(ReaderMode.LOSSLESS, Trust.FULL);
    write(writer, LARGE_LENGTH);
    Message<Region> message = reader.read();
    opened.push(message);
    return message.value();
  }

  private Region largeClaim() throws Exception {
    Claim claim = writer().claim(LARGE_LENGTH);
    opened.push(claim);
    return claim.region();
  }

  private void write(Writer<Region> writer, int length) {
    Claim claim = writer.tryClaim(length);
    if (claim != null) {
      boolean filled = false;
      try {
        claim.region().putLong(0, length);
        filled = true;
      } finally {
        if (!filled) {
          claim.abort();
        }
      }
      claim.commit(length);
    }
  }

  private void read(Reader<Region> reader) {
    Message<Region> message = reader.poll();
    if (message != null) {
      message.close();
    }
  }

  private Step exchangeTables(ArrowTable table, Trust trust) {
    Writer<ArrowTable> writer = open(writerBuilder(ArrowCodec.with(allocator), false));
    Reader<ArrowTable> reader = reader(ArrowCodec.with(allocator), ReaderMode.LOSSLESS, trust);
    return () -> {
      writer.tryWrite(table);
      Message<ArrowTable> message = reader.poll();
      if (message != null) {
        message.close();
      }
    };
  }

  private void fillColumns(RawClaim claim) {
    RawBatch batch = claim.tryOpen(ROW_COUNT, 10L * ROW_COUNT);
    if (batch == null) {
      return;
    }
    boolean filled = false;
    try {
      for (int row = 0; row < ROW_COUNT; row++) {
        batch.column(0).setInt(row, row);
        batch.column(1).setString(row, "text");
        batch.column(2).setShort(row, (short) row);
        if (row % 10 == 0) {
          batch.column(3).setNull(row);
        } else {
          batch.column(3).setDouble(row, row);
        }
        batch.column(4).setBoolean(row, true);
      }
      batch.column(0).values().writeLong(0, 1);
      filled = true;
    } finally {
      if (!filled) {
        claim.abort();
      }
    }
    claim.commit(ROW_COUNT);
  }

  private void sumColumns(RawBatch batch) {
    for (int row = 0; row < batch.rowCount(); row++) {
      // The widening of an int to a long is what ends a JVM that reads by Unsafe.
      sum += batch.column(0).getInt(row);
      sum += batch.column(1).getString(row).length();
      sum += batch.column(2).getShort(row);
      sum += batch.column(3).isNull(row) ? 1 : (long) batch.column(3).getDouble(row);
      sum += batch.column(4).getBoolean(row) ? 1 : 0;
      sum += batch.column(0).values().readInt(4L * row);
    }
    sum += batch.column(1).data().byteCheckSum();
  }

  private Step exchangeColumns(Trust trust) {
    Writer<RawBatch> writer = open(writerBuilder(RawCodec.instance(), false));
    Reader<RawBatch> reader = reader(RawCodec.instance(), ReaderMode.LOSSLESS, trust);
    RawClaim claim = RawClaim.on(writer, COLUMNS);
    return () -> {
      fillColumns(claim);
      try (Message<RawBatch> message = reader.poll()) {
        if (message != null) {
          sumColumns(message.value());
        }
      }
    };
  }

  /** A column of each kind that refers to other places by numbers in the message. */
  private ArrowTable table() {
    IntVector numbers = new IntVector("number", allocator);
    VarCharVector texts = new VarCharVector("text", allocator);
    ViewVarCharVector views = new ViewVarCharVector("view", allocator);
    ListVector lists = ListVector.empty("list", allocator);
    DenseUnionVector unions = DenseUnionVector.empty("union", allocator);
    byte longs = unions.registerNewTypeId(Field.nullable("long", Types.MinorType.BIGINT.getType()));
    UnionListWriter listWriter = lists.getWriter();
    NullableBigIntHolder value = new NullableBigIntHolder();
    value.isSet = 1;
    for (int row = 0; row < ROW_COUNT; row++) {
      byte[] text = ("text " + row + " of many").getBytes(StandardCharsets.US_ASCII);
      numbers.setSafe(row, row);
      if (row % 10 != 0) {
        texts.setSafe(row, text);
        views.setSafe(row, text);
      }
      listWriter.setPosition(row);
      listWriter.startList();
      listWriter.bigInt().writeBigInt(row);
      listWriter.endList();
      unions.setTypeId(row, longs);
      value.value = row;
      unions.setSafe(row, value);
    }
    return table(ROW_COUNT, numbers, texts, views, lists, unions);
  }

  /** Columns whose vectors stay loaded from one message to the next. */
  private ArrowTable flatTable() {
    IntVector numbers = new IntVector("number", allocator);
    VarCharVector texts = new VarCharVector("text", allocator);
    numbers.setSafe(0, 1);
    texts.setSafe(0, "text".getBytes(StandardCharsets.US_ASCII));
    return table(1, numbers, texts);
  }

  private ArrowTable table(int rowCount, FieldVector... vectors) {
    VectorSchemaRoot root = VectorSchemaRoot.of(vectors);
    root.setRowCount(rowCount);
    opened.addLast(root);
    return ArrowTable.of(root);
  }
}
