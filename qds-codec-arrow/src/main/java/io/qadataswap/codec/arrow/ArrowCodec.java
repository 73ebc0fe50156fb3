package io.qadataswap.codec.arrow;

import io.qadataswap.api.Writer;
import io.qadataswap.api.codec.Codec;
import io.qadataswap.api.codec.Decoder;
import io.qadataswap.api.codec.Encoder;
import java.time.Duration;
import java.util.Objects;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.dictionary.DictionaryProvider;
import org.apache.arrow.vector.types.pojo.Schema;

/**
 * Arrow tables as complete Arrow IPC streams: schema, dictionaries, record batches, end marker. Any
 * Arrow library reads a message's bytes as they are.
 *
 * <p>Writing copies each buffer once, into the channel's memory, unless it was filled there: see
 * {@link #claim claim}. Reading copies nothing but metadata: the vectors are views of the channel's
 * memory. See {@link ArrowTable} for how long they live, and what a file that is cut short does to
 * code that reads them.
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
   * @param allocator accounts the memory that received tables show; not closed by QDS. Writers use
   *     it for claims alone, as the root of what may be transferred into one
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

  /**
   * Claims memory of a channel for one record batch to be filled in place; waits for room as long
   * as it takes. The writer is in use until the claim ends.
   *
   * @param writer that sends the message
   * @param schema of the batch, without dictionaries
   * @param bodyLength bytes for the buffers of the vectors, each rounded up to a multiple of 64;
   *     schema and metadata come on top
   * @return the open claim
   * @throws InterruptedException if the thread was interrupted while it waited
   */
  public ArrowClaim claim(Writer<ArrowTable> writer, Schema schema, long bodyLength)
      throws InterruptedException {
    return ArrowClaim.open(writer, schema, ArrowTable.NO_DICTIONARIES, bodyLength, null, allocator);
  }

  /**
   * Claims memory of a channel for one record batch to be filled in place; waits for room for a
   * limited time.
   *
   * @param writer that sends the message
   * @param schema of the batch, in memory format
   * @param dictionaries holds every dictionary that the schema refers to; they are copied now
   * @param bodyLength bytes for the buffers of the vectors, each rounded up to a multiple of 64;
   *     schema, dictionaries and metadata come on top
   * @param timeout longest wait; zero does not wait
   * @return the open claim, or null after the time-out
   * @throws InterruptedException if the thread was interrupted while it waited
   */
  public ArrowClaim claim(
      Writer<ArrowTable> writer,
      Schema schema,
      DictionaryProvider dictionaries,
      long bodyLength,
      Duration timeout)
      throws InterruptedException {
    return ArrowClaim.open(
        writer, schema, dictionaries, bodyLength, Objects.requireNonNull(timeout), allocator);
  }

  /**
   * Claims memory of a channel for a number of rows, and allocates the vectors there; waits for
   * room as long as it takes. The writer is in use until the claim ends.
   *
   * @param writer that sends the message
   * @param schema of the batch: columns of fixed width, texts and binary values
   * @param rowCount most rows that the batch will have
   * @param dataLengths for each column of texts or binary values, in the order of the schema, the
   *     most bytes that its values will have together
   * @return the open claim
   * @throws InterruptedException if the thread was interrupted while it waited
   */
  public ArrowClaim claimRows(
      Writer<ArrowTable> writer, Schema schema, int rowCount, long... dataLengths)
      throws InterruptedException {
    return ArrowClaim.open(writer, schema, rowCount, dataLengths, allocator);
  }
}
