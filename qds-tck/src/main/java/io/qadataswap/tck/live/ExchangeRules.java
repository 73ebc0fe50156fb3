package io.qadataswap.tck.live;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.qadataswap.tck.IfThisFails;
import java.io.IOException;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.ArgumentsSource;

/** What the first program of a pair writes, the second reads. */
@ParameterizedClass(name = "{0}", allowZeroInvocations = true)
@ArgumentsSource(LiveExtension.Pairs.class)
@DisplayName("Messages")
class ExchangeRules extends LiveRules {
  @Parameter Pair pair;

  private Peer writing(String... capabilities) throws IOException {
    return peer(pair.first(), with("write", capabilities));
  }

  private Peer reading(String... capabilities) throws IOException {
    return peer(pair.second(), with("read", capabilities));
  }

  private static String[] with(String first, String... others) {
    String[] all = new String[others.length + 1];
    all[0] = first;
    System.arraycopy(others, 0, all, 1, others.length);
    return all;
  }

  @Test
  @DisplayName("QDS1-PUB-01 every message arrives whole and in order, also around the ring's end")
  @IfThisFails(
      "look at the order of stores in your commit (stamp last), and at slot and place of a"
          + " message once the ring or the arena begins anew")
  void everyMessageArrives() throws IOException {
    End writer = create(writing());
    End reader = attach(reading());
    reader.peer().send(reader.draining());
    assertEquals(299, writer.send(300, 0, 9000));
    writer.close();
    Answer drained = reader.peer().answer().ok();
    drained.require("count", 300).require("lost", 0).require("first", 0).require("last", 299);
    drained.requireEnd("CLOSED");
  }

  @Test
  @DisplayName("QDS1-DSC-02 messages of all lengths, with all tags")
  @IfThisFails(
      "look at lengths 0 and those that are no multiple of 64, and at tags as signed 64-bit"
          + " numbers")
  void lengthsAndTags() throws IOException {
    End writer = create(writing());
    End reader = attach(reading());
    long[] lengths = {0, 1, 7, 8, 63, 64, 65, 4095, HALF - 1, HALF};
    long[] tags = {0, 1, -1, Long.MAX_VALUE, Long.MIN_VALUE, 1L << 53, -(1L << 53) - 1, 42, 7, 9};
    for (int i = 0; i < lengths.length; i++) {
      writer
          .ask(
              writer
                  .request("write")
                  .with("length", lengths[i])
                  .with("seed", SEED)
                  .with("tag", tags[i]))
          .inTime()
          .require("sequence", i);
      reader.read(i).require("length", lengths[i]).require("tag", tags[i]).require("lost", 0);
    }
  }

  @Test
  @DisplayName("QDS1-PUB-04 a message that is too large is refused, and changes nothing")
  @IfThisFails("look at maxMessageLength, which you compare with before you look for room")
  void tooLarge() throws IOException {
    End writer = create(writing());
    End reader = attach(reading());
    writer.tryWrite(HALF + 1, 0).requireError("MESSAGE_TOO_LARGE");
    assertEquals(0, writer.write(HALF));
    reader.read(0).require("length", HALF);
  }

  @Test
  @DisplayName("QDS1-PUB-09 the largest message finds room while another one is held")
  @IfThisFails(
      "look at where you place payloads: none of up to half the arena may cross its middle")
  void largestWhileOneIsHeld() throws IOException {
    End writer = create(writing());
    End reader = attach(reading("hold"));
    writer.write(1000);
    reader.hold("small", 0);
    for (int i = 1; i < 6; i++) {
      assertEquals(i, writer.write(HALF));
      reader.hold("m" + i, i);
      reader.release(i == 1 ? "small" : "m" + (i - 1));
    }
    reader.check("m5");
  }

  @Test
  @DisplayName("QDS1-READ-01 a message stays as long as it is held, in whatever order loans end")
  @IfThisFails(
      "look at the cursor: it may not pass a message that is on loan, also when later ones"
          + " were released")
  void loansInAnyOrder() throws IOException {
    End writer = create(writing(), creating(newName("w")).with("slotCount", 2));
    End reader = attach(reading("hold"));
    writer.send(2, 100, 100);
    reader.hold("a", 0);
    reader.hold("b", 1);
    writer.tryWrite(100, 0).requireTimeout();
    reader.release("b");
    writer.tryWrite(100, 0).requireTimeout();
    reader.check("a");
    reader.release("a");
    assertEquals(3, writer.send(2, 100, 100));
    reader.drain(2).require("first", 2);
  }

  @Test
  @DisplayName("QDS1-PUB-06 a full channel makes the writer wait until there is room")
  @IfThisFails(
      "look at how a writer waits for room, and at the reader's wake after its cursor moved")
  void backPressure() throws IOException {
    End writer = create(writing());
    End reader = attach(reading());
    writer.send(8, 10, 10);
    writer.tryWrite(10, 0).requireTimeout();
    writer.tryWrite(10, 50).requireTimeout();
    writer
        .peer()
        .send(writer.request("write").with("length", 10).with("seed", SEED).with("timeoutMs", -1));
    reader.drain(8);
    assertEquals(8, writer.peer().answer().inTime().sequence());
    reader.read(8);
  }

  @Test
  @DisplayName("QDS1-PUB-08 a reader that waits for what its own loans leave no room for is named")
  @IfThisFails(
      "look, as a reader, at waitingFor (stored by every lossless reader whose wait lasts), and as"
          + " a writer at who you accuse: a reader that waits, and whose cursor is below next")
  void readerHoldsLoans() throws IOException {
    End writer = create(writing(), creating(newName("w")).with("slotCount", 2));
    End reader = attach(reading("hold"));
    writer.send(2, 10, 10);
    reader.hold("a", 0);
    reader.hold("b", 1);
    reader.peer().send(reader.request("read").with("seed", SEED).with("timeoutMs", -1));
    segment().awaitWaitingReader(0);
    writer.tryWrite(10, -1).requireError("READER_HOLDS_LOANS");
    writer.close();
    reader.peer().answer().ok().requireEnd("CLOSED");
    reader.check("a");
    reader.check("b");
  }

  @Test
  @DisplayName("QDS1-PUB-03 a claim that is given up publishes nothing; one that is committed does")
  @IfThisFails("look at what your claim stores before the commit: nothing that a reader sees")
  void claims() throws IOException {
    End writer = create(writing("claim"));
    End reader = attach(reading());
    Request claim = writer.request("claim").with("length", 500).with("seed", SEED);
    writer.ask(claim).inTime();
    reader.tryRead(0).requireTimeout();
    writer.ask(writer.request("abort")).ok();
    reader.tryRead(0).requireTimeout();
    writer.ask(claim).inTime();
    writer.ask(writer.request("commit").with("tag", 5)).ok().require("sequence", 0);
    reader.read(0).require("tag", 5).require("length", 500);
  }

  @Test
  @DisplayName("QDS1-DSC-03 checksums are right, and a changed byte shows and is passed over")
  @IfThisFails(
      "look at the CRC-32C (Castagnoli) of the payload, and at both feature bits; a reader"
          + " checks every message of such a channel")
  void checksums() throws IOException {
    End writer = create(writing("checksums"), creating(newName("w")).with("checksums", true));
    End reader = attach(reading("checksums"));
    for (long length : new long[] {0, 1, 100, 8191}) {
      reader.read(writer.write(length));
    }
    writer.write(1000);
    writer.write(10);
    segment().spoil(4, 777);
    reader.tryRead(20_000).requireError("CORRUPT");
    reader.read(5);
  }

  @Test
  @DisplayName("QDS1-PUB-10 messages are retained for late joiners")
  @IfThisFails("look at retainCount where you raise the floor to make room")
  void retained() throws IOException {
    End writer = create(writing(), creating(newName("w")).with("retainCount", 4));
    End reader = attach(reading());
    for (int i = 0; i < 30; i++) {
      reader.read(writer.write(100));
    }
    Answer late = reader.peer().ask(attaching("late")).ok();
    long start = late.sequence();
    assertTrue(start <= 26, () -> "starts at " + start + ", expected was 26 or less");
    new End(reader.peer(), "reader", "late").drain(30 - start).require("first", start);
  }

  @Test
  @DisplayName("QDS1-READ-02 an observer that was lapped goes on and counts exactly what it lost")
  @IfThisFails(
      "look at the floor: above the sequence means lapped; count what you pass over, and"
          + " nothing twice")
  void lappedObserver() throws IOException {
    End writer =
        create(
            writing("drop-oldest"), creating(newName("w")).with("overflowPolicy", "DROP_OLDEST"));
    End observer = observe(reading("observe"));
    writer.write(10);
    observer.read(0).require("lost", 0);
    assertEquals(200, writer.send(200, 0, 9000));
    Answer drained = observer.ask(observer.draining().with("timeoutMs", 0)).ok();
    drained.require("last", 200);
    assertEquals(200, drained.number("count") + drained.number("lost"), "read and lost");
    assertTrue(drained.number("lost") >= 192, "more messages than slots: " + drained.json());
    writer.write(10);
    observer.read(201).require("lost", 0);
  }

  @Test
  @DisplayName("QDS1-JOIN-02 a lossless reader may not join a channel that drops the oldest")
  @IfThisFails("look at overflowPolicy when you attach")
  void noLosslessReaderWhereMessagesAreDropped() throws IOException {
    create(writing("drop-oldest"), creating(newName("w")).with("overflowPolicy", "DROP_OLDEST"));
    Peer reading = reading("observe");
    reading.ask(attaching("r")).requireError("UNSUPPORTED");
    observe(reading);
  }

  @Test
  @DisplayName("QDS1-ENT-01 an observer does not hold the writer back")
  @IfThisFails("look at the mode in the entry's state word")
  void observerHoldsNobodyBack() throws IOException {
    End writer = create(writing());
    Peer reading = reading("observe");
    End observer = observe(reading);
    End reader = attach(peer(pair.second()));
    reader.peer().send(reader.draining().with("count", 100));
    writer.send(100, 0, 5000);
    reader.peer().answer().ok().require("count", 100).require("lost", 0);
    writer.close();
    Answer drained = observer.ask(observer.draining()).ok();
    drained.requireEnd("CLOSED");
    assertEquals(100, drained.number("count") + drained.number("lost"), "read and lost");
  }

  @Test
  @DisplayName("QDS1-PUB-05 what an observer holds stays intact while the writer laps it")
  @IfThisFails(
      "look, as a writer, at the pins, which you load after the fence that follows the"
          + " floor; as a reader, at the fence between pin and floor")
  void pinsAreRespected() throws IOException {
    End writer =
        create(
            writing("drop-oldest"), creating(newName("w")).with("overflowPolicy", "DROP_OLDEST"));
    End observer = observe(reading("observe", "hold"));
    for (int i = 0; i < 3; i++) {
      observer.hold("m" + i, writer.write(3000));
    }
    assertEquals(302, writer.send(300, 0, 6000));
    for (int i = 0; i < 3; i++) {
      observer.check("m" + i);
      observer.release("m" + i);
    }
    assertEquals(602, writer.send(300, 0, 6000));
  }

  @Test
  @DisplayName("QDS1-PUB-06 where pins leave no room, a writer that never waits fails at once")
  @IfThisFails("look at what a DROP_OLDEST writer does when only pins are in its way")
  void noRoomForPins() throws IOException {
    End writer =
        create(
            writing("drop-oldest"), creating(newName("w")).with("overflowPolicy", "DROP_OLDEST"));
    End observer = observe(reading("observe", "hold"));
    observer.hold("a", writer.write(HALF));
    observer.hold("b", writer.write(HALF));
    writer.tryWrite(HALF, -1).requireError("NO_ROOM");
    observer.check("a");
    observer.check("b");
    observer.release("a");
    assertEquals(2, writer.write(HALF));
    observer.check("b");
    observer.read(2);
  }

  @Test
  @DisplayName(
      "QDS1-JOIN-01 readers start at the oldest message, behind the latest, or at a sequence")
  @IfThisFails("look at the choice of the cursor, between floor and published")
  void startPositions() throws IOException {
    End writer = create(writing());
    Peer reading = reading();
    End first = attach(reading);
    writer.send(8, 10, 10);
    reading.ask(attaching("latest").with("start", "latest")).ok().require("sequence", 8);
    reading.ask(attaching("five").with("start", 5)).ok().require("sequence", 5);
    reading.ask(attaching("next").with("start", 8)).ok().require("sequence", 8);
    reading.ask(attaching("far").with("start", 9)).requireError("SEQUENCE_GONE");
    new End(reading, "reader", "five").read(5);
    new End(reading, "reader", "five").close();
    first.drain(8).require("first", 0);
    writer.write(10);
    for (String each : new String[] {"latest", "next"}) {
      new End(reading, "reader", each).read(8);
    }
    first.read(8);
  }

  @Test
  @DisplayName("QDS1-REC-04 what was written before the first reader came is not lost")
  @IfThisFails(
      "look at kept: without a lossless reader nothing above it may be reclaimed, and the"
          + " file stays when its writer leaves")
  void writtenBeforeTheFirstReader() throws IOException {
    End writer = create(writing());
    writer.send(8, 0, 3000);
    writer.tryWrite(10, 0).requireTimeout();
    writer.close();
    assertTrue(segment().exists(), "the channel is there until somebody has read it");
    End reader = attach(reading());
    Answer drained = reader.ask(reader.draining()).ok().require("count", 8).require("first", 0);
    drained.requireEnd("CLOSED");
    reader.close();
    assertFalse(segment().exists(), "the last to leave a channel that was read removes it");
  }

  @Test
  @DisplayName("QDS1-REM-01 a writer that leaves last removes a channel that was read")
  @IfThisFails(
      "look at leftCursor, which a reader stores when it leaves, and at kept, which the"
          + " writer computes from it")
  void writerLeavesLast() throws IOException {
    End writer = create(writing());
    End reader = attach(reading());
    reader.read(writer.write(100));
    reader.close();
    assertTrue(segment().exists());
    writer.close();
    assertFalse(segment().exists(), "the last to leave removes it");
  }

  @Test
  @DisplayName("QDS1-OPEN-04 a channel of another codec is refused")
  @IfThisFails("look at codecId, which you compare before you take an entry")
  void otherCodec() throws IOException {
    create(writing());
    Peer reading = reading("arrow-ipc");
    reading.ask(attaching("r").with("codec", "arrow-ipc")).requireError("CODEC_DIFFERS");
  }

  @Test
  @DisplayName(
      "QDS1-FILE-02 a reader finds the channel that appears while it waits; else it says so")
  @IfThisFails(
      "look at how long a reader waits for a channel, and at the temporary name under which"
          + " a creator fills it")
  void channelAppears() throws IOException {
    Peer reading = reading();
    reading.ask(attaching("none")).requireError("NO_SUCH_CHANNEL");
    reading.send(attaching("r").with("timeoutMs", 60_000));
    End writer = create(writing(), creating(newName("w")).with("arenaLength", 64 * SMALL_ARENA));
    reading.answer().ok().require("sequence", 0);
    new End(reading, "reader", "r").read(writer.write(10));
  }

  @Test
  @DisplayName("QDS1-END-05 a reader that met the end goes on with a successor")
  @IfThisFails("look at what a reader remembers of an end: it looks again at each read")
  void successorAfterAnEnd() throws IOException {
    End writer = create(writing());
    End reader = attach(reading());
    writer.write(10);
    writer.close();
    reader.read(0);
    reader.tryRead(20_000).ok().requireEnd("CLOSED");
    End successor = create(writing());
    assertEquals(1, successor.write(10));
    reader.read(1);
  }

  @Test
  @DisplayName("QDS1-LEAVE-05 what a reader holds when it is closed stays intact until released")
  @IfThisFails("look at the steps of a reader that leaves with loans: pins, leftCursor, LINGERING")
  void lingering() throws IOException {
    End writer = create(writing());
    End leaving = attach(reading("hold"));
    End other = attach(peer(pair.second()));
    writer.send(3, 2000, 2000);
    leaving.hold("a", 0);
    leaving.hold("b", 1);
    leaving.close();
    other.drain(3);
    other.peer().send(other.draining().with("count", 60));
    writer.send(60, 0, 9000);
    other.peer().answer().ok().require("count", 60);
    leaving.check("a");
    leaving.release("a");
    leaving.check("b");
    leaving.release("b");
    other.close();
    writer.close();
    assertFalse(segment().exists(), "nobody is left, and all was read");
  }
}
