"""Messages of the codec `arrow-ipc` (see arrow-messages.md), by pyarrow."""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import pyarrow as pa

from .errors import CorruptMessage, UnsupportedMessage
from .reader import Message

_CONTINUATION = b"\xff\xff\xff\xff"
_END = _CONTINUATION + bytes(4)
_SCHEMA, _DICTIONARY_BATCH, _RECORD_BATCH = 1, 2, 3
_LONGEST_METADATA = 1 << 28
_DEEPEST_NESTING = 64
_MOST_METADATA = 2048


def _padded(length: int) -> int:
    return -(-length // 64) * 64


# ---- FlatBuffers, as far as frames need them


class _Table:
    """A table of a private FlatBuffer; every reference is checked by `struct` against the end of it, and not negative."""

    __slots__ = ("_vtable", "_vtable_length", "data", "position")

    def __init__(self, data: bytes | bytearray, position: int) -> None:
        self.data = data
        self.position = position
        self._vtable = position - struct.unpack_from("<i", data, _inside(data, position))[0]
        self._vtable_length = struct.unpack_from("<H", data, _inside(data, self._vtable))[0]

    @staticmethod
    def root(data: bytes | bytearray) -> _Table:
        return _Table(data, struct.unpack_from("<I", data, 0)[0])

    def slot(self, index: int) -> int:
        """Where a field lies, or 0 if it is left out."""
        at = 4 + 2 * index
        if at + 2 > self._vtable_length:
            return 0
        offset = struct.unpack_from("<H", self.data, _inside(self.data, self._vtable + at))[0]
        return self.position + offset if offset else 0

    def number(self, index: int, form: str, default: int = 0) -> int:
        at = self.slot(index)
        return int(struct.unpack_from("<" + form, self.data, at)[0]) if at else default

    def table(self, index: int) -> _Table | None:
        at = self.slot(index)
        return _Table(self.data, at + struct.unpack_from("<I", self.data, at)[0]) if at else None

    def vector(self, index: int) -> tuple[int, int]:
        """Position of the first element, and count."""
        at = self.slot(index)
        if not at:
            return 0, 0
        at += struct.unpack_from("<I", self.data, at)[0]
        return at + 4, int(struct.unpack_from("<I", self.data, at)[0])


def _inside(data: bytes | bytearray, position: int) -> int:
    if not 0 <= position < len(data):
        raise struct.error(f"a reference leads to byte {position} of {len(data)}")
    return position


_i32 = struct.Struct("<i").unpack_from
_i64 = struct.Struct("<q").unpack_from
_vtable = struct.Struct(
    "<6H"
).unpack_from  # its length, the table's, and where version, header type, header and body are


def _header_type_and_body(metadata: bytes | bytearray) -> tuple[int, int]:
    """As `_Table` would find them, but in one go: each message read pays for it."""
    (table,) = _i32(metadata, 0)
    vtable = table - _i32(metadata, table)[0]
    if table < 0 or vtable < 0:
        raise struct.error(f"a reference leads to byte {min(table, vtable)} of {len(metadata)}")
    length, _, _, kind, _, body = _vtable(metadata, vtable)
    if length < 12:  # without a body
        body = 0
        if length < 8:
            kind = 0
    return metadata[table + kind] if kind else 0, _i64(metadata, table + body)[0] if body else 0


# ---- Schemas, as far as the nodes of a batch need them

# Codes of the union Type in Arrow's Schema.fbs, and the number of buffers of an array of it; the others have two.
_NULL, _UNION, _RUN_END_ENCODED, _BINARY_VIEW, _UTF8_VIEW = 1, 14, 22, 23, 24
_BUFFER_COUNTS = {_NULL: 0, 4: 3, 5: 3, 13: 1, 16: 1, 19: 3, 20: 3, _RUN_END_ENCODED: 0, 25: 3, 26: 3}


class _Node(NamedTuple):
    """What a node of a batch stands for."""

    buffer_count: int
    has_validity: bool
    has_views: bool


class _Layout:
    """The nodes that a schema demands of a batch, and of each dictionary by its id.

    The schema's metadata has passed pyarrow's verifier, which bounds the number of its tables.
    """

    def __init__(self, metadata: bytes) -> None:
        self.batch: list[_Node] = []
        self.dictionaries: dict[int, list[_Node]] = {}
        schema = _Table.root(metadata).table(2)
        if schema is not None:
            self._add_children(schema, 1, self.batch, 1)

    def _add_children(self, parent: _Table, index: int, nodes: list[_Node], depth: int) -> None:
        first, count = parent.vector(index)
        if count and depth > _DEEPEST_NESTING:
            raise ValueError(f"fields are nested deeper than {_DEEPEST_NESTING}")
        for at in range(first, first + 4 * count, 4):
            field = _Table(parent.data, at + struct.unpack_from("<I", parent.data, at)[0])
            encoding = field.table(4)
            if encoding is None:
                self._add(field, nodes, depth)
            else:  # the batch has the indices
                nodes.append(_Node(2, True, False))
                values = self.dictionaries[encoding.number(0, "q")] = []
                self._add(field, values, depth)

    def _add(self, field: _Table, nodes: list[_Node], depth: int) -> None:
        kind = field.number(2, "B")
        if kind == _UNION:
            union = field.table(3)
            is_dense = union is not None and union.number(0, "h") == 1
            nodes.append(_Node(1 + is_dense, False, False))
        else:
            has_validity = kind not in (_NULL, _RUN_END_ENCODED)
            nodes.append(_Node(_BUFFER_COUNTS.get(kind, 2), has_validity, kind in (_BINARY_VIEW, _UTF8_VIEW)))
        self._add_children(field, 5, nodes, depth + 1)

    def with_counted_nulls(self, metadata: bytes) -> bytes:
        """Metadata of a batch or dictionary in which an array without a validity buffer has no nulls, also where they were
        not counted (ARROW-READ-03): pyarrow misses the buffer otherwise."""
        kind, _ = _header_type_and_body(metadata)
        batch = _Table.root(metadata).table(2)
        nodes = self.batch
        if batch is not None and kind == _DICTIONARY_BATCH:
            nodes = self.dictionaries.get(batch.number(0, "q"), [])
            batch = batch.table(1)
        if batch is None:
            return metadata
        at, count = batch.vector(1)
        buffer, _ = batch.vector(2)
        variadic, _ = batch.vector(4)
        counted = bytearray(metadata)
        for node in nodes[:count]:
            if node.has_validity and _i64(metadata, at + 8)[0] == -1 and _i64(metadata, buffer + 8)[0] == 0:
                struct.pack_into("<q", counted, at + 8, 0)
            at += 16
            buffer += 16 * node.buffer_count
            if node.has_views:
                buffer += 16 * _i64(metadata, variadic)[0]
                variadic += 8
        return bytes(counted)


# ---- Writing


class _Collector:
    """A sink that keeps what a stream writer writes, buffers by reference."""

    closed = False

    def __init__(self) -> None:
        self.chunks: list[Any] = []

    def write(self, data: Any) -> int:
        self.chunks.append(data)
        return len(data)

    def tell(self) -> int:
        return 0

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass

    def readable(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False


class Prepared:
    """A table whose place is known: its values are copied once, by `store`, into the channel.

    pyarrow's stream writer frames and slices; here its frames are laid out anew, so that every body and buffer begins at
    a multiple of 64 (ARROW-ALIGN-01, -02).
    """

    def __init__(self, data: pa.Table | pa.RecordBatch) -> None:
        if isinstance(data, pa.Table):
            # A dictionary that changes between the batches of one message may be refused (ARROW-READ-04).
            data = data.unify_dictionaries()
        sink = _Collector()
        options = pa.ipc.IpcWriteOptions(metadata_version=pa.ipc.MetadataVersion.V5, compression=None)
        with pa.ipc.new_stream(pa.PythonFile(sink, mode="w"), data.schema, options=options) as stream:
            stream.write(data)
        self._parts: list[tuple[int, Any]] = []  # (offset, bytes or buffer); between them are zeros
        self.length = 0
        chunks = iter(sink.chunks)
        for prefix in chunks:
            size = bytes(next(chunks))
            if bytes(prefix) != _CONTINUATION:
                raise AssertionError("pyarrow framed its stream in another way than this package knows")
            length = struct.unpack("<i", size)[0]
            if length == 0:
                break
            metadata = bytearray()
            while len(metadata) < length:
                metadata += next(chunks)
            self._add_frame(metadata, chunks)
        self._parts.append((self.length, _END))
        self.length += len(_END)

    def _add_frame(self, metadata: bytearray, chunks: Iterator[Any]) -> None:
        kind, old_body = _header_type_and_body(metadata)
        moved: dict[int, int] = {}
        body = 0
        if kind in (_DICTIONARY_BATCH, _RECORD_BATCH):
            batch = _Table.root(metadata).table(2)
            if batch is not None and kind == _DICTIONARY_BATCH:
                batch = batch.table(1)
            if batch is None:
                raise AssertionError("pyarrow wrote a batch without its header")
            first, count = batch.vector(2)
            for at in range(first, first + 16 * count, 16):
                offset, length = struct.unpack_from("<qq", metadata, at)
                struct.pack_into("<q", metadata, at, body)
                if length:
                    moved[offset] = body
                body += _padded(length)
            at = _Table.root(metadata).slot(3)
            if at:
                struct.pack_into("<q", metadata, at, body)
        framed = _padded(8 + len(metadata))
        self._parts.append((self.length, _CONTINUATION + struct.pack("<i", framed - 8) + metadata))
        begin = self.length + framed
        seen = 0
        while seen < old_body:
            chunk = next(chunks)
            if seen in moved:
                self._parts.append((begin + moved.pop(seen), chunk))
            seen += len(chunk)
        if moved:
            raise AssertionError(f"pyarrow left out the buffers at {sorted(moved)}")
        self.length = begin + body

    def store(self, address: int) -> None:
        """Copies all of it to `address`, zeros between the buffers (ARROW-ALIGN-03)."""
        position = 0
        for offset, chunk in self._parts:
            if offset > position:
                ctypes.memset(address + position, 0, offset - position)
            length = len(chunk)
            # Both give the interpreter lock up, so that other threads run while much is copied.
            if isinstance(chunk, pa.Buffer):
                ctypes.memmove(address + offset, chunk.address, length)
            else:
                ctypes.memmove(address + offset, bytes(chunk), length)
            position = offset + length
        if self.length > position:
            ctypes.memset(address + position, 0, self.length - position)


# ---- Reading


_EMPTY = partial(next, iter(()))


class _Frames:
    """A source for pyarrow: frames whose metadata is private (ARROW-CHECK-01) and whose bodies are those of the message.

    Its parts are cut as pyarrow reads them: marker, length, metadata, body. It asks for a length, which is that of the next
    part, and gets `next(parts, length)`: no call of Python code for each of them.
    """

    closed = False
    read: Callable[[int], Any]

    def set(self, parts: Sequence[Any]) -> None:
        self.read = self.read_buffer = partial(next, iter(parts))

    def tell(self) -> int:
        return 0

    def close(self) -> None:
        pass

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False


class Decoder:
    """Turns messages into tables whose buffers lie in the channel; the loan ends with the last of them.

    Keeps the last schema, and compares its bytes (ARROW-CACHE-01).
    """

    def __init__(self, channel: str, full: bool) -> None:
        """`full`: look at each value too (ARROW-CHECK-03)."""
        self._channel = channel
        self._full = full
        self._schema_bytes = b""
        self._schema: pa.Schema | None = None
        self._sources: list[tuple[_Frames, pa.PythonFile]] = []

    def decode(self, message: Message) -> pa.Table:
        try:
            frame = self._only_frame(message)
            if frame is None:
                return self._decode(message)
            try:
                batch = pa.ipc.read_record_batch(frame, self._schema)
                batch.validate(full=self._full)
            except pa.ArrowInvalid:
                return self._decode(message)  # it may be as ARROW-READ-03 says
            return pa.Table.from_batches([batch])
        except pa.ArrowNotImplementedError as e:
            raise UnsupportedMessage(f"channel {self._channel}: message {message.sequence}: {e}; it was passed over") from e
        except (pa.ArrowException, struct.error, ValueError, IndexError, OverflowError, OSError) as e:
            raise CorruptMessage(
                f"channel {self._channel}: message {message.sequence} of {message.length} bytes is no sound Arrow stream: {e}; "
                f"it was passed over"
            ) from e

    def _decode(self, message: Message) -> pa.Table:
        if message.length == 0:
            raise ValueError("it is empty, a schema was expected")
        parts, metadata, kinds, schema_length = _split(pa.foreign_buffer(message.address, message.length, message))
        if not kinds or kinds[0] != _SCHEMA:
            raise ValueError(f"it begins with a header of type {kinds[0] if kinds else 'none'}, a schema was expected")
        if _SCHEMA in kinds[1:]:
            raise ValueError("it has a second schema")
        frames = _Frames()
        frames.set(parts)
        reader = pa.ipc.open_stream(pa.PythonFile(frames, mode="r"))  # which reads the schema, and nothing behind it
        schema = reader.schema
        layout = _Layout(parts[metadata[0]])
        for at in metadata[1:]:
            parts[at] = layout.with_counted_nulls(parts[at])
        batches = list(reader)
        if parts[0] == _CONTINUATION and schema_length and not _has_dictionary(schema):
            self._schema_bytes, self._schema = b"".join(parts[:3]), schema
        for batch in batches:
            batch.validate(full=self._full)
        return pa.Table.from_batches(batches, schema)

    def _only_frame(self, message: Message) -> pa.Message | None:
        """That of a message which has the last schema and one batch, as most have; None for any other."""
        known, view = self._schema_bytes, message.view()
        # One copy of the bytes, which is what is checked and what is used.
        head = view[: len(known) + _MOST_METADATA].tobytes()
        begin = len(known) + 8
        if not known or not head.startswith(known) or len(head) < begin or head[begin - 8 : begin - 4] != _CONTINUATION:
            return None
        body_begin = begin + _i32(head, begin - 4)[0]
        if not begin < body_begin <= len(head):
            return None
        metadata = head[begin:body_begin]
        kind, body = _header_type_and_body(metadata)
        end = body_begin + body
        if kind != _RECORD_BATCH or not body_begin <= end <= message.length:
            return None
        if end < message.length and view[end : end + 8] != _END:
            return None
        try:
            frames, source = self._sources.pop()
        except IndexError:  # the first time, or another thread has it
            frames = _Frames()
            source = pa.PythonFile(frames, mode="r")
        buffer = pa.foreign_buffer(message.address + body_begin, body, message)
        frames.set((_CONTINUATION, head[begin - 4 : begin], metadata, buffer))
        frame = pa.ipc.read_message(source)
        frames.read = frames.read_buffer = _EMPTY  # they would hold the message
        self._sources.append((frames, source))
        return frame


def _split(payload: pa.Buffer) -> tuple[list[Any], list[int], list[int], int]:
    """Private metadata and shared bodies by turns; which of them are metadata; the types of the headers; and the length of
    the first frame, if that has no body."""
    parts: list[Any] = []
    metadata_at: list[int] = []
    kinds: list[int] = []
    first_length = position = 0
    end = payload.size
    while position < end:
        begin = position
        prefix = payload.slice(position, min(8, end - position)).to_pybytes()
        position += 8 if prefix[:4] == _CONTINUATION else 4  # before Arrow 0.15
        if position > end:
            raise ValueError(f"{end - begin} bytes are left where a frame was expected")
        length = _i32(prefix, position - begin - 4)[0]
        if length == 0:
            break
        if not 0 < length <= min(end - position, _LONGEST_METADATA):
            raise ValueError(f"metadata of {length} bytes at {position}, {end - position} are left")
        # One copy of the bytes, which is what is checked and what is used.
        metadata = payload.slice(position, length).to_pybytes()
        kind, body = _header_type_and_body(metadata)
        if kind not in (_SCHEMA, _DICTIONARY_BATCH, _RECORD_BATCH):
            raise pa.ArrowNotImplementedError(
                f"it has a header of type {kind}, allowed are schema, dictionary batch and record batch"
            )
        parts += (prefix[at : at + 4] for at in range(0, position - begin, 4))
        metadata_at.append(len(parts))
        parts.append(metadata)
        position += length
        if not 0 <= body <= end - position:
            raise ValueError(f"a body of {body} bytes at {position}, {end - position} are left")
        if body:
            parts.append(payload.slice(position, body))
        elif not kinds:
            first_length = position
        kinds.append(kind)
        position += body
    parts.append(b"")
    return parts, metadata_at, kinds, first_length


def _has_dictionary(schema: pa.Schema) -> bool:
    def has(kind: pa.DataType) -> bool:
        if pa.types.is_dictionary(kind):
            return True
        if isinstance(kind, pa.BaseExtensionType):
            return has(kind.storage_type)
        return any(has(kind.field(i).type) for i in range(kind.num_fields))

    return any(has(field.type) for field in schema)
