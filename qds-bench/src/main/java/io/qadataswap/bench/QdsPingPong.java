package io.qadataswap.bench;

import io.qadataswap.api.Claim;
import io.qadataswap.api.Message;
import io.qadataswap.api.Qds;
import io.qadataswap.api.Reader;
import io.qadataswap.api.Region;
import io.qadataswap.api.WaitStrategy;
import io.qadataswap.api.Writer;
import io.qadataswap.api.codec.RegionCodec;
import java.nio.file.Path;
import java.time.Duration;
import java.util.function.Consumer;

/** QDS with two channels of bytes, one for each direction. */
final class QdsPingPong extends PingPong {
  private static final Duration OPEN_LIMIT = Duration.ofSeconds(30);

  private final Writer<Region> writer;
  private final Reader<Region> reader;
  private final Consumer<Message<Region>> handler = this::readNumber;
  private final Spin spin = new Spin();
  private long received;

  QdsPingPong(Path directory, int side, String backend) {
    super(side);
    writer =
        Qds.writer("ping-pong-" + backend + side, RegionCodec.instance())
            .directory(directory)
            .backend(backend)
            .waitStrategy(WaitStrategy.BUSY_SPIN)
            .open();
    reader =
        Qds.reader("ping-pong-" + backend + (1 - side), RegionCodec.instance())
            .directory(directory)
            .backend(backend)
            .waitStrategy(WaitStrategy.BUSY_SPIN)
            .awaitChannel(OPEN_LIMIT)
            .open();
  }

  @Override
  void send(long number) throws InterruptedException {
    Claim claim = writer.claim(MESSAGE_LENGTH);
    Region region = claim.region();
    for (int i = 0; i < MESSAGE_LENGTH; i += Long.BYTES) {
      region.putLong(i, number + i);
    }
    claim.commit(MESSAGE_LENGTH);
  }

  @Override
  long receive() {
    while (reader.drain(handler, 1) == 0) {
      spin.turn();
    }
    spin.reset();
    return received;
  }

  @Override
  public void close() {
    writer.close();
    reader.close();
  }

  private void readNumber(Message<Region> message) {
    Region region = message.value();
    long number = region.getLong(0);
    for (int i = Long.BYTES; i < MESSAGE_LENGTH; i += Long.BYTES) {
      if (region.getLong(i) != number + i) {
        throw new IllegalStateException("message " + number + " is torn");
      }
    }
    received = number;
  }
}
