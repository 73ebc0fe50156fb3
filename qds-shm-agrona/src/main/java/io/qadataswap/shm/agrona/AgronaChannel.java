package io.qadataswap.shm.agrona;

import io.qadataswap.api.channel.Channel;
import io.qadataswap.api.channel.Memory;
import io.qadataswap.api.channel.SegmentFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel.MapMode;
import java.util.Objects;
import org.agrona.BufferUtil;

/**
 * A segment file mapped into a direct buffer.
 *
 * <p>It is never unmapped by hand, not even by {@link #close}. Buffers and addresses were handed to
 * users' threads, and compiled loops keep addresses in registers; one that came too late would end
 * the process, or see what was mapped there next. So this object keeps the mapping as long as
 * anybody can reach it or a buffer of it, and the garbage collector unmaps it afterwards.
 */
final class AgronaChannel extends AgronaMemory implements Channel {
  /** What loans of the native layout promise of their first byte. */
  private static final int COPY_ALIGNMENT = 64;

  private final SegmentFile file;

  private AgronaChannel(SegmentFile file, MappedByteBuffer bytes) {
    super(bytes);
    this.file = file;
  }

  static Channel map(SegmentFile file, long length, boolean writable) {
    boolean mapped = false;
    try {
      MappedByteBuffer bytes =
          file.call(channel -> {
            // A writable mapping that is longer than the file would make the file longer.
            long limit = Math.min(channel.size(), Integer.MAX_VALUE);
            if (length < 0 || length > limit) {
              throw new IllegalArgumentException(
                  "length=" + length + " allowed=[0, " + limit + "] for " + file.path());
            }
            return channel.map(writable ? MapMode.READ_WRITE : MapMode.READ_ONLY, 0, length);
          });
      Channel channel = new AgronaChannel(file, bytes);
      mapped = true;
      return channel;
    } catch (IOException e) {
      throw SegmentFile.failure(String.valueOf(file.path().getFileName()), "map " + file.path(), e);
    } finally {
      if (!mapped) {
        file.close();
      }
    }
  }

  @Override
  public SegmentFile file() {
    return file;
  }

  @Override
  public boolean canWake() {
    return false;
  }

  @Override
  public boolean waitWhile(long offset, int expected, long timeoutNs) {
    return false;
  }

  @Override
  public void wake(long offset) {}

  @Override
  public Memory copyOf(long offset, long length) {
    Objects.checkFromIndexSize(offset, length, length());
    ByteBuffer source = slice(offset, (int) length); // keeps the mapping, as any buffer does
    ByteBuffer copy = BufferUtil.allocateDirectAligned(Math.toIntExact(length), COPY_ALIGNMENT);
    copy.put(0, source, 0, (int) length);
    return new AgronaMemory(copy);
  }

  @Override
  public void close() {
    end();
    file.close();
  }
}
