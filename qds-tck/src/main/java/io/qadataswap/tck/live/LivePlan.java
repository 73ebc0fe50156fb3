package io.qadataswap.tck.live;

import com.fasterxml.jackson.core.JsonProcessingException;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * Which programs are tried with which.
 *
 * @param pairs each direction of two programs is one of its own
 * @param alone programs that are tried by themselves, with the fixtures and the protocol
 */
record LivePlan(List<Pair> pairs, List<PeerProgram> alone) {
  /** Tries each program of these pairs by itself, too. */
  LivePlan(List<Pair> pairs) {
    this(pairs, programs(pairs));
  }

  /** Every peer with each reference, and the peers among themselves. */
  static LivePlan full(List<PeerProgram> references, List<PeerProgram> peers) {
    List<Pair> pairs = new ArrayList<>();
    for (PeerProgram peer : peers) {
      for (PeerProgram reference : references) {
        pairs.add(new Pair(reference, peer));
        pairs.add(new Pair(peer, reference));
      }
      for (PeerProgram other : peers) {
        if (!other.equals(peer)) {
          pairs.add(new Pair(peer, other));
        }
      }
    }
    addReferences(references, pairs);
    return new LivePlan(pairs);
  }

  /**
   * Every peer with one reference, each with another one, and in a circle among themselves; by
   * themselves the peers and one reference.
   */
  static LivePlan bounded(List<PeerProgram> references, List<PeerProgram> peers) {
    List<Pair> pairs = new ArrayList<>();
    for (int i = 0; i < peers.size(); i++) {
      PeerProgram peer = peers.get(i);
      PeerProgram reference = references.get(i % references.size());
      pairs.add(new Pair(reference, peer));
      pairs.add(new Pair(peer, reference));
      if (peers.size() > 1) {
        pairs.add(new Pair(peer, peers.get((i + 1) % peers.size())));
      }
    }
    if (peers.isEmpty()) {
      addReferences(references, pairs);
    }
    List<PeerProgram> alone = new ArrayList<>(references.subList(0, 1));
    alone.addAll(peers);
    return new LivePlan(pairs, alone);
  }

  private static void addReferences(List<PeerProgram> references, List<Pair> pairs) {
    for (int i = 1; i < references.size(); i++) {
      pairs.add(new Pair(references.get(i - 1), references.get(i)));
    }
  }

  /** Returns every program of the pairs once. */
  List<PeerProgram> programs() {
    return programs(pairs);
  }

  private static List<PeerProgram> programs(List<Pair> pairs) {
    Set<PeerProgram> programs = new LinkedHashSet<>();
    for (Pair pair : pairs) {
      programs.add(pair.first());
      programs.add(pair.second());
    }
    return List.copyOf(programs);
  }

  String toJson() {
    try {
      return Request.JSON.writeValueAsString(this);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(e);
    }
  }

  static LivePlan fromJson(String text) {
    try {
      return Request.JSON.readValue(text, LivePlan.class);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("no plan of live rules: " + e.getMessage(), e);
    }
  }
}
