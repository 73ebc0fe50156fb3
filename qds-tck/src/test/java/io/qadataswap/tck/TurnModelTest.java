package io.qadataswap.tck;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.qadataswap.tck.Interleavings.Program;
import io.qadataswap.tck.Interleavings.Violation;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/**
 * The turn of readers of the layout {@code qads1} (QADS1-READ-05), run in every order and with
 * store buffers: no two have it at once, and each fence and the fourth word are needed for that. In
 * the model two turns in a row make an owner.
 */
class TurnModelTest {
  private static final int NONE = 0;
  private static final int TURNS_TO_OWN = 2;

  // Shared memory
  private static final int BYTE = 0;
  private static final int OWNER = 1;
  private static final int BUSY = 2;
  private static final int LAST = 3;
  private static final int BEARER = 4;

  /** The next message that nobody has taken: who is in his turn takes it. */
  private static final int SEQUENCE = 5;

  /** A bit for each message that was taken. */
  private static final int TAKEN = 6;

  private static final int WORD_COUNT = 7;

  // Registers
  private static final int VALUE = 0;
  private static final int MESSAGE = 1;
  private static final int IS_OWNER = 2;
  private static final int HAS_BYTE = 3;
  private static final int IN_A_ROW = 4;
  private static final int TURNS = 5;
  private static final int REGISTER_COUNT = 6;

  private enum Fault {
    NOTHING,
    OWNER_FENCE,
    OTHERS_FENCE,
    NO_BEARER
  }

  /** Takes a number of messages. */
  private static Program reader(Fault fault, int me, int turnCount) {
    Program p = new Program();
    p.at("next").goTo("end", r -> r[TURNS] == turnCount);
    p.goTo("ask", r -> r[IS_OWNER] == 0);
    p.store(BUSY, r -> me).fence(fault != Fault.OWNER_FENCE);
    p.load(VALUE, OWNER).goTo("turn", r -> r[VALUE] == me);
    p.set(IS_OWNER, r -> 0).store(BUSY, r -> NONE).store(BEARER, r -> NONE);

    p.at("ask")
        .call((memory, r) -> {
          r[HAS_BYTE] = memory[BYTE] == NONE ? 1 : 0;
          memory[BYTE] = memory[BYTE] == NONE ? me : memory[BYTE];
        });
    p.goTo("next", r -> r[HAS_BYTE] == 0);
    p.store(OWNER, r -> NONE).fence(fault != Fault.OTHERS_FENCE);
    p.load(VALUE, BUSY).goTo("turn", r -> r[VALUE] == NONE);
    p.call((memory, r) -> memory[BYTE] = NONE).set(HAS_BYTE, r -> 0).goTo("next");

    p.at("turn").load(MESSAGE, SEQUENCE).store(SEQUENCE, r -> r[MESSAGE] + 1);
    p.set(TURNS, r -> r[TURNS] + 1).goTo("last", r -> r[HAS_BYTE] == 1);
    p.store(BUSY, r -> NONE).goTo("took");

    p.at("last").load(VALUE, LAST).goTo("again", r -> r[VALUE] == me);
    p.store(LAST, r -> me).set(IN_A_ROW, r -> 1).goTo("give up");
    p.at("again").set(IN_A_ROW, r -> r[IN_A_ROW] + 1);
    p.goTo("give up", r -> r[IN_A_ROW] < TURNS_TO_OWN).set(IN_A_ROW, r -> 1);
    if (fault != Fault.NO_BEARER) {
      p.load(VALUE, BEARER).goTo("give up", r -> r[VALUE] != NONE && r[VALUE] != me);
    }
    p.store(BEARER, r -> me).store(OWNER, r -> me).set(IS_OWNER, r -> 1);
    p.at("give up").call((memory, r) -> memory[BYTE] = NONE).set(HAS_BYTE, r -> 0);

    p.at("took")
        .call((memory, r) -> {
          r[VALUE] = memory[TAKEN] >> r[MESSAGE] & 1;
          memory[TAKEN] |= 1 << r[MESSAGE];
        });
    p.require("a message was taken twice", r -> r[VALUE] == 0).set(VALUE, r -> 0);
    return p.goTo("next").at("end");
  }

  private static void takeTurns(Fault fault, int... turnCounts) {
    List<Program> readers =
        IntStream.range(0, turnCounts.length)
            .mapToObj(reader -> reader(fault, reader + 1, turnCounts[reader]))
            .toList();
    Interleavings.visit(new int[WORD_COUNT], new int[turnCounts.length][REGISTER_COUNT], readers);
  }

  @Test
  void noMessageGoesToTwoReaders() {
    takeTurns(Fault.NOTHING, 5, 5);
    takeTurns(Fault.NOTHING, 3, 3, 2);
    for (Fault fault : List.of(Fault.OWNER_FENCE, Fault.OTHERS_FENCE, Fault.NO_BEARER)) {
      Violation found = assertThrows(Violation.class, () -> takeTurns(fault, 5, 5), fault.name());
      assertTrue(found.getMessage().startsWith("a message was taken twice"), found.getMessage());
    }
  }
}
