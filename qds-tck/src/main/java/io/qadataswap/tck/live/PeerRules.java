package io.qadataswap.tck.live;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.qadataswap.tck.IfThisFails;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestReporter;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.ArgumentsSource;

/** What each program does by itself: it speaks the protocol, by which all other rules are tried. */
@ParameterizedClass(name = "{0}", allowZeroInvocations = true)
@ArgumentsSource(LiveExtension.Programs.class)
@DisplayName("The peer protocol")
class PeerRules extends LiveRules {
  @Parameter PeerProgram program;

  private Peer peer(String... capabilities) throws IOException {
    return peer(program, capabilities);
  }

  @Test
  @DisplayName("PEER-14 hello names language, implementation, libraries and capabilities")
  @IfThisFails("look at the members of the answer to hello")
  void hello(TestReporter reporter) throws IOException {
    JsonNode hello = peer().hello();
    Map<String, String> facts = new LinkedHashMap<>();
    for (String member :
        List.of("language", "implementation", "libraries", "pid", "capabilities")) {
      assertTrue(hello.has(member), () -> member + " is missing: " + hello);
      if (!member.equals("pid")) {
        JsonNode value = hello.path(member);
        facts.put(member, value.isTextual() ? value.asText() : value.toString());
      }
    }
    reporter.publishEntry(facts);
  }

  @Test
  @DisplayName("PEER-01 unknown requests are refused, unknown members are ignored")
  @IfThisFails("look at how you choose what to do by op")
  void unknown() throws IOException {
    Peer peer = peer("write");
    peer.ask(Request.of("dance")).requireError("UNSUPPORTED");
    End writer = create(peer, creating("w").with("colour", "red"));
    assertEquals(0, writer.write(10));
  }

  @Test
  @DisplayName("PEER-02 a failure is an answer, and the peer goes on")
  @IfThisFails(
      "look at what your loop does with exceptions: each is an answer with error and message")
  void failures() throws IOException {
    Peer peer = peer("write", "read");
    peer.ask(attaching("r")).requireError("NO_SUCH_CHANNEL");
    Answer missing = peer.ask(Request.of("read").with("reader", "nobody"));
    if (!missing.isError()) {
      throw missing.unexpected("an error");
    }
    End writer = create(peer);
    Answer again = peer.ask(creating("x"));
    again.requireError("SECOND_WRITER");
    assertTrue(again.text("message").contains(CHANNEL), "the message names the channel");
    End reader = attach(peer);
    reader.read(writer.write(10));
  }

  @Test
  @DisplayName("PEER-03 the end of standard input ends the peer in good order")
  @IfThisFails(
      "look at what follows your loop: close what is open, exit with 0; and at who else"
          + " prints to standard output")
  void endOfInput() throws IOException {
    Peer peer = peer("write", "read");
    End writer = create(peer);
    attach(peer);
    End other = attach(peer(program));
    writer.write(10);
    assertEquals(0, peer.end(), "exit code" + peer.errorOutput());
    assertEquals(0, peer.pendingLineCount(), "lines on standard output that answer nothing");
    other.read(0);
    other.tryRead(20_000).ok().requireEnd("CLOSED");
  }

  @Test
  @DisplayName("PEER-04 a name is free again after its end")
  @IfThisFails("look at whether close and release forget the name")
  void names() throws IOException {
    Peer peer = peer("write", "read", "hold");
    for (int i = 0; i < 3; i++) {
      End writer = create(peer, creating("w"));
      End reader = attach(peer, attaching("r"));
      assertEquals(0, writer.write(10));
      reader.hold("m", 0);
      reader.release("m");
      reader.close();
      writer.close();
    }
  }

  @Test
  @DisplayName("PEER-05 waits last as long as asked")
  @IfThisFails("look at timeoutMs: 0 does not wait, and what ends without a result is a time-out")
  void timeouts() throws IOException {
    Peer peer = peer("write", "read");
    End writer = create(peer);
    End reader = attach(peer);
    reader.tryRead(0).requireTimeout();
    long startNs = System.nanoTime();
    reader.tryRead(150).requireTimeout();
    assertTrue(System.nanoTime() - startNs >= 150_000_000, "shorter than asked for");
    writer.send(8, 10, 10);
    writer.tryWrite(10, 0).requireTimeout();
    startNs = System.nanoTime();
    writer.tryWrite(10, 150).requireTimeout();
    assertTrue(System.nanoTime() - startNs >= 150_000_000, "shorter than asked for");
  }

  @Test
  @DisplayName("PEER-09 payloads follow the pattern, and another one is noticed")
  @IfThisFails(
      "look at the mixing function, in arithmetic modulo 2^64 with shifts that shift in"
          + " zeros; the word depends on the sequence; the payload is cut off at its length")
  void pattern() throws IOException {
    Peer peer = peer("write", "read");
    End writer = create(peer);
    End reader = attach(peer);
    Path file = directory().resolve("payload");
    for (int i = 0; i < 4; i++) {
      int length = 100 + i;
      writer.write(length);
      reader.ask(reader.request("read").with("seed", SEED).with("file", file.toString())).inTime();
      byte[] expected = new byte[length];
      ByteBuffer words = ByteBuffer.allocate(length + 8).order(ByteOrder.LITTLE_ENDIAN);
      while (words.position() < length) {
        words.putLong(Pattern.word(SEED, i));
      }
      words.flip().get(expected);
      assertArrayEquals(expected, Files.readAllBytes(file));
    }
    writer.write(100);
    reader.ask(reader.request("read").with("seed", SEED + 1)).requireError("CONTENT");
    reader.read(writer.write(100));
  }

  @Test
  @DisplayName("PEER-10 the payload of a file goes out and comes in")
  @IfThisFails("look at file of write and read on channels of the codec bytes")
  void files() throws IOException {
    Peer peer = peer("write", "read");
    End writer = create(peer);
    End reader = attach(peer);
    Path in = directory().resolve("in");
    Path out = directory().resolve("out");
    Files.write(in, new byte[] {1, 2, 3, -1, 0});
    writer.ask(writer.request("write").with("file", in.toString())).inTime();
    reader.ask(reader.request("read").with("file", out.toString())).inTime().require("length", 5);
    assertArrayEquals(new byte[] {1, 2, 3, -1, 0}, Files.readAllBytes(out));
  }

  @Test
  @DisplayName("PEER-14 die kills the process that hello named, and others see the death")
  @IfThisFails(
      "look at what die does: SIGKILL, nothing before; and at locks that something inherited"
          + " by a child of yours still holds")
  void dies() throws IOException {
    Peer peer = peer("write");
    End writer = create(peer);
    End reader = attach(peer(program, "read"));
    writer.write(10);
    peer.send(Request.of("die"));
    peer.awaitDeath();
    reader.read(0);
    reader.tryRead(20_000).requireError("WRITER_DIED");
  }

  @Test
  @DisplayName("QDS1-FILE-01 names that are none are refused before they become a path")
  @IfThisFails("look at the check of the name: [A-Za-z0-9][A-Za-z0-9._-]{0,99} and nothing else")
  void hostileNames() throws IOException {
    Peer peer = peer("write", "read");
    Path inside = Files.createDirectory(directory().resolve("inside"));
    List<String> names =
        List.of(
            "",
            ".",
            "..",
            "../x",
            "/tmp/x",
            "a/b",
            ".hidden",
            "-x",
            "a b",
            "a\nb",
            "a\u0000b",
            "\u00e9",
            "a".repeat(101),
            "a\\b",
            "_x");
    for (String name : names) {
      for (String op : List.of("create", "attach")) {
        Request request = op.equals("create") ? creating("w") : attaching("r");
        Answer answer =
            peer.ask(request.with("directory", inside.toString()).with("channel", name));
        if (!answer.isError() || answer.error().equals("NO_SUCH_CHANNEL")) {
          throw answer.unexpected("an error that tells of the name");
        }
      }
    }
    try (Stream<Path> files = Files.walk(directory())) {
      assertEquals(2, files.count(), "nothing but the two directories is there");
    }
    create(peer, creating("w").with("channel", "0" + "aZ9._-".repeat(16) + "abc"));
  }
}
