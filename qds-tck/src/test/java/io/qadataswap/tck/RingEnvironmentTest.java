package io.qadataswap.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.abort;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.qadataswap.api.Qds;
import io.qadataswap.api.QdsException.Reason;
import io.qadataswap.api.Reader;
import io.qadataswap.api.Region;
import io.qadataswap.api.Writer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * What the machine does not give: room, memory, descriptors, permission, a place that is free. Each
 * lack is said in an error of its own, and leaves nothing behind.
 */
class RingEnvironmentTest extends RingFixture {
  private static final int OTHER_USER = 65_534;
  private static final String USER = System.getProperty("user.name");

  private final List<ChildJvm> children = new ArrayList<>();
  private String classPath;

  RingEnvironmentTest() {
    super(Runtime.version().feature() < 22 ? "agrona" : "ffm");
  }

  @BeforeEach
  void copyClasses() throws IOException {
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxr-xr-x"));
    classPath = ClassPaths.jarsOfQds(Files.createDirectory(directory.resolve("classes")));
    Files.createDirectory(channels());
  }

  @AfterEach
  void endChildren() {
    children.forEach(ChildJvm::close);
  }

  private Path channels() {
    return directory.resolve("channels");
  }

  private ChildJvm child(List<String> wrapper) throws IOException {
    return child(wrapper, Map.of());
  }

  private ChildJvm child(List<String> wrapper, Map<String, String> environment) throws IOException {
    List<String> arguments =
        List.of(
            "-XX:+UseSerialGC",
            "-Xmx64m",
            // The JVM's own files are not what is to be limited.
            "-XX:-UsePerfData",
            "--add-opens=java.base/jdk.internal.misc=ALL-UNNAMED",
            "-cp",
            classPath,
            EnvironmentChild.class.getName(),
            backend());
    ChildJvm child =
        new ChildJvm(
            wrapper, environment, Path.of(System.getProperty("java.home")), arguments, directory);
    children.add(child);
    return child;
  }

  /** A child in a mount namespace of its own, in which something is mounted over the channels. */
  private ChildJvm childWithMount(String mount, Map<String, String> environment)
      throws IOException, InterruptedException {
    List<String> wrapper =
        List.of("unshare", "-rm", "sh", "-c", "set -e; " + mount + "; exec \"$@\"", "sh");
    assumeTrue(runs(wrapper), "this user may not mount a file system here: " + wrapper);
    return child(wrapper, environment);
  }

  private List<String> asOtherUser() throws IOException, InterruptedException {
    List<String> wrapper =
        List.of("setpriv", "--reuid=" + OTHER_USER, "--regid=" + OTHER_USER, "--clear-groups");
    assumeTrue(runs(wrapper), "only root can start a process of another user");
    return wrapper;
  }

  private static boolean runs(List<String> wrapper) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(wrapper);
    command.add("true");
    try {
      return new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start()
              .waitFor()
          == 0;
    } catch (IOException e) {
      return false; // there is no such program
    }
  }

  private static void assertAnswers(ChildJvm child, String command, Reason reason, Object... named)
      throws IOException {
    String answer = child.ask(command);
    assertTrue(answer.startsWith(reason + " "), command + " answered " + answer);
    for (Object part : named) {
      assertTrue(answer.contains(part.toString()), part + " in: " + answer);
    }
  }

  /** Returns what is in the directory, with what a change would show in. */
  private List<String> listing() throws IOException {
    try (Stream<Path> files = Files.walk(channels())) {
      List<String> lines = new ArrayList<>();
      for (Path file : files.sorted().toList()) {
        lines.add(
            file
                + " "
                + Files.readAttributes(
                    file, "unix:ino,mode,uid,size,nlink", LinkOption.NOFOLLOW_LINKS));
      }
      return lines;
    }
  }

  @Test
  void whatIsNoFileInTheSegmentsPlaceIsNamed() throws Exception {
    Path place = channels().resolve(NAME + ".qds");
    Path elsewhere = channels().resolve("elsewhere");
    try (Writer<Region> writer = writer().directory(channels()).open()) {
      write(writer, 8);
    }
    Files.move(place, elsewhere);
    Map<String, Place> kinds =
        Map.of(
            "a symbolic link", () -> Files.createSymbolicLink(place, elsewhere),
            "a directory", () -> Files.createDirectory(place),
            "a pipe, socket or device", () -> makePipe(place));
    for (Map.Entry<String, Place> kind : kinds.entrySet()) {
      kind.getValue().make();
      List<String> before = listing();
      Object[] named = {"channel=" + NAME, place, kind.getKey(), "allowed=a regular file"};
      assertRefused(Reason.CORRUPT, () -> writer().directory(channels()).open(), named);
      assertRefused(Reason.CORRUPT, () -> reader().directory(channels()).open(), named);
      assertRefused(Reason.CORRUPT, () -> Qds.inspect(channels(), NAME, Qds.DEFAULT_LAYOUT), named);
      assertRefused(
          Reason.CORRUPT, () -> Qds.remove(channels(), NAME, Qds.DEFAULT_LAYOUT, true), named);
      assertEquals(List.of(), Qds.list(channels(), Qds.DEFAULT_LAYOUT));
      assertEquals(before, listing());
      Files.delete(place);
    }
    Files.createSymbolicLink(place, channels().resolve("nowhere"));
    assertRefused(Reason.CORRUPT, () -> writer().directory(channels()).open(), "symbolic link");
    assertFalse(Files.exists(channels().resolve("nowhere")));
    Files.delete(place);

    // Nor are they taken for what a creator has left.
    Path leftover = channels().resolve("." + NAME + ".qds0.tmp");
    makePipe(leftover);
    assertEquals(List.of(), Qds.sweep(channels()));
    assertTrue(Files.exists(leftover));
  }

  /** Makes something in the segment's place. */
  private interface Place {
    void make() throws Exception;
  }

  private static void makePipe(Path path) throws IOException, InterruptedException {
    assertEquals(0, new ProcessBuilder("mkfifo", path.toString()).start().waitFor());
  }

  @Test
  void aFileWhereTheDirectoryShouldBeIsNamed() throws Exception {
    Path file = Files.createFile(channels().resolve("file"));
    assertRefused(
        Reason.IO, () -> writer().directory(file).open(), "channel=" + NAME, file, "is a file");
    assertRefused(
        Reason.NO_SUCH_CHANNEL, () -> reader().directory(file).open(), "channel=" + NAME, file);
    Path missing = channels().resolve("missing");
    assertRefused(
        Reason.IO, () -> writer().directory(missing).open(), missing, "does not exist", "QDS_DIR");
  }

  @Test
  void aFullFileSystemIsNamed() throws Exception {
    for (String language : new String[] {"", "de"}) {
      // The system's words are in the user's language.
      ChildJvm child =
          childWithMount(
              "mount -t tmpfs -o size=2m none " + channels(),
              Map.of("LC_ALL", "C.UTF-8", "LANGUAGE", language));
      Path other = channels().resolve("other");
      assertEquals("open", child.ask("writer " + channels() + " " + CAPACITY));
      assertEquals("created", child.ask("create " + other + " 400000"));
      assertAnswers(
          child,
          "create " + other + "2 800000",
          Reason.DIRECTORY_FULL,
          "channel=" + NAME,
          other + "2",
          "800000 bytes",
          "smaller capacity",
          "--shm-size");
      assertEquals(
          "names other ring.qds", child.ask("names " + channels()).replace("names", "names "));
      assertEquals("closed", child.ask("close"));
      // Agrona's mapping keeps the room until it is collected.
      String created = child.ask("create " + other + "2 800000");
      while (created.startsWith(Reason.DIRECTORY_FULL.name())) {
        created = child.ask("create " + other + "2 800000");
      }
      assertEquals("created", created);
      assertAnswers(
          child,
          "writer " + channels() + " " + CAPACITY,
          Reason.DIRECTORY_FULL,
          "channel=" + NAME,
          channels(),
          "bytes free of " + (2 << 20),
          "needed=" + CAPACITY,
          "smaller capacity",
          "--shm-size");
      child.end();
    }
  }

  @Test
  void aFileSystemThatIsMountedReadOnlyIsNamed() throws Exception {
    try (Writer<Region> writer = writer().directory(channels()).open()) {
      write(writer, 8);
    }
    List<String> before = listing();
    ChildJvm child =
        childWithMount(
            "mount --bind "
                + channels()
                + " "
                + channels()
                + "; mount -o remount,bind,ro "
                + channels(),
            Map.of());
    Path place = channels().resolve(NAME + ".qds");
    for (String command : List.of("reader ", "remove ", "writer ")) {
      assertAnswers(
          child,
          command + channels() + " " + CAPACITY,
          Reason.PERMISSION,
          "channel=" + NAME,
          place,
          "write permission");
    }
    assertEquals("published 1", child.ask("inspect " + channels()));
    assertEquals("channels [" + NAME + "]", child.ask("list " + channels()));
    child.end();
    assertEquals(before, listing());

    Files.delete(place);
    ChildJvm creator =
        childWithMount(
            "mount --bind "
                + channels()
                + " "
                + channels()
                + "; mount -o remount,bind,ro "
                + channels(),
            Map.of());
    assertAnswers(
        creator,
        "writer " + channels() + " " + CAPACITY,
        Reason.PERMISSION,
        "channel=" + NAME,
        channels(),
        "mount it writable",
        "QDS_DIR");
  }

  @Test
  void theFileSizeLimitIsNamed() throws Exception {
    // Blocks of 512 bytes.
    ChildJvm child = child(List.of("sh", "-c", "ulimit -f 1000; exec \"$@\"", "sh"));
    assertAnswers(
        child,
        "writer " + channels() + " " + CAPACITY,
        Reason.IO,
        "channel=" + NAME,
        "segment length=" + CAPACITY,
        "allowed=up to 512000 bytes",
        "ulimit -f");
    // The signal that comes with it does not end the process.
    Path other = channels().resolve("other");
    assertAnswers(child, "create " + other + " 600000", Reason.IO, "channel=" + NAME, other);
    assertEquals("names", child.ask("names " + channels()));
    assertEquals("open", child.ask("writer " + channels() + " 400000"));
    assertEquals("closed", child.ask("close"));
    assertEquals("names", child.ask("names " + channels()));
    child.end();
  }

  @Test
  void tooManyOpenFilesAreNamed() throws Exception {
    Path held = Files.createDirectory(directory.resolve("held"));
    ChildJvm child = child(List.of("sh", "-c", "ulimit -n 200; exec \"$@\"", "sh"));
    // The JDK itself opens files for what is used for the first time.
    assertEquals("exchanged", child.ask("exchange " + channels()));
    assertEquals("open", child.ask("writer " + held + " " + CAPACITY));
    assertEquals("published 0", child.ask("inspect " + held));
    for (String command : List.of("exchange ", "writer ", "reader ", "inspect ", "remove ")) {
      for (int free = 0; free < 6; free++) {
        assertEquals("hogged", child.ask("hog " + free));
        String answer = child.ask(command + channels() + " " + CAPACITY);
        assertEquals("released", child.ask("release"));
        if (answer.startsWith("IO ")) {
          assertTrue(answer.contains("channel=" + NAME), answer);
          assertTrue(answer.contains("ulimit -n"), answer);
        } else if (answer.equals("open")) {
          assertEquals("closed", child.ask("close"));
          assertEquals("open", child.ask("writer " + held + " " + CAPACITY));
        } else {
          assertTrue(answer.equals("exchanged") || answer.startsWith("NO_SUCH_CHANNEL "), answer);
        }
        assertFalse(free == 0 && answer.equals("exchanged"), answer);
        assertEquals("names", child.ask("names " + channels()), command + " with " + free);
      }
    }
    assertEquals("exchanged", child.ask("exchange " + channels()));
    assertRefused(Reason.SECOND_WRITER, () -> writer().directory(held).open(), NAME);
    child.end();
  }

  @Test
  void aChannelThatNobodyHasOpenLeavesNothingInTheJvm() throws Exception {
    ChildJvm child = child(List.of());
    String threads = child.ask("threads");
    assertEquals("open", child.ask("writer " + channels() + " " + CAPACITY));
    assertEquals("open", child.ask("reader " + channels()));
    assertFalse(child.ask("threads").equals(threads), "files are open");
    assertEquals("closed", child.ask("close"));
    String left;
    do {
      left = child.ask("threads");
    } while (!left.equals(threads));
    assertEquals("exchanged", child.ask("exchange " + channels()));
    child.end();
  }

  @Test
  void aDirectoryWithoutPermissionIsNamed() throws Exception {
    Files.setPosixFilePermissions(channels(), PosixFilePermissions.fromString("r-xr-xr-x"));
    ChildJvm child = child(USER.equals("root") ? asOtherUser() : List.of());
    assertAnswers(
        child,
        "writer " + channels() + " " + CAPACITY,
        Reason.PERMISSION,
        "channel=" + NAME,
        channels(),
        "permissions=r-xr-xr-x",
        "owner=" + USER,
        "QDS_DIR");
    Files.setPosixFilePermissions(channels(), PosixFilePermissions.fromString("rw-rw-rw-"));
    for (String command : List.of("writer ", "reader ", "inspect ", "remove ")) {
      assertAnswers(
          child,
          command + channels() + " " + CAPACITY,
          Reason.PERMISSION,
          "channel=" + NAME,
          channels());
    }
    // What cannot be listed can still hold channels.
    Files.setPosixFilePermissions(channels(), PosixFilePermissions.fromString("-wx-wx-wx"));
    assertEquals("exchanged", child.ask("exchange " + channels()));
    assertAnswers(child, "list " + channels(), Reason.PERMISSION, channels());
    Files.setPosixFilePermissions(channels(), PosixFilePermissions.fromString("rwxr-xr-x"));
    child.end();
    assertEquals(List.of(channels().toString()), namesOf(listing()));
  }

  private static List<String> namesOf(List<String> listing) {
    return listing.stream().map(line -> line.substring(0, line.indexOf(' '))).toList();
  }

  @Test
  void aFileOfAnotherUserIsNamed() throws Exception {
    ChildJvm child = child(asOtherUser());
    Path place = channels().resolve(NAME + ".qds");
    // As in /dev/shm: everybody may create, and remove what is his own.
    new ProcessBuilder("chmod", "1777", channels().toString()).start().waitFor();
    try (Writer<Region> writer = writer().directory(channels()).open();
        Reader<Region> reader = reader().directory(channels()).open()) {
      write(writer, 8, 2);
      readAndClose(reader, 0);
      List<String> before = listing();
      for (String command : List.of("writer ", "reader ", "inspect ", "remove ")) {
        assertAnswers(
            child,
            command + channels() + " " + CAPACITY,
            Reason.PERMISSION,
            "channel=" + NAME,
            place,
            "fileMode");
      }
      assertEquals("channels []", child.ask("list " + channels()));
      Files.setPosixFilePermissions(place, PosixFilePermissions.fromString("rw-r--r--"));
      for (String command : List.of("writer ", "reader ", "remove ")) {
        assertAnswers(
            child,
            command + channels() + " " + CAPACITY,
            Reason.PERMISSION,
            "channel=" + NAME,
            "no write permission on " + place,
            "fileMode");
      }
      assertEquals("published 2", child.ask("inspect " + channels()));
      Files.setPosixFilePermissions(place, PosixFilePermissions.fromString("rw-------"));
      assertEquals(before, listing());
      readAndClose(reader, 1);
      write(writer, 8, 1);
    }
    Files.setPosixFilePermissions(place, PosixFilePermissions.fromString("rw-rw-rw-"));
    assertEquals("open", child.ask("reader " + channels()));
    assertEquals("closed", child.ask("close"));
    assertAnswers(
        child, "remove " + channels(), Reason.PERMISSION, "channel=" + NAME, "remove " + place);
    child.end();
    // It was about to go: whoever may does it.
    try (Writer<Region> writer = writer().directory(channels()).open()) {
      assertEquals(0, writer.stats().nextSequence());
    }
    assertFalse(Files.exists(place));
  }

  @Test
  void aControlGroupWithLessMemoryThanTheChannelIsNamed() throws Exception {
    Path shared = Path.of("/dev/shm");
    assumeTrue(
        Files.isWritable(shared) && Files.getFileStore(shared).type().equals("tmpfs"),
        "no file system in memory is mounted at " + shared);
    long limit = 128L << 20;
    Path group = makeControlGroup(limit);
    Path place = Files.createTempDirectory(shared, "qds-tck");
    try {
      ChildJvm child =
          child(
              List.of(
                  "sh",
                  "-c",
                  "echo $$ > " + group.resolve("cgroup.procs") + " && exec \"$@\"",
                  "sh"));
      assertAnswers(
          child,
          "writer " + place + " " + (limit - (1 << 20)),
          Reason.DIRECTORY_FULL,
          "channel=" + NAME,
          "control group " + group,
          "is " + limit + " bytes",
          "needed=" + (limit - (1 << 20)),
          "raise the limit");
      assertEquals("names", child.ask("names " + place));
      assertEquals("exchanged", child.ask("exchange " + place));
      child.end();
    } finally {
      Files.delete(place);
      await(() -> group.toFile().delete()); // as soon as the child is gone
    }
  }

  /** Skips the test where that is not allowed. */
  private static Path makeControlGroup(long limit) throws IOException {
    List<String> reasons = new ArrayList<>();
    for (String line : Files.readAllLines(Path.of("/proc/self/cgroup"))) {
      String[] fields = line.split(":", 3);
      boolean unified = fields[1].isEmpty();
      if (!unified && !fields[1].equals("memory")) {
        continue;
      }
      Path group =
          Path.of("/sys/fs/cgroup", fields[1], fields[2], "qds-" + ProcessHandle.current().pid());
      try {
        Files.createDirectory(group);
      } catch (IOException e) {
        reasons.add(e.toString());
        continue;
      }
      try {
        Files.write(
            group.resolve(unified ? "memory.max" : "memory.limit_in_bytes"),
            Long.toString(limit).getBytes(StandardCharsets.US_ASCII),
            StandardOpenOption.WRITE);
        return group;
      } catch (IOException e) {
        reasons.add(e.toString());
        Files.delete(group);
      }
    }
    return abort("no control group with a memory limit can be made here: " + reasons);
  }
}
