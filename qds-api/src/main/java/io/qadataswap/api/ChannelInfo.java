package io.qadataswap.api;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A description of a channel at one moment.
 *
 * @param name of the channel
 * @param path of its segment file
 * @param layout by which it was read
 * @param codecId of its messages
 * @param length of the file, in bytes
 * @param overflow policy of the channel
 * @param publishedCount messages written since it was created
 * @param unreadCount messages that a lossless reader is still due, or would be
 * @param oldestSequence the oldest message that can still be read
 * @param writer the recorded writer, if there ever was one
 * @param readers the entries in use
 * @param header every field of the header by its name in the specification, for people to read
 */
public record ChannelInfo(
    String name,
    Path path,
    String layout,
    String codecId,
    long length,
    OverflowPolicy overflow,
    long publishedCount,
    long unreadCount,
    long oldestSequence,
    Optional<ParticipantInfo> writer,
    List<ParticipantInfo> readers,
    Map<String, String> header) {

  /**
   * Returns whether anybody is attached.
   *
   * @return whether the writer or a reader is alive
   */
  public boolean isLive() {
    return writer.map(ParticipantInfo::alive).orElse(false)
        || readers.stream().anyMatch(ParticipantInfo::alive);
  }
}
