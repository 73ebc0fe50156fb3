package io.qadataswap.tck;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.qadataswap.tck.Interleavings.Program;
import io.qadataswap.tck.Interleavings.Violation;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/**
 * The steps of the wire specification, run against each other in every order and with store
 * buffers: nobody reads what is being overwritten, nobody sleeps for ever; and each fence and each
 * scan is needed for that. The model has two slots; what a message holds is its sequence, twice.
 */
class RingModelTest {
  private static final int SLOT_COUNT = 2;

  /** As many messages are written; those below {@link #SLOT_COUNT} are there at the start. */
  private static final int LAST = 4;

  private static final int NONE = LAST + 1;
  private static final int FREE = 0;
  private static final int HOLDS = 1; // JOINING or ACTIVE, and LOSSLESS

  // Shared memory; the payload of message s of a BLOCK channel lies in cell s mod SLOT_COUNT.
  private static final int FLOOR = 0;
  private static final int STAMP = 1;
  private static final int CELL = STAMP + SLOT_COUNT; // what a descriptor's offset is
  private static final int FIRST_WORD = CELL + SLOT_COUNT;
  private static final int CELL_COUNT = 3;
  private static final int SECOND_WORD = FIRST_WORD + CELL_COUNT;
  private static final int PIN = SECOND_WORD + CELL_COUNT;
  private static final int PUBLISHED = PIN + 1;
  private static final int READERS_WAITING = PUBLISHED + 1;
  private static final int WRITER_WAITING = READERS_WAITING + 1;
  private static final int WRITER_SLEEPS = WRITER_WAITING + 1;
  private static final int ENTRIES = WRITER_SLEEPS + 1;
  private static final int MAX_ENTRY_COUNT = 2;
  private static final int CURSOR = ENTRIES;
  private static final int STATE = CURSOR + MAX_ENTRY_COUNT;
  private static final int LEFT = STATE + MAX_ENTRY_COUNT;
  private static final int WAITING_FOR = LEFT + MAX_ENTRY_COUNT;
  private static final int SLEEPS = WAITING_FOR + MAX_ENTRY_COUNT;
  private static final int WORD_COUNT = SLEEPS + MAX_ENTRY_COUNT;

  // Registers; the first is a reader's next sequence and the writer's.
  private static final int NEXT = 0;
  private static final int VALUE = 1;
  private static final int OTHER = 2;
  private static final int KEPT = 3;
  private static final int LEAST = 4;
  private static final int FLOOR_OWN = 5;
  private static final int LIVE = 6;
  private static final int PLACE = 7;
  private static final int REGISTER_COUNT = 8;

  /** What is left out, or done in another order. */
  private enum Fault {
    NOTHING,
    WRITER_FENCE,
    READER_FENCE,
    SECOND_FENCE,
    SECOND_SCAN,
    FLOOR_CHECK,
    ORDER,
    STAMP_FOR_FLOOR,
    SECOND_LOOK
  }

  // Lossless readers: chapters 10 to 12.

  /** Writes with BLOCK. */
  private static Program writer(Fault fault, int entryCount) {
    Program p = new Program();
    p.at("next").goTo("end", r -> r[NEXT] == LAST);
    p.goTo("claim", r -> r[NEXT] - r[LIVE] < SLOT_COUNT);
    // Chapter 12, the lowest sequence due: kept is loaded before the states.
    p.set(KEPT, r -> 0);
    for (int entry = 0; entry < entryCount; entry++) {
      p.load(VALUE, LEFT + entry).set(KEPT, r -> Math.max(r[KEPT], r[VALUE]));
    }
    scan(p, entryCount, "first");
    p.set(LEAST, r -> Math.min(r[NEXT], r[LEAST] == NONE ? r[KEPT] : r[LEAST]));
    p.goTo("rescan", r -> r[LEAST] <= r[FLOOR_OWN]);
    // QDS1-REC-01 step 1
    p.set(FLOOR_OWN, r -> r[LEAST]);
    p.store(FLOOR, r -> r[FLOOR_OWN]).fence(fault != Fault.WRITER_FENCE);
    // QDS1-REC-01 step 2
    p.at("rescan").set(LEAST, r -> NONE);
    if (fault != Fault.SECOND_SCAN) {
      scan(p, entryCount, "second");
    }
    p.set(LIVE, r -> Math.max(r[LIVE], Math.min(r[FLOOR_OWN], r[LEAST])));
    p.set(LEAST, r -> 0).goTo("next");
    p.at("claim").set(PLACE, r -> slot(r[NEXT]));
    publish(p);
    return p.goTo("next").at("end");
  }

  /** The least cursor of the entries that hold the writer back, each after its state. */
  private static void scan(Program p, int entryCount, String name) {
    p.set(LEAST, r -> NONE);
    for (int entry = 0; entry < entryCount; entry++) {
      p.load(VALUE, STATE + entry).goTo(name + entry, r -> r[VALUE] != HOLDS);
      p.load(VALUE, CURSOR + entry).set(LEAST, r -> Math.min(r[LEAST], r[VALUE]));
      p.at(name + entry).set(VALUE, r -> 0);
    }
  }

  /** QDS1-PUB-01: fills the place, then commits. */
  private static void publish(Program p) {
    p.store(r -> FIRST_WORD + r[PLACE], r -> r[NEXT]);
    p.store(r -> SECOND_WORD + r[PLACE], r -> r[NEXT]);
    p.store(r -> STAMP + slot(r[NEXT]), r -> 0);
    p.store(r -> CELL + slot(r[NEXT]), r -> r[PLACE]);
    p.store(r -> STAMP + slot(r[NEXT]), r -> r[NEXT] + 1);
    p.store(PUBLISHED, r -> r[NEXT] + 1);
    p.set(NEXT, r -> r[NEXT] + 1);
  }

  /** Joins at the oldest message, reads to the end and leaves. */
  private static Program lossless(Fault fault, int entry, boolean joined) {
    Program p = new Program();
    if (!joined) {
      p.load(NEXT, FLOOR); // QDS1-JOIN-01 step 2
      p.at("join").store(CURSOR + entry, r -> r[NEXT]).store(STATE + entry, r -> HOLDS); // step 3
      p.fence(fault != Fault.READER_FENCE).load(VALUE, FLOOR); // step 4
      if (fault != Fault.FLOOR_CHECK) {
        p.goTo("read", r -> r[VALUE] <= r[NEXT]).set(NEXT, r -> r[VALUE]).goTo("join");
      }
    }
    p.at("read").goTo("leave", r -> r[NEXT] == LAST);
    p.await(r -> STAMP + slot(r[NEXT]), r -> r[NEXT] + 1);
    p.set(PLACE, r -> slot(r[NEXT]));
    checkPayload(p);
    p.set(NEXT, r -> r[NEXT] + 1).store(CURSOR + entry, r -> r[NEXT]).goTo("read");
    // QDS1-LEAVE-01
    return p.at("leave").store(LEFT + entry, r -> LAST).store(STATE + entry, r -> FREE);
  }

  private static void checkPayload(Program p) {
    p.load(VALUE, r -> FIRST_WORD + r[PLACE]).load(OTHER, r -> SECOND_WORD + r[PLACE]);
    p.require("a message is whole", r -> r[VALUE] == r[NEXT] && r[OTHER] == r[NEXT]);
  }

  /** All that is there was read by one who has left; the cursor in its entry is old. */
  private static int[] memory() {
    int[] memory = new int[WORD_COUNT];
    for (int s = 0; s < SLOT_COUNT; s++) {
      memory[STAMP + s] = s + 1;
      memory[CELL + s] = s;
      memory[FIRST_WORD + s] = s;
      memory[SECOND_WORD + s] = s;
    }
    memory[PUBLISHED] = SLOT_COUNT;
    memory[CURSOR] = SLOT_COUNT;
    memory[LEFT] = SLOT_COUNT;
    return memory;
  }

  private static int slot(int sequence) {
    return sequence % SLOT_COUNT;
  }

  private static int[] registers(int next, int live) {
    int[] registers = new int[REGISTER_COUNT];
    registers[NEXT] = next;
    registers[LIVE] = live;
    return registers;
  }

  private static void visit(int[] memory, int[] writerRegisters, Program... programs) {
    int[][] registers = new int[programs.length][REGISTER_COUNT];
    registers[0] = writerRegisters;
    int stateCount = Interleavings.visit(memory, registers, List.of(programs));
    assertTrue(stateCount > 500, "too few to mean anything: " + stateCount);
  }

  private static void assertFound(String what, Executable visit) {
    Violation found = assertThrows(Violation.class, visit);
    assertTrue(found.getMessage().contains(what), found.getMessage());
  }

  private static void joinWhileReclaiming(Fault fault) {
    visit(memory(), registers(SLOT_COUNT, 0), writer(fault, 1), lossless(fault, 0, false));
  }

  @Test
  void whoJoinsWhileTheWriterReclaimsReadsWholeMessages() {
    joinWhileReclaiming(Fault.NOTHING);
    for (Fault fault :
        List.of(Fault.WRITER_FENCE, Fault.READER_FENCE, Fault.SECOND_SCAN, Fault.FLOOR_CHECK)) {
      assertFound("is whole", () -> joinWhileReclaiming(fault));
    }
  }

  @Test
  void whoJoinsBesideAnotherReaderReadsWholeMessages() {
    int[] memory = memory();
    memory[STATE + 1] = HOLDS;
    visit(
        memory,
        registers(SLOT_COUNT, 0),
        writer(Fault.NOTHING, 2),
        lossless(Fault.NOTHING, 0, false),
        lossless(Fault.NOTHING, 1, true));
  }

  /** The predecessor stored the floor and died; a reader had joined below it. */
  private static void takeOver(int live) {
    int[] memory = memory();
    memory[FLOOR] = SLOT_COUNT;
    memory[STATE] = HOLDS;
    memory[CURSOR] = 0;
    int[] successor = registers(SLOT_COUNT, live);
    successor[FLOOR_OWN] = SLOT_COUNT;
    visit(memory, successor, writer(Fault.NOTHING, 1), lossless(Fault.NOTHING, 0, true));
  }

  @Test
  void aSuccessorScansBeforeItOverwrites() {
    takeOver(0);
    // QDS1-TAKE-02: taking the floor for granted is wrong.
    assertFound("is whole", () -> takeOver(SLOT_COUNT));
  }

  // Observers: chapters 10 to 12 with DROP_OLDEST.

  private static Program droppingWriter(Fault fault) {
    Program p = new Program();
    p.at("next").goTo("end", r -> r[NEXT] == LAST);
    if (fault == Fault.SECOND_SCAN) {
      p.load(VALUE, PIN);
    }
    // QDS1-REC-01 steps 1 and 2: only the newest message stays.
    p.store(FLOOR, r -> r[NEXT] - 1).fence(fault != Fault.WRITER_FENCE);
    if (fault != Fault.SECOND_SCAN) {
      p.load(VALUE, PIN); // step 3
    }
    // QDS1-PUB-05: a cell where neither the newest message nor a pin is
    p.set(PLACE, r -> freeCell(r[PLACE], r[VALUE] - 1));
    publish(p);
    return p.goTo("next").at("end");
  }

  private static int freeCell(int newest, int pinned) {
    int cell = 0;
    while (cell == newest || cell == pinned) {
      cell++;
    }
    return cell;
  }

  private static Program observer(Fault fault, boolean copies) {
    Program p = new Program();
    p.at("read").goTo("end", r -> r[NEXT] >= LAST);
    // Step 1
    p.load(VALUE, r -> STAMP + slot(r[NEXT])).goTo("take", r -> r[VALUE] == r[NEXT] + 1);
    p.load(VALUE, FLOOR).goTo("read", r -> r[VALUE] <= r[NEXT]);
    p.at("skip").set(NEXT, r -> r[VALUE]).goTo("read");
    p.at("take").load(PLACE, r -> CELL + slot(r[NEXT])); // step 2
    if (copies) {
      p.load(KEPT, r -> FIRST_WORD + r[PLACE]).load(LEAST, r -> SECOND_WORD + r[PLACE]);
      if (fault == Fault.STAMP_FOR_FLOOR) {
        p.load(VALUE, r -> STAMP + slot(r[NEXT])).goTo("read", r -> r[VALUE] != r[NEXT] + 1);
      } else if (fault != Fault.FLOOR_CHECK) {
        p.load(VALUE, FLOOR).goTo("skip", r -> r[VALUE] > r[NEXT]);
      }
      p.require("a copy is whole", r -> r[KEPT] == r[NEXT] && r[LEAST] == r[NEXT]);
    } else {
      p.store(PIN, r -> r[PLACE] + 1).fence(fault != Fault.READER_FENCE).load(VALUE, FLOOR); // 3
      if (fault != Fault.FLOOR_CHECK) {
        p.goTo("lend", r -> r[VALUE] <= r[NEXT]).store(PIN, r -> 0).goTo("skip");
      }
      p.at("lend");
      checkPayload(p);
      p.store(PIN, r -> 0);
    }
    return p.set(NEXT, r -> r[NEXT] + 1).goTo("read").at("end");
  }

  private static void observe(Fault fault, boolean copies) {
    int[] writer = registers(SLOT_COUNT, 0);
    writer[PLACE] = SLOT_COUNT - 1;
    visit(memory(), writer, droppingWriter(fault), observer(fault, copies));
  }

  @Test
  void whatAnObserverHasPinnedIsWhole() {
    observe(Fault.NOTHING, false);
    for (Fault fault :
        List.of(Fault.WRITER_FENCE, Fault.READER_FENCE, Fault.SECOND_SCAN, Fault.FLOOR_CHECK)) {
      assertFound("is whole", () -> observe(fault, false));
    }
  }

  @Test
  void whatAnObserverHasCopiedIsWhole() {
    observe(Fault.NOTHING, true);
    // QDS1-READ-03
    for (Fault fault : List.of(Fault.FLOOR_CHECK, Fault.STAMP_FOR_FLOOR)) {
      assertFound("is whole", () -> observe(fault, true));
    }
  }

  // Waiting: chapter 13, without bounds on the sleeps.

  private static Program wakingWriter(Fault fault, int entryCount) {
    Program p = new Program();
    p.at("next").goTo("end", r -> r[NEXT] == LAST);
    p.set(PLACE, r -> slot(r[NEXT]));
    publish(p);
    p.fence(fault != Fault.WRITER_FENCE);
    p.load(VALUE, READERS_WAITING).goTo("next", r -> r[VALUE] == 0);
    p.store(READERS_WAITING, r -> 0).fence(fault != Fault.SECOND_FENCE);
    for (int entry = 0; entry < entryCount; entry++) {
      p.load(VALUE, WAITING_FOR + entry).goTo("wake", r -> r[VALUE] != 0);
    }
    p.goTo("next");
    p.at("wake").store(READERS_WAITING, r -> 1);
    p.call((memory, r) -> Arrays.fill(memory, SLEEPS, SLEEPS + MAX_ENTRY_COUNT, 0));
    return p.goTo("next").at("end");
  }

  private static Program sleepingReader(Fault fault, int entry) {
    Program p = new Program();
    p.set(NEXT, r -> SLOT_COUNT);
    p.at("read").goTo("end", r -> r[NEXT] == LAST);
    p.load(VALUE, r -> STAMP + slot(r[NEXT])).goTo("took", r -> r[VALUE] == r[NEXT] + 1);
    if (fault == Fault.ORDER) {
      p.store(READERS_WAITING, r -> 1).fence(true);
    }
    p.store(WAITING_FOR + entry, r -> r[NEXT] + 1).fence(true);
    if (fault != Fault.ORDER) {
      p.store(READERS_WAITING, r -> 1).fence(true);
    }
    p.load(VALUE, r -> STAMP + slot(r[NEXT])).goTo("awake", r -> r[VALUE] == r[NEXT] + 1);
    p.call((memory, r) -> memory[SLEEPS + entry] = memory[PUBLISHED] == r[NEXT] ? 1 : 0);
    p.await(r -> SLEEPS + entry, r -> 0);
    p.at("awake").store(WAITING_FOR + entry, r -> 0).goTo("read");
    p.at("took").set(NEXT, r -> r[NEXT] + 1).goTo("read");
    return p.at("end");
  }

  private static void sleepForMessages(Fault fault, int readerCount) {
    Program[] programs = new Program[1 + readerCount];
    programs[0] = wakingWriter(fault, readerCount);
    for (int entry = 0; entry < readerCount; entry++) {
      programs[1 + entry] = sleepingReader(fault, entry);
    }
    visit(memory(), registers(SLOT_COUNT, 0), programs);
  }

  @Test
  void noReaderSleepsThroughItsMessage() {
    sleepForMessages(Fault.NOTHING, 2);
    for (Fault fault : List.of(Fault.WRITER_FENCE, Fault.SECOND_FENCE, Fault.ORDER)) {
      assertFound("nobody goes on", () -> sleepForMessages(fault, 1));
    }
  }

  /** Waits until everything was released, as for a message that takes the whole arena. */
  private static Program sleepingWriter(Fault fault) {
    Program p = new Program();
    p.at("next").goTo("end", r -> r[NEXT] == LAST);
    p.at("look").load(VALUE, CURSOR).goTo("claim", r -> r[VALUE] == r[NEXT]);
    p.set(OTHER, r -> r[OTHER] + 1); // differs from its last
    p.store(WRITER_WAITING, r -> r[OTHER]).fence(fault != Fault.WRITER_FENCE);
    if (fault != Fault.SECOND_LOOK) {
      p.load(VALUE, CURSOR).goTo("awake", r -> r[VALUE] == r[NEXT]);
    }
    p.call((memory, r) -> memory[WRITER_SLEEPS] = memory[WRITER_WAITING] == r[OTHER] ? 1 : 0);
    p.await(r -> WRITER_SLEEPS, r -> 0);
    p.at("awake").store(WRITER_WAITING, r -> 0).goTo("look");
    p.at("claim").set(PLACE, r -> slot(r[NEXT]));
    publish(p);
    return p.goTo("next").at("end");
  }

  private static Program wakingReader(Fault fault) {
    Program p = new Program();
    p.at("read").goTo("end", r -> r[NEXT] == LAST);
    p.await(r -> STAMP + slot(r[NEXT]), r -> r[NEXT] + 1);
    p.set(NEXT, r -> r[NEXT] + 1);
    p.store(CURSOR, r -> r[NEXT]).fence(fault != Fault.READER_FENCE);
    p.load(VALUE, WRITER_WAITING).goTo("read", r -> r[VALUE] == 0);
    p.store(WRITER_WAITING, r -> 0).call((memory, r) -> memory[WRITER_SLEEPS] = 0);
    return p.goTo("read").at("end");
  }

  private static void sleepForRoom(Fault fault) {
    int[] memory = memory();
    memory[CURSOR] = 0;
    visit(memory, registers(SLOT_COUNT, 0), sleepingWriter(fault), wakingReader(fault));
  }

  @Test
  void noWriterSleepsThroughItsRoom() {
    sleepForRoom(Fault.NOTHING);
    for (Fault fault : List.of(Fault.WRITER_FENCE, Fault.READER_FENCE, Fault.SECOND_LOOK)) {
      assertFound("nobody goes on", () -> sleepForRoom(fault));
    }
  }
}
