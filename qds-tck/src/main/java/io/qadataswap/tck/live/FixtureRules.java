package io.qadataswap.tck.live;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import io.qadataswap.tck.IfThisFails;
import io.qadataswap.tck.fixtures.ArrowCase;
import io.qadataswap.tck.fixtures.ArrowCases;
import io.qadataswap.tck.fixtures.SegmentImage;
import io.qadataswap.tck.fixtures.SegmentMessage;
import io.qadataswap.tck.fixtures.SegmentVariant;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ArgumentsSource;
import org.junit.jupiter.params.provider.MethodSource;

/** What each program finds in captured channels, and what it refuses of damaged ones. */
@ParameterizedClass(name = "{0}", allowZeroInvocations = true)
@ArgumentsSource(LiveExtension.Programs.class)
@DisplayName("Fixtures")
class FixtureRules extends LiveRules {
  private static final String BYTES = "bytes";
  private static final String ARROW = "arrow-ipc";

  /** What goes through a channel that a writer has taken over: some times round ring and arena. */
  private static final int ROUND_COUNT = 40;

  @Parameter PeerProgram program;

  static List<SegmentImage> images() {
    return SegmentImage.all();
  }

  static List<SegmentVariant> variants() {
    return SegmentVariant.all();
  }

  // ---- images

  @ParameterizedTest(name = "FIX-05 {0}")
  @DisplayName("FIX-05 a captured channel is read as what it is")
  @MethodSource("images")
  @IfThisFails("look at the description of the image in the manifest, and at its bytes: they stay")
  void read(SegmentImage image) throws IOException {
    readAll(peerFor(image), image, false);
  }

  @ParameterizedTest(name = "FIX-05 {0}, validated")
  @DisplayName("FIX-05 a captured channel passes full validation")
  @MethodSource("images")
  @IfThisFails("look at your full validation: it refuses what is right")
  void readValidated(SegmentImage image) throws IOException {
    Peer peer = peerFor(image);
    require(peer, "validate");
    readAll(peer, image, true);
  }

  private void readAll(Peer peer, SegmentImage image, boolean validated) throws IOException {
    image.restore(directory(), CHANNEL);
    End reader = attach(peer, attaching(image, validated));
    for (SegmentMessage expected : image.messages()) {
      readOne(reader, image, expected);
    }
    Answer end = reader.tryRead(20_000);
    if (image.writerDied()) {
      end.requireError("WRITER_DIED");
    } else {
      end.requireEnd("CLOSED");
    }
  }

  @ParameterizedTest(name = "FIX-06 {0}")
  @DisplayName("FIX-06 a writer takes a captured channel over")
  @MethodSource("images")
  @IfThisFails(
      "look at what you take from a predecessor: geometry, sequence, memory in use (QDS1-OPEN-04,"
          + " QDS1-TAKE-01), and at entries of readers that are dead")
  void succeed(SegmentImage image) throws IOException {
    Peer peer = peerFor(image);
    require(peer, "write");
    image.restore(directory(), CHANNEL);
    peer.ask(taking(image)).ok().require("sequence", image.nextSequence());
    End writer = new End(peer, "writer", "w");
    End reader = attach(peer, attaching(image, false));
    for (SegmentMessage expected : image.messages()) {
      readOne(reader, image, expected);
    }
    for (int i = 0; i < ROUND_COUNT; i++) {
      if (image.codec().equals(BYTES)) {
        writer.send(5, 0, 3000);
        reader.drain(5);
      } else {
        ArrowCase table = ArrowCases.of("texts");
        Path sent = Files.write(directory().resolve("sent"), table.stream());
        writer.ask(writer.request("write").with("file", sent.toString())).inTime();
        Path received = directory().resolve("received");
        reader.ask(reader.request("read").with("file", received.toString())).inTime();
        table.check(Files.readAllBytes(received));
      }
    }
  }

  // ---- variants

  @ParameterizedTest(name = "{0}")
  @DisplayName("FIX-07 a reader accepts or refuses a changed channel as its rule says")
  @MethodSource("variants")
  @IfThisFails("look at the variant's rule and description in variants.json")
  void variantsRead(SegmentVariant variant) throws IOException {
    SegmentImage image = variant.image();
    Peer peer = peerFor(image);
    if (variant.messages().isEmpty()) {
      readChannel(peer, variant);
    }
    for (SegmentMessage changed : variant.messages()) {
      if (!variant.onlyValidated()) {
        readMessage(peer, variant, changed, false);
      }
      if (peer.can("validate")) {
        readMessage(peer, variant, changed, true);
      }
    }
  }

  private void readChannel(Peer peer, SegmentVariant variant) throws IOException {
    SegmentImage image = variant.image();
    variant.restore(directory(), CHANNEL);
    if (variant.attachError().isPresent()) {
      Answer answer = peer.ask(attaching(image, false));
      answer.requireError(variant.attachError().get());
      answer.requireText(CHANNEL);
      if (!answer.error().equals("NO_SUCH_CHANNEL")) {
        answer.requireText(variant.named());
      }
      return;
    }
    End reader = attach(peer, attaching(image, false));
    for (SegmentMessage expected : image.messages()) {
      readOne(reader, image, expected);
    }
  }

  /** Meets a changed message, and the one behind it, which is as it was. */
  private void readMessage(
      Peer peer, SegmentVariant variant, SegmentMessage changed, boolean validated)
      throws IOException {
    SegmentImage image = variant.image();
    Path file = variant.restore(directory(), CHANNEL);
    End reader = attach(peer, attaching(image, validated).with("start", changed.sequence()));
    readOne(reader, image, changed);
    for (SegmentMessage next : image.messages()) {
      if (next.sequence() == changed.sequence() + 1) {
        readOne(reader, image, next);
      }
    }
    reader.close();
    Files.deleteIfExists(file);
  }

  @ParameterizedTest(name = "{0}, as a writer")
  @DisplayName("FIX-08 a writer accepts or refuses a changed channel as its rule says")
  @MethodSource("variants")
  @IfThisFails("look at the variant's rule and description in variants.json")
  void variantsWritten(SegmentVariant variant) throws IOException {
    SegmentImage image = variant.image();
    Peer peer = peerFor(image);
    require(peer, "write");
    variant.restore(directory(), CHANNEL);
    Answer answer = peer.ask(taking(image));
    if (variant.createError().isPresent()) {
      answer.requireError(variant.createError().get());
      answer.requireText(CHANNEL);
      answer.requireText(variant.named());
    } else {
      answer.ok().require("sequence", variant.createdAnew() ? 0 : image.nextSequence());
    }
  }

  // ---- requests

  private Peer peerFor(SegmentImage image) throws IOException {
    Peer peer = peer(program, "read");
    if (image.codec().equals(ARROW)) {
      require(peer, ARROW);
    }
    if (image.observersOnly()) {
      require(peer, "observe");
    }
    return peer;
  }

  private Request attaching(SegmentImage image, boolean validated) {
    return attaching(newName("r"))
        .with("codec", image.codec())
        .with("mode", image.observersOnly() ? "OBSERVER" : "LOSSLESS")
        .with("validate", validated);
  }

  /** Asks for the codec alone: all else is taken from the segment (QDS1-OPEN-04). */
  private Request taking(SegmentImage image) {
    return Request.of("create")
        .with("writer", "w")
        .with("directory", directory().toString())
        .with("channel", CHANNEL)
        .with("codec", image.codec());
  }

  /** Reads the next message and compares it, or sees it refused. */
  private void readOne(End reader, SegmentImage image, SegmentMessage expected) throws IOException {
    Path received = directory().resolve("received");
    Files.deleteIfExists(received);
    Answer answer = reader.ask(reader.request("read").with("file", received.toString()));
    if (expected.error().isPresent()) {
      answer.requireError(expected.error().get());
      answer.requireText(CHANNEL);
      answer.requireText(expected.named());
      return;
    }
    if (image.codec().equals(ARROW)) {
      readTable(reader.peer(), answer, expected, received);
    } else {
      requireMessage(answer, expected);
      assertArrayEquals(expected.payload(), Files.readAllBytes(received), answer::toString);
    }
  }

  private static void readTable(Peer peer, Answer answer, SegmentMessage expected, Path received)
      throws IOException {
    ArrowCase table = expected.table().orElseThrow();
    Set<String> features = table.features();
    if (features.stream().anyMatch(feature -> peer.can("without:" + feature))) {
      answer.requireError("UNSUPPORTED");
      return;
    }
    requireMessage(answer, expected);
    if (features.stream().noneMatch(ArrowRules.NOT_COMPARED::contains)) {
      table.check(Files.readAllBytes(received));
    }
  }

  private static void requireMessage(Answer answer, SegmentMessage expected) {
    answer
        .inTime()
        .require("sequence", expected.sequence())
        .require("tag", expected.tag())
        .require("lost", 0);
  }
}
