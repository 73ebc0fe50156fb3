package io.qadataswap.tck.live;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.qadataswap.api.ChannelInfo;
import io.qadataswap.api.ParticipantInfo;
import io.qadataswap.api.Qds;
import io.qadataswap.api.QdsException;
import io.qadataswap.api.QdsException.Reason;
import io.qadataswap.tck.IfThisFails;
import java.io.IOException;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.ArgumentsSource;

/** The first program of a pair holds what the second would like to have. */
@ParameterizedClass(name = "{0}", allowZeroInvocations = true)
@ArgumentsSource(LiveExtension.Pairs.class)
@DisplayName("Locks and identity")
class LockRules extends LiveRules {
  @Parameter Pair pair;

  private Peer first(String... capabilities) throws IOException {
    return peer(pair.first(), capabilities);
  }

  private Peer second(String... capabilities) throws IOException {
    return peer(pair.second(), capabilities);
  }

  @Test
  @DisplayName("QDS1-LOCK-01 a second writer is refused, and the first goes on")
  @IfThisFails("look at the byte of the writer's lock, 2^62, and at the kind of lock (fcntl)")
  void secondWriter() throws IOException {
    End writer = create(first("write"));
    Peer second = second("write", "read");
    second.ask(creating("x")).requireError("SECOND_WRITER");
    End reader = attach(second);
    reader.read(writer.write(10));
  }

  @Test
  @DisplayName("QDS1-ID-03 a writer that is stopped is alive")
  @IfThisFails("look at how you find a writer dead: its lock must be free and its process gone")
  void stoppedWriter() throws IOException {
    End writer = create(first("write"));
    Peer second = second("write", "read");
    End reader = attach(second);
    writer.peer().stop();
    try {
      second.ask(creating("x")).requireError("SECOND_WRITER");
      reader.tryRead(300).requireTimeout();
    } finally {
      writer.peer().goOn();
    }
    reader.read(writer.write(10));
  }

  @Test
  @DisplayName("QDS1-EVICT-01 a reader that is stopped keeps its entry and what it is due")
  @IfThisFails("look at how you find a reader dead: its lock must be free and its process gone")
  void stoppedReader() throws IOException {
    Peer second = second("write", "read");
    End writer = create(second, creating(newName("w")).with("readerEntryCount", 1));
    End reader = attach(first("read"));
    reader.peer().stop();
    try {
      writer.send(8, 10, 10);
      writer.tryWrite(10, 500).requireTimeout();
      second.ask(attaching("x")).requireError("READER_TABLE_FULL");
    } finally {
      reader.peer().goOn();
    }
    reader.drain(8).require("first", 0);
    reader.read(writer.write(10));
  }

  @Test
  @DisplayName("QDS1-JOIN-03 a full table is reported, and an entry that was left can be taken")
  @IfThisFails("look at readerEntryCount, and at the bytes of the entries' locks, 2^62 + 1 + i")
  void fullTable() throws IOException {
    End writer = create(first("write", "read"), creating(newName("w")).with("readerEntryCount", 2));
    End one = attach(writer.peer());
    attach(writer.peer());
    Peer second = second("read");
    second.ask(attaching("x")).requireError("READER_TABLE_FULL");
    one.close();
    End reader = attach(second);
    reader.read(writer.write(10));
  }

  @Test
  @DisplayName("QDS1-JOIN-03 the entries of dead readers can be taken")
  @IfThisFails("look at what a joiner does before it reports a full table: it evicts the dead")
  void fullTableOfTheDead() throws IOException {
    Peer second = second("write", "read");
    End writer = create(second, creating(newName("w")).with("readerEntryCount", 2));
    End dead = attach(first("read"));
    attach(dead.peer());
    dead.peer().kill();
    End reader = attach(second);
    reader.read(writer.write(10));
  }

  @Test
  @DisplayName("QDS1-ID-01 the record of each participant says who it is")
  @IfThisFails(
      "look at pid, start time, label and mode in the writer's record and the reader's entry")
  void records() throws IOException {
    Peer first = first("write", "read", "observe");
    create(first, creating("w").with("label", "w\u00e9"));
    attach(first, attaching("r").with("label", "reader"));
    attach(second("read", "observe"), attaching("o").with("mode", "OBSERVER").with("label", "o"));
    ChannelInfo info = Qds.inspect(directory(), CHANNEL, Qds.DEFAULT_LAYOUT);
    ParticipantInfo writer = info.writer().orElseThrow();
    assertEquals("w\u00e9", writer.label());
    assertEquals(first.pid(), writer.pid(), "pid of the writer");
    assertTrue(writer.alive());
    assertEquals(2, info.readers().size());
    for (ParticipantInfo reader : info.readers()) {
      boolean isObserver = reader.label().equals("o");
      assertEquals(isObserver ? "OBSERVER" : "LOSSLESS", reader.mode());
      assertTrue(reader.alive());
      if (!isObserver) {
        assertEquals("reader", reader.label());
        assertEquals(first.pid(), reader.pid(), "pid of the reader");
      }
    }
  }

  @Test
  @DisplayName(
      "QDS1-REM-03 a channel in use is not removed unless by force; all who use it see that")
  @IfThisFails("look at your locks: a remover takes all of them; and at the word removed")
  void removal() throws IOException {
    End writer = create(first("write"));
    End reader = attach(second("read"));
    writer.send(3, 10, 10);
    assertInUse();
    reader.close();
    assertInUse();
    reader = attach(second());
    writer.close();
    assertInUse();
    End successor = create(first());
    Qds.remove(directory(), CHANNEL, Qds.DEFAULT_LAYOUT, true);
    assertFalse(segment().exists());
    successor.tryWrite(10, 0).requireError("REMOVED");
    Answer drained = reader.ask(reader.draining()).ok();
    drained.require("count", 3).requireEnd("REMOVED");
  }

  private void assertInUse() {
    QdsException refused =
        assertThrows(
            QdsException.class,
            () -> Qds.remove(directory(), CHANNEL, Qds.DEFAULT_LAYOUT, false),
            "removal while somebody is attached");
    assertEquals(Reason.IN_USE, refused.reason());
  }

  @Test
  @DisplayName("QDS1-OPEN-04 a successor asks for the same geometry, or leaves it open")
  @IfThisFails("look at what you compare when the channel exists: what was asked for")
  void successorAsksForTheSame() throws IOException {
    End writer = create(first("write"));
    End reader = attach(second("write", "read"));
    writer.send(3, 10, 10);
    writer.close();
    Peer second = reader.peer();
    second.ask(creating("x").with("slotCount", 16)).requireError("GEOMETRY_DIFFERS");
    second.ask(creating("x").with("arenaLength", 2 * SMALL_ARENA)).requireError("GEOMETRY_DIFFERS");
    second.ask(creating("x").with("retainCount", 1)).requireError("GEOMETRY_DIFFERS");
    second.ask(creating("x").with("checksums", true)).requireError("GEOMETRY_DIFFERS");
    second.ask(creating("x")).ok().require("sequence", 3);
    End successor = new End(second, "writer", "x");
    assertEquals(3, successor.write(10));
    successor.close();
    Request leavingItOpen =
        Request.of("create")
            .with("writer", "y")
            .with("directory", directory().toString())
            .with("channel", CHANNEL);
    second.ask(leavingItOpen).ok().require("sequence", 4);
    reader.drain(4).require("last", 3);
  }
}
