package io.qadataswap.tck;

import io.qadataswap.api.Claim;
import io.qadataswap.api.Message;
import io.qadataswap.api.Qds;
import io.qadataswap.api.Reader;
import io.qadataswap.api.Region;
import io.qadataswap.api.Writer;
import io.qadataswap.api.codec.RegionCodec;
import java.nio.file.Path;

/** A process of QDS that writes or reads numbers until it is done or killed. */
final class Qads1Child {
  private Qads1Child() {}

  /**
   * Runs.
   *
   * @param args write or read, directory, channel, first number, count
   * @throws Exception if the channel fails
   */
  public static void main(String[] args) throws Exception {
    Path directory = Path.of(args[1]);
    long first = Long.parseLong(args[3]);
    long count = Long.parseLong(args[4]);
    if (args[0].equals("write")) {
      try (Writer<Region> writer =
          Qds.writer(args[2], RegionCodec.instance())
              .layout("qads1")
              .directory(directory)
              .capacity(1 << 16)
              .open()) {
        System.out.println("created");
        for (long number = first; number < first + count; number++) {
          Claim claim = writer.claim(64);
          for (int i = 0; i < 64; i += Long.BYTES) {
            claim.region().putLong(i, number);
          }
          claim.commit(64);
          System.out.println(number);
        }
      }
    } else {
      try (Reader<Region> reader =
          Qds.reader(args[2], RegionCodec.instance())
              .layout("qads1")
              .directory(directory)
              .awaitChannel(java.time.Duration.ofMinutes(1))
              .open()) {
        System.out.println("attached");
        for (Message<Region> message : reader) {
          long number = message.value().getLong(0);
          for (int i = 0; i < message.value().length(); i += Long.BYTES) {
            if (message.value().getLong(i) != number) {
              throw new IllegalStateException("torn");
            }
          }
          System.out.println(number);
        }
      }
    }
    System.out.println("closed");
  }
}
