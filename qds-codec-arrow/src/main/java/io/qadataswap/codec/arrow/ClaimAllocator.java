package io.qadataswap.codec.arrow;

import io.qadataswap.api.Region;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.arrow.memory.AllocationListener;
import org.apache.arrow.memory.AllocationReservation;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.BufferManager;
import org.apache.arrow.memory.ForeignAllocation;
import org.apache.arrow.memory.OutOfMemoryException;
import org.apache.arrow.memory.OwnershipTransferResult;
import org.apache.arrow.memory.ReferenceManager;
import org.apache.arrow.memory.rounding.RoundingPolicy;

/**
 * An allocator whose memory is the body of a claimed message: each allocation takes the first free
 * place that is long enough, from a multiple of 64.
 *
 * <p>When the claim has ended, the buffers refuse access, and releasing them does nothing, so that
 * vectors may be closed before or after. What is transferred out is copied, what is transferred in
 * stays where it is, accounted by the parent, until the commit copies it.
 *
 * <p>Any thread may allocate and release.
 */
final class ClaimAllocator implements BufferAllocator {
  private final BufferAllocator parent;
  private final String name;
  private final Region region;

  /** Where the body begins in the region. */
  private final long bodyPosition;

  private final long address;
  private final long capacity;

  /** Free places of the body: the end of each by its start. */
  private final TreeMap<Long, Long> free = new TreeMap<>();

  private long used;
  private long peak;
  private int allocationCount;
  private volatile boolean ended;

  ClaimAllocator(
      BufferAllocator parent, String name, Region region, long bodyPosition, long capacity) {
    this.parent = parent;
    this.name = name;
    this.region = region;
    this.bodyPosition = bodyPosition;
    this.address = region.address() + bodyPosition;
    this.capacity = capacity;
    if (capacity > 0) {
      free.put(0L, capacity);
    }
  }

  /** Makes the buffers refuse access from now on. */
  void end() {
    ended = true;
  }

  /** Returns how often memory was taken. */
  synchronized int allocationCount() {
    return allocationCount;
  }

  /**
   * Returns where a buffer lies in the body, or -1 if a part of it does not or it is not aligned.
   */
  long offsetOf(long start, long length) {
    long offset = start - address;
    boolean inside = offset >= 0 && offset <= capacity - length;
    return inside && offset % BatchMetadata.ALIGNMENT == 0 ? offset : -1;
  }

  /**
   * Takes room in the body.
   *
   * @return its offset there
   * @throws OutOfMemoryException if there is none, saying how much there should have been
   */
  synchronized long take(long length) {
    requireOpen();
    long rounded = BatchMetadata.align(length);
    Map.Entry<Long, Long> place = free.firstEntry();
    while (place != null && place.getValue() - place.getKey() < rounded) {
      place = free.higherEntry(place.getKey());
    }
    if (place == null) {
      throw tooSmall(length, rounded);
    }
    long start = place.getKey();
    free.remove(start);
    if (start + rounded < place.getValue()) {
      free.put(start + rounded, place.getValue());
    }
    used += rounded;
    peak = Math.max(peak, used);
    allocationCount++;
    if (rounded > 0) {
      // Arrow fills what it gets, which would end the JVM where the file was cut short.
      region.putByte(bodyPosition + start + rounded - 1, (byte) 0);
    }
    return start;
  }

  private OutOfMemoryException tooSmall(long length, long rounded) {
    Map.Entry<Long, Long> last = free.lastEntry();
    long lastUsed = last != null && last.getValue() == capacity ? last.getKey() : capacity;
    return new OutOfMemoryException(
        name
            + ": the claim is too small: a buffer of "
            + length
            + " bytes behind the "
            + lastUsed
            + " in use needs bodyLength="
            + (lastUsed + rounded)
            + ", claimed="
            + capacity
            + "; abort it and claim that much, or allocate the vectors for the rows that will"
            + " come");
  }

  private synchronized void giveBack(long offset, long length) {
    long start = offset;
    long end = offset + BatchMetadata.align(length);
    used -= end - start;
    Map.Entry<Long, Long> before = free.lowerEntry(start);
    if (before != null && before.getValue() == start) {
      start = before.getKey();
    }
    Long behind = free.remove(end);
    free.put(start, behind == null ? end : behind);
  }

  private boolean isOpen() {
    return !ended && region.isOpen();
  }

  private void requireOpen() {
    if (!isOpen()) {
      throw new IllegalStateException(
          name + ": the claim has ended: its memory is not ours to use");
    }
  }

  @Override
  public ArrowBuf buffer(long size) {
    return buffer(size, null);
  }

  @Override
  public ArrowBuf buffer(long size, BufferManager manager) {
    if (size == 0) {
      return getEmpty();
    }
    long offset = take(size);
    return new ArrowBuf(new Allocation(offset, size), manager, size, address + offset);
  }

  @Override
  public BufferAllocator getRoot() {
    // Arrow transfers between allocators of one root only.
    return parent.getRoot();
  }

  @Override
  public BufferAllocator newChildAllocator(String name, long initReservation, long maxAllocation) {
    return parent.newChildAllocator(name, initReservation, maxAllocation);
  }

  @Override
  public BufferAllocator newChildAllocator(
      String name, AllocationListener listener, long initReservation, long maxAllocation) {
    return parent.newChildAllocator(name, listener, initReservation, maxAllocation);
  }

  /** Does nothing: the claim's end is the end of its memory. */
  @Override
  public void close() {
    // see above
  }

  @Override
  public synchronized long getAllocatedMemory() {
    return used;
  }

  @Override
  public long getLimit() {
    return capacity;
  }

  @Override
  public long getInitReservation() {
    return capacity;
  }

  @Override
  public void setLimit(long newLimit) {
    throw new UnsupportedOperationException(
        "limit=" + newLimit + " allowed=the claimed " + capacity + " bytes");
  }

  @Override
  public synchronized long getPeakMemoryAllocation() {
    return peak;
  }

  @Override
  public synchronized long getHeadroom() {
    return capacity - used;
  }

  @Override
  public boolean forceAllocate(long size) {
    return parent.forceAllocate(size);
  }

  @Override
  public void releaseBytes(long size) {
    parent.releaseBytes(size);
  }

  @Override
  public AllocationListener getListener() {
    return AllocationListener.NOOP;
  }

  @Override
  public BufferAllocator getParentAllocator() {
    return parent;
  }

  @Override
  public Collection<BufferAllocator> getChildAllocators() {
    return List.of();
  }

  @Override
  public AllocationReservation newReservation() {
    return parent.newReservation();
  }

  @Override
  public ArrowBuf getEmpty() {
    return parent.getEmpty();
  }

  @Override
  public String getName() {
    return name + " claim";
  }

  @Override
  public boolean isOverLimit() {
    return parent.isOverLimit();
  }

  @Override
  public String toVerboseString() {
    return getName() + " " + getAllocatedMemory() + "/" + capacity;
  }

  /** Does nothing: what was transferred in may be released after the end. */
  @Override
  public void assertOpen() {
    // see above
  }

  /** Gives vectors what they ask for: their capacities then stay multiples of 64. */
  @Override
  public RoundingPolicy getRoundingPolicy() {
    return size -> size;
  }

  @Override
  public ArrowBuf wrapForeignAllocation(ForeignAllocation allocation) {
    return parent.wrapForeignAllocation(allocation);
  }

  /** A part of the body with the buffers that show it. */
  private final class Allocation implements ReferenceManager {
    private final long offset;
    private final long length;
    private final AtomicInteger references = new AtomicInteger(1);

    Allocation(long offset, long length) {
      this.offset = offset;
      this.length = length;
    }

    @Override
    public int getRefCount() {
      return isOpen() ? references.get() : 0;
    }

    @Override
    public boolean release() {
      return release(1);
    }

    @Override
    public boolean release(int decrement) {
      if (!isOpen()) {
        return false;
      }
      int left = references.addAndGet(-decrement);
      if (decrement < 1 || left < 0) {
        references.addAndGet(decrement);
        throw new IllegalStateException(
            name + " release=" + decrement + " allowed=1 to " + (left + decrement));
      }
      if (left == 0) {
        giveBack(offset, length);
      }
      return left == 0;
    }

    @Override
    public void retain() {
      retain(1);
    }

    @Override
    public void retain(int increment) {
      requireOpen();
      if (increment < 1 || references.getAndAdd(increment) <= 0) {
        references.addAndGet(-increment);
        throw new IllegalArgumentException(
            name + " retain=" + increment + " of a buffer that was released, or less than 1");
      }
    }

    @Override
    @SuppressWarnings("ReferenceEquality") // the very allocator
    public ArrowBuf retain(ArrowBuf source, BufferAllocator target) {
      requireOpen();
      ArrowBuf retained;
      if (target == ClaimAllocator.this) {
        retain();
        retained = deriveBuffer(source, 0, source.capacity());
      } else {
        retained = target.buffer(source.capacity());
        retained.setBytes(0, source, 0, source.capacity());
        retained.capacity(source.capacity());
      }
      retained.readerIndex(source.readerIndex());
      retained.writerIndex(source.writerIndex());
      return retained;
    }

    @Override
    public ArrowBuf deriveBuffer(ArrowBuf source, long index, long byteCount) {
      return new ArrowBuf(this, null, byteCount, source.memoryAddress() + index);
    }

    @Override
    public OwnershipTransferResult transferOwnership(ArrowBuf source, BufferAllocator target) {
      return new Transfer(retain(source, target));
    }

    @Override
    public BufferAllocator getAllocator() {
      return ClaimAllocator.this;
    }

    @Override
    public long getSize() {
      return length;
    }

    @Override
    public long getAccountedSize() {
      return length;
    }
  }
}
