package io.qadataswap.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.qadataswap.api.ChannelInfo;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;

/**
 * Bad input, interrupts and killed processes: one line, the right exit code, nothing left behind.
 */
class FailureIT {
  @AutoClose private final Tool tool = Tool.create();

  @Test
  void badInputGivesOneLineAndLeavesNothing() throws IOException {
    Path flights = ArrowFiles.flights(tool.file("flights.arrow"));
    byte[] file = Files.readAllBytes(flights);
    byte[] stream = Files.readAllBytes(ArrowFiles.mixedStream(tool.file("mixed.arrows")));
    Files.write(tool.file("cut.arrow"), Arrays.copyOf(file, file.length / 2));
    Files.write(tool.file("cut.arrows"), Arrays.copyOf(stream, stream.length / 2));
    Files.writeString(tool.file("text.arrow"), "a,b\n1,2\n");
    Files.writeString(tool.file("table.parquet"), "PAR1....PAR1");
    Files.createFile(tool.file("empty.arrow"));
    byte[] damaged = file.clone();
    Arrays.fill(damaged, damaged.length - 200, damaged.length - 10, (byte) 0x7F);
    Files.write(tool.file("damaged.arrow"), damaged);

    assertRefused("no such file", "send", "absent.arrow", "--channel", "c");
    assertRefused("directory", "send", tool.file(""), "--channel", "c");
    assertRefused("incomplete", "send", "cut.arrow", "--channel", "c");
    assertRefused("incomplete", "send", "cut.arrows", "--channel", "c");
    assertRefused("not an Arrow", "send", "text.arrow", "--channel", "c");
    assertRefused("Parquet", "send", "table.parquet", "--channel", "c");
    assertRefused("empty", "send", "empty.arrow", "--channel", "c");
    assertRefused("damaged", "send", "damaged.arrow", "--channel", "c");
    assertRefused("allowed=1 to 100 of", "send", flights, "--channel", "../c");
    assertRefused("--channel", "send", flights);
    assertRefused("no usable backend nix", "send", flights, "--channel", "c", "--backend", "nix");
    assertRefused("1600584", "send", flights, "--channel", "c", "--capacity", "1M");
    assertRefused("not a length", "send", flights, "--channel", "c", "--capacity", "x");
    assertRefused("not a duration", "recv", "--channel", "c", "--wait", "soon");
    assertRefused("does not exist", "send", flights, "--channel", "c", "--dir", "absent");
    assertRefused("directory", "recv", "--channel", "c", "--out", "absent/file.arrow");
    assertRefused("not an Arrow", "diff", flights, "text.arrow");
    assertRefused("no such command", "frobnicate");
    assertEquals(List.of(), tool.channelFiles());
  }

  @Test
  void inputThatBreaksOffIsNotTakenForTheWhole() throws IOException {
    byte[] stream = Files.readAllBytes(ArrowFiles.mixedStream(tool.file("mixed.arrows")));
    Path half = tool.file("half");
    Files.write(half, Arrays.copyOf(stream, stream.length - 2000));

    // Nobody has seen the channel: it goes away.
    Tool.Run send = tool.start(half.toFile(), "send", "-", "--channel", "c");
    send.expect(ExitCode.TROUBLE);
    assertEquals(1, send.err().lines().count(), send.err());
    assertEquals(List.of(), tool.channelFiles());

    // A reader is told.
    Tool.Run recv = tool.start("recv", "--channel", "c", "--out", "part.arrow");
    send = tool.start("send", "-", "--channel", "c");
    try (OutputStream pipe = send.process().getOutputStream()) {
      pipe.write(stream, 0, stream.length - 2000);
      pipe.flush();
      tool.awaitReaders("c", 1);
    }
    send.expect(ExitCode.TROUBLE);
    recv.expect(ExitCode.WRITER_DIED);
    assertEquals(List.of(), tool.channelFiles());
  }

  @Test
  void absentChannelHasItsOwnExitCode() throws IOException {
    Tool.Run recv = tool.run("recv", "--channel", "c", "--wait", "10ms", "--out", "f.arrow");
    recv.expect(ExitCode.NO_CHANNEL);
    assertEquals(1, recv.err().lines().count(), recv.err());
    assertTrue(Files.notExists(tool.file("f.arrow")));
    tool.run("inspect", "c").expect(ExitCode.NO_CHANNEL);
    tool.run("rm", "c").expect(ExitCode.NO_CHANNEL);
  }

  @Test
  void secondSenderIsRefused() throws IOException {
    Path flights = ArrowFiles.flights(tool.file("flights.arrow"));
    Tool.Run first = startEndlessSender("c");
    Tool.Run second = tool.run("send", flights, "--channel", "c");
    second.expect(ExitCode.IN_USE);
    assertTrue(second.err().contains(Long.toString(first.process().pid())), second.err());
  }

  @Test
  void interruptedSenderKeepsWhatIsUnread() throws IOException {
    Path numbers = ArrowFiles.numbers(tool.file("numbers.arrow"), 50_000, 50_000, 50_000, 50_000);
    Tool.Run send = tool.start("send", numbers, "--channel", "c", "--capacity", "600K");
    tool.awaitUnread("c", 2);
    send.signal("INT");
    send.expect(ExitCode.INTERRUPTED);
    assertTrue(send.err().contains("channel c keeps 2 unread messages"), send.err());
    assertTrue(send.err().contains("./qds rm c"), send.err());
    assertEquals("CLOSED", tool.info("c").orElseThrow().writer().orElseThrow().state());

    Tool.Run recv = tool.ok("recv", "--channel", "c", "--out", "received.arrow");
    assertTrue(recv.err().contains("received 2 messages, 100,000 rows"), recv.err());
    assertEquals(List.of(), tool.channelFiles());
  }

  @Test
  void interruptedSenderEndsTheStreamOfItsReaders() throws IOException {
    Tool.Run recv = tool.start("recv", "--channel", "c", "--out", "received.arrow");
    Tool.Run send = startEndlessSender("c");
    tool.awaitReaders("c", 1);
    tool.awaitUnread("c", 0);
    send.signal("INT");
    send.expect(ExitCode.INTERRUPTED);
    recv.expect(ExitCode.OK);
    assertFalse(send.err().contains("keeps"), send.err());
    tool.ok("diff", ArrowFiles.mixed(tool.file("mixed.arrow")), "received.arrow");
    assertEquals(List.of(), tool.channelFiles());
  }

  @Test
  void interruptedSenderWaitsForReadersOnlySoLong() throws IOException {
    Path numbers = ArrowFiles.numbers(tool.file("numbers.arrow"), 50_000, 50_000, 50_000, 50_000);
    Tool.Run recv = tool.start("recv", "--channel", "c", "--out", "received.arrow");
    Tool.Run send =
        tool.start("send", numbers, "--channel", "c", "--capacity", "600K", "--linger", "100ms");
    send.await();
    recv.expect(ExitCode.OK);
    tool.ok("diff", numbers, "received.arrow");

    // A stopped reader is attached and does not read.
    recv = tool.start("recv", "--channel", "d", "--out", "rest.arrow");
    send = startEndlessSender("d");
    tool.awaitReaders("d", 1);
    recv.signal("STOP");
    send.process().getOutputStream().close();
    send.expect(ExitCode.OK);
    recv.signal("CONT");
    recv.expect(ExitCode.OK);
  }

  @Test
  void interruptedReceiverKeepsWhatItHas() throws IOException {
    Tool.Run waiting = tool.start("recv", "--channel", "absent", "--out", "f.arrow");
    Tool.Run recv = tool.start("recv", "--channel", "c", "--out", "received.arrow");
    Tool.Run send = startEndlessSender("c");
    tool.awaitReaders("c", 1);
    tool.awaitUnread("c", 0);
    recv.signal("INT");
    recv.expect(ExitCode.INTERRUPTED);
    tool.ok("diff", ArrowFiles.mixed(tool.file("mixed.arrow")), "received.arrow");
    waiting.signal("TERM");
    waiting.expect(143);
    assertTrue(Files.notExists(tool.file("f.arrow")));
    send.process().getOutputStream().close();
    send.expect(ExitCode.OK);
  }

  @Test
  void afterTheSenderWasKilledTheSameCommandsWorkAgain() throws IOException {
    Path numbers = ArrowFiles.numbers(tool.file("numbers.arrow"), 50_000, 50_000, 50_000, 50_000);

    // With a reader: it gets what there was, and is told.
    Tool.Run recv = tool.start("recv", "--channel", "c", "--out", "received.arrow");
    Tool.Run send = startEndlessSender("c");
    tool.awaitReaders("c", 1);
    send.process().destroyForcibly();
    recv.expect(ExitCode.WRITER_DIED);
    assertEquals(1, recv.err().lines().filter(line -> line.startsWith("qds:")).count());
    tool.ok("diff", ArrowFiles.mixed(tool.file("mixed.arrow")), "received.arrow");
    sendAndReceive(numbers, "c");

    // Without one: the half that it left does not come before the whole.
    send = tool.start("send", numbers, "--channel", "c", "--capacity", "600K");
    tool.awaitUnread("c", 2);
    send.process().destroyForcibly();
    send.await();
    assertFalse(tool.info("c").orElseThrow().isLive());
    Tool.Run again = sendAndReceive(numbers, "c");
    assertTrue(again.err().contains("left 2 unread messages"), again.err());
  }

  @Test
  void afterTheReceiverWasKilledTheSameCommandWorksAgain() throws IOException {
    Tool.Run recv = tool.start("recv", "--channel", "c", "--out", "received.arrow");
    Tool.Run send = startEndlessSender("c");
    tool.awaitReaders("c", 1);
    recv.process().destroyForcibly();
    recv.await();
    Tool.Run second = tool.start("recv", "--channel", "c", "--out", "received.arrow");
    tool.awaitReaders("c", 1);
    send.process().getOutputStream().close();
    send.expect(ExitCode.OK);
    second.expect(ExitCode.OK);
    assertEquals(List.of(), tool.channelFiles());
    sendAndReceive(ArrowFiles.mixed(tool.file("mixed.arrow")), "c");
  }

  private Tool.Run sendAndReceive(Path file, String channel) throws IOException {
    Tool.Run send = tool.start("send", file, "--channel", channel);
    Tool.await(
        "the sender",
        () ->
            !send.process().isAlive()
                || tool.info(channel).filter(ChannelInfo::isLive).isPresent());
    tool.ok("recv", "--channel", channel, "--out", "again.arrow");
    send.expect(ExitCode.OK);
    tool.ok("diff", file, "again.arrow");
    assertEquals(List.of(), tool.channelFiles());
    return send;
  }

  /** Starts a sender that has sent the mixed table and waits for more on its standard input. */
  private Tool.Run startEndlessSender(String channel) throws IOException {
    byte[] stream = Files.readAllBytes(ArrowFiles.mixedStream(tool.file("mixed.arrows")));
    Tool.Run send = tool.start("send", "-", "--channel", channel);
    // All but the end marker.
    send.process().getOutputStream().write(stream, 0, stream.length - 8);
    send.process().getOutputStream().flush();
    tool.awaitPublished(channel, 4);
    return send;
  }

  private void assertRefused(String reason, Object... arguments) throws IOException {
    Tool.Run run = tool.run(arguments);
    run.expect(ExitCode.TROUBLE);
    assertEquals("", run.out());
    assertEquals(1, run.err().lines().count(), run.err());
    assertTrue(run.err().contains(reason), run.err());
  }
}
