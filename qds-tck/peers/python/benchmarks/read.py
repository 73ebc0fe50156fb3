"""Reading beside what pyarrow takes for the same bytes in private memory; both by turns, so that they share the machine.

    python3 benchmarks/read.py

Prints the medians, and these ratios:

- read and release of a batch of 64 rows to `pyarrow.ipc.open_stream` and `read_next_batch`
- read and release of 64 MiB to that of 64 KiB
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable

import pyarrow as pa

import qds
from qds.ipc import Prepared

ROUNDS = 200
BATCH = 50  # messages in a round
SIXTY_FOUR_ROWS = pa.table(
    {
        "id": list(range(64)),
        "price": [i * 1.5 for i in range(64)],
        "size": list(range(64)),
        "name": [f"name {i}" for i in range(64)],
    }
)


def payload(table: pa.Table) -> pa.Buffer:
    """As it stands in a channel."""
    prepared = Prepared(table)
    memory = pa.allocate_buffer(prepared.length)
    prepared.store(memory.address)
    return memory


def microseconds(action: Callable[[], object], count: int) -> float:
    begun = time.perf_counter_ns()
    for _ in range(count):
        action()
    return (time.perf_counter_ns() - begun) / count / 1000


def small(directory: str) -> tuple[float, float]:
    raw = payload(SIXTY_FOUR_ROWS)
    reads, plain = [], []
    with (
        qds.create_writer("small", 8, BATCH, directory=directory) as writer,
        qds.create_reader("small", directory=directory) as reader,
    ):
        for _ in range(ROUNDS):
            for _ in range(BATCH):
                writer.write_arrow(SIXTY_FOUR_ROWS)
            plain.append(microseconds(lambda: pa.ipc.open_stream(raw).read_next_batch(), BATCH))
            reads.append(microseconds(reader.read_arrow, BATCH))
    return statistics.median(reads), statistics.median(plain)


def of_length(directory: str) -> tuple[float, float]:
    """64 KiB and 64 MiB. Writing 64 MiB leaves nothing else in the caches, so something else is read before each."""
    lengths = [64 << 10, 64 << 20]
    with (
        qds.create_writer("warm", 1, BATCH, directory=directory) as warm_writer,
        qds.create_reader("warm", directory=directory) as warm_reader,
        qds.create_writer("short", 1, directory=directory) as short_writer,
        qds.create_reader("short", directory=directory) as short_reader,
        qds.create_writer("long", 140, directory=directory) as long_writer,
        qds.create_reader("long", directory=directory) as long_reader,
    ):
        ends = [(short_writer, short_reader), (long_writer, long_reader)]
        tables = [pa.table({"x": pa.array(range(length // 8), pa.int64())}) for length in lengths]
        found: list[list[float]] = [[], []]
        for turn in range(ROUNDS):
            which = turn % 2
            writer, reader = ends[which]
            writer.write_arrow(tables[which])
            for _ in range(BATCH):
                warm_writer.write_arrow(SIXTY_FOUR_ROWS)
                warm_reader.read_arrow()
            found[which].append(microseconds(reader.read_arrow, 1))
    return statistics.median(found[0]), statistics.median(found[1])


def main() -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as directory:
        read, plain = small(directory)
        print(
            f"64 rows: read and release {read:.1f} us, open_stream and read_next_batch {plain:.1f} us: {read / plain:.2f}"
        )
        short, long = of_length(directory)
        print(f"64 KiB: {short:.1f} us, 64 MiB: {long:.1f} us: {long / short:.2f}")


if __name__ == "__main__":
    main()
