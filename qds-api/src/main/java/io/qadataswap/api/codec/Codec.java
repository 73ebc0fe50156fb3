package io.qadataswap.api.codec;

/**
 * Turns values into messages and messages into values, in place.
 *
 * <p>A codec is immutable and thread-safe; one codec may serve any number of channels. What changes
 * while messages are written or read lives in the {@link Encoder} and {@link Decoder} that each
 * writer and reader gets for itself.
 *
 * {@snippet file="io/qadataswap/api/example/Examples.java" region="codec" id="snippet-codec"}
 *
 * @param <T> the type of the values
 */
public interface Codec<T> {
  /**
   * Returns the id that is stored in the segment's header.
   *
   * @return 1 to 32 characters of printable ASCII, constant for the byte format
   */
  String id();

  /**
   * Creates the encoder of one writer.
   *
   * @param channel name of the channel, for messages
   * @return a new encoder
   */
  Encoder<T> newEncoder(String channel);

  /**
   * Creates the decoder of one reader.
   *
   * @param channel name of the channel, for messages
   * @param fullValidation whether every byte that a view may depend on is to be checked (the writer
   *     is not trusted), or the structure alone
   * @return a new decoder
   */
  Decoder<T> newDecoder(String channel, boolean fullValidation);
}
