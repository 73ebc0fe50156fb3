package io.qadataswap.tck;

import io.qadataswap.api.Region;
import io.qadataswap.api.channel.ChannelProvider;
import io.qadataswap.api.layout.Loan;
import io.qadataswap.api.layout.RingLayout;
import io.qadataswap.api.layout.RingReader;
import io.qadataswap.api.layout.RingWriter;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ServiceLoader;

/**
 * The other process of {@link RingLayoutTck}, which is killed: it writes or reads some messages,
 * says so by one line, and waits. Uses nothing of JUnit.
 */
final class LayoutChild {
  private LayoutChild() {}

  /**
   * Runs until it is killed.
   *
   * @param args backend, layout, directory, {@code write} or {@code read}, options of the writer
   * @throws Exception if anything fails
   */
  public static void main(String[] args) throws Exception {
    ChannelProvider backend =
        ServiceLoader.load(ChannelProvider.class).stream()
            .map(ServiceLoader.Provider::get)
            .filter(provider -> provider.name().equals(args[0]))
            .findFirst()
            .orElseThrow();
    RingLayout layout =
        ServiceLoader.load(RingLayout.class).stream()
            .map(ServiceLoader.Provider::get)
            .filter(provider -> provider.name().equals(args[1]))
            .findFirst()
            .orElseThrow();
    Path directory = Path.of(args[2]);
    int count = Integer.parseInt(args[4]);
    if (args[3].equals("write")) {
      long capacity = Long.parseLong(args[5]);
      int messageSlots = Integer.parseInt(args[6]);
      RingWriter writer =
          layout.openWriter(LayoutOptions.writer(directory, capacity, messageSlots), backend);
      for (int i = 0; i < count; i++) {
        write(writer, i);
      }
    } else {
      RingReader reader = layout.openReader(LayoutOptions.reader(directory), backend);
      for (int i = 0; i < count; i++) {
        if (!reader.await(new Loan(), Long.MAX_VALUE)) {
          throw new IllegalStateException("no message " + i);
        }
      }
    }
    System.out.println("ready");
    // Until it is killed; or until the kit is gone.
    endOfInput();
  }

  private static void write(RingWriter writer, long sequence) throws InterruptedException {
    if (!writer.claim(LayoutOptions.LENGTH, Long.MAX_VALUE)) {
      throw new IllegalStateException("no room for message " + sequence);
    }
    Region region = writer.region();
    Payloads.fill(region, sequence, LayoutOptions.LENGTH);
    writer.commit(LayoutOptions.LENGTH, 0);
  }

  private static void endOfInput() throws IOException {
    BufferedReader input =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    while (input.readLine() != null) {
      // says nothing of interest
    }
  }
}
