package io.qadataswap.tck.live;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.qadataswap.tck.IfThisFails;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.ArgumentsSource;

/** One writer, readers of all programs at once. */
@ParameterizedClass(name = "{0} > all", allowZeroInvocations = true)
@ArgumentsSource(LiveExtension.Crowds.class)
@DisplayName("Many readers")
class CrowdRules extends LiveRules {
  private static final long COUNT = 400L * Integer.getInteger("qds.stress", 1);

  @Parameter(0)
  PeerProgram writing;

  @Parameter(1)
  LivePlan plan;

  @Test
  @DisplayName("QDS1-REC-02 every lossless reader gets all, every observer knows what it lost")
  @IfThisFails(
      "look at the scan that finds the slowest reader: the minimum of what it loaded itself")
  void crowd() throws IOException {
    List<End> readers = new ArrayList<>();
    End writer =
        create(
            peer(writing, "write"),
            creating(newName("w")).with("readerEntryCount", 2 * plan.programs().size()));
    for (PeerProgram program : plan.programs()) {
      Peer peer = peer(program);
      if (peer.can("read")) {
        readers.add(attach(peer));
      }
      if (peer.can("observe")) {
        readers.add(observe(peer(program)));
      }
    }
    readers.forEach(reader -> reader.peer().send(reader.draining()));
    writer.send(COUNT, 0, 9000);
    writer.close();
    for (End reader : readers) {
      Answer drained = reader.peer().answer().ok();
      drained.requireEnd("CLOSED");
      assertEquals(
          COUNT,
          drained.number("count") + drained.number("lost"),
          () -> "read and lost by " + reader.peer());
      if (reader.name().startsWith("r")) {
        drained.require("lost", 0);
      }
    }
    readers.forEach(End::close);
    assertFalse(segment().exists(), "the last to leave removes it");
  }

  @Test
  @DisplayName("QDS1-EVICT-01 readers of all programs die in the midst of others, which get all")
  @IfThisFails("look at what an evicted reader's entry still holds back, and at who evicts")
  void deathsInACrowd() throws IOException {
    List<End> dying = new ArrayList<>();
    List<End> living = new ArrayList<>();
    End writer =
        create(
            peer(writing, "write"),
            creating(newName("w")).with("readerEntryCount", 2 * plan.programs().size()));
    for (PeerProgram program : plan.programs()) {
      if (peer(program).can("read")) {
        dying.add(attach(peer(program)));
        living.add(attach(peer(program)));
      }
    }
    living.forEach(reader -> reader.peer().send(reader.draining()));
    dying.forEach(reader -> reader.peer().send(reader.draining()));
    writer.peer().send(writer.sending(COUNT, 0, 9000).with("timeoutMs", -1));
    for (int i = 0; i < dying.size(); i++) {
      long moment = COUNT * (i + 1) / (dying.size() + 1);
      segment().await(Segment.PUBLISHED, published -> published >= moment);
      dying.get(i).peer().kill();
    }
    writer.peer().answer().ok().require("count", COUNT);
    writer.close();
    for (End reader : living) {
      Answer drained = reader.peer().answer().ok().require("count", COUNT).require("lost", 0);
      drained.requireEnd("CLOSED");
    }
  }
}
