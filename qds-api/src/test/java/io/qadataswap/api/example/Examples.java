package io.qadataswap.api.example;

import io.qadataswap.api.Claim;
import io.qadataswap.api.Message;
import io.qadataswap.api.Qds;
import io.qadataswap.api.Reader;
import io.qadataswap.api.Region;
import io.qadataswap.api.Writer;
import io.qadataswap.api.WriterOptions;
import io.qadataswap.api.channel.Channel;
import io.qadataswap.api.channel.ChannelProvider;
import io.qadataswap.api.channel.SegmentFile;
import io.qadataswap.api.codec.Codec;
import io.qadataswap.api.codec.Decoder;
import io.qadataswap.api.codec.Encoder;
import io.qadataswap.api.codec.RegionCodec;
import io.qadataswap.api.layout.Loan;
import io.qadataswap.api.layout.RingLayout;
import io.qadataswap.api.layout.RingWriter;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;

/** The examples of the Javadoc, which shows them from here. */
final class Examples {
  private Examples() {}

  static void bothEnds(Path directory) throws InterruptedException {
    // @start region="qds"
    try (Writer<Region> writer =
            Qds.writer("prices", RegionCodec.instance()).directory(directory).open();
        Reader<Region> reader =
            Qds.reader("prices", RegionCodec.instance()).directory(directory).open()) {
      try (Claim claim = writer.claim(Long.BYTES)) {
        claim.region().putLong(0, 42);
        claim.commit(Long.BYTES);
      }
      try (Message<Region> message = reader.read(Duration.ofSeconds(1))) {
        System.out.println(message.value().getLong(0)); // 42
      }
    }
    // @end
  }

  static <T> void write(Writer<T> writer, Iterable<T> values) throws InterruptedException {
    // @start region="writer"
    for (T value : values) {
      if (!writer.write(value, Duration.ofSeconds(10))) {
        System.err.println("no reader has made room: " + writer.stats());
        writer.write(value); // waits as long as it takes
      }
    }
    // @end
  }

  static <T> void read(Reader<T> reader) throws InterruptedException {
    // @start region="reader"
    while (!reader.isEnded()) {
      try (Message<T> message = reader.read(Duration.ofSeconds(1))) {
        if (message != null) { // else the time is over, or the stream
          System.out.println(message.sequence() + ": " + message.value());
        }
      }
    }
    // @end
  }

  static long fillInPlace(Writer<Region> writer, long[] values) throws InterruptedException {
    // @start region="claim"
    try (Claim claim = writer.claim((long) values.length * Long.BYTES)) {
      Region region = claim.region();
      for (int i = 0; i < values.length; i++) {
        region.putLong((long) i * Long.BYTES, values[i]);
      }
      return claim.commit(region.length()); // without this, leaving the block aborts the claim
    }
    // @end
  }

  static long sum(Message<Region> message) {
    // @start region="region"
    Region region = message.payload(); // valid until the message is closed
    long sum = 0;
    for (long offset = 0; offset < region.length(); offset += Long.BYTES) {
      sum += region.getLong(offset);
    }
    // @end
    return sum;
  }

  // @start region="codec"
  /** Arrays of longs; {@code Qds.writer("counts", new LongsCodec())} writes them. */
  static final class LongsCodec implements Codec<long[]> {
    @Override
    public String id() {
      return "longs";
    }

    @Override
    public Encoder<long[]> newEncoder(String channel) {
      return new Encoder<>() {
        @Override
        public long measure(long[] value) {
          return (long) value.length * Long.BYTES;
        }

        @Override
        public long encode(long[] value, Region target) {
          for (int i = 0; i < value.length; i++) {
            target.putLong((long) i * Long.BYTES, value[i]);
          }
          return measure(value);
        }

        @Override
        public void close() {}
      };
    }

    @Override
    public Decoder<long[]> newDecoder(String channel, boolean fullValidation) {
      return new Decoder<>() {
        @Override
        public long[] decode(Loan loan) {
          Region source = loan.region();
          long[] value = new long[Math.toIntExact(source.length() / Long.BYTES)];
          for (int i = 0; i < value.length; i++) {
            value[i] = source.getLong((long) i * Long.BYTES);
          }
          return value;
        }

        @Override
        public void release(long[] value) {}

        @Override
        public void close() {}
      };
    }
  }

  // @end

  static long increment(ChannelProvider backend, Path path) throws IOException {
    // @start region="channel"
    SegmentFile file = SegmentFile.open(path, "counter");
    try (Channel channel = backend.map(file, file.length(), true)) { // gives the file back
      long next = channel.getLongAcquire(0) + 1; // one process alone may store this word
      channel.putLongRelease(0, next);
      channel.wake(0);
      return next;
    }
    // @end
  }

  static void writeBytes(RingLayout layout, WriterOptions options, ChannelProvider backend)
      throws InterruptedException {
    // @start region="layout"
    try (RingWriter writer = layout.openWriter(options, backend)) {
      if (writer.claim(Long.BYTES, 0)) { // else there is no room now
        writer.region().putLong(0, 42);
        writer.commit(Long.BYTES, 0);
      }
    }
    // @end
  }
}
