package io.qadataswap.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.apache.arrow.vector.compression.CompressionUtil.CodecType;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** What is sent arrives, whatever it is and however it comes. */
class RoundTripIT {
  @AutoClose private final Tool tool = Tool.create();

  @ParameterizedTest
  @CsvSource({"ffm,agrona", "agrona,ffm"})
  void sendingBeforeReceivingKeepsEverything(String writer, String reader) throws IOException {
    for (Path sent :
        List.of(
            ArrowFiles.flights(tool.file("flights.arrow")),
            ArrowFiles.mixed(tool.file("mixed.arrow")))) {
      Tool.Run send = tool.ok("send", sent, "--channel", "c", "--backend", writer);
      assertTrue(send.err().contains("./qds rm c"), send.err());
      tool.ok("recv", "--channel", "c", "--backend", reader, "--out", "received.arrow");
      assertSame(sent, tool.file("received.arrow"));
      assertEquals(List.of(), tool.channelFiles());
    }
  }

  @ParameterizedTest
  @CsvSource({"ffm,agrona", "agrona,ffm"})
  void receivingMayComeFirst(String writer, String reader) throws IOException {
    Path sent = ArrowFiles.mixed(tool.file("mixed.arrow"));
    Tool.Run recv =
        tool.start("recv", "--channel", "c", "--backend", reader, "--out", "received.arrow");
    tool.ok("send", sent, "--channel", "c", "--backend", writer);
    recv.expect(ExitCode.OK);
    assertSame(sent, tool.file("received.arrow"));
    assertEquals(List.of(), tool.channelFiles());
  }

  @Test
  void allTypesPass() throws IOException {
    Path sent = ArrowFiles.types(tool.file("types.arrow"));
    tool.ok("send", sent, "--channel", "c");
    tool.ok("recv", "--channel", "c", "--out", "received.arrow");
    assertSame(sent, tool.file("received.arrow"));
  }

  @Test
  void moreThanTheChannelHoldsPassesThroughIt() throws IOException {
    int[] rowCounts = new int[40];
    Arrays.fill(rowCounts, 50_000);
    Path sent = ArrowFiles.numbers(tool.file("numbers.arrow"), rowCounts);
    Tool.Run recv = tool.start("recv", "--channel", "c", "--out", "received.arrow");
    tool.ok("send", sent, "--channel", "c", "--capacity", "1M");
    recv.expect(ExitCode.OK);
    assertSame(sent, tool.file("received.arrow"));
  }

  @Test
  void schemaWithoutBatchesIsAMessage() throws IOException {
    Path sent = ArrowFiles.schemaOnly(tool.file("empty.arrow"));
    tool.ok("send", sent, "--channel", "c");
    Tool.Run recv = tool.ok("recv", "--channel", "c", "--out", "received.arrow");
    assertTrue(recv.err().contains("received 1 message, 0 rows"), recv.err());
    assertSame(sent, tool.file("received.arrow"));
  }

  @Test
  void streamsPassThroughStandardInputAndOutput() throws IOException {
    Path stream = ArrowFiles.mixedStream(tool.file("mixed.arrows"));
    Tool.Run recv = tool.start("recv", "--channel", "c", "--out", "-", "--stream");
    tool.start(stream.toFile(), "send", "-", "--channel", "c").expect(ExitCode.OK);
    recv.expect(ExitCode.OK);
    assertSame(stream, recv.outFile());
  }

  @Test
  void filesPassThroughStandardInputAndOutput() throws IOException {
    Path file = ArrowFiles.mixed(tool.file("mixed.arrow"));
    tool.start(file.toFile(), "send", "-", "--channel", "c").expect(ExitCode.OK);
    Tool.Run recv = tool.ok("recv", "--channel", "c", "--out", "-");
    assertSame(file, recv.outFile());
    tool.start(recv.outFile().toFile(), "diff", "-", file).expect(ExitCode.OK);
  }

  @ParameterizedTest
  @EnumSource(names = {"LZ4_FRAME", "ZSTD"})
  void compressedFilesAreDecoded(CodecType codec) throws IOException {
    Path sent = ArrowFiles.mixedCompressed(tool.file("compressed.arrow"), codec);
    tool.ok("send", sent, "--channel", "c");
    tool.ok("recv", "--channel", "c", "--out", "received.arrow");
    assertSame(ArrowFiles.mixed(tool.file("mixed.arrow")), tool.file("received.arrow"));
  }

  @Test
  void batchesMayShareMessages() throws IOException {
    Path sent = ArrowFiles.mixed(tool.file("mixed.arrow"));
    tool.ok("send", sent, "--channel", "c", "--batches-per-message", 3);
    Tool.Run recv = tool.ok("recv", "--channel", "c", "--out", "received.arrow");
    assertTrue(recv.err().contains("received 2 messages, 1,581 rows"), recv.err());
    assertSame(sent, tool.file("received.arrow"));

    tool.ok("send", sent, "--channel", "c", "--batches-per-message", 0);
    recv = tool.ok("recv", "--channel", "c", "--out", "received.arrow");
    assertTrue(recv.err().contains("received 1 message, 1,581 rows"), recv.err());
    assertSame(sent, tool.file("received.arrow"));
  }

  @Test
  void receivedFileRemembersItsMessages() throws IOException {
    Path sent = ArrowFiles.numbers(tool.file("numbers.arrow"), 2, 1, 1);
    tool.ok("send", sent, "--channel", "c", "--tag", 42, "--batches-per-message", 2);
    tool.ok("recv", "--channel", "c", "--out", "received.arrow");
    tool.ok("send", "received.arrow", "--channel", "d");
    Tool.Run recv = tool.ok("recv", "--channel", "d", "--format", "csv", "--with-messages");
    List<String> rows =
        recv.out().lines().map(line -> line.replaceFirst(",[0-9]+,([0-9n]+)$", ",$1")).toList();
    assertEquals("message,tag,timeNs,n", rows.get(0));
    assertEquals(List.of("0,42,0", "0,42,1", "0,42,2", "1,42,3"), rows.subList(1, rows.size()));
  }

  @Test
  void changingDictionariesNeedTheStreamFormat() throws IOException {
    Path sent = ArrowFiles.changingDictionary(tool.file("words.arrows"));
    tool.ok("send", sent, "--channel", "c");
    tool.ok("recv", "--channel", "c", "--out", "received.arrows", "--stream");
    assertSame(sent, tool.file("received.arrows"));

    tool.ok("send", sent, "--channel", "c");
    Tool.Run recv = tool.run("recv", "--channel", "c", "--out", "received.arrow");
    recv.expect(ExitCode.TROUBLE);
    assertTrue(recv.err().contains("message 1 has other entries in dictionary 7"), recv.err());
    assertTrue(recv.err().contains("--stream"), recv.err());
    assertTrue(Files.notExists(tool.file("received.arrow")));
    assertTrue(Files.notExists(tool.file("received.arrow.part")));
  }

  @Test
  void everyReaderGetsEverything() throws IOException {
    Path sent = ArrowFiles.mixed(tool.file("mixed.arrow"));
    Tool.Run first = tool.start("recv", "--channel", "c", "--out", "first.arrow");
    Tool.Run second = tool.start("recv", "--channel", "c", "--out", "second.arrow");
    Tool.Run send = tool.start("send", "-", "--channel", "c");
    byte[] stream = Files.readAllBytes(ArrowFiles.mixedStream(tool.file("mixed.arrows")));
    try (var pipe = send.process().getOutputStream()) {
      // The schema's beginning creates the channel; the rest comes when both are there.
      int half = stream.length / 2;
      pipe.write(stream, 0, half);
      pipe.flush();
      tool.awaitReaders("c", 2);
      pipe.write(stream, half, stream.length - half);
    }
    send.expect(ExitCode.OK);
    first.expect(ExitCode.OK);
    second.expect(ExitCode.OK);
    assertSame(sent, tool.file("first.arrow"));
    assertSame(sent, tool.file("second.arrow"));
  }

  @Test
  void rowsPrintAsCsvAndJson() throws IOException {
    Path sent = ArrowFiles.types(tool.file("types.arrow"));
    tool.ok("send", sent, "--channel", "c");
    List<String> csv = tool.ok("recv", "--channel", "c", "--format", "csv").out().lines().toList();
    assertEquals(
        "decimal,uint4,uint8,largeText,viewText,binary,fixedBinary,date,time,timestamp,duration,"
            + "nothing,pair,struct,map",
        csv.get(0));
    assertEquals(
        "12345678901.250,4294967295,18446744073709551615,\"large \"\"0\"\", ä\",short,AQL/,AAA=,"
            + "1969-12-31,00:00,1969-12-31T23:59:59.999Z,PT1M30S,,\"[0,0]\","
            + "\"{\"\"inner\"\":9223372036854775807}\",\"[{\"\"key\"\":0,\"\"value\"\":0}]\"",
        csv.get(1));
    assertEquals(",".repeat(14), csv.get(3));

    tool.ok("send", sent, "--channel", "c");
    var rows = Json.MAPPER.readTree(tool.ok("recv", "--channel", "c", "--format", "json").out());
    assertEquals(3, rows.size());
    assertEquals("-0.001", rows.get(1).get("decimal").asText());
    assertEquals(-1, rows.get(1).get("pair").get(1).asInt());
    assertTrue(rows.get(2).get("struct").isNull());
  }

  @Test
  void observersReadWhatWaitsForNobody() throws IOException {
    Path sent = ArrowFiles.mixed(tool.file("mixed.arrow"));
    Tool.Run send = tool.ok("send", sent, "--channel", "c", "--overflow", "drop-oldest");
    assertTrue(send.err().contains("./qds recv --channel c --mode observer"), send.err());
    Tool.Run refused = tool.run("recv", "--channel", "c", "--wait", "0");
    refused.expect(ExitCode.TROUBLE);
    assertEquals(1, refused.err().lines().count(), refused.err());
    tool.ok("recv", "--channel", "c", "--mode", "observer", "--out", "received.arrow");
    assertSame(sent, tool.file("received.arrow"));
  }

  @Test
  void messagesMayBeTakenInParts() throws IOException {
    Path sent = ArrowFiles.numbers(tool.file("numbers.arrow"), 1, 2, 3);
    tool.ok("send", sent, "--channel", "c");
    String first = tool.ok("recv", "--channel", "c", "--format", "csv", "--messages", 1).out();
    assertEquals("n\n0\n", first);
    assertEquals(2, tool.info("c").orElseThrow().unreadCount());
    // What was read stays available until the writer needs its room: a new reader begins there.
    String all = tool.ok("recv", "--channel", "c", "--format", "jsonl").out();
    assertEquals("{\"n\":0}\n{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n{\"n\":4}\n{\"n\":5}\n", all);
    assertEquals(List.of(), tool.channelFiles());
  }

  @Test
  void tableShowsTheFirstRows() throws IOException {
    tool.ok("send", ArrowFiles.mixed(tool.file("mixed.arrow")), "--channel", "c");
    List<String> lines = tool.ok("recv", "--channel", "c", "--limit", 3).out().lines().toList();
    assertEquals(
        List.of(
            "id  city       carrier  price  late   stops",
            " 1  null       null      null  null   null",
            " 2  Zürich     Delta     0.01  true   [\"Zürich\"]",
            " 4  São Paulo  JetBlue   0.02  false  [\"São Paulo\",\"東京\"]"),
        lines);
  }

  private void assertSame(Path expected, Path actual) throws IOException {
    Tool.Run diff = tool.run("diff", expected, actual);
    assertEquals(0, diff.process().exitValue(), () -> diff.out() + diff.err());
  }
}
