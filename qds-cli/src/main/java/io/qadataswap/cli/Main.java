package io.qadataswap.cli;

import io.qadataswap.api.IfExists;
import io.qadataswap.api.OverflowPolicy;
import io.qadataswap.api.Qds;
import io.qadataswap.api.QdsException;
import io.qadataswap.api.ReaderMode;
import java.io.IOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.logging.Level;
import java.util.logging.Logger;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;

/** The tool's entry point. */
@Command(
    name = "qds",
    description = "Moves Arrow data between processes through shared memory.",
    synopsisSubcommandLabel = "COMMAND",
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class,
    subcommands = {
      DemoCommand.class,
      SendCommand.class,
      RecvCommand.class,
      DiffCommand.class,
      LsCommand.class,
      InspectCommand.class,
      RmCommand.class,
      DoctorCommand.class,
      SoakCommand.class,
      TckCommand.class,
      VersionCommand.class,
      DemoWriterCommand.class,
      DemoReaderCommand.class,
      SoakReaderCommand.class,
      CommandLine.HelpCommand.class
    },
    commandListHeading = "%nCommands (and bench, which measures: ./qds bench --help):%n",
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:done; for diff: equal",
      "1:the data differ (diff, demo, soak); a rule is broken (tck)",
      "2:wrong usage, bad input, or a failure that the message names",
      "3:no such channel, also after waiting for it",
      "4:the writer died; what it had written was read",
      "5:in use by somebody else",
      "6:the channel is damaged",
      "130:ended by Ctrl-C"
    },
    footerHeading = "%nEnvironment:%n",
    footer = {
      "  QDS_DIR    directory of the channels, unless --dir is given",
      "  QDS_JDK    home of the JDK that runs the tool",
      "  QDS_DEBUG  if set, errors come with their stack traces"
    })
public final class Main {
  private static final boolean DEBUG = System.getenv("QDS_DEBUG") != null;

  /** Kept, since a logger that nobody holds loses its level. */
  private static final Logger ROOT_LOGGER = Logger.getLogger("");

  private Main() {}

  /**
   * Runs one command and exits with its exit code.
   *
   * @param arguments of the command line
   */
  public static void main(String[] arguments) {
    ROOT_LOGGER.setLevel(DEBUG ? Level.INFO : Level.WARNING);
    Interruption.runAndExit(() -> commandLine().execute(arguments));
  }

  static CommandLine commandLine() {
    CommandLine commandLine = new CommandLine(new Main());
    commandLine.registerConverter(Duration.class, Units::parseDuration);
    commandLine.setCaseInsensitiveEnumValuesAllowed(true);
    registerEnum(commandLine, OverflowPolicy.class);
    registerEnum(commandLine, IfExists.class);
    registerEnum(commandLine, ReaderMode.class);
    commandLine.setUsageHelpAutoWidth(true);
    commandLine.setParameterExceptionHandler((e, _) -> {
      boolean isUnknownCommand =
          e instanceof CommandLine.UnmatchedArgumentException
              && e.getCommandLine().getParent() == null;
      printError(
          (isUnknownCommand ? "no such command or option. " : "")
              + e.getMessage()
              + " (see: "
              + e.getCommandLine().getCommandSpec().qualifiedName()
              + " --help)");
      return ExitCode.TROUBLE;
    });
    commandLine.setExecutionExceptionHandler((e, _, _) -> {
      if (DEBUG) {
        e.printStackTrace();
      }
      return report(e);
    });
    return commandLine;
  }

  /** Takes constants as people write them: drop-oldest is DROP_OLDEST. */
  private static <E extends Enum<E>> void registerEnum(CommandLine commandLine, Class<E> type) {
    commandLine.registerConverter(
        type,
        text -> {
          for (E constant : type.getEnumConstants()) {
            if (constant.name().equalsIgnoreCase(text.replace('-', '_'))) {
              return constant;
            }
          }
          throw new CommandLine.TypeConversionException(
              "'" + text + "' is none of " + List.of(type.getEnumConstants()));
        });
  }

  /** Prints one line to standard error. */
  static void printError(String message) {
    System.err.println("qds: " + message.strip().replaceAll("\\s*\\R\\s*", " "));
  }

  /** Prints a line of information to standard error. */
  static void printNote(String message) {
    System.err.println(message);
  }

  private static int report(Exception failure) {
    if (failure instanceof InterruptedException
        || failure instanceof ClosedByInterruptException
        || Interruption.isRequested()) {
      return ExitCode.INTERRUPTED;
    }
    switch (failure) {
      case ToolException e -> {
        if (!e.getMessage().isEmpty()) {
          printError(e.getMessage());
        }
        return e.exitCode();
      }
      case QdsException e -> {
        printError(e.getMessage());
        return ExitCode.of(e.reason());
      }
      case IllegalArgumentException e -> printError(e.getMessage());
      case FileSystemException e -> printError(describe(e));
      case IOException e when "Broken pipe".equals(e.getMessage()) -> {
        // Whoever reads the output has seen enough, and knows it.
      }
      default -> printError(String.valueOf(failure));
    }
    return ExitCode.TROUBLE;
  }

  /** Returns the directory of the project, which the launcher knows. */
  static Path home() {
    String home = System.getProperty("qds.home");
    if (home == null) {
      throw new ToolException("the system property qds.home is missing: start the tool by ./qds");
    }
    return Path.of(home);
  }

  static String describe(FileSystemException failure) {
    String what =
        switch (failure) {
          case NoSuchFileException _ -> "no such file or directory";
          case AccessDeniedException _ -> "permission denied";
          default ->
              failure.getReason() == null
                  ? failure.getClass().getSimpleName()
                  : failure.getReason().toLowerCase(Locale.ROOT);
        };
    return failure.getFile() + ": " + what;
  }

  /** Says which version this is. */
  static final class Version implements IVersionProvider {
    @Override
    public String[] getVersion() {
      return new String[] {
        "qds " + Qds.version(),
        "Java "
            + Runtime.version()
            + ", "
            + System.getProperty("os.name")
            + " "
            + System.getProperty("os.arch")
      };
    }
  }
}
