/*
 * The machine's limits, for qds-bench: what two processes can do at best over a shared mapping.
 *
 *   limits ping-pong FILE SIDE               a 64-byte message each way, two cache lines
 *   limits copy-ring FILE SIDE LENGTH SLOTS  side 0 copies batches in, side 1 sums their first quarter
 *
 * Both sides map FILE, which must be large enough, print "ready" and obey lines "run COUNT" on standard
 * input. Each run is answered by one line: what side 0 measured, and how much of the time each side
 * had its CPU.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LINE = 64, WORD_STRIDE = 128, HEADER_LENGTH = 4096, RUN_LIMIT_S = 60 };

static uint8_t *mapping;
static volatile uint64_t sink;

static uint64_t clock_ns(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static uint64_t now_ns(void) {
  return clock_ns(CLOCK_MONOTONIC);
}

static _Atomic uint64_t *word(int index) {
  return (_Atomic uint64_t *)(mapping + (size_t)index * WORD_STRIDE);
}

static void await(_Atomic uint64_t *at, uint64_t least) {
  while (atomic_load_explicit(at, memory_order_acquire) < least) {
  }
}

/* A message is one cache line: its number, then 56 bytes. */
static void send_line(int to, uint64_t number) {
  uint64_t *line = (uint64_t *)word(to);
  for (int i = 1; i < LINE / 8; i++) {
    line[i] = number + (uint64_t)i;
  }
  atomic_store_explicit(word(to), number, memory_order_release);
}

static void receive_line(int from, uint64_t number) {
  await(word(from), number);
  uint64_t *line = (uint64_t *)word(from);
  for (int i = 1; i < LINE / 8; i++) {
    sink += line[i];
  }
}

static int ascending(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a;
  uint64_t y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

static void ping_pong(int side, uint64_t first, uint64_t count) {
  if (side == 1) {
    for (uint64_t i = first; i < first + count; i++) {
      receive_line(0, i);
      send_line(1, i);
    }
    printf("done");
    return;
  }
  uint64_t *times = malloc(count * sizeof *times);
  for (uint64_t i = first; i < first + count; i++) {
    uint64_t start = now_ns();
    send_line(0, i);
    receive_line(1, i);
    times[i - first] = now_ns() - start;
  }
  qsort(times, count, sizeof *times, ascending);
  printf("p50_ns=%" PRIu64 " p99_ns=%" PRIu64, times[count / 2], times[count * 99 / 100]);
  free(times);
}

static uint8_t *source;

/* Word 0: batches written. Word 1: batches read. */
static void copy_ring(int side, uint64_t first, uint64_t count, size_t length, uint64_t slots) {
  uint64_t start = now_ns();
  for (uint64_t i = first; i < first + count; i++) {
    uint8_t *slot = mapping + HEADER_LENGTH + (i % slots) * length;
    if (side == 0) {
      if (i > slots) {
        await(word(1), i - slots);
      }
      memcpy(slot, source, length);
      atomic_store_explicit(word(0), i, memory_order_release);
    } else {
      await(word(0), i);
      const uint64_t *column = (const uint64_t *)slot;
      uint64_t sum = 0;
      for (size_t k = 0; k < length / 4 / 8; k++) {
        sum += column[k];
      }
      sink += sum;
      atomic_store_explicit(word(1), i, memory_order_release);
    }
  }
  if (side == 1) {
    printf("done");
    return;
  }
  await(word(1), first + count - 1);
  uint64_t duration = now_ns() - start;
  printf("bytes_per_s=%.0f", (double)count * (double)length * 1e9 / (double)duration);
}

int main(int argc, char **argv) {
  if (argc < 4) {
    return 2;
  }
  int ring = strcmp(argv[1], "copy-ring") == 0;
  int side = atoi(argv[3]);
  size_t length = ring ? strtoull(argv[4], NULL, 10) : 0;
  uint64_t slots = ring ? strtoull(argv[5], NULL, 10) : 0;
  int file = open(argv[2], O_RDWR | O_CLOEXEC);
  struct stat status;
  if (file < 0 || fstat(file, &status) != 0) {
    perror(argv[2]);
    return 1;
  }
  if ((uint64_t)status.st_size < HEADER_LENGTH + slots * length) {
    fprintf(stderr, "%s is too short\n", argv[2]);
    return 1;
  }
  mapping = mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (mapping == MAP_FAILED) {
    perror("mmap");
    return 1;
  }
  if (ring && side == 0) {
    source = aligned_alloc(LINE, length);
    for (size_t i = 0; i < length / 8; i++) {
      ((uint64_t *)source)[i] = i;
    }
  }
  printf("ready\n");
  fflush(stdout);
  uint64_t next = 1;
  uint64_t count;
  while (scanf(" run %" SCNu64, &count) == 1) {
    uint64_t start = now_ns();
    uint64_t cpu_start = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    alarm(RUN_LIMIT_S); /* ends this process if the other side is gone */
    if (ring) {
      copy_ring(side, next, count, length, slots);
    } else {
      ping_pong(side, next, count);
    }
    alarm(0);
    double cpu = (double)(clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_start);
    printf(" cpu_share%d=%.3f\n", side, cpu / (double)(now_ns() - start));
    fflush(stdout);
    next += count;
  }
  return 0;
}
