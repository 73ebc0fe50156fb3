package io.qadataswap.cli;

import java.util.Optional;
import picocli.CommandLine.Option;

/** The option that chooses a backend. */
final class BackendOption {
  @Option(
      names = "--backend",
      paramLabel = "NAME",
      description = "Backend of this side: ffm or agrona. Default: the best that works here.")
  private String backend;

  Optional<String> name() {
    return Optional.ofNullable(backend);
  }
}
