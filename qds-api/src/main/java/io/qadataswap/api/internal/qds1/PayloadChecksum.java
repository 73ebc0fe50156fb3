package io.qadataswap.api.internal.qds1;

import io.qadataswap.api.Region;
import java.util.zip.CRC32C;

/**
 * CRC-32C of payloads. It runs over private copies, a piece at a time: on a mapping whose file was
 * cut short the intrinsic would kill the JVM. One thread at a time.
 */
final class PayloadChecksum {
  private final CRC32C crc = new CRC32C();
  private final byte[] piece = new byte[16_384];

  int of(Region region, long length) {
    crc.reset();
    for (long done = 0; done < length; done += piece.length) {
      int count = (int) Math.min(piece.length, length - done);
      region.getBytes(done, piece, 0, count);
      crc.update(piece, 0, count);
    }
    return (int) crc.getValue();
  }
}
