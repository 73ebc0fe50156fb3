package io.qadataswap.codec.raw;

import io.qadataswap.api.QdsException;
import io.qadataswap.api.QdsException.Reason;
import io.qadataswap.api.Region;
import io.qadataswap.api.codec.Codec;
import io.qadataswap.api.codec.Decoder;
import io.qadataswap.api.codec.Encoder;
import io.qadataswap.api.layout.Loan;
import java.nio.BufferOverflowException;
import java.util.Objects;
import java.util.function.Supplier;
import net.openhft.chronicle.bytes.Bytes;
import net.openhft.chronicle.bytes.BytesMarshallable;

/**
 * Messages of a user's own type, written into the channel's memory and read from it as Chronicle
 * {@link Bytes}, with no copy between and without an allocation for a message where the user's code
 * makes none.
 *
 * <p>The bytes are those of the user's code, and so is the id that stands in the channel's header:
 * change it with the format. Reading is bounded by the message. Whatever exception the user's code
 * ends in when it reads (or an {@link OutOfMemoryError}, of a length that it believed) is taken for
 * damage: a {@link QdsException} of reason {@code CORRUPT}, and the next message is not affected. A
 * reader that does not read all bytes is in order.
 *
 * <p>The value of a message is the user's object, which the user's code has filled: what it copied
 * stays when the message is closed. In {@code for} loops and {@code drain} the same object is
 * offered to be filled again for the next message, for {@code poll} and {@code read} none is.
 *
 * @param <T> the type of the messages
 */
public final class RawMessageCodec<T> implements Codec<T> {
  private final String id;
  private final long maxLength;
  private final MessageWriter<? super T> writer;
  private final MessageReader<T> reader;

  /**
   * Writes a message.
   *
   * @param <T> the type of the messages
   */
  @FunctionalInterface
  public interface MessageWriter<T> {
    /**
     * Writes a value in place.
     *
     * @param value to write
     * @param out of the longest length, empty; not to be kept
     */
    void write(T value, Bytes<?> out);
  }

  /**
   * Reads a message.
   *
   * @param <T> the type of the messages
   */
  @FunctionalInterface
  public interface MessageReader<T> {
    /**
     * Reads a value in place.
     *
     * @param in the message; not to be kept
     * @param reuse a value that this reader has returned and nobody may use any more, or null
     * @return the value, new or reused
     */
    T read(Bytes<?> in, T reuse);
  }

  private RawMessageCodec(
      String id, long maxLength, MessageWriter<? super T> writer, MessageReader<T> reader) {
    this.id = Objects.requireNonNull(id, "id");
    if (!id.matches("[!-~]{1,32}")) {
      throw new IllegalArgumentException(
          "codec id=" + id + " allowed=1 to 32 characters of printable ASCII");
    }
    if (maxLength < 0) {
      throw new IllegalArgumentException("maxLength=" + maxLength + " allowed=0 or more");
    }
    this.maxLength = maxLength;
    this.writer = Objects.requireNonNull(writer, "writer");
    this.reader = Objects.requireNonNull(reader, "reader");
  }

  /**
   * Returns a codec for a type that writes and reads itself. It has to implement both methods of
   * {@link BytesMarshallable}: the ones of the interface work by reflection, which allocates and
   * needs JVM flags.
   *
   * @param <T> the type of the messages
   * @param id names the format in the channel's header, 1 to 32 characters of printable ASCII
   * @param maxLength of a message in bytes; that much is claimed for each, and what is not used is
   *     given back
   * @param factory makes an object to be read into
   * @return the codec
   */
  public static <T extends BytesMarshallable> RawMessageCodec<T> of(
      String id, long maxLength, Supplier<? extends T> factory) {
    Objects.requireNonNull(factory, "factory");
    return of(
        id,
        maxLength,
        (value, out) -> value.writeMarshallable(out),
        (in, reuse) -> {
          T value = reuse == null ? factory.get() : reuse;
          value.readMarshallable(in);
          return value;
        });
  }

  /**
   * Returns a codec of two functions.
   *
   * @param <T> the type of the messages
   * @param id names the format in the channel's header, 1 to 32 characters of printable ASCII
   * @param maxLength of a message in bytes; that much is claimed for each, and what is not used is
   *     given back
   * @param writer writes a message
   * @param reader reads it
   * @return the codec
   */
  public static <T> RawMessageCodec<T> of(
      String id, long maxLength, MessageWriter<? super T> writer, MessageReader<T> reader) {
    return new RawMessageCodec<>(id, maxLength, writer, reader);
  }

  @Override
  public String id() {
    return id;
  }

  @Override
  public Encoder<T> newEncoder(String channel) {
    return new MessageEncoder(channel);
  }

  @Override
  public Decoder<T> newDecoder(String channel, boolean fullValidation) {
    return new MessageDecoder(channel);
  }

  /** Bytes over a region that changes. */
  private static final class Window {
    private final RegionStore store = new RegionStore();
    private final Bytes<Void> bytes = store.bytesForWrite();

    Window() {
      // Writers and readers may be handed over from thread to thread.
      bytes.singleThreadedCheckDisabled(true);
    }

    Bytes<Void> open(Region region, long length) {
      store.point(region, 0, length);
      return bytes.clear();
    }

    /** Leaves nothing to whoever has kept the bytes. */
    void close(Region region) {
      store.point(region, 0, 0);
    }
  }

  private final class MessageEncoder implements Encoder<T> {
    private final String channel;
    private final Window window = new Window();

    MessageEncoder(String channel) {
      this.channel = channel;
    }

    @Override
    public long measure(T value) {
      Objects.requireNonNull(value, "value");
      return maxLength;
    }

    @Override
    public long encode(T value, Region target) {
      try {
        Bytes<Void> out = window.open(target, maxLength);
        writer.write(value, out);
        return out.writePosition();
      } catch (RuntimeException e) {
        if (e instanceof BufferOverflowException
            || e.getCause() instanceof BufferOverflowException) {
          throw new QdsException(
              Reason.MESSAGE_TOO_LARGE,
              "channel="
                  + channel
                  + " codec="
                  + id
                  + ": the message is longer than maxLength="
                  + maxLength
                  + " bytes; make the codec with more",
              e);
        }
        throw e;
      } finally {
        window.close(target);
      }
    }

    @Override
    public void close() {
      // holds nothing
    }
  }

  private final class MessageDecoder implements Decoder<T> {
    private final String channel;
    private final Window window = new Window();

    /** The value of the last message, read into again when its loan is used again. */
    private T last;

    private Loan loanOfLast;

    MessageDecoder(String channel) {
      this.channel = channel;
    }

    @SuppressWarnings("ReferenceEquality") // the very object
    @Override
    public T decode(Loan loan) {
      Region region = loan.region();
      T reuse = loanOfLast == loan ? last : null;
      // If reading fails, the object is half filled, and gone.
      last = null;
      try {
        long length = region.length();
        T value = reader.read(window.open(region, length).writePosition(length), reuse);
        last = Objects.requireNonNull(value, "the reader's value");
        loanOfLast = loan;
        return value;
      } catch (QdsException e) {
        throw e;
      } catch (RuntimeException | OutOfMemoryError e) {
        throw new QdsException(
            Reason.CORRUPT,
            "channel="
                + channel
                + " message="
                + loan.sequence()
                + " codec="
                + id
                + " length="
                + region.length()
                + ": its reader ended in "
                + e
                + "; the message is damaged or of another format: read on behind it, and check the"
                + " program that wrote it",
            e);
      } finally {
        window.close(region);
      }
    }

    @Override
    public void release(T value) {
      // it is the user's
    }

    @Override
    public void close() {
      // holds nothing
    }
  }
}
