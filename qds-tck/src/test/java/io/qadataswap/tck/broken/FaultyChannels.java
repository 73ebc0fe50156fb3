package io.qadataswap.tck.broken;

import io.qadataswap.api.Unavailability;
import io.qadataswap.api.channel.Channel;
import io.qadataswap.api.channel.ChannelProvider;
import io.qadataswap.api.channel.Memory;
import io.qadataswap.api.channel.SegmentFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** A backend that keeps every rule, but for the one that its fault is about. */
final class FaultyChannels implements ChannelProvider {
  /** What is wrong. */
  enum Fault {
    NONE,
    SWAPS_BYTES,
    ORDERED_ACCESS_SWAPS_BYTES,
    TAKES_MISALIGNED_OFFSETS,
    CHECKS_NO_BOUNDS,
    ALLOWS_NEGATIVE_LENGTHS,
    FORGETS_THE_ARRAY_OFFSET,
    SLICES_ARE_BIG_ENDIAN,
    COPIES_ARE_VIEWS,
    EMPTY_COPIES_FAIL,
    READ_ONLY_IS_WRITABLE,
    WORKS_AFTER_CLOSE,
    LENGTH_IS_ROUNDED,
    MAPS_PRIVATELY,
    RELEASE_COMES_FIRST,
    MAPS_LESS_THAN_ASKED,
    STATES_A_WRONG_LIMIT,
    FAILS_WHEN_INTERRUPTED,
    CLOSES_NOT_THE_FILE,
    HIDES_LOCKS
  }

  private final ChannelProvider provider;
  private final Fault fault;
  private int mapCount;

  FaultyChannels(ChannelProvider provider, Fault fault) {
    this.provider = provider;
    this.fault = fault;
  }

  @Override
  public String name() {
    return provider.name();
  }

  @Override
  public int rank() {
    return provider.rank();
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
    long limit = provider.maxLength();
    if (fault != Fault.STATES_A_WRONG_LIMIT) {
      return limit;
    }
    return limit < Long.MAX_VALUE >> 1 ? Long.MAX_VALUE : 1 << 30;
  }

  @Override
  public Channel map(SegmentFile file, long length, boolean writable) {
    if (fault == Fault.FAILS_WHEN_INTERRUPTED && Thread.currentThread().isInterrupted()) {
      throw new IllegalStateException("interrupted");
    }
    long mapped = length;
    if (fault == Fault.MAPS_LESS_THAN_ASKED && length > 0 && writable) {
      try {
        mapped = Math.min(length, file.length());
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    boolean reallyWritable = writable || fault == Fault.READ_ONLY_IS_WRITABLE;
    Channel channel = provider.map(file, mapped, reallyWritable);
    // Only a second mapping shows that each has its own.
    boolean isPrivate = fault == Fault.MAPS_PRIVATELY && ++mapCount > 1;
    Calls calls = new Calls(channel, isPrivate ? channel.copyOf(0, mapped) : null);
    return proxy(Channel.class, calls);
  }

  @SuppressWarnings("ReferenceEquality") // as Object does
  private static <T> T proxy(Class<T> type, Calls calls) {
    return type.cast(
        Proxy.newProxyInstance(
            FaultyChannels.class.getClassLoader(),
            new Class<?>[] {type},
            (proxy, method, arguments) ->
                switch (method.getName()) {
                  case "equals" -> proxy == arguments[0];
                  case "hashCode" -> System.identityHashCode(proxy);
                  case "toString" -> type.getSimpleName();
                  default -> calls.call(method, arguments);
                }));
  }

  /** What stands between the kit and a channel. */
  private final class Calls {
    private final Channel channel;
    private final Memory copy;
    private final List<Runnable> delayed = new ArrayList<>();
    private boolean isClosed;
    private int spinCount;

    Calls(Channel channel, Memory copy) {
      this.channel = channel;
      this.copy = copy;
    }

    private boolean isOrdered(String name) {
      return name.endsWith("Acquire") || name.endsWith("Release");
    }

    Object call(Method method, Object[] arguments) throws Throwable {
      String name = method.getName();
      boolean isAccess = arguments != null && arguments[0] instanceof Long;
      long offset = isAccess ? (long) arguments[0] : 0;
      switch (fault) {
        case SWAPS_BYTES -> {
          if (name.equals("getInt")) {
            return Integer.reverseBytes(channel.getInt(offset));
          }
        }
        case ORDERED_ACCESS_SWAPS_BYTES -> {
          if (name.equals("getLongAcquire")) {
            return Long.reverseBytes(channel.getLongAcquire(offset));
          }
          if (name.equals("putLongRelease")) {
            arguments[1] = Long.reverseBytes((long) arguments[1]);
          }
        }
        case TAKES_MISALIGNED_OFFSETS -> {
          if (isOrdered(name) && offset > 0) {
            arguments[0] = offset & -8;
          }
        }
        case CHECKS_NO_BOUNDS -> {
          if (name.equals("getByte") && offset < 0) {
            return (byte) 0;
          }
        }
        case ALLOWS_NEGATIVE_LENGTHS -> {
          if (name.equals("slice") && (int) arguments[1] < 0) {
            return channel.slice(offset, 0);
          }
        }
        case FORGETS_THE_ARRAY_OFFSET -> {
          if (name.equals("getBytes") && (int) arguments[2] == 5 && (int) arguments[3] < 10_000) {
            arguments[2] = 4;
          }
        }
        case SLICES_ARE_BIG_ENDIAN -> {
          if (name.equals("slice")) {
            return channel.slice(offset, (int) arguments[1]).order(ByteOrder.BIG_ENDIAN);
          }
        }
        case COPIES_ARE_VIEWS -> {
          if (name.equals("copyOf") && (long) arguments[1] == 100) {
            return view(offset, 100);
          }
        }
        case EMPTY_COPIES_FAIL -> {
          if (name.equals("copyOf") && (long) arguments[1] == 0) {
            throw new IllegalArgumentException("empty");
          }
        }
        case WORKS_AFTER_CLOSE -> {
          if (name.equals("close")) {
            isClosed = true;
          }
          if (name.equals("getByte") && isClosed) {
            return (byte) 0;
          }
        }
        case LENGTH_IS_ROUNDED -> {
          if (name.equals("length")) {
            return (channel.length() + 4095) & -4096;
          }
        }
        case MAPS_PRIVATELY -> {
          if (copy != null
              && (name.equals("getLongAcquire")
                  || name.equals("putLongRelease")
                  || name.equals("getLong")
                  || name.equals("putLong"))) {
            channel.getByte(0); // refuses after close
            return invoke(copy, method, arguments);
          }
        }
        case RELEASE_COMES_FIRST -> {
          if (name.equals("putLong") && offset >= 1024 && offset < 1536) {
            long value = (long) arguments[1];
            delayed.add(() -> channel.putLong(offset, value));
            return null;
          }
          if (name.equals("getLongAcquire") && !delayed.isEmpty() && ++spinCount > 1_000_000) {
            delayed.forEach(Runnable::run);
            delayed.clear();
          }
        }
        case CLOSES_NOT_THE_FILE -> {
          if (name.equals("close")) {
            isClosed = true;
            return null;
          }
          if (isAccess && isClosed) {
            throw new IllegalStateException("closed");
          }
        }
        case HIDES_LOCKS -> {
          if (name.equals("isLocked")) {
            return false;
          }
        }
        default -> {
          // in map
        }
      }
      return invoke(channel, method, arguments);
    }

    private Memory view(long base, long length) {
      ByteBuffer slice = channel.slice(base, (int) length);
      return (Memory)
          Proxy.newProxyInstance(
              FaultyChannels.class.getClassLoader(),
              new Class<?>[] {Memory.class},
              (proxy, method, arguments) ->
                  switch (method.getName()) {
                    case "length" -> length;
                    case "address" -> 64L;
                    case "getLong" -> slice.getLong(Math.toIntExact((long) arguments[0]));
                    case "putLong" -> {
                      slice.putLong(Math.toIntExact((long) arguments[0]), (long) arguments[1]);
                      yield null;
                    }
                    default -> throw new UnsupportedOperationException(method.getName());
                  });
    }
  }

  private static Object invoke(Object target, Method method, Object... arguments) throws Throwable {
    try {
      return method.invoke(target, arguments);
    } catch (InvocationTargetException e) {
      throw e.getCause();
    }
  }
}
