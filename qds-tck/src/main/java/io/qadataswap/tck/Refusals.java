package io.qadataswap.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.qadataswap.api.QdsException;
import io.qadataswap.api.QdsException.Reason;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.function.Executable;

/** What has to be refused, how, and in what words. */
final class Refusals {
  private static final Set<Reason> NOT_TOGETHER =
      Set.of(
          Reason.UNSUPPORTED,
          Reason.FLAG_MISSING,
          Reason.JDK_TOO_OLD,
          Reason.PLATFORM_UNSUPPORTED,
          Reason.NO_PROVIDER);

  private Refusals() {}

  /** Checks that something is refused for a reason, in words that name what they should. */
  static void assertRefused(Reason reason, Executable action, Object... named) {
    QdsException refusal = assertThrows(QdsException.class, action);
    assertEquals(reason, refusal.reason(), refusal.getMessage());
    for (Object part : named) {
      assertTrue(refusal.getMessage().contains(part.toString()), part + " in: " + refusal);
    }
  }

  /**
   * Checks that somebody who opens what does not work together learns why, and what to do.
   *
   * @param plugins one of them is named
   */
  static void requireExplained(QdsException refusal, String... plugins) {
    String text = refusal.getMessage();
    assertTrue(NOT_TOGETHER.contains(refusal.reason()), () -> refusal.reason() + ": " + text);
    assertTrue(Stream.of(plugins).anyMatch(text::contains), () -> "names no plugin: " + text);
    assertTrue(text.contains("; "), () -> "names no remedy: " + text);
  }
}
