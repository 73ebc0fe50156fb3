package io.qadataswap.cli;

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
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;

/**
 * The compatibility kit with all peers that this machine can build; their own tests run if asked
 * for. What is skipped stands in the output of the build.
 */
class TckIT {
  static final Path HOME =
      Path.of(System.getProperty("qds.test.launcher")).toAbsolutePath().getParent();

  @AutoClose private final Tool tool = Tool.create();

  private Tool.Run run(Object... arguments) throws IOException {
    return tool.startWith(List.of("-Dqds.home=" + HOME), arguments);
  }

  @Test
  void allPeersKeepTheRules() throws Exception {
    Path report = tool.file("report");
    List<Object> arguments = new ArrayList<>(List.of("tck", "--bounded", "--report", report));
    if (Boolean.getBoolean("qds.test.peers")) {
      arguments.add("--test-peers");
    } else {
      System.out.println(
          "Skipped in qds-cli: the peers' own tests; -Dqds.test.peers=true runs them, as does"
              + " ./qds tck --test-peers");
    }
    Tool.Run kit = run(arguments.toArray());
    int exitCode = kit.process().waitFor();
    System.out.println(kit.out());
    assertEquals(ExitCode.OK, exitCode, () -> kit.out() + kit.err());
    String page = Files.readString(report.resolve("index.html"));
    Matcher kept = Pattern.compile("<span class=\"verdict passed\">(\\d+) ").matcher(page);
    assertTrue(kept.find(), page);
    assertTrue(Integer.parseInt(kept.group(1)) > 100, page);
    // Each peer is either built or skipped with its reason.
    try (Stream<Path> peers = Files.list(HOME.resolve("qds-tck/peers"))) {
      for (Path folder : peers.filter(each -> Files.exists(each.resolve("build"))).toList()) {
        String peer = folder.getFileName().toString();
        boolean isTried = page.contains("<th scope=\"row\">" + peer + "</th>");
        assertTrue(isTried ^ kit.out().contains("Skipped the peer " + peer + ": "), peer);
      }
    }
    for (String cell : List.of("ffm with qds1", "agrona with qds1", "arrow-ipc", "bytes")) {
      assertTrue(kit.out().contains(cell) && page.contains(">" + cell + "</th>"), cell);
    }
    String xml = Files.readString(report.resolve("TEST-junit-jupiter.xml"));
    for (String image : List.of("python-killed-sending", "rust-cases", "cpp-wrapped")) {
      assertTrue(page.contains(">" + image + "</th>") && xml.contains(image), image);
    }
    assertTrue(xml.contains("failures=\"0\" errors=\"0\""), xml.substring(0, 300));
  }
}
