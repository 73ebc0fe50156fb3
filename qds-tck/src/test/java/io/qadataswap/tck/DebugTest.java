package io.qadataswap.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.qadataswap.api.Qds;
import io.qadataswap.api.channel.ChannelProvider;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.ServiceLoader;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code -Dqds.debug=true} finds, and what happens without it. */
class DebugTest {
  private static final String DEBUG = "-Dqds.debug=true";

  @TempDir Path directory;

  private static UserChild.Jvm jvm() {
    return new UserChild.Jvm()
        .libraries(
            Qds.class,
            ServiceLoader.load(ChannelProvider.class).stream()
                .filter(p -> p.get().name().equals("agrona"))
                .findFirst()
                .orElseThrow()
                .type(),
            UnsafeBuffer.class)
        .flags("--add-opens=java.base/jdk.internal.misc=ALL-UNNAMED");
  }

  @Test
  void aForgottenCloseIsReportedWithItsOpening() throws IOException {
    String log = logUntilBothWereReported(jvm().flags(DEBUG));
    assertTrue(log.contains("UserChild.forget"), log);
    assertTrue(log.contains("opened here"), log);
  }

  @Test
  void aForgottenCloseIsReportedWithoutCostOtherwise() throws IOException {
    String log = logUntilBothWereReported(jvm());
    assertFalse(log.contains("UserChild.forget"), log);
    assertTrue(log.contains("-Dqds.debug=true shows where"), log);
  }

  private String logUntilBothWereReported(UserChild.Jvm jvm) throws IOException {
    Process child = jvm.start("forget", directory, "agrona");
    StringBuilder log = new StringBuilder();
    try (BufferedReader output = child.inputReader()) {
      boolean writer = false;
      boolean reader = false;
      while (!writer || !reader) {
        String line = output.readLine();
        assertTrue(line != null, () -> "the other process ended: " + log);
        log.append(line).append('\n');
        writer |= line.contains("writer of channel ring became garbage without close()");
        reader |= line.contains("reader of channel ring became garbage without close()");
      }
      try (OutputStream enough = child.getOutputStream()) {
        enough.write('\n');
      }
      output.lines().forEach(line -> log.append(line).append('\n')); // the stack of the last one
    } finally {
      child.destroyForcibly();
    }
    long reports = log.toString().lines().filter(l -> l.contains("became garbage")).count();
    assertEquals(2, reports, "the reader that was closed is none of them: " + log);
    return log.toString();
  }

  @Test
  void bytesThatChangeUnderAnOpenMessageAreFound() throws IOException {
    String checked = jvm().flags(DEBUG).run("overwrite", directory, "agrona");
    assertTrue(checked.contains("channel=ring message 0: its bytes changed"), checked);
    assertTrue(checked.endsWith("open loans: 0"), checked);
    String unchecked = jvm().run("overwrite", directory, "agrona");
    assertTrue(unchecked.endsWith("closed\nopen loans: 0"), unchecked);
  }

  @Test
  void aClaimThatAnotherThreadUsesIsRefused() throws IOException {
    String checked = jvm().flags(DEBUG).run("lend-claim", directory, "agrona");
    assertTrue(checked.contains("region on a claim of channel ring by thread=other"), checked);
    assertTrue(checked.endsWith("committed"), checked);
    String unchecked = jvm().run("lend-claim", directory, "agrona");
    assertTrue(unchecked.endsWith("length 100\ncommitted"), unchecked);
  }
}
