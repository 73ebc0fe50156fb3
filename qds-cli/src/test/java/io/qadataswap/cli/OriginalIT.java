package io.qadataswap.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import com.fasterxml.jackson.databind.JsonNode;
import io.qadataswap.api.channel.ChannelProvider;
import io.qadataswap.api.channel.NamedSemaphores;
import io.qadataswap.tck.fixtures.Qads1Image;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** The tool beside the original QADataSwap 0.1: the layout qads1. */
class OriginalIT {
  private static int count;

  /** Semaphores are the whole machine's: each test has names of its own. */
  private final String prefix = "it" + ProcessHandle.current().pid() + "-" + count++ + "-";

  private Tool tool;

  @BeforeEach
  void createTool() throws IOException {
    tool = Tool.create();
  }

  @AfterEach
  void closeTool() throws IOException {
    for (String file : tool.channelFiles()) {
      if (file.startsWith("qads_")) {
        tool.ok("rm", file.substring("qads_".length()), "--force", "--layout", "qads1");
      }
    }
    tool.close();
    assertEquals(List.of(), semaphoreFiles());
  }

  private List<String> semaphoreFiles() {
    return List.of(
        Path.of("/dev/shm")
            .toFile()
            .list((directory, name) -> name.startsWith("sem.qads_") && name.contains(prefix)));
  }

  private static NamedSemaphores semaphores() {
    return ServiceLoader.load(ChannelProvider.class).stream()
        .map(ServiceLoader.Provider::get)
        .filter(backend -> backend.name().equals("ffm"))
        .findFirst()
        .orElseThrow()
        .semaphores("(test)");
  }

  @TestFactory
  Stream<DynamicTest> eachCapturedObjectIsReceivedValueForValue() {
    return IntStream.range(0, Qads1Image.all().size())
        .mapToObj(i -> {
          Qads1Image image = Qads1Image.all().get(i);
          return dynamicTest(image.name(), () -> receive(image, prefix + i + "-"));
        });
  }

  private void receive(Qads1Image image, String imagePrefix) throws IOException {
    String channel = image.restore(tool.channels(), imagePrefix, semaphores());
    if (image.isSimpleVariant()) {
      Tool.Run refused =
          tool.run("recv", "--layout", "qads1", "--channel", channel).expect(ExitCode.TROUBLE);
      assertTrue(refused.err().contains("simple variant"), refused.err());
      assertTrue(tool.ok("ls").err().contains("simple variant"));
      tool.ok("rm", channel);
      return;
    }
    List<byte[]> expected = image.expected();
    for (int i = 0; i < expected.size(); i++) {
      Path stream = Files.write(tool.file(channel + i + ".arrows"), expected.get(i));
      Path received = tool.file(channel + i + ".arrow");
      boolean last = i == expected.size() - 1;
      // What was written ends with the death of its writer; where the schema changes from message
      // to message, one file takes one message.
      assertEquals(
          last ? ExitCode.WRITER_DIED : ExitCode.OK,
          inThisJvm(
              "recv",
              "--dir",
              tool.channels(),
              "--layout",
              "qads1",
              "--channel",
              channel,
              "--out",
              received,
              "--messages",
              last ? Long.MAX_VALUE : 1));
      assertEquals(ExitCode.OK, inThisJvm("diff", "--quiet", stream, received));
    }
    if (expected.isEmpty()) {
      assertEquals(
          ExitCode.WRITER_DIED,
          inThisJvm(
              "recv",
              "--dir",
              tool.channels(),
              "--layout",
              "qads1",
              "--channel",
              channel,
              "--out",
              tool.file(channel + ".arrow")));
    }
    assertEquals(List.of(), tool.channelFiles());
  }

  /** Runs a command of the tool without a JVM of its own, and returns its exit code. */
  private static int inThisJvm(Object... arguments) {
    return Main.commandLine()
        .execute(Stream.of(arguments).map(Object::toString).toArray(String[]::new));
  }

  @Test
  void lostTokenIsShown() throws IOException {
    String channel = Qads1Image.of("lost-token").restore(tool.channels(), prefix, semaphores());
    assertTrue(
        tool.ok("ls")
            .out()
            .lines()
            .anyMatch(line -> line.matches(channel + " +qads1 +arrow-ipc .*")));
    JsonNode info = Json.MAPPER.readTree(tool.ok("inspect", channel, "--json").out());
    assertEquals("qads1", info.get("layout").textValue());
    assertEquals("1 write, 0 read", info.get("header").get("missing tokens").textValue());
    assertFalse(info.get("writer").get("alive").booleanValue());
    tool.ok("rm", channel);
    assertEquals(List.of(), tool.channelFiles());
  }

  @Test
  void thousandsOfBatchesGoToTheOriginalAndComeBack() throws Exception {
    Path python = originalProgram();
    String channel = prefix + "both-ways";
    Path numbers =
        ArrowFiles.numbers(
            tool.file("numbers.arrow"), IntStream.range(0, 3000).map(i -> 1 + i % 20).toArray());
    Path frames = tool.file("frames");
    Tool.Run send =
        tool.start("send", numbers, "--channel", channel, "--layout", "qads1", "--linger", "60s");
    Tool.Run read = original(python, "read", channel, "--to", frames.toString(), "--count", "3000");
    send.expect(ExitCode.OK);
    read.expect(0);
    assertEquals(List.of(), tool.channelFiles());

    Tool.Run write = original(python, "write", channel, "--from", frames.toString());
    Path back = tool.file("back.arrow");
    tool.ok("recv", "--channel", channel, "--layout", "qads1", "--out", back);
    write.expect(0);
    tool.ok("diff", numbers, back);
    assertEquals(List.of(), tool.channelFiles());
  }

  @Test
  void channelOfAnAttachedOriginalIsInUse() throws Exception {
    Path python = originalProgram();
    String channel = prefix + "in-use";
    Tool.Run write = original(python, "count-up", channel);
    Tool.await("the channel", () -> write.out().contains("created"));
    Tool.Run refused = tool.run("rm", channel).expect(ExitCode.IN_USE);
    assertTrue(refused.err().contains("pid=" + write.process().pid()), refused.err());
    String listed = tool.ok("ls").out();
    assertTrue(listed.contains("alive, pid " + write.process().pid()), listed);
    write.process().destroyForcibly().waitFor();
    assertTrue(tool.ok("ls").out().contains("dead"));
    tool.ok("rm", channel);
    assertEquals(List.of(), tool.channelFiles());
  }

  @Test
  void backendWithoutSemaphoresIsRefused() throws IOException {
    Path numbers = ArrowFiles.numbers(tool.file("numbers.arrow"), 3);
    Tool.Run refused =
        tool.run(
                "send",
                numbers,
                "--channel",
                prefix + "agrona",
                "--layout",
                "qads1",
                "--backend",
                "agrona")
            .expect(ExitCode.TROUBLE);
    assertTrue(refused.err().contains("io.qadataswap:qds-shm-ffm"), refused.err());
    refused =
        tool.run(
                "send",
                numbers,
                "--channel",
                prefix + "two",
                "--layout",
                "qads1",
                "--batches-per-message",
                2)
            .expect(ExitCode.TROUBLE);
    assertTrue(refused.err().contains("allowed=1"), refused.err());
  }

  @Test
  void fileWithoutBatchesArrivesAsOneWithoutRows() throws IOException {
    Path file = ArrowFiles.schemaOnly(tool.file("schema.arrow"));
    String channel = prefix + "empty";
    tool.ok("send", file, "--channel", channel, "--layout", "qads1");
    Path received = tool.file("received.arrow");
    tool.ok("recv", "--channel", channel, "--out", received);
    String difference = tool.run("diff", file, received).expect(ExitCode.DIFFERENT).out();
    assertTrue(difference.contains("batch"), difference);
    assertEquals(List.of(), tool.channelFiles());
  }

  /** Returns the second implementation, if the machine has a Python for it. */
  private static Path originalProgram() throws Exception {
    boolean found;
    try {
      found = new ProcessBuilder("python3", "--version").start().waitFor() == 0;
    } catch (IOException e) {
      found = false;
    }
    assumeTrue(found, "there is no python3");
    return Path.of(System.getProperty("qds.test.launcher"))
        .resolveSibling("qds-tck/peers/qads1/qads1.py");
  }

  private Tool.Run original(Path program, String... arguments) throws IOException {
    List<String> command = new java.util.ArrayList<>(List.of("python3", program.toString()));
    command.addAll(List.of(arguments));
    command.addAll(List.of("--dir", tool.channels().toString()));
    return tool.start(command, null, Map.of());
  }
}
