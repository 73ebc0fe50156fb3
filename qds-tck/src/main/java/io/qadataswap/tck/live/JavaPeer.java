package io.qadataswap.tck.live;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.qadataswap.api.Claim;
import io.qadataswap.api.Message;
import io.qadataswap.api.OverflowPolicy;
import io.qadataswap.api.Qds;
import io.qadataswap.api.QdsException;
import io.qadataswap.api.Reader;
import io.qadataswap.api.ReaderBuilder;
import io.qadataswap.api.ReaderMode;
import io.qadataswap.api.Region;
import io.qadataswap.api.StartPosition;
import io.qadataswap.api.Trust;
import io.qadataswap.api.Writer;
import io.qadataswap.api.WriterBuilder;
import io.qadataswap.api.codec.Codec;
import io.qadataswap.api.codec.RegionCodec;
import io.qadataswap.codec.arrow.ArrowTable;
import io.qadataswap.codec.raw.RawBatch;
import io.qadataswap.codec.raw.RawCodec;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;

/**
 * The peer of this implementation: a program that speaks the peer protocol (see {@code
 * qds-tck/spec/peer-protocol.md}) over {@code qds-api}. The system property {@code
 * qds.peer.backend} names the backend; without it the best one is taken. It carries Arrow tables
 * where {@code qds-codec-arrow} is on its path, raw batches where {@code qds-codec-raw} is.
 */
public final class JavaPeer {
  private static final String BACKEND = System.getProperty("qds.peer.backend");
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String ARROW_CODEC = "arrow-ipc";
  private static final String RAW_CODEC = "raw1";

  private static final long DEFAULT_TIMEOUT_MS = 10_000;
  private static final long PING_LENGTH = 64;
  private static final Duration DEMO_PATIENCE = Duration.ofSeconds(30);

  private static final long HEADER_LENGTH = 4096;
  private static final long READER_ENTRY_LENGTH = 256;
  private static final long DESCRIPTOR_LENGTH = 64;
  private static final long ARENA_ALIGNMENT = 65_536;

  private final Map<String, OpenWriter> writers = new LinkedHashMap<>();
  private final Map<String, OpenReader> readers = new LinkedHashMap<>();
  private final Map<String, Held> messages = new LinkedHashMap<>();

  /** Null where the codec is missing. */
  private final TableFiles tables;

  private final boolean hasRaw = isThere("io.qadataswap.codec.raw.RawCodec");

  private JavaPeer() {
    tables = isThere("io.qadataswap.codec.arrow.ArrowCodec") ? new TableFiles() : null;
  }

  /**
   * Runs until standard input ends.
   *
   * @param arguments none, or {@code demo}, a directory and a channel
   * @throws Exception if standard input fails, or the demo does
   */
  public static void main(String[] arguments) throws Exception {
    if (arguments.length == 3 && arguments[0].equals("demo")) {
      new TableFiles()
          .print(Path.of(arguments[1]), arguments[2], BACKEND, DEMO_PATIENCE, System.out);
      return;
    }
    PrintStream answers = System.out;
    // What libraries print is not for the kit.
    System.setOut(System.err);
    JavaPeer peer = new JavaPeer();
    BufferedReader requests =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = requests.readLine(); line != null; line = requests.readLine()) {
      answers.write((peer.answer(line) + "\n").getBytes(StandardCharsets.UTF_8));
      answers.flush();
    }
    peer.closeAll();
  }

  private static boolean isThere(String className) {
    try {
      Class.forName(className);
      return true;
    } catch (ClassNotFoundException e) {
      return false;
    }
  }

  private record OpenWriter(Writer<?> writer, String codec, Optional<OpenClaim> claim) {
    long nextSequence() {
      return writer.stats().nextSequence();
    }
  }

  private record OpenClaim(Claim claim, long length) {}

  private static final class OpenReader {
    final Reader<?> reader;
    long lostCount;

    OpenReader(Reader<?> reader) {
      this.reader = reader;
    }

    /** Returns what it lost since the last call. */
    long newlyLost() {
      long before = lostCount;
      lostCount = reader.stats().lostCount();
      return lostCount - before;
    }
  }

  private record Held(Message<?> message, String channel) {}

  /** A failure that a kind describes. */
  private static final class Failure extends Exception {
    private static final long serialVersionUID = 1;

    final String kind;

    Failure(String kind, String message) {
      super(message);
      this.kind = kind;
    }
  }

  private String answer(String line) throws JsonProcessingException {
    ObjectNode answer = JSON.createObjectNode();
    try {
      JsonNode request = JSON.readTree(line);
      perform(request, answer);
    } catch (Failure e) {
      fail(answer, e.kind, e);
    } catch (QdsException e) {
      String kind =
          switch (e.reason()) {
            case NO_SUCH_CHANNEL,
                CHANNEL_EXISTS,
                GEOMETRY_DIFFERS,
                CODEC_DIFFERS,
                UNSUPPORTED,
                SECOND_WRITER,
                READER_TABLE_FULL,
                IN_USE,
                MESSAGE_TOO_LARGE,
                NO_ROOM,
                READER_HOLDS_LOANS,
                SEQUENCE_GONE,
                WRITER_DIED,
                REPLACED,
                EVICTED,
                LOCK_LOST,
                REMOVED,
                CORRUPT,
                DIRECTORY_FULL,
                PERMISSION ->
                e.reason().name();
            default -> "FAILED";
          };
      fail(answer, kind, e);
    } catch (Exception | LinkageError e) {
      fail(answer, "FAILED", e);
    }
    return JSON.writeValueAsString(answer);
  }

  private static void fail(ObjectNode answer, String kind, Throwable failure) {
    answer.removeAll();
    answer.put("error", kind);
    String message = failure.getMessage();
    answer.put("message", message == null ? failure.toString() : message);
  }

  private void perform(JsonNode request, ObjectNode answer) throws Exception {
    String op = text(request, "op");
    switch (op) {
      case "hello" -> hello(answer);
      case "create" -> create(request, answer);
      case "attach" -> attach(request, answer);
      case "write" -> write(request, answer);
      case "claim" -> claim(request, answer);
      case "commit" -> commit(request, answer);
      case "abort" -> {
        openClaim(request).claim().abort();
        withoutClaim(request);
      }
      case "read" -> read(request, answer);
      case "hold" -> hold(request, answer);
      case "check" -> check(request);
      case "release" -> {
        held(request);
        messages.remove(text(request, "message")).message().close();
      }
      case "send" -> send(request, answer);
      case "drain" -> drain(request, answer);
      case "ping" -> ping(request, answer);
      case "pong" -> pong(request, answer);
      case "close" -> close(request);
      case "die" -> die();
      default -> throw new Failure("UNSUPPORTED", "op=" + op + " is unknown to this peer");
    }
  }

  private void hello(ObjectNode answer) {
    answer.put("protocol", 1);
    answer.put("language", "java");
    answer.put("implementation", "qds " + Qds.version());
    ObjectNode libraries = answer.putObject("libraries");
    libraries.put("java", Runtime.version().toString());
    libraries.put("backend", BACKEND == null ? Qds.backends().get(0).name() : BACKEND);
    answer.put("pid", ProcessHandle.current().pid());
    List<String> capabilities =
        new ArrayList<>(
            List.of(
                "write", "read", "observe", "claim", "hold", "checksums", "drop-oldest", "ping"));
    if (tables != null) {
      libraries.put("arrow", TableFiles.arrowVersion());
      // Arrow has no vectors for the last two.
      capabilities.addAll(
          List.of(ARROW_CODEC, "validate", "in-place", "without:decimal32", "without:decimal64"));
    }
    if (hasRaw) {
      capabilities.add(RAW_CODEC);
    }
    capabilities.forEach(answer.putArray("capabilities")::add);
  }

  private Codec<?> codec(JsonNode request) throws Failure {
    String id = text(request, "codec", RegionCodec.ID);
    return switch (id) {
      case RegionCodec.ID -> RegionCodec.instance();
      case ARROW_CODEC -> {
        if (tables == null) {
          throw new Failure("UNSUPPORTED", "codec=" + id + ": qds-codec-arrow is not on the path");
        }
        yield tables.codec();
      }
      case RAW_CODEC -> {
        if (!hasRaw) {
          throw new Failure("UNSUPPORTED", "codec=" + id + ": qds-codec-raw is not on the path");
        }
        yield RawCodec.instance();
      }
      default -> throw new Failure("UNSUPPORTED", "codec=" + id + " is unknown to this peer");
    };
  }

  private void create(JsonNode request, ObjectNode answer) throws Failure {
    Writer<?> opened;
    try {
      opened = creating(request, name -> true).open();
    } catch (QdsException e) {
      if (e.reason() != QdsException.Reason.GEOMETRY_DIFFERS) {
        throw e;
      }
      // It exists: what was not asked for may be as it is.
      opened = creating(request, request::has).open();
    }
    String codec = text(request, "codec", RegionCodec.ID);
    OpenWriter writer = new OpenWriter(opened, codec, Optional.empty());
    writers.put(text(request, "writer"), writer);
    answer.put("sequence", writer.nextSequence());
  }

  /** Sets those members that are asked for, some of them to the protocol's defaults. */
  private WriterBuilder<?> creating(JsonNode request, Predicate<String> isAskedFor) throws Failure {
    int entryCount = (int) number(request, "readerEntryCount", 8);
    int slotCount = (int) number(request, "slotCount", 64);
    WriterBuilder<?> builder =
        Qds.writer(text(request, "channel"), codec(request))
            .directory(Path.of(text(request, "directory")))
            .backend(BACKEND)
            .label(text(request, "label", ""));
    if (isAskedFor.test("slotCount")) {
      builder.messageSlots(slotCount);
    }
    if (isAskedFor.test("readerEntryCount")) {
      builder.readerEntries(entryCount);
    }
    if (isAskedFor.test("arenaLength")) {
      long sectionsLength =
          HEADER_LENGTH + entryCount * READER_ENTRY_LENGTH + slotCount * DESCRIPTOR_LENGTH;
      long arenaOffset = (sectionsLength + ARENA_ALIGNMENT - 1) / ARENA_ALIGNMENT * ARENA_ALIGNMENT;
      builder.capacity(arenaOffset + number(request, "arenaLength", 1 << 20));
    }
    if (isAskedFor.test("overflowPolicy")) {
      builder.overflow(OverflowPolicy.valueOf(text(request, "overflowPolicy", "BLOCK")));
    }
    if (isAskedFor.test("retainCount")) {
      builder.retain((int) number(request, "retainCount", 0));
    }
    if (isAskedFor.test("checksums")) {
      builder.payloadChecksum(request.path("checksums").asBoolean(false));
    }
    return builder;
  }

  private void attach(JsonNode request, ObjectNode answer) throws Failure {
    JsonNode start = request.path("start");
    StartPosition position;
    if (start.isNumber()) {
      position = StartPosition.at(start.asLong());
    } else {
      position =
          start.asText("oldest").equals("latest") ? StartPosition.latest() : StartPosition.oldest();
    }
    ReaderBuilder<?> builder =
        Qds.reader(text(request, "channel"), codec(request))
            .directory(Path.of(text(request, "directory")))
            .backend(BACKEND)
            .mode(ReaderMode.valueOf(text(request, "mode", "LOSSLESS")))
            .start(position)
            .awaitSuccessor(request.path("waitForSuccessor").asBoolean(false))
            .awaitChannel(Duration.ofMillis(number(request, "timeoutMs", 0)))
            .label(text(request, "label", ""));
    if (request.path("validate").asBoolean(false)) {
      builder.trust(Trust.VALIDATE);
    }
    Reader<?> reader = builder.open();
    readers.put(text(request, "reader"), new OpenReader(reader));
    answer.put("sequence", reader.startSequence());
  }

  private void write(JsonNode request, ObjectNode answer) throws Exception {
    OpenWriter writer = writer(request);
    long tag = number(request, "tag", 0);
    if (request.has("file")) {
      Path file = Path.of(text(request, "file"));
      long sequence = writer.nextSequence();
      boolean written =
          switch (writer.codec()) {
            case ARROW_CODEC ->
                request.path("inPlace").asBoolean()
                    ? tables.writeInPlace(tableWriter(writer), file, tag, timeout(request))
                    : tables.write(tableWriter(writer), file, tag, timeout(request));
            case RAW_CODEC -> writeBatch(writer, file, tag, timeout(request));
            default -> writeBytes(writer.writer(), Files.readAllBytes(file), tag, timeout(request));
          };
      putOutcome(answer, written ? sequence : -1);
      return;
    }
    putOutcome(
        answer,
        writePattern(
            writer, number(request, "length"), number(request, "seed"), tag, timeout(request)));
  }

  @SuppressWarnings("unchecked") // that is how it was opened
  private static Writer<ArrowTable> tableWriter(OpenWriter writer) {
    return (Writer<ArrowTable>) writer.writer();
  }

  @SuppressWarnings("unchecked") // that is how it was opened
  private static boolean writeBatch(OpenWriter open, Path file, long tag, Duration timeout)
      throws IOException, InterruptedException {
    Writer<RawBatch> writer = (Writer<RawBatch>) open.writer();
    RawBatch batch = RawFiles.parse(RawFiles.read(file));
    if (timeout != null) {
      return writer.write(batch, tag, timeout);
    }
    writer.write(batch, tag);
    return true;
  }

  private static boolean writeBytes(Writer<?> writer, byte[] bytes, long tag, Duration timeout)
      throws InterruptedException {
    Claim claim = claimWithin(writer, bytes.length, timeout);
    if (claim == null) {
      return false;
    }
    claim.region().putBytes(0, bytes, 0, bytes.length);
    claim.commit(bytes.length, tag);
    return true;
  }

  /** Returns the sequence, or -1 after the time-out. */
  private static long writePattern(
      OpenWriter writer, long length, long seed, long tag, Duration timeout)
      throws InterruptedException {
    long sequence = writer.nextSequence();
    Claim claim = claimWithin(writer.writer(), length, timeout);
    if (claim == null) {
      return -1;
    }
    Pattern.fill(claim.region(), length, seed, sequence);
    return claim.commit(length, tag);
  }

  private static Claim claimWithin(Writer<?> writer, long length, Duration timeout)
      throws InterruptedException {
    return timeout == null ? writer.claim(length) : writer.claim(length, timeout);
  }

  private static void putOutcome(ObjectNode answer, long sequence) {
    if (sequence < 0) {
      answer.put("timeout", true);
    } else {
      answer.put("sequence", sequence);
    }
  }

  private void claim(JsonNode request, ObjectNode answer) throws Exception {
    OpenWriter writer = writer(request);
    long length = number(request, "length");
    long sequence = writer.nextSequence();
    Claim claim = claimWithin(writer.writer(), length, timeout(request));
    if (claim == null) {
      answer.put("timeout", true);
      return;
    }
    Pattern.fill(claim.region(), length, number(request, "seed"), sequence);
    writers.put(
        text(request, "writer"),
        new OpenWriter(writer.writer(), writer.codec(), Optional.of(new OpenClaim(claim, length))));
  }

  private void commit(JsonNode request, ObjectNode answer) throws Failure {
    OpenClaim claim = openClaim(request);
    withoutClaim(request);
    answer.put("sequence", claim.claim().commit(claim.length(), number(request, "tag", 0)));
  }

  private OpenClaim openClaim(JsonNode request) throws Failure {
    OpenWriter writer = writer(request);
    return writer
        .claim()
        .orElseThrow(() ->
            new Failure(
                "FAILED", "channel=" + writer.writer().name() + ": there is no open claim"));
  }

  private void withoutClaim(JsonNode request) throws Failure {
    OpenWriter writer = writer(request);
    writers.put(
        text(request, "writer"), new OpenWriter(writer.writer(), writer.codec(), Optional.empty()));
  }

  private void read(JsonNode request, ObjectNode answer) throws Exception {
    OpenReader reader = reader(request);
    Message<?> message = receive(reader.reader, timeout(request));
    if (message == null) {
      putEnd(answer, reader.reader);
      return;
    }
    try (message) {
      putMessage(answer, message, reader);
      compare(message, reader.reader.name(), request);
      if (request.has("file")) {
        save(message, Path.of(text(request, "file")));
      }
    }
  }

  private void hold(JsonNode request, ObjectNode answer) throws Exception {
    OpenReader reader = reader(request);
    String name = text(request, "message");
    Message<?> message = receive(reader.reader, timeout(request));
    if (message == null) {
      putEnd(answer, reader.reader);
      return;
    }
    boolean right = false;
    try {
      putMessage(answer, message, reader);
      compare(message, reader.reader.name(), request);
      right = true;
    } finally {
      if (right) {
        messages.put(name, new Held(message, reader.reader.name()));
      } else {
        message.close();
      }
    }
  }

  private void check(JsonNode request) throws Exception {
    Held held = held(request);
    compare(held.message(), held.channel(), request);
    if (request.has("file")) {
      save(held.message(), Path.of(text(request, "file")));
    }
  }

  private void save(Message<?> message, Path file) throws IOException {
    if (message.value() instanceof Region region) {
      byte[] bytes = new byte[Math.toIntExact(region.length())];
      region.getBytes(0, bytes, 0, bytes.length);
      Files.write(file, bytes);
    } else if (message.value() instanceof RawBatch batch) {
      Files.writeString(file, RawFiles.text(batch));
    } else {
      tables.save((ArrowTable) message.value(), file);
    }
  }

  /** Returns null after the time-out and at the end. */
  private static Message<?> receive(Reader<?> reader, Duration timeout)
      throws InterruptedException {
    if (timeout == null) {
      return reader.read();
    }
    return timeout.isZero() ? reader.poll() : reader.read(timeout);
  }

  private static void putMessage(ObjectNode answer, Message<?> message, OpenReader reader) {
    answer.put("sequence", message.sequence());
    answer.put("length", message.payload().length());
    answer.put("tag", message.tag());
    answer.put("lost", reader.newlyLost());
  }

  private static void putEnd(ObjectNode answer, Reader<?> reader) {
    if (reader.isEnded()) {
      answer.put("end", "CLOSED");
    } else {
      answer.put("timeout", true);
    }
  }

  private static void compare(Message<?> message, String channel, JsonNode request) throws Failure {
    if (request.has("seed")) {
      compare(message, channel, request.path("seed").asLong());
    }
  }

  private static void compare(Message<?> message, String channel, long seed) throws Failure {
    Optional<String> difference = Pattern.difference(message.payload(), seed, message.sequence());
    if (difference.isPresent()) {
      throw new Failure(
          "CONTENT",
          "channel=" + channel + " message " + message.sequence() + " " + difference.get());
    }
  }

  private void send(JsonNode request, ObjectNode answer) throws Exception {
    OpenWriter writer = writer(request);
    long count = number(request, "count");
    long seed = number(request, "seed");
    long minLength = number(request, "minLength");
    long maxLength = number(request, "maxLength");
    long last = -1;
    for (long i = 0; i < count; i++) {
      long length = Pattern.length(seed, writer.nextSequence(), minLength, maxLength);
      long sequence = writePattern(writer, length, seed, 0, timeout(request));
      if (sequence < 0) {
        answer.put("count", i).put("sequence", last).put("timeout", true);
        return;
      }
      last = sequence;
    }
    answer.put("count", count).put("sequence", last);
  }

  private void drain(JsonNode request, ObjectNode answer) throws Exception {
    OpenReader reader = reader(request);
    long limit = number(request, "count", Long.MAX_VALUE);
    long seed = number(request, "seed");
    long count = 0;
    long lost = 0;
    long first = -1;
    long last = -1;
    String end = null;
    while (count < limit && end == null) {
      try (Message<?> message = receive(reader.reader, timeout(request))) {
        if (message == null) {
          end = reader.reader.isEnded() ? "CLOSED" : "";
          break;
        }
        long newlyLost = reader.newlyLost();
        if (last >= 0 && message.sequence() != last + 1 + newlyLost) {
          throw new Failure(
              "CONTENT",
              "channel="
                  + reader.reader.name()
                  + " message "
                  + message.sequence()
                  + " follows "
                  + last
                  + " though lost="
                  + newlyLost);
        }
        compare(message, reader.reader.name(), seed);
        lost += newlyLost;
        last = message.sequence();
        first = first < 0 ? last : first;
        count++;
      } catch (QdsException e) {
        end =
            switch (e.reason()) {
              case WRITER_DIED, REMOVED, EVICTED -> e.reason().name();
              default -> throw e;
            };
      }
    }
    answer.put("count", count).put("lost", lost).put("first", first).put("last", last);
    if (end != null && !end.isEmpty()) {
      answer.put("end", end);
    }
  }

  private void ping(JsonNode request, ObjectNode answer) throws Exception {
    OpenWriter writer = writer(request);
    OpenReader reader = reader(request);
    int count = (int) number(request, "count");
    long[] timesNs = new long[count];
    for (int i = 0; i < count; i++) {
      pause(request);
      long startNs = System.nanoTime();
      writeBall(writer, request);
      readBall(reader, request);
      timesNs[i] = System.nanoTime() - startNs;
    }
    Arrays.sort(timesNs);
    answer.put("count", count).put("medianNs", count == 0 ? 0 : timesNs[count / 2]);
  }

  private void pong(JsonNode request, ObjectNode answer) throws Exception {
    OpenWriter writer = writer(request);
    OpenReader reader = reader(request);
    long count = number(request, "count");
    for (long i = 0; i < count; i++) {
      readBall(reader, request);
      pause(request);
      writeBall(writer, request);
    }
    answer.put("count", count);
  }

  private static void pause(JsonNode request) {
    long maxPauseUs = request.path("maxPauseUs").asLong(0);
    if (maxPauseUs > 0) {
      LockSupport.parkNanos(ThreadLocalRandom.current().nextLong(maxPauseUs) * 1000);
    }
  }

  private static void writeBall(OpenWriter writer, JsonNode request) throws Exception {
    long seed = request.path("seed").asLong();
    if (writePattern(writer, PING_LENGTH, seed, 0, timeout(request)) < 0) {
      throw new Failure("FAILED", "channel=" + writer.writer().name() + ": no room in time");
    }
  }

  private static void readBall(OpenReader reader, JsonNode request) throws Exception {
    try (Message<?> message = receive(reader.reader, timeout(request))) {
      if (message == null) {
        throw new Failure(
            "FAILED",
            "channel="
                + reader.reader.name()
                + (reader.reader.isEnded() ? ": has ended" : ": no message in time"));
      }
      compare(message, reader.reader.name(), request);
    }
  }

  private void close(JsonNode request) throws Failure {
    if (request.has("writer")) {
      Writer<?> writer = writer(request).writer();
      writers.remove(text(request, "writer"));
      writer.close();
    } else {
      Reader<?> reader = reader(request).reader;
      readers.remove(text(request, "reader"));
      reader.close();
    }
  }

  private static void die() throws Exception {
    // A JVM cannot send itself this signal.
    new ProcessBuilder("kill", "-KILL", Long.toString(ProcessHandle.current().pid()))
        .start()
        .waitFor();
    throw new Failure("FAILED", "survived SIGKILL");
  }

  private void closeAll() {
    messages.values().forEach(held -> held.message().close());
    readers.values().forEach(open -> open.reader.close());
    writers.values().forEach(open -> open.writer().close());
  }

  private OpenWriter writer(JsonNode request) throws Failure {
    return named(writers, request, "writer");
  }

  private OpenReader reader(JsonNode request) throws Failure {
    return named(readers, request, "reader");
  }

  private Held held(JsonNode request) throws Failure {
    return named(messages, request, "message");
  }

  private static <V> V named(Map<String, V> open, JsonNode request, String member) throws Failure {
    String name = text(request, member);
    V found = open.get(name);
    if (found == null) {
      Collection<String> names = open.keySet();
      throw new Failure("FAILED", member + "=" + name + " is not open; open are " + names);
    }
    return found;
  }

  private static String text(JsonNode request, String member) throws Failure {
    if (!request.path(member).isTextual()) {
      throw new Failure("FAILED", "the request has no text " + member);
    }
    return request.path(member).asText();
  }

  private static String text(JsonNode request, String member, String ifMissing) {
    return request.path(member).asText(ifMissing);
  }

  private static long number(JsonNode request, String member) throws Failure {
    if (!request.path(member).isIntegralNumber()) {
      throw new Failure("FAILED", "the request has no number " + member);
    }
    return request.path(member).asLong();
  }

  private static long number(JsonNode request, String member, long ifMissing) {
    return request.path(member).asLong(ifMissing);
  }

  /** Returns null for a wait without end. */
  private static Duration timeout(JsonNode request) {
    long timeoutMs = number(request, "timeoutMs", DEFAULT_TIMEOUT_MS);
    return timeoutMs < 0 ? null : Duration.ofMillis(timeoutMs);
  }
}
