package io.qadataswap.tck.live;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.qadataswap.tck.IfThisFails;
import java.io.IOException;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.ArgumentsSource;

/** Whoever waits is woken. */
@ParameterizedClass(name = "{0}", allowZeroInvocations = true)
@ArgumentsSource(LiveExtension.Pairs.class)
@DisplayName("Waiting")
class WaitRules extends LiveRules {
  private static final int ROUND_COUNT = 60 * Integer.getInteger("qds.stress", 1);
  private static final long MAX_PAUSE_US = 3000;

  /** A participant that nobody wakes sleeps 100 ms (QDS1-WAIT-03). */
  private static final long HALF_SLEEP_NS = TimeUnit.MILLISECONDS.toNanos(50);

  private static final int SLEEP_COUNT = 21;

  @Parameter Pair pair;

  @Test
  @DisplayName("QDS1-WAIT-01 no wake-up is lost by a reader that sleeps")
  @IfThisFails(
      "look at the fences around waitingFor and readersWaiting on the one side, published on the"
          + " other; at the word that is slept on (the low half of published, a shared futex); and"
          + " at wakes and writerWakes, which are 0 where nobody will wake")
  void wakesWhoSleeps() throws IOException {
    End writer = create(peer(pair.first(), "write"));
    Peer sleeper = peer(pair.second(), "read");
    End reader = attach(sleeper);
    long[] wakingNs = new long[SLEEP_COUNT];
    for (int i = 0; i < SLEEP_COUNT; i++) {
      sleeper.send(reader.request("read").with("timeoutMs", -1));
      segment().awaitWaitingReader(0);
      writer.write(10);
      long writtenNs = System.nanoTime();
      sleeper.answer().ok().require("sequence", i);
      wakingNs[i] = System.nanoTime() - writtenNs;
    }
    Arrays.sort(wakingNs);
    long medianNs = wakingNs[SLEEP_COUNT / 2];
    assertTrue(
        medianNs < HALF_SLEEP_NS,
        () ->
            "half of the sleeps went on for more than "
                + medianNs
                + " ns after the message was there: they ended by themselves, nobody woke the"
                + " sleeper"
                + writer.peer().errorOutput()
                + sleeper.errorOutput());
  }

  @Test
  @DisplayName("QDS1-WAIT-01 everything arrives, whoever has gone to sleep meanwhile")
  @IfThisFails("look at the fences around the words by which sleepers announce themselves")
  void pingPong() throws IOException {
    Peer first = peer(pair.first(), "ping");
    Peer second = peer(pair.second(), "ping");
    End there = create(first, creating(newName("w")));
    End back = create(second, creating(newName("w")).with("channel", "back"));
    End there2 = attach(second);
    End back2 = attach(first, attaching(newName("r")).with("channel", "back"));
    second.send(playing("pong", back, there2));
    first.send(playing("ping", there, back2));
    first.answer().ok().require("count", ROUND_COUNT);
    second.answer().ok().require("count", ROUND_COUNT);
  }

  private static Request playing(String op, End writer, End reader) {
    return Request.of(op)
        .with("writer", writer.name())
        .with("reader", reader.name())
        .with("count", ROUND_COUNT)
        .with("seed", SEED)
        .with("timeoutMs", 20_000)
        .with("maxPauseUs", MAX_PAUSE_US);
  }

  @Test
  @DisplayName("QDS1-WAIT-04 a reader that waits without end sees the end")
  @IfThisFails(
      "look at whether a sleeping reader looks at the end now and then, and at the order:"
          + " first CLOSED, then the stamp once more")
  void endWhileWaiting() throws IOException {
    End writer = create(peer(pair.first(), "write"));
    End reader = attach(peer(pair.second(), "read"));
    reader.peer().send(reader.draining().with("timeoutMs", -1));
    segment().awaitWaitingReader(0);
    writer.write(10);
    writer.close();
    reader.peer().answer().ok().require("count", 1).requireEnd("CLOSED");
  }

  @Test
  @DisplayName(
      "QDS1-WAIT-01 a writer that waits without end is woken by the reader that makes room")
  @IfThisFails(
      "look at writerWaiting and its fences, and at who looks at it: who releases, leaves,"
          + " clears a pin or evicts")
  void roomWhileWaiting() throws IOException {
    End writer = create(peer(pair.first(), "write"));
    End reader = attach(peer(pair.second(), "read"));
    long count = 30;
    writer.peer().send(writer.sending(count, 0, 100).with("timeoutMs", -1));
    for (int i = 0; i < count - 8; i++) {
      long full = i + 8L;
      segment().await(Segment.PUBLISHED, published -> published == full);
      reader.read(i);
    }
    writer.peer().answer().ok().require("count", count);
    reader.close();
  }

  @Test
  @DisplayName("QDS1-WAIT-01 a reader that leaves lets a waiting writer go on")
  @IfThisFails("look at the end of leaving: fence, then wake the writer if it waits")
  void leaveWhileWriterWaits() throws IOException {
    End writer = create(peer(pair.first(), "write"));
    End slow = attach(peer(pair.second(), "read"));
    End other = attach(peer(pair.second()));
    other.peer().send(other.draining().with("count", 20));
    writer.peer().send(writer.sending(20, 0, 100).with("timeoutMs", -1));
    segment().await(Segment.PUBLISHED, published -> published == 8);
    slow.close();
    writer.peer().answer().ok().require("count", 20);
    other.peer().answer().ok().require("count", 20);
  }
}
