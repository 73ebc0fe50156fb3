package io.qadataswap.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What the footer of a received IPC file keeps of the messages that its batches came in, so that
 * sending the file again gives the same messages.
 */
final class MessageLog {
  private static final String KEY = "qds.messages";

  private MessageLog() {}

  /**
   * One message.
   *
   * @param sequence in its channel
   * @param tag given by its writer
   * @param timeNs of its commit, monotonic; 0 if not taken
   * @param batchCount record batches in it
   */
  record Entry(long sequence, long tag, long timeNs, int batchCount) {}

  static void put(List<Entry> entries, Map<String, String> footerMetadata) {
    StringBuilder text = new StringBuilder();
    for (Entry entry : entries) {
      text.append(text.isEmpty() ? "" : ",")
          .append(entry.sequence())
          .append(':')
          .append(entry.tag())
          .append(':')
          .append(entry.timeNs())
          .append(':')
          .append(entry.batchCount());
    }
    footerMetadata.put(KEY, text.toString());
  }

  /** Reads the entries; empty if there are none, or if they do not speak of that many batches. */
  static Optional<List<Entry>> get(Map<String, String> footerMetadata, long batchCount) {
    String text = footerMetadata.get(KEY);
    if (text == null || text.isEmpty()) {
      return Optional.empty();
    }
    List<Entry> entries = new ArrayList<>();
    long total = 0;
    try {
      for (String item : text.split(",", -1)) {
        String[] fields = item.split(":", -1);
        Entry entry =
            new Entry(
                Long.parseLong(fields[0]),
                Long.parseLong(fields[1]),
                Long.parseLong(fields[2]),
                Integer.parseInt(fields[3]));
        entries.add(entry);
        total += entry.batchCount();
      }
    } catch (NumberFormatException | ArrayIndexOutOfBoundsException e) {
      return Optional.empty();
    }
    return total == batchCount ? Optional.of(entries) : Optional.empty();
  }
}
