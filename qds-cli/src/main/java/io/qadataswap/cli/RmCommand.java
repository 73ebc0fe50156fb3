package io.qadataswap.cli;

import io.qadataswap.api.QdsException;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Removes channels. */
@Command(
    name = "rm",
    description = "Removes channels with what they still hold; never one in use without --force.",
    mixinStandardHelpOptions = true)
final class RmCommand implements Callable<Integer> {
  @Parameters(arity = "1..*", paramLabel = "NAME", description = "The channels.")
  private List<String> names;

  @Mixin private ChannelOptions channels;

  @Option(
      names = {"-f", "--force"},
      description =
          "Also while somebody is attached: he keeps what he has mapped, and is told at his next"
              + " operation.")
  private boolean force;

  @Override
  public Integer call() {
    channels.sweep();
    int exitCode = ExitCode.OK;
    for (String name : names) {
      try {
        channels.remove(name, force);
      } catch (QdsException e) {
        Main.printError(e.getMessage());
        exitCode = exitCode == ExitCode.OK ? ExitCode.of(e.reason()) : exitCode;
      }
    }
    return exitCode;
  }
}
