package io.qadataswap.api.internal.qads1;

import io.qadataswap.api.ChannelInfo;
import io.qadataswap.api.OverflowPolicy;
import io.qadataswap.api.ParticipantInfo;
import io.qadataswap.api.QdsException;
import io.qadataswap.api.QdsException.Reason;
import io.qadataswap.api.channel.ChannelProvider;
import io.qadataswap.api.channel.NamedSemaphore;
import io.qadataswap.api.channel.NamedSemaphores;
import io.qadataswap.api.channel.SegmentFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Looks at an object from outside: reads header and states from the file, maps nothing. The numbers
 * of a channel in use are of slightly different moments.
 */
final class Inspection {
  private final String name;
  private final SegmentFile file;
  private final Header header;
  private final ByteBuffer bytes;
  private final Map<Long, Long> lockHolders;
  private final Set<Long> foreign;

  private Inspection(String name, SegmentFile file) {
    this.name = name;
    this.file = file;
    this.header = Segments.readHeader(file, name);
    try {
      byte[] start = file.readStart((int) header.buffersOffset());
      if (start.length < header.buffersOffset()) {
        throw new QdsException(
            Reason.CORRUPT,
            "channel=" + name + ": " + file.path() + " was cut short; remove the channel");
      }
      this.bytes = ByteBuffer.wrap(start).order(ByteOrder.LITTLE_ENDIAN);
    } catch (IOException e) {
      throw SegmentFile.failure(name, "read " + file.path(), e);
    }
    ObjectUsers users = ObjectUsers.of(file, name);
    this.lockHolders = users.lockHolders();
    this.foreign = users.foreign();
  }

  static ChannelInfo inspect(Path directory, String name, ChannelProvider backend) {
    SegmentFile file = SegmentFile.open(Segments.path(directory, name), name);
    try {
      return new Inspection(name, file).info(backend);
    } finally {
      file.close();
    }
  }

  static List<String> list(Path directory) {
    List<String> names = new ArrayList<>();
    if (!Files.isDirectory(directory)) {
      return names;
    }
    try (DirectoryStream<Path> files =
        Files.newDirectoryStream(directory, Segments.PREFIX + "[A-Za-z0-9]*")) {
      for (Path path : files) {
        if (isObject(path)) {
          names.add(path.getFileName().toString().substring(Segments.PREFIX.length()));
        }
      }
    } catch (IOException e) {
      throw SegmentFile.failure("(all)", "list " + directory, e);
    }
    names.sort(null);
    return names;
  }

  private static boolean isObject(Path path) {
    try {
      SegmentFile file = SegmentFile.open(path, path.getFileName().toString());
      try {
        return Header.hasMagic(file.readStart(Long.BYTES));
      } finally {
        file.close();
      }
    } catch (QdsException | IOException e) {
      return false;
    }
  }

  private ChannelInfo info(ChannelProvider backend) {
    return new ChannelInfo(
        name,
        file.path(),
        Qads1Layout.NAME,
        Segments.CODEC_ID,
        header.totalLength(),
        OverflowPolicy.BLOCK,
        written(),
        unread(),
        read(),
        Optional.of(writer()),
        readers(),
        fields(backend));
  }

  private long written() {
    return bytes.getLong(HeaderDescriptor.WRITE_SEQUENCE_OFFSET);
  }

  private long read() {
    return bytes.getLong(HeaderDescriptor.READ_SEQUENCE_OFFSET);
  }

  private long unread() {
    return Math.max(0, Math.min(header.bufferCount(), written() - read()));
  }

  private boolean isWriterActive() {
    return bytes.get(HeaderDescriptor.WRITER_ACTIVE_OFFSET) != 0;
  }

  private int state(int buffer) {
    return bytes.get((int) HeaderDescriptor.stateOffset(buffer) + BufferState.READY_OFFSET) & 0xff;
  }

  /** The original records nobody: a process that maps the object may be its writer. */
  private ParticipantInfo writer() {
    boolean locked = file.isLocked(HeaderDescriptor.WRITER_LOCK_POSITION);
    long pid =
        lockHolders.getOrDefault(
            HeaderDescriptor.WRITER_LOCK_POSITION, foreign.stream().findFirst().orElse(0L));
    boolean alive = isWriterActive() && (locked || !foreign.isEmpty());
    return participant(
        -1, isWriterActive() ? "ACTIVE" : "CLOSED", "", alive, pid, written(), written());
  }

  private List<ParticipantInfo> readers() {
    List<ParticipantInfo> readers = new ArrayList<>();
    for (Map.Entry<Long, Long> holder : lockHolders.entrySet()) {
      long place = holder.getKey() - HeaderDescriptor.READER_LOCKS_POSITION;
      if (place >= 0 && place < BufferState.MAX_READER_COUNT) {
        readers.add(
            participant((int) place, "ACTIVE", "COMPETING", true, holder.getValue(), read(), 0));
      }
    }
    return readers;
  }

  private ParticipantInfo participant(
      int index,
      String state,
      String mode,
      boolean alive,
      long pid,
      long sequence,
      long messageCount) {
    Instant since =
        ProcessHandle.of(pid)
            .flatMap(process -> process.info().startInstant())
            .orElse(Instant.EPOCH);
    long lag = index < 0 ? 0 : unread();
    return new ParticipantInfo(
        index, state, mode, alive, pid, since, "", sequence, lag, messageCount, 0, 0, false);
  }

  private Map<String, String> fields(ChannelProvider backend) {
    Map<String, String> fields = new LinkedHashMap<>();
    fields.put("total_size", Long.toString(header.totalLength()));
    fields.put("buffer_count", Integer.toString(header.bufferCount()));
    fields.put("buffer_size", Long.toString(header.bufferLength()));
    fields.put("buffers_offset", Long.toString(header.buffersOffset()));
    fields.put("write_sequence", Long.toString(written()));
    fields.put("read_sequence", Long.toString(read()));
    fields.put("writer_active", Boolean.toString(isWriterActive()));
    fields.put(
        "reader_count", Integer.toString(bytes.getInt(HeaderDescriptor.READER_COUNT_OFFSET)));
    fields.put("write_sem_name", header.writeSemaphore());
    fields.put("read_sem_name", header.readSemaphore());
    int held = 0;
    int ready = 0;
    for (int buffer = 0; buffer < header.bufferCount(); buffer++) {
      held += BufferState.isOwed(state(buffer)) ? 1 : 0;
      ready += state(buffer) == BufferState.READY ? 1 : 0;
    }
    fields.put("ready buffers", Integer.toString(ready));
    fields.put("held buffers", Integer.toString(held));
    NamedSemaphores semaphores = backend.semaphores(name);
    Optional<Integer> write = value(semaphores, header.writeSemaphore());
    Optional<Integer> read = value(semaphores, header.readSemaphore());
    fields.put("write tokens", write.map(String::valueOf).orElse("no semaphore"));
    fields.put("read tokens", read.map(String::valueOf).orElse("no semaphore"));
    if (write.isPresent() && read.isPresent()) {
      Tokens tokens = new Tokens(header.bufferCount(), write.get(), read.get(), unread(), held);
      fields.put(
          "missing tokens", tokens.missingWrite() + " write, " + tokens.missingRead() + " read");
    }
    fields.put("other processes", foreign.isEmpty() ? "none" : foreign.toString());
    return fields;
  }

  private static Optional<Integer> value(NamedSemaphores semaphores, String name) {
    return semaphores
        .open(name)
        .map(semaphore -> {
          try (NamedSemaphore open = semaphore) {
            return open.value();
          }
        });
  }
}
