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
  private final Consumer<Message<Region>> handler = this::readMessage;

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
  void send(long number) {
    Claim claim = writer.tryClaim(MESSAGE_LENGTH);
    if (claim == null) {
      throw new IllegalStateException("no room, though every message was answered");
    }
    Region region = claim.region();
    for (int i = 0; i < MESSAGE_LENGTH; i += Long.BYTES) {
      region.putLong(i, number + i);
    }
    claim.commit(MESSAGE_LENGTH);
  }

  @Override
  boolean poll() {
    return reader.drain(handler, 1) == 1;
  }

  @Override
  public void close() {
    writer.close();
    reader.close();
  }

  private void readMessage(Message<Region> message) {
    Region region = message.value();
    long sum = 0;
    for (int i = 0; i < MESSAGE_LENGTH; i += Long.BYTES) {
      sum += region.getLong(i);
    }
    received(region.getLong(0), sum);
  }
}
