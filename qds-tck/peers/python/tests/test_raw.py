"""Raw batches through channels of one process: what is written is what numpy sees, in place, and lies are found."""

from __future__ import annotations

import gc
import struct
from typing import Any

import numpy as np
import pytest

from qds import raw
from qds.errors import CorruptMessage, IncompatibleChannel, QdsError
from qds.raw import Field
from qds.reader import RingReader
from qds.writer import RingWriter

NUMBERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64", "timestamp"]


def columns(rows: int) -> dict[Field, Any]:
    some: dict[Field, Any] = {}
    for kind in NUMBERS:
        some[Field(kind, kind)] = np.arange(rows).astype(Field("", kind).dtype)
        some[Field(f"{kind} or null", kind, nullable=True)] = [None if row % 3 == 0 else row for row in range(rows)]
    some[Field("bool", "bool")] = np.arange(rows) % 2 == 0
    some[Field("fixed", "fixed", width=3)] = [bytes([row] * 3) for row in range(rows)]
    some[Field("utf8", "utf8")] = ["größer"[: row % 7] + str(row) for row in range(rows)]
    some[Field("binary", "binary", nullable=True)] = [None if row % 4 == 0 else b"\xff" * row for row in range(rows)]
    return some


def expected(field: Field, value: Any) -> Any:
    return bool(value) if field.type == "bool" else value


@pytest.mark.parametrize("rows", [0, 1, 8, 9, 100])
def test_what_is_written_is_what_is_read(directory: str, rows: int) -> None:
    with raw.create_writer("c", size_mb=1) as writer, raw.create_reader("c") as reader:
        some = columns(rows)
        assert raw.write(writer, some) == 0
        batch = raw.read(reader, full=True)
        assert batch is not None
        assert batch.row_count == rows
        assert [column.field for column in batch.values()] == list(some)
        for field, values in some.items():
            assert list(batch[field.name]) == [expected(field, value) for value in values]
            assert batch[field.name].nulls().tolist() == [value is None for value in values]


def test_arrays_lie_in_the_channel_and_hold_the_message(directory: str) -> None:
    with raw.create_writer("c", size_mb=1) as writer, raw.create_reader("c") as reader:
        raw.write(writer, {Field("n", "int64"): np.arange(1000)})
        batch = raw.read(reader)
        assert batch is not None
        values = batch["n"].values
        arena = reader.segment.arena_address
        assert arena <= values.ctypes.data < arena + (1 << 20)
        assert values.ctypes.data % 64 == 0
        assert not values.flags.writeable
        part = values[500:]
        del batch, values
        for i in range(20):  # the channel is used again and again, but for what is held
            raw.write(writer, {Field("n", "int64"): np.full(20_000, i)}, timeout=0)
            raw.read(reader, timeout=0)
        assert part.tolist() == list(range(500, 1000))
        del part
        gc.collect()


def test_values_that_do_not_fit_are_refused(directory: str) -> None:
    with raw.create_writer("c", size_mb=1) as writer:
        for field, values in [
            (Field("n", "int8"), np.array([300])),
            (Field("n", "int64"), [None]),
            (Field("f", "fixed", width=2), [b"x"]),
            (Field("", "int8"), [1]),
            (Field("f", "fixed", width=0), [b""]),
        ]:
            with pytest.raises(ValueError):
                raw.write(writer, {field: values})
        with pytest.raises(ValueError):
            raw.write(writer, {Field("a", "int8"): [1], Field("b", "int8"): [1, 2]})
        assert writer.published == 0


def payload() -> bytearray:
    encoded = raw.Encoded(5, columns(5))
    buffer = np.empty(encoded.length, np.uint8)
    encoded.store(buffer.ctypes.data)
    return bytearray(buffer.tobytes())


def send(writer: RingWriter, reader: RingReader, data: bytes, full: bool) -> list[Any]:
    assert writer.write(data, timeout=5)
    batch = raw.read(reader, 5, full)
    assert batch is not None
    return [list(column) for column in batch.values()]


def test_lies_are_refused_and_the_next_message_is_read(directory: str) -> None:
    good = payload()
    rng = np.random.default_rng(1)
    wild = [0, 1, -1, 63, 64, 1 << 31, (1 << 31) - 1, (1 << 63) - 1, -(1 << 63), (1 << 63) - 64]
    read = refused = 0
    with raw.create_writer("c", size_mb=1) as writer, raw.create_reader("c") as reader:
        for _ in range(3000):
            data = bytearray(good)
            at = int(rng.integers(64 if rng.integers(2) else len(data) - 8))
            if rng.integers(2):
                struct.pack_into("<q", data, at & -8, wild[rng.integers(len(wild))])
            else:
                data[at] = int(rng.integers(256))
            try:
                send(writer, reader, bytes(data), bool(rng.integers(2)))
                read += 1
            except (CorruptMessage, IncompatibleChannel) as e:
                assert "channel c: message" in str(e)
                refused += 1
        assert read > 300 and refused > 300
        for length in range(0, len(good), 7):
            with pytest.raises(CorruptMessage):
                send(writer, reader, bytes(good[:length]), False)
        assert send(writer, reader, bytes(good), True)


def test_full_validation_looks_at_values(directory: str) -> None:
    with raw.create_writer("c", size_mb=1) as writer, raw.create_reader("c") as reader:
        good = raw.Encoded(1, {Field("t", "utf8"): ["x"]})
        buffer = np.empty(good.length, np.uint8)
        good.store(buffer.ctypes.data)
        buffer[-64] = 0xFF
        assert send(writer, reader, buffer.tobytes(), False) == [["\ufffd"]]
        with pytest.raises(CorruptMessage, match="column 't': row 0 is no UTF-8"):
            send(writer, reader, buffer.tobytes(), True)


def test_other_codecs_are_refused(directory: str) -> None:
    with raw.create_writer("c", size_mb=1), pytest.raises(QdsError, match="raw1"):
        RingReader("c")
