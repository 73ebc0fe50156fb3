"""What writers and readers have in common: one thread at a time, use after close, and forks."""

from __future__ import annotations

import atexit
import os
import threading
import weakref
from types import TracebackType
from typing import Self

from .errors import QdsError
from .segment import Segment

_all: weakref.WeakSet[Participant] = weakref.WeakSet()


class Participant:
    """An end of a channel.

    One thread at a time may use it; a second is refused. `close()` may come from any thread. A forked child does not
    own the ends of its parent: its copies are dead, and their descriptors are closed at once, since the locks would else
    outlive the parent (QDS1-LOCK-03).
    """

    def __init__(self, segment: Segment) -> None:
        self.segment = segment
        self.is_closed = False
        self.is_forked = False
        self._user = threading.Lock()
        _all.add(self)

    @property
    def name(self) -> str:
        return self.segment.name

    def close(self) -> None:
        raise NotImplementedError

    def _check_usable(self) -> None:
        if self.is_forked:
            raise QdsError(
                f"channel {self.name}: this end belongs to the parent process; open one of your own after a fork"
            )
        if self.is_closed:
            raise QdsError(f"channel {self.name}: this end was closed")

    def _in_child(self) -> None:
        self.is_forked = True
        self._user = threading.Lock()
        self.segment.close_file()

    def _end_of_process(self) -> None:
        """Leaves for good: what is still on loan ends with the process."""
        self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if not getattr(self, "is_closed", True) and not self.is_forked:
            self.close()


def _after_fork_in_child() -> None:
    for each in list(_all):
        each._in_child()


@atexit.register
def _leave_all() -> None:
    for each in list(_all):
        each._end_of_process()


os.register_at_fork(after_in_child=_after_fork_in_child)
