package io.qadataswap.codec.arrow;

import io.qadataswap.api.QdsException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.arrow.memory.AllocationListener;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.ForeignAllocation;
import org.apache.arrow.memory.OutOfMemoryException;

/**
 * The allocator of one decoder, a child of the user's with the channel's name. It accounts what
 * open messages show, and closes itself when the decoder is closed and the last of that is
 * released.
 *
 * <p>Any thread may call.
 */
final class ChannelAllocator {
  private final String channel;
  private final BufferAllocator allocator;
  private final AtomicInteger lentCount = new AtomicInteger();
  private final AtomicBoolean closed = new AtomicBoolean();
  private volatile boolean closeRequested;

  ChannelAllocator(BufferAllocator parent, String channel) {
    this.channel = channel;
    AllocationListener listener =
        new AllocationListener() {
          @Override
          public void onRelease(long size) {
            closeIfUnused();
          }
        };
    allocator = parent.newChildAllocator("qds channel " + channel, listener, 0, Long.MAX_VALUE);
  }

  /** Returns Arrow's allocator, for vectors and private memory. */
  BufferAllocator allocator() {
    return allocator;
  }

  /**
   * Wraps memory that is not the allocator's.
   *
   * @param address of the first byte
   * @param length in bytes, more than 0
   * @param onRelease runs once: when the last buffer of it is released, or when this method fails
   * @return a buffer over all of it, with one reference
   */
  ArrowBuf wrap(long address, long length, Runnable onRelease) {
    LentMemory memory = new LentMemory(address, length, onRelease);
    lentCount.incrementAndGet();
    boolean wrapped = false;
    try {
      ArrowBuf buffer = allocator.wrapForeignAllocation(memory);
      wrapped = true;
      return buffer;
    } catch (OutOfMemoryException e) {
      throw noRoom(length, e);
    } finally {
      if (!wrapped) {
        memory.release0();
      }
    }
  }

  /**
   * Accounts memory that is not the allocator's, for a message whose references somebody else
   * counts.
   */
  void account(long length) {
    if (!allocator.forceAllocate(length)) {
      allocator.releaseBytes(length);
      throw noRoom(length, null);
    }
  }

  /** Accounts again what was given back for a moment. */
  void accountAnyway(long length) {
    allocator.forceAllocate(length);
  }

  /** Gives back what {@link #account} has accounted. */
  void giveBack(long length) {
    allocator.releaseBytes(length);
  }

  private QdsException noRoom(long length, OutOfMemoryException cause) {
    return new QdsException(
        QdsException.Reason.NO_ROOM,
        "channel="
            + channel
            + ": the allocator allows "
            + allocator.getHeadroom()
            + " more bytes, the message shows "
            + length
            + "; close messages earlier, or raise the limit of the allocator given to ArrowCodec",
        cause);
  }

  /** Closes the allocator now, or as soon as nothing of it is used any more. Idempotent. */
  void close() {
    closeRequested = true;
    closeIfUnused();
  }

  void closeIfUnused() {
    if (closeRequested
        && lentCount.get() == 0
        && allocator.getAllocatedMemory() == 0
        && closed.compareAndSet(false, true)) {
      try {
        allocator.close();
      } catch (IllegalStateException e) {
        // Nothing is left to account: Arrow only minds that the parent was closed before.
        assert allocator.getAllocatedMemory() == 0 : e;
      }
    }
  }

  private final class LentMemory extends ForeignAllocation {
    private final Runnable onRelease;
    private final AtomicBoolean released = new AtomicBoolean();

    LentMemory(long address, long length, Runnable onRelease) {
      super(length, address);
      this.onRelease = onRelease;
    }

    /** Arrow calls this for the last buffer, and also on some failures to wrap. */
    @Override
    protected void release0() {
      if (released.compareAndSet(false, true)) {
        lentCount.decrementAndGet();
        try {
          onRelease.run();
        } finally {
          closeIfUnused();
        }
      }
    }
  }
}
