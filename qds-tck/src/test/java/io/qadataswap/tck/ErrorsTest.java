package io.qadataswap.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.qadataswap.api.Claim;
import io.qadataswap.api.IfExists;
import io.qadataswap.api.Message;
import io.qadataswap.api.OverflowPolicy;
import io.qadataswap.api.Qds;
import io.qadataswap.api.QdsException;
import io.qadataswap.api.QdsException.Reason;
import io.qadataswap.api.Reader;
import io.qadataswap.api.ReaderMode;
import io.qadataswap.api.Region;
import io.qadataswap.api.StartPosition;
import io.qadataswap.api.Writer;
import io.qadataswap.api.codec.Codec;
import io.qadataswap.api.codec.Decoder;
import io.qadataswap.api.codec.Encoder;
import io.qadataswap.api.codec.RegionCodec;
import io.qadataswap.shm.ffm.FfmChannelProvider;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.function.Executable;

/**
 * The README's table of errors: each message that it shows is provoked here, and comes word for
 * word, with its anchor at the end.
 */
@SuppressWarnings("try") // closing by hand is what is tested
class ErrorsTest extends RingFixture {
  private static final Pattern ROW =
      Pattern.compile("(?m)^\\| <a id=\"([a-z-]+)\"></a>(.*?) \\| (.*?) \\| (.*?) \\| (.*?) ?\\|$");

  private static final Path README = Path.of("..", "README.md");

  /** What provokes the messages of a row, in their order. */
  private final Map<Reason, List<Provocation>> provocations = new EnumMap<>(Reason.class);

  ErrorsTest() {
    super(Runtime.version().feature() >= 22 ? "ffm" : "agrona");
  }

  /** Makes an error happen and returns its message. */
  @FunctionalInterface
  private interface Provocation {
    String message() throws Exception;
  }

  /** The bytes of {@link RegionCodec} by another name. */
  private record OtherCodec(String id) implements Codec<Region> {
    @Override
    public Encoder<Region> newEncoder(String channel) {
      return RegionCodec.instance().newEncoder(channel);
    }

    @Override
    public Decoder<Region> newDecoder(String channel, boolean fullValidation) {
      return RegionCodec.instance().newDecoder(channel, fullValidation);
    }
  }

  @Test
  void eachReasonHasItsRowAndEachRowItsReason() throws IOException {
    List<String> anchors = new ArrayList<>();
    Matcher rows = ROW.matcher(Files.readString(README));
    while (rows.find()) {
      anchors.add("#" + rows.group(1));
    }
    assertEquals(Stream.of(Reason.values()).map(Reason::anchor).toList(), anchors);
  }

  @TestFactory
  Stream<DynamicTest> eachMessageOfTheReadmeComesWordForWord() throws IOException {
    List<DynamicTest> tests = new ArrayList<>();
    Matcher rows = ROW.matcher(Files.readString(README));
    while (rows.find()) {
      String anchor = "#" + rows.group(1);
      List<String> templates =
          Stream.of(rows.group(2).split("<br>")).map(t -> t.replace("`", "")).toList();
      List<Provocation> provoked =
          provocations.getOrDefault(
              Reason.valueOf(rows.group(1).toUpperCase(java.util.Locale.ROOT).replace('-', '_')),
              List.of());
      tests.add(
          DynamicTest.dynamicTest(
              anchor + " has a test for each message",
              () -> assertEquals(templates.size(), provoked.size())));
      for (int i = 0; i < Math.min(templates.size(), provoked.size()); i++) {
        String template = templates.get(i);
        Provocation provocation = provoked.get(i);
        tests.add(
            DynamicTest.dynamicTest(
                anchor + " " + i,
                () -> {
                  removeChannels();
                  assertMatches(template + " (see README" + anchor + ")", provocation.message());
                }));
      }
    }
    return tests.stream();
  }

  /** Dynamic tests share the directory. */
  private void removeChannels() throws IOException {
    for (String name : Qds.list(directory, Qds.DEFAULT_LAYOUT)) {
      Qds.remove(directory, name, Qds.DEFAULT_LAYOUT, true);
    }
    Files.deleteIfExists(file());
  }

  private static void assertMatches(String template, String message) {
    StringBuilder pattern = new StringBuilder();
    for (String part : template.split("…", -1)) {
      pattern.append(pattern.length() == 0 ? "" : ".*").append(Pattern.quote(part));
    }
    assertTrue(message.matches(pattern.toString()), () -> message + "\nis not\n" + template);
  }

  private static String refusal(Executable action) {
    return assertThrows(QdsException.class, action).getMessage();
  }

  @BeforeEach
  void collectProvocations() {
    put(
        Reason.NO_PROVIDER,
        () -> jvm().run("open", directory, "-"),
        () -> refusal(() -> writer().backend("nix").open()),
        () -> refusal(() -> Qds.codec("nix")));
    put(Reason.AMBIGUOUS_PROVIDER, this::twoOfEqualRank);
    put(
        Reason.FLAG_MISSING,
        () -> agrona(false).run("open", directory, "-"),
        () -> {
          assumeTrue(Runtime.version().feature() >= 22, "the backend ffm needs JDK 22");
          return refusal(() -> writer().backend("ffm").layout("qads1").open());
        });
    put(Reason.JDK_TOO_OLD, this::tooOldJdk);
    put(
        Reason.PLATFORM_UNSUPPORTED,
        () -> agrona(false).flags("-Dos.name=Windows 11").run("open", directory, "-"));
    put(
        Reason.NO_SUCH_CHANNEL,
        () -> {
          try (Writer<Region> writer = writer().open()) {
            return refusal(() -> Qds.inspect(directory, "rang", Qds.DEFAULT_LAYOUT));
          }
        },
        () -> refusal(() -> reader().open()),
        () -> refusal(() -> reader().directory(directory.resolve("none")).open()),
        () -> {
          leaveMessage();
          Path copy = directory.resolve("copy");
          Files.copy(file(), copy);
          Files.delete(file());
          Files.move(copy, file());
          return refusal(() -> reader().open());
        });
    put(
        Reason.CHANNEL_EXISTS,
        () -> {
          leaveMessage();
          return refusal(() -> writer().ifExists(IfExists.FAIL).open());
        });
    put(
        Reason.GEOMETRY_DIFFERS,
        () -> {
          leaveMessage();
          return refusal(() -> writer().capacity(2 << 20).messageSlots(32).retain(3).open());
        });
    put(
        Reason.CODEC_DIFFERS,
        () -> {
          leaveMessage();
          return refusal(() ->
              Qds.reader(NAME, new OtherCodec("mine"))
                  .directory(directory)
                  .backend(backend())
                  .open());
        });
    put(
        Reason.UNSUPPORTED,
        () -> {
          try (Writer<Region> writer = writer().overflow(OverflowPolicy.DROP_OLDEST).open()) {
            return refusal(() -> reader().open());
          }
        },
        () -> {
          leaveMessage();
          Patch patch = new Patch(file());
          patch.putLong(16, 1);
          patch.repairHeaderCrc();
          return refusal(() -> reader().open());
        },
        () -> refusal(() -> writer().backend("agrona").capacity(3L << 30).open()),
        () -> refusal(() -> writer().backend("agrona").layout("qads1").open()),
        () -> refusal(() -> reader().layout("qads1").mode(ReaderMode.OBSERVER).open()),
        () ->
            refusal(() ->
                Qds.writer(NAME, new OtherCodec("mine"))
                    .directory(directory)
                    .layout("qads1")
                    .open()));
    put(
        Reason.SECOND_WRITER,
        () -> {
          try (Writer<Region> writer = writer().open()) {
            return refusal(() -> writer().open());
          }
        });
    put(
        Reason.READER_TABLE_FULL,
        () -> {
          try (Writer<Region> writer = writer().readerEntries(1).open();
              Reader<Region> reader = reader().label("monitor").open()) {
            return refusal(() -> reader().open());
          }
        });
    put(
        Reason.IN_USE,
        () -> {
          try (Writer<Region> writer = writer().open()) {
            return refusal(() -> Qds.remove(directory, NAME, Qds.DEFAULT_LAYOUT, false));
          }
        },
        () -> {
          try (Writer<Region> writer = writer().open()) {
            return refusal(() -> writer().ifExists(IfExists.REPLACE).open());
          }
        });
    put(
        Reason.MESSAGE_TOO_LARGE,
        () -> {
          try (Writer<Region> writer = writer().open()) {
            return refusal(() -> writer.claim(CAPACITY));
          }
        });
    put(Reason.NO_ROOM, this::observersThatHold);
    put(Reason.READER_HOLDS_LOANS, this::readerThatWaitsAndHolds);
    put(
        Reason.SEQUENCE_GONE,
        () -> {
          try (Writer<Region> writer = writer().open();
              Reader<Region> reader = reader().open()) {
            for (int i = 0; i < 2 * SLOT_COUNT; i++) {
              write(writer, 8);
              readAndClose(reader, i);
            }
            return refusal(() -> reader().start(StartPosition.at(0)).open());
          }
        },
        () -> {
          try (Writer<Region> writer = writer().open()) {
            return refusal(() -> reader().start(StartPosition.at(5)).open());
          }
        });
    put(Reason.WRITER_DIED, this::deadWriter);
    put(
        Reason.REPLACED,
        () -> {
          try (Writer<Region> writer = writer().open()) {
            Claim claim = writer.claim(8);
            new Patch(file()).putLong(Patch.WRITER_TOKEN_OFFSET, 1);
            return refusal(() -> claim.commit(8));
          }
        });
    put(
        Reason.EVICTED,
        () -> {
          try (Writer<Region> writer = writer().open();
              Reader<Region> reader = reader().open()) {
            write(writer, 8);
            new Patch(file()).putLong(Patch.READER_TABLE_OFFSET + Patch.ENTRY_TOKEN_OFFSET, 1);
            return refusal(reader::poll);
          }
        });
    put(Reason.LOCK_LOST, this::lostLock);
    put(
        Reason.REMOVED,
        () -> {
          try (Writer<Region> writer = writer().open()) {
            Qds.remove(directory, NAME, Qds.DEFAULT_LAYOUT, true);
            return refusal(() -> writer.claim(8));
          }
        });
    put(
        Reason.INTERRUPTED,
        () -> {
          try (Writer<Region> writer = writer().open();
              Reader<Region> reader = reader().open()) {
            Thread.currentThread().interrupt();
            try {
              return refusal(() -> reader.iterator().hasNext());
            } finally {
              assertTrue(Thread.interrupted(), "the status stays set");
            }
          }
        });
    put(
        Reason.CLOSED,
        () -> {
          try (Writer<Region> writer = writer().open()) {
            Reader<Region> reader = reader().open();
            reader.close();
            return refusal(reader::poll);
          }
        },
        () -> {
          try (Writer<Region> writer = writer().open()) {
            Reader<Region> reader = reader().open();
            Task<Message<Region>> read = new Task<>("read", reader::read);
            awaitWaitingReader();
            reader.close();
            return refusal(read::get);
          }
        });
    put(
        Reason.CORRUPT,
        () -> {
          leaveMessage();
          new Patch(file()).flip(100);
          return refusal(() -> reader().open());
        },
        () -> {
          try (Writer<Region> writer = writer().open();
              Reader<Region> reader = reader().open()) {
            write(writer, 8);
            new Patch(file()).putLong(DESCRIPTOR_RING_OFFSET + 8, -64);
            return refusal(reader::poll);
          }
        },
        () -> {
          assumeTrue(backend().equals("ffm"), "Java 17 tells later, and whom it likes");
          Writer<Region> writer = writer().open();
          Reader<Region> reader = reader().open();
          write(writer, 8);
          new Patch(file()).truncate(0);
          String message = refusal(reader::poll);
          assertThrows(QdsException.class, reader::close);
          assertThrows(QdsException.class, writer::close);
          return message;
        },
        () -> {
          Files.createDirectory(file());
          return refusal(() -> reader().open());
        });
    put(
        Reason.DIRECTORY_FULL,
        () -> {
          assumeTrue(backend().equals("ffm"), "a file of 256 GiB is beyond Agrona");
          long length = 1L << 38;
          assumeTrue(Files.getFileStore(directory).getUsableSpace() < length, "256 GiB are free");
          return refusal(() -> writer().capacity(length).open());
        });
    put(Reason.PERMISSION, this::fileOfAnother, this::directoryOfAnother);
    put(
        Reason.IO,
        () -> refusal(() -> writer().directory(directory.resolve("none")).open()),
        () -> {
          Path loop = directory.resolve("loop");
          Files.deleteIfExists(loop);
          Files.createSymbolicLink(loop, loop);
          return refusal(() -> reader().directory(loop).open());
        },
        () -> {
          assumeTrue(Files.isExecutable(Path.of("/usr/bin/prlimit")), "there is no prlimit");
          return thisBackend()
              .wrapper("prlimit", "--fsize=500000")
              .run("open", directory, backend());
        });
  }

  private void put(Reason reason, Provocation... list) {
    provocations.put(reason, List.of(list));
  }

  private void leaveMessage() throws InterruptedException {
    try (Writer<Region> writer = writer().open()) {
      write(writer, 100);
    }
  }

  /** The library and no backend. */
  private static UserChild.Jvm jvm() {
    return new UserChild.Jvm().libraries(Qds.class);
  }

  private static UserChild.Jvm agrona(boolean onModulePath) {
    return jvm()
        .libraries(
            ServiceLoader.load(io.qadataswap.api.channel.ChannelProvider.class).stream()
                .filter(p -> p.get().name().equals("agrona"))
                .findFirst()
                .orElseThrow()
                .type(),
            UnsafeBuffer.class)
        .onModulePath(onModulePath);
  }

  private UserChild.Jvm thisBackend() {
    return backend().equals("ffm")
        ? jvm().libraries(FfmChannelProvider.class)
        : agrona(false).flags("--add-opens=java.base/jdk.internal.misc=ALL-UNNAMED");
  }

  private String twoOfEqualRank() throws IOException {
    Path services = directory.resolve("twins/META-INF/services");
    Files.createDirectories(services);
    Files.writeString(
        services.resolve("io.qadataswap.api.channel.ChannelProvider"),
        UserChild.Castor.class.getName() + "\n" + UserChild.Pollux.class.getName() + "\n");
    return jvm().library(directory.resolve("twins")).run("open", directory, "-");
  }

  private String tooOldJdk() throws IOException {
    String home = System.getProperty("qds.jdk17.home", "");
    assumeTrue(!home.isEmpty() && !home.startsWith("$"), "no JDK 17 is here");
    return jvm().libraries(FfmChannelProvider.class).javaHome(home).run("open", directory, "-");
  }

  private String observersThatHold() throws Exception {
    try (Writer<Region> writer = writer().overflow(OverflowPolicy.DROP_OLDEST).open();
        Reader<Region> observer = observer().label("monitor").open()) {
      write(writer, 300_000, 2);
      Message<Region> low = read(observer, 0);
      Message<Region> high = read(observer, 1);
      try {
        return refusal(() -> write(writer, 450_000));
      } finally {
        low.close();
        high.close();
      }
    }
  }

  private String readerThatWaitsAndHolds() throws Exception {
    try (Writer<Region> writer = writer().maxMessageLength(ARENA_LENGTH).open();
        Reader<Region> reader = reader().open()) {
      write(writer, ARENA_LENGTH);
      Message<Region> held = read(reader, 0);
      Task<Message<Region>> read = new Task<>("read", reader::read);
      awaitWaitingReader();
      try {
        return refusal(() -> write(writer, 8));
      } finally {
        held.close();
        write(writer, 8);
        read.get().close();
      }
    }
  }

  private String deadWriter() throws Exception {
    Process child = thisBackend().start("lose-lock", directory, backend());
    try {
      assertEquals("lost", child.inputReader().readLine());
      try (Reader<Region> reader = reader().open()) {
        child.destroyForcibly().waitFor();
        return refusal(() -> reader.read(LONG));
      }
    } finally {
      child.destroyForcibly();
    }
  }

  private String lostLock() throws Exception {
    Process child = thisBackend().start("lose-lock", directory, backend());
    try {
      assertEquals("lost", child.inputReader().readLine());
      return refusal(() -> writer().open());
    } finally {
      child.destroyForcibly().waitFor();
    }
  }

  /** A JVM of a user who is not the owner of the test's files. */
  private UserChild.Jvm anotherUser() throws Exception {
    UserChild.Jvm jvm =
        thisBackend().wrapper("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups");
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxr-xr-x"));
    String trial;
    try {
      trial = jvm.run("read", "/nonexistent", backend());
    } catch (IOException e) {
      trial = e.toString();
    }
    assumeTrue(trial.startsWith("channel="), "no other user can run the test: " + trial);
    return jvm;
  }

  private String fileOfAnother() throws Exception {
    UserChild.Jvm jvm = anotherUser();
    try (Writer<Region> writer =
        writer().fileMode(PosixFilePermissions.fromString("rw-r--r--")).open()) {
      return jvm.run("read", directory, backend());
    }
  }

  private String directoryOfAnother() throws Exception {
    return anotherUser().run("open", directory, backend());
  }

  @Test
  void theFlagThatIsPrintedHelps() throws IOException {
    for (boolean onModulePath : new boolean[] {false, true}) {
      String refused = agrona(onModulePath).run("open", directory, "agrona");
      Matcher flag = Pattern.compile("start Java with (--add-opens=[^ )]+)").matcher(refused);
      assertTrue(flag.find(), refused);
      assertEquals(
          "opened ring",
          agrona(onModulePath).flags(flag.group(1)).run("open", directory, "agrona"),
          refused);
    }
  }

  @Test
  void platformsWithoutSupportGetASentence() throws IOException {
    String windows = agrona(false).flags("-Dos.name=Windows 11").run("open", directory, "-");
    assertTrue(windows.contains("this JVM runs on Windows 11, processor "), windows);
    for (String processor : List.of("x86", "arm", "s390x")) {
      String refused =
          agrona(true).flags("-Dos.arch=" + processor).run("read", directory, "agrona");
      assertTrue(refused.contains(", processor " + processor + "; use"), refused);
      assertTrue(refused.endsWith(" (see README#platform-unsupported)"), refused);
    }
    String musl = agrona(false).run("open-on-musl", directory, "-");
    assertTrue(musl.contains("this JVM runs on Linux with musl, processor "), musl);
  }
}
