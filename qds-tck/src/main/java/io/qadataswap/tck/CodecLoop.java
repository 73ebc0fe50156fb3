package io.qadataswap.tck;

import io.qadataswap.api.ReaderStats;
import io.qadataswap.api.Region;
import io.qadataswap.api.channel.Channel;
import io.qadataswap.api.channel.ChannelProvider;
import io.qadataswap.api.channel.SegmentFile;
import io.qadataswap.api.codec.Decoder;
import io.qadataswap.api.codec.Encoder;
import io.qadataswap.api.layout.Loan;
import io.qadataswap.api.layout.RingReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Messages in a mapped file, without a ring: they start at multiples of 64, the reader's mapping is
 * read-only, and as soon as a message's last reference is released its memory is overwritten, as a
 * writer would do.
 */
final class CodecLoop implements AutoCloseable {
  private static final int ALIGNMENT = 64;
  private static final int SLOT_COUNT = 16;
  private static final byte GONE = 0x6B;

  private final Channel writable;
  private final Channel readable;
  private final int slotLength;
  private final boolean[] taken = new boolean[SLOT_COUNT];

  /**
   * Makes room.
   *
   * @param largestLength most bytes of a message
   */
  CodecLoop(ChannelProvider backend, Path directory, long largestLength) throws IOException {
    // An odd multiple of 64, so that messages start at all of them.
    int units = Math.toIntExact((largestLength + ALIGNMENT - 1) / ALIGNMENT) + 2;
    slotLength = (units | 1) * ALIGNMENT;
    long length = (long) SLOT_COUNT * slotLength;
    Path path = Files.createTempDirectory(directory, "loop").resolve("messages");
    SegmentFile file =
        SegmentFile.create(
            path, "tck", length, PosixFilePermissions.fromString("rw-------"), 1L << 62, 1);
    writable = backend.map(file, length, true);
    readable = backend.map(SegmentFile.open(path, "tck"), length, false);
  }

  /** What came of encoding. */
  static final class Encoded {
    /** What the encoder has asked for. */
    final long measuredLength;

    /** What it says that it has used. */
    final long usedLength;

    final byte[] bytes;

    /**
     * Of a byte outside of the region that was changed, relative to the region's start; {@link
     * Integer#MIN_VALUE} if there is none.
     */
    final int strayOffset;

    private Encoded(long measuredLength, long usedLength, byte[] bytes, int strayOffset) {
      this.measuredLength = measuredLength;
      this.usedLength = usedLength;
      this.bytes = bytes;
      this.strayOffset = strayOffset;
    }
  }

  /**
   * Encodes a value.
   *
   * @param old what the memory holds before, in every byte
   * @param spare bytes that the region has beyond those measured
   */
  <T> Encoded encode(Encoder<T> encoder, T value, byte old, int spare) {
    long measured = encoder.measure(value);
    long length = measured + spare;
    if (measured < 0 || length > slotLength - ALIGNMENT) {
      throw new AssertionError(
          "measured=" + measured + " allowed=0 to " + (slotLength - ALIGNMENT - spare));
    }
    int slot = take();
    try {
      fill(slot, old);
      Region region = new Region();
      region.open(writable, start(slot), length, true);
      long used = encoder.encode(value, region);
      region.close();
      byte[] whole = new byte[slotLength];
      writable.getBytes((long) slot * slotLength, whole, 0, slotLength);
      int stray = Integer.MIN_VALUE;
      for (int i = 0; i < slotLength; i++) {
        boolean isOutside = i < ALIGNMENT || i >= ALIGNMENT + length;
        if (isOutside && whole[i] != old && stray == Integer.MIN_VALUE) {
          stray = i - ALIGNMENT;
        }
      }
      int count = (int) Math.max(0, Math.min(used, slotLength - ALIGNMENT));
      return new Encoded(
          measured, used, Arrays.copyOfRange(whole, ALIGNMENT, ALIGNMENT + count), stray);
    } finally {
      free(slot);
    }
  }

  /**
   * Puts a message into memory.
   *
   * @param sequence of the message
   * @param around what every byte beside the message is
   */
  <T> Lent<T> lend(Decoder<T> decoder, byte[] bytes, long sequence, byte around) {
    int slot = take();
    fill(slot, around);
    writable.putBytes(start(slot), bytes, 0, bytes.length);
    return new Lent<>(decoder, slot, bytes.length, sequence);
  }

  /** Makes one message that is written, read and closed again and again, as rings do. */
  <T> Cycle<T> cycle(Encoder<T> encoder, Decoder<T> decoder, T value) {
    return new Cycle<>(encoder, decoder, value);
  }

  /** One message that goes round. */
  final class Cycle<T> implements AutoCloseable {
    private final Encoder<T> encoder;
    private final T value;
    private final Region claimed = new Region();
    private final Lent<T> message;

    private Cycle(Encoder<T> encoder, Decoder<T> decoder, T value) {
      this.encoder = encoder;
      this.value = value;
      message = new Lent<>(decoder, take(), 0, 0);
      message.isReused = true;
      message.loan.release();
    }

    /** Encodes, decodes and closes. */
    void run() {
      long measured = encoder.measure(value);
      long start = start(message.slot);
      claimed.open(writable, start, measured, true);
      long used = encoder.encode(value, claimed);
      claimed.close();
      message.loan.region().open(readable, start, used, false);
      message.loan.open(message.lender, 0, 0, 0, 0);
      message.decode();
      message.close();
    }

    @Override
    public void close() {
      free(message.slot);
    }
  }

  /** Cuts the file off, so that nothing is left behind the mappings. */
  void cut() throws IOException {
    writable.file().call(channel -> channel.truncate(0));
  }

  private long start(int slot) {
    return (long) slot * slotLength + ALIGNMENT;
  }

  private void fill(int slot, byte value) {
    byte[] bytes = new byte[slotLength];
    Arrays.fill(bytes, value);
    writable.putBytes((long) slot * slotLength, bytes, 0, slotLength);
  }

  private synchronized int take() {
    for (int slot = 0; slot < SLOT_COUNT; slot++) {
      if (!taken[slot]) {
        taken[slot] = true;
        return slot;
      }
    }
    throw new AssertionError(SLOT_COUNT + " messages were not given back");
  }

  private synchronized void free(int slot) {
    taken[slot] = false;
  }

  @Override
  public void close() {
    readable.close();
    writable.close();
  }

  /** A message on loan. */
  final class Lent<T> {
    private final Loan loan = new Loan();
    private final AtomicInteger releaseCount = new AtomicInteger();
    private final Decoder<T> decoder;
    private final int slot;
    private final Lender lender = new Lender();
    private T value;

    /** Whether the same message comes again, so that its memory is left alone. */
    private boolean isReused;

    private Lent(Decoder<T> decoder, int slot, int length, long sequence) {
      this.decoder = decoder;
      this.slot = slot;
      loan.region().open(readable, start(slot), length, false);
      loan.open(lender, sequence, 0, 0, 0);
    }

    /** Decodes, as a reader does: a message that is refused is given back. */
    T decode() {
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
    void close() {
      T closing = value;
      value = null;
      try {
        decoder.release(closing);
      } finally {
        loan.release();
      }
    }

    /** Returns how often the last reference was released: 0 while somebody holds one, then 1. */
    int releaseCount() {
      return releaseCount.get();
    }

    /** Takes the loan back; nothing else of a reader is there. */
    private final class Lender implements RingReader {
      @Override
      public void release(Loan released) {
        releaseCount.incrementAndGet();
        if (isReused) {
          return;
        }
        try {
          fill(slot, GONE);
        } catch (InternalError e) {
          // the file was cut off
        }
        free(slot);
      }

      @Override
      public boolean poll(Loan next) {
        throw new UnsupportedOperationException();
      }

      @Override
      public boolean await(Loan next, long timeoutNs) {
        throw new UnsupportedOperationException();
      }

      @Override
      public boolean isEnded() {
        throw new UnsupportedOperationException();
      }

      @Override
      public long startSequence() {
        throw new UnsupportedOperationException();
      }

      @Override
      public String codecId() {
        throw new UnsupportedOperationException();
      }

      @Override
      public boolean validateFully() {
        throw new UnsupportedOperationException();
      }

      @Override
      public ReaderStats stats() {
        throw new UnsupportedOperationException();
      }

      @Override
      public void interruptWait() {
        throw new UnsupportedOperationException();
      }

      @Override
      public void close() {
        throw new UnsupportedOperationException();
      }
    }
  }
}
