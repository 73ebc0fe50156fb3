package io.qadataswap.tck.live;

import java.io.File;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The peers of this implementation, as commands that start them from this JVM's own path. */
public final class JavaPrograms {
  private JavaPrograms() {}

  /**
   * Returns the peer on {@code qds-shm-ffm}.
   *
   * @return a program for this JVM's version, which is 22 or newer
   */
  public static PeerProgram ffm() {
    List<String> flags = new ArrayList<>(List.of("--enable-native-access=ALL-UNNAMED"));
    flags.addAll(flagsOfThisVersion());
    return program("java-ffm", "ffm", Path.of(System.getProperty("java.home")), flags);
  }

  /**
   * Returns the peer on {@code qds-shm-agrona}.
   *
   * @return a program for this JVM's version
   */
  public static PeerProgram agrona() {
    List<String> flags = new ArrayList<>(flagsOfThisVersion());
    return program("java-agrona", "agrona", Path.of(System.getProperty("java.home")), flags);
  }

  /**
   * Returns the peer on {@code qds-shm-agrona}, run by Java 17.
   *
   * @param javaHome of a Java 17
   * @return a program
   */
  public static PeerProgram agronaOn17(Path javaHome) {
    return program("java-17", "agrona", javaHome, List.of());
  }

  private static List<String> flagsOfThisVersion() {
    return Runtime.version().feature() < 24
        ? List.of()
        : List.of("--sun-misc-unsafe-memory-access=allow");
  }

  private static PeerProgram program(
      String name, String backend, Path javaHome, List<String> flags) {
    List<String> command = new ArrayList<>();
    command.add(javaHome.resolve("bin/java").toString());
    // Many run at once, on few processors.
    command.addAll(List.of("-XX:+UseSerialGC", "-Xmx256m", "-XX:TieredStopAtLevel=1"));
    // For Agrona, and for Arrow's readers and writers of streams.
    command.add("--add-opens=java.base/jdk.internal.misc=ALL-UNNAMED");
    command.add("--add-opens=java.base/java.nio=ALL-UNNAMED");
    command.addAll(flags);
    command.add("-Dqds.peer.backend=" + backend);
    command.addAll(List.of("-cp", classPath(), JavaPeer.class.getName()));
    return new PeerProgram(name, command);
  }

  /** All that this JVM has, whether as modules or not. */
  private static String classPath() {
    return Stream.of("java.class.path", "jdk.module.path")
        .map(property -> System.getProperty(property, ""))
        .filter(path -> !path.isEmpty())
        .collect(Collectors.joining(File.pathSeparator));
  }
}
