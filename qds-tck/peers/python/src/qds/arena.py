"""Where payloads go: the writer's private decision."""

from __future__ import annotations

from bisect import bisect_left, insort


class Arena:
    """Next fit over what is in use: payloads of live messages, and pins.

    No payload of up to half the arena crosses its middle, so a message of the default greatest length fits while another
    of any length up to it is held (QDS1-PUB-09). Offsets and lengths are in bytes and multiples of 64.
    """

    def __init__(self, length: int) -> None:
        self.length = length
        self._middle = length // 2 // 64 * 64
        self._head = 0
        self._used: list[tuple[int, int]] = []  # (start, end), sorted
        self._pins: list[tuple[int, int]] = []  # the same

    @staticmethod
    def taken(length: int) -> int:
        """What a payload takes of the arena (QDS1-DSC-02)."""
        return max(64, (length + 63) // 64 * 64)

    def set_pins(self, pins: list[tuple[int, int]]) -> None:
        """Takes pins in any order; those of a hostile peer may overlap or lie anywhere."""
        merged: list[tuple[int, int]] = []
        for start, end in sorted((start, start + length) for start, length in pins):
            if merged and start <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
            else:
                merged.append((start, end))
        self._pins = merged

    def occupy(self, start: int, taken: int) -> None:
        insort(self._used, (start, start + taken))

    def free(self, start: int) -> None:
        index = bisect_left(self._used, (start, 0))
        del self._used[index]

    def place(self, taken: int) -> int | None:
        """A free place from where the last message ended, and round. It is not occupied yet."""
        found = self._search(self._head, self.length, taken)
        if found is None:
            found = self._search(0, self.length, taken)
        return found

    def moved_to(self, end: int) -> None:
        """The next search begins here."""
        self._head = 0 if end >= self.length else end

    def _search(self, start: int, end: int, taken: int) -> int | None:
        halves = taken <= self._middle
        while start + taken <= end:
            if halves and start < self._middle < start + taken:
                start = self._middle
                continue
            obstacle = max(_end_of_overlap(self._used, start, taken), _end_of_overlap(self._pins, start, taken))
            if obstacle <= start:
                return start
            start = -(-obstacle // 64) * 64
        return None


def _end_of_overlap(extents: list[tuple[int, int]], start: int, taken: int) -> int:
    """The end of the extent that overlaps with `taken` bytes at `start`, or 0. Extents are sorted and disjoint."""
    index = bisect_left(extents, (start + taken, 0)) - 1
    return extents[index][1] if index >= 0 and extents[index][1] > start else 0
