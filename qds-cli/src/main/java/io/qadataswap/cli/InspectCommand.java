package io.qadataswap.cli;

import io.qadataswap.api.ChannelInfo;
import io.qadataswap.api.ParticipantInfo;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Describes one channel. */
@Command(
    name = "inspect",
    description =
        "Describes a channel: its header, the writer, and each reader with its lag and whether it"
            + " is alive. Attaches to nothing and disturbs nobody.",
    mixinStandardHelpOptions = true)
final class InspectCommand implements Callable<Integer> {
  @Parameters(paramLabel = "NAME", description = "The channel.")
  private String channel;

  @Mixin private ChannelOptions channels;

  @Option(names = "--json", description = "Print one JSON object.")
  private boolean json;

  @Override
  public Integer call() throws IOException {
    ChannelInfo info = channels.inspect(channel);
    if (json) {
      System.out.println(
          Json.MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString(describe(info)));
    } else {
      print(info);
    }
    return ExitCode.OK;
  }

  private static void print(ChannelInfo info) {
    TextTable facts = TextTable.of("CHANNEL", info.name());
    facts.add("path", info.path().toString());
    facts.add("layout", info.layout());
    facts.add("codec", info.codecId());
    facts.add("length", Units.length(info.length()));
    facts.add("overflow", info.overflow().toString());
    facts.add("published", Units.count(info.publishedCount()));
    facts.add("unread", Units.count(info.unreadCount()));
    facts.add("oldest sequence", Units.count(info.oldestSequence()));
    facts.add("writer", info.writer().map(LsCommand::describe).orElse("none"));
    System.out.print(facts.render());

    TextTable header = TextTable.of("HEADER", "");
    for (Map.Entry<String, String> field : info.header().entrySet()) {
      header.add(field.getKey(), field.getValue());
    }
    System.out.print("\n" + header.render());

    TextTable participants =
        TextTable.of(
            "PARTICIPANT",
            "STATE",
            "MODE",
            "ALIVE",
            ">PID",
            "SINCE",
            ">NEXT",
            ">LAG",
            ">MESSAGES",
            ">BYTES",
            ">LOST",
            "WAITING",
            "LABEL");
    info.writer().ifPresent(writer -> add(participants, "writer", writer));
    for (ParticipantInfo reader : info.readers()) {
      add(participants, "reader " + reader.index(), reader);
    }
    if (!participants.isEmpty()) {
      System.out.print("\n" + participants.render());
    }
  }

  private static void add(TextTable table, String role, ParticipantInfo participant) {
    table.add(
        role,
        participant.state().toLowerCase(Locale.ROOT),
        participant.mode().toLowerCase(Locale.ROOT),
        participant.alive() ? "yes" : "no",
        Long.toString(participant.pid()),
        participant.since().toString(),
        Units.count(participant.sequence()),
        Units.count(participant.lag()),
        Units.count(participant.messageCount()),
        Units.length(participant.byteCount()),
        Units.count(participant.lostCount()),
        participant.waiting() ? "yes" : "no",
        participant.label());
  }

  private static Map<String, Object> describe(ChannelInfo info) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("name", info.name());
    fields.put("path", info.path().toString());
    fields.put("layout", info.layout());
    fields.put("codec", info.codecId());
    fields.put("length", info.length());
    fields.put("overflow", info.overflow());
    fields.put("published", info.publishedCount());
    fields.put("unread", info.unreadCount());
    fields.put("oldestSequence", info.oldestSequence());
    fields.put("header", info.header());
    fields.put("writer", info.writer().map(InspectCommand::describe).orElse(null));
    fields.put("readers", info.readers().stream().map(InspectCommand::describe).toList());
    return fields;
  }

  private static Map<String, Object> describe(ParticipantInfo participant) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("index", participant.index());
    fields.put("state", participant.state());
    fields.put("mode", participant.mode());
    fields.put("alive", participant.alive());
    fields.put("pid", participant.pid());
    fields.put("since", participant.since().toString());
    fields.put("sequence", participant.sequence());
    fields.put("lag", participant.lag());
    fields.put("messages", participant.messageCount());
    fields.put("bytes", participant.byteCount());
    fields.put("lost", participant.lostCount());
    fields.put("waiting", participant.waiting());
    fields.put("label", participant.label());
    return fields;
  }
}
