package io.qadataswap.cli;

import io.qadataswap.api.ChannelInfo;
import io.qadataswap.api.ParticipantInfo;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Lists channels. */
@Command(
    name = "ls",
    description =
        "Lists the channels of a directory, and removes what creators that died left half-made.",
    mixinStandardHelpOptions = true)
final class LsCommand implements Callable<Integer> {
  @Mixin private ChannelOptions channels;

  @Option(names = "--json", description = "Print one JSON object a line.")
  private boolean json;

  @Override
  public Integer call() throws IOException {
    channels.sweep();
    List<ChannelOptions.Listed> listed = channels.list();
    if (json) {
      for (ChannelOptions.Listed channel : listed) {
        System.out.println(Json.MAPPER.writeValueAsString(describe(channel)));
      }
      return ExitCode.OK;
    }
    TextTable table =
        TextTable.of("NAME", "LAYOUT", "CODEC", ">SIZE", ">UNREAD", "WRITER", ">READERS");
    for (ChannelOptions.Listed channel : listed) {
      if (channel.info().isEmpty()) {
        table.add(channel.name(), channel.layout(), "?", "?", "?", "?", "?");
        Main.printNote(channel.problem());
        continue;
      }
      ChannelInfo info = channel.info().get();
      table.add(
          info.name(),
          info.layout(),
          info.codecId(),
          Units.length(info.length()),
          Units.count(info.unreadCount()),
          info.writer().map(LsCommand::describe).orElse("none"),
          Units.count(aliveReaderCount(info)));
    }
    if (table.isEmpty()) {
      Main.printNote("no channels in " + channels.directory());
    } else {
      System.out.print(table.render());
    }
    return ExitCode.OK;
  }

  /** Tells of a writer whether it is alive, and else how it ended. */
  static String describe(ParticipantInfo writer) {
    if (writer.alive()) {
      return "alive, pid " + writer.pid();
    }
    return writer.state().equals("CLOSED") ? "closed" : "dead, pid " + writer.pid();
  }

  private static long aliveReaderCount(ChannelInfo info) {
    return info.readers().stream().filter(ParticipantInfo::alive).count();
  }

  private static Map<String, Object> describe(ChannelOptions.Listed channel) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("name", channel.name());
    fields.put("layout", channel.layout());
    if (channel.info().isEmpty()) {
      fields.put("problem", channel.problem());
      return fields;
    }
    ChannelInfo info = channel.info().get();
    fields.put("codec", info.codecId());
    fields.put("length", info.length());
    fields.put("unread", info.unreadCount());
    fields.put("writer", info.writer().map(LsCommand::describe).orElse("none"));
    fields.put("readers", aliveReaderCount(info));
    return fields;
  }
}
