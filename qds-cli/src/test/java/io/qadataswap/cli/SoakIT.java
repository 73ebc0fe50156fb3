package io.qadataswap.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;

/** The soak finds nothing, ends when it is told to, and leaves nothing. */
class SoakIT {
  @AutoClose private final Tool tool = Tool.create();

  @Test
  void nothingIsWrongAndNothingGrows() throws IOException {
    Tool.Run soak = tool.ok("soak", "--minutes", 1);
    String lastLine = soak.out().lines().toList().get((int) soak.out().lines().count() - 2);
    assertTrue(soak.out().contains("nothing has grown"), soak.out());
    assertTrue(lastLine.matches("[0-9,]{5,} messages written, [0-9,]{5,} read.*"), lastLine);
    assertEquals("", soak.err());
    assertEquals(List.of(), tool.channelFiles());
  }

  @Test
  void anInterruptEndsItAndLeavesNothing() throws IOException {
    Tool.Run soak = tool.start("soak", "--minutes", 60);
    Tool.await("the first line", () -> soak.out().contains(" written, "));
    soak.signal("INT");
    soak.expect(ExitCode.INTERRUPTED);
    Tool.await("the end of the readers", () -> soak.process().children().findAny().isEmpty());
    assertEquals(List.of(), tool.channelFiles());
  }
}
