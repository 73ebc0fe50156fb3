"""The peer program, driven as the compatibility kit drives it: a process, lines of JSON."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from conftest import ENVIRONMENT

import qds


class Peer:
    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "qds.tck_peer"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=ENVIRONMENT, text=True,
        )  # fmt: skip

    def line(self, line: str) -> Any:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def __call__(self, op: str, **members: Any) -> Any:
        return self.line(json.dumps({"op": op, **members}))

    def fails(self, kind: str, op: str, **members: Any) -> str:
        answer = self(op, **members)
        assert answer.get("error") == kind, answer
        return answer["message"]


@pytest.fixture
def peer() -> Iterator[Callable[[], Peer]]:
    peers: list[Peer] = []

    def start() -> Peer:
        peers.append(Peer())
        return peers[-1]

    yield start
    for each in peers:
        each.process.kill()
        with each.process:  # waits, and closes its pipes
            pass


def test_hello_names_the_process_and_what_it_can(peer) -> None:
    p = peer()
    hello = p("hello")
    assert hello["protocol"] == 1 and hello["language"] == "python" and hello["pid"] == p.process.pid
    assert hello["libraries"]["pyarrow"] == pa.__version__
    every = "write read observe claim hold checksums drop-oldest arrow-ipc validate futex ping"
    assert set(every.split()) <= set(hello["capabilities"])


def test_messages_claims_and_loans(peer, directory: str) -> None:
    p = peer()
    where = {"directory": directory, "channel": "c"}
    assert p("create", writer="w", slotCount=4, arenaLength=65536, **where) == {"sequence": 0}
    assert (Path(directory) / "c.qds").stat().st_size == 65536 + 65536
    assert p("attach", reader="r", **where) == {"sequence": 0}
    assert p("attach", reader="late", start="latest", **where) == {"sequence": 0}
    assert p("close", reader="late") == {}
    assert p("write", writer="w", length=100, seed=7, tag=-5) == {"sequence": 0}
    assert p("claim", writer="w", length=8, seed=7) == {}
    assert p("abort", writer="w") == {}
    p.fails("FAILED", "commit", writer="w")
    assert p("claim", writer="w", length=0, seed=7) == {}
    assert p("commit", writer="w", tag=1 << 62) == {"sequence": 1}
    assert p("read", reader="r", seed=7) == {"sequence": 0, "length": 100, "tag": -5, "lost": 0}
    assert p("hold", reader="r", message="m", seed=7) == {"sequence": 1, "length": 0, "tag": 1 << 62, "lost": 0}
    assert p("read", reader="r", timeoutMs=0) == {"timeout": True}
    assert p("write", writer="w", length=64, seed=1) == {"sequence": 2}
    assert "channel c" in p.fails("CONTENT", "read", reader="r", seed=2)
    assert p("send", writer="w", count=9, seed=3, minLength=0, maxLength=40, timeoutMs=50) == {
        "count": 2, "sequence": 4, "timeout": True,
    }  # fmt: skip
    assert p("check", message="m", seed=7) == {}
    assert p("release", message="m") == {}
    assert p("send", writer="w", count=2, seed=3, minLength=0, maxLength=40) == {"count": 2, "sequence": 6}
    assert p("drain", reader="r", seed=3, count=3) == {"count": 3, "lost": 0, "first": 3, "last": 5}
    assert p("close", writer="w") == {}
    assert p("drain", reader="r", seed=3) == {"count": 1, "lost": 0, "first": 6, "last": 6, "end": "CLOSED"}
    assert p("read", reader="r") == {"end": "CLOSED"}
    assert p("close", reader="r") == {}
    assert os.listdir(directory) == []


def test_the_pattern_is_that_of_the_protocol(peer, directory: str) -> None:
    """Computed by hand: mix(7 + 0x9E3779B97F4A7C15) in unbounded arithmetic."""
    p = peer()
    p("create", writer="w", directory=directory, channel="p")
    p("write", writer="w", length=11, seed=7)
    z = (7 + 0x9E3779B97F4A7C15) % 2**64
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
    z ^= z >> 31
    p("attach", reader="r", directory=directory, channel="p")
    p("read", reader="r", file=directory + "/payload")
    assert Path(directory, "payload").read_bytes() == (z.to_bytes(8, "little") * 2)[:11]


def test_kinds_of_failures(peer, directory: str) -> None:
    p, other = peer(), peer()
    where = {"directory": directory, "channel": "c"}
    p.fails("UNSUPPORTED", "dance")
    assert p.line("no json")["error"] == "FAILED"
    assert "'nobody'" in p.fails("FAILED", "read", reader="nobody")
    p.fails("NO_SUCH_CHANNEL", "attach", reader="r", **where)
    p("create", writer="w", slotCount=4, readerEntryCount=1, **where)
    pid = str(p.process.pid)
    assert pid in other.fails("SECOND_WRITER", "create", writer="w", **where)
    assert "slot_count" in other.fails("GEOMETRY_DIFFERS", "create", writer="w", slotCount=8, **where)
    other.fails("GEOMETRY_DIFFERS", "create", writer="w", overflowPolicy="DROP_OLDEST", **where)
    other.fails("CODEC_DIFFERS", "create", writer="w", codec="arrow-ipc", **where)
    other.fails("CODEC_DIFFERS", "attach", reader="r", codec="arrow-ipc", **where)
    other.fails("UNSUPPORTED", "attach", reader="r", codec="other", **where)
    other.fails("SEQUENCE_GONE", "attach", reader="r", start=1, **where)
    p("attach", reader="r", **where)
    assert pid in other.fails("READER_TABLE_FULL", "attach", reader="r", **where)
    p.fails("MESSAGE_TOO_LARGE", "write", writer="w", length=1 << 20, seed=1)
    p("send", writer="w", count=3, seed=1, minLength=8, maxLength=8)
    p("drain", reader="r", seed=1, timeoutMs=0)
    p("send", writer="w", count=3, seed=1, minLength=8, maxLength=8)  # gives room up
    p("drain", reader="r", seed=1, timeoutMs=0)
    p("close", reader="r")
    p.fails("SEQUENCE_GONE", "attach", reader="r", start=0, **where)
    p("create", writer="d", directory=directory, channel="d", overflowPolicy="DROP_OLDEST")
    p.fails("UNSUPPORTED", "attach", reader="r", directory=directory, channel="d")
    p.fails("DIRECTORY_FULL", "create", writer="x", directory=directory, channel="x", arenaLength=1 << 37)
    Path(directory, "bad.qds").write_bytes(b"x" * 5000)
    p.fails("CORRUPT", "attach", reader="r", directory=directory, channel="bad")
    Path(directory, "c.qds").unlink()
    assert p("write", writer="w", length=1, seed=1) == {"sequence": 6}


def test_a_reader_that_waits_while_it_holds_is_reported(peer, directory: str) -> None:
    writing, reading = peer(), peer()
    where = {"directory": directory, "channel": "stuck"}
    writing("create", writer="w", slotCount=2, **where)
    reading("attach", reader="r", **where)
    writing("send", writer="w", count=2, seed=1, minLength=8, maxLength=8)
    reading("hold", reader="r", message="m")
    reading("hold", reader="r", message="n")
    reading.process.stdin.write('{"op":"read","reader":"r","timeoutMs":-1}\n')
    reading.process.stdin.flush()
    pid = str(reading.process.pid)
    assert pid in writing.fails("READER_HOLDS_LOANS", "write", writer="w", length=8, seed=1, timeoutMs=-1)


def test_ping_and_pong_between_two_processes(peer, directory: str) -> None:
    one, two = peer(), peer()
    there, back = {"directory": directory, "channel": "there"}, {"directory": directory, "channel": "back"}
    one("create", writer="w", **there)
    two("create", writer="w", **back)
    one("attach", reader="r", **back)
    two("attach", reader="r", **there)
    answers = []
    ponging = threading.Thread(
        target=lambda: answers.append(two("pong", reader="r", writer="w", count=200, seed=5, maxPauseUs=100))
    )
    ponging.start()
    answer = one("ping", reader="r", writer="w", count=200, seed=5, maxPauseUs=100)
    ponging.join()
    assert answer["count"] == 200 and answer["medianNs"] > 0
    assert answers == [{"count": 200}]
    one.fails("FAILED", "pong", reader="r", writer="w", count=1, seed=5, timeoutMs=1)


def test_it_dies_and_is_succeeded(peer, directory: str) -> None:
    dying, other = peer(), peer()
    where = {"directory": directory, "channel": "d"}
    dying("create", writer="w", **where)
    dying("write", writer="w", length=5, seed=1)
    other("attach", reader="r", **where)
    other("attach", reader="patient", waitForSuccessor=True, **where)
    dying.process.stdin.write('{"op":"die"}\n')
    dying.process.stdin.flush()
    assert dying.process.wait() == -signal.SIGKILL
    assert other("drain", reader="r", seed=1)["end"] == "WRITER_DIED"
    other.fails("WRITER_DIED", "read", reader="r")
    assert other("create", writer="w", **where) == {"sequence": 1}
    other("write", writer="w", length=5, seed=1)
    assert other("drain", reader="patient", seed=1, count=2) == {"count": 2, "lost": 0, "first": 0, "last": 1}


def test_an_observer_counts_what_it_lost(peer, directory: str) -> None:
    p = peer()
    where = {"directory": directory, "channel": "o"}
    p("create", writer="w", slotCount=16, overflowPolicy="DROP_OLDEST", **where)
    p("attach", reader="r", mode="OBSERVER", **where)
    p("send", writer="w", count=100, seed=1, minLength=0, maxLength=99)
    drained = p("drain", reader="r", seed=1, timeoutMs=0)
    assert drained["last"] == 99 and drained["lost"] > 0 and drained["first"] == drained["lost"]
    assert drained["count"] == 100 - drained["lost"]


@pytest.mark.parametrize("validate", [False, True])
def test_arrow_files_arrive_the_same(peer, directory: str, validate: bool) -> None:
    p = peer()
    table = pa.table({"x": [1, None, 3], "s": ["a", "b", None], "d": pa.array(["u", "v", "u"]).dictionary_encode()})
    path = directory + "/in.arrows"
    with pa.OSFile(path, "wb") as f, pa.ipc.new_stream(f, table.schema) as stream:
        stream.write_table(table)
    where = {"directory": directory, "channel": "a", "codec": "arrow-ipc"}
    p("create", writer="w", **where)
    p("attach", reader="r", validate=validate, **where)
    for sequence in (0, 1):
        assert p("write", writer="w", file=path, tag=9) == {"sequence": sequence}
    answer = p("read", reader="r", file=directory + "/read.arrows")
    assert answer["sequence"] == 0 and answer["tag"] == 9
    p("hold", reader="r", message="m")
    p("close", reader="r")
    assert p("check", message="m", file=directory + "/held.arrows") == {}
    p("release", message="m")
    for name in ("read", "held"):
        with pa.OSFile(f"{directory}/{name}.arrows") as f:
            assert pa.ipc.open_stream(f).read_all().equals(table)
    p("close", writer="w")
    assert not Path(directory, "a.qds").exists()


def test_the_end_of_its_input_ends_it_in_good_order(peer, directory: str) -> None:
    p = peer()
    where = {"directory": directory, "channel": "e"}
    p("create", writer="w", **where)
    p("attach", reader="r", **where)
    p("write", writer="w", length=5, seed=1)
    p("hold", reader="r", message="m")
    p.process.stdin.close()
    assert p.process.wait() == 0
    assert p.process.stdout.read() == ""
    assert os.listdir(directory) == []


def test_nothing_but_answers_is_on_standard_output() -> None:
    code = "import atexit, qds.tck_peer as p; atexit.register(lambda: print('noise')); p.main([])"
    done = subprocess.run(
        [sys.executable, "-c", code], input='{"op":"x"}\n', env=ENVIRONMENT, text=True, capture_output=True, check=True
    )
    assert json.loads(done.stdout)["error"] == "UNSUPPORTED"
    assert done.stderr == "noise\n"


@pytest.mark.parametrize("module", [["qds.demo"], ["qds.tck_peer", "demo"]])
def test_the_demo_prints_what_arrives(directory: str, module: list[str]) -> None:
    reading = subprocess.Popen(
        [sys.executable, "-m", *module, directory, "flights"], stdout=subprocess.PIPE, env=ENVIRONMENT, text=True
    )
    with qds.create_writer("flights", size_mb=1) as writer:
        for _ in range(2):
            writer.write(pl.DataFrame({"delay": [1, 2, 39], "carrier": ["AA", "BB", "CC"]}))
    out, _ = reading.communicate(timeout=60)
    assert reading.returncode == 0
    assert out.count("shape: (3, 2)") == 2 and "│ 39    ┆ CC      │" in out
    assert "messages: 2; together:" in out and "┆ 84 " in out


def test_the_demo_says_in_one_line_what_is_wrong(directory: str) -> None:
    Path(directory, "bad.qds").write_bytes(b"x" * 5000)
    command = [sys.executable, "-m", "qds.demo", directory, "bad"]
    done = subprocess.run(command, env=ENVIRONMENT, text=True, capture_output=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("qds: channel bad: magic is ") and done.stderr.count("\n") == 1
