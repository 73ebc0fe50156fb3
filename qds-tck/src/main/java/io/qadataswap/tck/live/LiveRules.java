package io.qadataswap.tck.live;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.extension.ExtendWith;

/** What all live rules use: peers, a directory, and short forms of the usual requests. */
@ExtendWith(LiveExtension.class)
abstract class LiveRules {
  static final String CHANNEL = "c";
  static final long SEED = 0x5EED_0F71_C0DE_2A17L;

  /** The least arena of the protocol. */
  static final long SMALL_ARENA = 65_536;

  /** The largest message of a small arena (QDS1-HDR-07). */
  static final long HALF = SMALL_ARENA / 2 - 64;

  private static final AtomicLong NAME = new AtomicLong();

  private final List<Peer> peers = new ArrayList<>();
  private PeerPool pool;
  private Path directory;

  void begin(PeerPool peerPool) throws IOException {
    pool = peerPool;
    directory = Directories.create();
  }

  void end() throws IOException {
    try {
      for (Peer peer : peers) {
        pool.giveBack(peer);
      }
    } finally {
      peers.clear();
      Directories.delete(directory);
    }
  }

  Path directory() {
    return directory;
  }

  Segment segment() {
    return new Segment(directory.resolve(CHANNEL + ".qds"));
  }

  /** Takes a peer, which can do what the rule needs; otherwise the rule is skipped. */
  Peer peer(PeerProgram program, String... capabilities) throws IOException {
    Peer peer = pool.take(program);
    peers.add(peer);
    require(peer, capabilities);
    return peer;
  }

  /** Skips the rule unless a peer can do something. */
  static void require(Peer peer, String... capabilities) {
    for (String capability : capabilities) {
      assumeTrue(peer.can(capability), () -> peer.name() + " lacks " + capability);
    }
  }

  /** A participant of a peer. */
  record End(Peer peer, String kind, String name) {
    Request request(String op) {
      return Request.of(op).with(kind, name);
    }

    Answer ask(Request request) {
      return peer.ask(request);
    }

    Answer close() {
      return ask(request("close")).ok();
    }

    // ------------------------------------------------------------ of writers

    /** Writes, and returns the sequence. */
    long write(long length) {
      return tryWrite(length, 20_000).inTime().sequence();
    }

    Answer tryWrite(long length, long timeoutMs) {
      return ask(
          request("write").with("length", length).with("seed", SEED).with("timeoutMs", timeoutMs));
    }

    Request sending(long count, long minLength, long maxLength) {
      return request("send")
          .with("count", count)
          .with("seed", SEED)
          .with("minLength", minLength)
          .with("maxLength", maxLength)
          .with("timeoutMs", 20_000);
    }

    /** Sends messages, and returns the sequence of the last. */
    long send(long count, long minLength, long maxLength) {
      return ask(sending(count, minLength, maxLength)).inTime().require("count", count).sequence();
    }

    // ------------------------------------------------------------ of readers

    Answer tryRead(long timeoutMs) {
      return ask(request("read").with("seed", SEED).with("timeoutMs", timeoutMs));
    }

    /** Reads the message with a sequence. */
    Answer read(long sequence) {
      return tryRead(20_000).inTime().require("sequence", sequence);
    }

    Answer tryHold(String message, long timeoutMs) {
      return ask(holding(message, timeoutMs));
    }

    Request holding(String message, long timeoutMs) {
      return request("hold")
          .with("message", message)
          .with("seed", SEED)
          .with("timeoutMs", timeoutMs);
    }

    Answer hold(String message, long sequence) {
      return tryHold(message, 20_000).inTime().require("sequence", sequence);
    }

    Answer check(String message) {
      return ask(Request.of("check").with("message", message).with("seed", SEED)).ok();
    }

    Answer release(String message) {
      return ask(Request.of("release").with("message", message)).ok();
    }

    /** A request to read until the end. */
    Request draining() {
      return request("drain").with("seed", SEED).with("timeoutMs", 20_000);
    }

    Answer drain(long count) {
      return ask(draining().with("count", count)).ok().require("count", count);
    }
  }

  /** Begins a request to create the channel. */
  Request creating(String writer) {
    return Request.of("create")
        .with("writer", writer)
        .with("directory", directory.toString())
        .with("channel", CHANNEL)
        .with("slotCount", 8)
        .with("arenaLength", SMALL_ARENA);
  }

  Request attaching(String reader) {
    return Request.of("attach")
        .with("reader", reader)
        .with("directory", directory.toString())
        .with("channel", CHANNEL);
  }

  End create(Peer peer) {
    return create(peer, creating(newName("w")));
  }

  End create(Peer peer, Request creating) {
    peer.ask(creating).ok().sequence();
    return new End(peer, "writer", creating.text("writer"));
  }

  End attach(Peer peer) {
    return attach(peer, attaching(newName("r")));
  }

  End observe(Peer peer) {
    return attach(peer, attaching(newName("o")).with("mode", "OBSERVER"));
  }

  End attach(Peer peer, Request attaching) {
    peer.ask(attaching).ok().sequence();
    return new End(peer, "reader", attaching.text("reader"));
  }

  static String newName(String prefix) {
    return prefix + NAME.incrementAndGet();
  }
}
