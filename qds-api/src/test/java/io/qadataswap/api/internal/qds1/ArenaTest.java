package io.qadataswap.api.internal.qds1;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class ArenaTest {
  private static final long UNIT = MessageDescriptor.PAYLOAD_ALIGNMENT;

  /** A part of the arena that is in use. */
  private record Part(long from, long to) {
    boolean overlaps(long otherFrom, long otherTo) {
      return from < otherTo && to > otherFrom;
    }
  }

  /** What the writer, its readers and their pins do to an arena, at random. */
  private static final class Play {
    final Random random;
    final long length;
    final long middle;
    final int slotCount;
    final Arena arena;
    final Deque<Part> live = new ArrayDeque<>();
    final List<Part> pins = new ArrayList<>();
    final String seedText;
    long next;
    int placedCount;
    int refusedCount;

    Play(long seed, long length, int slotCount) {
      this.random = new Random(seed);
      this.length = length;
      this.middle = (length / 2) & -UNIT;
      this.slotCount = slotCount;
      this.next = random.nextInt(1000);
      this.arena = new Arena(length, slotCount, next);
      this.seedText = "seed=" + seed + " length=" + length + " slotCount=" + slotCount;
    }

    void step() {
      switch (random.nextInt(8)) {
        case 0 -> pin();
        case 1 -> pins.removeIf(pin -> random.nextBoolean());
        case 2, 3 -> release(random.nextInt(1 + live.size()));
        default -> write();
      }
    }

    private void pin() {
      if (!live.isEmpty() && pins.size() < 4) {
        pins.add(random.nextBoolean() ? live.peekFirst() : live.peekLast());
      }
    }

    private void release(int count) {
      for (int i = 0; i < count; i++) {
        live.removeFirst();
      }
    }

    private void write() {
      if (live.size() == slotCount) {
        release(1);
      }
      long largest = random.nextInt(10) == 0 ? length : middle / (1 + random.nextInt(8));
      long footprint = UNIT * (1 + (long) (random.nextDouble() * ((double) largest / UNIT)));
      footprint = Math.min(footprint, length & -UNIT);
      long offset = arena.place(footprint);
      if (offset < 0) {
        arena.resetObstacles(next - live.size());
        pins.forEach(pin -> arena.addObstacle(pin.from(), pin.to()));
        boolean found = arena.extend(footprint, random.nextBoolean());
        assertEquals(hasRoom(footprint), found, "room for " + footprint + text());
        if (!found) {
          refusedCount++;
          return;
        }
        offset = arena.place(footprint);
      }
      check(offset, footprint);
      if (random.nextInt(6) == 0) {
        return; // an aborted claim
      }
      long used = UNIT * (1 + random.nextInt((int) (footprint / UNIT)));
      arena.published(used);
      live.addLast(new Part(offset, offset + used));
      next++;
      placedCount++;
    }

    private void check(long offset, long footprint) {
      long end = offset + footprint;
      assertTrue(offset >= 0 && end <= length && offset % UNIT == 0, offset + text());
      assertTrue(isFree(offset, end), "in use: " + offset + " to " + end + text());
      assertTrue(
          footprint > middle || end <= middle || offset >= middle,
          "across the middle: " + offset + " to " + end + text());
    }

    private boolean isFree(long from, long to) {
      return live.stream().noneMatch(part -> part.overlaps(from, to))
          && pins.stream().noneMatch(part -> part.overlaps(from, to));
    }

    /** Tries every place. */
    private boolean hasRoom(long footprint) {
      for (long offset = 0; offset + footprint <= length; offset += UNIT) {
        boolean across = footprint <= middle && offset < middle && offset + footprint > middle;
        if (!across && isFree(offset, offset + footprint)) {
          return true;
        }
      }
      return false;
    }

    private String text() {
      return " " + seedText + " next=" + next + " live=" + live + " pins=" + pins;
    }
  }

  @Test
  void placesNothingOnWhatIsInUseAndFindsAllRoomThereIs() {
    int placedCount = 0;
    int refusedCount = 0;
    for (int seed = 0; seed < 300; seed++) {
      Random random = new Random(seed);
      Play play = new Play(seed, UNIT * (4L + random.nextInt(60)), 2 << random.nextInt(5));
      for (int step = 0; step < 1000; step++) {
        play.step();
      }
      placedCount += play.placedCount;
      refusedCount += play.refusedCount;
    }
    assertTrue(placedCount > 10_000, "placed " + placedCount);
    assertTrue(refusedCount > 1_000, "refused " + refusedCount);
  }

  @Test
  void placesMessagesInRunsLongerThanTheHotPart() {
    for (int seed = 0; seed < 20; seed++) {
      Play play = new Play(seed, 5 * Arena.HOT_LENGTH + UNIT * seed, 8);
      for (int step = 0; step < 200; step++) {
        play.step();
      }
      assertTrue(play.placedCount > 50, "placed " + play.placedCount);
    }
  }

  @Test
  void hasRoomForTheLargestMessageWhileAnyOneIsHeld() {
    long length = 1000L * UNIT;
    long largest = MessageDescriptor.footprint(Geometry.defaultMaxMessageLength(length));
    Random random = new Random(1);
    Arena arena = new Arena(length, 16, 0);
    long live = 0;
    for (long sequence = 0; sequence < 10_000; sequence++) {
      long footprint = UNIT * (1 + random.nextInt((int) (largest / UNIT)));
      if (arena.place(footprint) < 0) {
        arena.resetObstacles(live);
        assertTrue(arena.extend(footprint, true), "sequence " + sequence);
      }
      arena.published(footprint);
      live = sequence; // the reader holds the last one
      arena.resetObstacles(live);
      assertTrue(arena.extend(largest, random.nextBoolean()), "sequence " + sequence);
    }
  }

  @Test
  void staysInItsLowestPartWhileReadersKeepUp() {
    Arena arena = new Arena(100 * Arena.HOT_LENGTH, 512, 0);
    long highest = 0;
    for (long sequence = 0; sequence < 100_000; sequence++) {
      long footprint = 64 * UNIT;
      if (arena.place(footprint) < 0) {
        arena.resetObstacles(sequence - 1);
        assertTrue(arena.extend(footprint, true));
      }
      highest = Math.max(highest, arena.place(footprint) + footprint);
      arena.published(footprint);
    }
    assertTrue(highest <= 2 * Arena.HOT_LENGTH, "highest " + highest);
  }
}
