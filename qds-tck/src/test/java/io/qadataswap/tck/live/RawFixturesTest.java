package io.qadataswap.tck.live;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.qadataswap.api.Claim;
import io.qadataswap.api.Message;
import io.qadataswap.api.Qds;
import io.qadataswap.api.QdsException;
import io.qadataswap.api.Reader;
import io.qadataswap.api.Region;
import io.qadataswap.api.Trust;
import io.qadataswap.api.Writer;
import io.qadataswap.api.codec.Codec;
import io.qadataswap.api.codec.Decoder;
import io.qadataswap.api.codec.Encoder;
import io.qadataswap.api.codec.RegionCodec;
import io.qadataswap.codec.raw.RawBatch;
import io.qadataswap.codec.raw.RawCodec;
import io.qadataswap.tck.fixtures.RawCases;
import java.nio.file.Path;
import java.time.Duration;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/**
 * What Python, Rust, C++ and Java have written as raw batches, read without any of these languages.
 */
class RawFixturesTest {
  /** Bytes on a channel of raw batches. */
  private static final class BytesAsBatch implements Codec<Region> {
    @Override
    public String id() {
      return RawCodec.ID;
    }

    @Override
    public Encoder<Region> newEncoder(String channel) {
      return RegionCodec.instance().newEncoder(channel);
    }

    @Override
    public Decoder<Region> newDecoder(String channel, boolean fullValidation) {
      return RegionCodec.instance().newDecoder(channel, fullValidation);
    }
  }

  private static void write(Writer<Region> writer, byte[] bytes, int length) throws Exception {
    Claim claim = writer.claim(length);
    claim.region().putBytes(0, bytes, 0, length);
    claim.commit(length);
  }

  @TempDir private Path directory;

  private Stream<DynamicTest> messages(Trust trust, Check check) {
    return RawCases.names().stream()
        .flatMap(name ->
            RawCases.languages().stream()
                .map(language ->
                    DynamicTest.dynamicTest(
                        name + " by " + language,
                        () -> check(name, RawCases.message(name, language), trust, check))));
  }

  private interface Check {
    void of(String name, byte[] bytes, Writer<Region> writer, Reader<RawBatch> reader)
        throws Exception;
  }

  private void check(String name, byte[] bytes, Trust trust, Check check) throws Exception {
    try (Writer<Region> writer =
            Qds.writer("c", new BytesAsBatch()).directory(directory).capacity(2 << 20).open();
        Reader<RawBatch> reader =
            Qds.reader("c", RawCodec.instance()).directory(directory).trust(trust).open()) {
      check.of(name, bytes, writer, reader);
    }
  }

  private static void requireContent(
      String name, byte[] bytes, Writer<Region> writer, Reader<RawBatch> reader) throws Exception {
    write(writer, bytes, bytes.length);
    try (Message<RawBatch> message = reader.read(Duration.ofSeconds(10))) {
      assertEquals(RawCases.text(name), RawFiles.text(message.value()));
    }
  }

  @TestFactory
  Stream<DynamicTest> everyMessageIsRead() {
    return messages(Trust.VALIDATE, RawFixturesTest::requireContent);
  }

  @TestFactory
  Stream<DynamicTest> everyMessageThatIsCutIsRefused() {
    return messages(
        Trust.FULL,
        (name, bytes, writer, reader) -> {
          for (int length = 0; length < bytes.length; length += Math.max(1, bytes.length / 50)) {
            write(writer, bytes, length);
            QdsException e =
                assertThrows(QdsException.class, () -> reader.read(Duration.ofSeconds(10)), name);
            assertEquals(QdsException.Reason.CORRUPT, e.reason());
          }
          requireContent(name, bytes, writer, reader);
        });
  }
}
