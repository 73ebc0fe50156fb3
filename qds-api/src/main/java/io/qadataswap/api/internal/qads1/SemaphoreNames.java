package io.qadataswap.api.internal.qads1;

/**
 * How the original names the semaphores of a channel: in fields of 64 bytes, so that they carry no
 * more than the first 55 bytes of the channel's name.
 */
final class SemaphoreNames {
  static final String WRITE_PREFIX = "/qads_w_";
  static final String READ_PREFIX = "/qads_r_";

  private static final int NAME_LENGTH = HeaderDescriptor.SEM_NAME_LENGTH - 1;

  private SemaphoreNames() {}

  static String write(String channel) {
    return cut(WRITE_PREFIX + channel);
  }

  static String read(String channel) {
    return cut(READ_PREFIX + channel);
  }

  private static String cut(String name) {
    return name.length() <= NAME_LENGTH ? name : name.substring(0, NAME_LENGTH);
  }
}
