package io.qadataswap.cli;

import io.qadataswap.tck.FixtureTck;
import io.qadataswap.tck.MatrixTck;
import io.qadataswap.tck.live.LiveTck;
import io.qadataswap.tck.live.PeerProgram;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Runs the compatibility kit. */
@Command(
    name = "tck",
    description = {
      "Runs the compatibility kit. Alone: every backend with every layout and every codec; what"
          + " other languages have written (qds-tck/spec/fixtures.md); and the live rules with"
          + " every peer in qds-tck/peers that this machine can build, each with this"
          + " implementation and with the others. With --peer: the live rules alone, against"
          + " programs that speak the peer protocol (qds-tck/spec/peer-protocol.md).",
      "Prints a tree of the rules and a matrix, and writes a page (index.html) and JUnit's XML into"
          + " the directory of --report. Exit code 0: no rule is broken."
    },
    mixinStandardHelpOptions = true)
final class TckCommand implements Callable<Integer> {
  @Option(
      names = "--peer",
      paramLabel = "COMMAND",
      description = "A program to be tried, as words of the shell; may be given several times.")
  private List<String> commands = List.of();

  @Option(
      names = "--build",
      paramLabel = "NAME",
      split = ",",
      description = "The live rules alone, with only these of qds-tck/peers.")
  private List<String> names = List.of();

  @Option(
      names = "--bounded",
      description = "Fewer pairs: each peer with one backend of Java, and with one other peer.")
  private boolean bounded;

  @Option(names = "--test-peers", description = "Run the own tests of each peer, too.")
  private boolean testPeers;

  @Option(names = "--all", description = "Show each rule in the tree, also those that are kept.")
  private boolean all;

  @Option(
      names = "--report",
      paramLabel = "DIRECTORY",
      description = "Where to write. Default: qds-tck/target/tck in the project.")
  private Path reports;

  @Override
  public Integer call() throws IOException, InterruptedException {
    Path home = Main.home();
    List<String> notes = new ArrayList<>();
    List<String> failures = new ArrayList<>();
    List<PeerProgram> peers = new ArrayList<>();
    for (String command : commands) {
      peers.add(TckPeers.program(commands.size() == 1 ? "peer" : "peer" + peers.size(), command));
    }
    if (commands.isEmpty() || !names.isEmpty()) {
      TckPeers built = new TckPeers(home);
      built.build(names, testPeers);
      peers.addAll(built.built());
      built.skipped().forEach(reason -> notes.add("Skipped the peer " + reason));
      failures.addAll(built.failed());
    }
    failures.forEach(failure -> notes.add("Failed: the peer " + failure));
    List<PeerProgram> references = TckPeers.references();
    String plan =
        bounded ? LiveTck.boundedPlan(references, peers) : LiveTck.fullPlan(references, peers);
    Path directory =
        Files.createDirectories(reports == null ? home.resolve("qds-tck/target/tck") : reports);
    List<Class<?>> rules = new ArrayList<>();
    if (commands.isEmpty() && names.isEmpty()) {
      rules.addAll(List.of(MatrixTck.class, FixtureTck.class));
    }
    rules.addAll(LiveTck.rules());
    TckReport report;
    try (Progress progress = new Progress(true)) {
      report = new TckReport(TckRun.of(rules, plan, directory, progress), notes);
    }
    report.printTree(System.out, all);
    report.printMatrices(System.out);
    Path page = directory.resolve("index.html");
    report.writePage(page);
    TckNode.Count count = TckNode.Count.of(report.root().rules());
    System.out.println();
    notes.forEach(System.out::println);
    System.out.println("Rules: " + count.text() + ". See " + page);
    return count.failed() == 0 && failures.isEmpty() ? ExitCode.OK : ExitCode.DIFFERENT;
  }
}
