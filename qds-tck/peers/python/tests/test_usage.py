"""The lines of the API's first description run unchanged."""

import subprocess
import sys
from pathlib import Path

import polars as pl
import pyarrow as pa

import qds as qadataswap


def test_basic_usage(directory: str) -> None:
    df = pl.DataFrame({
        "id": [1, 2, 3, 4, 5],
        "name": ["Alice", "Bob", "Charlie", "David", "Eve"],
        "value": [10.5, 20.3, 30.1, 40.8, 50.2]
    })  # fmt: skip
    writer = qadataswap.create_writer("my_data", size_mb=100)
    writer.write(df)
    reader = qadataswap.create_reader("my_data")
    df_received = reader.read()
    assert df_received.equals(df)
    assert Path(directory, "my_data.qds").stat().st_size == 100 << 20
    reader.close()
    writer.close()


def test_advanced_usage(directory: str) -> None:
    writer = qadataswap.SharedDataFrame.create_writer(
        name="high_throughput_data",
        size_mb=500,        # 500MB shared memory
        buffer_count=8      # 8 ring buffers
    )  # fmt: skip
    table = pa.table({"x": [1, 2, 3], "y": [4, 5, 6]})
    writer.write_arrow(table)
    reader = qadataswap.SharedDataFrame.create_reader("high_throughput_data")
    df = reader.read(timeout_ms=1000)
    assert df.to_dict(as_series=False) == {"x": [1, 2, 3], "y": [4, 5, 6]}
    stats = writer.get_stats()
    assert stats["bytes_written"] > 0 and stats["writes_count"] == 1
    assert reader.get_stats()["bytes_read"] == stats["bytes_written"]
    assert reader.read(timeout_ms=0) is None
    assert not reader.wait_for_data(timeout_ms=1)
    assert reader.get_stats()["wait_timeouts"] == 1
    assert qadataswap.has_arrow_support()
    assert qadataswap.get_version() == qadataswap.__version__
    reader.close()
    writer.close()


def test_without_pyarrow_a_write_names_the_remedy(directory: str) -> None:
    code = """
import sys
sys.modules["pyarrow"] = None
sys.path.insert(0, sys.argv[1])
import importlib.util
find = importlib.util.find_spec
importlib.util.find_spec = lambda name: None if name == "pyarrow" else find(name)
import qds
assert not qds.has_arrow_support()
with qds.create_writer("x", 1) as writer:
    for write in (writer.write, writer.write_arrow):
        try:
            write(object())
            raise SystemExit("written")
        except qds.QdsError as e:
            assert "pip install 'qds[arrow]'" in str(e), e
"""
    source = str(Path(qadataswap.__file__).parent.parent)
    subprocess.run([sys.executable, "-c", code, source], check=True)


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
