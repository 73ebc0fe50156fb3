"""The files of the peer protocol for the codec `raw1` (PEER-18): batches as lines of text."""

from __future__ import annotations

from typing import Any

import numpy as np

from .raw import Batch, Field


def parse(path: str) -> tuple[int, dict[Field, Any]]:
    with open(path, encoding="ascii") as f:
        lines = f.read().split("\n")
    row_count = int(lines[0].removeprefix("rows "))
    columns: dict[Field, Any] = {}
    for at in range(1, len(lines) - 1, row_count + 1):
        _, kind, width, flag, name = lines[at].split(" ")
        field = Field(bytes.fromhex(name).decode(), kind, flag == "null", int(width) if kind == "fixed" else 0)
        values = [None if line == "-" else bytes.fromhex(line[1:]) for line in lines[at + 1 : at + 1 + row_count]]
        columns[field] = values if kind in ("fixed", "utf8", "binary") else _array(field, values)
    return row_count, columns


def _array(field: Field, values: list[bytes | None]) -> Any:
    content = b"".join(bytes(field.stored_width) if value is None else value for value in values)
    nulls = [value is None for value in values]
    return np.ma.MaskedArray(np.frombuffer(content, field.dtype), nulls)


def save(batch: Batch, path: str) -> None:
    lines = [f"rows {batch.row_count}"]
    for column in batch.values():
        field = column.field
        flag = "null" if field.nullable else "-"
        lines.append(f"column {field.type} {field.stored_width} {flag} {field.name.encode().hex()}")
        for row in range(batch.row_count):
            lines.append("-" if column.is_null(row) else "=" + column.raw_bytes(row).hex())
    with open(path, "w", encoding="ascii") as f:
        f.write("\n".join(lines) + "\n")
