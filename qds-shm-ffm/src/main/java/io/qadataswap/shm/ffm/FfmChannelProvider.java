package io.qadataswap.shm.ffm;

import io.qadataswap.api.QdsException.Reason;
import io.qadataswap.api.Unavailability;
import io.qadataswap.api.channel.Channel;
import io.qadataswap.api.channel.ChannelProvider;
import io.qadataswap.api.channel.NamedSemaphores;
import io.qadataswap.api.channel.SegmentFile;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.Optional;

/**
 * Makes channels on {@code java.lang.foreign}. Compiled for Java 17, so that an older Java gets a
 * sentence instead of a class that it cannot load; it reaches the module's other classes, which
 * need Java 22, only by name.
 */
public final class FfmChannelProvider implements ChannelProvider {
  private static final int MINIMUM_JAVA = 22;
  private static final String CHANNEL_CLASS = "io.qadataswap.shm.ffm.FfmChannel";
  private static final String SEMAPHORES_CLASS = "io.qadataswap.shm.ffm.PosixSemaphores";

  /** Called by the service loader. */
  public FfmChannelProvider() {}

  @Override
  public String name() {
    return "ffm";
  }

  @Override
  public int rank() {
    return 50;
  }

  @Override
  public int apiVersion() {
    return 1;
  }

  @Override
  public Optional<Unavailability> unavailableReason() {
    int java = Runtime.version().feature();
    return java >= MINIMUM_JAVA
        ? Optional.empty()
        : Optional.of(
            new Unavailability(
                Reason.JDK_TOO_OLD,
                "needs JDK "
                    + MINIMUM_JAVA
                    + " or newer, running "
                    + java
                    + "; use a newer JDK, or io.qadataswap:qds-shm-agrona"));
  }

  @Override
  public long maxLength() {
    return Long.MAX_VALUE;
  }

  @Override
  public Channel map(SegmentFile file, long length, boolean writable) {
    return call(
        Channel.class,
        CHANNEL_CLASS,
        "map",
        MethodType.methodType(Channel.class, SegmentFile.class, long.class, boolean.class),
        file,
        length,
        writable);
  }

  @Override
  public NamedSemaphores semaphores(String channelName) {
    return call(
        NamedSemaphores.class,
        SEMAPHORES_CLASS,
        "of",
        MethodType.methodType(NamedSemaphores.class, String.class),
        channelName);
  }

  /** Calls a method of a class that needs a newer Java than this one. */
  private static <R> R call(
      Class<R> result, String className, String method, MethodType type, Object... arguments) {
    try {
      return result.cast(
          MethodHandles.lookup()
              .findStatic(Class.forName(className), method, type)
              .invokeWithArguments(arguments));
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(className + " cannot be used", e);
    }
  }
}
