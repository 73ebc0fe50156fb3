package io.qadataswap.codec.raw;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.qadataswap.codec.raw.support.NoFlagsProgram;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The codec needs no JVM flag, neither on the class path nor on the module path. On Java 17 the
 * backend, Agrona, needs its own.
 */
class NoFlagsTest {
  private static final String MODULE = "io.qadataswap.codec.raw";

  @TempDir private Path directory;

  @Test
  void theClassPathNeedsNoFlag() throws Exception {
    requireWorks("null", run(backendFlags("ALL-UNNAMED"), onClassPath(), "bytes"));
  }

  @Test
  void theModulePathNeedsNoFlag() throws Exception {
    requireWorks(MODULE, run(backendFlags("org.agrona"), onModulePath(), "bytes"));
  }

  @Test
  void theFlagsThatTheReadmeNamesSilenceChronicle() throws Exception {
    List<String> flags = new ArrayList<>(backendFlags("ALL-UNNAMED"));
    flags.addAll(
        List.of(
            "-Dslf4j.internal.verbosity=ERROR",
            "--add-opens=java.base/java.lang.reflect=ALL-UNNAMED",
            "--add-exports=java.base/jdk.internal.ref=ALL-UNNAMED",
            "--add-exports=java.base/sun.nio.ch=ALL-UNNAMED"));
    if (Runtime.version().feature() >= 24) {
      flags.add("--sun-misc-unsafe-memory-access=allow");
    }
    String output = run(flags, onClassPath(), "native");
    requireWorks("null", output);
    assertEquals(3, ofTheCodec(output).size(), output);
  }

  @Test
  void columnsAlonePrintNothing() throws Exception {
    String output = run(backendFlags("ALL-UNNAMED"), onClassPath(), "columns");
    assertEquals(List.of("module=null", "column=7"), ofTheCodec(output), output);
  }

  /** Leaves out the two lines by which QDS says which backend it has chosen. */
  private static List<String> ofTheCodec(String output) {
    return output
        .lines()
        .filter(line -> !line.contains("Providers choose") && !line.contains("default backend"))
        .toList();
  }

  private static void requireWorks(String module, String output) {
    assertTrue(output.contains("module=" + module), output);
    assertTrue(output.contains("column=7"), output);
    assertTrue(output.contains("message=40.5 in "), output);
  }

  private static List<String> backendFlags(String target) {
    return Runtime.version().feature() < 22
        ? List.of("--add-opens=java.base/jdk.internal.misc=" + target)
        : List.of();
  }

  private static List<String> onClassPath() {
    return List.of("-cp", path("nothing is left out"));
  }

  private static List<String> onModulePath() {
    return List.of(
        "-p",
        path("junit", testClasses().toString(), "opentest4j", "apiguardian"),
        "--add-modules",
        MODULE + ",ALL-MODULE-PATH",
        "-cp",
        testClasses().toString());
  }

  private static Path testClasses() {
    return Path.of(System.getProperty("basedir", ""), "target", "test-classes").toAbsolutePath();
  }

  /** Returns what this test runs with, modules and others, but for some entries. */
  private static String path(String... leftOut) {
    String all =
        String.join(
            File.pathSeparator,
            testClasses().toString(),
            System.getProperty("jdk.module.path", ""),
            System.getProperty("java.class.path"));
    return Arrays.stream(all.split(File.pathSeparator))
        .filter(entry -> !entry.isEmpty())
        .filter(entry -> Arrays.stream(leftOut).noneMatch(entry::contains))
        .distinct()
        .collect(Collectors.joining(File.pathSeparator));
  }

  private String run(List<String> flags, List<String> paths, String use)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(flags);
    command.addAll(paths);
    command.addAll(List.of(NoFlagsProgram.class.getName(), directory.toString(), use));
    File output = directory.resolve("output").toFile();
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().remove("JAVA_TOOL_OPTIONS");
    builder.environment().remove("JDK_JAVA_OPTIONS");
    Process process = builder.redirectOutput(output).start();
    int exitCode = process.waitFor();
    String text = Files.readString(output.toPath(), StandardCharsets.UTF_8);
    assertEquals(0, exitCode, text);
    return text;
  }
}
