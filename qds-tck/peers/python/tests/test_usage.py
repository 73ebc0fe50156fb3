"""What users type, and what they get."""

import os
import subprocess
import sys
import threading
import time
import venv
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from conftest import ENVIRONMENT

import qds
import qds as qadataswap

PACKAGE = Path(__file__).parent.parent

# The Python lines of the API's first description, as they stand there but for the import.

BASIC = """
import qds as qadataswap
import polars as pl

# Create a Polars DataFrame
df = pl.DataFrame({
    "id": [1, 2, 3, 4, 5],
    "name": ["Alice", "Bob", "Charlie", "David", "Eve"],
    "value": [10.5, 20.3, 30.1, 40.8, 50.2]
})

# Write to shared memory
writer = qadataswap.create_writer("my_data", size_mb=100)
writer.write(df)

# Read from another process
reader = qadataswap.create_reader("my_data")
df_received = reader.read()

print(df_received)
"""

BASIC_PRINTS = """
│ id  ┆ name    ┆ value │
│ --- ┆ ---     ┆ ---   │
│ i64 ┆ str     ┆ f64   │
╞═════╪═════════╪═══════╡
│ 1   ┆ Alice   ┆ 10.5  │
│ 2   ┆ Bob     ┆ 20.3  │
│ 3   ┆ Charlie ┆ 30.1  │
│ 4   ┆ David   ┆ 40.8  │
│ 5   ┆ Eve     ┆ 50.2  │
"""

ADVANCED = """
import qds as qadataswap

# Create writer with custom configuration
writer = qadataswap.SharedDataFrame.create_writer(
    name="high_throughput_data",
    size_mb=500,        # 500MB shared memory
    buffer_count=8      # 8 ring buffers
)

# Write PyArrow tables directly
import pyarrow as pa
table = pa.table({"x": [1, 2, 3], "y": [4, 5, 6]})
writer.write_arrow(table)

# Non-blocking read with timeout
reader = qadataswap.SharedDataFrame.create_reader("high_throughput_data")
df = reader.read(timeout_ms=1000)  # 1 second timeout

# Get performance statistics
stats = writer.get_stats()
print(f"Bytes written: {stats['bytes_written']}")
print(f"Write count: {stats['writes_count']}")
"""

TO_OTHERS = """
import polars as pl, pyarrow as pa
import qds as qadataswap
polars_df, arrow_table = pl.DataFrame({"a": [1]}), pa.table({"a": [1]})
# Python side
writer = qadataswap.create_writer("python_to_rust")
writer.write(polars_df)
# Python side
writer = qadataswap.create_writer("python_to_cpp")
writer.write_arrow(arrow_table)
"""


def typed(code: str, directory: str) -> str:
    """What an interpreter prints that is fed with these lines."""
    environment = dict(ENVIRONMENT, QDS_DIR=directory, PYTHONUTF8="1")
    return subprocess.run(
        [sys.executable, "-"], input=code, env=environment, check=True, capture_output=True, encoding="utf-8"
    ).stdout


def test_basic_usage(directory: str) -> None:
    assert BASIC_PRINTS.strip() in typed(BASIC, directory)


def test_advanced_usage(directory: str) -> None:
    printed = typed(ADVANCED, directory).splitlines()
    assert printed[1:] == ["Write count: 1"]
    assert int(printed[0].removeprefix("Bytes written: ")) > 48


def test_what_is_written_for_other_languages_waits_for_them(directory: str) -> None:
    typed(TO_OTHERS, directory)
    assert qads_read("python_to_rust").equals(pl.DataFrame({"a": [1]}))
    assert qads_read("python_to_cpp").equals(pl.DataFrame({"a": [1]}))
    assert os.listdir(directory) == []


def qads_read(name: str) -> pl.DataFrame:
    with qadataswap.create_reader(name) as reader:
        frame = reader.read()
        assert frame is not None
        return frame.clone()


def test_the_lengths_are_what_they_say(directory: str) -> None:
    with qadataswap.create_writer("default"), qadataswap.create_writer("five", size_mb=5):
        assert Path(directory, "default.qds").stat().st_size == 100 << 20
        assert Path(directory, "five.qds").stat().st_size == 5 << 20


def test_statistics_and_the_version(directory: str) -> None:
    with qadataswap.create_writer("s", 1) as writer, qadataswap.create_reader("s") as reader:
        writer.write_arrow(pa.table({"x": [1]}))
        assert reader.wait_for_data(timeout_ms=1000)
        assert reader.read_arrow().num_rows == 1
        assert reader.read(timeout_ms=0) is None
        assert not reader.wait_for_data(timeout_ms=1)
        assert reader.read_arrow(timeout_ms=1) is None
        written, read = writer.get_stats(), reader.get_stats()
        assert written["writes_count"] == read["reads_count"] == 1
        assert written["bytes_written"] == read["bytes_read"] > 0
        assert written["bytes_read"] == read["bytes_written"] == 0
        assert read["wait_timeouts"] == 2
    assert qadataswap.has_arrow_support()
    assert qadataswap.get_version() == qadataswap.__version__


def test_an_existing_channel_needs_to_be_only_what_is_asked_for(directory: str) -> None:
    qds.create_writer("e", 2, 7, reader_count=5).close()
    with qds.create_writer("e", 2, 7) as writer:
        writer.write_arrow(pa.table({"x": [1]}))
    with qds.create_writer("e"), pytest.raises(qds.SecondWriter, match=f"process {os.getpid()}"):
        qds.create_writer("e")
    for options in ({"size_mb": 3}, {"drop_oldest": True}, {"reader_count": 6}, {"checksums": True}):
        with pytest.raises(qds.GeometryDiffers, match="channel e"):
            qds.create_writer("e", **options)


def test_a_reader_may_come_first(directory: str) -> None:
    begun = time.monotonic()
    with pytest.raises(qds.ChannelNotFound, match="channel later"):
        qds.create_reader("later", channel_timeout_ms=50)
    assert time.monotonic() - begun >= 0.05
    found: list[int] = []

    def read() -> None:
        with qds.create_reader("later", channel_timeout_ms=-1) as reader:
            found.extend(table.num_rows for table in reader.iter_arrow())

    reading = threading.Thread(target=read)
    reading.start()
    with qds.create_writer("later", 1) as writer:
        for rows in range(10):
            writer.write_arrow(pa.table({"x": [1] * rows}))
    reading.join()
    assert found == list(range(10))


def test_iteration_gives_frames_until_the_writer_closes(directory: str) -> None:
    with qds.create_writer("i", 1, 8) as writer:
        for i in range(5):
            writer.write(pl.DataFrame({"x": [i]}))
        reader = qds.create_reader("i")
    with reader:
        assert [df["x"][0] for df in reader] == list(range(5))
    with pytest.raises(qds.QdsError, match="channel i: this end was closed"):
        reader.read_arrow()


def test_a_loop_that_lets_go_of_its_frame_gives_it_back_while_it_waits(directory: str) -> None:
    """Who lingers until all was given back need not wait for the end of the loop."""
    with qds.create_writer("d", 1, 8) as writer, qds.create_reader("d") as reader:

        def loop() -> None:
            for df in reader:
                del df

        looping = threading.Thread(target=loop)
        looping.start()
        writer.write(pl.DataFrame({"x": [1]}))
        deadline = time.monotonic() + 20
        while reader.get_stats()["reads_count"] < 1 or reader.get_stats()["open_loans"] > 0:
            assert time.monotonic() < deadline, reader.get_stats()
            time.sleep(0.001)
        assert looping.is_alive()
        writer.close()
        looping.join()


def test_directories_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(qds.QdsError, match="channel d: the directory .*missing does not exist"):
        qds.create_writer("d", 1, directory=tmp_path / "missing")
    with pytest.raises(qds.ChannelNotFound):
        qds.create_reader("d", directory=tmp_path / "missing")
    with pytest.raises(qds.DirectoryFull, match="channel d: needs 2"):
        qds.create_writer("d", 260_000, directory=tmp_path)


def test_a_clean_environment_without_pyarrow(tmp_path: Path, directory: str) -> None:
    """`pip install` of the folder, without any extra."""
    pytest.importorskip("hatchling")
    before = sorted(str(p) for p in PACKAGE.rglob("*") if "__pycache__" not in str(p))
    venv.create(tmp_path / "venv", with_pip=False)
    python = tmp_path / "venv" / "bin" / "python"
    pip = [sys.executable, "-m", "pip"]
    subprocess.run([*pip, "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", tmp_path, PACKAGE], check=True)
    subprocess.run([*pip, "--python", python, "install", "-q", "--no-index", *tmp_path.glob("*.whl")], check=True)
    assert sorted(str(p) for p in PACKAGE.rglob("*") if "__pycache__" not in str(p)) == before
    code = """
import qds
assert not qds.has_arrow_support() and "site-packages" in qds.__file__
with qds.create_writer("x", 1) as writer, qds.create_reader("x") as reader:
    writer._writer.write(b"stays")
    for failing in (lambda: writer.write(object()), lambda: writer.write_arrow(object()), reader.read, reader.read_arrow):
        try:
            failing()
            raise SystemExit("done without pyarrow")
        except qds.QdsError as e:
            assert "pip install pyarrow" in str(e), e
    assert reader.get_stats()["reads_count"] == 0
print(qds.get_version())
"""
    environment = {"QDS_DIR": directory}
    printed = subprocess.run([python, "-c", code], env=environment, check=True, capture_output=True, text=True).stdout
    assert printed.strip() == qds.get_version()


def test_buffer_count_is_the_most_unread_messages(directory: str) -> None:
    table = pa.table({"x": [1]})
    for count in (1, 2, 3, 4, 7):
        with qadataswap.create_writer("counted", 1, count) as writer, qadataswap.create_reader("counted") as reader:
            for _ in range(count):
                assert writer.write_arrow(table, timeout_ms=0)
            assert not writer.write_arrow(table, timeout_ms=0)
            assert reader.read_arrow() is not None
            assert writer.write_arrow(table, timeout_ms=0)
            while reader.read_arrow(timeout_ms=0) is not None:
                pass
    with pytest.raises(ValueError, match="channel counted: buffer_count is 0"):
        qadataswap.create_writer("counted", 1, 0)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs two users, and so root")
def test_the_channel_of_another_user_is_copied_and_validated(directory: str) -> None:
    """Nobody writes (user 65534), root reads: private copies, and wild offsets are found though nobody asked for it."""
    os.chmod(directory, 0o777)
    code = f"""
import sys, os
sys.path.insert(0, {os.path.dirname(os.path.dirname(qds.__file__))!r})
import ctypes, struct, pyarrow as pa
import qds
from qds.ipc import Prepared
os.setresuid(65534, 65534, 65534)
with qds.create_writer("theirs", 1, directory={directory!r}, mode=0o666) as writer:
    table = pa.table({{"s": ["abcde"] * 4}})
    writer.write_arrow(table)
    prepared = Prepared(table)
    memory = ctypes.create_string_buffer(prepared.length)
    prepared.store(ctypes.addressof(memory))
    payload = bytearray(memory.raw)
    struct.pack_into("<i", payload, payload.find(struct.pack("<4i", 0, 5, 10, 15)) + 4, 1 << 30)
    writer._writer.write(payload)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    with qds.create_reader("theirs", directory=directory) as reader:
        table = reader.read_arrow()
        assert table.column("s").to_pylist() == ["abcde"] * 4
        assert reader.get_stats()["open_loans"] == 0
        with pytest.raises(qds.CorruptMessage, match="channel theirs: message 1"):
            reader.read_arrow()
