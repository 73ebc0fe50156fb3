package io.qadataswap.codec.raw;

import io.qadataswap.api.codec.Codec;
import io.qadataswap.api.codec.Decoder;
import io.qadataswap.api.codec.Encoder;

/**
 * Raw batches: columns of numbers, booleans, texts and bytes, written and read in place, without an
 * allocation for a message. The layout is specified byte by byte in {@code raw-columns.md} of the
 * wire specification, for programs in any language.
 *
 * <p>A writer fills batches in place by {@link RawClaim}, or copies complete ones by {@code
 * writer.write(batch)}. A reader gets {@link RawBatch}, a view of the message.
 *
 * <p>What a message says is never believed: what describes it is copied to private memory and
 * checked before anything is shown, offsets of texts when their row is read. With full validation
 * every offset, text and boolean is checked at once.
 */
public final class RawCodec implements Codec<RawBatch> {
  /** The id in the segment's header. */
  public static final String ID = "raw1";

  private static final RawCodec INSTANCE = new RawCodec();

  private RawCodec() {}

  /**
   * Returns the codec.
   *
   * @return the only instance
   */
  public static RawCodec instance() {
    return INSTANCE;
  }

  @Override
  public String id() {
    return ID;
  }

  @Override
  public Encoder<RawBatch> newEncoder(String channel) {
    return new RawEncoder();
  }

  @Override
  public Decoder<RawBatch> newDecoder(String channel, boolean fullValidation) {
    return new RawDecoder(channel, fullValidation);
  }
}
