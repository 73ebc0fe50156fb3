package io.qadataswap.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.qadataswap.api.channel.ChannelProvider;
import io.qadataswap.shm.ffm.FfmChannelProvider;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FfmBeforeJava22Test {
  @TempDir Path directory;

  @Test
  void getsASentenceOnEitherPath() throws IOException {
    int java = Runtime.version().feature();
    assumeTrue(java < 22, "runs on a newer Java");
    for (boolean onModulePath : new boolean[] {false, true}) {
      try (ChildJvm child =
          ChildJvm.start(
              List.of(),
              List.of(),
              onModulePath,
              List.of(ChannelProvider.class, FfmChannelProvider.class),
              "ffm",
              directory)) {
        assertEquals(
            "needs JDK 22 or newer, running "
                + java
                + "; use a newer JDK, or io.qadataswap:qds-shm-agrona",
            child.ask("reason"));
        assertEquals("", child.end());
      }
    }
  }
}
