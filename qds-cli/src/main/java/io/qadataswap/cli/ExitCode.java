package io.qadataswap.cli;

import io.qadataswap.api.QdsException;

/** The tool's exit codes; {@link Main} lists them for users. */
final class ExitCode {
  static final int OK = 0;

  /** Two data sets are not the same. */
  static final int DIFFERENT = 1;

  /** Wrong usage, bad input, or a failure of the environment. */
  static final int TROUBLE = 2;

  static final int NO_CHANNEL = 3;
  static final int WRITER_DIED = 4;
  static final int IN_USE = 5;
  static final int CORRUPT = 6;

  /** As shells report a process that Ctrl-C ended. */
  static final int INTERRUPTED = 130;

  private ExitCode() {}

  static int of(QdsException.Reason reason) {
    return switch (reason) {
      case NO_SUCH_CHANNEL -> NO_CHANNEL;
      case WRITER_DIED -> WRITER_DIED;
      case IN_USE, SECOND_WRITER, CHANNEL_EXISTS, READER_TABLE_FULL -> IN_USE;
      case CORRUPT -> CORRUPT;
      case INTERRUPTED -> INTERRUPTED;
      default -> TROUBLE;
    };
  }
}
