package io.qadataswap.cli;

import io.qadataswap.api.IfExists;
import io.qadataswap.api.Qds;
import io.qadataswap.api.Writer;
import io.qadataswap.codec.arrow.ArrowCodec;
import io.qadataswap.codec.arrow.ArrowTable;
import io.qadataswap.tck.live.PeerProgram;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;

/** The demo across languages: this JVM writes, a program in another language prints. */
final class DemoToPeer {
  private DemoToPeer() {}

  /**
   * Runs it.
   *
   * @param peer name of a folder in {@code qds-tck/peers}
   * @param plan where the channel lies
   * @return exit code of the printing side
   */
  static int run(String peer, DemoPlan plan) throws IOException, InterruptedException {
    TckPeers peers = new TckPeers(Main.home());
    peers.build(List.of(peer), false);
    if (peers.built().isEmpty()) {
      List<String> reasons = new ArrayList<>(peers.skipped());
      reasons.addAll(peers.failed());
      throw new ToolException(String.join("; ", reasons));
    }
    Process reader = start(peers.built().get(0), plan.directory, plan.channel);
    try {
      write(plan);
      return reader.waitFor();
    } finally {
      reader.destroy();
    }
  }

  private static Process start(PeerProgram peer, Path directory, String channel)
      throws IOException {
    List<String> command = new ArrayList<>(peer.command());
    String last = command.remove(command.size() - 1);
    command.add(last + " demo " + Shell.quote(directory.toString()) + " " + channel);
    Process process = new ProcessBuilder(command).inheritIO().start();
    Interruption.alsoRun(process::destroy);
    return process;
  }

  private static void write(DemoPlan plan) throws IOException, InterruptedException {
    try (BufferAllocator allocator = new RootAllocator();
        DemoData flights = DemoData.flights(plan.rowCount, allocator);
        DemoData mixed = DemoData.mixed(allocator);
        Writer<ArrowTable> writer =
            Qds.writer(plan.channel, ArrowCodec.with(allocator))
                .directory(plan.directory)
                .backend(plan.backend)
                .capacity(plan.capacity)
                .ifExists(IfExists.FAIL)
                .label("qds demo")
                .open()) {
      writer.write(flights.table());
      writer.write(mixed.table());
    }
  }
}
