package org.example.ffm;

import io.qadataswap.api.Unavailability;
import io.qadataswap.api.channel.ChannelProvider;
import java.util.Optional;
import java.util.ServiceLoader;

/** Asks qds-shm-ffm whether it can work on this Java, also on one too old for it. */
public final class Main {

  private Main() {}

  /**
   * Fails unless qds-shm-ffm is found and its answer fits this Java.
   *
   * @param arguments the path to run on: class-path or module-path.
   */
  public static void main(String[] arguments) {
    ChannelProvider ffm =
        ServiceLoader.load(ChannelProvider.class).findFirst().orElseThrow(AssertionError::new);
    if (ffm.getClass().getModule().isNamed() != arguments[0].equals("module-path")) {
      throw new AssertionError(arguments[0] + ", but found in " + ffm.getClass().getModule());
    }

    Optional<Unavailability> reason = ffm.unavailableReason();
    System.out.println(
        Runtime.version()
            + ", "
            + ffm.name()
            + ": "
            + reason.map(Unavailability::text).orElse("usable"));
    if (reason.isPresent() != Runtime.version().feature() < 22) {
      throw new AssertionError("qds-shm-ffm works on Java 22 and later, and only there");
    }
  }
}
