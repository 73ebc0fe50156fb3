package io.qadataswap.api;

/**
 * Checks that cost time, and are made only with {@code -Dqds.debug=true}. A constant, so that the
 * compiler leaves them out otherwise.
 */
final class Debug {
  static final boolean ON = Boolean.getBoolean("qds.debug");

  private Debug() {}

  /**
   * Returns a number that changes when a byte of the region does. Reads by loads alone: the CRC
   * instructions of the JDK would kill the JVM on a file that was cut short.
   */
  static long fingerprint(Region region) {
    long length = region.length();
    long hash = length;
    long offset = 0;
    for (; offset + Long.BYTES <= length; offset += Long.BYTES) {
      hash = 31 * hash + region.getLong(offset);
    }
    for (; offset < length; offset++) {
      hash = 31 * hash + region.getByte(offset);
    }
    return hash;
  }
}
