package io.qadataswap.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.DynamicContainer.dynamicContainer;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import io.qadataswap.api.Claim;
import io.qadataswap.api.Message;
import io.qadataswap.api.PluginInfo;
import io.qadataswap.api.Qds;
import io.qadataswap.api.QdsException.Reason;
import io.qadataswap.api.Reader;
import io.qadataswap.api.Region;
import io.qadataswap.api.Trust;
import io.qadataswap.api.Writer;
import io.qadataswap.codec.arrow.ArrowCodec;
import io.qadataswap.codec.arrow.ArrowTable;
import io.qadataswap.tck.fixtures.ArrowCase;
import io.qadataswap.tck.fixtures.ArrowCases;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** What other languages have written is read as what it is, and what is damaged is refused. */
class FixturesTest {
  /** Features of cases that Arrow Java has no vectors for. */
  private static final Set<String> MISSING = Set.of("decimal32", "decimal64");

  private static final String NAME = "fixture";

  @TempDir private Path directory;
  private final BufferAllocator allocator = new RootAllocator();

  @AfterEach
  void nothingIsLeft() {
    allocator.close();
  }

  private static Stream<DynamicNode> onEachBackend(
      Function<String, Stream<? extends DynamicNode>> tests) {
    return Qds.backends().stream()
        .filter(backend -> backend.unavailableReason().isEmpty())
        .map(PluginInfo::name)
        .map(backend -> dynamicContainer(backend, tests.apply(backend)));
  }

  private static boolean isMissing(ArrowCase c) {
    return c.features().stream().anyMatch(MISSING::contains);
  }

  @Test
  void bothBackendsAreTried() {
    int expected = Runtime.version().feature() < 22 ? 1 : 2;
    assertEquals(expected, onEachBackend(backend -> Stream.of()).count());
  }

  @TestFactory
  Stream<DynamicNode> stockStreamsHoldWhatTheirContentSays() {
    return ArrowCases.all().stream()
        .filter(c -> !isMissing(c))
        .map(c -> dynamicTest(c.name(), () -> c.check(c.stream())));
  }

  @TestFactory
  Stream<DynamicNode> stockStreamsAreReadFromChannelsAndWrittenAgain() {
    return onEachBackend(backend ->
        ArrowCases.all().stream()
            .map(c -> dynamicTest(c.name(), () -> readAndWriteAgain(backend, c))));
  }

  private void readAndWriteAgain(String backend, ArrowCase c) throws InterruptedException {
    for (Trust trust : List.of(Trust.FULL, Trust.VALIDATE, Trust.NONE)) {
      try (Writer<Region> writer = writer(backend, "stock");
          Reader<ArrowTable> reader = reader(backend, "stock", trust)) {
        byte[] stream = c.stream();
        try (Claim claim = writer.claim(stream.length)) {
          claim.region().putBytes(0, stream, 0, stream.length);
          claim.commit(stream.length);
        }
        if (isMissing(c)) {
          RingFixture.assertRefused(Reason.UNSUPPORTED, reader::read, NAME, "decimal");
          continue;
        }
        try (Message<ArrowTable> message = reader.read()) {
          check(c, message.value());
          writeAgain(backend, c, message.value(), trust);
        }
      }
    }
  }

  private void writeAgain(String backend, ArrowCase c, ArrowTable table, Trust trust)
      throws InterruptedException {
    try (Writer<ArrowTable> writer =
            Qds.writer(NAME + "-again", ArrowCodec.with(allocator))
                .directory(directory)
                .backend(backend)
                .capacity(1 << 20)
                .open();
        Reader<ArrowTable> reader = reader(backend, "again", trust)) {
      writer.write(table);
      try (Message<ArrowTable> message = reader.read()) {
        check(c, message.value());
      }
    }
  }

  private Writer<Region> writer(String backend, String suffix) {
    return Qds.writer(NAME + "-" + suffix, new RenamedCodec(ArrowCodec.ID))
        .directory(directory)
        .backend(backend)
        .capacity(1 << 20)
        .open();
  }

  private Reader<ArrowTable> reader(String backend, String suffix, Trust trust) {
    return Qds.reader(NAME + "-" + suffix, ArrowCodec.with(allocator))
        .directory(directory)
        .backend(backend)
        .trust(trust)
        .open();
  }

  private static void check(ArrowCase c, ArrowTable table) {
    List<VectorSchemaRoot> batches = new ArrayList<>();
    IntStream.range(0, table.batchCount()).forEach(i -> batches.add(table.batch(i)));
    c.check(table.schema(), batches, table.dictionaries());
  }
}
