package io.qadataswap.codec.arrow.support;

import io.qadataswap.api.Region;
import io.qadataswap.api.channel.Memory;
import io.qadataswap.api.codec.Decoder;
import io.qadataswap.api.codec.Encoder;
import io.qadataswap.api.layout.Loan;
import io.qadataswap.api.layout.RingReader;
import io.qadataswap.codec.arrow.ArrowCodec;
import io.qadataswap.codec.arrow.ArrowTable;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.util.MemoryUtil;

/**
 * Encodes into memory outside the heap and decodes from there, without a ring. When a message's
 * last reference is released, its memory is overwritten at once, as a writer would do: whatever
 * still reads it shows.
 */
public final class Loopback implements AutoCloseable {
  /** The channel that messages name. */
  public static final String CHANNEL = "loopback";

  private static final int ALIGNMENT = 64;

  private final Encoder<ArrowTable> encoder;
  private final Decoder<ArrowTable> decoder;
  private final List<Sent> messages = new ArrayList<>();

  public Loopback(BufferAllocator allocator, boolean fullValidation) {
    ArrowCodec codec = ArrowCodec.with(allocator);
    encoder = codec.newEncoder(CHANNEL);
    decoder = codec.newDecoder(CHANNEL, fullValidation);
  }

  /** A message in memory, with the accounting that a ring does. */
  public final class Sent {
    private final Loan loan = new Loan();
    private final RawMemory memory;
    private int releaseCount;
    private ArrowTable value;

    private Sent(RawMemory memory, long length) {
      this.memory = memory;
      loan.region().open(memory, 0, length, false);
      RingReader ring =
          (RingReader)
              Proxy.newProxyInstance(
                  RingReader.class.getClassLoader(),
                  new Class<?>[] {RingReader.class},
                  this::calledByLoan);
      loan.open(ring, messages.size(), 0, 0, 0);
      messages.add(this);
    }

    /** Decodes, as a reader does. */
    public ArrowTable read() {
      boolean decoded = false;
      try {
        value = decoder.decode(loan);
        decoded = true;
        return value;
      } finally {
        if (!decoded) {
          loan.release();
        }
      }
    }

    /** Closes the message, as a reader does. */
    public void close() {
      ArrowTable closing = value;
      value = null;
      try {
        decoder.release(closing);
      } finally {
        loan.release();
      }
    }

    public Loan loan() {
      return loan;
    }

    public RawMemory memory() {
      return memory;
    }

    /** Returns how often the loan's last reference was released: 0, and then 1. */
    public int releaseCount() {
      return releaseCount;
    }

    public byte[] bytes() {
      byte[] bytes = new byte[Math.toIntExact(loan.region().length())];
      loan.region().getBytes(0, bytes, 0, bytes.length);
      return bytes;
    }

    private Object calledByLoan(Object proxy, Method method, Object[] arguments) {
      if (!method.getName().equals("release")) {
        throw new UnsupportedOperationException(method.toString());
      }
      releaseCount++;
      MemoryUtil.setMemory(memory.address(), memory.length(), (byte) 0x5A);
      return null;
    }
  }

  /** Encodes a table. */
  public Sent send(ArrowTable table) {
    long length = encoder.measure(table);
    RawMemory memory = new RawMemory(length);
    Region region = new Region();
    region.open(memory, 0, length, true);
    long used = encoder.encode(table, region);
    return new Sent(memory, used);
  }

  /** Encodes a table into the memory of a message that was released, and is long enough. */
  public Sent send(ArrowTable table, Sent before) {
    if (before.releaseCount != 1) {
      throw new IllegalStateException("releaseCount=" + before.releaseCount);
    }
    Region region = new Region();
    region.open(before.memory, 0, encoder.measure(table), true);
    return new Sent(before.memory, encoder.encode(table, region));
  }

  /** Closes the reader, which may still have messages open. */
  public void closeReader() {
    decoder.close();
  }

  /** Puts bytes where a message lies, whoever made them. */
  public Sent send(byte[] bytes) {
    RawMemory memory = new RawMemory(bytes.length);
    memory.putBytes(0, bytes, 0, bytes.length);
    return new Sent(memory, bytes.length);
  }

  @Override
  public void close() {
    encoder.close();
    decoder.close();
    messages.stream().map(Sent::memory).distinct().forEach(RawMemory::free);
  }

  /** Memory that starts at a multiple of 64 and is followed by nothing that may be touched. */
  public static final class RawMemory implements Memory {
    private final long allocated;
    private final long address;
    private final long length;

    private RawMemory(long length) {
      this.length = length;
      allocated = MemoryUtil.allocateMemory(length + ALIGNMENT);
      address = (allocated + ALIGNMENT - 1) & -ALIGNMENT;
      MemoryUtil.setMemory(allocated, length + ALIGNMENT, (byte) 0x5A);
    }

    private void free() {
      MemoryUtil.freeMemory(allocated);
    }

    private long at(long offset, long width) {
      if (offset < 0 || offset > length - width) {
        throw new IndexOutOfBoundsException("offset=" + offset + " width=" + width);
      }
      return address + offset;
    }

    @Override
    public long length() {
      return length;
    }

    @Override
    public long address() {
      return address;
    }

    @Override
    public byte getByte(long offset) {
      return MemoryUtil.getByte(at(offset, 1));
    }

    @Override
    public void putByte(long offset, byte value) {
      MemoryUtil.putByte(at(offset, 1), value);
    }

    @Override
    public int getInt(long offset) {
      return MemoryUtil.getInt(at(offset, 4));
    }

    @Override
    public void putInt(long offset, int value) {
      MemoryUtil.putInt(at(offset, 4), value);
    }

    @Override
    public long getLong(long offset) {
      return MemoryUtil.getLong(at(offset, 8));
    }

    @Override
    public void putLong(long offset, long value) {
      MemoryUtil.putLong(at(offset, 8), value);
    }

    @Override
    public int getIntAcquire(long offset) {
      return getInt(offset);
    }

    @Override
    public void putIntRelease(long offset, int value) {
      putInt(offset, value);
    }

    @Override
    public long getLongAcquire(long offset) {
      return getLong(offset);
    }

    @Override
    public void putLongRelease(long offset, long value) {
      putLong(offset, value);
    }

    @Override
    public void getBytes(long offset, byte[] target, int targetOffset, int count) {
      MemoryUtil.copyFromMemory(at(offset, count), target, targetOffset, count);
    }

    @Override
    public void putBytes(long offset, byte[] source, int sourceOffset, int count) {
      MemoryUtil.copyToMemory(source, sourceOffset, at(offset, count), count);
    }

    @Override
    public ByteBuffer slice(long offset, int count) {
      throw new UnsupportedOperationException();
    }
  }
}
