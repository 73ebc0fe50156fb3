package io.qadataswap.codec.arrow;

import java.lang.ref.Cleaner;
import java.util.ArrayList;
import java.util.List;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.util.MemoryUtil;

/**
 * Private memory full of ones, shown as the validity of every column that has no nulls: many come
 * without validity, Arrow Java's vectors want some, and filling it for each would make decoding
 * depend on the number of rows.
 *
 * <p>A bigger need makes bigger memory; what was made stays until this object is garbage, so that
 * whoever refers to it may show any of it.
 */
final class ValidBits {
  private static final long MIN_LENGTH = 4096;
  private static final Cleaner CLEANER = Cleaner.create();

  /** The last is the longest. Replaced, not changed, since any thread may look. */
  private volatile List<Ones> all = List.of();

  private record Ones(long address, long length) {}

  /**
   * Returns the address of ones.
   *
   * @param length in bytes, of the validity of one vector
   */
  long address(long length) {
    List<Ones> made = all;
    if (!made.isEmpty()) {
      Ones longest = made.get(made.size() - 1);
      if (length <= longest.length) {
        return longest.address;
      }
    }
    return make(Math.max(MIN_LENGTH, Long.highestOneBit(length) * 2)).address;
  }

  /** Returns whether some place lies inside the ones. */
  boolean holds(long address, long length) {
    for (Ones ones : all) {
      if (address >= ones.address && address + length <= ones.address + ones.length) {
        return true;
      }
    }
    return false;
  }

  /** Does nothing; who is to call it refers to this object, which keeps the ones until then. */
  void shownNoMore() {
    // see above
  }

  private Ones make(long length) {
    long allocation = MemoryUtil.allocateMemory(length + BatchMetadata.ALIGNMENT);
    CLEANER.register(this, () -> MemoryUtil.freeMemory(allocation));
    Ones ones = new Ones(BatchMetadata.align(allocation), length);
    MemoryUtil.setMemory(ones.address, length, (byte) 0xFF);
    List<Ones> more = new ArrayList<>(all);
    more.add(ones);
    all = List.copyOf(more);
    return ones;
  }

  /** Counts nulls in memory that may be a mapping whose file is cut short. */
  static int nullCount(ArrowBuf validity, int length) {
    long address = validity.memoryAddress();
    int rest = length;
    int count = 0;
    for (; rest >= Long.SIZE; rest -= Long.SIZE) {
      count += Long.bitCount(Ints.getLong(address));
      address += Long.BYTES;
    }
    if (rest > 0 && address + Long.BYTES <= validity.memoryAddress() + validity.capacity()) {
      // What allocators have made, with more than is needed.
      return length - count - Long.bitCount(Ints.getLong(address) & (1L << rest) - 1);
    }
    for (; rest > 0; rest -= Byte.SIZE) {
      int bits = MemoryUtil.getByte(address++);
      count += Integer.bitCount(bits & (1 << Math.min(rest, Byte.SIZE)) - 1);
    }
    return length - count;
  }
}
