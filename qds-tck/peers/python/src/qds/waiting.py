"""Sleeping and waking on words in shared memory.

A futex is called through the C library with the interpreter lock given up, so other threads run meanwhile. A signal
ends the sleep: Ctrl-C is raised at once in the main thread. Every sleep is bounded (QDS1-WAIT-03).
"""

from __future__ import annotations

import ctypes
import platform
import sys
import time

from .atomics import libc

_NUMBER = {"x86_64": 202, "aarch64": 98, "arm64": 98}.get(platform.machine().lower())
#: Without futexes participants say so in `wakes`, and sleep for short times.
HAS_FUTEX = _NUMBER is not None and sys.platform.startswith("linux")

#: No sleep is longer: a peer may die between its store and the wake.
LONGEST_SLEEP = 0.1
_WAIT, _WAKE, _ALL = 0, 1, 0x7FFFFFFF


class _Timespec(ctypes.Structure):
    _fields_ = [("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long)]


def sleep_on(address: int, expected: int, seconds: float) -> None:
    """Sleeps until woken, the word at `address` is not `expected`, a signal, or the time is over."""
    seconds = min(max(seconds, 0.0), LONGEST_SLEEP)
    if not HAS_FUTEX:
        time.sleep(min(seconds, 0.001))
        return
    limit = _Timespec(0, int(seconds * 1e9))
    libc.syscall(
        ctypes.c_long(_NUMBER or 0), ctypes.c_void_p(address), ctypes.c_int(_WAIT), ctypes.c_uint32(expected & 0xFFFFFFFF),
        ctypes.byref(limit), ctypes.c_void_p(None), ctypes.c_int(0),
    )  # fmt: skip


def wake_all(address: int) -> None:
    if HAS_FUTEX:
        libc.syscall(
            ctypes.c_long(_NUMBER or 0), ctypes.c_void_p(address), ctypes.c_int(_WAKE), ctypes.c_int(_ALL),
            ctypes.c_void_p(None), ctypes.c_void_p(None), ctypes.c_int(0),
        )  # fmt: skip


def bound(waited: float, left: float, peers_wake: bool) -> float:
    """How long to sleep now, after `waited` seconds, with `left` to go (QDS1-WAIT-03)."""
    if peers_wake:
        longest = LONGEST_SLEEP
    else:
        longest = 0.001 if waited < 1 else 0.01
    return min(longest, left)
