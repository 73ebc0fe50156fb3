package io.qadataswap.tck;

import io.qadataswap.api.Unavailability;
import io.qadataswap.api.channel.Channel;
import io.qadataswap.api.channel.ChannelProvider;
import io.qadataswap.api.channel.SegmentFile;
import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The backend {@code ffm}, except that a native sleep which is bounded because the peer that is to
 * end it may die is not bounded: nobody dies here, and a wake-up that gets lost is never made good.
 */
public final class PatientBackend implements ChannelProvider {
  static final String NAME = "patient";

  /** The bound of sleeps that every peer can end; shorter ones are part of the protocol. */
  private static final long BOUND_NS = TimeUnit.MILLISECONDS.toNanos(100);

  private static final AtomicInteger SLEEP_COUNT = new AtomicInteger();

  private final ChannelProvider provider =
      ServiceLoader.load(ChannelProvider.class).stream()
          .filter(p -> p.type() != PatientBackend.class)
          .map(ServiceLoader.Provider::get)
          .filter(p -> p.name().equals("ffm"))
          .findFirst()
          .orElseThrow();

  /** Called by ServiceLoader. */
  public PatientBackend() {}

  /** Makes a flag for a child's JVM that lets it find this backend. */
  static String flag(Path directory) throws IOException {
    Path services = Files.createDirectories(directory.resolve("META-INF/services"));
    Files.writeString(
        services.resolve(ChannelProvider.class.getName()), PatientBackend.class.getName());
    return "-Xbootclasspath/a:" + directory;
  }

  /** Returns how many native sleeps without a bound there were in this process. */
  static int sleepCount() {
    return SLEEP_COUNT.get();
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public int rank() {
    return 0;
  }

  @Override
  public int apiVersion() {
    return provider.apiVersion();
  }

  @Override
  public Optional<Unavailability> unavailableReason() {
    return provider.unavailableReason();
  }

  @Override
  public long maxLength() {
    return provider.maxLength();
  }

  @Override
  public Channel map(SegmentFile file, long length, boolean writable) {
    Channel channel = provider.map(file, length, writable);
    return (Channel)
        Proxy.newProxyInstance(
            PatientBackend.class.getClassLoader(),
            new Class<?>[] {Channel.class},
            (proxy, method, arguments) -> {
              if (method.getName().equals("waitWhile") && (long) arguments[2] == BOUND_NS) {
                arguments[2] = TimeUnit.DAYS.toNanos(1);
                SLEEP_COUNT.incrementAndGet();
              }
              try {
                return method.invoke(channel, arguments);
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            });
  }
}
