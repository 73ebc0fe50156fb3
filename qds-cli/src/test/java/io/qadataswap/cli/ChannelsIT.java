package io.qadataswap.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;

/** ls, inspect, rm and doctor tell what is there, and touch nothing that is in use. */
class ChannelsIT {
  @AutoClose private final Tool tool = Tool.create();

  @Test
  void unreadChannelIsListedInspectedAndRemoved() throws IOException {
    tool.ok(
        "send", ArrowFiles.mixed(tool.file("mixed.arrow")), "--channel", "left", "--label", "me");
    List<String> lines = tool.ok("ls").out().lines().toList();
    assertEquals("NAME  LAYOUT  CODEC           SIZE  UNREAD  WRITER  READERS", lines.get(0));
    assertEquals("left  qds1    arrow-ipc  100.0 MiB       4  closed        0", lines.get(1));

    String text = tool.ok("inspect", "left").out();
    assertTrue(text.contains("arenaOffset"), text);
    assertTrue(text.lines().anyMatch(line -> line.matches("writer +closed .* me")), text);
    JsonNode info = Json.MAPPER.readTree(tool.ok("inspect", "left", "--json").out());
    assertEquals(4, info.get("unread").asInt());
    assertEquals("me", info.get("writer").get("label").asText());

    String doctor = tool.ok("doctor").out();
    assertTrue(doctor.contains("./qds recv --channel left"), doctor);
    tool.ok("rm", "left");
    assertEquals(List.of(), tool.channelFiles());
    assertEquals("", tool.ok("ls").out());
  }

  @Test
  void directoryOptionIsPartOfTheAdvice() throws IOException {
    Path other = Files.createDirectory(tool.file("other directory"));
    Path numbers = ArrowFiles.numbers(tool.file("numbers.arrow"), 3);
    Tool.Run send = tool.ok("send", numbers, "--channel", "c", "--dir", other);
    assertTrue(send.err().contains("./qds rm c --dir '" + other + "'"), send.err());
    assertEquals(List.of(), tool.channelFiles());
    tool.run("recv", "--channel", "c", "--wait", "0").expect(ExitCode.NO_CHANNEL);
    tool.ok("recv", "--channel", "c", "--dir", other);
    try (var left = Files.list(other)) {
      assertEquals(0, left.count());
    }
  }

  @Test
  void channelInUseIsRemovedOnlyByForce() throws IOException {
    Tool.Run send = tool.start("send", "-", "--channel", "c");
    byte[] stream = Files.readAllBytes(ArrowFiles.mixedStream(tool.file("mixed.arrows")));
    send.process().getOutputStream().write(stream, 0, stream.length - 8);
    send.process().getOutputStream().flush();
    tool.awaitPublished("c", 4);
    Tool.Run recv = tool.start("recv", "--channel", "c", "--label", "the reader");
    tool.awaitReaders("c", 1);
    tool.awaitUnread("c", 0);

    JsonNode info = Json.MAPPER.readTree(tool.ok("inspect", "c", "--json").out());
    assertTrue(info.get("writer").get("alive").asBoolean());
    assertEquals(send.process().pid(), info.get("writer").get("pid").asLong());
    JsonNode reader = info.get("readers").get(0);
    assertEquals("the reader", reader.get("label").asText());
    assertEquals("LOSSLESS", reader.get("mode").asText());
    assertEquals(recv.process().pid(), reader.get("pid").asLong());
    assertEquals(0, reader.get("lag").asInt());
    assertEquals(
        "alive, pid " + send.process().pid(),
        Json.MAPPER.readTree(tool.ok("ls", "--json").out()).get("writer").asText());
    assertFalse(tool.ok("doctor").out().contains("rm c"));

    Tool.Run refused = tool.run("rm", "c").expect(ExitCode.IN_USE);
    assertEquals(1, refused.err().lines().count(), refused.err());
    assertEquals(List.of("c.qds"), tool.channelFiles());

    tool.ok("rm", "c", "--force");
    assertEquals(List.of(), tool.channelFiles());
  }

  @Test
  void leftoversOfAKilledCreatorAreRemovedByLsDoctorAndRm() throws Exception {
    Path numbers = ArrowFiles.numbers(tool.file("numbers.arrow"), 3);
    tool.ok("send", numbers, "--channel", "whole");
    for (String[] command : new String[][] {{"ls"}, {"doctor"}, {"rm", "whole"}}) {
      String leftover = leftoverOfAKilledSender(numbers);
      Tool.Run run = tool.ok((Object[]) command);
      String said = run.out() + run.err();
      assertTrue(said.lines().anyMatch(l -> l.contains("leftover " + leftover)), said);
      assertFalse(tool.channelFiles().contains(leftover), command[0]);
    }
    assertEquals(List.of(), tool.channelFiles());
  }

  /** Kills senders while they fill a large file, until one has died in time. */
  private String leftoverOfAKilledSender(Path file) throws Exception {
    while (true) {
      Tool.Run send = tool.start("send", file, "--channel", "torn", "--capacity", "400M");
      Optional<String> begun = Optional.empty();
      while (begun.isEmpty() && send.process().isAlive()) {
        begun = tool.channelFiles().stream().filter(this::isBegun).findFirst();
      }
      send.process().destroyForcibly().waitFor();
      if (begun.isPresent() && tool.channelFiles().contains(begun.get())) {
        return begun.get();
      }
      if (tool.channelFiles().contains("torn.qds")) {
        tool.ok("rm", "torn");
      }
    }
  }

  /** An empty file may have a creator that has not locked it yet: it is left alone for a while. */
  private boolean isBegun(String fileName) {
    return fileName.startsWith(".torn.")
        && fileName.endsWith(".tmp")
        && tool.channels().resolve(fileName).toFile().length() > 0;
  }

  @Test
  void foreignFilesAreLeftAlone() throws IOException {
    Files.writeString(tool.channels().resolve("notes.txt"), "not a channel");
    Files.writeString(tool.channels().resolve("fake.qds"), "not a channel either");
    assertEquals("", tool.ok("ls").out());
    tool.ok("doctor");
    assertTrue(tool.run("inspect", "fake").expect(ExitCode.CORRUPT).err().contains("fake"));
    assertEquals(List.of("fake.qds", "notes.txt"), tool.channelFiles());
  }

  @Test
  void doctorNamesWhatItLooksAt() throws IOException {
    String report = tool.ok("doctor").out();
    for (String subject :
        List.of("Java", "flags", "native access", "backend ffm", "backend agrona", "directory")) {
      assertTrue(report.lines().anyMatch(line -> line.startsWith("ok      " + subject)), report);
    }
    Tool.Run broken = tool.run("doctor", "--dir", "absent").expect(ExitCode.TROUBLE);
    assertTrue(broken.out().contains("remedy: create it: mkdir -p absent"), broken.out());
  }

  @Test
  void helpAndVersionAreThere() throws IOException {
    assertTrue(tool.ok("version").out().startsWith("qds "));
    String help = tool.ok("--help").out();
    for (String command :
        List.of("demo", "send", "recv", "diff", "ls", "inspect", "rm", "doctor")) {
      assertTrue(help.lines().anyMatch(line -> line.startsWith("  " + command + " ")), help);
      assertTrue(tool.ok(command, "--help").out().startsWith("Usage: qds " + command));
    }
  }
}
