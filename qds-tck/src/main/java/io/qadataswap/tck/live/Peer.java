package io.qadataswap.tck.live;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A peer that runs as a child process. It gets one request at a time, by one thread; each ends in
 * an answer, or in a failure that shows what the peer wrote to its standard error. One that does
 * not answer is killed.
 */
final class Peer implements AutoCloseable {
  /** How long an answer may take beyond the time that the request itself allows. */
  private static final long PATIENCE_MS =
      TimeUnit.SECONDS.toMillis(Long.getLong("qds.tck.patienceSeconds", 60));

  /** What is of interest of a peer's standard error when a rule fails. */
  private static final int ERROR_LINE_COUNT = 40;

  private static final Optional<String> END_OF_OUTPUT = Optional.empty();

  /** Those that run, to be ended when the kit is. */
  private static final Set<Peer> RUNNING = ConcurrentHashMap.newKeySet();

  static {
    Runtime.getRuntime()
        .addShutdownHook(new Thread(() -> RUNNING.forEach(Peer::destroy), "peers' end"));
  }

  private final PeerProgram program;
  private final long patienceMs;
  private final Process process;
  private final Path errors;
  private final BlockingQueue<Optional<String>> output = new LinkedBlockingQueue<>();

  /** What is open: requests that end it. */
  private final Map<String, Request> open = new LinkedHashMap<>();

  private JsonNode hello;
  private Request current;
  private boolean dead;

  /** How much was written to standard error for rules before this one. */
  private long errorsBefore;

  /**
   * Starts a peer and greets it.
   *
   * @param directory for its error output
   */
  Peer(PeerProgram program, Path directory) throws IOException {
    this(program, directory, PATIENCE_MS);
  }

  /** As the other one, with another time that an answer may take. */
  Peer(PeerProgram program, Path directory, long patienceMs) throws IOException {
    this.program = program;
    this.patienceMs = patienceMs;
    errors = Files.createTempFile(directory, "peer-", ".err");
    ProcessBuilder builder = new ProcessBuilder(program.command()).redirectError(errors.toFile());
    // With these, every JVM would say on its error output that it picked them up.
    builder.environment().keySet().removeAll(Set.of("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS"));
    process = builder.start();
    RUNNING.add(this);
    Thread collector = new Thread(this::collect, "output of " + program.name());
    collector.setDaemon(true);
    collector.start();
    send(Request.of("hello").with("protocol", 1));
  }

  private void collect() {
    try (BufferedReader lines =
        new BufferedReader(
            new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        output.add(Optional.of(line));
      }
    } catch (IOException e) {
      // as good as the end
    }
    output.add(END_OF_OUTPUT);
  }

  String name() {
    return program.name();
  }

  PeerProgram program() {
    return program;
  }

  /** Returns the answer to the greeting. */
  JsonNode hello() {
    if (hello == null) {
      hello = answer().ok().require("protocol", 1).json();
    }
    return hello;
  }

  long pid() {
    return hello().path("pid").asLong();
  }

  boolean can(String capability) {
    for (JsonNode each : hello().path("capabilities")) {
      if (each.asText().equals(capability)) {
        return true;
      }
    }
    return false;
  }

  /** Gives a request and waits for the answer. */
  Answer ask(Request request) {
    send(request);
    return answer();
  }

  /** Gives a request; {@link #answer} takes the answer. */
  void send(Request request) {
    if (hello == null && current != null) {
      hello();
    }
    if (current != null) {
      throw new IllegalStateException(name() + " has not answered " + current + " yet");
    }
    current = request;
    try {
      process.getOutputStream().write((request + "\n").getBytes(StandardCharsets.UTF_8));
      process.getOutputStream().flush();
    } catch (IOException e) {
      throw ended(e.getMessage());
    }
  }

  /** Returns whether a request was given that has no answer yet. */
  boolean isBusy() {
    return current != null && output.isEmpty();
  }

  Answer answer() {
    Request request = current;
    if (request == null) {
      throw new IllegalStateException(name() + " was asked nothing");
    }
    long timeoutMs = request.timeoutMs() < 0 ? 0 : request.timeoutMs();
    Optional<String> line = next(patienceMs + timeoutMs);
    current = null;
    if (line == null) {
      destroy();
      throw new AssertionError(
          name()
              + " did not answer "
              + request
              + " within "
              + (patienceMs + timeoutMs)
              + " ms and was killed"
              + errorOutput());
    }
    String text = line.orElseThrow(() -> ended("after the request " + request));
    try {
      JsonNode json = Request.JSON.readTree(text);
      if (json != null && json.isObject()) {
        Answer answer = new Answer(this, request, json);
        remember(request, answer);
        return answer;
      }
    } catch (JsonProcessingException e) {
      // told below
    }
    throw new AssertionError(
        name() + " wrote to its standard output what is no answer: " + text + errorOutput());
  }

  private void remember(Request request, Answer answer) {
    if (answer.isError() || !answer.json().path("timeout").isMissingNode()) {
      return;
    }
    switch (request.op()) {
      case "create" -> opened(request, "writer", "close");
      case "attach" -> opened(request, "reader", "close");
      case "hold" -> {
        if (!answer.json().has("end")) {
          opened(request, "message", "release");
        }
      }
      case "close", "release" -> {
        for (String kind : List.of("writer", "reader", "message")) {
          open.remove(kind + " " + request.text(kind));
        }
      }
      default -> {
        // opens nothing and closes nothing
      }
    }
  }

  private void opened(Request request, String kind, String closing) {
    String name = request.text(kind);
    open.put(kind + " " + name, Request.of(closing).with(kind, name));
  }

  /** Closes what is open. Returns whether the peer can be used for something else then. */
  boolean reset() {
    if (dead || !process.isAlive() || (current != null && hello != null)) {
      return false;
    }
    try {
      for (Request closing : List.copyOf(open.values())) {
        // What ended by itself may refuse to be closed; it is free all the same.
        ask(closing);
      }
      open.clear();
      errorsBefore = Files.size(errors);
      return true;
    } catch (AssertionError | IOException e) {
      return false;
    }
  }

  private Optional<String> next(long timeoutMs) {
    try {
      return output.poll(timeoutMs, TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError("interrupted while waiting for " + name(), e);
    }
  }

  private AssertionError ended(String when) {
    destroy();
    int exitCode = await();
    return new AssertionError(
        name() + " ended with exit code " + exitCode + ", " + when + errorOutput());
  }

  /** Returns what the peer wrote to standard error last, as the end of a failure's text. */
  String errorOutput() {
    try (InputStream in = Files.newInputStream(errors)) {
      in.skipNBytes(errorsBefore);
      String[] all =
          new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().toArray(String[]::new);
      if (all.length == 0) {
        return "\n(" + name() + " wrote nothing to its standard error)";
      }
      return Stream.of(all)
          .skip(Math.max(0, all.length - ERROR_LINE_COUNT))
          .collect(Collectors.joining("\n  ", "\nstandard error of " + name() + ":\n  ", ""));
    } catch (IOException e) {
      return "\n(the standard error of " + name() + " cannot be read: " + e.getMessage() + ")";
    }
  }

  /** Ends the process that holds the locks by SIGKILL, and returns when it is gone. */
  void kill() throws IOException {
    if (pid() == process.pid()) {
      process.destroyForcibly();
    } else {
      signal("KILL");
    }
    await();
    destroy();
  }

  /** Waits for the end of a peer that kills itself. */
  void awaitDeath() {
    dead = true;
    await();
    destroy();
  }

  void stop() throws IOException {
    signal("STOP");
  }

  void goOn() throws IOException {
    signal("CONT");
  }

  private void signal(String name) throws IOException {
    Process kill = new ProcessBuilder("kill", "-" + name, Long.toString(pid())).start();
    assertEquals(0, await(kill), "kill -" + name + " " + pid());
  }

  /** Closes standard input, and returns the exit code. */
  int end() throws IOException {
    hello();
    process.getOutputStream().close();
    if (!await(patienceMs)) {
      destroy();
      throw new AssertionError(
          name() + " did not end with its standard input and was killed" + errorOutput());
    }
    destroy();
    return process.exitValue();
  }

  /** Returns lines that the ended peer wrote and that answer nothing. */
  long pendingLineCount() {
    return output.stream().filter(Optional::isPresent).count();
  }

  private boolean await(long timeoutMs) {
    try {
      return process.waitFor(timeoutMs, TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  private int await() {
    return await(process);
  }

  private static int await(Process awaited) {
    boolean interrupted = false;
    try {
      while (true) {
        try {
          return awaited.waitFor();
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private void destroy() {
    dead = true;
    process.descendants().forEach(ProcessHandle::destroyForcibly);
    process.destroyForcibly();
    RUNNING.remove(this);
  }

  /** Ends the process, whatever it does. */
  @Override
  public void close() {
    destroy();
    await();
  }

  @Override
  public String toString() {
    return name();
  }
}
