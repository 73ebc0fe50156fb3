"""The peer that the compatibility kit drives: one JSON object a line in and out (see peer-protocol.md).

python3 -m qds.tck_peer
python3 -m qds.tck_peer demo DIRECTORY CHANNEL
"""

from __future__ import annotations

import ctypes
import importlib.util
import json
import os
import random
import signal
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any, TextIO, TypeVar

from . import demo
from .errors import ChannelRemoved, EndOfChannel, Evicted, QdsError, WriterDied
from .frame import get_version, has_arrow_support
from .reader import Message, RingReader
from .segment import Geometry
from .waiting import HAS_FUTEX
from .writer import Claim, RingWriter

if has_arrow_support():
    import pyarrow as pa

    from . import ipc

_HAS_NUMPY = importlib.util.find_spec("numpy") is not None
if _HAS_NUMPY:
    from . import raw, tck_raw

_64 = (1 << 64) - 1
Request = dict[str, Any]
Answer = dict[str, Any]


class Refused(Exception):
    """A failure of the request itself, with its kind."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


# ---- The pattern


def _word(seed: int, sequence: int) -> int:
    z = (seed + (sequence + 1) * 0x9E3779B97F4A7C15) & _64
    z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & _64
    z = ((z ^ z >> 27) * 0x94D049BB133111EB) & _64
    return z ^ z >> 31


def pattern(seed: int, sequence: int, length: int) -> bytes:
    return (_word(seed, sequence).to_bytes(8, "little") * (length // 8 + 1))[:length]


def length_of(seed: int, sequence: int, least: int, most: int) -> int:
    return least + (_word(seed, sequence) >> 1) % (most - least + 1)


def _seconds(milliseconds: float) -> float | None:
    return None if milliseconds < 0 else milliseconds / 1000


def _timeout(request: Request) -> float | None:
    return _seconds(request.get("timeoutMs", 10_000))


# ---- What the kit names

_COMPARED = {
    "slotCount": "slot_count",
    "overflowPolicy": "drops_oldest",
    "readerEntryCount": "reader_entry_count",
    "checksums": "checksums",
    "arenaLength": "arena_length",
    "retainCount": "retain_count",
}


class _Writer:
    def __init__(self, request: Request) -> None:
        self.codec: str = request.get("codec", "bytes")
        geometry = Geometry(
            slot_count=request.get("slotCount", 64),
            drops_oldest=request.get("overflowPolicy", "BLOCK") == "DROP_OLDEST",
            reader_entry_count=request.get("readerEntryCount", 8),
            checksums=request.get("checksums", False),
            retain_count=request.get("retainCount", 0),
            arena_length=request.get("arenaLength", 1 << 20),
            explicit=[field for member, field in _COMPARED.items() if member in request],
        )
        self.ring = RingWriter(
            request["channel"],
            geometry,
            request["directory"],
            label=request.get("label", ""),
            codec=self.codec,
        )
        self.claim: Claim | None = None

    def claimed(self, length: int, seed: int, timeout: float | None) -> Claim | None:
        """A claim, filled with the pattern; None: no room in time."""
        claim = self.ring.claim(length, timeout)
        if claim is not None:
            ctypes.memmove(claim.address, pattern(seed, self.ring.published, length), length)
        return claim

    def write_pattern(self, length: int, seed: int, timeout: float | None, tag: int = 0) -> int | None:
        claim = self.claimed(length, seed, timeout)
        return None if claim is None else self.ring.commit(claim, tag=tag)

    def write_file(self, path: str, timeout: float | None, tag: int) -> int | None:
        if self.codec == "bytes":
            with open(path, "rb") as f:
                content = f.read()
            claim = self.ring.claim(len(content), timeout)
            if claim is not None:
                ctypes.memmove(claim.address, content, len(content))
        elif self.codec == "raw1":
            encoded = raw.Encoded(*tck_raw.parse(path))
            claim = self.ring.claim(encoded.length, timeout)
            if claim is not None:
                encoded.store(claim.address)
        else:
            with pa.OSFile(path) as f:
                prepared = ipc.Prepared(pa.ipc.open_stream(f).read_all())
            claim = self.ring.claim(prepared.length, timeout)
            if claim is not None:
                prepared.store(claim.address)
        return None if claim is None else self.ring.commit(claim, tag=tag)


class _Reader:
    def __init__(self, request: Request) -> None:
        self.codec: str = request.get("codec", "bytes")
        self.validates: bool = request.get("validate", False)
        self.ring = RingReader(
            request["channel"],
            request["directory"],
            observer=request.get("mode", "LOSSLESS") == "OBSERVER",
            start=request.get("start", "oldest"),
            allow_gaps=False,
            wait_for_successor=request.get("waitForSuccessor", False),
            label=request.get("label", ""),
            channel_timeout=_seconds(request.get("timeoutMs", 0)),
            codecs=(self.codec,),
        )
        self._lost = 0

    def lost(self) -> int:
        """Messages lost since the last call."""
        before, self._lost = self._lost, self.ring.lost_count
        return self._lost - before

    def read(self, timeout: float | None) -> Message | None:
        return self.ring.read(timeout)


class _Held:
    """A message on loan: its payload, or the table or batch that it became, whose buffers hold it."""

    def __init__(self, reader: _Reader, message: Message) -> None:
        self.sequence = message.sequence
        self.channel = reader.ring.name
        self._message: Message | None = message
        self._table: pa.Table | None = None
        self._batch: raw.Batch | None = None
        full = reader.validates or reader.ring.segment.is_foreign
        if reader.codec == "raw1":
            self._batch = raw.Decoder(self.channel, full).decode(message)
            self._message = None
        if reader.codec == "arrow-ipc":
            self._table = ipc.Decoder(self.channel, full).decode(message)
            self._message = None  # its buffers hold it now

    def check(self, seed: int) -> None:
        message = self._message
        if message is None:
            raise Refused("FAILED", f"channel {self.channel}: a table or batch has no pattern")
        view = message.view()
        expected = pattern(seed, message.sequence, message.length)
        if view != expected:
            found = bytes(view)
            at = next(i for i in range(len(expected)) if found[i] != expected[i])
            raise Refused(
                "CONTENT",
                f"channel {self.channel}: byte {at} of message {message.sequence} is {found[at]}, not {expected[at]}",
            )

    def write(self, path: str) -> None:
        if self._batch is not None:
            tck_raw.save(self._batch, path)
            return
        if self._table is None:
            assert self._message is not None
            with open(path, "wb") as f:
                f.write(self._message.view())
            return
        with pa.OSFile(path, "wb") as f, pa.ipc.new_stream(f, self._table.schema) as stream:
            stream.write_table(self._table)

    def release(self) -> None:
        if self._message is not None:
            self._message.release()
        self._table = self._batch = None


class Peer:
    """Answers requests; holds what the kit names."""

    def __init__(self) -> None:
        self._writers: dict[str, _Writer] = {}
        self._readers: dict[str, _Reader] = {}
        self._held: dict[str, _Held] = {}

    def answer(self, request: Request) -> Answer:
        operation: Callable[[Request], Answer] | None = getattr(self, "do_" + str(request.get("op")), None)
        if operation is None:
            return {"error": "UNSUPPORTED", "message": f"unknown op {request.get('op')!r}"}
        try:
            return operation(request)
        except EndOfChannel:
            return {"end": "CLOSED"}
        except QdsError as e:
            return {"error": e.reason, "message": str(e)}
        except Refused as e:
            return {"error": e.kind, "message": str(e)}
        except Exception as e:  # noqa: BLE001 (PEER-13)
            return {"error": "FAILED", "message": f"{request}: {type(e).__name__}: {e}"}

    def end(self) -> None:
        for held in self._held.values():
            held.release()
        ends: list[_Reader | _Writer] = [*self._readers.values(), *self._writers.values()]
        for end in ends:
            end.ring.close()

    def _writer(self, request: Request) -> _Writer:
        return _named(self._writers, request, "writer")

    def _reader(self, request: Request) -> _Reader:
        return _named(self._readers, request, "reader")

    # ---- Operations

    def do_hello(self, request: Request) -> Answer:
        capabilities = [
            "write", "read", "observe", "claim", "hold", "checksums", "drop-oldest", "validate", "ping",
        ]  # fmt: skip
        libraries = {}
        if HAS_FUTEX:
            capabilities.append("futex")
        if has_arrow_support():
            capabilities += ["arrow-ipc", *_UNREPRESENTED]
            libraries["pyarrow"] = pa.__version__
        if _HAS_NUMPY:
            capabilities.append("raw1")
        return {
            "protocol": 1, "language": "python", "implementation": f"qds {get_version()}", "libraries": libraries,
            "pid": os.getpid(), "capabilities": capabilities,
        }  # fmt: skip

    def do_create(self, request: Request) -> Answer:
        _check_codec(request)
        writer = _Writer(request)
        self._writers[request["writer"]] = writer
        return {"sequence": writer.ring.published}

    def do_attach(self, request: Request) -> Answer:
        _check_codec(request)
        reader = _Reader(request)
        self._readers[request["reader"]] = reader
        return {"sequence": reader.ring.next_sequence}

    def do_write(self, request: Request) -> Answer:
        writer, timeout, tag = self._writer(request), _timeout(request), request.get("tag", 0)
        if "file" in request:
            sequence = writer.write_file(request["file"], timeout, tag)
        else:
            sequence = writer.write_pattern(request["length"], request["seed"], timeout, tag)
        return {"timeout": True} if sequence is None else {"sequence": sequence}

    def do_claim(self, request: Request) -> Answer:
        writer = self._writer(request)
        claim = writer.claimed(request["length"], request["seed"], _timeout(request))
        if claim is None:
            return {"timeout": True}
        writer.claim = claim
        return {}

    def do_commit(self, request: Request) -> Answer:
        writer = self._writer(request)
        claim = self._open_claim(writer)
        return {"sequence": writer.ring.commit(claim, tag=request.get("tag", 0))}

    def do_abort(self, request: Request) -> Answer:
        writer = self._writer(request)
        writer.ring.abort(self._open_claim(writer))
        return {}

    @staticmethod
    def _open_claim(writer: _Writer) -> Claim:
        claim, writer.claim = writer.claim, None
        if claim is None:
            raise Refused("FAILED", f"channel {writer.ring.name}: there is no open claim")
        return claim

    def do_read(self, request: Request) -> Answer:
        return self._take(request, None)

    def do_hold(self, request: Request) -> Answer:
        return self._take(request, request["message"])

    def _take(self, request: Request, name: str | None) -> Answer:
        reader = self._reader(request)
        message = reader.read(_timeout(request))
        if message is None:
            return {"timeout": True}
        answer = {
            "sequence": message.sequence, "length": message.length, "tag": message.tag, "lost": reader.lost(),
        }  # fmt: skip
        held = _Held(reader, message)
        del message
        keep = False
        try:
            if "seed" in request:
                held.check(request["seed"])
            if "file" in request:
                held.write(request["file"])
            if name is not None:
                self._held[name] = held
                keep = True
        finally:
            if not keep:
                held.release()
        return answer

    def do_check(self, request: Request) -> Answer:
        held = _named(self._held, request, "message")
        if "file" in request:
            held.write(request["file"])
        else:
            held.check(request["seed"])
        return {}

    def do_release(self, request: Request) -> Answer:
        _named(self._held, request, "message").release()
        del self._held[request["message"]]
        return {}

    def do_send(self, request: Request) -> Answer:
        writer, timeout, seed = self._writer(request), _timeout(request), request["seed"]
        least, most = request["minLength"], request["maxLength"]
        answer: Answer = {"count": 0, "sequence": -1}
        for _ in range(request["count"]):
            length = length_of(seed, writer.ring.published, least, most)
            sequence = writer.write_pattern(length, seed, timeout)
            if sequence is None:
                answer["timeout"] = True
                break
            answer["count"] += 1
            answer["sequence"] = sequence
        return answer

    def do_drain(self, request: Request) -> Answer:
        reader, timeout, seed = self._reader(request), _timeout(request), request["seed"]
        limit = request.get("count", _64)
        answer: Answer = {"count": 0, "lost": 0, "first": -1, "last": -1}
        expected = reader.ring.next_sequence
        try:
            while answer["count"] < limit:
                message = reader.read(timeout)
                if message is None:
                    break
                held, sequence, lost = _Held(reader, message), message.sequence, reader.lost()
                del message
                try:
                    if sequence != expected + lost:
                        raise Refused(
                            "CONTENT",
                            f"channel {held.channel}: message {sequence} came where {expected + lost} was due, {lost} were lost",
                        )
                    held.check(seed)
                finally:
                    held.release()
                if answer["count"] == 0:
                    answer["first"] = sequence
                answer["last"] = sequence
                answer["lost"] += lost
                answer["count"] += 1
                expected = sequence + 1
        except (EndOfChannel, WriterDied, ChannelRemoved, Evicted) as e:
            answer["end"] = e.reason
        return answer

    def do_ping(self, request: Request) -> Answer:
        times = []
        for _ in range(request["count"]):
            _pause(request)
            begun = time.perf_counter_ns()
            self._send_ball(request)
            self._take_ball(request)
            times.append(time.perf_counter_ns() - begun)
        return {"count": len(times), "medianNs": int(statistics.median(times)) if times else 0}

    def do_pong(self, request: Request) -> Answer:
        for _ in range(request["count"]):
            self._take_ball(request)
            _pause(request)
            self._send_ball(request)
        return {"count": request["count"]}

    def _send_ball(self, request: Request) -> None:
        writer = self._writer(request)
        if writer.write_pattern(64, request["seed"], _timeout(request)) is None:
            raise Refused("FAILED", f"channel {writer.ring.name}: no room in time")

    def _take_ball(self, request: Request) -> None:
        reader = self._reader(request)
        try:
            message = reader.read(_timeout(request))
        except EndOfChannel as e:
            raise Refused("FAILED", str(e)) from e
        if message is None:
            raise Refused("FAILED", f"channel {reader.ring.name}: no message in time")
        with message:
            if message.view() != pattern(request["seed"], message.sequence, 64):
                raise Refused("CONTENT", f"channel {reader.ring.name}: message {message.sequence} is another")

    def do_close(self, request: Request) -> Answer:
        if "writer" in request:
            self._writer(request).ring.close()
            del self._writers[request["writer"]]
        else:
            self._reader(request).ring.close()
            del self._readers[request["reader"]]
        return {}

    def do_die(self, request: Request) -> Answer:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("it lives")


_T = TypeVar("_T")


def _named(table: dict[str, _T], request: Request, what: str) -> _T:
    name = request[what]
    if name not in table:
        raise Refused("FAILED", f"there is no {what} {name!r}")
    return table[name]


def _check_codec(request: Request) -> None:
    known = ["bytes"] + ["arrow-ipc"] * has_arrow_support() + ["raw1"] * _HAS_NUMPY
    if request.get("codec", "bytes") not in known:
        raise Refused("UNSUPPORTED", f"channel {request['channel']}: codec is {request['codec']!r}, known are {known}")


def _pause(request: Request) -> None:
    most = request.get("maxPauseUs", 0)
    if most:
        time.sleep(random.uniform(0, most / 1e6))


#: What pyarrow has no arrays for.
_UNREPRESENTED: list[str] = []


def serve(requests: TextIO, answers: TextIO) -> None:
    peer = Peer()
    for line in requests:
        try:
            answer = peer.answer(json.loads(line))
        except ValueError as e:
            answer = {"error": "FAILED", "message": f"no JSON: {e}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
    peer.end()


def main(arguments: list[str]) -> None:
    if arguments[:1] == ["demo"]:
        demo.main(arguments[1:])
        return
    # Answers have the output to themselves; what anything else prints goes to standard error.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    with open(0, encoding="utf-8") as requests:
        serve(requests, answers)


if __name__ == "__main__":
    main(sys.argv[1:])
