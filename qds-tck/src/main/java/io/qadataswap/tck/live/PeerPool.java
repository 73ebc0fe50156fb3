package io.qadataswap.tck.live;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;

/** Peers that run and are in nobody's use: starting one may take seconds. Used by any thread. */
final class PeerPool implements AutoCloseable {
  private final Map<PeerProgram, Deque<Peer>> idle = new HashMap<>();
  private final Path directory;

  PeerPool() throws IOException {
    directory = Files.createTempDirectory("qds-tck-peers");
  }

  /** Takes a peer; it has nothing open. */
  Peer take(PeerProgram program) throws IOException {
    Peer peer = poll(program);
    return peer == null ? new Peer(program, directory) : peer;
  }

  private synchronized Peer poll(PeerProgram program) {
    return idle.computeIfAbsent(program, p -> new ArrayDeque<>()).poll();
  }

  /** Takes a peer back, or another one in the place of one that is dead or in disorder. */
  void giveBack(Peer peer) throws IOException {
    Peer next = peer;
    if (!peer.reset()) {
      peer.close();
      // It starts while others are used.
      next = new Peer(peer.program(), directory);
    }
    add(next);
  }

  private synchronized void add(Peer peer) {
    idle.get(peer.program()).add(peer);
  }

  @Override
  public synchronized void close() throws IOException {
    for (Deque<Peer> peers : idle.values()) {
      peers.forEach(Peer::close);
    }
    Directories.delete(directory);
  }
}
