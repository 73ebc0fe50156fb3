package io.qadataswap.tck;

import io.qadataswap.api.Unavailability;
import io.qadataswap.api.channel.Channel;
import io.qadataswap.api.channel.ChannelProvider;
import io.qadataswap.api.channel.SegmentFile;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.Optional;
import java.util.ServiceLoader;

/** The backend {@code ffm} under another name, with something between it and its users. */
public abstract class InterceptedBackend implements ChannelProvider {
  private final String name;
  private final ChannelProvider provider =
      ServiceLoader.load(ChannelProvider.class).stream()
          .filter(p -> p.type() != getClass())
          .map(ServiceLoader.Provider::get)
          .filter(p -> p.name().equals("ffm"))
          .findFirst()
          .orElseThrow();

  protected InterceptedBackend(String name) {
    this.name = name;
  }

  /** Does what a call of a channel's method is to do; {@link #pass} is what it does otherwise. */
  protected abstract Object call(Channel channel, Method method, Object[] arguments)
      throws Throwable;

  protected static Object pass(Channel channel, Method method, Object[] arguments)
      throws Throwable {
    try {
      return method.invoke(channel, arguments);
    } catch (InvocationTargetException e) {
      throw e.getCause();
    }
  }

  @Override
  public final String name() {
    return name;
  }

  @Override
  public final int rank() {
    return 0;
  }

  @Override
  public final int apiVersion() {
    return provider.apiVersion();
  }

  @Override
  public final Optional<Unavailability> unavailableReason() {
    return provider.unavailableReason();
  }

  @Override
  public final long maxLength() {
    return provider.maxLength();
  }

  @Override
  public final Channel map(SegmentFile file, long length, boolean writable) {
    Channel channel = provider.map(file, length, writable);
    return (Channel)
        Proxy.newProxyInstance(
            getClass().getClassLoader(),
            new Class<?>[] {Channel.class},
            (proxy, method, arguments) -> call(channel, method, arguments));
  }
}
