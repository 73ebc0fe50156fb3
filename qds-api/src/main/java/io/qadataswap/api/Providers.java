package io.qadataswap.api;

import io.qadataswap.api.QdsException.Reason;
import io.qadataswap.api.channel.ChannelProvider;
import io.qadataswap.api.codec.CodecProvider;
import io.qadataswap.api.layout.RingLayout;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Finds plugins and chooses among them. A provider that cannot be loaded is listed with the reason
 * and does not keep the others from being found.
 */
final class Providers {
  private static final System.Logger LOGGER = System.getLogger("io.qadataswap.api");
  private static final Set<String> STATED = ConcurrentHashMap.newKeySet();
  private static final String BACKEND_REMEDY =
      "add io.qadataswap:qds-shm-ffm (JDK 22 or newer) or io.qadataswap:qds-shm-agrona to the class"
          + " path or module path";

  private Providers() {}

  /** A found provider, or the reason why one could not be loaded. */
  private record Found<P extends QdsProvider>(PluginInfo info, P provider) {
    boolean usable() {
      return info.unavailableReason().isEmpty();
    }
  }

  static ChannelProvider backend(String name) {
    return choose("backend", name, find(ChannelProvider.class), BACKEND_REMEDY);
  }

  static RingLayout layout(String name) {
    return choose("layout", name, find(RingLayout.class), "add the artifact that contains it");
  }

  static CodecProvider codec(String id) {
    return choose(
        "codec",
        id,
        find(CodecProvider.class),
        "add the artifact that contains it, such as io.qadataswap:qds-codec-arrow for arrow-ipc");
  }

  static <P extends QdsProvider> List<PluginInfo> list(Class<P> service) {
    return find(service).stream().map(Found::info).toList();
  }

  private static <P extends QdsProvider> P choose(
      String kind, String name, List<Found<P>> found, String remedy) {
    List<Found<P>> candidates =
        found.stream()
            .filter(Found::usable)
            .filter(f -> name == null || f.info().name().equals(name))
            .toList();
    if (candidates.isEmpty()) {
      Reason reason = commonReason(name, found);
      throw new QdsException(
          reason,
          "no usable "
              + kind
              + (name == null ? "" : " " + name)
              + ": "
              + describe(found)
              // The others say themselves what to do.
              + (reason == Reason.NO_PROVIDER ? "; " + remedy : ""));
    }
    Found<P> first = candidates.get(0);
    if (candidates.size() > 1 && candidates.get(1).info().rank() == first.info().rank()) {
      throw new QdsException(
          Reason.AMBIGUOUS_PROVIDER,
          "several "
              + kind
              + "s of rank "
              + first.info().rank()
              + ": "
              + describe(found)
              + "; choose one by name, or remove one from the path");
    }
    if (name == null && STATED.add(kind)) {
      LOGGER.log(System.Logger.Level.INFO, "default {0}: {1}", kind, first.info().name());
    }
    return first.provider();
  }

  /** Returns the one reason why nothing can be used, if it is one. */
  private static Reason commonReason(String name, List<? extends Found<?>> found) {
    List<Reason> reasons =
        found.stream()
            .filter(f -> name == null || f.info().name().equals(name))
            .flatMap(f -> f.info().unavailableReason().stream())
            .map(Unavailability::reason)
            .distinct()
            .toList();
    return reasons.size() == 1 ? reasons.get(0) : Reason.NO_PROVIDER;
  }

  private static String describe(List<? extends Found<?>> found) {
    if (found.isEmpty()) {
      return "none was found";
    }
    StringBuilder text = new StringBuilder("found");
    String separator = " ";
    for (Found<?> f : found) {
      text.append(separator)
          .append(f.info().name())
          .append(" (")
          .append(f.info().className())
          .append(", rank ")
          .append(f.info().rank())
          .append(", ")
          .append(f.info().unavailableReason().map(r -> "not usable: " + r.text()).orElse("usable"))
          .append(')');
      separator = ", ";
    }
    return text.toString();
  }

  /** Returns what was found, the highest rank first. */
  private static <P extends QdsProvider> List<Found<P>> find(Class<P> service) {
    List<Found<P>> found = new ArrayList<>();
    Set<String> seen = new HashSet<>();
    collect(service, Thread.currentThread().getContextClassLoader(), seen, found);
    collect(service, Providers.class.getClassLoader(), seen, found);
    found.sort(Comparator.comparingInt((Found<P> f) -> f.info().rank()).reversed());
    return found;
  }

  /** ServiceLoader wants to be called from a module that uses the service: this one. */
  private static <P> ServiceLoader<P> loader(Class<P> service, ClassLoader classLoader) {
    return ServiceLoader.load(service, classLoader);
  }

  private static <P extends QdsProvider> void collect(
      Class<P> service, ClassLoader classLoader, Set<String> seen, List<Found<P>> found) {
    Iterator<ServiceLoader.Provider<P>> iterator = loader(service, classLoader).stream().iterator();
    int failureCount = 0;
    // A broken line of a services file throws once and is then passed over; the bound is for
    // loaders
    // that would throw for ever.
    while (failureCount < 100) {
      try {
        if (!iterator.hasNext()) {
          return;
        }
        ServiceLoader.Provider<P> next = iterator.next();
        String className = next.type().getName();
        if (seen.add(className)) {
          found.add(load(service, next, className));
        }
      } catch (ServiceConfigurationError | LinkageError e) {
        failureCount++;
        String text = String.valueOf(e.getMessage());
        if (seen.add(text)) {
          found.add(broken("unknown", text));
        }
      }
    }
  }

  private static <P extends QdsProvider> Found<P> load(
      Class<P> service, ServiceLoader.Provider<P> next, String className) {
    try {
      P provider = next.get();
      Optional<Unavailability> reason;
      if (provider.apiVersion() != QdsProvider.API_VERSION) {
        reason =
            noProvider(
                "it needs version "
                    + provider.apiVersion()
                    + " of the service interfaces, this is version "
                    + QdsProvider.API_VERSION
                    + "; use artifacts of one QDS version");
      } else if (service == ChannelProvider.class && Platform.unsupported().isPresent()) {
        reason = Platform.unsupported();
      } else {
        reason = provider.unavailableReason();
      }
      return new Found<>(
          new PluginInfo(provider.name(), provider.rank(), className, reason), provider);
    } catch (ServiceConfigurationError | LinkageError | RuntimeException e) {
      return broken(className, e.toString());
    }
  }

  private static <P extends QdsProvider> Found<P> broken(String className, String reason) {
    return new Found<>(
        new PluginInfo(className, 0, className, noProvider("it cannot be loaded: " + reason)),
        null);
  }

  private static Optional<Unavailability> noProvider(String text) {
    return Optional.of(new Unavailability(Reason.NO_PROVIDER, text));
  }
}
