package io.qadataswap.cli;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;

/** The compatibility kit on a program that speaks another language than peers do. */
class NoPeerIT {
  @AutoClose private final Tool tool = Tool.create();

  @Test
  void aProgramThatIsNoPeerFails() throws IOException {
    Path report = tool.file("report");
    Tool.Run kit =
        tool.startWith(
            List.of("-Dqds.home=" + TckIT.HOME),
            "tck",
            "--peer",
            "echo Hello there",
            "--bounded",
            "--report",
            report);
    kit.expect(ExitCode.DIFFERENT);
    assertTrue(kit.out().contains("what is no answer: Hello there"), kit.out());
    String page = Files.readString(report.resolve("index.html"));
    assertTrue(page.contains("Hello there"), page);
    assertFalse(page.contains("with qds1"), "the live rules alone");
    assertTrue(Files.exists(report.resolve("TEST-junit-jupiter.xml")));
  }
}
