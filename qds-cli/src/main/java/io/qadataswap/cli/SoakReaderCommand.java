package io.qadataswap.cli;

import io.qadataswap.api.Message;
import io.qadataswap.api.Qds;
import io.qadataswap.api.QdsException;
import io.qadataswap.api.Reader;
import io.qadataswap.api.ReaderMode;
import io.qadataswap.api.Region;
import io.qadataswap.api.codec.RegionCodec;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * One reader of the soak, in a JVM of its own: checks every message until its standard input ends.
 * Says when it is attached, and at the end how many messages it has checked.
 */
@Command(name = "soak-reader", hidden = true)
final class SoakReaderCommand implements Callable<Integer> {
  @Option(names = "--channel", required = true)
  private String channel;

  @Option(names = "--dir", required = true)
  private Path directory;

  @Option(names = "--backend", required = true)
  private String backend;

  @Option(names = "--mode", required = true)
  private ReaderMode mode;

  @Override
  public Integer call() throws InterruptedException {
    try (Reader<Region> reader =
        Qds.reader(channel, RegionCodec.instance())
            .directory(directory)
            .backend(backend)
            .mode(mode)
            .label("qds soak")
            .open()) {
      closeWithParent(reader);
      System.out.println("attached");
      System.out.println(readToEnd(reader));
      return ExitCode.OK;
    }
  }

  /** Returns how many messages were read, and found to be right, before the reader was closed. */
  static long readToEnd(Reader<Region> reader) throws InterruptedException {
    long count = 0;
    try {
      while (true) {
        try (Message<Region> message = reader.read()) {
          if (message == null) {
            return count;
          }
          SoakMessages.check(reader, message, reader.startSequence() + count);
          count++;
        }
      }
    } catch (QdsException e) {
      if (e.reason() == QdsException.Reason.CLOSED) {
        return count;
      }
      throw e;
    }
  }

  private static void closeWithParent(Reader<Region> reader) {
    Thread watcher =
        new Thread(
            () -> {
              try {
                while (System.in.read() >= 0) {
                  // The parent writes nothing.
                }
              } catch (IOException e) {
                // As good as its end.
              }
              reader.close();
            },
            "parent watcher");
    watcher.setDaemon(true);
    watcher.start();
  }
}
