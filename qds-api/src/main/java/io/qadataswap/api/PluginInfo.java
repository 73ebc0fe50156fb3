package io.qadataswap.api;

import java.util.Optional;

/**
 * One plugin that {@link java.util.ServiceLoader} knows of.
 *
 * @param name by which it is chosen; the class name if it could not be loaded
 * @param rank among its kind
 * @param className of the provider
 * @param unavailableReason why it cannot be used here; empty if it can
 */
public record PluginInfo(
    String name, int rank, String className, Optional<Unavailability> unavailableReason) {}
