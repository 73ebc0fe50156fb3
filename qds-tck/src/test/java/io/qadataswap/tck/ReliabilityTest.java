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

/** Each test that the reliability page names is there. */
class ReliabilityTest {
  private static final Pattern NAME =
      Pattern.compile("`([A-Z][A-Za-z0-9]+)\\.([a-z][A-Za-z0-9]+)`");

  private static final List<Path> SOURCES =
      List.of(
          Path.of("src/test/java/io/qadataswap/tck"),
          Path.of("src/main/java/io/qadataswap/tck"),
          Path.of("../qds-cli/src/test/java/io/qadataswap/cli"));

  @Test
  void namesOnlyTestsThatExist() throws IOException {
    Matcher names = NAME.matcher(Files.readString(Path.of("spec/reliability.md")));
    List<String> missing = new ArrayList<>();
    int count = 0;
    while (names.find()) {
      count++;
      if (!isTest(names.group(1), names.group(2))) {
        missing.add(names.group());
      }
    }
    assertEquals(List.of(), missing);
    assertTrue(count > 0);
  }

  private static boolean isTest(String className, String method) throws IOException {
    // The annotation, and what else may stand before the method's name.
    Pattern test =
        Pattern.compile("@(Test|TestFactory|ParameterizedTest)\\b[^{}]*\\s" + method + "\\(");
    for (Path source : SOURCES) {
      Path file = source.resolve(className + ".java");
      if (Files.exists(file)) {
        return test.matcher(Files.readString(file)).find();
      }
    }
    return false;
  }

  @Test
  void namesEachClassOfTestsOfTheRing() throws IOException {
    String page = Files.readString(Path.of("spec/reliability.md"));
    List<String> unnamed = new ArrayList<>();
    try (Stream<Path> files = Files.list(SOURCES.get(0))) {
      for (Path file : files.toList()) {
        String name = file.getFileName().toString().replace(".java", "");
        if (name.matches("Ring.*Test") && !page.contains("`" + name)) {
          unnamed.add(name);
        }
      }
    }
    assertEquals(List.of(), unnamed);
  }
}
