package io.qadataswap.cli;

import picocli.CommandLine;
import picocli.CommandLine.Command;

/** The tool's entry point. */
@Command(
    name = "qds",
    description = "Moves columnar data between processes through shared memory.",
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class)
public final class Main implements Runnable {

  @picocli.CommandLine.Spec private picocli.CommandLine.Model.CommandSpec spec;

  private Main() {}

  /**
   * Runs one command and exits with its exit code.
   *
   * @param arguments of the command line.
   */
  public static void main(String[] arguments) {
    System.exit(new CommandLine(new Main()).execute(arguments));
  }

  @Override
  public void run() {
    spec.commandLine().usage(System.out);
  }

  static final class Version implements CommandLine.IVersionProvider {
    @Override
    public String[] getVersion() {
      return new String[] {"qds " + Main.class.getPackage().getImplementationVersion()};
    }
  }
}
