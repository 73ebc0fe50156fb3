package io.qadataswap.tck.live;

import static org.junit.jupiter.api.Assumptions.assumeFalse;

import io.qadataswap.tck.IfThisFails;
import io.qadataswap.tck.fixtures.ArrowCase;
import io.qadataswap.tck.fixtures.ArrowCases;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ArgumentsSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Tables that the first program of a pair writes, the second reads. */
@ParameterizedClass(name = "{0}", allowZeroInvocations = true)
@ArgumentsSource(LiveExtension.Pairs.class)
@DisplayName("Arrow tables")
class ArrowRules extends LiveRules {
  private static final String CODEC = "arrow-ipc";

  /** Features of cases that Arrow Java, by which the kit compares, has no vectors for. */
  static final Set<String> NOT_COMPARED = Set.of("decimal32", "decimal64");

  @Parameter Pair pair;

  static List<ArrowCase> cases() {
    return ArrowCases.all();
  }

  private Peer peer(PeerProgram program, ArrowCase table) throws IOException {
    Peer peer = peer(program, CODEC);
    for (String feature : table.features()) {
      assumeFalse(NOT_COMPARED.contains(feature), () -> "the kit is without:" + feature);
      assumeFalse(peer.can("without:" + feature), () -> program.name() + " is without:" + feature);
    }
    return peer;
  }

  private Request creatingForTables() {
    return creating(newName("w")).with("codec", CODEC).with("arenaLength", 16 * SMALL_ARENA);
  }

  private Path fileOf(ArrowCase table) throws IOException {
    return Files.write(directory().resolve("sent"), table.stream());
  }

  private static void write(End writer, Path file) {
    writer.ask(writer.request("write").with("file", file.toString())).inTime();
  }

  @ParameterizedTest(name = "ARROW-SHAPE-01 {0}")
  @DisplayName("ARROW-SHAPE-01 a table arrives as it was")
  @MethodSource("cases")
  @IfThisFails(
      "look at how the type of this case goes through your Arrow library, and whether its"
          + " capabilities should say that it is without a feature")
  void tables(ArrowCase table) throws IOException {
    requireArrives(table, peer(pair.first(), table), false);
  }

  private void requireArrives(ArrowCase table, Peer writing, boolean inPlace) throws IOException {
    Path sent = fileOf(table);
    Path received = directory().resolve("received");
    End writer = create(writing, creatingForTables());
    End reader = attach(peer(pair.second(), table), attaching(newName("r")).with("codec", CODEC));
    if (inPlace) {
      Request request = writer.request("write").with("file", sent.toString());
      writer.ask(request.with("inPlace", true)).inTime();
    } else {
      write(writer, sent);
    }
    reader.ask(reader.request("read").with("file", received.toString())).inTime();
    table.check(Files.readAllBytes(received));
  }

  static List<ArrowCase> casesOfOneBatch() {
    return OneBatch.CASES;
  }

  /** Found once for all pairs: it takes reading every case. */
  private static final class OneBatch {
    static final List<ArrowCase> CASES =
        cases().stream()
            .filter(table -> Collections.disjoint(table.features(), NOT_COMPARED))
            .filter(table -> table.batchCount() == 1)
            .toList();
  }

  @ParameterizedTest(name = "ARROW-PLACE-02 {0}")
  @DisplayName("ARROW-PLACE-02 a table that was put together in the claimed memory reads the same")
  @MethodSource("casesOfOneBatch")
  @IfThisFails(
      "look at where buffers lie in the body: in any order, and with zeros between them; and at"
          + " validity that is there although no value is null")
  void inPlace(ArrowCase table) throws IOException {
    Peer writing = peer(pair.first(), table);
    require(writing, "in-place");
    requireArrives(table, writing, true);
  }

  @ParameterizedTest(name = "ARROW-CHECK-03 {0}")
  @DisplayName("ARROW-CHECK-03 a sound table passes full validation")
  @MethodSource("cases")
  @IfThisFails("look at your full validation: it refuses what is right")
  void validated(ArrowCase table) throws IOException {
    Path received = directory().resolve("received");
    Peer reading = peer(pair.second(), table);
    require(reading, "validate");
    End writer = create(peer(pair.first(), table), creatingForTables());
    End reader =
        attach(reading, attaching(newName("r")).with("codec", CODEC).with("validate", true));
    write(writer, fileOf(table));
    reader.ask(reader.request("read").with("file", received.toString())).inTime();
    table.check(Files.readAllBytes(received));
  }

  @Test
  @DisplayName("ARROW-LIFE-01 tables stay as long as they are held, while others come and go")
  @IfThisFails("look at what keeps the loan: the last buffer that refers to the message")
  void held() throws IOException {
    ArrowCase first = ArrowCases.of("several-batches");
    ArrowCase second = ArrowCases.of("dates");
    End writer = create(peer(pair.first(), CODEC), creatingForTables().with("slotCount", 4));
    Peer reading = peer(pair.second(), CODEC, "hold");
    End reader = attach(reading, attaching(newName("r")).with("codec", CODEC));
    End holder = attach(reading, attaching(newName("r")).with("codec", CODEC));
    write(writer, fileOf(first));
    reader.ask(reader.request("read")).inTime();
    holder.ask(holder.request("hold").with("message", "kept")).inTime();
    holder.close();
    for (int i = 0; i < 12; i++) {
      write(writer, fileOf(second));
      reader.ask(reader.request("read")).inTime().require("sequence", i + 1L);
    }
    Path kept = directory().resolve("kept");
    reading.ask(Request.of("check").with("message", "kept").with("file", kept.toString())).ok();
    first.check(Files.readAllBytes(kept));
    holder.release("kept");
  }
}
