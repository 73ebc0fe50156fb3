package io.qadataswap.cli;

import picocli.CommandLine.Command;

/** Prints versions. */
@Command(
    name = "version",
    description = "Prints the versions of the tool and of Java.",
    mixinStandardHelpOptions = true)
final class VersionCommand implements Runnable {
  @Override
  public void run() {
    for (String line : new Main.Version().getVersion()) {
      System.out.println(line);
    }
  }
}
