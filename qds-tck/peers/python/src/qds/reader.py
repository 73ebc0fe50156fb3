"""The reading end: joins, waits, lends, skips, leaves (chapters 11, 13 and 14)."""

from __future__ import annotations

import ctypes
import os
import threading
import time
from collections import deque
from collections.abc import Collection
from typing import Self

from . import layout as L
from .atomics import Memory, acquire_fence, full_fence
from .checksum import crc32c
from .errors import (
    ChannelBusy,
    ChannelNotFound,
    ChannelRemoved,
    CorruptChannel,
    CorruptMessage,
    EndOfChannel,
    Evicted,
    IncompatibleChannel,
    QdsError,
    ReaderTableFull,
    SequenceGone,
    WriterDied,
)
from .participant import Participant
from .segment import (
    OPEN_PATIENCE,
    Segment,
    channel_directory,
    check_name,
    is_locked_by_others,
    new_token,
    open_for_reader,
    padded,
    this_process,
    try_lock,
    unlock,
)
from .waiting import HAS_FUTEX, bound, sleep_on

_SPINS = 20
_LOOK_EVERY = 0.1
_FREE_ENTRY_PATIENCE = 5.0
_NOBODYS = -1  # given back by close(), so that whoever settles next leaves


class Message:
    """One message on loan, or a private copy of one.

    The loan ends with `release()`, or when the last object that refers to this one is gone. `address` and `view()` are
    good until then.
    """

    __slots__ = ("_arena", "_key", "_reader", "address", "length", "sequence", "tag", "time_ns")

    def __init__(
        self, descriptor: tuple[int, int, int, int], address: int, arena: Memory, reader: RingReader | None, key: int
    ) -> None:
        self.sequence, self.length, self.time_ns, self.tag = descriptor
        self.address = address
        self._arena = arena
        self._reader = reader
        self._key = key

    @property
    def is_copy(self) -> bool:
        return self._key == _NOBODYS

    def view(self) -> memoryview:
        """The payload, read-only. It does not keep the loan: keep the message."""
        offset = self.address - self._arena.address
        return self._arena.view[offset : offset + self.length]

    def release(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            reader._returned.append(self._key)
            reader._settle()

    __del__ = release

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


class RingReader(Participant):
    """Reads payloads of bytes, each in place.

    A lossless reader misses nothing and can stop the writer; an observer never does, and counts what it lost.
    """

    def __init__(
        self,
        name: str,
        directory: str | None = None,
        observer: bool | None = None,
        start: str | int = "oldest",
        allow_gaps: bool = True,
        wait_for_successor: bool = False,
        label: str = "",
        channel_timeout: float | None = 0.0,
        codecs: Collection[str] = ("arrow-ipc",),
    ) -> None:
        check_name(name)
        path = os.path.join(channel_directory(directory), name + ".qds")
        self._token = new_token()
        segment, index = _wait_for_entry(name, path, codecs, channel_timeout)
        super().__init__(segment)
        self.index = index
        self._h = segment.header
        self._w = segment.words
        self._entry = segment.entry(index)
        self._waits_for_successor = wait_for_successor
        #: An observer: asked for, or because the channel never waits for its readers.
        self.is_observer = self._h.drops_oldest if observer is None else observer
        self._mode = (L.MODE_OBSERVER if self.is_observer else L.MODE_LOSSLESS) << 8
        self._next = 0
        # Loans of a lossless reader by sequence, oldest first: (offset, length); of an observer, its free pins.
        self._lent: dict[int, tuple[int, int]] = {}
        self._free_pins: list[int] = list(range(L.PIN_COUNT))
        self._open_loans = 0  # of one that lingers
        # Filled by whoever drops the last reference, in any thread and even inside of our own code; emptied under the lock.
        self._returned: deque[int] = deque()
        self._loan_lock = threading.Lock()
        self._left = self._lingering = False
        self._linger_pins: dict[int, int] = {}
        self.bytes_read = self.reads_count = self.lost_count = self.wait_timeouts = 0
        try:
            self._join(start, allow_gaps, label)
        except BaseException:
            self.is_closed = self._left = True
            if self._w.load32(self._entry + L.ENTRY_STATE) & 0xFF != L.FREE:
                segment.free_entry(index)
            segment.close_file()
            raise

    # ---- Joining (chapter 11)

    def _join(self, start: str | int, allow_gaps: bool, label: str) -> None:
        w, e, me = self._w, self._entry, this_process()
        if self._h.drops_oldest and not self.is_observer:
            raise IncompatibleChannel(
                f"channel {self.name} drops its oldest messages; only observers may read it: pass observer=True"
            )
        for i in range(L.PIN_COUNT):
            w.put64(e + L.ENTRY_PINS + 8 * i, 0)
        w.put64(e + L.ENTRY_WAITING_FOR, 0)
        w.put32(e + L.ENTRY_WAKES, int(HAS_FUTEX))
        w.put64(e + L.ENTRY_PID, me.pid)
        w.put64(e + L.ENTRY_START_TIME, me.start_time)
        w.put64(e + L.ENTRY_PID_NAMESPACE, me.namespace)
        w.put64(e + L.ENTRY_SINCE_NS, time.time_ns())
        for counter in (L.ENTRY_READ_COUNT, L.ENTRY_READ_BYTES, L.ENTRY_LOST_COUNT):
            w.put64(e + counter, 0)
        ctypes.memmove(self.segment.mapping.address + e + L.ENTRY_LABEL, padded(label, L.LABEL_LENGTH), L.LABEL_LENGTH)
        w.put64(e + L.ENTRY_TOKEN, self._token)

        floor, published = w.load64(L.HEADER_FLOOR), w.load64(L.HEADER_PUBLISHED)
        if not 0 <= floor <= published <= 1 << 62:
            raise CorruptChannel(
                f"channel {self.name}: floor is {floor} and published {published}, allowed is 0 <= floor <= published <= 2^62; "
                f"remove the channel"
            )
        if start == "oldest":
            cursor = floor
        elif start == "latest":
            cursor = published
        elif isinstance(start, int):
            cursor = start
            if not 0 <= cursor <= published:
                raise SequenceGone(
                    f"channel {self.name}: start is {start}, allowed is 0 to {published}, the next message to be written"
                )
        else:
            raise ValueError(f"channel {self.name}: start is {start!r}, allowed are 'oldest', 'latest' and a sequence")
        from_sequence = isinstance(start, int)
        while True:
            if cursor < floor:
                if from_sequence and not allow_gaps:
                    raise SequenceGone(
                        f"channel {self.name}: message {start} was asked for, the oldest is {floor}; allow gaps, or start at 'oldest'"
                    )
                cursor = floor
            w.store64(e + L.ENTRY_CURSOR, cursor)
            w.store32(e + L.ENTRY_STATE, L.JOINING | self._mode)
            full_fence()
            floor = w.load64(L.HEADER_FLOOR)
            if floor <= cursor:
                break
        w.store32(e + L.ENTRY_STATE, L.ACTIVE | self._mode)
        self._next = cursor
        self.segment.wake_writer()

    # ---- Reading

    def poll(self, private: bool = False) -> Message | None:
        """The next message, or None if there is none now; never waits."""
        return self.read(0.0, private)

    def read(self, timeout: float | None = None, private: bool = False) -> Message | None:
        """The next message, waiting up to `timeout` seconds (None: for ever); None if none came in time.

        `private`: a copy, which no other process can change; always so if the segment is another user's.
        Raises EndOfChannel, WriterDied or ChannelRemoved after the last message, CorruptMessage for a damaged one.
        """
        if not self._user.acquire(False):
            raise QdsError(f"channel {self.name}: another thread reads; one thread at a time")
        try:
            self._check_usable()
            private = private or self.segment.is_foreign
            message = self._take(private)
            if message is None and self._wait(timeout):
                message = self._take(private)
                while message is None and self._wait(timeout):  # skipped forward meanwhile
                    message = self._take(private)
            if message is not None:
                self._count(message)
            return message
        finally:
            self._user.release()

    def wait(self, timeout: float | None = None) -> bool:
        """Waits until there is a message to read; False if none came in time. The ends are raised as by `read`."""
        if not self._user.acquire(False):
            raise QdsError(f"channel {self.name}: another thread reads; one thread at a time")
        try:
            self._check_usable()
            return self._is_there() or self._wait(timeout)
        finally:
            self._user.release()

    def _count(self, message: Message) -> None:
        self.reads_count += 1
        self.bytes_read += message.length
        first, words = (self._entry + L.ENTRY_READ_COUNT) >> 3, self._w.i64
        words[first] = self.reads_count
        words[first + 1] = self.bytes_read
        if self.lost_count:
            words[first + 2] = self.lost_count

    def _is_there(self) -> bool:
        """Whether `_take` has something to do."""
        stamp = self._w.load64(self.segment.descriptor(self._next))
        return stamp == self._next + 1 or (self.is_observer and self._w.load64(L.HEADER_FLOOR) > self._next)

    def _check_token(self) -> None:
        if self._w.load64(self._entry + L.ENTRY_TOKEN) != self._token:
            raise Evicted(
                f"channel {self.name}: {self.segment.describe_reader(self.index)} has the place of this reader, which was evicted"
            )

    def _take(self, private: bool) -> Message | None:
        w, h, descriptor, token = self._w, self._h, self.segment.descriptor, (self._entry + L.ENTRY_TOKEN) >> 3
        while True:
            s = self._next
            d = descriptor(s)
            if w.load64(d) != s + 1:
                if self.is_observer and w.load64(L.HEADER_FLOOR) > s:
                    self._skip()
                    continue
                return None
            if w.i64[token] != self._token:
                self._check_token()
            offset, length, time_ns, tag, last = w.i64[(d >> 3) + 1 : (d >> 3) + 6].tolist()
            if offset < 0 or offset & 63 or not 0 <= length <= h.arena_length or offset > h.arena_length - length:
                acquire_fence()
                if self.is_observer and w.load64(L.HEADER_FLOOR) > s:
                    self._skip()
                    continue
                self._pass_over(s)
                raise CorruptMessage(
                    f"channel {self.name}: message {s} has offset {offset} and length {length}; allowed are a multiple of 64 and what "
                    f"lies inside of {h.arena_length} bytes; it was passed over"
                )
            key = _NOBODYS
            copy: bytearray | None = None
            if self.is_observer:
                if not private:
                    key = self._pin(offset, length)
                if key < 0:
                    copy = self._copy(offset, length)
                    acquire_fence()
                if w.load64(L.HEADER_FLOOR) > s:
                    if key >= 0:
                        self._unpin(key)
                    self._skip()
                    continue
                self._next = s + 1
                w.store64(self._entry + L.ENTRY_CURSOR, s + 1)
            else:
                key = s
                self._lent[s] = (offset, length)
                self._next = s + 1
                if private:
                    copy = self._copy(offset, length)
                    self._returned.append(s)
                    self._settle()
            if copy is None:
                arena = self.segment.arena
                message = Message((s, length, time_ns, tag), arena.address + offset, arena, self, key)
            else:
                arena = Memory.of(copy)
                message = Message((s, length, time_ns, tag), arena.address, arena, None, _NOBODYS)
            if h.has_checksums:
                found, expected = crc32c(message.view()), last >> 32 & 0xFFFFFFFF
                if found != expected:
                    message.release()
                    raise CorruptMessage(
                        f"channel {self.name}: message {s} has checksum {found:#010x}, its descriptor says {expected:#010x}; it was passed over"
                    )
            return message

    def _copy(self, offset: int, length: int) -> bytearray:
        """A private copy, read from the file: one that was cut short ends in an error and not in SIGBUS."""
        copy = bytearray(length)
        view, done = memoryview(copy), 0
        while done < length:
            count = os.preadv(self.segment.fd, [view[done:]], self._h.arena_offset + offset + done)
            if count == 0:
                raise CorruptChannel(
                    f"channel {self.name}: {self.segment.path} was cut short; nobody may do that; remove it"
                )
            done += count
        return copy

    def _pass_over(self, s: int) -> None:
        if self.is_observer:
            self._next = s + 1
            self._w.store64(self._entry + L.ENTRY_CURSOR, s + 1)
        else:
            self._lent[s] = (0, 0)
            self._next = s + 1
            self._returned.append(s)
            self._settle()

    # -- observers

    def _skip(self) -> None:
        floor = self._w.load64(L.HEADER_FLOOR)
        published = self._w.load64(L.HEADER_PUBLISHED)
        if not floor <= published <= 1 << 62:
            raise CorruptChannel(
                f"channel {self.name}: floor is {floor} and published {published}, allowed is floor <= published; remove it"
            )
        self._check_token()
        to = max(floor + (published - floor) // 4, self._next)
        self.lost_count += to - self._next
        self._next = to
        self._w.store64(self._entry + L.ENTRY_CURSOR, to)

    def _pin(self, offset: int, length: int) -> int:
        """Stores a pin and fences; -1 if none is free."""
        self._settle()
        try:
            pin = self._free_pins.pop()
        except IndexError:
            return -1
        self._store_pin(pin, offset, length)
        full_fence()
        return pin

    def _store_pin(self, pin: int, offset: int, length: int) -> None:
        word = (offset // 64) << 32 | max(1, (length + 63) // 64)
        self._w.store64(self._entry + L.ENTRY_PINS + 8 * pin, word - (1 << 64) if word >> 63 else word)

    def _unpin(self, pin: int) -> None:
        self._w.store64(self._entry + L.ENTRY_PINS + 8 * pin, 0)
        self._free_pins.append(pin)
        self.segment.wake_writer()

    # ---- Loans

    def _settle(self) -> None:
        """Ends the loans that were returned: from any thread, and from destructors that run inside of our own code."""
        while self._returned and not self.is_forked and self._loan_lock.acquire(False):
            try:
                self._settle_locked()
            finally:
                self._loan_lock.release()

    def _settle_locked(self) -> None:
        w, e, returned = self._w, self._entry, self._returned
        mine = not self._left and w.i64[(e + L.ENTRY_TOKEN) >> 3] == self._token
        changed = False
        while returned:
            key = returned.popleft()
            if key == _NOBODYS:
                continue
            changed = True
            if self._lingering:
                self._open_loans -= 1
                self._clear_pin(key if self.is_observer else self._linger_pins.pop(key), mine)
            elif self.is_observer:
                self._clear_pin(key, mine)
                self._free_pins.append(key)
            else:
                del self._lent[key]
        if changed and mine:
            if not self.is_observer and not self._lingering:
                # In this order: another thread may lend the next one meanwhile.
                cursor = self._next
                lent = list(self._lent)
                w.store64(e + L.ENTRY_CURSOR, lent[0] if lent else cursor)
            self.segment.wake_writer()
        if self.is_closed and not self._left:
            self._leave()

    def _clear_pin(self, pin: int, mine: bool) -> None:
        if mine:
            self._w.store64(self._entry + L.ENTRY_PINS + 8 * pin, 0)

    # ---- Waiting (chapter 13)

    def _wait(self, timeout: float | None) -> bool:
        """Waits for `_is_there`; raises the end."""
        if timeout is not None and timeout <= 0:
            if self._is_there():
                return True
            self._check_end()
            return False
        for _ in range(_SPINS):
            if self._is_there():
                return True
        w, e, s = self._w, self._entry, self._next
        begun = time.monotonic()
        looked = begun
        self._check_end()
        address = self.segment.mapping.address + L.HEADER_PUBLISHED
        try:
            while True:
                w.store64(e + L.ENTRY_WAITING_FOR, s + 1)
                full_fence()
                w.store32(L.HEADER_READERS_WAITING, 1)
                full_fence()
                if self._is_there():
                    return True
                now = time.monotonic()
                left = float("inf") if timeout is None else timeout - (now - begun)
                if left <= 0:
                    self.wait_timeouts += 1
                    return False
                if now - looked >= _LOOK_EVERY or w.load32(L.HEADER_WRITER_STATE) == L.WRITER_CLOSED:
                    looked = now
                    self._check_end()
                expected = min(s, w.load64(L.HEADER_PUBLISHED))  # whoever saw a stamp early may be one ahead
                sleep_on(
                    address, expected, bound(now - begun, left, bool(w.plain32(L.HEADER_WRITER_WAKES)) and HAS_FUTEX)
                )
                self._check_usable()
                self._settle()
        finally:
            if not self.is_forked:
                w.store64(e + L.ENTRY_WAITING_FOR, 0)

    def _check_end(self) -> None:
        """Raises what ended the channel; evidence first, then the stamp once more (QDS1-END-02)."""
        w, s = self._w, self._next
        self._check_token()
        removed = w.load32(L.HEADER_REMOVED)
        state, token = w.load32(L.HEADER_WRITER_STATE), w.load64(L.HEADER_WRITER_TOKEN)
        closed = state == L.WRITER_CLOSED
        died = (
            state == L.WRITER_ACTIVE
            and not is_locked_by_others(self.segment.fd, L.WRITER_LOCK_POSITION)
            and not self.segment.writer().is_known_to_run()
            and (w.load32(L.HEADER_WRITER_STATE), w.load64(L.HEADER_WRITER_TOKEN)) == (state, token)
        )
        published = w.load64(L.HEADER_PUBLISHED)
        if self._is_there():
            return
        if published > s:
            if not self.is_observer or w.load64(L.HEADER_FLOOR) <= s:
                self._pass_over(s)
                raise CorruptMessage(
                    f"channel {self.name}: message {s} has no stamp, though {published} are published; it was passed over"
                )
            return
        if closed and not self._waits_for_successor:
            raise EndOfChannel(f"channel {self.name}: the writer has closed it after {published} messages")
        if died and not self._waits_for_successor:
            raise WriterDied(
                f"channel {self.name}: its writer, process {self.segment.writer().pid}, died after {published} messages; start a successor, "
                f"or read with wait_for_successor=True"
            )
        if removed:
            raise ChannelRemoved(f"channel {self.name}: {self.segment.path} was removed; open a reader anew")

    # ---- Leaving (chapter 14)

    @property
    def next_sequence(self) -> int:
        """Of the message that is due next."""
        return self._next

    @property
    def open_loans(self) -> int:
        """Messages that were read and not released, without copies."""
        if self._lingering:
            return self._open_loans
        return L.PIN_COUNT - len(self._free_pins) if self.is_observer else len(self._lent)

    def close(self) -> None:
        """Leaves the channel. What is on loan stays intact until it is released. Does nothing the second time."""
        if self.is_closed or self.is_forked:
            return
        self.is_closed = True
        # The thread that reads sees it within one bounded sleep. It may be this very one, in a signal handler.
        alone = self._user.acquire(timeout=1)
        try:
            self._returned.append(_NOBODYS)
            self._settle()
        finally:
            if alone:
                self._user.release()

    def _leave(self) -> None:
        """Under the loan lock, until nothing is on loan; called again after each release."""
        w, e, s = self._w, self._entry, self.segment
        if w.load64(e + L.ENTRY_TOKEN) != self._token:
            self._left = True
            s.close_file()
            return
        if not self._lingering:
            if self.is_observer:
                if len(self._free_pins) < L.PIN_COUNT:
                    if self._h.drops_oldest:
                        s.raise_left_cursor(self.index, self._next)
                    w.store32(e + L.ENTRY_STATE, L.LINGERING | self._mode)
                    s.wake_writer()
                    self._lingering = True
                    self._open_loans = L.PIN_COUNT - len(self._free_pins)
                    return
            elif len(self._lent) > L.PIN_COUNT:
                return
            elif self._lent:
                for pin, (q, place) in enumerate(self._lent.items()):
                    self._store_pin(pin, *place)
                    self._linger_pins[q] = pin
                s.raise_left_cursor(self.index, self._next)
                w.store32(e + L.ENTRY_STATE, L.LINGERING | self._mode)
                s.wake_writer()
                self._lingering = True
                self._open_loans = len(self._lent)
                return
        elif self._open_loans > 0:
            return
        self._leave_for_good()

    def _leave_for_good(self) -> None:
        s = self.segment
        self._left = True
        s.free_entry(self.index)
        unlock(s.fd, s.entry_lock(self.index))
        s.remove_if_last()
        s.close_file()

    def _end_of_process(self) -> None:
        if self.is_forked:
            return
        self.close()
        with self._loan_lock:
            if not self._left and self._w.load64(self._entry + L.ENTRY_TOKEN) == self._token:
                self._leave_for_good()

    def _in_child(self) -> None:
        super()._in_child()
        self._loan_lock = threading.Lock()


def _wait_for_entry(
    name: str, path: str, codecs: Collection[str], channel_timeout: float | None
) -> tuple[Segment, int]:
    """As `_take_entry`, once there is a channel."""
    deadline = float("inf") if channel_timeout is None else time.monotonic() + channel_timeout
    while True:
        try:
            return _take_entry(name, path, codecs)
        except ChannelNotFound:
            if time.monotonic() >= deadline:
                raise
        time.sleep(0.002)


def _take_entry(name: str, path: str, codecs: Collection[str]) -> tuple[Segment, int]:
    """An open segment and the index of a FREE entry whose lock is held (QDS1-LOCK-04, QDS1-JOIN-03)."""
    deadline = time.monotonic() + OPEN_PATIENCE
    patience: float | None = None
    while True:
        segment: Segment | None = open_for_reader(name, path, codecs)
        assert segment is not None
        try:
            states = segment.states()
            free = [i for i, state in enumerate(states) if state & 0xFF == L.FREE]
            if not free and segment.evict_dead():
                continue
            for index in free:
                if not try_lock(segment.fd, segment.entry_lock(index)):
                    continue
                if segment.words.load32(segment.entry(index) + L.ENTRY_STATE) & 0xFF != L.FREE:
                    unlock(segment.fd, segment.entry_lock(index))
                    continue
                if not segment.is_ours_to_join():
                    break
                taken, segment = segment, None
                return taken, index
            now = time.monotonic()
            patience = patience or now + (_FREE_ENTRY_PATIENCE if free else 0.1)
            if now > min(deadline, patience):
                if free:
                    raise ChannelBusy(
                        f"channel {name}: {len(free)} free reader entries are locked by others; try again"
                    )
                raise ReaderTableFull(
                    f"channel {name}: all {segment.entry_count} reader entries are taken, for example by {segment.describe_reader(0)}; "
                    f"close a reader, or create the channel with more"
                )
            time.sleep(0.001)
        finally:
            if segment is not None:
                segment.close_file()
