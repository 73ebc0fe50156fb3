package io.qadataswap.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.spi.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;
import org.junit.jupiter.api.io.TempDir;

/** The Javadoc is complete, and shows examples that compile: those of these test sources. */
@EnabledForJreRange(min = JRE.JAVA_25, disabledReason = "Java 17 has no snippets in its Javadoc")
class JavadocTest {
  /** Where users start to read, and the name of the example there. */
  private static final List<String> ENTRY_POINTS =
      List.of(
          "Qds qds",
          "Writer writer",
          "Reader reader",
          "Claim claim",
          "Region region",
          "codec/Codec codec",
          "channel/Channel channel",
          "layout/RingLayout layout");

  @TempDir Path directory;

  @Test
  void isWithoutWarningAndEachEntryPointHasItsExample() throws IOException {
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
                "--source-path",
                "src/main/java",
                "--module",
                "io.qadataswap.api",
                "-d",
                directory.toString());
    assertEquals(0, exitCode, output::toString);
    for (String entryPoint : ENTRY_POINTS) {
      String[] words = entryPoint.split(" ", -1);
      String page =
          Files.readString(
              directory.resolve("io.qadataswap.api/io/qadataswap/api/" + words[0] + ".html"));
      assertTrue(page.contains("id=\"snippet-" + words[1]), entryPoint);
    }
  }
}
