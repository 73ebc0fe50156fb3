package io.qadataswap.api;

import java.util.Optional;

/**
 * What every plugin of QDS says of itself. Plugins are found by {@link java.util.ServiceLoader} and
 * by nothing else, chosen by name, else by rank among those that can work here.
 *
 * <p>Any thread may call; no method blocks. A provider that throws, or cannot be loaded, is listed
 * with what it threw, and not used.
 */
public interface QdsProvider {
  /** The version of the service interfaces that this release of QDS speaks. */
  int API_VERSION = 1;

  /**
   * Returns the unique name by which users choose this plugin.
   *
   * @return lower-case ASCII, such as {@code ffm} or {@code qds1}
   */
  String name();

  /**
   * Returns the preference among the plugins of one kind: the highest usable rank is the default.
   * Two usable plugins of the same highest rank are an error that the user resolves by choosing
   * one.
   *
   * @return the rank; the built-in ones use 10 to 100
   */
  int rank();

  /**
   * Returns the version of the service interfaces that this plugin was written for.
   *
   * @return the version, normally {@link #API_VERSION} as a literal
   */
  int apiVersion();

  /**
   * Says why this plugin cannot work in this process, and what would change that.
   *
   * @return the kind, the cause and the remedy; empty if it works
   */
  Optional<Unavailability> unavailableReason();
}
