package io.qadataswap.tck;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.qadataswap.api.QdsProvider;
import io.qadataswap.api.Unavailability;
import io.qadataswap.api.channel.ChannelProvider;
import io.qadataswap.api.codec.CodecProvider;
import io.qadataswap.api.layout.RingLayout;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.ServiceLoader;

/** The plugins that the service loader finds on this JVM's path. */
final class Plugins {
  private Plugins() {}

  /** Returns the backend of a name; where it cannot work, the rule is skipped with its reason. */
  static ChannelProvider backend(String name) {
    return usable(named(ServiceLoader.load(ChannelProvider.class), name));
  }

  /** Returns the layout of a name; where it cannot work, the rule is skipped with its reason. */
  static RingLayout layout(String name) {
    return usable(named(ServiceLoader.load(RingLayout.class), name));
  }

  static Optional<CodecProvider> codec(String id) {
    return ServiceLoader.load(CodecProvider.class).stream()
        .map(ServiceLoader.Provider::get)
        .filter(provider -> provider.name().equals(id))
        .findFirst();
  }

  /** Returns the usable backend of the highest rank; without one the rule is skipped. */
  static ChannelProvider anyBackend() {
    List<ChannelProvider> backends =
        ServiceLoader.load(ChannelProvider.class).stream()
            .map(ServiceLoader.Provider::get)
            .sorted(Comparator.comparingInt(ChannelProvider::rank).reversed())
            .toList();
    return backends.stream()
        .filter(backend -> backend.unavailableReason().isEmpty())
        .findFirst()
        .orElseGet(() -> {
          assumeTrue(
              !backends.isEmpty(),
              "there is no backend on the path: add io.qadataswap:qds-shm-ffm or"
                  + " io.qadataswap:qds-shm-agrona to the tests");
          return usable(backends.get(0));
        });
  }

  private static <P extends QdsProvider> P named(ServiceLoader<P> found, String name) {
    return found.stream()
        .map(ServiceLoader.Provider::get)
        .filter(provider -> provider.name().equals(name))
        .findFirst()
        .orElseThrow(() -> new AssertionError("no provider is named " + name));
  }

  private static <P extends QdsProvider> P usable(P provider) {
    Optional<Unavailability> reason = provider.unavailableReason();
    assumeTrue(reason.isEmpty(), () -> provider.name() + ": " + reason.orElseThrow().text());
    return provider;
  }
}
