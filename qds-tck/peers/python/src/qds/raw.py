"""Batches of columns, of the codec `raw1` (see raw-columns.md), as numpy arrays over the shared memory.

    from qds import raw

    with raw.create_writer("prices") as writer:
        raw.write(writer, {
            raw.Field("id", "int64"): np.arange(3),
            raw.Field("name", "utf8"): ["Alice", "Bob", "Charlie"],
            raw.Field("price", "float64", nullable=True): [10.5, None, 31.5],
        })

    with raw.create_reader("prices") as reader:
        batch = raw.read(reader)
        batch["price"].values            # a numpy array over the shared memory
        batch["name"][1]                 # 'Bob'

A message's memory goes back to the writer when the last array that shows it is gone.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .errors import CorruptMessage, IncompatibleChannel
from .reader import Message, RingReader
from .segment import Geometry
from .writer import RingWriter

CODEC = "raw1"

_TYPES = (
    "", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64", "bool",
    "timestamp", "fixed", "utf8", "binary",
)  # fmt: skip
_FIXED, _UTF8, _BINARY = 13, 14, 15
#: As they lie in memory. A boolean is a byte: only one that was compared with 0 becomes a `bool` (RAW-TYPE-05).
_DTYPES = {
    1: "<i1", 2: "<i2", 3: "<i4", 4: "<i8", 5: "<u1", 6: "<u2", 7: "<u4", 8: "<u8", 9: "<f4", 10: "<f8", 11: "<u1",
    12: "<i8",
}  # fmt: skip

_MAGIC = 0x57415251
_HEADER = struct.Struct("<IHHiiiIq32x")
_FIELD = struct.Struct("<BBHiii")
_BUFFERS = struct.Struct("<qqqq")
_NULLABLE = 1
_MOST_COLUMNS, _LONGEST_SCHEMA, _LONGEST_NAME, _WIDEST = 1 << 20, 1 << 26, 65535, 1 << 20
_I31 = (1 << 31) - 1


def _padded(length: int) -> int:
    return -(-length // 64) * 64


@dataclass(frozen=True)
class Field:
    """What a column is. `type`: its name in the specification; `width`: bytes of a value, only for `fixed`."""

    name: str
    type: str
    nullable: bool = False
    width: int = 0

    @property
    def code(self) -> int:
        return _TYPES.index(self.type)

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(f"V{self.width}" if self.code == _FIXED else _DTYPES[self.code])

    @property
    def stored_width(self) -> int:
        """Bytes of a value, 0 where they vary."""
        return 0 if self.code >= _UTF8 else self.dtype.itemsize


# ---- Writing


class Encoded:
    """A batch whose place is known: its values are copied once, by `store`, into the channel.

    Values of fixed width may be arrays, masked arrays, or lists with None for null; those of `fixed`, `utf8` and `binary` lists of
    bytes or str.
    """

    def __init__(self, row_count: int, columns: Mapping[Field, Any]) -> None:
        fields = list(columns)
        if len({field.name for field in fields}) != len(fields):
            raise ValueError(f"columns have the same name: {[field.name for field in fields]}")
        names = [field.name.encode() for field in fields]
        entries, at = bytearray(), len(fields) * _FIELD.size
        for field, name in zip(fields, names, strict=True):
            if not 1 <= len(name) <= _LONGEST_NAME:
                raise ValueError(f"the name {field.name!r} has {len(name)} bytes, allowed are 1 to {_LONGEST_NAME}")
            if field.code == _FIXED and not 1 <= field.width <= _WIDEST:
                raise ValueError(f"column {field.name!r} has width {field.width}, allowed is 1 to {_WIDEST}")
            entries += _FIELD.pack(field.code, field.nullable, 0, field.stored_width, at, len(name))
            at += len(name)
        schema = bytes(entries) + b"".join(names)
        schema += bytes(_padded(len(schema)) - len(schema))
        self._parts: list[tuple[int, Any]] = []  # (offset, array)
        self._end = _padded(_HEADER.size + len(schema) + len(fields) * _BUFFERS.size)
        table = b"".join(self._place(field, row_count, values) for field, values in columns.items())
        self.length = self._end
        header = _HEADER.pack(_MAGIC, 1, 0, row_count, len(fields), len(schema), 0, self.length)
        self._parts.append((0, np.frombuffer(header + schema + table, np.uint8)))

    def _add(self, array: np.ndarray[Any, Any]) -> int:
        at = self._end
        self._parts.append((at, np.ascontiguousarray(array)))
        self._end += _padded(array.nbytes)
        return at

    def _place(self, field: Field, row_count: int, values: Any) -> bytes:
        if len(values) != row_count:
            raise ValueError(f"column {field.name!r} has {len(values)} values, the batch has {row_count} rows")
        nulls = _nulls(values)
        validity = data = data_length = 0
        if nulls.any():
            if not field.nullable:
                raise ValueError(f"column {field.name!r} has nulls; declare it with nullable=True")
            validity = self._add(np.packbits(~nulls, bitorder="little"))
        if field.code >= _UTF8:
            parts = [b"" if v is None else v.encode() if isinstance(v, str) else bytes(v) for v in values]
            data_length = sum(map(len, parts))
            if data_length > _I31:
                raise ValueError(f"column {field.name!r} has {data_length} bytes, allowed are {_I31}")
            at = self._add(np.cumsum([0, *map(len, parts)], dtype="<i4"))
            data = self._add(np.frombuffer(b"".join(parts), np.uint8))
        else:
            at = self._add(_fixed(field, values))
        return _BUFFERS.pack(validity, at, data, data_length)

    def store(self, address: int) -> None:
        for offset, array in self._parts:
            ctypes.memmove(address + offset, array.ctypes.data, array.nbytes)


def _nulls(values: Any) -> np.ndarray[Any, Any]:
    if isinstance(values, np.ma.MaskedArray):
        return np.ma.getmaskarray(values)
    if isinstance(values, np.ndarray):
        return np.zeros(len(values), bool)
    return np.fromiter((v is None for v in values), bool, len(values))


def _fixed(field: Field, values: Any) -> np.ndarray[Any, Any]:
    if field.code == _FIXED:
        parts = [bytes(field.width) if v is None else bytes(v) for v in values]
        if any(len(part) != field.width for part in parts):
            raise ValueError(f"column {field.name!r}: each value has {field.width} bytes")
        return np.frombuffer(b"".join(parts), field.dtype, len(parts)) if parts else np.empty(0, field.dtype)
    if isinstance(values, np.ndarray):
        array = np.ma.getdata(values)
        if array.dtype.kind == "M":
            array = array.astype("datetime64[ns]").view("<i8")
        converted = array.astype(field.dtype, copy=False)
        if array.dtype.kind in "iu" and converted.dtype.kind in "iu" and not (converted == array).all():
            raise ValueError(f"column {field.name!r}: a value does not fit into {field.type}")
        return converted
    return np.array([0 if v is None else v for v in values], field.dtype)


def write(writer: RingWriter, columns: Mapping[Field, Any], timeout: float | None = None, tag: int = 0) -> int | None:
    """Copies a batch into the channel, once, and returns its sequence; None if there was no room within `timeout` seconds."""
    lengths = {len(values) for values in columns.values()}
    encoded = Encoded(max(lengths, default=0), columns)
    claim = writer.claim(encoded.length, timeout)
    if claim is None:
        return None
    encoded.store(claim.address)
    return writer.commit(claim, tag=tag)


# ---- Reading


class _Part:
    """Memory of a message, for numpy: the arrays made of it hold the message (RAW-LIFE-01)."""

    def __init__(self, message: Message, offset: int, count: int, dtype: np.dtype[Any]) -> None:
        self._message = message
        self.__array_interface__ = {
            "version": 3, "shape": (count,), "typestr": dtype.str, "data": (message.address + offset, True),
        }  # fmt: skip


class Column:
    """A column over the shared memory. `values` are those of fixed width; a null's is anything."""

    def __init__(self, field: Field, row_count: int, where: str) -> None:
        self.field = field
        self._row_count = row_count
        self._where = where
        self.values: np.ndarray[Any, Any]
        #: Bits, the lowest first; None: no value is null.
        self.validity: np.ndarray[Any, Any] | None = None
        #: Of `utf8` and `binary`; check what you take from them, the writer may not be honest.
        self.offsets: np.ndarray[Any, Any]
        self.data: np.ndarray[Any, Any]

    def __len__(self) -> int:
        return self._row_count

    def nulls(self) -> np.ndarray[Any, Any]:
        """Which values are null, as booleans: a copy."""
        if self.validity is None:
            return np.zeros(self._row_count, bool)
        return np.unpackbits(self.validity, count=self._row_count, bitorder="little") == 0

    def is_null(self, row: int) -> bool:
        return self.validity is not None and not self.validity[row >> 3] >> (row & 7) & 1

    def __getitem__(self, row: int) -> Any:
        """A value: None, a number, bool, bytes or str."""
        if not 0 <= row < self._row_count:
            raise IndexError(f"column {self.field.name!r} row {row}, allowed are 0 to {self._row_count - 1}")
        if self.is_null(row):
            return None
        if self.field.code < _UTF8:
            value = self.values[row]
            return value != 0 if self.field.code == 11 else value.tobytes() if self.field.code == _FIXED else value
        content = self._bytes(row)
        return content.decode("utf-8", "replace") if self.field.code == _UTF8 else content

    def __iter__(self) -> Iterator[Any]:
        return (self[row] for row in range(self._row_count))

    def raw_bytes(self, row: int) -> bytes:
        """The bytes of a value as they lie in memory, copied."""
        if self.field.code < _UTF8:
            return self.values[row].tobytes()
        return self._bytes(row)

    def _bytes(self, row: int) -> bytes:
        begin, end = self.offsets[row : row + 2].tolist()  # each is loaded once (RAW-CHECK-03)
        if not 0 <= begin <= end <= len(self.data):
            raise CorruptMessage(
                f"{self._where} column {self.field.name!r}: row {row} has offsets {begin} and {end}, "
                f"allowed are 0 <= first <= second <= {len(self.data)}; it was passed over"
            )
        return self.data[begin:end].tobytes()

    def check(self) -> None:
        """Full validation (RAW-CHECK-04)."""
        wrong = None
        if self.field.code >= _UTF8:
            for row in range(self._row_count):
                content = self._bytes(row)
                try:
                    if self.field.code == _UTF8:
                        content.decode()
                except UnicodeDecodeError as e:
                    wrong = f"row {row} is no UTF-8: {e}"
        elif self.field.code == 11 and (self.values > 1).any():
            wrong = "a boolean is neither 0 nor 1"
        if wrong:
            raise CorruptMessage(f"{self._where} column {self.field.name!r}: {wrong}; it was passed over")


class Batch(Mapping[str, Column]):
    """The columns of a message by name, in order."""

    def __init__(self, row_count: int, columns: Sequence[Column]) -> None:
        self.row_count = row_count
        self._columns = {column.field.name: column for column in columns}

    def __getitem__(self, name: str) -> Column:
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)


class Decoder:
    """Turns messages into batches; checks what describes them in a private copy. Keeps the last schema, and compares its bytes."""

    def __init__(self, channel: str, full: bool = False) -> None:
        self._channel = channel
        self._full = full
        self._schema = b""
        self._fields: list[Field] = []

    def decode(self, message: Message) -> Batch:
        where = f"channel {self._channel}: message {message.sequence} of {message.length} bytes:"

        def require(what: str, found: int, least: int, most: int) -> None:
            if not least <= found <= most:
                raise CorruptMessage(f"{where} {what} is {found}, allowed is {least} to {most}; it was passed over")

        view = message.view()
        require("its length", len(view), _HEADER.size, len(view))
        magic, version, _, rows, count, schema_length, _, length = _HEADER.unpack(view[: _HEADER.size].tobytes())
        if magic != _MAGIC:
            raise CorruptMessage(f"{where} magic is {magic:#x}, allowed is {_MAGIC:#x}; it was passed over")
        if version != 1:
            raise IncompatibleChannel(f"{where} version is {version}, known is 1; use the same version on both sides")
        require("rowCount", rows, 0, _I31)
        require("columnCount", count, 0, _MOST_COLUMNS)
        require("schemaLength", schema_length, count * _FIELD.size, _LONGEST_SCHEMA)
        table_at = _HEADER.size + schema_length
        least = _padded(table_at + count * _BUFFERS.size)
        require("messageLength", length, least, len(view))
        require("schemaLength mod 64", schema_length % 64, 0, 0)
        require("messageLength mod 64", length % 64, 0, 0)
        # One copy of the bytes, which is what is checked and what is used (RAW-CHECK-01).
        metadata = view[_HEADER.size : table_at + count * _BUFFERS.size].tobytes()
        self._read_schema(metadata[:schema_length], count, where)

        def part(field: Field, what: str, offset: int, items: int, dtype: Any) -> np.ndarray[Any, Any]:
            kind = np.dtype(dtype)
            room = _padded(items * kind.itemsize)
            require(f"column {field.name!r} {what} offset", offset, least, length - room)
            require(f"column {field.name!r} {what} offset mod 64", offset % 64, 0, 0)
            return np.asarray(_Part(message, offset, items, kind)) if items else np.empty(0, kind)

        columns = []
        for i, field in enumerate(self._fields):
            validity, values, data, data_length = _BUFFERS.unpack_from(metadata, schema_length + i * _BUFFERS.size)
            column = Column(field, rows, where)
            if validity or not field.nullable:
                require(f"column {field.name!r} validity", validity, *((least, length) if field.nullable else (0, 0)))
            if validity:
                column.validity = part(field, "validity", validity, -(-rows // 8), np.uint8)
            if field.code >= _UTF8:
                require(f"column {field.name!r} dataLength", data_length, 0, _I31)
                column.offsets = part(field, "values", values, rows + 1, "<i4")
                column.data = part(field, "data", data, data_length, np.uint8)
                first, last = int(column.offsets[0]), int(column.offsets[-1])
                require(f"column {field.name!r} first offset", first, 0, 0)
                require(f"column {field.name!r} last offset", last, 0, data_length)
            else:
                require(f"column {field.name!r} data", data, 0, 0)
                require(f"column {field.name!r} dataLength", data_length, 0, 0)
                column.values = part(field, "values", values, rows, field.dtype)
            if self._full:
                column.check()
            columns.append(column)
        return Batch(rows, columns)

    def _read_schema(self, schema: bytes, count: int, where: str) -> None:
        if schema == self._schema and count == len(self._fields):
            return
        fields, names_at = [], count * _FIELD.size
        unused = len(schema) - names_at  # names that shared bytes would take much more memory than the message
        for i in range(count):
            code, flags, _, width, at, length = _FIELD.unpack_from(schema, i * _FIELD.size)
            if not 0 < code < len(_TYPES) or flags & ~_NULLABLE:
                raise IncompatibleChannel(
                    f"{where} column {i} has type {code} and flags {flags:#x}, known are 1 to 15 and 1; "
                    f"use the same version on both sides"
                )
            inside = 1 <= length <= min(_LONGEST_NAME, unused) and names_at <= at <= len(schema) - length
            fits = 1 <= width <= _WIDEST if code == _FIXED else width == Field("", _TYPES[code]).stored_width
            if not inside or not fits:
                raise CorruptMessage(
                    f"{where} column {i} has width {width}, name at {at} of {length} bytes; it was passed over"
                )
            unused -= length
            try:
                name = schema[at : at + length].decode()
            except UnicodeDecodeError as e:
                raise CorruptMessage(f"{where} the name of column {i} is no UTF-8: {e}; it was passed over") from e
            fields.append(Field(name, _TYPES[code], bool(flags & _NULLABLE), width if code == _FIXED else 0))
        if len({field.name for field in fields}) != count:
            raise CorruptMessage(f"{where} columns have the same name; it was passed over")
        self._schema, self._fields = schema, fields


# ---- Channels


def create_writer(name: str, size_mb: int = 100, directory: str | None = None, **options: Any) -> RingWriter:
    """The writing end of a channel of raw batches, for `write`."""
    return RingWriter(name, Geometry(segment_length=size_mb << 20), directory, codec=CODEC, **options)


def create_reader(name: str, directory: str | None = None, **options: Any) -> RingReader:
    """A reading end of a channel of raw batches, for `read`."""
    return RingReader(name, directory, codecs=(CODEC,), **options)


def read(reader: RingReader, timeout: float | None = None, full: bool = False) -> Batch | None:
    """The next batch; None if none came within `timeout` seconds. `full`: look at each value too, as for another user's channel."""
    message = reader.read(timeout)
    if message is None:
        return None
    return Decoder(reader.name, full or reader.segment.is_foreign).decode(message)
