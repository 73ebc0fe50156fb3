"""CRC-32C (Castagnoli, reflected, initial value and final xor 0xFFFFFFFF).

Payloads of channels with checksums go through the package google-crc32c if it is installed; plain Python takes about a
second for 8 MiB.
"""

from __future__ import annotations

try:
    import google_crc32c as _fast
except ImportError:
    _fast = None


def _make_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return tuple(table)


_TABLE = _make_table()


def crc32c(data: bytes | memoryview) -> int:
    if _fast is not None:
        return int(_fast.value(bytes(data)))
    table = _TABLE
    crc = 0xFFFFFFFF
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF
