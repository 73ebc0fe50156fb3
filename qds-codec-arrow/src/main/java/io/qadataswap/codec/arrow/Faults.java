package io.qadataswap.codec.arrow;

import io.qadataswap.api.QdsException;

/** Words what is wrong with one channel's messages and values. */
final class Faults {
  private static final long NO_MESSAGE = -1;

  private final String channel;
  private long sequence = NO_MESSAGE;

  Faults(String channel) {
    this.channel = channel;
  }

  String channel() {
    return channel;
  }

  /** Tells which message the next refusals are about. */
  void message(long messageSequence) {
    sequence = messageSequence;
  }

  /** Returns the message that refusals are about. */
  long message() {
    return sequence;
  }

  /** Returns the channel, and the message if there is one, as every refusal names them. */
  String place() {
    return sequence == NO_MESSAGE ? "channel=" + channel : place(channel, sequence);
  }

  /** Returns how refusals name a message. */
  static String place(String channel, long sequence) {
    return "channel=" + channel + " message=" + sequence;
  }

  /** A message that no correct writer stores. */
  QdsException corrupt(String field, String found, String allowed) {
    return corrupt(field, found, allowed, null);
  }

  QdsException corrupt(String field, String found, String allowed, Throwable cause) {
    return new QdsException(
        QdsException.Reason.CORRUPT,
        place()
            + " field="
            + field
            + ": found "
            + found
            + ", allowed "
            + allowed
            + "; the message is damaged or was not written as an Arrow IPC stream: read on behind"
            + " it, and check the program that wrote it",
        cause);
  }

  /** Something that is right, but beyond this codec. */
  QdsException unsupported(String field, String found, String remedy) {
    return unsupported(field, found, remedy, null);
  }

  QdsException unsupported(String field, String found, String remedy, Throwable cause) {
    return new QdsException(
        QdsException.Reason.UNSUPPORTED,
        place() + " field=" + field + ": " + found + " is not supported; " + remedy,
        cause);
  }

  /** A value that the user has not finished, or put together wrongly. */
  IllegalArgumentException misuse(String field, String found, String remedy) {
    return new IllegalArgumentException(place() + " field=" + field + ": " + found + "; " + remedy);
  }
}
