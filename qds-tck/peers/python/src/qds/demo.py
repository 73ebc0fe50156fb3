"""Reads a channel to its end and prints what arrives: `python3 -m qds.demo DIRECTORY CHANNEL`."""

from __future__ import annotations

import sys
from io import TextIOWrapper

from .errors import QdsError
from .frame import create_reader


def main(arguments: list[str]) -> None:
    try:
        show(*arguments)
    except QdsError as e:
        sys.exit(f"qds: {e}")


def show(directory: str, channel: str) -> None:
    import polars as pl
    import polars.selectors as cs

    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")
    sums = []
    with create_reader(channel, directory=directory, label="python demo", channel_timeout_ms=30_000) as reader:
        for df in reader:
            print(df)
            sums.append(df.select(pl.len().alias("rows"), cs.numeric().sum().name.prefix("sum of ")))
            del df  # the sender need not wait for what was shown
    if sums:
        print(f"messages: {len(sums)}; together:")
        print(pl.concat(sums, how="diagonal_relaxed").sum())


if __name__ == "__main__":
    main(sys.argv[1:])
