package io.qadataswap.cli;

/** Ends a command with one line for the user and an exit code. */
final class ToolException extends RuntimeException {
  private static final long serialVersionUID = 1;

  private final int exitCode;

  ToolException(String message) {
    this(ExitCode.TROUBLE, message, null);
  }

  ToolException(String message, Throwable cause) {
    this(ExitCode.TROUBLE, message, cause);
  }

  ToolException(int exitCode, String message, Throwable cause) {
    super(message, cause);
    this.exitCode = exitCode;
  }

  int exitCode() {
    return exitCode;
  }
}
