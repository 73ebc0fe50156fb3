package io.qadataswap.api.codec;

import io.qadataswap.api.QdsProvider;
import io.qadataswap.api.Region;
import io.qadataswap.api.Unavailability;
import io.qadataswap.api.layout.Loan;
import java.util.Optional;

/**
 * Plain bytes: the value is the memory itself. A reader gets a read-only {@link Region} over the
 * message, without a copy and without an allocation; a writer normally claims a region and fills it
 * in place, or forwards a region that it has received, which is copied.
 */
public final class RegionCodec implements Codec<Region> {
  /** The id in the segment's header. */
  public static final String ID = "bytes";

  private static final RegionCodec INSTANCE = new RegionCodec();
  private static final int COPY_LENGTH = 8192;

  private RegionCodec() {}

  /**
   * Returns the codec.
   *
   * @return the only instance
   */
  public static RegionCodec instance() {
    return INSTANCE;
  }

  @Override
  public String id() {
    return ID;
  }

  @Override
  public Encoder<Region> newEncoder(String channel) {
    return new CopyingEncoder();
  }

  @Override
  public Decoder<Region> newDecoder(String channel, boolean fullValidation) {
    return new ViewingDecoder();
  }

  private static final class CopyingEncoder implements Encoder<Region> {
    private final byte[] buffer = new byte[COPY_LENGTH];

    @Override
    public long measure(Region value) {
      return value.length();
    }

    @Override
    public long encode(Region value, Region target) {
      long length = value.length();
      for (long done = 0; done < length; done += COPY_LENGTH) {
        int step = (int) Math.min(COPY_LENGTH, length - done);
        value.getBytes(done, buffer, 0, step);
        target.putBytes(done, buffer, 0, step);
      }
      return length;
    }

    @Override
    public void close() {
      // holds nothing
    }
  }

  private static final class ViewingDecoder implements Decoder<Region> {
    @Override
    public Region decode(Loan loan) {
      return loan.region();
    }

    @Override
    public void release(Region value) {
      // the loan closes the region
    }

    @Override
    public void close() {
      // holds nothing
    }
  }

  /** Finds {@link RegionCodec} by its id. */
  public static final class Provider implements CodecProvider {
    /** For {@link java.util.ServiceLoader}. */
    public Provider() {}

    @Override
    public String name() {
      return ID;
    }

    @Override
    public int rank() {
      return 10;
    }

    @Override
    public int apiVersion() {
      return QdsProvider.API_VERSION;
    }

    @Override
    public Optional<Unavailability> unavailableReason() {
      return Optional.empty();
    }

    @Override
    public Codec<?> codec() {
      return INSTANCE;
    }
  }
}
