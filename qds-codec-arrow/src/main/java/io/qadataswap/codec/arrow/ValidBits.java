package io.qadataswap.codec.arrow;

import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.util.MemoryUtil;

/**
 * Private memory full of ones, shown as the validity of every column that has no nulls and
 * therefore came without one: Arrow Java's vectors want some, and filling it for each would make
 * decoding depend on the number of rows.
 *
 * <p>A bigger need replaces the memory; the old one is freed with the last message that shows it.
 */
final class ValidBits {
  private static final long MIN_LENGTH = 4096;

  private final ChannelAllocator allocator;
  private Ones ones;

  ValidBits(ChannelAllocator allocator) {
    this.allocator = allocator;
  }

  /**
   * Returns a buffer of ones.
   *
   * @param length in bytes, more than 0
   * @return a buffer of at least that length, with one reference
   */
  ArrowBuf show(long length) {
    if (ones == null || ones.length < length) {
      Ones bigger = new Ones(Math.max(MIN_LENGTH, Long.highestOneBit(length) * 2));
      close();
      ones = bigger;
    }
    Ones shown = ones;
    shown.retain();
    return allocator.wrap(shown.address, length, shown::release);
  }

  /** Frees the memory with the last message that shows it. Idempotent. */
  void close() {
    if (ones != null) {
      ones.release();
      ones = null;
    }
  }

  private static final class Ones {
    final long address;
    final long length;
    private final long allocation;
    private int references = 1;

    Ones(long length) {
      this.length = length;
      allocation = MemoryUtil.allocateMemory(length + BatchMetadata.ALIGNMENT);
      address = BatchMetadata.align(allocation);
      MemoryUtil.setMemory(address, length, (byte) 0xFF);
    }

    synchronized void retain() {
      references++;
    }

    synchronized void release() {
      if (--references == 0) {
        MemoryUtil.freeMemory(allocation);
      }
    }
  }
}
