package io.qadataswap.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.qadataswap.api.Qds;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Collectors;
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

  @Test
  void theClaimIsTheExampleOfTheJavadoc() throws IOException {
    String readme = Files.readString(ROOT.resolve("README.md"));
    String source =
        Files.readString(
            ROOT.resolve(
                "qds-codec-arrow/src/test/java/io/qadataswap/codec/arrow/example/ArrowExamples.java"));
    String start = "// @start region=\"claim\"\n";
    String lines =
        source.substring(source.indexOf(start) + start.length(), source.indexOf("// @end"));
    String block = "```java\n" + lines.stripIndent().strip() + "\n```\n";
    assertTrue(readme.contains(block), () -> "README.md does not show:\n" + block);
  }

  @Test
  void mavenDependenciesAreThoseThatAreTested() throws IOException {
    String project =
        Files.readString(Path.of("src/it/quick-start-ffm/pom.xml"))
            .replace("@project.version@", Qds.version());
    String block = block("xml");
    assertTrue(
        unindented(project).contains(unindented(block)),
        () -> "the project does not have:\n" + block);
  }

  @Test
  void rawQuickStartIsTheOneThatRuns() throws IOException {
    String readme = Files.readString(ROOT.resolve("README.md"));
    String source =
        Files.readString(
            Path.of("src/it/quick-start-raw/src/main/java/org/example/raw/QuickStartRaw.java"));
    for (String tag : new String[] {"write", "read", "message"}) {
      String block = "```java\n" + region(source, tag) + "```\n";
      assertTrue(readme.contains(block), () -> "README.md does not show:\n" + block);
    }
  }

  static String unindented(String text) {
    return text.lines().map(String::strip).collect(Collectors.joining("\n"));
  }

  @Test
  void gradleDependenciesAreThoseThatAreTested() throws IOException {
    String script = Files.readString(Path.of("src/it/quick-start-gradle/build.gradle.kts"));
    assertEquals(region(script, "dependencies"), block("kotlin"));
    assertTrue(script.contains("io.qadataswap:qds-bom:" + Qds.version()), script);
  }

  /** Returns the only block of a language. */
  private static String block(String language) throws IOException {
    String readme = Files.readString(ROOT.resolve("README.md"));
    String start = "```" + language + "\n";
    int from = readme.indexOf(start) + start.length();
    assertEquals(from - start.length(), readme.lastIndexOf(start));
    return readme.substring(from, readme.indexOf("```", from));
  }

  /** Returns the lines between two tags of a source, as a block of the text shows them. */
  static String region(String source, String tag) {
    int from = source.indexOf("// tag::" + tag + "[]");
    int to = source.indexOf("// end::" + tag + "[]");
    String lines = source.substring(source.indexOf('\n', from) + 1, to);
    return lines.stripIndent().strip() + "\n";
  }
}
