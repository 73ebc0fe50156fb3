#!/usr/bin/env python3
"""The protocol of the original QADataSwap 0.1, as the original follows it, over the C library's semaphores.

A second implementation of qds-tck/spec/qads1.md, for live tests of the layout qads1: it creates, writes, reads and closes
in the order in which the original does, defects included. It gives the write token back before the caller has done
anything with the message, loses one when a message is too large, removes everything when the writer closes, read or not, and
checks nothing. It needs nothing but Python 3.9 and Linux with glibc. It knows nothing of Arrow: messages are bytes.

    qads1.py write NAME --from FILE       writes the messages of a file of frames (length, 8 bytes little-endian; bytes)
    qads1.py read NAME --to FILE          reads messages into such a file
    qads1.py count-up NAME                writes messages that repeat their number, 8 bytes little-endian
    qads1.py check NAME                   reads such messages, prints the number of each, and stops at one that is torn
    qads1.py attach NAME                  attaches, and reads nothing until it is killed
"""

from __future__ import annotations

import argparse
import ctypes
import errno
import mmap
import os
import signal
import struct
import sys
import time
from collections.abc import Iterator
from typing import BinaryIO

MAGIC = 0x51444153
VERSION = 1
HEADER_SIZE = 256
STATES = 213
STATE_SIZE = 17
ALIGNMENT = 64
NAME_SIZE = 64
WRITE_NAME = 85
READ_NAME = 149

_libc = ctypes.CDLL(None, use_errno=True)
_libc.sem_open.restype = ctypes.c_void_p
for _name in ("sem_wait", "sem_trywait", "sem_post", "sem_close"):
    getattr(_libc, _name).argtypes = [ctypes.c_void_p]
_libc.sem_timedwait.argtypes = [ctypes.c_void_p, ctypes.c_char_p]


def _round_up(size: int) -> int:
    return (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1)


def _fail(what: str) -> OSError:
    code = ctypes.get_errno()
    return OSError(code, f"{what}: {os.strerror(code)}")


class Semaphore:
    """A named semaphore."""

    def __init__(self, name: bytes, tokens: int | None = None) -> None:
        if tokens is None:
            self._address = _libc.sem_open(name, 0)
        else:
            self._address = _libc.sem_open(
                name, os.O_CREAT | os.O_EXCL, ctypes.c_uint(0o644), ctypes.c_uint(tokens)
            )
        if not self._address:
            raise _fail(f"sem_open {name.decode()}")

    def wait(self, timeout: float | None = None) -> bool:
        """Takes a token; False after the timeout, in seconds."""
        while True:
            if timeout is None:
                result = _libc.sem_wait(self._address)
            else:
                at = time.time() + timeout
                result = _libc.sem_timedwait(self._address, struct.pack("@ll", int(at), int(at % 1 * 1e9)))
            if result == 0:
                return True
            code = ctypes.get_errno()
            if code == errno.ETIMEDOUT:
                return False
            if code != errno.EINTR:
                raise _fail("sem_wait")

    def post(self) -> None:
        if _libc.sem_post(self._address) != 0:
            raise _fail("sem_post")

    def close(self) -> None:
        _libc.sem_close(self._address)


class Field:
    """A number in the mapping, at any offset: each access is one load or store of its width."""

    def __init__(self, memory: mmap.mmap, offset: int, kind: type) -> None:
        self._number = kind.from_buffer(memory, offset)

    def get(self) -> int:
        return int(self._number.value)

    def set(self, value: int) -> None:
        self._number.value = value


class Buffer:
    """The state of one buffer, and where its bytes lie."""

    def __init__(self, memory: mmap.mmap, index: int, offset: int) -> None:
        state = STATES + STATE_SIZE * index
        self.data_size = Field(memory, state, ctypes.c_uint64)
        self.ready = Field(memory, state + 8, ctypes.c_uint8)
        self.timestamp = Field(memory, state + 9, ctypes.c_uint64)
        self.offset = offset


class Channel:
    """What both ends share."""

    def __init__(self, name: str, memory: mmap.mmap) -> None:
        self.name = name
        self.memory = memory
        self.buffer_count = Field(memory, 40, ctypes.c_uint64).get()
        self.buffer_size = Field(memory, 48, ctypes.c_uint64).get()
        first = Field(memory, 56, ctypes.c_uint64).get()
        self.write_sequence = Field(memory, 64, ctypes.c_uint64)
        self.read_sequence = Field(memory, 72, ctypes.c_uint64)
        self.writer_active = Field(memory, 80, ctypes.c_uint8)
        self.reader_count = Field(memory, 81, ctypes.c_uint32)
        self.buffers = [Buffer(memory, i, first + i * self.buffer_size) for i in range(self.buffer_count)]
        self.write_name = self._text(WRITE_NAME)
        self.read_name = self._text(READ_NAME)

    def _text(self, offset: int) -> bytes:
        return self.memory[offset : offset + NAME_SIZE].split(b"\0", 1)[0]


def _object(directory: str, name: str) -> str:
    return os.path.join(directory, "qads_" + name)


class Writer(Channel):
    """Creates the object, which must not exist, and the semaphores."""

    def __init__(self, directory: str, name: str, size: int, buffer_count: int) -> None:
        self.path = _object(directory, name)
        fd = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o644)
        os.ftruncate(fd, size)
        memory = mmap.mmap(fd, size)
        header_size = HEADER_SIZE + STATE_SIZE * buffer_count
        first = _round_up(header_size)
        buffer_size = (size - first) // buffer_count & ~(ALIGNMENT - 1)
        struct.pack_into("<II", memory, 0, MAGIC, VERSION)
        struct.pack_into("<7Q", memory, 8, size, header_size, 0, 0, buffer_count, buffer_size, first)
        for offset, prefix in ((WRITE_NAME, "/qads_w_"), (READ_NAME, "/qads_r_")):
            text = (prefix + name).encode()[: NAME_SIZE - 1]
            memory[offset : offset + len(text)] = text
        super().__init__(name, memory)
        for semaphore in (self.write_name, self.read_name):
            _libc.sem_unlink(semaphore)
        self._write = Semaphore(self.write_name, buffer_count)
        self._read = Semaphore(self.read_name, 0)
        self.writer_active.set(1)

    def write(self, message: bytes) -> None:
        self._write.wait()
        if len(message) > self.buffer_size:
            # The token is not given back: as the original does it.
            raise ValueError(f"a message of {len(message)} bytes is larger than a buffer of {self.buffer_size}")
        buffer = self.buffers[self.write_sequence.get() % self.buffer_count]
        self.memory[buffer.offset : buffer.offset + len(message)] = message
        buffer.data_size.set(len(message))
        buffer.timestamp.set(time.monotonic_ns() // 1000)
        buffer.ready.set(1)
        self.write_sequence.set(self.write_sequence.get() + 1)
        self._read.post()

    def close(self) -> None:
        self.writer_active.set(0)
        for semaphore, name in ((self._write, self.write_name), (self._read, self.read_name)):
            semaphore.close()
            _libc.sem_unlink(name)
        os.unlink(self.path)


class Reader(Channel):
    """Attaches to an object."""

    def __init__(self, directory: str, name: str) -> None:
        fd = os.open(_object(directory, name), os.O_RDWR)
        memory = mmap.mmap(fd, os.fstat(fd).st_size)
        if struct.unpack_from("<II", memory, 0) != (MAGIC, VERSION):
            raise ValueError("invalid shared memory header")
        super().__init__(name, memory)
        self._write = Semaphore(self.write_name)
        self._read = Semaphore(self.read_name)
        self.reader_count.set(self.reader_count.get() + 1)

    def read(self, timeout: float | None) -> bytes | None:
        """Returns the next message, or None after the timeout, in seconds."""
        if not self._read.wait(timeout):
            return None
        buffer = self.buffers[self.read_sequence.get() % self.buffer_count]
        if not buffer.ready.get():
            self._write.post()
            raise ValueError("buffer not ready")
        message = self.memory[buffer.offset : buffer.offset + buffer.data_size.get()]
        buffer.ready.set(0)
        self.read_sequence.set(self.read_sequence.get() + 1)
        # Before the caller has looked at the message.
        self._write.post()
        return message

    def close(self) -> None:
        self.reader_count.set(self.reader_count.get() - 1)
        self._write.close()
        self._read.close()


def _frames(file: BinaryIO) -> Iterator[bytes]:
    while head := file.read(8):
        (length,) = struct.unpack("<Q", head)
        yield file.read(length)


def _attach(directory: str, name: str, patience: float) -> Reader:
    """Tries again until a writer is there."""
    until = time.monotonic() + patience
    while True:
        try:
            reader = Reader(directory, name)
            if reader.writer_active.get() or reader.write_sequence.get():
                return reader
            reader.close()
        except (OSError, ValueError):
            if time.monotonic() > until:
                raise
        time.sleep(0.002)


def main() -> None:
    parser = argparse.ArgumentParser(description="the protocol of QADataSwap 0.1")
    parser.add_argument("command", choices=["write", "read", "count-up", "check", "attach"])
    parser.add_argument("name")
    parser.add_argument("--dir", default="/dev/shm")
    parser.add_argument("--size", type=int, default=1 << 20, help="of the object, in bytes")
    parser.add_argument("--buffers", type=int, default=3)
    parser.add_argument("--from", dest="source")
    parser.add_argument("--to", dest="target")
    parser.add_argument("--first", type=int, default=0, help="number of the first message")
    parser.add_argument("--count", type=int, default=sys.maxsize, help="of messages")
    parser.add_argument("--length", type=int, default=64, help="of a message, in bytes, a multiple of 8")
    parser.add_argument("--linger", type=float, default=0, help="longest wait of a writer for readers, in seconds")
    parser.add_argument("--patience", type=float, default=60, help="longest wait, in seconds")
    options = parser.parse_args()

    if options.command in ("write", "count-up"):
        writer = Writer(options.dir, options.name, options.size, options.buffers)
        print("created", flush=True)
        if options.command == "write":
            with open(options.source, "rb") as source:
                for message in _frames(source):
                    writer.write(message)
        else:
            for number in range(options.first, options.first + options.count):
                writer.write(struct.pack("<Q", number) * (options.length // 8))
                print(number, flush=True)
        until = time.monotonic() + options.linger
        while writer.read_sequence.get() < writer.write_sequence.get() and time.monotonic() < until:
            time.sleep(0.002)
        writer.close()
        print("closed", flush=True)
        return

    reader = _attach(options.dir, options.name, options.patience)
    print("attached", flush=True)
    if options.command == "attach":
        signal.pause()
    elif options.command == "read":
        with open(options.target, "wb") as target:
            for _ in range(options.count):
                read = reader.read(options.patience)
                if read is None:
                    break
                target.write(struct.pack("<Q", len(read)) + read)
    else:
        for _ in range(options.count):
            read = reader.read(options.patience)
            if read is None:
                break
            if read != read[:8] * (len(read) // 8):
                print("torn", flush=True)
                sys.exit(1)
            print(struct.unpack_from("<Q", read)[0], flush=True)
    reader.close()
    print("closed", flush=True)


if __name__ == "__main__":
    main()
