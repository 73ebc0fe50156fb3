package io.qadataswap.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.qadataswap.api.Qds;
import io.qadataswap.tck.fixtures.Qads1Image;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What the README shows of working beside the original is what runs here. */
class Qads1ReadmeTest extends Qads1Fixture {
  @AfterEach
  void channelGoes() {
    if (Qds.list(Qds.directory(), LAYOUT).contains(name)) {
      Qds.remove(Qds.directory(), name, LAYOUT, true);
    }
  }

  @Test
  void examplesAreThoseThatRun() throws IOException {
    String readme = Files.readString(Path.of("..", "README.md"));
    String source =
        Files.readString(Path.of("src/test/java/io/qadataswap/tck/BesideTheOriginal.java"));
    for (String tag : List.of("read", "write")) {
      int from = source.indexOf("// tag::" + tag + "[]");
      String lines =
          source.substring(source.indexOf('\n', from) + 1, source.indexOf("// end::" + tag + "[]"));
      String block = "```java\n" + lines.stripIndent().strip() + "\n```\n";
      assertTrue(readme.contains(block), () -> "README.md does not show:\n" + block);
    }
  }

  @Test
  void whatTheOriginalWritesIsPrinted() throws Exception {
    Original.assumeIsThere();
    byte[] stream = Qads1Image.of("quickstart").expected().get(0);
    Path frames = directory.resolve("frames");
    Files.write(
        frames,
        ByteBuffer.allocate(Long.BYTES + stream.length)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putLong(stream.length)
            .put(stream)
            .array());
    PrintStream out = System.out;
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    // The writer closes, and removes everything, right after it has written.
    try (Original writer =
        new Original(Qds.directory(), "write", name, "--from", frames, "--linger", 60)) {
      writer.expect("created");
      System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
      BesideTheOriginal.read(name);
    } finally {
      System.setOut(out);
    }
    List<String> lines = printed.toString(StandardCharsets.UTF_8).lines().toList();
    assertEquals("id\tvalue\tcategory", lines.get(0));
    assertEquals(1001, lines.size());
  }

  @Test
  void whatIsWrittenComesToTheOriginal() throws Exception {
    Original.assumeIsThere();
    Path frames = directory.resolve("frames");
    try (BufferAllocator allocator = new RootAllocator();
        BigIntVector id = new BigIntVector("id", allocator);
        Original reader =
            new Original(Qds.directory(), "read", name, "--count", 1, "--to", frames)) {
      id.setSafe(0, 77);
      id.setValueCount(1);
      VectorSchemaRoot table = VectorSchemaRoot.of(id);
      table.setRowCount(1);
      BesideTheOriginal.write(name, table);
      reader.expect("attached").expect("closed");
    }
    ByteBuffer frame = ByteBuffer.wrap(Files.readAllBytes(frames)).order(ByteOrder.LITTLE_ENDIAN);
    assertEquals(frame.remaining() - Long.BYTES, frame.getLong());
    assertEquals(-1, frame.getInt(), "an Arrow IPC stream begins so");
  }
}
