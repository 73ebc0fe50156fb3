package io.qadataswap.tck.live;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;

/** Peers that run and are in nobody's use: starting one may take seconds. */
final class PeerPool implements AutoCloseable {
  private final Map<PeerProgram, Deque<Peer>> idle = new HashMap<>();
  private final Path directory;

  PeerPool() throws IOException {
    directory = Files.createTempDirectory("qds-tck-peers");
  }

  /** Takes a peer; it has nothing open. */
  Peer take(PeerProgram program) throws IOException {
    Deque<Peer> peers = idle.computeIfAbsent(program, p -> new ArrayDeque<>());
    Peer peer = peers.poll();
    return peer == null ? new Peer(program, directory) : peer;
  }

  /** Takes a peer back, or another one in the place of one that is dead or in disorder. */
  void giveBack(Peer peer) throws IOException {
    Peer next = peer;
    if (!peer.reset()) {
      peer.close();
      // It starts while others are used.
      next = new Peer(peer.program(), directory);
    }
    idle.get(peer.program()).add(next);
  }

  @Override
  public void close() throws IOException {
    for (Deque<Peer> peers : idle.values()) {
      peers.forEach(Peer::close);
    }
    Directories.delete(directory);
  }
}
