package io.qadataswap.tck;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.function.Predicate;
import java.util.function.ToIntFunction;

/**
 * Runs small programs against one shared memory in every order there is. Each participant has a
 * store buffer, as the CPUs of the total-store-order kind do: what it stores reaches the others
 * later, in order, at the latest at its next full fence; it sees its own stores at once.
 */
final class Interleavings {
  /** A program of one participant: instructions that touch shared memory at most once each. */
  static final class Program {
    private final List<Instruction> instructions = new ArrayList<>();
    private final Map<String, Integer> labels = new HashMap<>();

    /** Which instructions touch registers alone: when they run is of no interest to the others. */
    private final BitSet locals = new BitSet();

    /** Names the next instruction. */
    Program at(String label) {
      labels.put(label, instructions.size());
      return this;
    }

    Program load(int register, int address) {
      return load(register, r -> address);
    }

    Program load(int register, ToIntFunction<int[]> address) {
      return add((s, p) -> {
        int[] registers = s.registers[p];
        registers[register] = s.load(p, address.applyAsInt(registers));
        return true;
      });
    }

    Program store(int address, ToIntFunction<int[]> value) {
      return store(r -> address, value);
    }

    Program store(ToIntFunction<int[]> address, ToIntFunction<int[]> value) {
      return add((s, p) -> {
        int[] registers = s.registers[p];
        s.buffer(p, address.applyAsInt(registers), value.applyAsInt(registers));
        return true;
      });
    }

    /** A full fence, or none. */
    Program fence(boolean there) {
      return there ? add((s, p) -> s.buffers[p].length == 0) : this;
    }

    Program set(int register, ToIntFunction<int[]> value) {
      return addLocal((s, p) -> {
        s.registers[p][register] = value.applyAsInt(s.registers[p]);
        return true;
      });
    }

    Program goTo(String label) {
      return goTo(label, r -> true);
    }

    /** Goes on at a label if a condition on the registers holds. */
    Program goTo(String label, Predicate<int[]> condition) {
      return addLocal((s, p) -> {
        if (condition.test(s.registers[p])) {
          s.counters[p] = labels.get(label) - 1;
        }
        return true;
      });
    }

    /** Ends the visit with a violation unless a condition on the registers holds. */
    Program require(String what, Predicate<int[]> condition) {
      return addLocal((s, p) -> {
        if (!condition.test(s.registers[p])) {
          throw new Violation(what + ": " + Arrays.toString(s.registers[p]));
        }
        return true;
      });
    }

    /** A system call: changes memory at once, after all that was stored before. */
    Program call(BiConsumer<int[], int[]> memoryAndRegisters) {
      return add((s, p) -> {
        boolean runs = s.buffers[p].length == 0;
        if (runs) {
          memoryAndRegisters.accept(s.memory, s.registers[p]);
        }
        return runs;
      });
    }

    /** Does nothing until a word has a value. */
    Program await(ToIntFunction<int[]> address, ToIntFunction<int[]> value) {
      return add((s, p) -> {
        int[] registers = s.registers[p];
        return s.load(p, address.applyAsInt(registers)) == value.applyAsInt(registers);
      });
    }

    /** Runs an instruction, and the local ones behind it. */
    private boolean run(State state, int participant) {
      boolean ran = instructions.get(state.counters[participant]).run(state, participant);
      if (ran) {
        state.counters[participant]++;
        while (locals.get(state.counters[participant])) {
          run(state, participant);
        }
      }
      return ran;
    }

    private Program addLocal(Instruction instruction) {
      locals.set(instructions.size());
      return add(instruction);
    }

    private Program add(Instruction instruction) {
      instructions.add(instruction);
      return this;
    }
  }

  /** Runs one instruction of a participant; false if it cannot run yet. */
  private interface Instruction {
    boolean run(State state, int participant);
  }

  /** What must never be. */
  static final class Violation extends RuntimeException {
    private static final long serialVersionUID = 1;

    Violation(String message) {
      super(message);
    }
  }

  private static final class State {
    private final int[] memory;
    private final int[] counters;
    private final int[][] registers;

    /** By participant: address, value, address, value, oldest first. */
    private final int[][] buffers;

    State(int[] memory, int[] counters, int[][] registers, int[][] buffers) {
      this.memory = memory.clone();
      this.counters = counters.clone();
      this.registers = Arrays.stream(registers).map(int[]::clone).toArray(int[][]::new);
      this.buffers = buffers.clone(); // its arrays are never changed
    }

    State copy() {
      return new State(memory, counters, registers, buffers);
    }

    int load(int participant, int address) {
      int[] buffer = buffers[participant];
      for (int i = buffer.length - 2; i >= 0; i -= 2) {
        if (buffer[i] == address) {
          return buffer[i + 1];
        }
      }
      return memory[address];
    }

    void buffer(int participant, int address, int value) {
      int[] buffer = buffers[participant];
      int[] longer = Arrays.copyOf(buffer, buffer.length + 2);
      longer[buffer.length] = address;
      longer[buffer.length + 1] = value;
      buffers[participant] = longer;
    }

    void flushOldest(int participant) {
      int[] buffer = buffers[participant];
      memory[buffer[0]] = buffer[1];
      buffers[participant] = Arrays.copyOfRange(buffer, 2, buffer.length);
    }

    /** All of it as text: values are small. */
    String key() {
      StringBuilder key = new StringBuilder();
      append(key, memory);
      append(key, counters);
      for (int participant = 0; participant < registers.length; participant++) {
        append(key, registers[participant]);
        append(key, buffers[participant]);
      }
      return key.toString();
    }

    private static void append(StringBuilder key, int[] values) {
      for (int value : values) {
        key.append((char) (value + 2));
      }
      key.append('\0');
    }
  }

  private Interleavings() {}

  /**
   * Visits every state that can be reached.
   *
   * @param memory its first contents
   * @param registers the first contents of each participant's registers
   * @param programs of the participants
   * @return how many states there are
   * @throws Violation if in any order a requirement fails, or nobody can go on before all have
   *     ended; or if there is no order in which all end
   */
  static int visit(int[] memory, int[][] registers, List<Program> programs) {
    int count = programs.size();
    State first = new State(memory, new int[count], registers, new int[count][0]);
    Set<String> seen = new HashSet<>(Set.of(first.key()));
    Deque<State> open = new ArrayDeque<>(List.of(first));
    boolean anEnd = false;
    Violation stuckForEver = null;
    while (!open.isEmpty()) {
      State state = open.removeLast();
      boolean ended = true;
      boolean stuck = true;
      for (int p = 0; p < count; p++) {
        Program program = programs.get(p);
        if (state.counters[p] < program.instructions.size()) {
          ended = false;
          State next = state.copy();
          if (program.run(next, p)) {
            stuck = false;
            visit(next, seen, open);
          }
        }
        if (state.buffers[p].length > 0) {
          stuck = false;
          State next = state.copy();
          next.flushOldest(p);
          visit(next, seen, open);
        }
      }
      anEnd |= ended;
      if (stuck && !ended) {
        stuckForEver = new Violation("nobody goes on: " + Arrays.deepToString(state.registers));
      }
    }
    if (stuckForEver != null) {
      throw stuckForEver;
    }
    if (!anEnd) {
      throw new Violation("no order ends");
    }
    return seen.size();
  }

  private static void visit(State next, Set<String> seen, Deque<State> open) {
    if (seen.add(next.key())) {
      open.add(next);
    }
  }
}
