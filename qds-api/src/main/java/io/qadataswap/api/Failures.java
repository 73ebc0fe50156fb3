package io.qadataswap.api;

/**
 * Turns what the memory access of a damaged mapping throws into an exception that names the
 * channel.
 */
final class Failures {
  private Failures() {}

  static QdsException cutShort(String channel, InternalError cause) {
    return new QdsException(
        QdsException.Reason.CORRUPT,
        "channel="
            + channel
            + ": the segment file was cut short while it was mapped; close this end, remove the"
            + " channel and create it again",
        cause);
  }

  static String requireName(String name) {
    if (!name.matches("[A-Za-z0-9][A-Za-z0-9._-]{0,99}")) {
      throw new IllegalArgumentException(
          "channel name="
              + name
              + " allowed=1 to 100 of the characters A-Z a-z 0-9 . _ -, starting with a letter or"
              + " digit");
    }
    return name;
  }
}
