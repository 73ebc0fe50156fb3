package io.qadataswap.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * The guide for authors of codecs and backends shows what is compiled and tested: the tagged parts
 * of the authors' projects, all of them and nothing else.
 */
class GuideTest {
  private static final Path GUIDE = Path.of("README.md");
  private static final Path CODEC = Path.of("src/it/own-codec");
  private static final Path BACKEND = Path.of("src/it/own-backend");
  private static final Path LAYOUT =
      Path.of("src/test/java/io/qadataswap/tck/Qds1OnFfmTckTest.java");

  private static final Pattern TAG = Pattern.compile("// tag::(\\w+)\\[]");

  @Test
  void javaIsThatOfTheProjects() throws IOException {
    List<String> compiled = new ArrayList<>();
    for (Path root : List.of(CODEC, BACKEND, LAYOUT)) {
      for (Path file : javaFiles(root)) {
        String source = Files.readString(file);
        TAG.matcher(source)
            .results()
            .forEach(tag -> compiled.add(ReadmeTest.region(source, tag.group(1))));
      }
    }
    assertEquals(compiled.stream().sorted().toList(), shown("java").stream().sorted().toList());
  }

  @Test
  void mavenDependenciesAreThoseOfTheProject() throws IOException {
    String project = ReadmeTest.unindented(Files.readString(CODEC.resolve("pom.xml")));
    for (String block : shown("xml")) {
      assertTrue(project.contains(ReadmeTest.unindented(block)), block);
    }
  }

  private static List<Path> javaFiles(Path root) throws IOException {
    try (Stream<Path> files = Files.walk(root)) {
      return files.filter(file -> file.toString().endsWith(".java")).toList();
    }
  }

  private static List<String> shown(String language) throws IOException {
    Matcher block =
        Pattern.compile("(?s)^```" + language + "\n(.*?)^```$", Pattern.MULTILINE)
            .matcher(Files.readString(GUIDE));
    List<String> blocks = block.results().map(found -> found.group(1)).toList();
    assertTrue(!blocks.isEmpty(), () -> GUIDE + " shows no " + language);
    return blocks;
  }
}
