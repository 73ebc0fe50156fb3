package io.qadataswap.cli;

import io.qadataswap.api.Message;
import io.qadataswap.api.Qds;
import io.qadataswap.api.QdsException;
import io.qadataswap.api.Reader;
import io.qadataswap.api.ReaderBuilder;
import io.qadataswap.api.ReaderMode;
import io.qadataswap.api.ReaderStats;
import io.qadataswap.api.StartPosition;
import io.qadataswap.api.codec.Codec;
import io.qadataswap.codec.arrow.ArrowCodec;
import io.qadataswap.codec.arrow.ArrowTable;
import io.qadataswap.codec.raw.RawCodec;
import java.io.IOException;
import java.time.Duration;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Receives what comes through a channel. */
@Command(
    name = "recv",
    description = {
      "Receives the tables of a channel until its end: into an Arrow IPC file, or as rows on"
          + " standard output. Raw batches are shown as tables, too.",
      "May come before the sender: it waits for the channel. What arrived before a writer died, or"
          + " before Ctrl-C, is kept."
    },
    mixinStandardHelpOptions = true)
final class RecvCommand implements Callable<Integer> {
  private static final Duration READ_ATTEMPT = Duration.ofMillis(100);
  private static final long TABLE_ROW_LIMIT = 20;

  @Option(names = "--channel", required = true, paramLabel = "NAME", description = "The channel.")
  private String channel;

  @ArgGroup private Output output;

  /** Where the messages go: one of the two. */
  static final class Output {
    @Option(
        names = "--out",
        required = true,
        paramLabel = "FILE",
        description = "Write an Arrow IPC file; - for standard output.")
    private String file;

    @Option(
        names = "--format",
        required = true,
        paramLabel = "FORMAT",
        description =
            "Print rows: table, csv, json (an array), or jsonl (an object a line). Default: table.")
    private RowSink.Format format;
  }

  @Option(
      names = "--stream",
      description = "With --out: write the stream format instead of the file format.")
  private boolean streamFormat;

  @Option(
      names = "--limit",
      paramLabel = "ROWS",
      description = "Most rows to print. Default: 20 for table, else all. The rest is read, too.")
  private Long rowLimit;

  @Option(
      names = "--with-messages",
      description = "Begin each row with the sequence, tag and time of its message.")
  private boolean withMessages;

  @Option(
      names = "--messages",
      paramLabel = "N",
      description = "Leave after so many messages. Default: at the end of the stream.")
  private Long messageLimit;

  @Mixin private ChannelOptions channels;
  @Mixin private BackendOption backend;

  @Option(
      names = "--wait",
      paramLabel = "DURATION",
      defaultValue = "30s",
      description = "Longest wait for the channel to appear. Default: ${DEFAULT-VALUE}.")
  private Duration wait;

  @Option(
      names = "--mode",
      paramLabel = "MODE",
      defaultValue = "LOSSLESS",
      description =
          "LOSSLESS gets every message, the writer waits for it; OBSERVER never holds the writer"
              + " back and may lose messages. Default: ${DEFAULT-VALUE}.")
  private ReaderMode mode;

  @Option(
      names = "--from",
      paramLabel = "POSITION",
      defaultValue = "oldest",
      description = "First message: oldest, latest, or a sequence. Default: ${DEFAULT-VALUE}.")
  private String from;

  @Option(
      names = "--await-successor",
      description =
          "When the writer dies, wait for another one instead of ending with exit code 4.")
  private boolean awaitSuccessor;

  @Option(
      names = "--label",
      paramLabel = "TEXT",
      defaultValue = "qds recv",
      description = "What inspect shows for this reader. Default: ${DEFAULT-VALUE}.")
  private String label;

  @Option(
      names = {"-q", "--quiet"},
      description = "No progress and no summary.")
  private boolean quiet;

  private long messageCount;
  private long rowCount;

  @Override
  public Integer call() throws IOException {
    try (BufferAllocator allocator = new RootAllocator();
        Progress progress = new Progress(!quiet)) {
      // Before the wait, so that an output which cannot be written is told at once. Closed before
      // the
      // reader, since its buffers may be views of messages.
      MessageSink sink = openSink(allocator);
      progress.show(() -> channel + ": waiting for the channel");
      try (Reader<ArrowTable> reader = openReader(allocator);
          sink) {
        return receive(reader, sink, progress);
      }
    }
  }

  private MessageSink openSink(BufferAllocator allocator) {
    if (output != null && output.file != null) {
      return new IpcSink(output.file, streamFormat, allocator);
    }
    if (streamFormat) {
      throw new ToolException("--stream is only for --out");
    }
    RowSink.Format format = output == null ? RowSink.Format.TABLE : output.format;
    long defaultLimit = format == RowSink.Format.TABLE ? TABLE_ROW_LIMIT : Long.MAX_VALUE;
    return new RowSink(format, withMessages, rowLimit == null ? defaultLimit : rowLimit);
  }

  private Reader<ArrowTable> openReader(BufferAllocator allocator) {
    try {
      return openReader(ArrowCodec.with(allocator));
    } catch (QdsException e) {
      boolean ofRaw =
          e.reason() == QdsException.Reason.CODEC_DIFFERS
              && channels.inspect(channel).codecId().equals(RawCodec.ID);
      if (!ofRaw) {
        throw e;
      }
      return openReader(new RawTables(allocator));
    }
  }

  private Reader<ArrowTable> openReader(Codec<ArrowTable> codec) {
    ReaderBuilder<ArrowTable> builder =
        Qds.reader(channel, codec)
            .directory(channels.directory())
            .layout(channels.layoutOf(channel))
            .mode(mode)
            .start(startPosition())
            .awaitChannel(wait)
            .awaitSuccessor(awaitSuccessor)
            .label(label);
    backend.name().ifPresent(builder::backend);
    return builder.open();
  }

  private StartPosition startPosition() {
    return switch (from.toLowerCase(Locale.ROOT)) {
      case "oldest" -> StartPosition.oldest();
      case "latest" -> StartPosition.latest();
      default -> {
        try {
          yield StartPosition.at(Long.parseLong(from));
        } catch (NumberFormatException e) {
          throw new ToolException("--from=" + from + " allowed=oldest, latest, or a sequence", e);
        }
      }
    };
  }

  private int receive(Reader<ArrowTable> reader, MessageSink sink, Progress progress)
      throws IOException {
    long startNs = System.nanoTime();
    int exitCode = ExitCode.OK;
    String ending = "";
    try {
      receiveAll(reader, sink, progress);
    } catch (InterruptedException e) {
      exitCode = ExitCode.INTERRUPTED;
    } catch (QdsException e) {
      // Messages that were read are gone from the channel: they are kept, whatever happened then.
      exitCode = ExitCode.of(e.reason());
      ending = e.getMessage();
    }
    boolean interruptedLate = Thread.interrupted();
    if (interruptedLate && exitCode == ExitCode.OK) {
      exitCode = ExitCode.INTERRUPTED;
    }
    sink.finish();
    progress.clear();
    if (!ending.isEmpty()) {
      Main.printError(ending);
    }
    summarize(reader.stats(), System.nanoTime() - startNs);
    return exitCode;
  }

  private void receiveAll(Reader<ArrowTable> reader, MessageSink sink, Progress progress)
      throws InterruptedException, IOException {
    while (messageLimit == null || messageCount < messageLimit) {
      try (Message<ArrowTable> message = reader.read(READ_ATTEMPT)) {
        if (message != null) {
          sink.accept(message);
          messageCount++;
          rowCount += message.value().rowCount();
        } else if (reader.isEnded()) {
          return;
        }
      }
      progress.show(() ->
          channel
              + ": "
              + Units.count(messageCount, "message")
              + ", "
              + Units.count(rowCount, "row")
              + ", "
              + Units.length(reader.stats().bytesRead()));
    }
  }

  private void summarize(ReaderStats stats, long durationNs) {
    if (stats.lostCount() > 0) {
      Main.printNote(
          "lost "
              + Units.count(stats.lostCount(), "message")
              + ", overwritten before they were read");
    }
    if (!quiet) {
      Main.printNote(
          "received "
              + Units.count(messageCount, "message")
              + ", "
              + Units.count(rowCount, "row")
              + ", "
              + Units.length(stats.bytesRead())
              + " in "
              + Units.time(durationNs));
    }
  }
}
