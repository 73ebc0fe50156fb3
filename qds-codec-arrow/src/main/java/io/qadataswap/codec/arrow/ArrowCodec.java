package io.qadataswap.codec.arrow;

import io.qadataswap.api.codec.Codec;
import io.qadataswap.api.codec.Decoder;
import io.qadataswap.api.codec.Encoder;
import java.util.Objects;
import org.apache.arrow.memory.BufferAllocator;

/**
 * Arrow tables as complete Arrow IPC streams: schema, dictionaries, record batches, end marker. Any
 * Arrow library reads a message's bytes as they are.
 *
 * <p>Writing copies each buffer once, into the channel's memory. Reading copies nothing but
 * metadata: the vectors are views of the channel's memory. See {@link ArrowTable} for how long they
 * live, and what a file that is cut short does to code that reads them.
 *
 * <p>Each reader takes a child of the given allocator, named {@code qds channel NAME}, and accounts
 * there what its open messages show; it closes the child with the last of their memory, whatever
 * the order in which reader, messages and retained buffers are closed. Close the allocator itself
 * last.
 */
public final class ArrowCodec implements Codec<ArrowTable> {
  /** The id in the segment's header. */
  public static final String ID = "arrow-ipc";

  private final BufferAllocator allocator;

  private ArrowCodec(BufferAllocator allocator) {
    this.allocator = allocator;
  }

  /**
   * Returns a codec.
   *
   * @param allocator accounts the memory that received tables show; not closed by QDS. Writers do
   *     not use it
   * @return the codec, for any number of channels
   */
  public static ArrowCodec with(BufferAllocator allocator) {
    return new ArrowCodec(Objects.requireNonNull(allocator, "allocator"));
  }

  @Override
  public String id() {
    return ID;
  }

  @Override
  public Encoder<ArrowTable> newEncoder(String channel) {
    return new ArrowEncoder(channel);
  }

  @Override
  public Decoder<ArrowTable> newDecoder(String channel, boolean fullValidation) {
    return new ArrowDecoder(channel, allocator, fullValidation);
  }
}
