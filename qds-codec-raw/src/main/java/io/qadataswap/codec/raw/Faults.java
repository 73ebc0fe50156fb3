package io.qadataswap.codec.raw;

import io.qadataswap.api.QdsException;

/** Words what is wrong with one channel's messages. */
final class Faults {
  private final String channel;
  private long sequence = -1;

  Faults(String channel) {
    this.channel = channel;
  }

  /** Words what is wrong with messages of the same channel. */
  Faults(Faults other) {
    this(other.channel);
  }

  /** Tells which message the next refusals are about. */
  void message(long messageSequence) {
    sequence = messageSequence;
  }

  String place() {
    return sequence < 0 ? "channel=" + channel : "channel=" + channel + " message=" + sequence;
  }

  /** A message that no correct writer stores. */
  QdsException corrupt(String field, String found, String allowed) {
    return new QdsException(
        QdsException.Reason.CORRUPT,
        place()
            + " field="
            + field
            + ": found "
            + found
            + ", allowed "
            + allowed
            + "; the message is damaged or was not written as a raw batch: read on behind it, and"
            + " check the program that wrote it");
  }

  /** Something of a later version of the format. */
  QdsException unsupported(String field, String found) {
    return new QdsException(
        QdsException.Reason.UNSUPPORTED,
        place()
            + " field="
            + field
            + ": "
            + found
            + " is not supported; use the same version of QDS on both sides");
  }
}
