package io.qadataswap.tck;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** What the README shows as code is what the consumer project compiles and runs. */
class ReadmeTest {
  private static final Path ROOT = Path.of("..");

  @Test
  void quickStartIsTheOneThatRuns() throws IOException {
    String readme = Files.readString(ROOT.resolve("README.md"));
    String source =
        Files.readString(
            Path.of("src/it/quick-start-ffm/src/main/java/org/example/quickstart/QuickStart.java"));
    for (String tag : new String[] {"write", "read"}) {
      String block = "```java\n" + region(source, tag) + "```\n";
      assertTrue(readme.contains(block), () -> "README.md does not show:\n" + block);
    }
  }

  private static String region(String source, String tag) {
    int from = source.indexOf("// tag::" + tag + "[]");
    int to = source.indexOf("// end::" + tag + "[]");
    String lines = source.substring(source.indexOf('\n', from) + 1, to);
    return lines.stripIndent().strip() + "\n";
  }
}
