package io.qadataswap.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;
import static org.junit.jupiter.api.DynamicContainer.dynamicContainer;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import io.qadataswap.api.Message;
import io.qadataswap.api.PluginInfo;
import io.qadataswap.api.Qds;
import io.qadataswap.api.QdsException;
import io.qadataswap.api.Reader;
import io.qadataswap.api.Writer;
import io.qadataswap.api.codec.Codec;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestFactory;

/**
 * Every backend with every layout and every codec that the service loader finds: a combination
 * carries all values of the codec, or is refused when it is opened, with the reason and the remedy.
 * A plugin joins by being on the path; a codec also needs {@link CodecSamples} there.
 */
@DisplayName("Backend, layout and codec")
public class MatrixTck {
  /** What stands between the names of a backend and a layout. */
  public static final String BETWEEN = " with ";

  /** Of this process alone: a layout may have more of a channel than the file in a directory. */
  private static final String CHANNEL = "matrix-tck-" + ProcessHandle.current().pid();

  private static final Duration PATIENCE = Duration.ofSeconds(60);

  /** Longer than the ring, so that it wraps around. */
  private static final int ROUND_COUNT = 40;

  /** Called by JUnit. */
  public MatrixTck() {}

  @TestFactory
  @Tag("required")
  @DisplayName("MX-01 a combination carries every value, or is refused with the reason")
  @IfThisFails(
      "look at the one of the three that is new: what it takes for granted of the other two; and,"
          + " if it is a refusal, at what the exception says")
  Stream<DynamicNode> combinations() {
    return Qds.backends().stream()
        .flatMap(backend ->
            Qds.layouts().stream()
                .map(layout ->
                    dynamicContainer(
                        backend.name() + BETWEEN + layout.name(),
                        Qds.codecs().stream()
                            .map(codec ->
                                dynamicTest(codec.name(), () -> tryOne(backend, layout, codec))))));
  }

  private static void tryOne(PluginInfo backend, PluginInfo layout, PluginInfo codec)
      throws Exception {
    for (PluginInfo plugin : List.of(backend, layout, codec)) {
      assumeTrue(
          plugin.unavailableReason().isEmpty(),
          () -> plugin.name() + ": " + plugin.unavailableReason().orElseThrow().text());
    }
    Path directory = KitDirectory.create();
    try (CodecSamples<?> samples =
        samples(codec.name())
            .orElseGet(() -> {
              assumeTrue(false, "no values are known: provide " + CodecSamples.class.getName());
              return null;
            })) {
      carry(samples, directory, backend.name(), layout.name());
    } finally {
      KitDirectory.delete(directory);
    }
  }

  @SuppressWarnings("try") // the writer is closed early, to see the end
  private static <T> void carry(
      CodecSamples<T> samples, Path directory, String backend, String layout)
      throws InterruptedException {
    Codec<T> codec = samples.codec();
    Supplier<Writer<T>> open =
        () ->
            Qds.writer(CHANNEL, codec)
                .directory(directory)
                .backend(backend)
                .layout(layout)
                .capacity(4 << 20)
                .messageSlots(16)
                .open();
    try (Writer<T> writer = orRefused(open, backend, layout);
        Reader<T> reader =
            Qds.reader(CHANNEL, codec)
                .directory(directory)
                .backend(backend)
                .layout(layout)
                .open()) {
      List<T> values = samples.values();
      for (int round = 0; round < ROUND_COUNT; round++) {
        T value = values.get(round % values.size());
        assertTrue(writer.write(value, PATIENCE), "room for message " + round);
        try (Message<T> message = reader.read(PATIENCE)) {
          assertNotNull(message, "message " + round);
          assertEquals(round, message.sequence());
          assertEquals(samples.contentOf(value), samples.contentOf(message.value()));
        }
      }
      writer.close();
      assertNull(reader.read(PATIENCE), "the end");
      assertTrue(reader.isEnded());
    }
    assertEquals(0, samples.heldLength(), "bytes held by the codec");
  }

  /** A refusal is no failure, if it says why; the report shows it. */
  private static <T> Writer<T> orRefused(Supplier<Writer<T>> open, String backend, String layout) {
    try {
      return open.get();
    } catch (QdsException e) {
      Refusals.requireExplained(e, backend, layout);
      assumeTrue(false, "refused: " + e.getMessage());
      throw e;
    }
  }

  private static Optional<CodecSamples<?>> samples(String codec) {
    for (ServiceLoader.Provider<CodecSamples<?>> provider : providers()) {
      CodecSamples<?> samples;
      try {
        samples = provider.get();
      } catch (ServiceConfigurationError | LinkageError e) {
        continue; // what its codec needs is not on the path
      }
      if (samples.codec().id().equals(codec)) {
        return Optional.of(samples);
      }
      samples.close();
    }
    return Optional.empty();
  }

  /** Passes over those whose codec, or what that needs, is not on the path. */
  @SuppressWarnings({"unchecked", "rawtypes"}) // a class has no type arguments
  private static List<ServiceLoader.Provider<CodecSamples<?>>> providers() {
    List found = new ArrayList<>();
    Iterator<ServiceLoader.Provider<CodecSamples>> iterator =
        ServiceLoader.load(CodecSamples.class).stream().iterator();
    while (true) {
      try {
        if (!iterator.hasNext()) {
          return found;
        }
        found.add(iterator.next());
      } catch (ServiceConfigurationError | LinkageError e) {
        // the iterator is past it
      }
    }
  }
}
