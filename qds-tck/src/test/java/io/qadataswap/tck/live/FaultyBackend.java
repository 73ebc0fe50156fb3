package io.qadataswap.tck.live;

import io.qadataswap.api.channel.Channel;
import io.qadataswap.tck.InterceptedBackend;
import java.lang.reflect.Method;

/** The backend {@code ffm} with a fault, by which the Java peer becomes one that breaks rules. */
public final class FaultyBackend extends InterceptedBackend {
  static final String NAME = "faulty";
  static final String FAULT = "qds.test.fault";

  private static final long PUBLISHED_OFFSET = 1152;
  private static final long READER_TABLE_OFFSET = 4096;
  private static final long ENTRY_LENGTH = 256;
  private static final long ENTRY_COUNT = 8;
  private static final long PINS_OFFSET = 16;
  private static final long PINS_END = 112;
  private static final long STATE_OFFSET = 128;
  private static final long TOKEN_OFFSET = 136;
  private static final long DESCRIPTOR_RING_OFFSET =
      READER_TABLE_OFFSET + ENTRY_COUNT * ENTRY_LENGTH;
  private static final long DESCRIPTOR_LENGTH = 64;
  private static final long ARENA_OFFSET = 65_536;

  /** What is wrong. */
  enum Fault {
    /** Nobody who sleeps is woken, though it says that it wakes. */
    WAKES_NOBODY,
    /** A writer finds that nobody holds anything. */
    IGNORES_PINS,
    /** A writer frees the entries of readers that live, when it publishes. */
    EVICTS_THE_LIVING,
    /** What is written is not what was to be written. */
    GARBLES,
    /** A descriptor's offset is made positive and a multiple of 64, instead of being refused. */
    BENDS_OFFSETS
  }

  private final Fault fault = Fault.valueOf(System.getProperty(FAULT, "WAKES_NOBODY"));

  /** Called by ServiceLoader. */
  public FaultyBackend() {
    super(NAME);
  }

  @Override
  protected Object call(Channel channel, Method method, Object[] arguments) throws Throwable {
    String name = method.getName();
    long offset = arguments != null && arguments[0] instanceof Long first ? first : -1;
    switch (fault) {
      case WAKES_NOBODY -> {
        if (name.equals("wake")) {
          return null;
        }
      }
      case IGNORES_PINS -> {
        long field = (offset - READER_TABLE_OFFSET) % ENTRY_LENGTH;
        if (name.startsWith("getLong")
            && isInTable(offset)
            && field >= PINS_OFFSET
            && field < PINS_END) {
          return 0L;
        }
      }
      case EVICTS_THE_LIVING -> {
        if (name.equals("putLongRelease") && offset == PUBLISHED_OFFSET) {
          for (long entry = 0; entry < ENTRY_COUNT; entry++) {
            long at = READER_TABLE_OFFSET + entry * ENTRY_LENGTH;
            channel.putLong(at + TOKEN_OFFSET, 0);
            channel.putIntRelease(at + STATE_OFFSET, 0);
          }
        }
      }
      case GARBLES -> {
        if (name.equals("putLong") && offset == ARENA_OFFSET) {
          arguments[1] = ~(long) arguments[1];
        }
      }
      case BENDS_OFFSETS -> {
        if (name.equals("getLong")
            && offset >= DESCRIPTOR_RING_OFFSET
            && offset < ARENA_OFFSET
            && offset % DESCRIPTOR_LENGTH == Long.BYTES) {
          return Math.abs((long) pass(channel, method, arguments)) & -DESCRIPTOR_LENGTH;
        }
      }
    }
    return pass(channel, method, arguments);
  }

  private static boolean isInTable(long offset) {
    return offset >= READER_TABLE_OFFSET
        && offset < READER_TABLE_OFFSET + ENTRY_COUNT * ENTRY_LENGTH;
  }
}
