package io.qadataswap.api.internal.qds1;

/**
 * One slot of the descriptor ring, 64 bytes: a cache line, all that an idle reader polls. Offsets
 * count from the start of the slot. Written by the writer, read by readers.
 *
 * <pre>
 *  offset width field     unit
 *       0     8 stamp     sequence + 1; 0 while the slot is being written
 *       8     8 offset    bytes from the start of the arena, a multiple of 64
 *      16     8 length    bytes
 *      24     8 timeNs    monotonic clock; 0 not taken
 *      32     8 tag       of the user
 *      40     4 flags     0
 *      44     4 checksum  CRC-32C of the payload if the channel has the feature, else 0
 *      48    16 reserved  0
 * </pre>
 */
final class MessageDescriptor {
  static final int STAMP_OFFSET = 0;
  static final int OFFSET_OFFSET = 8;
  static final int LENGTH_OFFSET = 16;
  static final int TIME_NS_OFFSET = 24;
  static final int TAG_OFFSET = 32;
  static final int FLAGS_OFFSET = 40;
  static final int CHECKSUM_OFFSET = 44;

  static final int LENGTH = 64;

  /** Payloads start at multiples of this, in bytes. */
  static final int PAYLOAD_ALIGNMENT = 64;

  private MessageDescriptor() {}

  /**
   * Returns how much of the arena a payload takes: never nothing, so that it has a place of its
   * own.
   */
  static long footprint(long length) {
    return Math.max(PAYLOAD_ALIGNMENT, (length + PAYLOAD_ALIGNMENT - 1) & -PAYLOAD_ALIGNMENT);
  }
}
