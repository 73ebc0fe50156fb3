package io.qadataswap.tck.live;

import java.util.List;

/**
 * A program that speaks the peer protocol.
 *
 * @param name in reports; short
 * @param command that starts it, with its arguments
 */
public record PeerProgram(String name, List<String> command) {
  /** Copies the list. */
  public PeerProgram {
    command = List.copyOf(command);
  }

  @Override
  public String toString() {
    return name;
  }
}
