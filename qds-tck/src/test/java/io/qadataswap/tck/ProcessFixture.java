package io.qadataswap.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.qadataswap.api.Claim;
import io.qadataswap.api.Message;
import io.qadataswap.api.Reader;
import io.qadataswap.api.Region;
import io.qadataswap.api.Writer;
import io.qadataswap.tck.Child.Side;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;

/** Rings between real processes: children that obey, die and are counted. */
abstract class ProcessFixture extends RingFixture {
  private final List<Child> children = new ArrayList<>();

  ProcessFixture() {
    super("ffm");
  }

  final Child start(Side side, String... flags) throws IOException {
    Child child = new Child(side, RingChild.class, directory, flags);
    children.add(child);
    return child;
  }

  /** Starts a child for a {@link Debugger}. It lives for a moment: what is compiled is little. */
  final Child startStoppable(Side side) throws IOException {
    return start(side, Debugger.FLAG, "-XX:TieredStopAtLevel=1");
  }

  @AfterEach
  void endChildren() throws InterruptedException {
    for (Child child : children) {
      child.kill();
    }
  }

  static void writeChecked(Writer<Region> writer) throws InterruptedException {
    long sequence = writer.stats().nextSequence();
    int length = Payloads.lengthOf(sequence);
    Claim claim = writer.claim(length);
    Payloads.fill(claim.region(), sequence, length);
    claim.commit(length, sequence);
  }

  /** Reads all there is, checks that it comes in order without a gap, and closes the reader. */
  static long readToEnd(Reader<Region> reader) throws InterruptedException {
    long next = reader.stats().nextSequence();
    for (Message<Region> message : reader) {
      assertEquals(next, message.sequence());
      Payloads.checkSelfDescribed(message);
      next++;
    }
    assertTrue(reader.isEnded());
    reader.close();
    return next;
  }

  static void spin(int count) {
    for (int i = 0; i < count; i++) {
      Thread.onSpinWait();
    }
  }

  static long writeUntilInterrupted(Writer<Region> writer) {
    try {
      while (!Thread.currentThread().isInterrupted()) {
        writeChecked(writer);
      }
    } catch (InterruptedException e) {
      // that was asked for
    }
    return writer.stats().nextSequence();
  }

  /** An empty one may have a creator that has not locked it yet: it is left alone for a while. */
  final List<String> temporaryFiles() {
    try (Stream<Path> files = Files.list(directory)) {
      return files
          .filter(f -> f.toString().endsWith(".tmp") && f.toFile().length() > 0)
          .map(f -> f.getFileName().toString())
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
