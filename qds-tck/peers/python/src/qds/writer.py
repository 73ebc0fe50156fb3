"""The writing end: places, publishes, reclaims (chapters 10, 12, 13 and 15)."""

from __future__ import annotations

import ctypes
import itertools
import os
import time
from collections import deque
from dataclasses import dataclass

from . import layout as L
from .arena import Arena
from .atomics import acquire_fence, full_fence, release_fence
from .checksum import crc32c
from .errors import ChannelRemoved, CorruptChannel, MessageTooLarge, NoRoom, QdsError, ReaderHoldsLoans, Replaced
from .participant import Participant
from .segment import Geometry, check_name, new_token, open_for_writer, unlock
from .waiting import HAS_FUTEX, bound, sleep_on, wake_all

_MOST_MESSAGES = 1 << 62
_DROP_PART = 16  # of the ring or arena is given up at a time (QDS1-PUB-07)


@dataclass(frozen=True)
class Claim:
    """Memory for one message, to be filled and committed. `address` is good until then."""

    address: int
    length: int
    offset: int


class RingWriter(Participant):
    """Publishes payloads of bytes."""

    def __init__(
        self,
        name: str,
        geometry: Geometry,
        directory: str | None = None,
        unread_limit: int | None = None,
        mode: int = 0o600,
        label: str = "",
        codec: str = "arrow-ipc",
    ) -> None:
        self._token = new_token()
        segment, new = open_for_writer(check_name(name), directory, codec, geometry, mode, self._token, label)
        super().__init__(segment)
        self._h = segment.header
        self._w = segment.words
        self._limit = min(unread_limit or self._h.slot_count, self._h.slot_count)
        self._arena = Arena(self._h.arena_length)
        self._live_places: deque[tuple[int, int]] = deque()  # (offset, taken) of live, live + 1, ...
        self._claim: Claim | None = None
        self._last_eviction = 0.0
        self._wait_value = itertools.count(1)
        self._next = self._live = self._floor = self._read = 0
        self._bytes = 0
        self.bytes_written = self.writes_count = self.wait_timeouts = 0
        if not new:
            try:
                self._check_inheritance()
                self._take_over(label)
            except BaseException:
                self.is_closed = True
                segment.close_file()
                raise

    # ---- Takeover (chapter 15)

    def _check_inheritance(self) -> None:
        """QDS1-TAKE-03, before anything is changed."""
        w, h = self._w, self._h
        published = w.load64(L.HEADER_PUBLISHED)
        floor = w.load64(L.HEADER_FLOOR)
        if not max(0, published - h.slot_count) <= floor <= published <= _MOST_MESSAGES:
            raise CorruptChannel(
                f"channel {self.name}: floor is {floor} and published {published}, allowed is 0 <= floor <= published <= 2^62, "
                f"with no more than {h.slot_count} between them; remove the channel"
            )
        for sequence in range(floor, published):
            if self._place(sequence) is None:
                stamp, offset, length = self._descriptor(sequence)
                raise CorruptChannel(
                    f"channel {self.name}: the descriptor of message {sequence} has stamp {stamp}, offset {offset}, length {length}; "
                    f"allowed are stamp {sequence + 1} and a multiple of 64 inside {h.arena_length} bytes; "
                    f"read what can be read, then remove the channel"
                )

    def _take_over(self, label: str) -> None:
        w, s, h = self._w, self.segment, self._h
        s.record_writer(self._token, label)
        published = w.load64(L.HEADER_PUBLISHED)
        while w.load64(s.descriptor(published) + L.DESCRIPTOR_STAMP) == published + 1:
            published += 1
            w.store64(L.HEADER_PUBLISHED, published)
        self._next = published
        self._bytes = w.plain64(L.HEADER_PUBLISHED_BYTES)
        self._floor = w.load64(L.HEADER_FLOOR)
        full_fence()
        least = max(self._least_cursor(self._floor), published - h.slot_count, 0)
        self._live = self._read = min(least, published)
        for sequence in range(self._live, published):
            place = self._place(sequence)
            if place is None:  # below the floor, and overwritten already
                self._live_places.append((0, 0))
            else:
                self._arena.occupy(*place)
                self._live_places.append(place)
        self._arena.set_pins(self._pins())

    def _descriptor(self, sequence: int) -> tuple[int, int, int]:
        """Stamp, offset and length."""
        w, d = self._w, self.segment.descriptor(sequence)
        return w.load64(d + L.DESCRIPTOR_STAMP), w.load64(d + L.DESCRIPTOR_OFFSET), w.load64(d + L.DESCRIPTOR_LENGTH)

    def _place(self, sequence: int) -> tuple[int, int] | None:
        """Where a predecessor's message lies, and how much it takes; None for one that is damaged or gone."""
        h = self._h
        stamp, offset, length = self._descriptor(sequence)
        if stamp == sequence + 1 and 0 <= offset and offset % 64 == 0 and 0 <= length <= h.arena_length - offset:
            return offset, min(Arena.taken(length), h.arena_length - offset)
        return None

    # ---- Claim, commit, abort

    def claim(self, length: int, timeout: float | None = None) -> Claim | None:
        """Memory for a message, waiting for room up to `timeout` seconds (None: for ever); None if there was none in time."""
        if not self._user.acquire(blocking=False):
            raise QdsError(f"channel {self.name}: another thread writes; one thread at a time")
        try:
            return self._claim_room(length, timeout)
        finally:
            self._user.release()

    def _claim_room(self, length: int, timeout: float | None) -> Claim | None:
        self._check_usable()
        if self._claim is not None:
            raise QdsError(f"channel {self.name}: the last claim was neither committed nor aborted")
        if length < 0 or length > self._h.max_message_length:
            raise MessageTooLarge(
                f"channel {self.name}: the message has {length} bytes, maxMessageLength is {self._h.max_message_length}; "
                f"write less at a time, or create the channel with a larger size_mb"
            )
        self._check_token()
        if self._w.load32(L.HEADER_REMOVED):
            raise ChannelRemoved(f"channel {self.name}: {self.segment.path} was removed; open a writer anew")
        taken = Arena.taken(length)
        offset = self._find(taken)
        if offset is None:
            offset = self._drop_oldest(taken) if self._h.drops_oldest else self._wait_for_room(taken, timeout)
            if offset is None:
                return None
        self._claim = Claim(self.segment.arena_address + offset, length, offset)
        return self._claim

    def commit(self, claim: Claim, length: int | None = None, tag: int = 0) -> int:
        """Publishes what the claim holds and returns its sequence (chapter 10)."""
        self._check_usable()
        if claim is not self._claim:
            raise QdsError(f"channel {self.name}: this claim was committed or aborted already")
        length = claim.length if length is None else length
        if not 0 <= length <= claim.length:
            raise ValueError(f"channel {self.name}: a commit of {length} bytes, the claim has {claim.length}")
        self._claim = None
        self._check_token()
        w, s = self._w, self._next
        checksum = (
            crc32c(self.segment.mapping_bytes(self._h.arena_offset + claim.offset, length))
            if self._h.has_checksums
            else 0
        )
        d = self.segment.descriptor(s)
        w.put64(d, 0)
        release_fence()
        first = d >> 3
        words = w.i64
        words[first + 1] = claim.offset
        words[first + 2] = length
        words[first + 3] = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        words[first + 4] = tag
        w.put32(d + L.DESCRIPTOR_FLAGS, 0)
        w.put32(d + L.DESCRIPTOR_CHECKSUM, checksum - (1 << 32) if checksum >> 31 else checksum)
        w.store64(d, s + 1)
        self._bytes += length
        w.put64(L.HEADER_PUBLISHED_BYTES, self._bytes)
        w.store64(L.HEADER_PUBLISHED, s + 1)
        self._next = s + 1
        taken = Arena.taken(length)
        self._arena.occupy(claim.offset, taken)
        self._arena.moved_to(claim.offset + taken)
        self._live_places.append((claim.offset, taken))
        self.bytes_written += length
        self.writes_count += 1
        self._wake_readers()
        return s

    def abort(self, claim: Claim) -> None:
        if claim is self._claim:
            self._claim = None

    def write(self, payload: bytes | bytearray | memoryview, timeout: float | None = None, tag: int = 0) -> bool:
        """Copies one payload; False if there was no room in time."""
        data = bytes(payload)
        claim = self.claim(len(data), timeout)
        if claim is None:
            return False
        ctypes.memmove(claim.address, data, len(data))
        self.commit(claim, tag=tag)
        return True

    def _check_token(self) -> None:
        if self._w.load64(L.HEADER_WRITER_TOKEN) != self._token:
            raise Replaced(f"channel {self.name}: process {self.segment.writer().pid} has taken over as its writer")

    def _wake_readers(self) -> None:
        w, s = self._w, self.segment
        full_fence()
        if not w.plain32(L.HEADER_READERS_WAITING):
            return
        w.put32(L.HEADER_READERS_WAITING, 0)
        full_fence()
        if any(w.column64(s.table + L.ENTRY_WAITING_FOR, L.LENGTH_OF_ENTRY, s.entry_count)):
            w.put32(L.HEADER_READERS_WAITING, 1)
            wake_all(s.mapping.address + L.HEADER_PUBLISHED)

    # ---- Room (chapter 12)

    def _find(self, taken: int) -> int | None:
        """A place without reclaiming, or None."""
        if self._next - self._live >= self._h.slot_count or self._next - self._read >= self._limit:
            return None
        return self._arena.place(taken)

    def _holders(self) -> list[tuple[int, int]]:
        """(entry, cursor) of those who hold the writer back; each cursor loaded once, after its state."""
        s, w = self.segment, self._w
        return [(i, w.load64(s.entry(i) + L.ENTRY_CURSOR)) for i, state in enumerate(s.states()) if s.holds_back(state)]

    def _lowest_due(self) -> int:
        """`BLOCK`: what no reader needs is below. `kept` is loaded before the states that matter with it."""
        holders = self._holders()
        if not holders:
            kept = self.segment.kept()
            holders = self._holders()
            if not holders:
                return min(kept, self._next)
        return min(min(cursor for _, cursor in holders), self._next)

    def _least_cursor(self, live: int) -> int:
        if not self._h.drops_oldest:
            for _, cursor in self._holders():
                live = min(live, cursor)
        return live

    def _pins(self) -> list[tuple[int, int]]:
        """(offset, length) of all pins of entries that are not FREE."""
        s, w = self.segment, self._w
        found = []
        for i, state in enumerate(s.states()):
            if state & 0xFF != L.FREE:
                first = (s.entry(i) + L.ENTRY_PINS) >> 3
                for pin in w.i64[first : first + L.PIN_COUNT].tolist():
                    if pin:
                        found.append(((pin >> 32 & 0xFFFFFFFF) * 64, (pin & 0xFFFFFFFF) * 64))
        acquire_fence()
        return found

    def _reclaim(self, floor: int) -> None:
        """Gives up what is below `floor`, as far as no reader needs it."""
        self._check_token()
        if floor > self._floor:
            self._floor = floor
            self._w.store64(L.HEADER_FLOOR, floor)
        full_fence()
        live = self._least_cursor(self._floor)
        pins = self._pins()
        while self._live < live:
            self._live += 1
            start, taken = self._live_places.popleft()
            if taken:
                self._arena.free(start)
        self._arena.set_pins(pins)

    def _unread_from(self) -> int:
        """All below was read, or waits to be followed: for the limit of unread messages, a reader's own."""
        s, w = self.segment, self._w
        low = self._next
        holders = self._holders()
        if not holders:
            return self._lowest_due()
        for i, cursor in holders:
            low = min(low, max(cursor, w.load64(s.entry(i) + L.ENTRY_WAITING_FOR) - 1))
        return low

    def _make_room(self, taken: int) -> int | None:
        """Looks at the readers and reclaims what they have released; retained messages only if they are in the way."""
        if self._next - self._read >= self._limit:
            self._read = max(self._read, self._unread_from())
        due = self._lowest_due()
        retained = self._h.retain_count
        while True:
            self._reclaim(max(min(due, self._next - retained), self._floor, 0))
            offset = self._find(taken)
            if offset is not None or retained == 0:
                return offset
            retained //= 2

    def _drop_oldest(self, taken: int) -> int | None:
        h = self._h
        while True:
            floor, end, freed = self._floor, self._next, 0
            step = max(1, h.slot_count // _DROP_PART)
            if self._next - self._read >= self._limit:
                floor = self._next - self._limit + 1
            elif floor < end:
                while floor < end and step > 0 and freed < h.arena_length // _DROP_PART:
                    freed += self._live_places[floor - self._live][1]
                    floor += 1
                    step -= 1
            self._reclaim(floor)
            self._read = max(self._read, self._floor)
            offset = self._find(taken)
            if offset is not None:
                return offset
            if self._floor == self._next and not self._evict(0.01):
                self._reclaim(self._floor)
                offset = self._find(taken)
                if offset is not None:
                    return offset
                raise NoRoom(
                    f"channel {self.name}: open messages leave no room for {taken} bytes; they are held by {self._who_pins()}; "
                    f"release them, or create the channel with a larger size_mb"
                )

    def _who_pins(self) -> str:
        s, w = self.segment, self._w
        names = [
            s.describe_reader(i)
            for i, state in enumerate(s.states())
            if state & 0xFF != L.FREE and any(w.plain64(s.entry(i) + L.ENTRY_PINS + 8 * p) for p in range(L.PIN_COUNT))
        ]
        return ", ".join(names) or "nobody now"

    def _evict(self, every: float) -> bool:
        now = time.monotonic()
        if now - self._last_eviction < every:
            return False
        self._last_eviction = now
        return self.segment.evict_dead() > 0

    def _wait_for_room(self, taken: int, timeout: float | None) -> int | None:
        w = self._w
        offset = self._make_room(taken)
        if offset is None and self._evict(0.01):
            offset = self._make_room(taken)
        begun = time.monotonic()
        suspect: tuple[int, int] | None = None
        while offset is None:
            waited = time.monotonic() - begun
            left = float("inf") if timeout is None else timeout - waited
            if left <= 0:
                self.wait_timeouts += 1
                return None
            self._check_usable()
            value = next(self._wait_value) & 0x7FFFFFFF or 1
            w.store32(L.HEADER_WRITER_WAITING, value)
            full_fence()
            try:
                offset = self._make_room(taken)
                if offset is None:
                    before, suspect = suspect, self._reader_that_waits_for_us()
                    if suspect and suspect == before:
                        self._refuse_to_wait_for(*suspect)
                    # A reader that begins to wait changes what counts as unread and wakes nobody.
                    at_limit = self._next - self._read >= self._limit
                    longest = 0.005 if at_limit or suspect else left
                    sleep_on(
                        self.segment.mapping.address + L.HEADER_WRITER_WAITING,
                        value,
                        min(longest, bound(waited, left, self._readers_wake())),
                    )
            finally:
                w.store32(L.HEADER_WRITER_WAITING, 0)
            if offset is None:
                offset = self._make_room(taken)
            if offset is None:
                if w.load32(L.HEADER_REMOVED):
                    raise ChannelRemoved(f"channel {self.name}: {self.segment.path} was removed; open a writer anew")
                if self._evict(0.1):
                    offset = self._make_room(taken)
        return offset

    def _readers_wake(self) -> bool:
        s, w = self.segment, self._w
        return HAS_FUTEX and all(
            w.plain32(s.entry(i) + L.ENTRY_WAKES) for i, state in enumerate(s.states()) if state & 0xFF != L.FREE
        )

    def _reader_that_waits_for_us(self) -> tuple[int, int] | None:
        """Entry and cursor of one that holds us back while it waits for our next message (QDS1-PUB-08)."""
        if self._next - self._read >= self._limit:
            return None  # its own message is not in the way, only our limit
        for i, cursor in self._holders():
            waiting_for = self._w.load64(self.segment.entry(i) + L.ENTRY_WAITING_FOR)
            if cursor <= self._live < self._next and waiting_for == self._next + 1:
                return i, cursor
        return None

    def _refuse_to_wait_for(self, entry: int, cursor: int) -> None:
        raise ReaderHoldsLoans(
            f"channel {self.name}: {self.segment.describe_reader(entry)} holds message {cursor} while it waits for message "
            f"{self._next}, for which that leaves no room; let it release a message before it reads the next, "
            f"or use a larger size_mb"
        )

    # ---- End

    @property
    def published(self) -> int:
        return self._next

    def close(self) -> None:
        """Ends the channel: readers see the end after the last message. Does nothing the second time."""
        if self.is_closed or self.is_forked:
            return
        self.is_closed = True
        w, s = self._w, self.segment
        if w.load64(L.HEADER_WRITER_TOKEN) == self._token:
            w.store32(L.HEADER_WRITER_STATE, L.WRITER_CLOSED)
            for _ in range(3):  # one may be falling asleep just now (QDS1-WAIT-04)
                self._wake_readers()
                if not any(w.column64(s.table + L.ENTRY_WAITING_FOR, L.LENGTH_OF_ENTRY, s.entry_count)):
                    break
                os.sched_yield()
            unlock(s.fd, L.WRITER_LOCK_POSITION)
            s.remove_if_last()
        s.close_file()
