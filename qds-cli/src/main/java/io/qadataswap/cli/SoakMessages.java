package io.qadataswap.cli;

import io.qadataswap.api.Claim;
import io.qadataswap.api.Message;
import io.qadataswap.api.Reader;
import io.qadataswap.api.Region;
import io.qadataswap.api.Writer;

/** The messages of the soak: each word, and the length, follow from the sequence. */
final class SoakMessages {
  private static final int LONGEST_WORD_COUNT = 8_192;

  private SoakMessages() {}

  static void write(Writer<Region> writer) throws InterruptedException {
    long sequence = writer.stats().nextSequence();
    int wordCount = wordCount(sequence);
    Claim claim = writer.claim((long) wordCount * Long.BYTES);
    for (int word = 0; word < wordCount; word++) {
      claim.region().putLong((long) word * Long.BYTES, word(sequence, word));
    }
    claim.commit((long) wordCount * Long.BYTES, sequence);
  }

  /**
   * Checks every word of a message, and that it is the next one but for those counted as lost.
   *
   * @param expected its sequence if none was lost since the reader began
   */
  static void check(Reader<Region> reader, Message<Region> message, long expected) {
    long sequence = message.sequence();
    if (sequence - reader.stats().lostCount() != expected) {
      throw wrong(message, "expected " + expected + ", lost " + reader.stats().lostCount());
    }
    Region region = message.value();
    int wordCount = wordCount(sequence);
    if (message.tag() != sequence || region.length() != (long) wordCount * Long.BYTES) {
      throw wrong(message, "tag " + message.tag() + ", length " + region.length());
    }
    for (int word = 0; word < wordCount; word++) {
      long found = region.getLong((long) word * Long.BYTES);
      if (found != word(sequence, word)) {
        throw wrong(message, "word " + word + " is " + Long.toHexString(found));
      }
    }
  }

  private static ToolException wrong(Message<Region> message, String what) {
    return new ToolException(
        ExitCode.DIFFERENT, "message " + message.sequence() + " is wrong: " + what, null);
  }

  /** Mostly short messages. */
  private static int wordCount(long sequence) {
    long mixed = mix(sequence);
    int limit = (mixed & 15) == 0 ? LONGEST_WORD_COUNT : 64;
    return (int) Long.remainderUnsigned(mixed >>> 4, limit);
  }

  private static long word(long sequence, int word) {
    return mix(sequence * 0x9E3779B97F4A7C15L + word);
  }

  private static long mix(long value) {
    long mixed = (value ^ (value >>> 30)) * 0xBF58476D1CE4E5B9L;
    mixed = (mixed ^ (mixed >>> 27)) * 0x94D049BB133111EBL;
    return mixed ^ (mixed >>> 31);
  }
}
