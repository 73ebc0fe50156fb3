package io.qadataswap.api.internal.qds1;

import java.util.Arrays;

/**
 * Decides where payloads go. Private to the writer: nothing of this is in shared memory, and
 * another writer may decide differently.
 *
 * <p>Payloads are placed one behind the other, in runs. A run goes on at the {@code head} up to the
 * {@code limit}; then {@link #extend} looks where to go on:
 *
 * <pre>
 *   start of arena                                                           end of arena
 *   [ free | older run: live ... | free | current run: live ... | head   free   limit | ... ]
 * </pre>
 *
 * <p>While readers keep up, that is the lowest place with enough room, every {@link #HOT_LENGTH}
 * bytes or more: memory that stays in the CPU's caches is several times faster than fresh one. What
 * has to be checked for that (reader cursors, pins, a full fence) is paid once for each such
 * stretch, not for each message.
 *
 * <p>No payload of up to half the arena lies across its middle. So whichever single message a
 * reader still holds, one half is free for the next.
 *
 * <p>Obstacles are parts of the arena that are in use: live runs, pins of readers, and what a
 * former writer has left.
 */
final class Arena {
  /**
   * How far a run of small payloads goes before it is worth looking for a lower place: so little
   * that they, and what a reader keeps for each of their places, stay in a CPU's own caches.
   */
  static final long HOT_LENGTH = 1 << 16;

  /**
   * The same for large ones. They take turns among several places: the lines of the one that was
   * read just now still lie in the reader's cache, and would have to be fetched back from there.
   */
  private static final long WARM_LENGTH = 8 << 20;

  private static final int WARM_PLACES = 8;

  private final long length;
  private final long middle;
  private final int mask;

  /** Where each live message of this writer lies, by sequence. */
  private final long[] offsets;

  private long[] obstacles = new long[64];
  private int obstacleCount;

  /**
   * First sequence and end of each live run, the oldest first; the last one is the current, which
   * alone may be without a message.
   */
  private long[] runs = new long[16];

  private int runCount;

  private long head;
  private long limit;

  /** The next sequence. */
  private long next;

  Arena(long length, int slotCount, long next) {
    this.length = length;
    this.middle = (length / 2) & -MessageDescriptor.PAYLOAD_ALIGNMENT;
    this.mask = slotCount - 1;
    this.offsets = new long[slotCount];
    this.next = next;
  }

  /** Sets the next sequence of a new arena. */
  void begin(long sequence) {
    next = sequence;
  }

  /** Returns where the next payload goes, or -1 if {@link #extend} has to make room first. */
  long place(long footprint) {
    return footprint <= limit - head && !isAcrossMiddle(head, footprint) ? head : -1;
  }

  /** Notes that the payload at the head was published. */
  void published(long footprint) {
    offsets[(int) next & mask] = head;
    head += footprint;
    runs[2 * runCount - 1] = head;
    next++;
  }

  /** Forgets the obstacles and takes the live runs as the first ones. */
  void resetObstacles(long live) {
    obstacleCount = 0;
    int dropped = 0;
    while (dropped < runCount - 1 && live >= endSequence(dropped)) {
      dropped++;
    }
    runCount -= dropped;
    System.arraycopy(runs, 2 * dropped, runs, 0, 2 * runCount);
    for (int run = 0; run < runCount; run++) {
      long first = Math.max(live, runs[2 * run]);
      if (first < endSequence(run)) {
        addObstacle(offsets[(int) first & mask], runs[2 * run + 1]);
      }
    }
  }

  void addObstacle(long from, long to) {
    if (obstacleCount + 2 > obstacles.length) {
      obstacles = Arrays.copyOf(obstacles, obstacles.length * 2);
    }
    obstacles[obstacleCount++] = from;
    obstacles[obstacleCount++] = to;
  }

  /**
   * Finds room for a payload among the obstacles and moves the head there.
   *
   * @param reuseEarly whether to prefer the lowest place with room for some more messages, or to go
   *     round so that old messages stay as long as possible
   * @return whether there is room
   */
  boolean extend(long footprint, boolean reuseEarly) {
    return (reuseEarly && fit(0, footprint, Math.max(footprint, runLength(footprint) / 2)))
        || fit(head, footprint, footprint)
        || fit(0, footprint, footprint);
  }

  private static long runLength(long footprint) {
    return Math.max(HOT_LENGTH, Math.min(WARM_PLACES * footprint, WARM_LENGTH));
  }

  /** Moves the head to the first free stretch from an offset that has a least length. */
  private boolean fit(long from, long footprint, long leastLength) {
    long start = clear(from, footprint);
    while (start <= length - footprint) {
      long end = nextObstacle(start);
      if (end - start >= leastLength) {
        moveTo(start, end, footprint);
        return true;
      }
      start = clear(end, footprint);
    }
    return false;
  }

  private void moveTo(long start, long end, long footprint) {
    if (runCount == 0 || start != head) {
      boolean currentHasMessages = runCount > 0 && runs[2 * runCount - 2] < next;
      if (runCount == 0 || currentHasMessages) {
        runCount++;
      }
      if (2 * runCount > runs.length) {
        runs = Arrays.copyOf(runs, runs.length * 2);
      }
      runs[2 * runCount - 2] = next;
      runs[2 * runCount - 1] = start;
    }
    head = start;
    limit = Math.min(end, start + Math.max(footprint, runLength(footprint)));
    if (start + footprint <= middle) {
      limit = Math.min(limit, middle);
    }
  }

  /**
   * Returns the first place from an offset that no obstacle and not the middle is in the way of.
   */
  private long clear(long from, long footprint) {
    long start = from;
    boolean moved = true;
    while (moved) {
      moved = false;
      if (isAcrossMiddle(start, footprint)) {
        start = middle;
        moved = true;
      }
      for (int i = 0; i < obstacleCount; i += 2) {
        if (obstacles[i] < start + footprint && obstacles[i + 1] > start) {
          start = obstacles[i + 1];
          moved = true;
        }
      }
    }
    return start;
  }

  private boolean isAcrossMiddle(long start, long footprint) {
    return start < middle && start + footprint > middle && footprint <= middle;
  }

  private long nextObstacle(long start) {
    long nearest = length;
    for (int i = 0; i < obstacleCount; i += 2) {
      if (obstacles[i] >= start) {
        nearest = Math.min(nearest, obstacles[i]);
      }
    }
    return nearest;
  }

  private long endSequence(int run) {
    return run + 1 < runCount ? runs[2 * (run + 1)] : next;
  }
}
