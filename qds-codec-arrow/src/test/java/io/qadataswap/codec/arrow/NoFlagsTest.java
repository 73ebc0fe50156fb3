package io.qadataswap.codec.arrow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.qadataswap.codec.arrow.support.NoFlagsProgram;
import io.qadataswap.codec.arrow.support.Samples;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Collectors;
import org.apache.arrow.compression.ZstdCompressionCodec;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.dictionary.DictionaryProvider.MapDictionaryProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Reading and writing need no JVM flag, neither on the class path nor on the module path. */
class NoFlagsTest {
  @TempDir private Path directory;

  @Test
  void theClassPathNeedsNoFlag() throws Exception {
    String output = run(List.of("-cp", path("arrow-compression")));
    assertTrue(output.contains("module=null"), output);
    assertTrue(output.contains("columns=" + Samples.fields().size()), output);
    assertTrue(output.contains("UNSUPPORTED channel=loopback message=3"), output);
    assertTrue(output.contains("ZSTD without org.apache.arrow:arrow-compression"), output);
    assertTrue(output.contains("add that artifact"), output);
  }

  @Test
  void compressionWorksAsSoonAsItsArtifactIsThere() throws Exception {
    String output = run(List.of("-cp", path("nothing is left out")));
    assertTrue(output.contains("rows=100"), output);
  }

  @Test
  void theModulePathNeedsNoFlag() throws Exception {
    String output =
        run(
            List.of(
                "-p",
                path("junit", testClasses().toString(), "opentest4j", "apiguardian"),
                "--add-modules",
                "io.qadataswap.codec.arrow",
                "-cp",
                testClasses().toString()));
    assertTrue(output.contains("module=io.qadataswap.codec.arrow"), output);
    assertTrue(output.contains("columns=" + Samples.fields().size()), output);
    assertTrue(output.contains("rows=100"), output);
  }

  private static Path testClasses() {
    return Path.of(System.getProperty("basedir", ""), "target", "test-classes").toAbsolutePath();
  }

  /** Returns what this test runs with, modules and others, but for some entries. */
  private static String path(String... leftOut) {
    String all =
        String.join(
            File.pathSeparator,
            testClasses().toString(),
            System.getProperty("jdk.module.path", ""),
            System.getProperty("java.class.path"));
    return Arrays.stream(all.split(File.pathSeparator))
        .filter(entry -> !entry.isEmpty())
        .filter(entry -> Arrays.stream(leftOut).noneMatch(entry::contains))
        .distinct()
        .collect(Collectors.joining(File.pathSeparator));
  }

  private String run(List<String> arguments) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(arguments);
    command.add(NoFlagsProgram.class.getName());
    command.add(HexFormat.of().formatHex(compressedMessage()));
    File output = directory.resolve("output").toFile();
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().remove("JAVA_TOOL_OPTIONS");
    builder.environment().remove("JDK_JAVA_OPTIONS");
    Process process = builder.redirectOutput(output).start();
    int exitCode = process.waitFor();
    String text = Files.readString(output.toPath(), StandardCharsets.UTF_8);
    assertEquals(0, exitCode, text);
    return text;
  }

  private static byte[] compressedMessage() {
    try (BufferAllocator allocator = new RootAllocator();
        VectorSchemaRoot root =
            new Samples(allocator, 1, true).batch(Samples.fields().subList(3, 5), 100)) {
      return new StockStream()
          .compression(new ZstdCompressionCodec())
          .schema(root.getSchema(), new MapDictionaryProvider())
          .batch(root)
          .end()
          .toBytes();
    }
  }
}
