package io.qadataswap.api.channel;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Finds what somebody who mistyped a channel's name may have meant. */
final class NearNames {
  private static final int MOST = 5;

  private NearNames() {}

  /** A file name and how far it is from the one that was asked for. */
  private record Candidate(String name, int distance) {}

  /**
   * Says what is there instead of a segment file.
   *
   * @param path that does not exist
   * @return text for a message, beginning with a comma
   */
  static String describe(Path path) {
    Path directory = path.toAbsolutePath().getParent();
    if (directory == null || !Files.isDirectory(directory)) {
      return ", nor the directory";
    }
    String asked = path.getFileName().toString();
    String suffix = asked.substring(Math.max(0, asked.lastIndexOf('.')));
    String name = stem(asked, suffix);
    List<Candidate> near = new ArrayList<>();
    int count = 0;
    try (DirectoryStream<Path> files = Files.newDirectoryStream(directory)) {
      for (Path file : files) {
        String found = file.getFileName().toString();
        if (found.endsWith(suffix) && !found.startsWith(".")) {
          count++;
          int distance = distance(name, stem(found, suffix));
          if (distance <= Math.max(2, name.length() / 3)) {
            near.add(new Candidate(stem(found, suffix), distance));
          }
        }
      }
    } catch (IOException e) {
      return ", and the directory cannot be listed";
    }
    if (near.isEmpty()) {
      return ", and no similar name among the " + count + " channels there";
    }
    near.sort((a, b) -> Integer.compare(a.distance(), b.distance()));
    return ", but " + String.join(", ", near.stream().limit(MOST).map(Candidate::name).toList());
  }

  private static String stem(String fileName, String suffix) {
    return fileName.substring(0, fileName.length() - suffix.length());
  }

  /** Counts the insertions, deletions and replacements between two names, case aside. */
  private static int distance(String a, String b) {
    int[] row = new int[b.length() + 1];
    for (int j = 0; j <= b.length(); j++) {
      row[j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= b.length(); j++) {
        boolean same =
            Character.toLowerCase(a.charAt(i - 1)) == Character.toLowerCase(b.charAt(j - 1));
        int replaced = diagonal + (same ? 0 : 1);
        diagonal = row[j];
        row[j] = Math.min(replaced, 1 + Math.min(row[j], row[j - 1]));
      }
    }
    return row[b.length()];
  }
}
