package io.qadataswap.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.qadataswap.api.QdsException;
import io.qadataswap.api.QdsException.Reason;
import io.qadataswap.api.QdsProvider;
import io.qadataswap.api.channel.ChannelProvider;
import io.qadataswap.api.codec.Codec;
import io.qadataswap.api.codec.CodecProvider;
import io.qadataswap.api.codec.Decoder;
import io.qadataswap.api.codec.Encoder;
import io.qadataswap.tck.CodecLoop.Encoded;
import io.qadataswap.tck.CodecLoop.Lent;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * What a codec must do: a subclass gives values, and how to look at one. The rules are those of
 * chapter 3 of {@code qds-tck/spec/spi.md}.
 *
 * <p>Messages lie in a mapped file, for which a backend must be on the tests' path; readers see
 * them through a read-only mapping. Each rule makes its own samples.
 *
 * @param <T> the type of the values
 */
public abstract class CodecTck<T> {
  private static final String CHANNEL = "codec-tck";
  private static final byte OLD = 0x5A;

  /** More than a codec loads before the JVM looks for an error. */
  private static final int MOST_ERRORS = 64;

  /** How often each value is damaged in each way. */
  private static final int DAMAGE_COUNT = 300;

  private static final long[] WILD = {
    0, 1, -1, 2, 7, 64, 0x7F, 0xFF, 0x7FFF_FFFF, 0x8000_0000L, Long.MAX_VALUE, Long.MIN_VALUE
  };

  private final Deque<AutoCloseable> opened = new ArrayDeque<>();
  private Path directory;
  private CodecSamples<T> samples;
  private Codec<T> codec;
  private CodecLoop loop;

  /** Called by subclasses. */
  protected CodecTck() {}

  /**
   * Makes the codec to test, with values for it. Called once for each rule.
   *
   * @return new samples, which are closed after the rule
   */
  protected abstract CodecSamples<T> samples();

  /**
   * Returns the backend whose memory the messages lie in.
   *
   * @return the provider; by default the usable one of the highest rank
   */
  protected ChannelProvider backend() {
    return Plugins.anyBackend();
  }

  /**
   * Returns the provider by which tools find the codec.
   *
   * @return the provider; by default the one that the service loader finds by the codec's id
   */
  protected Optional<CodecProvider> provider() {
    return Plugins.codec(codec.id());
  }

  /**
   * Returns whether the codec claims that it does not allocate for a message, neither when it
   * encodes nor when it decodes and releases.
   *
   * @return false by default: CD-60 is skipped
   */
  protected boolean allocatesNothing() {
    return false;
  }

  /**
   * Returns whether decoding survives a channel file that somebody has cut short. Codecs that read
   * messages by address cannot.
   *
   * @return true by default; false: CD-50 is skipped
   */
  protected boolean survivesCutFiles() {
    return true;
  }

  @BeforeEach
  void makeSamples() throws IOException {
    ChannelProvider backend = backend();
    directory = KitDirectory.create();
    samples = samples();
    codec = samples.codec();
    long largest = 0;
    try (Encoder<T> encoder = codec.newEncoder(CHANNEL)) {
      for (T value : samples.values()) {
        largest = Math.max(largest, encoder.measure(value));
      }
    }
    loop = new CodecLoop(backend, directory, largest + 256);
  }

  @AfterEach
  void removeFiles() throws Exception {
    try {
      while (!opened.isEmpty()) {
        opened.pop().close();
      }
      if (loop != null) {
        loop.close();
      }
      if (samples != null) {
        samples.close();
      }
    } finally {
      if (directory != null) {
        KitDirectory.delete(directory);
      }
    }
  }

  // ---------------------------------------------------------------- identity

  @Test
  @Tag("required")
  @DisplayName("CD-01 the id is 1 to 32 characters of printable ASCII, the same each time")
  @IfThisFails("look at id(): it stands in the header of every channel, in 32 bytes")
  void id() {
    String id = codec.id();
    assertTrue(id.matches("[!-~]{1,32}"), () -> "id=" + id);
    assertEquals(id, codec.id());
  }

  @Test
  @Tag("recommended")
  @DisplayName("CD-02 a provider of the codec's id makes codecs of that id")
  @IfThisFails("look at name() and codec() of your CodecProvider: the name is the codec's id")
  void provided() {
    Optional<CodecProvider> found = provider();
    assumeTrue(
        found.isPresent(),
        () -> "no CodecProvider is named " + codec.id() + ": tools will not find the codec");
    CodecProvider provider = found.orElseThrow();
    assertEquals(codec.id(), provider.name());
    assertEquals(QdsProvider.API_VERSION, provider.apiVersion());
    assertTrue(provider.unavailableReason().isEmpty(), "the codec works here");
    assertEquals(codec.id(), provider.codec().id());
  }

  // ---------------------------------------------------------------- values

  @Test
  @Tag("required")
  @DisplayName("CD-10 every value arrives as it was written")
  @IfThisFails("look at encode and decode with the value that the message names")
  void roundTrip() {
    List<T> values = values();
    Encoder<T> encoder = encoder();
    for (boolean fullValidation : new boolean[] {false, true}) {
      Decoder<T> decoder = decoder(fullValidation);
      for (int i = 0; i < values.size(); i++) {
        Lent<T> message = lend(decoder, encode(encoder, values.get(i)));
        requireContent(i, message);
        message.close();
      }
    }
  }

  @Test
  @Tag("required")
  @DisplayName("CD-11 encoding stays within what was measured")
  @IfThisFails(
      "look at measure: it is at least what encode uses, padding included; and at writes by"
          + " address, whose bounds nobody checks but you")
  void measures() {
    Encoder<T> encoder = encoder();
    for (T value : values()) {
      for (int spare : new int[] {0, 64}) {
        Encoded encoded = loop.encode(encoder, value, OLD, spare);
        assertTrue(
            encoded.usedLength >= 0 && encoded.usedLength <= encoded.measuredLength,
            () -> "used=" + encoded.usedLength + " allowed=0 to " + encoded.measuredLength);
        assertEquals(Integer.MIN_VALUE, encoded.strayOffset, "offset of a byte beside the region");
      }
    }
  }

  @Test
  @Tag("required")
  @DisplayName("CD-12 a value may be written again, and is not changed by it")
  @IfThisFails("look at what encode stores in the value, or in the encoder, of the time before")
  void writtenAgain() {
    Encoder<T> encoder = encoder();
    Decoder<T> decoder = decoder(true);
    List<T> values = values();
    for (int i = 0; i < values.size(); i++) {
      Object before = samples.contentOf(values.get(i));
      for (int round = 0; round < 3; round++) {
        Lent<T> message = lend(decoder, encode(encoder, values.get(i)));
        Object found = samples.contentOf(message.decode());
        message.close();
        if (round > 0) {
          assertEquals(before, found, "value " + i + " when it is written again");
        }
        assertEquals(before, samples.contentOf(values.get(i)), "value " + i + " itself");
      }
    }
  }

  @Test
  @Tag("required")
  @DisplayName("CD-13 a value that was measured and given up leaves no trace")
  @IfThisFails("look at what measure keeps for encode: the value measured last counts")
  void givenUp() {
    List<T> values = values();
    Encoder<T> encoder = encoder();
    Decoder<T> decoder = decoder(true);
    for (int i = 0; i < values.size(); i++) {
      encoder.measure(values.get((i + 1) % values.size()));
      Lent<T> message = lend(decoder, encode(encoder, values.get(i)));
      requireContent(i, message);
      message.close();
    }
  }

  @Test
  @Tag("recommended")
  @DisplayName("CD-14 no byte of a message is what lay there before")
  @IfThisFails(
      "look at padding and gaps, in bytes and in bits: fill them with zeros, or readers see what"
          + " an earlier message held")
  void oldBytes() {
    Encoder<T> encoder = encoder();
    List<T> values = values();
    for (int i = 0; i < values.size(); i++) {
      byte[] overZeros = loop.encode(encoder, values.get(i), (byte) 0, 0).bytes;
      byte[] overOnes = loop.encode(encoder, values.get(i), (byte) 0xFF, 0).bytes;
      assertEquals(-1, Arrays.mismatch(overZeros, overOnes), "offset in value " + i);
    }
  }

  // ---------------------------------------------------------------- lifetime

  @Test
  @Tag("required")
  @DisplayName("CD-20 messages are read where they lie: read-only, at any multiple of 64")
  @IfThisFails(
      "look at stores into the message, at offsets that you align by address instead of from the"
          + " message's start, and at multiples greater than 64")
  void anywhere() {
    List<T> values = values();
    Encoder<T> encoder = encoder();
    for (int i = 0; i < values.size(); i++) {
      byte[] bytes = encode(encoder, values.get(i));
      List<Lent<T>> messages = new ArrayList<>();
      for (int copy = 0; copy < 8; copy++) { // none is given back, so each lies somewhere else
        Lent<T> message = lend(decoder(copy % 2 == 0), bytes);
        messages.add(message);
        requireContent(i, message);
      }
      messages.forEach(Lent::close);
    }
  }

  @Test
  @Tag("required")
  @DisplayName("CD-21 a value that is kept open stays as it is while others come and go")
  @IfThisFails("look at what values share: a decoder must not reuse what an open value shows")
  void keptOpen() {
    List<T> values = values();
    Encoder<T> encoder = encoder();
    Decoder<T> decoder = decoder(false);
    for (int i = 0; i < values.size(); i++) {
      Lent<T> kept = lend(decoder, encode(encoder, values.get(i)));
      T value = kept.decode();
      for (T other : values) {
        Lent<T> message = lend(decoder, encode(encoder, other));
        message.decode();
        message.close();
      }
      assertEquals(
          samples.contentOf(values.get(i)), samples.contentOf(value), "value " + i + " later");
      kept.close();
    }
  }

  @Test
  @Tag("required")
  @DisplayName("CD-22 values may be released by another thread, while others are decoded")
  @IfThisFails("look at what decode and release both touch: they may run at the same time")
  void releasedElsewhere() throws Exception {
    List<T> values = values();
    Encoder<T> encoder = encoder();
    Decoder<T> decoder = decoder(false);
    for (int round = 0; round < 50; round++) {
      Lent<T> kept = lend(decoder, encode(encoder, values.get(round % values.size())));
      kept.decode();
      CyclicBarrier together = new CyclicBarrier(2);
      FutureTask<Void> release =
          start(() -> {
            together.await();
            kept.close();
            return null;
          });
      together.await();
      for (int i = 0; i < values.size(); i++) {
        Lent<T> message = lend(decoder, encode(encoder, values.get(i)));
        requireContent(i, message);
        message.close();
      }
      get(release);
      assertEquals(1, kept.releaseCount());
    }
  }

  @Test
  @Tag("required")
  @DisplayName("CD-23 a released value gives its message back, once")
  @IfThisFails(
      "look at loan.retain(): each needs its loan.release() when the view is gone, at the latest"
          + " in release unless the user keeps a part of it")
  void givenBack() {
    Encoder<T> encoder = encoder();
    Decoder<T> decoder = decoder(false);
    for (T value : values()) {
      Lent<T> message = lend(decoder, encode(encoder, value));
      message.decode();
      assertEquals(0, message.releaseCount(), "the message is open");
      message.close();
      assertEquals(1, message.releaseCount());
    }
  }

  @Test
  @Tag("required")
  @DisplayName("CD-24 encoders and decoders that are closed hold nothing, and may be closed again")
  @IfThisFails("look at close of your encoder and decoder, also when they were never used")
  void closed() {
    try (Encoder<T> unusedEncoder = codec.newEncoder(CHANNEL);
        Decoder<T> unusedDecoder = codec.newDecoder(CHANNEL, false)) {
      assertNotNull(unusedEncoder);
      assertNotNull(unusedDecoder);
    }
    Encoder<T> encoder = codec.newEncoder(CHANNEL);
    Decoder<T> decoder = codec.newDecoder(CHANNEL, true);
    for (T value : values()) {
      Lent<T> first = lend(decoder, encode(encoder, value));
      Lent<T> second = lend(decoder, encode(encoder, value));
      first.decode();
      second.decode();
      first.close();
      second.close();
    }
    encoder.close();
    decoder.close();
    assertEquals(0, samples.heldLength(), "bytes held");
    encoder.close();
    decoder.close();
  }

  // ---------------------------------------------------------------- hostile bytes

  /** A message that no correct writer stores. */
  private static final class Damaged {
    private final String how;
    private final byte[] bytes;

    Damaged(String how, byte[] bytes) {
      this.how = how;
      this.bytes = bytes;
    }
  }

  @Test
  @Tag("required")
  @DisplayName("CD-30 a message that is cut off, at any length, is refused or safe to read")
  @IfThisFails(
      "look at the lengths that you read from the message: each has to be checked against what"
          + " is left of the region before it is used")
  void cutOff() {
    hostile((bytes, random) ->
        (bytes.length <= DAMAGE_COUNT
                ? IntStream.range(0, bytes.length)
                : random.ints(DAMAGE_COUNT, 0, bytes.length))
            .mapToObj(length ->
                new Damaged(
                    "cut off at " + length + " of " + bytes.length, Arrays.copyOf(bytes, length))));
  }

  @Test
  @Tag("required")
  @DisplayName("CD-31 a message with bits flipped is refused or safe to read")
  @IfThisFails("look at the field that the flipped bit belongs to")
  void bitsFlipped() {
    hostile((bytes, random) ->
        bytes.length == 0
            ? Stream.of()
            : (8L * bytes.length <= DAMAGE_COUNT
                    ? IntStream.range(0, 8 * bytes.length)
                    : random.ints(DAMAGE_COUNT, 0, 8 * bytes.length))
                .mapToObj(bit -> {
                  byte[] damaged = bytes.clone();
                  damaged[bit / 8] ^= (byte) (1 << bit % 8);
                  return new Damaged("bit " + bit % 8 + " of byte " + bit / 8, damaged);
                }));
  }

  @Test
  @Tag("required")
  @DisplayName("CD-32 a message with wild numbers in it is refused or safe to read")
  @IfThisFails(
      "look at arithmetic with what the message says: sums and products overflow, lengths are"
          + " negative, and memory is not to be allocated for a count before it is checked")
  void wildNumbers() {
    hostile((bytes, random) ->
        Stream.generate(
                () -> {
                  int width = random.nextBoolean() ? Integer.BYTES : Long.BYTES;
                  if (bytes.length < width) {
                    return new Damaged("nothing", bytes);
                  }
                  ByteBuffer damaged =
                      ByteBuffer.wrap(bytes.clone()).order(ByteOrder.LITTLE_ENDIAN);
                  int offset = random.nextInt(bytes.length / width) * width;
                  long value =
                      random.nextInt(4) == 0
                          ? bytes.length - 8 + random.nextInt(16)
                          : WILD[random.nextInt(WILD.length)];
                  if (width == Integer.BYTES) {
                    damaged.putInt(offset, (int) value);
                  } else {
                    damaged.putLong(offset, value);
                  }
                  return new Damaged(
                      8 * width + " bits at " + offset + " are " + value, damaged.array());
                })
            .limit(DAMAGE_COUNT));
  }

  @Test
  @Tag("required")
  @DisplayName("CD-33 bytes that are no message at all are refused or safe to read")
  @IfThisFails("look at the first thing that decode reads: an empty message has no byte of it")
  void noise() {
    hostile((bytes, random) ->
        IntStream.range(0, 64)
            .mapToObj(length -> {
              byte[] noise = new byte[length];
              random.nextBytes(noise);
              return new Damaged(length + " random bytes", noise);
            }));
  }

  @Test
  @Tag("required")
  @DisplayName("CD-34 a refused message harms no other, and nothing of it is held")
  @IfThisFails(
      "look at what decode has changed, retained or allocated when it throws: in the decoder, and"
          + " of the loan")
  void refusedHarmsNothing() {
    List<T> values = values();
    Encoder<T> encoder = codec.newEncoder(CHANNEL);
    Decoder<T> decoder = codec.newDecoder(CHANNEL, true);
    Random random = new Random(34);
    for (int i = 0; i < values.size(); i++) {
      byte[] good = encode(encoder, values.get(i));
      for (int round = 0; round < 40; round++) {
        byte[] bad = Arrays.copyOf(good, round % 2 == 0 ? good.length : good.length * 3 / 4);
        if (bad.length > 0) {
          bad[random.nextInt(bad.length)] ^= (byte) 0x81;
        }
        Lent<T> refused = lend(decoder, bad);
        boolean isAccepted = false;
        try {
          refused.decode();
          isAccepted = true;
        } catch (QdsException e) {
          // as it should
        }
        if (isAccepted) {
          refused.close();
        }
        assertEquals(1, refused.releaseCount(), "how often the loan was given back");
        Lent<T> next = lend(decoder, good);
        requireContent(i, next);
        next.close();
      }
    }
    encoder.close();
    decoder.close();
    assertEquals(0, samples.heldLength(), "bytes held");
  }

  @Test
  @Tag("required")
  @DisplayName("CD-35 a refusal names the channel, the field, what was found and what is allowed")
  @IfThisFails("look at the texts of your QdsExceptions; the channel is that of newDecoder")
  void refusalsSayWhy() {
    int count = 0;
    for (T value : values()) {
      byte[] bytes = encode(encoder(), value);
      for (String channel : List.of("one", "two")) {
        try (Decoder<T> decoder = codec.newDecoder(channel, true)) {
          for (int length = 0; length < bytes.length; length += 1 + bytes.length / 50) {
            Lent<T> message = lend(decoder, Arrays.copyOf(bytes, length));
            try {
              message.decode();
              message.close();
            } catch (QdsException e) {
              count++;
              String text = e.getMessage();
              assertTrue(text.contains("channel=" + channel), text);
              assertTrue(e.reason() != Reason.CORRUPT || text.contains("allowed"), text);
            }
          }
        }
      }
    }
    assumeTrue(count > 0, "the codec takes all bytes for a message");
  }

  /** Makes damaged messages of one. */
  private interface Damage {
    Stream<Damaged> of(byte[] bytes, Random random);
  }

  private void hostile(Damage damage) {
    List<T> values = values();
    Encoder<T> encoder = encoder();
    for (int i = 0; i < values.size(); i++) {
      byte[] bytes = encode(encoder, values.get(i));
      Decoder<T> trusting = decoder(false);
      Decoder<T> validating = decoder(true);
      String value = "value " + i + ", ";
      damage
          .of(bytes, new Random(i))
          .forEach(damaged -> {
            outcome(trusting, damaged, (byte) 0, value, false);
            Object first = outcome(validating, damaged, (byte) 0, value, true);
            Object second = outcome(validating, damaged, (byte) 0xFF, value, true);
            assertEquals(
                first,
                second,
                value + damaged.how + ": it depends on what lies beside the message");
          });
    }
  }

  /** Returns the content of a message, or the text of the refusal; all else breaks the rule. */
  private Object outcome(
      Decoder<T> decoder, Damaged damaged, byte around, String value, boolean look) {
    Lent<T> message = loop.lend(decoder, damaged.bytes, 0, around);
    String what = value + damaged.how + (look ? ", full validation: " : ": ");
    try {
      T decoded = message.decode();
      Object content = look ? samples.contentOf(decoded) : "accepted";
      message.close();
      return content;
    } catch (QdsException e) {
      if (e.reason() != Reason.CORRUPT && e.reason() != Reason.UNSUPPORTED) {
        throw new AssertionError(what + "reason=" + e.reason() + " allowed=CORRUPT", e);
      }
      return e.getMessage();
    } catch (RuntimeException | Error e) {
      throw new AssertionError(what + e, e);
    }
  }

  // ---------------------------------------------------------------- several at once

  @Test
  @Tag("required")
  @DisplayName("CD-40 one codec serves several channels at once")
  @IfThisFails(
      "look at fields of the codec and at static ones: what changes while messages are written or"
          + " read belongs into the encoder and the decoder")
  void severalChannels() throws Exception {
    List<T> values = values();
    int channelCount = 3;
    CyclicBarrier together = new CyclicBarrier(channelCount);
    List<FutureTask<Void>> channels = new ArrayList<>();
    for (int c = 0; c < channelCount; c++) {
      int first = c;
      String name = CHANNEL + c;
      channels.add(
          start(() -> {
            try (Encoder<T> encoder = codec.newEncoder(name);
                Decoder<T> decoder = codec.newDecoder(name, true)) {
              together.await();
              for (int round = 0; round < 60; round++) {
                int i = (first + round) % values.size();
                Lent<T> message = lend(decoder, encode(encoder, values.get(i)));
                requireContent(i, message);
                message.close();
              }
            }
            return null;
          }));
    }
    for (FutureTask<Void> channel : channels) {
      get(channel);
    }
  }

  // ---------------------------------------------------------------- cut files, allocation

  @Test
  @Tag("required")
  @DisplayName("CD-50 decoding from a file that was cut off ends in InternalError or CORRUPT")
  @IfThisFails(
      "look at who catches InternalError: the reader does, and words it; and at access by address"
          + " before anything was read through the region")
  void cutFile() throws IOException {
    assumeTrue(survivesCutFiles(), "the codec does not survive files that are cut short");
    assumeTrue(Runtime.version().feature() >= 22, "Java 17 may report a fault later");
    Encoder<T> encoder = encoder();
    Decoder<T> decoder = decoder(false);
    byte[] bytes = encode(encoder, values().get(0));
    for (T value : values()) {
      byte[] longer = encode(encoder, value);
      bytes = longer.length > bytes.length ? longer : bytes;
    }
    assumeTrue(bytes.length > 0, "all values are empty");
    Lent<T> message = lend(decoder, bytes);
    loop.cut();
    AtomicBoolean refused = new AtomicBoolean();
    boolean failed =
        endsInInternalError(
            MOST_ERRORS,
            () -> {
              try {
                samples.contentOf(message.decode());
              } catch (QdsException e) {
                assertEquals(Reason.CORRUPT, e.reason(), e.getMessage());
                refused.set(true);
              }
            });
    assertTrue(failed || refused.get(), "a message of which nothing is left was read");
  }

  /**
   * Returns whether something fails by an InternalError. Compiled code goes on behind a load that
   * failed, perhaps to the next one; each leaves an error, which the JVM throws at a later
   * instruction, be it of the handler of the error before: hence a handler around each.
   */
  private static boolean endsInInternalError(int handlerCount, Runnable action) {
    try {
      if (handlerCount == 1) {
        action.run();
      } else if (endsInInternalError(handlerCount - 1, action)) {
        return true;
      }
      LockSupport.parkNanos(1); // what is left comes no later than on the return from native code
      return false;
    } catch (InternalError e) {
      return true;
    }
  }

  @Test
  @Tag("recommended")
  @DisplayName("CD-60 nothing is allocated for a message")
  @IfThisFails("look at boxes, lambdas, arrays and views that are made for each message")
  void allocation() {
    assumeTrue(allocatesNothing(), "the codec does not claim to allocate nothing");
    if (!(ManagementFactory.getThreadMXBean() instanceof com.sun.management.ThreadMXBean threads)
        || !threads.isThreadAllocatedMemorySupported()) {
      assumeTrue(false, "this JVM does not count what threads allocate");
      return;
    }
    Encoder<T> encoder = encoder();
    Decoder<T> decoder = decoder(false);
    T value = values().get(values().size() - 1);
    try (CodecLoop.Cycle<T> cycle = loop.cycle(encoder, decoder, value)) {
      int count = 5_000;
      for (int i = 0; i < count; i++) {
        cycle.run();
      }
      long before = threads.getThreadAllocatedBytes(Thread.currentThread().getId());
      for (int i = 0; i < count; i++) {
        cycle.run();
      }
      long allocated = threads.getThreadAllocatedBytes(Thread.currentThread().getId()) - before;
      // What the measuring itself, and a compiler that comes in between, may leave.
      assertTrue(allocated < count, () -> allocated + " bytes for " + count + " messages");
    }
  }

  // ---------------------------------------------------------------- common

  private List<T> values() {
    List<T> values = samples.values();
    assertTrue(values.size() >= 2, "at least two values are needed");
    return values;
  }

  private Encoder<T> encoder() {
    Encoder<T> encoder = codec.newEncoder(CHANNEL);
    opened.push(encoder);
    return encoder;
  }

  private Decoder<T> decoder(boolean fullValidation) {
    Decoder<T> decoder = codec.newDecoder(CHANNEL, fullValidation);
    opened.push(decoder);
    return decoder;
  }

  private byte[] encode(Encoder<T> encoder, T value) {
    return loop.encode(encoder, value, OLD, 0).bytes;
  }

  private Lent<T> lend(Decoder<T> decoder, byte[] bytes) {
    return loop.lend(decoder, bytes, 0, OLD);
  }

  private void requireContent(int index, Lent<T> message) {
    Object found = samples.contentOf(message.decode());
    assertEquals(samples.contentOf(values().get(index)), found, "value " + index);
  }

  private static FutureTask<Void> start(Callable<Void> work) {
    FutureTask<Void> task = new FutureTask<>(work);
    Thread thread = new Thread(task, "codec-tck");
    thread.setDaemon(true);
    thread.start();
    return task;
  }

  private static void get(FutureTask<Void> task) throws InterruptedException {
    try {
      task.get();
    } catch (ExecutionException e) {
      throw new AssertionError(e.getCause().toString(), e.getCause());
    }
  }
}
