package io.qadataswap.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.qadataswap.tck.Child.Side;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;
import org.junit.jupiter.api.io.TempDir;

/** A virtual thread waits by parking: never in a native call, which would keep its carrier. */
@EnabledForJreRange(
    min = JRE.JAVA_24,
    disabledReason = "virtual threads that do file operations pin their carriers before JDK 24")
class VirtualThreadsTest {
  /** Whoever uses a class first waits for those who load it as well, pinned: once, by the JVM. */
  private static final Pattern LOADING =
      Pattern.compile("ClassLoader|<clinit>|MethodHandleNatives|initialization of");

  @TempDir Path directory;

  @Test
  void aThousandReadersShareTwoCarriers() throws Exception {
    for (Side side : List.of(Side.FFM_WITH_FUTEX, Side.AGRONA)) {
      Path recording = directory.resolve(side + ".jfr");
      Child child =
          new Child(
              side,
              VirtualReaders.class,
              Files.createDirectory(directory.resolve(side.toString())),
              "-Djdk.virtualThreadScheduler.parallelism=2",
              "-Djdk.virtualThreadScheduler.maxPoolSize=2",
              "-Xlog:disable",
              "-XX:StartFlightRecording:+jdk.VirtualThreadPinned#enabled=true"
                  + ",+jdk.VirtualThreadPinned#threshold=0ms,settings=none,filename="
                  + recording);
      try {
        String result = child.answer();
        assertEquals(0, child.process.waitFor(), result);
        assertTrue(result.startsWith("1000 readers got 100 of 100 "), result);
        assertTrue(result.endsWith(" in native waits 0"), result);
        for (String pinning : pinnings(recording)) {
          assertFalse(
              pinning.contains("Qds1Reader.await") && !LOADING.matcher(pinning).find(),
              () -> "a wait pins its carrier: " + pinning);
        }
      } finally {
        child.kill();
      }
    }
  }

  private static List<String> pinnings(Path recording) throws Exception {
    Process printing =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "jfr").toString(),
                "print",
                "--stack-depth",
                "64",
                recording.toString())
            .redirectErrorStream(true)
            .start();
    String text = new String(printing.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, printing.waitFor(), text);
    return List.of(text.split("jdk.VirtualThreadPinned \\{", -1));
  }
}
