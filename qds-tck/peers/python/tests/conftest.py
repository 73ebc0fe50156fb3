"""A channel directory for each test, and child processes that run Python code against it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import qds

#: For child processes, so that they use the package that is tested.
ENVIRONMENT = dict(os.environ, PYTHONPATH=str(Path(qds.__file__).parent.parent), PYTHONUNBUFFERED="1")


@pytest.fixture
def directory(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    where = tempfile.mkdtemp(prefix="qds-test-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
    monkeypatch.setenv("QDS_DIR", where)
    yield where
    shutil.rmtree(where)


class Child:
    """A Python process. It prints lines; `expect` waits for one."""

    def __init__(self, code: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(code)],
            env=dict(ENVIRONMENT, QDS_DIR=os.environ.get("QDS_DIR", "")), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def expect(self, line: str) -> None:
        assert self.process.stdout
        found = self.process.stdout.readline().rstrip("\n")
        assert found == line, f"{found!r} instead of {line!r}: {self._errors()}"

    def _errors(self) -> str:
        self.process.kill()
        return self.process.communicate()[1]

    def go(self) -> None:
        assert self.process.stdin
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def finish(self) -> str:
        out, errors = self.process.communicate(timeout=60)
        assert self.process.returncode == 0, errors
        return out


@pytest.fixture
def child() -> Iterator[Callable[[str], Child]]:
    children: list[Child] = []

    def start(code: str) -> Child:
        children.append(Child(code))
        return children[-1]

    yield start
    for each in children:
        if each.process.poll() is None:
            each.process.kill()
        each.process.communicate()
