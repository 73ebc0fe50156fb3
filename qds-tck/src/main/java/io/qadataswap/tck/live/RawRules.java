package io.qadataswap.tck.live;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.qadataswap.tck.IfThisFails;
import io.qadataswap.tck.fixtures.RawCases;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ArgumentsSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Raw batches that the first program of a pair writes, the second reads. */
@ParameterizedClass(name = "{0}", allowZeroInvocations = true)
@ArgumentsSource(LiveExtension.Pairs.class)
@DisplayName("Raw columns")
class RawRules extends LiveRules {
  private static final String CODEC = "raw1";

  @Parameter Pair pair;

  static List<String> cases() {
    return RawCases.names();
  }

  private Request creatingForBatches() {
    return creating(newName("w")).with("codec", CODEC).with("arenaLength", 16 * SMALL_ARENA);
  }

  private void write(End writer, String name) throws IOException {
    Path file = Files.writeString(directory().resolve("sent"), RawCases.text(name));
    writer.ask(writer.request("write").with("file", file.toString())).inTime();
  }

  private void arrives(String name, boolean validate) throws IOException {
    Path received = directory().resolve("received");
    End writer = create(peer(pair.first(), CODEC), creatingForBatches());
    End reader =
        attach(
            peer(pair.second(), CODEC),
            attaching(newName("r")).with("codec", CODEC).with("validate", validate));
    write(writer, name);
    reader.ask(reader.request("read").with("file", received.toString())).inTime();
    assertEquals(RawCases.text(name), RawFiles.read(received));
  }

  @ParameterizedTest(name = "RAW-SHAPE-01 {0}")
  @DisplayName("RAW-SHAPE-01 a batch arrives as it was")
  @MethodSource("cases")
  @IfThisFails("look at the buffer table, and at the length that each type's buffers have")
  void batches(String name) throws IOException {
    arrives(name, false);
  }

  @ParameterizedTest(name = "RAW-CHECK-04 {0}")
  @DisplayName("RAW-CHECK-04 a sound batch passes full validation")
  @MethodSource("cases")
  @IfThisFails("look at your full validation: it refuses what is right")
  void validated(String name) throws IOException {
    arrives(name, true);
  }

  @Test
  @DisplayName("RAW-LIFE-01 batches stay as long as they are held, while others come and go")
  @IfThisFails("look at what keeps the loan: the last view of the message")
  void held() throws IOException {
    End writer = create(peer(pair.first(), CODEC), creatingForBatches().with("slotCount", 4));
    Peer reading = peer(pair.second(), CODEC, "hold");
    End reader = attach(reading, attaching(newName("r")).with("codec", CODEC));
    End holder = attach(reading, attaching(newName("r")).with("codec", CODEC));
    write(writer, "all-types");
    reader.ask(reader.request("read")).inTime();
    holder.ask(holder.request("hold").with("message", "kept")).inTime();
    holder.close();
    for (int i = 0; i < 12; i++) {
      write(writer, "texts");
      reader.ask(reader.request("read")).inTime().require("sequence", i + 1L);
    }
    Path kept = directory().resolve("kept");
    reading.ask(Request.of("check").with("message", "kept").with("file", kept.toString())).ok();
    assertEquals(RawCases.text("all-types"), RawFiles.read(kept));
    holder.release("kept");
  }
}
