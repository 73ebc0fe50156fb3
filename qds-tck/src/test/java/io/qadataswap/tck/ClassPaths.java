package io.qadataswap.tck;

import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What this test runs with, modules and others, as a class path for other processes. */
final class ClassPaths {
  private ClassPaths() {}

  static String all() {
    return entries().collect(Collectors.joining(File.pathSeparator));
  }

  /**
   * Copies QDS, its tests and the backends as jars, which other users may read, and which the JVM
   * keeps open.
   */
  static String jarsOfQds(Path directory) throws IOException {
    List<String> copies = new java.util.ArrayList<>();
    for (String entry :
        entries().filter(e -> e.contains("qds-") || e.contains("agrona")).toList()) {
      Path copy = directory.resolve(copies.size() + ".jar");
      if (Files.isDirectory(Path.of(entry))) {
        jar(Path.of(entry), copy);
      } else {
        Files.copy(Path.of(entry), copy);
      }
      copies.add(copy.toString());
    }
    return String.join(File.pathSeparator, copies);
  }

  private static Stream<String> entries() {
    String testClasses =
        Path.of(System.getProperty("basedir", ""), "target", "test-classes")
            .toAbsolutePath()
            .toString();
    String modules = System.getProperty("jdk.module.path", "");
    String others = System.getProperty("java.class.path");
    return Arrays.stream(
            String.join(File.pathSeparator, testClasses, modules, others).split(File.pathSeparator))
        .filter(entry -> !entry.isEmpty())
        .distinct();
  }

  private static void jar(Path classes, Path target) throws IOException {
    try (OutputStream out = Files.newOutputStream(target);
        JarOutputStream jar = new JarOutputStream(out);
        Stream<Path> files = Files.walk(classes)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        jar.putNextEntry(new JarEntry(classes.relativize(file).toString()));
        Files.copy(file, jar);
      }
    }
  }
}
