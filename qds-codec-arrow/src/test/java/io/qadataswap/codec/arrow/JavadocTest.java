package io.qadataswap.codec.arrow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.spi.ToolProvider;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;
import org.junit.jupiter.api.io.TempDir;

/** The Javadoc is complete, and shows an example that compiles: one of these test sources. */
@EnabledForJreRange(min = JRE.JAVA_25, disabledReason = "Java 17 has no snippets in its Javadoc")
class JavadocTest {
  @TempDir Path directory;

  @Test
  void isWithoutWarningAndShowsTheExample() throws IOException {
    String path =
        Stream.of("jdk.module.path", "java.class.path")
            .map(System::getProperty)
            .filter(Objects::nonNull)
            .collect(Collectors.joining(File.pathSeparator));
    StringWriter output = new StringWriter();
    int exitCode =
        ToolProvider.findFirst("javadoc")
            .orElseThrow()
            .run(
                new PrintWriter(output),
                new PrintWriter(output),
                "-quiet",
                "-Werror",
                "-Xdoclint:all",
                "--snippet-path",
                "src/test/java",
                "--class-path",
                path,
                "-d",
                directory.toString(),
                "src/main/java/io/qadataswap/codec/arrow/ArrowClaim.java",
                "src/main/java/io/qadataswap/codec/arrow/ArrowCodec.java",
                "src/main/java/io/qadataswap/codec/arrow/ArrowTable.java");
    assertEquals(0, exitCode, output::toString);
    String page = Files.readString(directory.resolve("io/qadataswap/codec/arrow/ArrowClaim.html"));
    assertTrue(page.contains("id=\"snippet-claim"), page);
  }
}
