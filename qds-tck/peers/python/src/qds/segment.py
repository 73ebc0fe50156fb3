"""The file of a channel: its name, locks, owners, header; creating, opening and removing it (chapters 2, 3, 7 to 9, 16)."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import re
import secrets
import stat
import struct
import tempfile
import time
import uuid
from collections.abc import Collection
from dataclasses import dataclass, field

from . import layout as L
from .atomics import Memory, Words, acquire_fence, full_fence, libc
from .checksum import crc32c
from .errors import (
    ChannelBusy,
    ChannelNotFound,
    CodecDiffers,
    CorruptChannel,
    DirectoryFull,
    GeometryDiffers,
    IncompatibleChannel,
    LockLost,
    NotPermitted,
    QdsError,
    SecondWriter,
)
from .waiting import HAS_FUTEX, wake_all

VERSION = "0.1.0"
#: How long a busy lock is tried before it is believed (QDS1-LOCK-04).
LOCK_PATIENCE = 0.1
#: How long an opener follows a path whose file changes under it.
OPEN_PATIENCE = 10.0
#: From the writer's byte to that of the last possible reader entry.
RANGE_LENGTH = 1 + L.MAX_READER_ENTRY_COUNT

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


# ---- Name and place


def check_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"channel name {name!r} must match {_NAME.pattern}")
    return name


def channel_directory(directory: str | os.PathLike[str] | None = None) -> str:
    if directory is not None:
        return os.fspath(directory)
    if os.environ.get("QDS_DIR"):
        return os.environ["QDS_DIR"]
    if os.path.isdir("/dev/shm"):
        return "/dev/shm"
    return os.path.join(tempfile.gettempdir(), "qds")


# ---- Locks


_FLOCK = struct.Struct("hhxxxxqqixxxx")


def _flock(fd: int, command: int, kind: int, start: int, length: int) -> int:
    answer = fcntl.fcntl(fd, command, _FLOCK.pack(kind, os.SEEK_SET, start, length, 0))
    return int(_FLOCK.unpack(answer)[0])


def try_lock(fd: int, start: int, length: int = 1) -> bool:
    """Tries for an exclusive open-file-description lock; never waits in the kernel."""
    try:
        _flock(fd, fcntl.F_OFD_SETLK, fcntl.F_WRLCK, start, length)
        return True
    except OSError as e:
        if e.errno in (errno.EAGAIN, errno.EACCES):
            return False
        raise


def lock_patiently(fd: int, start: int, patience: float = LOCK_PATIENCE) -> bool:
    deadline = time.monotonic() + patience
    while not try_lock(fd, start):
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.001)
    return True


def unlock(fd: int, start: int, length: int = 1) -> None:
    _flock(fd, fcntl.F_OFD_SETLK, fcntl.F_UNLCK, start, length)


def is_locked_by_others(fd: int, start: int) -> bool:
    """Whether another description (or process) holds the byte; takes nothing (QDS1-LOCK-05)."""
    return _flock(fd, fcntl.F_OFD_GETLK, fcntl.F_WRLCK, start, 1) != fcntl.F_UNLCK


# ---- Owners


@dataclass(frozen=True)
class Owner:
    """Who holds a place: process id, its start time in ticks since boot, its PID namespace; 0 is unknown."""

    pid: int
    start_time: int
    namespace: int

    def is_known_to_run(self) -> bool:
        """QDS1-ID-03: a process of another namespace is never known to run."""
        if self.namespace == 0 or self.start_time == 0 or self.namespace != _namespace():
            return False
        found = _process(self.pid)
        return found is not None and found[0] not in "ZX" and found[1] == self.start_time


def _process(pid: int) -> tuple[str, int] | None:
    """State and start time of a process."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as f:
            words = f.read().rpartition(b")")[2].split()
        return words[0].decode(), int(words[19])
    except (OSError, IndexError, ValueError):
        return None


def _namespace() -> int:
    try:
        return os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        return 0


def this_process() -> Owner:
    found = _process(os.getpid())
    start = found[1] if found else time.time_ns() // 1_000_000
    return Owner(os.getpid(), start, _namespace())


def new_token() -> int:
    return secrets.randbits(62) + 1


def boot_id() -> bytes:
    try:
        with open("/proc/sys/kernel/random/boot_id") as f:
            return uuid.UUID(f.read().strip()).bytes
    except (OSError, ValueError):
        return bytes(16)


def padded(text: str, length: int) -> bytes:
    """UTF-8, cut at a whole character, zero-padded."""
    return text.encode()[:length].decode(errors="ignore").encode().ljust(length, b"\0")


def printable(raw: bytes) -> str:
    """A peer's text, without control characters (QDS1-TRUST-07)."""
    return "".join(c if c.isprintable() else "?" for c in raw.rstrip(b"\0").decode(errors="replace"))


# ---- Header


_STATIC = struct.Struct("<8sIHHQQQiiiiqqqqqiiiiqqqq16s16s32s16s32s16s")
assert _STATIC.size == L.HEADER_CREATOR_BACKEND + L.CREATOR_BACKEND_LENGTH
_MAGIC = struct.pack("<Q", L.MAGIC)


@dataclass(frozen=True)
class Header:
    """The static block, as copied and checked."""

    magic: bytes
    byte_order: int
    version_major: int
    version_minor: int
    features_for_readers: int
    features_for_writers: int
    features_informative: int
    header_length: int
    reader_entry_length: int
    message_descriptor_length: int
    reader_entry_count: int
    reader_table_offset: int
    descriptor_ring_offset: int
    arena_offset: int
    arena_length: int
    segment_length: int
    slot_count: int
    overflow_policy: int
    retain_count: int
    pin_count: int
    max_message_length: int
    creation_realtime_ns: int
    creation_monotonic_ns: int
    inode: int
    segment_uuid: bytes
    boot_id: bytes
    codec_id: bytes
    creator_language: bytes
    creator_version: bytes
    creator_backend: bytes

    def encoded(self) -> bytes:
        block = _STATIC.pack(*(getattr(self, name) for name in Header.__dataclass_fields__))
        block = block.ljust(L.HEADER_HEADER_CRC, b"\0")
        return block + struct.pack("<I", crc32c(block))

    @property
    def codec(self) -> str:
        return self.codec_id.rstrip(b"\0").decode("ascii", "replace")

    @property
    def has_checksums(self) -> bool:
        return bool(self.features_for_writers & L.FEATURE_PAYLOAD_CHECKSUM)

    @property
    def drops_oldest(self) -> bool:
        return self.overflow_policy == L.POLICY_DROP_OLDEST


def check_header(name: str, block: bytes, file_length: int, writes: bool) -> Header:
    """Checks a private copy of the first bytes of a file, in the order of QDS1-HDR-03 and -04."""

    def damaged(what: str, found: object, allowed: object) -> CorruptChannel:
        return CorruptChannel(
            f"channel {name}: {what} is {found}, allowed is {allowed}; the file is damaged: remove it, let the writer create it anew"
        )

    def incompatible(what: str, found: object, allowed: object, remedy: str) -> IncompatibleChannel:
        return IncompatibleChannel(f"channel {name}: {what} is {found}, this program knows {allowed}; {remedy}")

    if file_length < L.LENGTH_OF_HEADER or len(block) < L.HEADER_HEADER_CRC + 4:
        raise damaged("length of the file", file_length, f"at least {L.LENGTH_OF_HEADER}")
    h = Header(*_STATIC.unpack_from(block))
    if h.magic != _MAGIC:
        raise damaged("magic", h.magic.hex(), _MAGIC.hex())
    if h.byte_order != L.BYTE_ORDER:
        if h.byte_order != int.from_bytes(L.BYTE_ORDER.to_bytes(4, "big"), "little"):
            raise damaged("byteOrder", hex(h.byte_order), hex(L.BYTE_ORDER))
        raise incompatible(
            "byteOrder", hex(h.byte_order), hex(L.BYTE_ORDER), "it comes from a machine of other byte order"
        )
    if h.version_major != L.VERSION_MAJOR:
        raise incompatible(
            "versionMajor", h.version_major, L.VERSION_MAJOR, "use the same version of QDS on both sides"
        )
    crc = struct.unpack_from("<I", block, L.HEADER_HEADER_CRC)[0]
    computed = crc32c(block[: L.HEADER_HEADER_CRC])
    if crc != computed:
        raise damaged("headerCrc", hex(crc), hex(computed))
    if h.features_for_readers:
        raise incompatible("featuresForReaders", hex(h.features_for_readers), "none", "use a newer QDS here")
    if writes and h.features_for_writers & ~L.FEATURE_PAYLOAD_CHECKSUM:
        raise incompatible(
            "featuresForWriters", hex(h.features_for_writers), hex(L.FEATURE_PAYLOAD_CHECKSUM), "use a newer QDS here"
        )

    def at(what: str, found: int, ok: bool, allowed: object) -> None:
        if not ok:
            raise damaged(what, found, allowed)

    at("headerLength", h.header_length, h.header_length == L.LENGTH_OF_HEADER, L.LENGTH_OF_HEADER)
    at("readerEntryLength", h.reader_entry_length, h.reader_entry_length == L.LENGTH_OF_ENTRY, L.LENGTH_OF_ENTRY)
    at("messageDescriptorLength", h.message_descriptor_length,
       h.message_descriptor_length == L.LENGTH_OF_DESCRIPTOR, L.LENGTH_OF_DESCRIPTOR)  # fmt: skip
    at("readerEntryCount", h.reader_entry_count, 1 <= h.reader_entry_count <= L.MAX_READER_ENTRY_COUNT,
       f"1 to {L.MAX_READER_ENTRY_COUNT}")  # fmt: skip
    table = h.reader_table_offset
    at(
        "readerTableOffset",
        table,
        L.LENGTH_OF_HEADER <= table <= 1 << 20 and table % 128 == 0,
        "a multiple of 128, 4096 to 1048576",
    )
    slots = h.slot_count
    at(
        "slotCount",
        slots,
        2 <= slots <= L.MAX_SLOT_COUNT and slots & (slots - 1) == 0,
        f"a power of two, 2 to {L.MAX_SLOT_COUNT}",
    )
    ring = h.descriptor_ring_offset
    end = table + h.reader_entry_count * L.LENGTH_OF_ENTRY
    last = file_length - slots * L.LENGTH_OF_DESCRIPTOR
    at("descriptorRingOffset", ring, end <= ring <= last and ring % 64 == 0, f"a multiple of 64, {end} to {last}")
    arena = h.arena_offset
    end = ring + slots * L.LENGTH_OF_DESCRIPTOR
    at(
        "arenaOffset",
        arena,
        end <= arena <= file_length and arena % L.SECTION_ALIGNMENT == 0,
        f"a multiple of {L.SECTION_ALIGNMENT}, {end} to {file_length}",
    )
    length = h.arena_length
    at(
        "arenaLength",
        length,
        128 <= length <= L.MAX_ARENA_LENGTH and length % 64 == 0,
        f"a multiple of 64, 128 to {L.MAX_ARENA_LENGTH}",
    )
    at("segmentLength", h.segment_length, h.segment_length >= arena + length, f"{arena + length} or more")
    at("overflowPolicy", h.overflow_policy, h.overflow_policy in (L.POLICY_BLOCK, L.POLICY_DROP_OLDEST), "0 or 1")
    at("retainCount", h.retain_count, h.retain_count >= 0, "0 or more")
    at("pinCount", h.pin_count, h.pin_count == L.PIN_COUNT, L.PIN_COUNT)
    at("maxMessageLength", h.max_message_length, 1 <= h.max_message_length <= length, f"1 to {length}")
    codec = h.codec_id.rstrip(b"\0")
    if not codec or not all(0x21 <= c <= 0x7E for c in codec):
        raise damaged("codecId", h.codec_id, "1 to 32 printable ASCII characters, then zeros")
    checksum = L.FEATURE_PAYLOAD_CHECKSUM
    at("featuresInformative", h.features_informative,
       (h.features_informative ^ h.features_for_writers) & checksum == 0, "bit 0 as in featuresForWriters")  # fmt: skip
    at("length of the file", file_length, file_length == h.segment_length, f"segmentLength, {h.segment_length}")
    return h


# ---- Mapping


class _Mapping:
    """A shared mapping of a whole file, which ends with its last user.

    A mapping refers to the open file description that it was made from, and open-file-description locks last as long as
    anything does: a forked child that closes its descriptor would still hold them by its mapping. So it is made from a
    description of its own, and not by the module mmap, which keeps a duplicate of the descriptor.
    """

    def __init__(self, fd: int, path: str, length: int) -> None:
        self.address = 0
        self.length = length
        own = _open_again(fd, path)
        try:
            found = _mmap(None, length, _READ | _WRITE, _SHARED, own, 0)
        finally:
            os.close(own)
        if found is None or found == _MAP_FAILED:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), path)
        self.address = found

    def __del__(self) -> None:
        if self.address:
            _munmap(self.address, self.length)
            self.address = 0


_READ, _WRITE, _SHARED = 1, 2, 1
_MAP_FAILED = ctypes.c_void_p(-1).value
_mmap = libc.mmap
_mmap.restype = ctypes.c_void_p
_mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_int64)
_munmap = libc.munmap
_munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)


def _open_again(fd: int, path: str) -> int:
    """Another description of the same file."""
    try:
        return os.open(f"/proc/self/fd/{fd}", os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:  # no /proc
        own = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        if not os.path.samestat(os.fstat(own), os.fstat(fd)):
            os.close(own)
            raise _Moved from None
        return own


# ---- Segment


@dataclass(eq=False)
class Segment:
    """An open, checked and mapped file. The descriptor carries the locks."""

    name: str
    path: str
    fd: int
    header: Header
    mapping: _Mapping
    words: Words = field(init=False)
    #: Whether the file belongs to another user: then nothing of it is used but private, validated copies.
    is_foreign: bool = field(init=False)

    def __post_init__(self) -> None:
        self.words = Words(self.mapping.address, self.header.arena_offset, self.mapping)
        self.is_foreign = os.fstat(self.fd).st_uid != os.geteuid()
        h = self.header
        self.arena_address = self.mapping.address + h.arena_offset
        self.arena = Memory.mapped(self.arena_address, h.arena_length, self.mapping)
        self.entry_count = h.reader_entry_count
        self.table = h.reader_table_offset
        self.ring = h.descriptor_ring_offset
        self.slot_mask = h.slot_count - 1

    def close_file(self) -> None:
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)

    # -- places

    def entry(self, index: int) -> int:
        return self.table + index * L.LENGTH_OF_ENTRY

    def descriptor(self, sequence: int) -> int:
        return self.ring + (sequence & self.slot_mask) * L.LENGTH_OF_DESCRIPTOR

    def entry_lock(self, index: int) -> int:
        return L.WRITER_LOCK_POSITION + 1 + index

    # -- what all participants look at

    def states(self) -> list[int]:
        """The state words of all entries, load-acquire."""
        found = self.words.column32(self.table + L.ENTRY_STATE, L.LENGTH_OF_ENTRY, self.entry_count)
        acquire_fence()
        return found

    def kept(self) -> int:
        """Up to there somebody has read (QDS1-ENT-05)."""
        found = max(self.words.column64(self.table + L.ENTRY_LEFT_CURSOR, L.LENGTH_OF_ENTRY, self.entry_count))
        full_fence()
        return found

    def holds_back(self, state: int) -> bool:
        """QDS1-ENT-01."""
        return state & 0xFF in (L.JOINING, L.ACTIVE) and state >> 8 & 0xFF == L.MODE_LOSSLESS

    def writer(self) -> Owner:
        w = self.words
        return Owner(
            w.plain64(L.HEADER_WRITER_PID),
            w.plain64(L.HEADER_WRITER_START_TIME),
            w.plain64(L.HEADER_WRITER_PID_NAMESPACE),
        )

    def reader(self, index: int) -> Owner:
        w, e = self.words, self.entry(index)
        return Owner(
            w.plain64(e + L.ENTRY_PID), w.plain64(e + L.ENTRY_START_TIME), w.plain64(e + L.ENTRY_PID_NAMESPACE)
        )

    def describe_reader(self, index: int) -> str:
        e = self.entry(index)
        label = printable(self.mapping_bytes(e + L.ENTRY_LABEL, L.LABEL_LENGTH))
        return f"reader {index} of process {self.reader(index).pid}" + (f" ({label})" if label else "")

    def mapping_bytes(self, offset: int, length: int) -> bytes:
        return ctypes.string_at(self.mapping.address + offset, length)

    def wake_writer(self) -> None:
        """After a release, a leave, an eviction or a cleared pin."""
        full_fence()
        if self.words.i32[L.HEADER_WRITER_WAITING >> 2]:
            self.words.store32(L.HEADER_WRITER_WAITING, 0)
            wake_all(self.mapping.address + L.HEADER_WRITER_WAITING)

    # -- entries

    def free_entry(self, index: int) -> None:
        """Frees an entry whose lock the caller holds (chapter 14)."""
        w, e = self.words, self.entry(index)
        state = w.load32(e + L.ENTRY_STATE)
        counts = self.header.drops_oldest or self.holds_back(state)
        if counts and state & 0xFF != L.JOINING:
            self.raise_left_cursor(index, w.load64(e + L.ENTRY_CURSOR))
        w.put64(e + L.ENTRY_TOKEN, 0)
        w.store32(e + L.ENTRY_STATE, L.FREE)
        w.store64(e + L.ENTRY_WAITING_FOR, 0)
        for i in range(L.PIN_COUNT):
            w.store64(e + L.ENTRY_PINS + 8 * i, 0)
        self.wake_writer()

    def raise_left_cursor(self, index: int, cursor: int) -> None:
        """QDS1-LEAVE-02: not above what is there."""
        w, e = self.words, self.entry(index)
        limit = w.load64(L.HEADER_PUBLISHED)
        if w.load64(self.descriptor(limit) + L.DESCRIPTOR_STAMP) == limit + 1:
            limit += 1
        cursor = min(cursor, limit)
        if cursor > w.plain64(e + L.ENTRY_LEFT_CURSOR):
            w.store64(e + L.ENTRY_LEFT_CURSOR, cursor)

    def evict_dead(self) -> int:
        """Frees the entries of dead readers, and says how many (QDS1-EVICT-01)."""
        count = 0
        for index, state in enumerate(self.states()):
            if state & 0xFF == L.FREE or self.reader(index).is_known_to_run():
                continue
            position = self.entry_lock(index)
            if is_locked_by_others(self.fd, position) or not try_lock(self.fd, position):
                continue
            try:
                if (
                    self.words.load32(self.entry(index) + L.ENTRY_STATE) & 0xFF != L.FREE
                    and not self.reader(index).is_known_to_run()
                ):
                    self.free_entry(index)
                    count += 1
            finally:
                unlock(self.fd, position)
        return count

    # -- the path

    def leads_here(self) -> bool:
        return _leads_to(self.path, self.fd)

    def is_ours_to_join(self) -> bool:
        """QDS1-OPEN-05, to be asked while holding one's own byte."""
        return (
            self.words.load32(L.HEADER_REMOVED) == 0
            and self.header.inode == os.fstat(self.fd).st_ino
            and self.leads_here()
        )

    def is_drained(self) -> bool:
        return self.kept() >= self.words.load64(L.HEADER_PUBLISHED)

    def unlink(self) -> None:
        """QDS1-REM-02; under the range lock."""
        if self.leads_here():
            self.words.store32(L.HEADER_REMOVED, 1)
            full_fence()
            try:
                os.unlink(self.path)
            except FileNotFoundError:
                pass
            except PermissionError:
                pass  # QDS1-REM-05: whoever may finishes it

    def remove_if_last(self) -> None:
        """QDS1-REM-01; the caller has given its own lock back."""
        if not try_lock(self.fd, L.WRITER_LOCK_POSITION, RANGE_LENGTH):
            return
        try:
            state = self.words.load32(L.HEADER_WRITER_STATE)
            if state != L.WRITER_CLOSED and (state == L.WRITER_ACTIVE and self.writer().is_known_to_run()):
                return
            for index, state in enumerate(self.states()):
                if state & 0xFF != L.FREE:
                    if self.reader(index).is_known_to_run():
                        return
                    self.free_entry(index)
            if self.is_drained():
                self.unlink()
        finally:
            unlock(self.fd, L.WRITER_LOCK_POSITION, RANGE_LENGTH)

    def discard(self) -> bool:
        """Removes what nobody may join: of another boot, a copy, or removed already. False: try again."""
        deadline = time.monotonic() + LOCK_PATIENCE
        while not try_lock(self.fd, L.WRITER_LOCK_POSITION, RANGE_LENGTH):
            if time.monotonic() >= deadline:
                if self.words.load32(L.HEADER_REMOVED) == 0:
                    return False
                break  # its remover was forced to, so are we
            time.sleep(0.001)
        self.unlink()
        return True

    # -- the writer's record

    def record_writer(self, token: int, label: str) -> None:
        """Chapter 15, step 2."""
        w, me = self.words, this_process()
        w.put64(L.HEADER_WRITER_PID, me.pid)
        w.put64(L.HEADER_WRITER_START_TIME, me.start_time)
        w.put64(L.HEADER_WRITER_PID_NAMESPACE, me.namespace)
        w.put64(L.HEADER_WRITER_SINCE_NS, time.time_ns())
        w.put32(L.HEADER_WRITER_WAKES, int(HAS_FUTEX))
        ctypes.memmove(self.mapping.address + L.HEADER_WRITER_LABEL, padded(label, L.LABEL_LENGTH), L.LABEL_LENGTH)
        w.store64(L.HEADER_WRITER_EPOCH, w.plain64(L.HEADER_WRITER_EPOCH) + 1)
        w.store64(L.HEADER_WRITER_TOKEN, token)
        w.store32(L.HEADER_WRITER_STATE, L.WRITER_ACTIVE)


def _leads_to(path: str, fd: int) -> bool:
    try:
        there, here = os.stat(path, follow_symlinks=False), os.fstat(fd)
    except FileNotFoundError:
        return False
    return (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino)


# ---- Opening


def open_segment(name: str, path: str, writes: bool) -> Segment:
    """Opens, checks and maps; takes no lock. Raises ChannelNotFound if there is no file."""
    try:
        before = os.stat(path, follow_symlinks=False)
        if not stat.S_ISREG(before.st_mode):
            raise CorruptChannel(f"channel {name}: {path} is no regular file; remove it or use another name")
        fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        raise ChannelNotFound(
            f"channel {name}: there is no file {path}; has the writer created it, in this directory?"
        ) from None
    except PermissionError as e:
        raise NotPermitted(
            f"channel {name}: {path} may not be opened for reading and writing ({e.strerror}); ask its owner"
        ) from e
    try:
        now = os.fstat(fd)
        if (now.st_dev, now.st_ino) != (before.st_dev, before.st_ino):
            raise _Moved
        header = check_header(name, os.pread(fd, 512, 0), now.st_size, writes)
        return Segment(name, path, fd, header, _Mapping(fd, path, header.segment_length))
    except BaseException:
        os.close(fd)
        raise


class _Moved(Exception):
    """The path leads elsewhere than a moment ago."""


def is_joinable(segment: Segment) -> bool:
    """QDS1-OPEN-03, -07: of this boot and no copy."""
    h = segment.header
    return h.boot_id == boot_id() and h.inode == os.fstat(segment.fd).st_ino


def _check_codec(segment: Segment, codecs: Collection[str]) -> None:
    if segment.header.codec not in codecs:
        raise CodecDiffers(
            f"channel {segment.name}: codecId is {segment.header.codec!r}, allowed here is {' or '.join(codecs)}; "
            f"open it with a program for that codec, or use another channel"
        )


def open_for_reader(name: str, path: str, codecs: Collection[str]) -> Segment:
    deadline = time.monotonic() + OPEN_PATIENCE
    while True:
        try:
            segment = open_segment(name, path, writes=False)
        except _Moved:
            if time.monotonic() > deadline:
                raise ChannelBusy(f"channel {name}: {path} keeps changing; try again") from None
            continue
        try:
            if not is_joinable(segment):
                raise ChannelNotFound(
                    f"channel {name}: {path} was left from another boot of the machine, or is a copy; start the writer"
                )
            if segment.words.load32(L.HEADER_REMOVED):
                raise ChannelNotFound(f"channel {name}: {path} was removed; start the writer")
            _check_codec(segment, codecs)
            return segment
        except BaseException:
            segment.close_file()
            raise


# ---- Creating


@dataclass(frozen=True)
class Geometry:
    """What a writer asks for."""

    segment_length: int = 100 << 20
    slot_count: int = 4
    drops_oldest: bool = False
    reader_entry_count: int = 64
    checksums: bool = False
    retain_count: int = 0
    #: Instead of segment_length.
    arena_length: int | None = None
    #: What an existing channel must have, too; of the rest it may have any (QDS1-OPEN-04).
    explicit: Collection[str] = (
        "segment_length", "slot_count", "drops_oldest", "reader_entry_count", "checksums", "retain_count"
    )  # fmt: skip

    def header(self, name: str, codec: str, inode: int) -> Header:
        slots, entries = self.slot_count, self.reader_entry_count
        table = L.LENGTH_OF_HEADER
        ring = table + entries * L.LENGTH_OF_ENTRY
        arena = _round_up(ring + slots * L.LENGTH_OF_DESCRIPTOR, L.SECTION_ALIGNMENT)
        if self.arena_length is None:
            total = self.segment_length
            length = (total - arena) // 64 * 64
        else:
            length = self.arena_length // 64 * 64
            total = arena + length
        for what, found, ok, allowed in (
            (
                "slotCount",
                slots,
                2 <= slots <= L.MAX_SLOT_COUNT and slots & (slots - 1) == 0,
                "a power of two, 2 or more",
            ),
            ("readerEntryCount", entries, 1 <= entries <= L.MAX_READER_ENTRY_COUNT, f"1 to {L.MAX_READER_ENTRY_COUNT}"),
            ("retainCount", self.retain_count, self.retain_count >= 0, "0 or more"),
        ):
            if not ok:
                raise ValueError(f"channel {name}: {what} is {found}, allowed is {allowed}")
        if length < 256:
            raise ValueError(f"channel {name}: {total} bytes leave no room for messages, {arena + 256} are the least")
        if length > L.MAX_ARENA_LENGTH:
            raise ValueError(f"channel {name}: {length} bytes for messages are more than {L.MAX_ARENA_LENGTH}")
        feature = L.FEATURE_PAYLOAD_CHECKSUM if self.checksums else 0
        return Header(
            _MAGIC, L.BYTE_ORDER, L.VERSION_MAJOR, L.VERSION_MINOR, 0, feature, feature,
            L.LENGTH_OF_HEADER, L.LENGTH_OF_ENTRY, L.LENGTH_OF_DESCRIPTOR, entries,
            table, ring, arena, length, total,
            slots, int(self.drops_oldest), self.retain_count, L.PIN_COUNT, max(64, (length // 2 - 64) // 64 * 64),
            time.time_ns(), time.clock_gettime_ns(time.CLOCK_MONOTONIC), inode, uuid.uuid4().bytes, boot_id(),
            padded(codec, 32), padded("python", 16), padded(VERSION, 32), padded("ctypes", 16),
        )  # fmt: skip

    def check(self, segment: Segment) -> None:
        """QDS1-OPEN-04: what an existing channel must have."""
        h = segment.header
        existing = {
            "segment_length": h.segment_length,
            "arena_length": h.arena_length,
            "slot_count": h.slot_count,
            "drops_oldest": h.drops_oldest,
            "reader_entry_count": h.reader_entry_count,
            "checksums": h.has_checksums,
            "retain_count": h.retain_count,
        }
        differing = [
            f"{what} is {existing[what]}, asked for was {getattr(self, what)}"
            for what in self.explicit
            if existing[what] != getattr(self, what)
        ]
        if differing:
            raise GeometryDiffers(
                f"channel {segment.name}: {'; '.join(differing)}; ask for the same, use another name, or remove the channel"
            )


def _round_up(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple


def _sweep(name: str, directory: str) -> None:
    """Removes what dead creators of this channel left (QDS1-NEW-06)."""
    pattern = re.compile(rf"\.{re.escape(name)}\.qds[0-9a-fA-F]+\.tmp")
    for found in os.listdir(directory):
        if not pattern.fullmatch(found):
            continue
        path = os.path.join(directory, found)
        try:
            if not stat.S_ISREG(os.lstat(path).st_mode):
                continue
            fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
            try:
                if os.fstat(fd).st_nlink > 1 or try_lock(fd, L.WRITER_LOCK_POSITION):
                    os.unlink(path)
            finally:
                os.close(fd)
        except OSError:
            continue  # not ours to open, probe or delete, or gone


def _create(name: str, path: str, codec: str, geometry: Geometry, mode: int, token: int, label: str) -> Segment | None:
    """A new segment with its name and the writer's lock; None if the name exists or the file was swept: look again."""
    directory = os.path.dirname(path)
    segment_length = geometry.header(name, codec, 0).segment_length
    _check_space(name, directory, segment_length)
    temporary = os.path.join(directory, f".{name}.qds{secrets.token_hex(8)}.tmp")
    fd = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    done = False
    try:
        if not lock_patiently(fd, L.WRITER_LOCK_POSITION) or not _leads_to(temporary, fd):
            return None
        os.fchmod(fd, mode)
        zeros = memoryview(bytes(min(1 << 20, segment_length)))
        position = 0
        while position < segment_length:
            position += os.pwrite(fd, zeros[: segment_length - position], position)
        header = geometry.header(name, codec, os.fstat(fd).st_ino)
        os.pwrite(fd, header.encoded(), 0)
        segment = Segment(name, path, fd, header, _Mapping(fd, temporary, header.segment_length))
        segment.record_writer(token, label)
        full_fence()
        os.link(temporary, path, follow_symlinks=False)
        done = True
        return segment
    except (FileExistsError, FileNotFoundError):
        return None
    except OSError as e:
        if e.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise DirectoryFull(
                f"channel {name}: {directory} has no room for {segment_length} bytes ({e.strerror}); "
                f"ask for a smaller size_mb, or name another directory"
            ) from e
        raise
    finally:
        try:
            os.unlink(temporary)
        except FileNotFoundError:
            pass
        if not done:
            os.close(fd)


def _check_space(name: str, directory: str, length: int) -> None:
    try:
        free = os.statvfs(directory)
    except OSError:
        return  # filling tells
    available = free.f_bavail * free.f_frsize
    if length > available:
        raise DirectoryFull(
            f"channel {name}: needs {length} bytes, {directory} has {available} left; ask for a smaller size_mb, or name another directory"
        )


def open_for_writer(
    name: str, directory: str | None, codec: str, geometry: Geometry, mode: int, token: int, label: str
) -> tuple[Segment, bool]:
    """The segment with the writer's lock held, and whether it is new (its record then stands)."""
    where = channel_directory(directory)
    try:
        if directory is None:
            os.makedirs(where, exist_ok=True)
        _sweep(name, where)
        return _open_or_create(name, os.path.join(where, name + ".qds"), codec, geometry, mode, token, label)
    except (FileNotFoundError, NotADirectoryError) as e:
        raise QdsError(f"channel {name}: the directory {where} does not exist; create it or name another") from e
    except OSError as e:
        if e.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise NotPermitted(
                f"channel {name}: the directory {where} may not be written ({e.strerror}); allow it or name another"
            ) from e
        raise


def _open_or_create(
    name: str, path: str, codec: str, geometry: Geometry, mode: int, token: int, label: str
) -> tuple[Segment, bool]:
    deadline = time.monotonic() + OPEN_PATIENCE
    while time.monotonic() < deadline:
        try:
            segment = open_segment(name, path, writes=True)
        except _Moved:
            continue
        except ChannelNotFound:
            created = _create(name, path, codec, geometry, mode, token, label)
            if created is not None:
                return created, True
            continue
        keep = False
        try:
            if not is_joinable(segment) or segment.words.load32(L.HEADER_REMOVED):
                if not segment.discard():
                    time.sleep(0.001)
                continue
            _check_codec(segment, (codec,))
            geometry.check(segment)
            if not lock_patiently(segment.fd, L.WRITER_LOCK_POSITION):
                since = segment.words.plain64(L.HEADER_WRITER_SINCE_NS) / 1e9
                raise SecondWriter(
                    f"channel {name}: process {segment.writer().pid} writes to it since "
                    f"{time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(since))}; end that, or use another name"
                )
            if not segment.is_ours_to_join():
                continue
            if segment.words.load32(L.HEADER_WRITER_STATE) == L.WRITER_ACTIVE and segment.writer().is_known_to_run():
                raise LockLost(
                    f"channel {name}: process {segment.writer().pid} is recorded as its writer and runs, but lost its lock; end it"
                )
            keep = True
            return segment, False
        finally:
            if not keep:
                segment.close_file()
    raise ChannelBusy(f"channel {name}: {path} keeps changing, or somebody holds what is to be removed; try again")
