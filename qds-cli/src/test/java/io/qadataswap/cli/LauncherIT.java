package io.qadataswap.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The launcher in a project of its own, where the jar is built already. */
class LauncherIT {
  /** What the launcher uses beside Java and Maven. */
  private static final List<String> UTILITIES =
      List.of("sh", "sed", "find", "head", "dirname", "readlink", "mkdir", "flock", "env");

  @AutoClose private final Tool tool = Tool.create();
  private Path project;
  private Path utilities;

  @BeforeEach
  void copyProject() throws IOException {
    project = tool.file("a project");
    Path launcher = Path.of(System.getProperty("qds.test.launcher"));
    Files.createDirectories(project.resolve(".mvn"));
    Files.copy(launcher, project.resolve("qds"), StandardCopyOption.COPY_ATTRIBUTES);
    Files.createFile(project.resolve("pom.xml"));
    Files.createDirectories(project.resolve("qds-cli/src/main/java"));
    Files.createDirectories(project.resolve("qds-cli/target"));
    Files.copy(
        Path.of(System.getProperty("qds.test.jar")), project.resolve("qds-cli/target/qds.jar"));

    utilities = Files.createDirectory(tool.file("bin"));
    for (String name : UTILITIES) {
      for (String directory : System.getenv("PATH").split(":", -1)) {
        Path found = Path.of(directory, name);
        if (Files.isExecutable(found) && Files.notExists(utilities.resolve(name))) {
          Files.createSymbolicLink(utilities.resolve(name), found);
        }
      }
    }
  }

  @Test
  void worksThroughSymbolicLinksFromAnyDirectory() throws IOException {
    Path links = Files.createDirectory(tool.file("some links"));
    Files.createSymbolicLink(links.resolve("absolute"), project.resolve("qds"));
    Files.createSymbolicLink(links.resolve("relative"), Path.of("../a project/qds"));
    Files.createSymbolicLink(links.resolve("chain"), Path.of("relative"));
    for (String link : List.of("absolute", "relative", "chain")) {
      Tool.Run run = launch(links.resolve(link).toString(), Map.of(), "version");
      run.expect(ExitCode.OK);
      assertTrue(run.out().startsWith("qds "), run.out());
      assertEquals("", run.err());
    }
  }

  @Test
  void passesArgumentsAndExitCodesThrough() throws IOException {
    Path numbers = ArrowFiles.numbers(tool.file("the numbers.arrow"), 3);
    Tool.Run send = launch(qds(), Map.of(), "send", numbers.toString(), "--channel", "c", "-q");
    send.expect(ExitCode.OK);
    Tool.Run recv = launch(qds(), Map.of(), "recv", "--channel", "c", "--out", "a copy.arrow");
    recv.expect(ExitCode.OK);
    assertTrue(recv.err().startsWith("received 1 message"), recv.err());
    launch(qds(), Map.of(), "diff", numbers.toString(), "a copy.arrow").expect(ExitCode.OK);
    launch(qds(), Map.of(), "recv", "--channel", "c", "--wait", "0").expect(ExitCode.NO_CHANNEL);
  }

  @Test
  void newerSourcesAreToldAndBuilt() throws IOException {
    Path source = Files.createFile(project.resolve("qds-cli/src/main/java/A file.java"));
    FileTime built = Files.getLastModifiedTime(project.resolve("qds-cli/target/qds.jar"));
    Files.setLastModifiedTime(source, FileTime.from(built.toInstant().plus(Duration.ofMinutes(1))));
    Tool.Run run =
        launch(
            qds(),
            Map.of("PATH", utilities.toString(), "QDS_JDK", System.getProperty("java.home")),
            "version");
    run.expect(ExitCode.TROUBLE);
    List<String> lines = run.err().lines().toList();
    assertTrue(lines.get(0).contains("is newer than qds.jar; building it again"), run.err());
    assertTrue(lines.get(1).contains("needs Maven"), run.err());
    assertEquals(2, lines.size(), run.err());
  }

  @Test
  void saysWhichJavaItNeeds() throws IOException {
    Path old = Files.createDirectories(tool.file("old jdk/bin")).getParent();
    Files.createSymbolicLink(old.resolve("bin/java"), Path.of("/bin/false"));
    Files.writeString(old.resolve("release"), "JAVA_VERSION=\"17.0.9\"\n");
    Tool.Run run = launch(qds(), Map.of("QDS_JDK", old.toString()), "version");
    run.expect(ExitCode.TROUBLE);
    assertEquals(
        "qds: QDS_JDK="
            + old
            + " holds Java 17, and no JDK 22 or newer; set it to the home of one\n",
        run.err());

    // An old JAVA_HOME is passed over if there is a newer JDK.
    Path home = Path.of(System.getProperty("java.home"));
    run =
        launch(
            qds(),
            Map.of("JAVA_HOME", old.toString(), "PATH", home.resolve("bin") + ":" + utilities),
            "version");
    run.expect(ExitCode.OK);
  }

  private String qds() {
    return project.resolve("qds").toString();
  }

  private Tool.Run launch(String launcher, Map<String, String> environment, String... arguments)
      throws IOException {
    List<String> command = new ArrayList<>(List.of(launcher));
    command.addAll(List.of(arguments));
    return tool.start(command, null, environment).await();
  }
}
