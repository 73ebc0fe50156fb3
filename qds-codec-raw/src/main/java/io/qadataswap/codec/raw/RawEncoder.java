package io.qadataswap.codec.raw;

import io.qadataswap.api.Region;
import io.qadataswap.api.codec.Encoder;

/** Copies batches that are complete, received or private, as they are. */
final class RawEncoder implements Encoder<RawBatch> {
  private static final int COPY_LENGTH = 8192;

  private final byte[] buffer = new byte[COPY_LENGTH];

  @Override
  public long measure(RawBatch value) {
    return value.length();
  }

  @Override
  public long encode(RawBatch value, Region target) {
    long length = value.length();
    for (long done = 0; done < length; done += COPY_LENGTH) {
      int step = (int) Math.min(COPY_LENGTH, length - done);
      value.region().getBytes(done, buffer, 0, step);
      target.putBytes(done, buffer, 0, step);
    }
    return length;
  }

  @Override
  public void close() {
    // holds nothing
  }
}
