package io.qadataswap.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.qadataswap.api.Qds;
import io.qadataswap.tck.Child.Side;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;

/** Many processes create, read and remove the same name at once. */
@EnabledForJreRange(min = JRE.JAVA_22, disabledReason = "qds-shm-ffm needs JDK 22")
class RemovalTest extends RingFixture {
  private final List<Child> children = new ArrayList<>();

  RemovalTest() {
    super("ffm");
  }

  private Child start(Side side) throws IOException {
    Child child = new Child(side, RemovalChild.class, directory);
    children.add(child);
    return child;
  }

  @AfterEach
  void endChildren() throws InterruptedException {
    for (Child child : children) {
      child.kill();
    }
  }

  private static int doneBy(Child child) throws IOException {
    String answer = child.answer();
    assertTrue(answer != null && answer.startsWith("done "), answer);
    return Integer.parseInt(answer.substring("done ".length()));
  }

  /** What is left is a channel that works, or none. */
  private void assertNothingStrangeIsLeft() throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      assertEquals(List.of(), files.filter(f -> !f.equals(file())).toList());
    }
    if (Files.exists(file())) {
      Qds.remove(directory, NAME, Qds.DEFAULT_LAYOUT, false);
    }
  }

  @Test
  void aNameNeverHasTwoWriters() throws Exception {
    List<Child> creators = List.of(start(Side.FFM), start(Side.AGRONA), start(Side.FFM));
    Child remover = start(Side.FFM);
    List<Child> readers = List.of(start(Side.FFM), start(Side.AGRONA));
    int rounds = Stress.rounds(100);
    creators.forEach(creator -> creator.send("create " + rounds));
    remover.send("remove " + 4 * rounds);
    readers.forEach(reader -> reader.send("read " + rounds));
    int created = 0;
    for (Child creator : creators) {
      created += doneBy(creator);
    }
    int removed = doneBy(remover);
    // Readers that wait for a message of a channel without a writer hear of the next one.
    for (Child reader : readers) {
      doneBy(reader);
    }
    assertTrue(created > rounds / 10 && removed > 0, created + " created, " + removed + " removed");
    assertNothingStrangeIsLeft();
  }

  @Test
  void whoIsOnARemovedFileIsTold() throws Exception {
    List<Child> creators = List.of(start(Side.FFM), start(Side.AGRONA));
    Child remover = start(Side.AGRONA);
    List<Child> readers = List.of(start(Side.FFM), start(Side.AGRONA));
    int rounds = Stress.rounds(20);
    creators.forEach(creator -> creator.send("create-until-removed " + rounds));
    readers.forEach(reader -> reader.send("read " + rounds));
    // Until all have been told: who is not told stays for ever.
    List<Child> waiting = new ArrayList<>(creators);
    waiting.addAll(readers);
    int removed = 0;
    int told = 0;
    while (!waiting.isEmpty()) {
      remover.send("remove-by-force 5");
      removed += doneBy(remover);
      for (Child child : List.copyOf(waiting)) {
        if (child.hasAnswer()) {
          int done = doneBy(child);
          told += creators.contains(child) ? done : 0;
          waiting.remove(child);
        }
      }
    }
    assertTrue(told > 0 && removed >= told, told + " told of " + removed);
    assertEquals(0, children.stream().filter(child -> !child.process.isAlive()).count());
    assertNothingStrangeIsLeft();
  }
}
