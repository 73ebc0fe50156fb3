package io.qadataswap.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import java.io.IOException;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The rules of {@code spec/spi.md} are those that the kit tests, word for word. */
class SpiRulesTest {
  private static final Pattern ROW =
      Pattern.compile("\\| ([A-Z]+-\\d+) \\| (MUST|SHOULD) \\| (.*) \\|");

  @Test
  void eachRuleIsTestedAndEachTestHasARule() throws IOException {
    Map<String, String> written = new TreeMap<>();
    for (String line : Files.readAllLines(Path.of("spec/spi.md"))) {
      Matcher row = ROW.matcher(line);
      if (row.matches()) {
        written.put(row.group(1), row.group(2) + " " + row.group(3));
      }
    }
    Map<String, String> tested = new TreeMap<>();
    Stream.of(ChannelTck.class, RingLayoutTck.class, CodecTck.class, MatrixTck.class)
        .flatMap(kit -> Stream.concat(Stream.of(kit), Arrays.stream(kit.getDeclaredClasses())))
        .flatMap(kit -> Arrays.stream(kit.getDeclaredMethods()))
        .filter(rule -> rule.isAnnotationPresent(DisplayName.class))
        .forEach(rule -> {
          List<String> name = List.of(rule.getAnnotation(DisplayName.class).value().split(" ", 2));
          tested.put(name.get(0), strength(rule) + " " + name.get(1));
          assertNotNull(rule.getAnnotation(IfThisFails.class), name.get(0) + " says where to look");
        });
    assertEquals(written, tested);
  }

  private static String strength(Method rule) {
    return rule.getAnnotation(Tag.class).value().equals("required") ? "MUST" : "SHOULD";
  }
}
