package io.qadataswap.cli;

import io.qadataswap.api.ChannelInfo;
import io.qadataswap.api.IfExists;
import io.qadataswap.api.OverflowPolicy;
import io.qadataswap.api.ParticipantInfo;
import io.qadataswap.api.Qds;
import io.qadataswap.api.QdsException;
import io.qadataswap.api.Timestamps;
import io.qadataswap.api.Writer;
import io.qadataswap.api.WriterBuilder;
import io.qadataswap.api.WriterStats;
import io.qadataswap.codec.arrow.ArrowCodec;
import io.qadataswap.codec.arrow.ArrowTable;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.util.TransferPair;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Sends an Arrow file through a channel. */
@Command(
    name = "send",
    description = {
      "Sends an Arrow IPC file or stream through a channel: one message for each record batch, or"
          + " the messages that recv noted in the file.",
      "Creates the channel. Waits for readers when it is full, and then up to --linger for the"
          + " attached ones to read the rest; a channel with unread messages stays.",
      "If reading the input fails half-way, attached readers are told that the writer died."
    },
    mixinStandardHelpOptions = true)
final class SendCommand implements Callable<Integer> {
  private static final String ORIGINAL_LAYOUT = "qads1";
  private static final long DEFAULT_CAPACITY = 100L << 20;

  /** In channels of so many of the largest message, one is written while others are read. */
  private static final int MESSAGE_COUNT = 4;

  private static final Duration WRITE_ATTEMPT = Duration.ofMillis(100);
  private static final long DRAIN_POLL_MS = 2;

  @Parameters(
      paramLabel = "FILE",
      description = "An Arrow IPC file or stream; - for standard input.")
  private String file;

  @Option(names = "--channel", required = true, paramLabel = "NAME", description = "The channel.")
  private String channel;

  @Mixin private ChannelOptions channels;
  @Mixin private BackendOption backend;

  @Option(
      names = "--capacity",
      paramLabel = "BYTES",
      converter = Units.LengthConverter.class,
      description =
          "Length of the segment file, such as 1G. Default: that of an existing channel, else 100M"
              + " or what four of the largest message need.")
  private Long capacity;

  @Option(
      names = "--slots",
      paramLabel = "N",
      description =
          "Most messages in the channel; with --layout qads1 the number of its buffers. Default:"
              + " that of an existing channel, else 512, or 3.")
  private Integer messageSlots;

  @Option(
      names = "--overflow",
      paramLabel = "POLICY",
      description =
          "What to do when the channel is full: BLOCK waits for the readers, DROP_OLDEST never"
              + " waits and serves observers only. Default: that of an existing channel, else"
              + " BLOCK.")
  private OverflowPolicy overflow;

  @Option(
      names = "--retain",
      paramLabel = "N",
      description =
          "Messages kept for late readers while there is room. Default: that of an existing"
              + " channel, else 0.")
  private Integer retainCount;

  @Option(names = "--checksum", description = "Give each message a checksum that readers verify.")
  private boolean checksum;

  @Option(
      names = "--if-exists",
      paramLabel = "ACTION",
      description =
          "What to do with a channel that exists: TAKE_OVER goes on behind what is there, REPLACE"
              + " drops it, FAIL refuses. Default: REPLACE where a sender that died left nothing"
              + " but its own unread messages, else TAKE_OVER.")
  private IfExists ifExists;

  @Option(
      names = "--batches-per-message",
      paramLabel = "N",
      description = "Record batches in a message; 0 for all in one. Default: 1.")
  private Integer batchesPerMessage;

  @Option(
      names = "--tag",
      paramLabel = "NUMBER",
      description = "A number that travels with each message. Default: 0.")
  private Long tag;

  @Option(
      names = "--label",
      paramLabel = "TEXT",
      defaultValue = "qds send",
      description = "What inspect shows for this writer. Default: ${DEFAULT-VALUE}.")
  private String label;

  @Option(
      names = "--linger",
      paramLabel = "DURATION",
      defaultValue = "5s",
      description = "Longest wait at the end for attached readers. Default: ${DEFAULT-VALUE}.")
  private Duration linger;

  @Option(
      names = {"-q", "--quiet"},
      description = "No progress and no summary.")
  private boolean quiet;

  private long messageCount;
  private long rowCount;
  private long byteCount;

  @Override
  public Integer call() throws IOException {
    Interruption.allow(linger);
    try (BufferAllocator allocator = new RootAllocator();
        ArrowInput input = ArrowInput.open(file, allocator);
        Progress progress = new Progress(!quiet)) {
      Iterator<MessageLog.Entry> plan = plan(input);
      Writer<ArrowTable> writer = open(input, allocator);
      boolean interrupted = false;
      long startNs = System.nanoTime();
      try {
        sendAll(input, plan, writer, progress);
      } catch (InterruptedException e) {
        interrupted = true;
      } catch (RuntimeException | IOException e) {
        interrupted = Interruption.isRequested();
        if (!interrupted) {
          abandon(writer);
          throw e;
        }
      }
      // What is left is the orderly end, which no second interrupt shall cut short.
      interrupted |= Thread.interrupted();
      awaitReaders(writer, progress);
      byteCount = writer.stats().bytesWritten();
      writer.close();
      progress.clear();
      summarize(System.nanoTime() - startNs);
      tellWhatStays();
      return interrupted ? ExitCode.INTERRUPTED : ExitCode.OK;
    }
  }

  /** Returns what each message is to hold, or null for one batch or as many as asked for. */
  private Iterator<MessageLog.Entry> plan(ArrowInput input) {
    if (batchesPerMessage != null && batchesPerMessage < 0) {
      throw new ToolException("--batches-per-message=" + batchesPerMessage + " allowed=0 or more");
    }
    if (batchesPerMessage != null && batchesPerMessage != 1 && !input.hasFixedDictionaries()) {
      throw new ToolException(
          "--batches-per-message="
              + batchesPerMessage
              + " allowed=1 for a stream with dictionaries, which may change from batch to batch");
    }
    if (isOriginals()) {
      // Its readers know one batch in a message, and no tag.
      if (batchesPerMessage != null && batchesPerMessage != 1) {
        throw new ToolException(
            "--batches-per-message=" + batchesPerMessage + " allowed=1 with --layout qads1");
      }
      return null;
    }
    if (batchesPerMessage != null || tag != null) {
      return null;
    }
    return input
        .scan()
        .flatMap(scan -> MessageLog.get(input.footerMetadata(), scan.batchCount()))
        .map(List::iterator)
        .orElse(null);
  }

  /** Returns whether the channel is one of the original QADataSwap. */
  private boolean isOriginals() {
    return channels.layoutOf(channel).equals(ORIGINAL_LAYOUT);
  }

  private Writer<ArrowTable> open(ArrowInput input, BufferAllocator allocator) {
    WriterBuilder<ArrowTable> builder =
        Qds.writer(channel, ArrowCodec.with(allocator))
            .directory(channels.directory())
            .layout(channels.layoutOf(channel))
            .timestamps(Timestamps.ALWAYS)
            .label(label);
    backend.name().ifPresent(builder::backend);
    if (messageSlots != null) {
      builder.messageSlots(messageSlots);
    }
    if (overflow != null) {
      builder.overflow(overflow);
    }
    if (retainCount != null) {
      builder.retain(retainCount);
    }
    if (checksum) {
      builder.payloadChecksum(true);
    }
    Optional<ChannelInfo> existing = channels.find(channel);
    IfExists action = ifExists;
    if (action == null) {
      action =
          existing.filter(SendCommand::isLeftByTheDead).isPresent()
              ? IfExists.REPLACE
              : IfExists.TAKE_OVER;
      if (action == IfExists.REPLACE && existing.get().unreadCount() > 0) {
        note(
            "replacing channel "
                + channel
                + ", where a sender that died left "
                + Units.count(existing.get().unreadCount(), "unread message"));
      }
    }
    if (capacity != null) {
      builder.capacity(capacity);
    } else if (existing.isPresent() && action == IfExists.TAKE_OVER) {
      builder.capacity(existing.get().length());
    } else {
      builder.capacity(sufficientCapacity(input));
    }
    try {
      return builder.ifExists(action).open();
    } catch (QdsException e) {
      throw switch (e.reason()) {
        case GEOMETRY_DIFFERS, CODEC_DIFFERS ->
            new ToolException(
                "--if-exists REPLACE makes a new channel and drops what is unread: "
                    + e.getMessage(),
                e);
        default -> e;
      };
    }
  }

  /** A stream that broke off is sent again from its start, not behind its own first half. */
  private static boolean isLeftByTheDead(ChannelInfo info) {
    Optional<ParticipantInfo> writer = info.writer();
    return !info.isLive()
        && writer.isPresent()
        && !writer.get().state().equals("CLOSED")
        && info.unreadCount() <= writer.get().messageCount();
  }

  private long sufficientCapacity(ArrowInput input) {
    long largestLength = 0;
    if (input.scan().isPresent()) {
      IpcScan scan = input.scan().get();
      boolean allInOne = batchesPerMessage != null && batchesPerMessage == 0;
      long perMessage =
          allInOne ? scan.batchCount() : batchesPerMessage == null ? 1 : batchesPerMessage;
      largestLength = Math.multiplyExact(scan.largestLength(), Math.max(1, perMessage));
    }
    // In the original's channels each message has as much room as the largest.
    int count = isOriginals() && messageSlots != null ? messageSlots + 1 : MESSAGE_COUNT;
    return Math.max(DEFAULT_CAPACITY, Math.multiplyExact(largestLength, count));
  }

  private void sendAll(
      ArrowInput input,
      Iterator<MessageLog.Entry> plan,
      Writer<ArrowTable> writer,
      Progress progress)
      throws InterruptedException, IOException {
    if (plan != null) {
      while (plan.hasNext()) {
        MessageLog.Entry entry = plan.next();
        sendNext(input, entry.batchCount(), entry.tag(), writer, progress);
      }
      return;
    }
    int perMessage = batchesPerMessage == null ? 1 : batchesPerMessage;
    long messageTag = tag == null ? 0 : tag;
    int sentCount;
    do {
      sentCount =
          sendNext(
              input,
              perMessage == 0 ? Integer.MAX_VALUE : perMessage,
              messageTag,
              writer,
              progress);
    } while (sentCount > 0 && sentCount == perMessage);
    if (messageCount == 0) {
      // No batch at all: the schema alone is a message, or a batch without rows where there has to
      // be one.
      write(
          ArrowTable.of(
              input.schema(),
              isOriginals() ? List.of(input.batch()) : List.of(),
              input.dictionaries()),
          messageTag,
          writer,
          progress);
    }
  }

  /** Sends one message, if there is a batch for it or it is to have none; returns its batches. */
  private int sendNext(
      ArrowInput input,
      int batchCount,
      long messageTag,
      Writer<ArrowTable> writer,
      Progress progress)
      throws InterruptedException {
    if (batchCount == 1) {
      if (!input.next()) {
        return 0;
      }
      write(
          ArrowTable.of(input.schema(), List.of(input.batch()), input.dictionaries()),
          messageTag,
          writer,
          progress);
      return 1;
    }
    List<VectorSchemaRoot> batches = new ArrayList<>();
    try {
      while (batches.size() < batchCount && input.next()) {
        batches.add(take(input.batch()));
      }
      if (!batches.isEmpty() || batchCount == 0) {
        write(
            ArrowTable.of(input.schema(), batches, input.dictionaries()),
            messageTag,
            writer,
            progress);
      }
      return batches.size();
    } finally {
      batches.forEach(VectorSchemaRoot::close);
    }
  }

  /** Takes a batch out of the input, which loads the next one into the same vectors. */
  private static VectorSchemaRoot take(VectorSchemaRoot batch) {
    List<FieldVector> vectors = new ArrayList<>();
    for (FieldVector vector : batch.getFieldVectors()) {
      TransferPair pair = vector.getTransferPair(vector.getField(), vector.getAllocator());
      pair.transfer();
      vectors.add((FieldVector) pair.getTo());
    }
    return new VectorSchemaRoot(batch.getSchema(), vectors, batch.getRowCount());
  }

  private void write(
      ArrowTable table, long messageTag, Writer<ArrowTable> writer, Progress progress)
      throws InterruptedException {
    while (!writer.write(table, messageTag, WRITE_ATTEMPT)) {
      progress.show(() -> {
        WriterStats stats = writer.stats();
        return channel
            + ": full after "
            + Units.count(messageCount, "message")
            + (stats.readerCount() == 0 ? ", waiting for a reader" : ", waiting for the readers");
      });
    }
    messageCount++;
    rowCount += table.rowCount();
    progress.show(() ->
        channel
            + ": "
            + Units.count(messageCount, "message")
            + ", "
            + Units.count(rowCount, "row")
            + ", "
            + Units.length(writer.stats().bytesWritten()));
  }

  /**
   * Makes sure that nobody takes a part for the whole. Attached readers find a dead writer, since
   * this process ends without closing it; a channel that nobody else has seen goes away.
   */
  private void abandon(Writer<ArrowTable> writer) {
    WriterStats stats = writer.stats();
    boolean isFirst = stats.nextSequence() == stats.writeCount();
    if (stats.readerCount() == 0 && isFirst) {
      channels.remove(channel, true);
      writer.close();
    }
  }

  private void awaitReaders(Writer<ArrowTable> writer, Progress progress) {
    long startNs = System.nanoTime();
    WriterStats stats = writer.stats();
    while (stats.unreadCount() > 0
        && stats.readerCount() > 0
        && System.nanoTime() - startNs < linger.toNanos()) {
      long unreadCount = stats.unreadCount();
      progress.show(() -> channel + ": " + Units.count(unreadCount, "unread message"));
      try {
        Thread.sleep(DRAIN_POLL_MS);
      } catch (InterruptedException e) {
        // The user asked for the end before, or asks now: this is it.
      }
      stats = writer.stats();
    }
  }

  private void summarize(long durationNs) {
    note(
        "sent "
            + Units.count(messageCount, "message")
            + ", "
            + Units.count(rowCount, "row")
            + ", "
            + Units.length(byteCount)
            + " in "
            + Units.time(durationNs));
  }

  private void tellWhatStays() {
    Optional<ChannelInfo> left = channels.find(channel);
    if (left.isEmpty() || left.get().unreadCount() == 0) {
      return;
    }
    long readerCount = left.get().readers().stream().filter(ParticipantInfo::alive).count();
    String unread =
        "channel " + channel + " keeps " + Units.count(left.get().unreadCount(), "unread message");
    if (readerCount > 0) {
      Main.printNote(unread + " for " + Units.count(readerCount, "attached reader"));
    } else {
      Main.printNote(
          unread
              + "; read: "
              + channels.recvCommand(left.get())
              + "; remove: "
              + channels.rmCommand(channel));
    }
  }

  private void note(String text) {
    if (!quiet) {
      Main.printNote(text);
    }
  }
}
