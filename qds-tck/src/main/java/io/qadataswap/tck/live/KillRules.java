package io.qadataswap.tck.live;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.qadataswap.tck.IfThisFails;
import java.io.IOException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ArgumentsSource;
import org.junit.jupiter.params.provider.EnumSource;

/** The first program of a pair is killed (kill -9), the second recovers. */
@ParameterizedClass(name = "{0}", allowZeroInvocations = true)
@ArgumentsSource(LiveExtension.Pairs.class)
@DisplayName("Deaths")
class KillRules extends LiveRules {
  private static final long PATIENCE_NS = TimeUnit.SECONDS.toNanos(20);

  @Parameter Pair pair;

  private Peer victim(String... capabilities) throws IOException {
    return peer(pair.first(), capabilities);
  }

  private Peer survivor(String... capabilities) throws IOException {
    return peer(pair.second(), capabilities);
  }

  /** Where a writer dies. */
  enum WriterAt {
    JUST_CREATED,
    IDLE,
    CLAIM_OPEN,
    WAITING_FOR_ROOM,
    SENDING
  }

  @ParameterizedTest(name = "QDS1-TAKE-01 {0}")
  @DisplayName("QDS1-TAKE-01 a writer dies: its reader gets all, another writer goes on")
  @EnumSource
  @IfThisFails(
      "look, as a reader, at the end: death is believed when lock and process say so, and comes"
          + " after the last message; as a successor, at the steps of the takeover, also the commit"
          + " that stopped between stamp and published")
  void writerDies(WriterAt at) throws IOException {
    Peer victim = victim("write");
    End writer = create(victim);
    End reader = attach(survivor("read", "write"));
    long sent = 0;
    switch (at) {
      case JUST_CREATED -> {}
      case IDLE -> sent = writer.send(5, 0, 3000) + 1;
      case CLAIM_OPEN -> {
        require(victim, "claim");
        sent = writer.send(2, 10, 10) + 1;
        writer.ask(writer.request("claim").with("length", 5000).with("seed", SEED)).inTime();
      }
      case WAITING_FOR_ROOM -> {
        sent = 8;
        victim.send(writer.sending(50, 0, 1000).with("timeoutMs", -1));
        segment().await(Segment.PUBLISHED, published -> published == 8);
      }
      case SENDING -> {
        sent = ThreadLocalRandom.current().nextLong(1, 2000);
        long moment = sent;
        reader.peer().send(reader.draining());
        victim.send(writer.sending(1L << 40, 0, 3000).with("timeoutMs", -1));
        segment().await(Segment.PUBLISHED, published -> published >= moment);
      }
    }
    victim.kill();
    Answer drained =
        at == WriterAt.SENDING ? reader.peer().answer().ok() : reader.ask(reader.draining()).ok();
    drained.requireEnd("WRITER_DIED");
    long next = drained.require("lost", 0).number("count");
    if (next > 0) {
      drained.require("last", next - 1);
    }
    if (at != WriterAt.SENDING) {
      assertEquals(sent, next, "messages that were written before the death");
    }
    String successor = newName("w");
    reader.peer().ask(creating(successor)).ok().require("sequence", next);
    End second = new End(reader.peer(), "writer", successor);
    assertEquals(next, second.write(100));
    reader.read(next);
    reader.close();
    second.close();
    assertFalse(segment().exists(), "all was read, nobody is left");
  }

  @Test
  @DisplayName("QDS1-END-03 a reader that waits for a successor goes on after the writer's death")
  @IfThisFails("look at waitForSuccessor: a death is no end then")
  void waitsForSuccessor() throws IOException {
    End writer = create(victim("write"));
    Peer survivor = survivor("read");
    End reader = attach(survivor, attaching(newName("r")).with("waitForSuccessor", true));
    writer.send(3, 10, 10);
    reader.drain(3);
    survivor.send(reader.request("read").with("seed", SEED).with("timeoutMs", -1));
    segment().awaitWaitingReader(0);
    writer.peer().kill();
    End successor = create(victim());
    assertEquals(3, successor.write(10));
    survivor.answer().inTime().require("sequence", 3);
  }

  /** Where a lossless reader dies. */
  enum ReaderAt {
    JUST_ATTACHED,
    HOLDING,
    WAITING,
    LINGERING,
    DRAINING
  }

  @ParameterizedTest(name = "QDS1-EVICT-01 {0}")
  @DisplayName("QDS1-EVICT-01 a lossless reader dies: the writer goes on")
  @EnumSource
  @IfThisFails(
      "look at the writer that waits: about every 100 ms it looks for dead readers and frees"
          + " their entries")
  void readerDies(ReaderAt at) throws IOException {
    Peer victim = victim("read");
    Peer survivor = survivor("write");
    Peer witness = peer(pair.second(), "read");
    End writer = create(survivor);
    End reader = attach(victim);
    End living = attach(witness);
    long before = 0;
    if (at == ReaderAt.HOLDING || at == ReaderAt.LINGERING) {
      require(victim, "hold");
    }
    switch (at) {
      case JUST_ATTACHED -> {}
      case HOLDING, LINGERING -> {
        before = 2;
        writer.send(before, HALF, HALF);
        reader.hold("a", 0);
        reader.hold("b", 1);
        if (at == ReaderAt.LINGERING) {
          reader.close();
        }
      }
      case WAITING -> {
        victim.send(reader.request("read").with("timeoutMs", -1));
        segment().awaitWaitingReader(0);
      }
      case DRAINING -> {
        long moment = ThreadLocalRandom.current().nextLong(1, 2000);
        before = moment + 50;
        victim.send(reader.draining().with("timeoutMs", -1));
        witness.send(living.draining().with("count", before));
        survivor.send(writer.sending(before, 0, 3000).with("timeoutMs", -1));
        segment().await(Segment.PUBLISHED, published -> published >= moment);
      }
    }
    victim.kill();
    if (at == ReaderAt.DRAINING) {
      survivor.answer().inTime();
      witness.answer().ok().require("count", before);
    } else {
      living.drain(before);
    }
    // More than there is room for, unless the dead one gives way.
    witness.send(living.draining().with("count", 40));
    writer.send(40, 0, 9000);
    witness.answer().ok().require("count", 40).require("lost", 0).require("last", before + 39);
  }

  @Test
  @DisplayName("QDS1-EVICT-02 an observer dies with all memory pinned: the writer goes on")
  @IfThisFails(
      "look at what a writer does before it says that there is no room: it looks for dead"
          + " readers, whose pins count no more")
  void observerDies() throws IOException {
    Peer survivor = survivor("write", "drop-oldest");
    End writer = create(survivor, creating(newName("w")).with("overflowPolicy", "DROP_OLDEST"));
    End observer = observe(victim("observe", "hold"));
    observer.hold("a", writer.write(HALF));
    observer.hold("b", writer.write(HALF));
    writer.tryWrite(HALF, 0).requireError("NO_ROOM");
    observer.peer().kill();
    // It looks about every 10 ms at most, and has just looked.
    Answer written = writer.tryWrite(HALF, 0);
    long startNs = System.nanoTime();
    while (written.error().equals("NO_ROOM") && System.nanoTime() - startNs < PATIENCE_NS) {
      written = writer.tryWrite(HALF, 0);
    }
    written.inTime().require("sequence", 2);
    assertEquals(102, writer.send(100, 0, 9000));
  }

  @Test
  @DisplayName("QDS1-TAKE-02 writer and reader die with loans and a claim: another takes all over")
  @IfThisFails("look at the steps of the takeover: floor, fence, scan, before anything is reused")
  void bothDie() throws IOException {
    Peer victim = victim("write", "read", "claim", "hold");
    Peer survivor = survivor("write", "read");
    End writer = create(victim);
    End reader = attach(victim);
    End witness = attach(survivor);
    writer.send(6, 0, 9000);
    reader.hold("a", 0);
    reader.hold("b", 1);
    writer.ask(writer.request("claim").with("length", 100).with("seed", SEED)).inTime();
    victim.kill();
    String successor = newName("w");
    survivor.ask(creating(successor)).ok().require("sequence", 6);
    End second = new End(survivor, "writer", successor);
    assertEquals(7, second.send(2, 0, 900));
    witness.drain(8).require("first", 0).require("last", 7);
    for (int i = 8; i < 40; i++) {
      assertEquals(i, second.write(5000));
      witness.read(i);
    }
  }
}
