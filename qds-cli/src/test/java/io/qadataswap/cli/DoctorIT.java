package io.qadataswap.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;

/** The flags that doctor prints fit the way in which Java was started, and help. */
class DoctorIT {
  private static final Pattern FLAG = Pattern.compile("start Java with (--\\S+)");

  @AutoClose private final Tool tool = Tool.create();

  @Test
  void eachFlagHelpsOnTheClassPath() throws IOException {
    assertFlagsHelp(
        false,
        Set.of(
            "--enable-native-access=ALL-UNNAMED",
            "--add-opens=java.base/java.nio=ALL-UNNAMED",
            "--add-opens=java.base/jdk.internal.misc=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow"));
  }

  @Test
  void eachFlagHelpsOnTheModulePath() throws IOException {
    assertFlagsHelp(
        true,
        Set.of(
            "--enable-native-access=io.qadataswap.shm.ffm",
            "--add-opens=java.base/java.nio=org.apache.arrow.memory.core",
            "--add-opens=java.base/jdk.internal.misc=org.agrona",
            "--sun-misc-unsafe-memory-access=allow"));
  }

  private void assertFlagsHelp(boolean onModulePath, Set<String> expected) throws IOException {
    Tool.Run doctor = run(onModulePath, Set.of(), "doctor");
    doctor.expect(ExitCode.OK);
    Set<String> printed = flags(doctor);
    assertEquals(new TreeSet<>(expected), printed, doctor.out());
    for (String flag : printed) {
      Tool.Run helped = run(onModulePath, Set.of(flag), "doctor");
      Set<String> others = new TreeSet<>(printed);
      others.remove(flag);
      assertEquals(others, flags(helped), helped.out());
    }

    Path flights = ArrowFiles.flights(tool.file("flights-" + onModulePath + ".arrow"));
    Object[] send = {"send", flights, "--channel", "c", "--backend", "agrona", "--linger", "0s"};
    Tool.Run refused = run(onModulePath, Set.of(), send);
    refused.expect(ExitCode.TROUBLE);
    Tool.Run sent = run(onModulePath, printed, send);
    sent.expect(ExitCode.OK);
    assertFalse(sent.err().contains("WARNING"), sent.err());
    run(onModulePath, printed, "rm", "c").expect(ExitCode.OK);
  }

  private static Set<String> flags(Tool.Run doctor) throws IOException {
    Set<String> flags = new TreeSet<>();
    Matcher matcher = FLAG.matcher(doctor.out());
    while (matcher.find()) {
      flags.add(matcher.group(1));
    }
    assertTrue(doctor.out().contains("backend ffm: usable"), doctor.out());
    return flags;
  }

  /** Runs the tool as a user's own JVM would, not by its launcher. */
  private Tool.Run run(boolean onModulePath, Set<String> flags, Object... arguments)
      throws IOException {
    String path =
        Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
            .filter(entry -> !entry.endsWith("test-classes"))
            .filter(entry -> !entry.contains("surefire"))
            .collect(Collectors.joining(File.pathSeparator));
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("-XX:TieredStopAtLevel=1");
    command.addAll(flags);
    command.addAll(
        onModulePath
            ? List.of("-p", path, "-m", "io.qadataswap.cli/io.qadataswap.cli.Main")
            : List.of("-cp", path, "io.qadataswap.cli.Main"));
    Stream.of(arguments).map(Object::toString).forEach(command::add);
    return tool.start(command, null, Map.of()).await();
  }
}
