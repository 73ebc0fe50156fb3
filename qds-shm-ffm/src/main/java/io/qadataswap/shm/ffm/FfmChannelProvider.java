package io.qadataswap.shm.ffm;

import java.util.Optional;

/**
 * Says whether channels on {@code java.lang.foreign} can work here. Compiled for Java 17, so that
 * an older Java gets a sentence instead of a class that it cannot load; it reaches the module's
 * other classes, which need Java 22, only by name.
 */
public final class FfmChannelProvider {

  private static final int MINIMUM_JAVA = 22;

  /** Called by the service loader. */
  public FfmChannelProvider() {}

  /**
   * Tells why this backend cannot work in this JVM.
   *
   * @return the reason and the remedy, or empty if it can work.
   */
  public Optional<String> unavailability() {
    int java = Runtime.version().feature();
    return java >= MINIMUM_JAVA
        ? Optional.empty()
        : Optional.of(
            "qds-shm-ffm needs Java "
                + MINIMUM_JAVA
                + " or later, this is Java "
                + java
                + ": run on a later Java or use qds-shm-agrona");
  }
}
