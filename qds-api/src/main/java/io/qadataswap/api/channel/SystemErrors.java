package io.qadataswap.api.channel;

import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;

/**
 * Tells failures of the operating system apart. Java passes them on as the system's own words, in
 * the language of the locale; so these are compared with the words for a failure that is known.
 */
final class SystemErrors {
  /** Always full. */
  private static final String FULL_DEVICE = "/dev/full";

  private static final String NULL_DEVICE = "/dev/null";

  private SystemErrors() {}

  /**
   * Returns whether a failure was one of space.
   *
   * @param words of the system
   */
  static boolean isFull(String words) {
    return words.contains("No space left")
        || words.contains("quota")
        || words.equals(wordsForFull());
  }

  /** Returns whether this process can open no more files at the moment. */
  static boolean isOutOfDescriptors() {
    try (FileInputStream in = new FileInputStream(NULL_DEVICE)) {
      return in.read() >= 0; // it is empty
    } catch (IOException e) {
      return true;
    }
  }

  private static String wordsForFull() {
    try (FileOutputStream out = new FileOutputStream(FULL_DEVICE)) {
      out.write(0);
      return null;
    } catch (IOException e) {
      return e.getMessage();
    }
  }
}
