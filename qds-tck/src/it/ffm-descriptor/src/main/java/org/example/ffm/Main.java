package org.example.ffm;

import io.qadataswap.shm.ffm.FfmChannelProvider;
import java.util.Optional;

/** Asks qds-shm-ffm whether it can work on this Java, also on one too old for it. */
public final class Main {

  private Main() {}

  /**
   * Fails unless the answer fits this Java and the path that the argument names.
   *
   * @param arguments class-path or module-path.
   */
  public static void main(String[] arguments) {
    boolean modulePath = FfmChannelProvider.class.getModule().isNamed();
    if (modulePath != arguments[0].equals("module-path")) {
      throw new AssertionError(
          arguments[0] + ", but module " + FfmChannelProvider.class.getModule());
    }

    Optional<String> unavailability = new FfmChannelProvider().unavailability();
    System.out.println(Runtime.version() + ": " + unavailability.orElse("usable"));
    if (unavailability.isPresent() != Runtime.version().feature() < 22) {
      throw new AssertionError("qds-shm-ffm works on Java 22 and later, and only there");
    }
  }
}
