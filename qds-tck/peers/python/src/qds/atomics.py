"""Loads, stores and the full fence on mapped memory.

The protocol needs no read-modify-write, only whole loads and stores, acquire, release and one full fence
(QDS1-MEM-01, -02).

Whole: a `memoryview` of format `i` or `q` moves an item with one `memcpy` of constant length, which every C compiler
that CPython is built with turns into one aligned load or store. The interpreter calls it through pointers that no compiler
can see through, so it neither merges nor moves accesses across each other.

Acquire and release: on x86-64 every load acquires and every store releases. Elsewhere (aarch64) a full fence after the
load, or before the store, does it: a relaxed access beside a fence synchronises as C11 says, and is stronger than needed.

Full fence: `atomic_thread_fence` of libatomic, the C library's companion on every glibc and musl system. Without it, the
system call membarrier(GLOBAL_EXPEDITED), which on its way through the kernel runs a full barrier for the caller, in some
microseconds. Without both the import fails: a protocol without its fences loses messages in silence.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import platform
import sys
from collections.abc import Callable
from functools import partial

_MACHINE = platform.machine().lower()
_SEQ_CST = 5

libc = ctypes.CDLL(None, use_errno=True)


def _fence_of_libatomic() -> Callable[[], object] | None:
    for name in ("libatomic.so.1", ctypes.util.find_library("atomic")):
        if not name:
            continue
        try:
            # PyDLL keeps the interpreter lock: the call takes nanoseconds.
            function = ctypes.PyDLL(name).atomic_thread_fence
        except (OSError, AttributeError):
            continue
        function.argtypes = [ctypes.c_int]
        function.restype = None
        order = ctypes.c_int(_SEQ_CST)
        return partial(function, order)
    return None


def _fence_of_kernel() -> Callable[[], object] | None:
    number = {"x86_64": 324, "aarch64": 283, "arm64": 283}.get(_MACHINE)
    if number is None or not sys.platform.startswith("linux"):
        return None
    query, global_expedited = 0, 1 << 1
    function = ctypes.CDLL(None).syscall
    function.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_uint, ctypes.c_int]
    function.restype = ctypes.c_long
    supported = function(number, query, 0, 0)
    if supported < 0 or not supported & global_expedited:
        return None

    def fence() -> None:
        if function(number, global_expedited, 0, 0) != 0:
            raise OSError("membarrier failed after the kernel said that it has it")

    return fence


def _choose() -> tuple[Callable[[], object], str]:
    for source, find in (("libatomic", _fence_of_libatomic), ("membarrier", _fence_of_kernel)):
        found = find()
        if found is not None:
            return found, source
    raise ImportError("qds needs a memory fence: install libatomic (Debian: libatomic1, Fedora: libatomic)")


if sys.byteorder != "little" or ctypes.sizeof(ctypes.c_void_p) != 8:
    raise ImportError("qds needs a little-endian 64-bit machine (QDS1-FILE-04)")

#: Orders every earlier load and store before every later one.
full_fence: Callable[[], object]
full_fence, FENCE_SOURCE = _choose()


def _nothing() -> None:
    pass


_TOTAL_STORE_ORDER = _MACHINE in ("x86_64", "amd64")

#: After a plain load (or several) makes it an acquire.
acquire_fence: Callable[[], object] = _nothing if _TOTAL_STORE_ORDER else full_fence
#: Before a plain store makes it a release.
release_fence: Callable[[], object] = acquire_fence


def _region(address: int, length: int, owner: object) -> memoryview:
    region = (ctypes.c_ubyte * length).from_address(address)
    region.owner = owner  # type: ignore[attr-defined]
    return memoryview(region).cast("B")


class Memory:
    """Bytes somewhere, to be looked at."""

    __slots__ = ("address", "view")

    def __init__(self, address: int, view: memoryview) -> None:
        self.address = address
        self.view = view.toreadonly()

    @staticmethod
    def mapped(address: int, length: int, owner: object) -> Memory:
        """`owner` lives as long as any view of it."""
        return Memory(address, _region(address, length, owner))

    @staticmethod
    def of(private: bytearray) -> Memory:
        return Memory(ctypes.addressof(ctypes.c_char.from_buffer(private)) if private else 0, memoryview(private))


class Words:
    """The words of a mapped region, which keep its owner. Offsets are in bytes and aligned."""

    __slots__ = ("address", "i32", "i64")

    def __init__(self, address: int, length: int, owner: object) -> None:
        region = _region(address, length, owner)
        self.address = address
        self.i32: memoryview = region.cast("i")
        self.i64: memoryview = region.cast("q")

    def plain32(self, offset: int) -> int:
        return self.i32[offset >> 2]

    def plain64(self, offset: int) -> int:
        return self.i64[offset >> 3]

    def put32(self, offset: int, value: int) -> None:
        self.i32[offset >> 2] = value

    def put64(self, offset: int, value: int) -> None:
        self.i64[offset >> 3] = value

    if _TOTAL_STORE_ORDER:  # plain ones are; calls of calls cost more here than anything else
        load32, load64, store32, store64 = plain32, plain64, put32, put64
    else:

        def load32(self, offset: int) -> int:
            """Load-acquire."""
            value: int = self.i32[offset >> 2]
            acquire_fence()
            return value

        def load64(self, offset: int) -> int:
            """Load-acquire."""
            value: int = self.i64[offset >> 3]
            acquire_fence()
            return value

        def store32(self, offset: int, value: int) -> None:
            """Store-release."""
            release_fence()
            self.i32[offset >> 2] = value

        def store64(self, offset: int, value: int) -> None:
            """Store-release."""
            release_fence()
            self.i64[offset >> 3] = value

    def column32(self, offset: int, step: int, count: int) -> list[int]:
        """Plain loads of `count` words that lie `step` bytes apart."""
        first = offset >> 2
        stride = step >> 2
        return self.i32[first : first + stride * (count - 1) + 1 : stride].tolist()

    def column64(self, offset: int, step: int, count: int) -> list[int]:
        first = offset >> 3
        stride = step >> 3
        return self.i64[first : first + stride * (count - 1) + 1 : stride].tolist()
