package io.qadataswap.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.qadataswap.tck.DamageChild.Use;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * Files that are damaged while processes use them, whichever way their code is run: the processes
 * live, and say which channel is damaged. A process that ends fails the test, by the answer that it
 * does not give.
 */
class RingDamageTest extends RingFixture {
  private static final int SEED = 1;
  private static final int NOISE_LENGTH = 1 << 16;

  /** Uses in one process; the other two are the halves of one in two processes. */
  private static final List<Use> USES =
      Stream.of(Use.values()).filter(use -> !use.name().endsWith("OTHER_PROCESS")).toList();

  private final Random random = new Random(SEED);

  RingDamageTest() {
    super(Runtime.version().feature() < 22 ? "agrona" : "ffm");
  }

  /**
   * How code is run, and how many steps make sure of that. Compilers work in the background: a JVM
   * that waits for C2 at each method spends most of its time with what opens a channel.
   */
  private enum Compiler {
    NONE(20, "-Xint"),
    C1(400, "-XX:TieredStopAtLevel=1 -XX:CompileThresholdScaling=0.05"),
    C2(1000, "-XX:-TieredCompilation -XX:CompileThresholdScaling=0.05");

    private final long warmUpCount;
    final String flags;

    Compiler(long warmUpCount, String flags) {
      this.warmUpCount = warmUpCount;
      this.flags = flags;
    }

    long warmUpCount(Use use) {
      boolean opensAFileInEachStep = use == Use.INSPECT || use == Use.LIST;
      return opensAFileInEachStep ? warmUpCount / 10 : warmUpCount;
    }
  }

  /** What somebody does to the file. */
  private enum Damage {
    CUT_TO_NOTHING {
      @Override
      void to(Path file, Random random) throws IOException {
        truncate(file, 0);
      }

      @Override
      boolean isNoticedBy(Use use) {
        return use != Use.LIST;
      }
    },
    CUT_TO_THE_ARENA {
      @Override
      void to(Path file, Random random) throws IOException {
        truncate(file, ARENA_OFFSET);
      }

      @Override
      boolean isNoticedBy(Use use) {
        return use.payload;
      }
    },
    GROWN {
      @Override
      void to(Path file, Random random) throws IOException {
        Files.write(file, noise(random), StandardOpenOption.APPEND);
      }
    },
    DELETED {
      @Override
      void to(Path file, Random random) throws IOException {
        Files.delete(file);
      }
    },
    REPLACED {
      @Override
      void to(Path file, Random random) throws IOException {
        Path other = file.resolveSibling("other");
        Files.write(other, noise(random));
        Files.move(other, file, StandardCopyOption.ATOMIC_MOVE);
      }
    },
    OVERWRITTEN {
      @Override
      void to(Path file, Random random) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
          for (long position = 0; position < CAPACITY; position += NOISE_LENGTH) {
            channel.write(ByteBuffer.wrap(noise(random)), position);
          }
        }
      }
    },
    COPIED {
      @Override
      void to(Path file, Random random) throws IOException {
        for (int i = 0; i < 3; i++) {
          Path copy = file.resolveSibling("copy");
          Files.copy(file, copy);
          Files.delete(copy);
        }
      }
    };

    abstract void to(Path file, Random random) throws IOException;

    /** Whether a use of the channel must end in an error. */
    boolean isNoticedBy(Use use) {
      return false;
    }

    /** Whether a use of the channel must go on. */
    boolean isHarmlessFor(Use use) {
      boolean looksAtTheFile = use == Use.INSPECT;
      return switch (this) {
        case CUT_TO_NOTHING, CUT_TO_THE_ARENA, OVERWRITTEN -> use == Use.LIST;
        case GROWN, DELETED, REPLACED -> !looksAtTheFile;
        case COPIED -> true;
      };
    }

    private static void truncate(Path file, long length) throws IOException {
      try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
        channel.truncate(length);
      }
    }

    private static byte[] noise(Random random) {
      byte[] bytes = new byte[NOISE_LENGTH];
      random.nextBytes(bytes);
      return bytes;
    }
  }

  private ChildJvm child(String backend, Compiler compiler) throws IOException {
    List<String> arguments = new ArrayList<>(List.of(compiler.flags.split(" ", -1)));
    arguments.addAll(
        List.of(
            "-XX:+UseSerialGC",
            "-Xmx128m",
            "-XX:-CreateCoredumpOnCrash",
            "-XX:ErrorFile=" + directory.resolve("error-%p.log"),
            "--add-opens=java.base/jdk.internal.misc=ALL-UNNAMED",
            "-cp",
            ClassPaths.all(),
            DamageChild.class.getName(),
            backend,
            directory.toString()));
    return new ChildJvm(
        List.of(), Map.of(), Path.of(System.getProperty("java.home")), arguments, directory);
  }

  /** Of the two backends of a newer JDK, Agrona is tried in full on 17, and here as C1 runs it. */
  private boolean isTried(String backend, Compiler compiler) {
    return Stress.isLong()
        || Runtime.version().feature() < 22
        || backend.equals("ffm")
        || compiler == Compiler.C1;
  }

  private Stream<String> backends() {
    return Runtime.version().feature() < 22 ? Stream.of("agrona") : Stream.of("ffm", "agrona");
  }

  @TestFactory
  Stream<DynamicTest> everyUseSurvivesEveryDamage() {
    return backends()
        .flatMap(backend ->
            Stream.of(Compiler.values())
                .filter(compiler -> isTried(backend, compiler))
                .map(compiler ->
                    DynamicTest.dynamicTest(
                        backend + " " + compiler, () -> damage(backend, compiler))));
  }

  private void damage(String backend, Compiler compiler) throws IOException {
    try (ChildJvm child = child(backend, compiler)) {
      for (Use use : USES) {
        damage(child, compiler, use, Damage.CUT_TO_NOTHING);
        if (use.payload) {
          damage(child, compiler, use, Damage.CUT_TO_THE_ARENA);
        }
      }
      for (int round = 0; round < Stress.rounds(6); round++) {
        Use use = USES.get(random.nextInt(USES.size()));
        Damage damage = Damage.values()[random.nextInt(Damage.values().length)];
        damage(child, compiler, use, damage);
      }
    }
  }

  private void damage(ChildJvm child, Compiler compiler, Use use, Damage damage)
      throws IOException {
    String what = use + " " + damage;
    Files.deleteIfExists(file());
    assertEquals("working", child.ask("work " + use + " " + compiler.warmUpCount(use)), what);
    damage.to(file(), random);
    check(compiler, use, damage, child.ask(damage.isNoticedBy(use) ? "failure" : "stop"));
    checkClosed(compiler, use, damage, child.ask("close"));
    if (damage == Damage.REPLACED) {
      assertEquals(NOISE_LENGTH, Files.size(file()), "the other file is left alone");
    }
    Files.deleteIfExists(file());
  }

  private static void check(Compiler compiler, Use use, Damage damage, String failure) {
    String what = use + " " + damage + ": " + failure;
    if (damage.isNoticedBy(use)) {
      assertTrue(
          isNamed(failure) || isLate(compiler, failure) || (use.direct && isFault(failure)), what);
    } else if (damage.isHarmlessFor(use)) {
      assertEquals("none", failure, what);
    } else {
      assertTrue(
          failure.equals("none")
              || isNamed(failure)
              || isLate(compiler, failure)
              || (use.direct && isFault(failure)),
          what);
    }
  }

  private static void checkClosed(Compiler compiler, Use use, Damage damage, String failure) {
    String what = "closing after " + use + " " + damage + ": " + failure;
    assertTrue(failure.equals("none") || isNamed(failure) || isLate(compiler, failure), what);
  }

  private static boolean isNamed(String failure) {
    return failure.contains("channel=" + NAME) && !failure.startsWith("unexpected");
  }

  private static boolean isFault(String failure) {
    return failure.startsWith("unexpected java.lang.InternalError: a fault occurred");
  }

  /**
   * Of compiled code, on JDK 17 of any, the error may come when QDS has returned to the code that
   * called it.
   */
  private static boolean isLate(Compiler compiler, String failure) {
    boolean comesLate = compiler != Compiler.NONE || Runtime.version().feature() < 22;
    return comesLate && isFault(failure);
  }

  @Test
  void bothSidesSurviveInProcessesOfTheirOwn() throws Exception {
    List<String> backends = backends().toList();
    Compiler writing = Compiler.values()[random.nextInt(Compiler.values().length)];
    Compiler reading = Compiler.values()[random.nextInt(Compiler.values().length)];
    try (ChildJvm writer = child(backends.get(0), writing);
        ChildJvm reader = child(backends.get(backends.size() - 1), reading)) {
      for (int round = 0; round < Stress.rounds(2); round++) {
        for (Damage damage : Damage.values()) {
          Use write = Use.WRITE_TO_OTHER_PROCESS;
          Use read = Use.READ_FROM_OTHER_PROCESS;
          assertEquals("working", writer.ask("work " + write + " 0"));
          assertEquals("working", reader.ask("work " + read + " " + reading.warmUpCount(read)));
          damage.to(file(), random);
          if (damage == Damage.CUT_TO_NOTHING) {
            // One that waits for the other touches no payload.
            check(writing, write, damage, writer.ask("failure"));
            check(reading, read, damage, reader.ask("failure"));
          } else {
            checkEither(writing, write, damage, writer.ask("stop"));
            checkEither(reading, read, damage, reader.ask("stop"));
          }
          checkClosed(writing, write, damage, writer.ask("close"));
          checkClosed(reading, read, damage, reader.ask("close"));
          Files.deleteIfExists(file());
        }
      }
    }
  }

  private static void checkEither(Compiler compiler, Use use, Damage damage, String failure) {
    if (damage.isHarmlessFor(use) || !failure.equals("none")) {
      check(compiler, use, damage, failure);
    }
  }
}
