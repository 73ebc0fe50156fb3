package io.qadataswap.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The demo succeeds when everything arrives intact, and only then. */
class DemoIT {
  @AutoClose private final Tool tool = Tool.create();

  @ParameterizedTest
  @CsvSource({"ffm,ffm", "ffm,agrona", "agrona,ffm", "agrona,agrona"})
  void movesEverythingOnEachBackend(String writer, String reader) throws IOException {
    Tool.Run demo =
        tool.ok("demo", "--batches", 20, "--writer-backend", writer, "--reader-backend", reader);
    assertTrue(demo.out().contains("delay  distance  time"), demo.out());
    assertTrue(demo.out().contains("... 1,581 rows in 4 batches"), demo.out());
    // 4 to warm up, 20 streamed, 20 handed over, 2 mixed.
    assertTrue(demo.out().contains("All 46 messages arrived intact"), demo.out());
    assertTrue(
        demo.out().lines().anyMatch(line -> line.strip().startsWith("4,000,000 ")), demo.out());
    assertEquals("", demo.err());
    assertEquals(List.of(), tool.channelFiles());
  }

  @Test
  void rowsAndCapacityMayBeChosen() throws IOException {
    Tool.Run demo =
        tool.ok("demo", "--batches", 10, "--rows", 300_000, "--capacity", "8M", "--backend", "ffm");
    assertTrue(demo.out().contains("... 300,000 rows in 1 batch"), demo.out());
    assertTrue(
        demo.out().lines().anyMatch(line -> line.strip().startsWith("3,000,000 ")), demo.out());
  }

  @ParameterizedTest
  @ValueSource(strings = {"writer", "reader"})
  void killedSideIsNotSuccess(String side) throws IOException {
    Tool.Run demo = tool.start("demo", "--batches", 1_000_000);
    Tool.await("data flows", () -> demo.out().contains("delay  distance  time"));
    String firstLine = demo.out().lines().findFirst().orElseThrow();
    long pid = Long.parseLong(firstLine.replaceFirst(".*" + side + ": JVM ([0-9]+).*", "$1"));
    ProcessHandle.of(pid).orElseThrow().destroyForcibly();
    demo.await();
    assertTrue(demo.process().exitValue() != 0, demo.out());
    assertFalse(demo.out().contains("intact"), demo.out());
    assertTrue(demo.process().descendants().findAny().isEmpty());
    assertEquals(List.of(), tool.channelFiles());
  }

  @Test
  void interruptEndsBothSides() throws IOException {
    Tool.Run demo = tool.start("demo", "--batches", 1_000_000);
    Tool.await("data flows", () -> demo.out().contains("delay  distance  time"));
    List<ProcessHandle> sides = demo.process().children().toList();
    assertEquals(2, sides.size());
    demo.signal("INT");
    demo.expect(ExitCode.INTERRUPTED);
    for (ProcessHandle side : sides) {
      Tool.await("the end of both sides", () -> !side.isAlive());
    }
    assertEquals(List.of(), tool.channelFiles());
  }

  @Test
  void killedDemoLeavesNothingToTheNext() throws IOException {
    Tool.Run demo = tool.start("demo", "--batches", 1_000_000);
    Tool.await("data flows", () -> demo.out().contains("delay  distance  time"));
    List<ProcessHandle> sides = demo.process().children().toList();
    demo.process().destroyForcibly();
    for (ProcessHandle side : sides) {
      Tool.await("the end of both sides", () -> !side.isAlive());
    }
    tool.ok("demo", "--batches", 1);
    assertEquals(List.of(), tool.channelFiles());
  }

  @Test
  void refusesWhatItCannotDo() throws IOException {
    assertTrue(
        tool.run("demo", "--batches", 0).expect(ExitCode.TROUBLE).err().contains("--batches=0"));
    Tool.Run demo = tool.run("demo", "--backend", "nix");
    assertTrue(demo.process().exitValue() != 0);
    assertTrue(demo.err().contains("no usable backend nix"), demo.err());
    assertEquals(List.of(), tool.channelFiles());
  }
}
