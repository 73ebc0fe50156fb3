package io.qadataswap.cli;

import io.qadataswap.tck.live.JavaPrograms;
import io.qadataswap.tck.live.PeerProgram;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Properties;
import java.util.TreeMap;

/**
 * The programs that this machine can run: those in Java, and those that are built by the script
 * {@code build} in each folder of {@code qds-tck/peers}.
 */
final class TckPeers {
  /** What a build script exits with where the machine lacks what it needs. */
  private static final int SKIPPED = 77;

  private final Path home;
  private final List<PeerProgram> built = new ArrayList<>();
  private final List<String> skipped = new ArrayList<>();
  private final List<String> failed = new ArrayList<>();

  /**
   * Begins.
   *
   * @param home of the project
   */
  TckPeers(Path home) {
    this.home = home;
  }

  /** A program that is started by words of the shell. */
  static PeerProgram program(String name, String command) {
    return new PeerProgram(name, List.of("/bin/sh", "-c", "exec " + command));
  }

  /** Returns the peers of this implementation, first the one that all others are tried with. */
  static List<PeerProgram> references() {
    List<PeerProgram> references =
        new ArrayList<>(List.of(JavaPrograms.ffm(), JavaPrograms.agrona()));
    java17().map(JavaPrograms::agronaOn17).ifPresent(references::add);
    return references;
  }

  private static Optional<Path> java17() {
    Path homes = Path.of(System.getProperty("java.home")).toAbsolutePath().getParent();
    try (DirectoryStream<Path> candidates = Files.newDirectoryStream(homes)) {
      for (Path candidate : candidates) {
        Path release = candidate.resolve("release");
        if (Files.isExecutable(candidate.resolve("bin/java")) && Files.isReadable(release)) {
          Properties properties = new Properties();
          try (InputStream in = Files.newInputStream(release)) {
            properties.load(in);
          }
          if (properties.getProperty("JAVA_VERSION", "").startsWith("\"17.")) {
            return Optional.of(candidate);
          }
        }
      }
    } catch (IOException e) {
      // Then there is none that could be found.
    }
    return Optional.empty();
  }

  /**
   * Builds all peers.
   *
   * @param names of the folders; empty for all
   * @param test whether their own tests run, too
   */
  void build(List<String> names, boolean test) throws IOException, InterruptedException {
    TreeMap<String, Path> scripts = new TreeMap<>();
    Path peers = home.resolve("qds-tck/peers");
    if (Files.isDirectory(peers)) {
      try (DirectoryStream<Path> folders = Files.newDirectoryStream(peers)) {
        for (Path folder : folders) {
          if (Files.isExecutable(folder.resolve("build"))) {
            scripts.put(folder.getFileName().toString(), folder.resolve("build"));
          }
        }
      }
    }
    for (String name : names) {
      if (!scripts.containsKey(name)) {
        throw new ToolException("no peer is named " + name + "; there are " + scripts.keySet());
      }
    }
    for (var script : scripts.entrySet()) {
      if (names.isEmpty() || names.contains(script.getKey())) {
        build(script.getKey(), script.getValue(), test);
      }
    }
  }

  private void build(String name, Path script, boolean test)
      throws IOException, InterruptedException {
    Path target = Files.createDirectories(home.resolve("qds-tck/target/peers"));
    Path log = target.resolve(name + ".log");
    Main.printNote("building the peer " + name + (test ? ", and testing it ..." : " ..."));
    List<String> command = new ArrayList<>(List.of(script.toString()));
    if (test) {
      command.add("--test");
    }
    command.add(target.resolve(name).toString());
    Process process = new ProcessBuilder(command).redirectError(log.toFile()).start();
    process.getOutputStream().close();
    Interruption.alsoRun(process::destroy);
    List<String> output =
        new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8)
            .lines()
            .toList();
    int exitCode = process.waitFor();
    if (exitCode == ExitCode.OK && !output.isEmpty()) {
      built.add(program(name, output.get(output.size() - 1)));
    } else if (exitCode == SKIPPED) {
      List<String> errors = Files.readAllLines(log);
      skipped.add(name + ": " + (errors.isEmpty() ? "no reason" : errors.get(errors.size() - 1)));
    } else {
      failed.add(name + ": build exited with " + exitCode + "; see " + log);
    }
  }

  List<PeerProgram> built() {
    return built;
  }

  /** Returns a sentence for each peer that the machine cannot build. */
  List<String> skipped() {
    return skipped;
  }

  /** Returns a sentence for each peer whose build or test failed. */
  List<String> failed() {
    return failed;
  }
}
