"""Tables go in and come out the same, in place, and damaged ones do not."""

import ctypes
import datetime
import decimal
import gc
import struct

import polars as pl
import pyarrow as pa
import pytest

import qds
from qds.ipc import Prepared
from qds.reader import RingReader
from qds.segment import Geometry
from qds.writer import RingWriter

ZONE = pa.timestamp("us", "Europe/Berlin")
TABLES = {
    "numbers": pa.table(
        {
            str(t): pa.array([1, None, 3], t)
            for t in (pa.int8(), pa.uint16(), pa.int32(), pa.int64(), pa.float32(), pa.float64())
        }
    ),
    "texts": pa.table(
        {
            "s": ["a", None, "ccc"],
            "l": pa.array(["x" * 50, "", None], pa.large_string()),
            "b": pa.array([b"1", b"", None]),
        }
    ),
    "views": pa.table({"v": pa.array(["short", "a text of more than twelve bytes", None] * 20, pa.string_view())}),
    "bools": pa.table({"b": [True, None, False] * 99}),
    "no rows": pa.table({"a": pa.array([], pa.int64()), "s": pa.array([], pa.string())}),
    "no columns": pa.table({}),
    "no batches": pa.Table.from_batches([], pa.schema([("a", pa.int64())])),
    "nested": pa.table({"n": [[{"a": 1, "b": ["x"]}], None, []]}),
    "dictionary": pa.table({"d": pa.array(["x", "y", None, "x"]).dictionary_encode()}),
    "dictionaries that differ": pa.concat_tables(
        [
            pa.table({"d": pa.array(["x", "y"]).dictionary_encode()}),
            pa.table({"d": pa.array(["z"]).dictionary_encode()}),
        ]
    ),
    "times": pa.table(
        {"t": pa.array([datetime.datetime(2024, 1, 2), None], ZONE), "d": pa.array([datetime.date(2020, 1, 1), None])}
    ),
    "decimals": pa.table({"d": pa.array([decimal.Decimal("1.23"), None], pa.decimal128(20, 2))}),
    "nulls": pa.table({"n": pa.nulls(5), "i": pa.array([None, None], pa.int32()).take([0, 1, 0, 1, 0])}),
    "fixed": pa.table(
        {"f": pa.array([b"abc", None], pa.binary(3)), "l": pa.array([[1, 2], None], pa.list_(pa.int8(), 2))}
    ),
    "sliced": pa.table({"x": list(range(100)), "s": [f"text {i}" for i in range(100)]}).slice(37, 20),
    "batches": pa.concat_tables(
        [pa.table({"x": [1, 2]}), pa.table({"x": [3]}), pa.table({"x": pa.array([], pa.int64())})]
    ),
}


@pytest.mark.parametrize("case", TABLES)
def test_what_is_written_is_read(directory: str, case: str) -> None:
    table = TABLES[case]
    with qds.create_writer("t", 2) as writer, qds.create_reader("t", validate=True) as reader:
        for _ in range(3):  # the second and third time with a known schema
            writer.write_arrow(table)
            found = reader.read_arrow()
            assert found.schema == table.schema
            assert found.to_pylist() == table.to_pylist()
            del found


def test_frames_bodies_and_buffers_are_aligned() -> None:
    """ARROW-ALIGN-01 to -03."""
    for table in TABLES.values():
        prepared = Prepared(table)
        memory = ctypes.create_string_buffer(b"\xaa" * (prepared.length + 128), prepared.length + 128)
        address = -(-ctypes.addressof(memory) // 64) * 64
        prepared.store(address)
        raw = ctypes.string_at(address, prepared.length)
        assert raw.endswith(b"\xff\xff\xff\xff\0\0\0\0")
        position = 0
        while raw[position + 4 : position + 8] != bytes(4):
            assert position % 64 == 0
            length = struct.unpack_from("<i", raw, position + 4)[0]
            assert (8 + length) % 64 == 0
            message = pa.ipc.read_message(pa.py_buffer(raw[position:]))
            position += 8 + length + (message.body.size if message.body else 0)
        reader = pa.ipc.open_stream(pa.foreign_buffer(address, prepared.length, memory))
        for batch in reader:
            for column in batch.columns:
                assert all(b is None or b.size == 0 or b.address % 64 == 0 for b in column.buffers())


def test_polars_frames_of_many_types(directory: str) -> None:
    df = pl.DataFrame(
        {
            "s": ["a", None, "longer than twelve bytes"],
            "c": pl.Series(["x", "y", "x"], dtype=pl.Categorical),
            "l": [[1], None, [2, 3]],
            "st": [{"a": 1}, {"a": 2}, None],
            "d": [datetime.date(2024, 1, 1), None, None],
        }
    )
    with qds.create_writer("p", 2) as writer, qds.create_reader("p") as reader:
        writer.write(df)
        writer.write(df.slice(1, 1))
        assert reader.read().equals(df)
        assert reader.read().equals(df.slice(1, 1))


def test_reads_are_in_place_and_the_last_buffer_ends_the_loan(directory: str) -> None:
    with qds.create_writer("z", 4, 8) as writer, qds.create_reader("z") as reader:
        writer.write_arrow(pa.table({"x": list(range(1000))}))
        table = reader.read_arrow()
        segment = reader._reader.segment
        address = table.column("x").chunk(0).buffers()[1].address
        assert segment.arena_address <= address < segment.arena_address + segment.header.arena_length
        part = table.column("x").slice(990)
        frame = pl.from_arrow(table)
        del table
        gc.collect()
        assert reader.get_stats()["open_loans"] == 1
        del frame
        gc.collect()
        assert reader.get_stats()["open_loans"] == 1
        assert part.to_pylist() == list(range(990, 1000))
        del part
        gc.collect()
        assert reader.get_stats()["open_loans"] == 0


@pytest.mark.parametrize("observer", [False, True])
def test_what_is_on_loan_outlives_its_reader(directory: str, observer: bool) -> None:
    with qds.create_writer("o", 1, 3, drop_oldest=observer) as writer:
        reader = qds.create_reader("o")
        writer.write_arrow(pa.table({"x": list(range(5000))}))
        table = reader.read_arrow()
        reader.close()
        for _ in range(200):
            writer.write_arrow(pa.table({"x": [0] * 5000}), timeout_ms=0)
        assert table.column("x").to_pylist() == list(range(5000))
        del table
        gc.collect()
        assert reader._reader.segment.fd == -1


def wild_offset(payload: bytearray) -> None:
    first = payload.find(struct.pack("<4i", 0, 5, 10, 15))
    struct.pack_into("<i", payload, first + 4, 1 << 30)


def write_damaged(writer: RingWriter, damage) -> None:
    prepared = Prepared(pa.table({"s": ["abcde"] * 4}))
    memory = ctypes.create_string_buffer(prepared.length)
    prepared.store(ctypes.addressof(memory))
    payload = bytearray(memory.raw)
    damage(payload)
    writer.write(payload)


def test_full_validation_finds_a_wild_offset(directory: str) -> None:
    geometry = Geometry(1 << 20, 8)
    with RingWriter("w", geometry) as writer, qds.create_reader("w", validate=True) as reader:
        write_damaged(writer, wild_offset)
        writer.write(b"no stream at all")
        write_damaged(writer, lambda payload: None)
        for _ in range(2):
            with pytest.raises(qds.CorruptMessage, match="channel w: message [01]"):
                reader.read_arrow()
        assert reader.read_arrow().num_rows == 4


def test_whatever_byte_of_the_metadata_is_wrong_ends_in_an_error_or_a_table(directory: str) -> None:
    geometry = Geometry(1 << 20, 8)
    with RingWriter("b", geometry) as writer, qds.create_reader("b", validate=True) as reader:
        prepared = Prepared(pa.table({"s": ["abcde"] * 4}))
        refused = 0
        for at in range(prepared.length - 8):
            for value in (0, 0x7F, 0xFF):

                def damage(payload: bytearray, at: int = at, value: int = value) -> None:
                    payload[at] = value

                write_damaged(writer, damage)
                try:
                    reader.read_arrow()
                except (qds.CorruptMessage, qds.UnsupportedMessage):
                    refused += 1
        assert refused > 100


def test_an_untrusted_reader_gets_private_copies(directory: str) -> None:
    with RingWriter("u", Geometry(1 << 20, 4)) as writer, RingReader("u") as reader:
        writer.write(b"first")
        reader.segment.is_foreign = True
        with reader.read() as message:
            assert message.is_copy and bytes(message.view()) == b"first"
            assert reader.open_loans == 0


def test_a_checksum_finds_a_flipped_byte(directory: str) -> None:
    with RingWriter("c", Geometry(1 << 20, 4, checksums=True)) as writer, RingReader("c") as reader:
        writer.write(b"payload")
        writer.write(b"payload")
        ctypes.memmove(reader.segment.arena_address, b"P", 1)
        with pytest.raises(qds.CorruptMessage, match="checksum"):
            reader.read()
        assert bytes(reader.read().view()) == b"payload"
