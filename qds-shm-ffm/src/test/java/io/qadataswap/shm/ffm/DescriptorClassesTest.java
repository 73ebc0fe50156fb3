package io.qadataswap.shm.ffm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.DataInputStream;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * An older Java must be able to load the descriptor and the provider, to say why it cannot use the
 * rest.
 */
class DescriptorClassesTest {
  private static final int JAVA_17 = 61;
  private static final int JAVA_22 = 66;
  private static final Set<String> DESCRIPTORS =
      Set.of("module-info.class", "io/qadataswap/shm/ffm/FfmChannelProvider.class");

  @Test
  void areForJava17AndAllOthersForJava22() throws IOException, URISyntaxException {
    Path classes =
        Path.of(
            FfmChannelProvider.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    List<Path> files;
    try (Stream<Path> walk = Files.walk(classes)) {
      files =
          walk.filter(path -> path.toString().endsWith(".class")).map(classes::relativize).toList();
    }

    for (Path file : files) {
      int expected = DESCRIPTORS.contains(file.toString()) ? JAVA_17 : JAVA_22;
      assertEquals(expected, majorVersion(classes.resolve(file)), file.toString());
    }
    assertTrue(files.containsAll(DESCRIPTORS.stream().map(Path::of).toList()), files.toString());
  }

  private static int majorVersion(Path classFile) throws IOException {
    try (DataInputStream data = new DataInputStream(Files.newInputStream(classFile))) {
      data.skipNBytes(6);
      return data.readUnsignedShort();
    }
  }
}
