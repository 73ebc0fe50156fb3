package io.qadataswap.tck;

import io.qadataswap.api.channel.Channel;
import io.qadataswap.api.channel.ChannelProvider;
import java.io.IOException;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The backend {@code ffm}, except that a native sleep which is bounded because the peer that is to
 * end it may die is not bounded: nobody dies here, and a wake-up that gets lost is never made good.
 */
public final class PatientBackend extends InterceptedBackend {
  static final String NAME = "patient";

  /** The bound of sleeps that every peer can end; shorter ones are part of the protocol. */
  private static final long BOUND_NS = TimeUnit.MILLISECONDS.toNanos(100);

  private static final AtomicInteger SLEEP_COUNT = new AtomicInteger();

  /** Called by ServiceLoader. */
  public PatientBackend() {
    super(NAME);
  }

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
  protected Object call(Channel channel, Method method, Object[] arguments) throws Throwable {
    if (method.getName().equals("waitWhile") && (long) arguments[2] == BOUND_NS) {
      arguments[2] = TimeUnit.DAYS.toNanos(1);
      SLEEP_COUNT.incrementAndGet();
    }
    return pass(channel, method, arguments);
  }
}
