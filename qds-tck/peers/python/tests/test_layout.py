"""The package's constants are those of the specification."""

import re
from pathlib import Path

import pytest

from qds import layout
from qds.checksum import crc32c

TABLE = Path(__file__).parents[3] / "spec" / "qds1-offsets.tsv"
PREFIX = {"header": "HEADER", "readerEntry": "ENTRY", "messageDescriptor": "DESCRIPTOR"}


def snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).upper()


def rows() -> list[tuple[str, int]]:
    found = []
    for line in TABLE.read_text().splitlines():
        if line.startswith(("#", "kind\t")):
            continue
        kind, section, name, value = line.split("\t")[:4]
        if kind == "section":
            found.append((f"LENGTH_OF_{PREFIX[section]}", int(value)))
        elif kind == "field":
            found.append((f"{PREFIX[section]}_{snake(name)}", int(value)))
        elif kind == "constant":
            found.append((snake(name), int(value, 0)))
    return found


@pytest.mark.skipif(not TABLE.exists(), reason=f"the specification is not there: {TABLE}")
def test_every_constant_is_that_of_the_specification() -> None:
    expected = dict(rows())
    assert len(expected) > 70
    found = {name: value for name, value in vars(layout).items() if name.isupper()}
    assert found == expected


def test_crc32c_of_the_usual_words() -> None:
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(32)) == 0x8A9136AA


@pytest.mark.parametrize("hidden", [False, True])
def test_a_fence_is_found_with_and_without_libatomic(hidden: bool) -> None:
    """QDS1-MEM-02: another way when the library is not there."""
    from qds import atomics

    find = atomics._fence_of_kernel if hidden else atomics._fence_of_libatomic
    fence = find()
    if fence is None:
        pytest.skip("this machine has no " + ("membarrier" if hidden else "libatomic"))
    for _ in range(3):
        fence()
