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
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

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
    if (!names.isEmpty()) {
      scripts.keySet().retainAll(names);
    }
    // Side by side: what one downloads another one compiles.
    try (ExecutorService builders = Executors.newVirtualThreadPerTaskExecutor()) {
      Map<String, Future<Result>> results = new LinkedHashMap<>();
      scripts.forEach(
          (name, script) -> results.put(name, builders.submit(() -> build(name, script, test))));
      for (var result : results.entrySet()) {
        add(result.getKey(), result.getValue().get());
      }
    } catch (ExecutionException e) {
      throw new IOException("a peer cannot be built: " + e.getCause(), e);
    }
  }

  /** What a build script has left. */
  private record Result(int exitCode, List<String> output, Path log) {}

  private Result build(String name, Path script, boolean test)
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
    return new Result(process.waitFor(), output, log);
  }

  private void add(String name, Result result) throws IOException {
    List<String> output = result.output();
    if (result.exitCode() == ExitCode.OK && !output.isEmpty()) {
      built.add(program(name, output.get(output.size() - 1)));
    } else if (result.exitCode() == SKIPPED) {
      List<String> errors = Files.readAllLines(result.log());
      skipped.add(name + ": " + (errors.isEmpty() ? "no reason" : errors.get(errors.size() - 1)));
    } else {
      failed.add(name + ": build exited with " + result.exitCode() + "; see " + result.log());
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
