package io.qadataswap.api;

import java.util.Objects;

/**
 * Why a plugin cannot work in this process.
 *
 * @param reason the kind: {@code FLAG_MISSING}, {@code JDK_TOO_OLD}, {@code PLATFORM_UNSUPPORTED},
 *     or {@code NO_PROVIDER} for all else
 * @param text a sentence with the cause and the remedy, such as the exact JVM flag
 */
public record Unavailability(QdsException.Reason reason, String text) {
  /**
   * Creates the answer.
   *
   * @throws NullPointerException if something is missing
   */
  public Unavailability {
    Objects.requireNonNull(reason, "reason");
    Objects.requireNonNull(text, "text");
  }
}
