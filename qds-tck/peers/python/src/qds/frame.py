"""The end that users hold: tables and data frames in and out."""

from __future__ import annotations

import importlib
import importlib.util
import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Self

from .errors import EndOfChannel, QdsError
from .reader import Message, RingReader
from .segment import VERSION, Geometry
from .writer import RingWriter

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

_MIB = 1 << 20
#: Codec id, and the module whose class `Decoder` makes tables of its messages.
_CODECS = {"arrow-ipc": "qds.ipc"}


def has_arrow_support() -> bool:
    """Whether pyarrow is installed, which reading and writing need."""
    return importlib.util.find_spec("pyarrow") is not None


def get_version() -> str:
    return VERSION


def _require(*modules: str) -> Any:
    """The last of the modules."""
    try:
        return [importlib.import_module(module) for module in modules][-1]
    except ImportError as e:
        raise QdsError(f"{' and '.join(modules)} needed, and not there ({e}): pip install {' '.join(modules)}") from e


def _ipc() -> Any:
    _require("pyarrow")
    from . import ipc

    return ipc


def _seconds(timeout_ms: float) -> float | None:
    return None if timeout_ms < 0 else timeout_ms / 1000


class SharedDataFrame:
    """One end of a channel, made by `create_writer` or `create_reader`.

    Close it, or use it with `with`. A reader can be iterated: it gives DataFrames until the writer closes.
    """

    def __init__(self, writer: RingWriter | None, reader: RingReader | None, validates: bool = False) -> None:
        self._writer = writer
        self._reader = reader
        self._validates = validates
        self._decode: Callable[[Message], pa.Table] | None = None

    # ---- Making

    @staticmethod
    def create_writer(
        name: str,
        size_mb: float | None = None,
        buffer_count: int | None = None,
        *,
        directory: str | os.PathLike[str] | None = None,
        drop_oldest: bool | None = None,
        reader_count: int | None = None,
        retain_count: int | None = None,
        checksums: bool | None = None,
        mode: int = 0o600,
        label: str = "",
    ) -> SharedDataFrame:
        """Creates the channel, or goes on with one that has no writer; that has to be as far as is asked for here.

        :param size_mb: length of the channel's file in 2^20 bytes; one message may take nearly half of it. Default: 100
        :param buffer_count: the most unread messages, 1 or more; the writer then waits for its readers. Default: 3
        :param directory: where the channel is; default is QDS_DIR, or /dev/shm
        :param drop_oldest: never wait: overwrite the oldest messages. Readers are then observers
        :param reader_count: the most readers at a time. Default: 64
        :param retain_count: messages that everybody has read and that are kept for late readers, while there is room.
            Default: 0
        :param checksums: store one with each message, which every reader checks
        :param mode: permissions of the file
        """
        unread = 3 if buffer_count is None else buffer_count
        if unread < 1:
            raise ValueError(f"channel {name}: buffer_count is {buffer_count}, 1 is the least")
        asked: dict[str, Any] = {
            "segment_length": None if size_mb is None else int(size_mb * _MIB),
            "drops_oldest": drop_oldest,
            "reader_entry_count": reader_count,
            "checksums": checksums,
            "retain_count": retain_count,
        }
        asked = {what: value for what, value in asked.items() if value is not None}
        # One slot more than unread messages: a reader may hold one that it has read while it waits for the next.
        geometry = Geometry(slot_count=1 << unread.bit_length(), explicit=tuple(asked), **asked)
        place = None if directory is None else os.fspath(directory)
        return SharedDataFrame(RingWriter(name, geometry, place, unread, mode, label), None)

    @staticmethod
    def create_reader(
        name: str,
        *,
        directory: str | os.PathLike[str] | None = None,
        observer: bool | None = None,
        start: str | int = "oldest",
        allow_gaps: bool = True,
        wait_for_successor: bool = False,
        validate: bool = False,
        label: str = "",
        channel_timeout_ms: float = 0,
    ) -> SharedDataFrame:
        """Attaches to a channel.

        :param observer: never hold the writer up; miss what it overwrites. Default: as the channel demands
        :param start: 'oldest', 'latest', or the number of a message
        :param allow_gaps: begin at the oldest message if `start` is gone already
        :param wait_for_successor: the writer's end is not the end; wait for the next one
        :param validate: look at every value before it is handed out; always so if the channel belongs to another user
        :param channel_timeout_ms: how long to wait for the channel to appear (-1: for ever)
        """
        place = None if directory is None else os.fspath(directory)
        reader = RingReader(
            name,
            place,
            observer,
            start,
            allow_gaps,
            wait_for_successor,
            label,
            _seconds(channel_timeout_ms),
            tuple(_CODECS),
        )
        return SharedDataFrame(None, reader, validate)

    # ---- Writing

    def write(self, df: pl.DataFrame, timeout_ms: float = -1) -> bool:
        """Writes a polars DataFrame; False if there was no room in time (-1: wait for ever)."""
        writer = self._as_writer()
        polars = _require("pyarrow", "polars")
        if isinstance(df, polars.LazyFrame):
            raise TypeError("write takes a DataFrame; collect() the LazyFrame first")
        if not isinstance(df, polars.DataFrame):
            return self.write_arrow(df, timeout_ms)
        # As polars has them in memory: views of strings are not turned into something else first.
        return self._write(writer, df.to_arrow(compat_level=polars.CompatLevel.newest()), timeout_ms)

    def write_arrow(self, table: pa.Table | pa.RecordBatch, timeout_ms: float = -1) -> bool:
        """Writes a pyarrow Table or RecordBatch; False if there was no room in time (-1: wait for ever)."""
        writer = self._as_writer()
        pyarrow = _require("pyarrow")
        if not isinstance(table, (pyarrow.Table, pyarrow.RecordBatch)):
            raise TypeError(f"write_arrow takes a pyarrow Table or RecordBatch, not {type(table).__name__}")
        return self._write(writer, table, timeout_ms)

    def _write(self, writer: RingWriter, data: Any, timeout_ms: float) -> bool:
        prepared = _ipc().Prepared(data)
        claim = writer.claim(prepared.length, _seconds(timeout_ms))
        if claim is None:
            return False
        try:
            prepared.store(claim.address)
        except BaseException:
            writer.abort(claim)
            raise
        writer.commit(claim)
        return True

    def _as_writer(self) -> RingWriter:
        if self._writer is None:
            raise QdsError(f"channel {self.name}: this end reads; create_writer makes one that writes")
        return self._writer

    # ---- Reading

    def read(self, timeout_ms: float = -1) -> pl.DataFrame | None:
        """The next message as a polars DataFrame; None if there was none in time (-1: wait for ever).

        Its memory is the channel's, for as long as anything refers to it: a reader that keeps what it reads stops the writer.
        Raises EndOfChannel after the last message of a writer that closed.
        """
        polars = _require("pyarrow", "polars")
        table = self.read_arrow(timeout_ms)
        return None if table is None else polars.from_arrow(table)

    def read_arrow(self, timeout_ms: float = -1) -> pa.Table | None:
        """The next message as a pyarrow Table; else as `read`."""
        reader = self._reader or self._as_reader()
        decode = self._decode or self._new_decoder(reader)
        message = reader.read(None if timeout_ms < 0 else timeout_ms / 1000)
        return None if message is None else decode(message)

    def _new_decoder(self, reader: RingReader) -> Callable[[Message], pa.Table]:
        _require("pyarrow")
        full = reader.segment.is_foreign or self._validates
        decode: Callable[[Message], pa.Table]
        decode = importlib.import_module(_CODECS[reader.segment.header.codec]).Decoder(reader.name, full).decode
        self._decode = decode
        return decode

    def wait_for_data(self, timeout_ms: float = -1) -> bool:
        """Waits until there is something to read; False if there was nothing in time."""
        return self._as_reader().wait(_seconds(timeout_ms))

    def _as_reader(self) -> RingReader:
        if self._reader is None:
            raise QdsError(f"channel {self.name}: this end writes; create_reader makes one that reads")
        return self._reader

    def __iter__(self) -> Iterator[pl.DataFrame]:
        while True:
            try:
                frame = self.read()
            except EndOfChannel:
                return
            if frame is not None:
                yield frame
            del frame  # before the next is waited for

    def iter_arrow(self) -> Iterator[pa.Table]:
        """Tables until the writer closes."""
        while True:
            try:
                table = self.read_arrow()
            except EndOfChannel:
                return
            if table is not None:
                yield table
            del table

    # ---- Both

    @property
    def name(self) -> str:
        return self._end.name

    @property
    def _end(self) -> RingWriter | RingReader:
        end = self._writer or self._reader
        assert end is not None
        return end

    def get_stats(self) -> dict[str, int]:
        """Of this end: bytes and messages written and read, waits that ran out, messages lost to an observer, open loans."""
        w, r = self._writer, self._reader
        return {
            "bytes_written": w.bytes_written if w else 0,
            "bytes_read": r.bytes_read if r else 0,
            "writes_count": w.writes_count if w else 0,
            "reads_count": r.reads_count if r else 0,
            "wait_timeouts": self._end.wait_timeouts,
            "lost_count": r.lost_count if r else 0,
            "open_loans": r.open_loans if r else 0,
        }

    def close(self) -> None:
        """Ends a writer's channel; leaves a reader's. Does nothing the second time."""
        self._end.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


create_writer = SharedDataFrame.create_writer
create_reader = SharedDataFrame.create_reader
