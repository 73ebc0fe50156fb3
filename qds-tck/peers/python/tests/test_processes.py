"""Real processes: they come, go, fork, and are killed."""

import os
import signal
import threading
import time

import pyarrow as pa
import pytest

import qds
from qds import layout as L
from qds.reader import RingReader
from qds.segment import Geometry, open_segment, try_lock
from qds.writer import RingWriter


def numbers(i: int) -> pa.Table:
    return pa.table({"x": [i] * (i % 50 + 1)})


def test_everything_arrives_in_order(directory, child) -> None:
    writer = qds.create_writer("order", 1, 3)
    reading = child(
        """
        import qds
        i = 0
        with qds.create_reader("order") as reader:
            print("attached")
            for table in reader.iter_arrow():
                assert table.column("x").to_pylist() == [i] * (i % 50 + 1), i
                i += 1
        print(i)
        """
    )
    reading.expect("attached")
    for i in range(2000):
        assert writer.write_arrow(numbers(i))
    writer.close()
    assert reading.finish() == "2000\n"
    assert os.listdir(directory) == []


def test_a_killed_reader_is_evicted_and_the_writer_goes_on(directory, child) -> None:
    with qds.create_writer("evict", 1, 2) as writer:
        dying = child(
            "import qds, time; r = qds.create_reader('evict'); t = r.read_arrow(); print('holds'); time.sleep(1000)"
        )
        writer.write_arrow(numbers(0))
        dying.expect("holds")
        with qds.create_reader("evict", start="latest") as reader:
            dying.kill()
            for i in range(10):
                assert writer.write_arrow(numbers(i), timeout_ms=30_000)
                assert reader.read_arrow().column("x")[0].as_py() == i


def test_a_killed_writer_is_reported_after_its_last_message_and_succeeded(directory, child) -> None:
    dying = child(
        """
        import qds, time, pyarrow as pa
        w = qds.create_writer("succ", 1, 4)
        for i in range(3): w.write_arrow(pa.table({"x": [i]}))
        print("wrote"); time.sleep(1000)
        """
    )
    dying.expect("wrote")
    reader = qds.create_reader("succ")
    with pytest.raises(qds.ChannelBusy, match=f"process {dying.process.pid}"):
        qds.create_writer("succ", 1, 4)
    assert reader.read_arrow().column("x")[0].as_py() == 0
    dying.kill()
    for i in (1, 2):
        assert reader.read_arrow().column("x")[0].as_py() == i
    with pytest.raises(qds.WriterDied, match=f"process {dying.process.pid}"):
        reader.read_arrow()
    with qds.create_writer("succ", 1, 4) as successor:
        for i in range(20):
            assert successor.write_arrow(numbers(i), timeout_ms=30_000)
            assert reader.read_arrow().column("x")[0].as_py() == i
    with pytest.raises(qds.EndOfChannel):
        reader.read_arrow()
    reader.close()
    assert os.listdir(directory) == []


def test_a_takeover_finishes_the_commit_of_its_predecessor(directory) -> None:
    geometry = Geometry(1 << 20, 4)
    first = RingWriter("half", geometry)
    first.write(b"whole")
    first.write(b"half")
    words = first.segment.words
    words.put64(L.HEADER_PUBLISHED, 1)
    words.put64(L.HEADER_WRITER_PID, 0)  # as if it had died between stamp and published
    words.put64(L.HEADER_WRITER_START_TIME, 0)
    first.segment.close_file()
    first.is_closed = True
    with RingWriter("half", geometry) as second, RingReader("half") as reader:
        assert second.published == 2
        second.write(b"next")
        for expected in (b"whole", b"half", b"next"):
            with reader.read() as message:
                assert bytes(message.view()) == expected


def test_writers_and_readers_killed_at_any_moment_lose_nothing(directory, child) -> None:
    """A lossless reader that lives sees each number at least once and in order, whoever dies."""
    code = """
        import qds, pyarrow as pa, sys
        w = qds.create_writer("chaos", 1, 4)
        print("writes")
        i = w._writer.published
        while True:
            w.write_arrow(pa.table({"x": [i]}))
            i += 1
        """
    first = child(code)
    first.expect("writes")
    reader = qds.create_reader("chaos", wait_for_successor=True)
    expected = 0
    for round_ in range(5):
        other = child(
            "import qds\nr = qds.create_reader('chaos', start='latest', wait_for_successor=True)\nprint('reads')\nwhile True: r.read_arrow()"
        )
        other.expect("reads")
        for _ in range(50 + 17 * round_):
            assert reader.read_arrow().column("x")[0].as_py() == expected
            expected += 1
        other.kill()
        for _ in range(20):
            assert reader.read_arrow().column("x")[0].as_py() == expected
            expected += 1
        first.kill()
        first = child(code)
        first.expect("writes")
    first.kill()
    reader.close()


def test_an_observer_counts_exactly_what_it_lost(directory) -> None:
    with qds.create_writer("lap", 1, 16, drop_oldest=True) as writer:
        observer = qds.create_reader("lap")
        read, written, last = 0, 0, -1
        for burst in (1, 5, 16, 17, 40, 200, 3):
            for _ in range(burst):
                writer.write_arrow(pa.table({"x": [written]}))
                written += 1
            while (table := observer.read_arrow(timeout_ms=0)) is not None:
                value = table.column("x")[0].as_py()
                assert value > last
                last = value
                read += 1
        assert last == written - 1
        lost = observer.get_stats()["lost_count"]
        assert lost > 0 and read + lost == written
        observer.close()


def test_an_observer_beside_a_running_writer_reads_whole_messages(directory, child) -> None:
    writing = child(
        """
        import qds, pyarrow as pa
        w = qds.create_writer("torn", 1, 64, drop_oldest=True)
        print("writes")
        for i in range(3000):
            w.write_arrow(pa.table({"x": pa.array([i] * 500)}))
        """
    )
    writing.expect("writes")
    observer = qds.create_reader("torn")
    last, kept = -1, []
    for table in observer.iter_arrow():
        values = set(table.column("x").to_pylist())
        assert len(values) == 1
        value = values.pop()
        assert value > last
        last = value
        kept = [*kept, (value, table)][-5:]
        assert all(set(t.column("x").to_pylist()) == {v} for v, t in kept)
    assert last == 2999
    writing.finish()


def test_one_who_waits_is_woken_and_ctrl_c_ends_a_wait(directory, child) -> None:
    with qds.create_writer("wake", 1) as writer:
        waiting = child(
            """
            import qds
            r = qds.create_reader("wake")
            print("waits")
            print(r.read_arrow().column("x").to_pylist())
            try:
                print("again")
                r.read_arrow()
            except KeyboardInterrupt:
                print("interrupted", r.read_arrow(timeout_ms=0))
            """
        )
        waiting.expect("waits")
        writer.write_arrow(pa.table({"x": [7]}))
        waiting.expect("[7]")
        waiting.expect("again")
        segment = writer._writer.segment
        while not segment.words.load64(segment.entry(0) + L.ENTRY_WAITING_FOR):
            time.sleep(0.001)
        waiting.process.send_signal(signal.SIGINT)
        assert waiting.finish() == "interrupted None\n"


def test_other_threads_run_while_one_waits(directory) -> None:
    with qds.create_writer("gil", 1) as writer, qds.create_reader("gil") as reader:
        found = []
        thread = threading.Thread(target=lambda: found.append(reader.read_arrow().num_rows))
        thread.start()
        while not reader._reader._user.locked():
            time.sleep(0.001)
        with pytest.raises(qds.QdsError, match="one thread at a time"):
            reader.read_arrow(timeout_ms=0)
        writer.write_arrow(numbers(3))
        thread.join()
        assert found == [4]


def test_a_forked_child_owns_nothing(directory) -> None:
    writer = qds.create_writer("fork", 1)
    reader = qds.create_reader("fork")
    writer.write_arrow(numbers(1))
    table = reader.read_arrow()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            del table
            try:
                writer.write_arrow(numbers(2))
            except qds.QdsError as e:
                code = 0 if "parent process" in str(e) else 2
            writer.close()
            reader.close()
        finally:
            signal.pause() if code == 0 else os._exit(code)
    try:
        assert reader.get_stats()["open_loans"] == 1
        assert table.column("x").to_pylist() == [1, 1]
        writer.write_arrow(numbers(2))
        del table
        assert reader.read_arrow().num_rows == 3
        reader.close()
        writer.close()  # the child still runs: no lock of ours may be left in it
        segment_gone = os.listdir(directory) == []
        assert segment_gone
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def test_the_death_of_one_whose_forked_child_lives_shows_at_once(directory, child) -> None:
    dying = child(
        """
        import os, qds, signal, pyarrow as pa
        w = qds.create_writer("orphan", 1)
        w.write_arrow(pa.table({"x": [1]}))
        pid = os.fork()
        if pid == 0:
            signal.pause()
        print(pid, flush=True)
        signal.pause()
        """
    )
    grandchild = int(dying.process.stdout.readline())
    try:
        reader = qds.create_reader("orphan")
        assert reader.read_arrow().num_rows == 1
        os.kill(dying.process.pid, signal.SIGKILL)
        with pytest.raises(qds.WriterDied):
            reader.read_arrow(timeout_ms=30_000)
        reader.close()
    finally:
        os.kill(grandchild, signal.SIGKILL)


def test_what_is_on_loan_at_exit_does_not_keep_the_channel(directory, child) -> None:
    with qds.create_writer("exit", 1) as writer:
        leaving = child("import qds; r = qds.create_reader('exit'); t = r.read_arrow(); r.close(); print('left')")
        writer.write_arrow(numbers(1))
        leaving.finish()
    assert os.listdir(directory) == []


def test_a_reader_that_waits_while_it_holds_what_the_writer_needs_is_named(directory, child) -> None:
    with RingWriter("stuck", Geometry(1 << 20, 2)) as writer:
        holding = child(
            """
            from qds.reader import RingReader
            r = RingReader("stuck", label="greedy")
            print("attached")
            held = [r.read(), r.read()]
            print("holds")
            r.read()
            """
        )
        holding.expect("attached")
        writer.write(b"1")
        writer.write(b"2")
        holding.expect("holds")
        with pytest.raises(qds.NoRoom, match="greedy"):
            writer.write(b"3", timeout=30)


def test_what_was_left_is_swept_and_another_boot_is_not_joined(directory) -> None:
    leftover = os.path.join(directory, ".swept.qds0123abcd.tmp")
    open(leftover, "w").close()
    with RingWriter("swept", Geometry(1 << 20, 4)) as writer:
        assert not os.path.exists(leftover)
        writer.write(b"unread")
    path = os.path.join(directory, "swept.qds")
    assert os.path.exists(path), "unread messages stay"
    copy = os.path.join(directory, "copy.qds")
    with open(path, "rb") as source, open(copy, "wb") as target:
        target.write(source.read())
    with pytest.raises(qds.ChannelNotFound, match="copy"):
        qds.create_reader("copy")
    with RingWriter("copy", Geometry(1 << 20, 4)) as writer:
        assert writer.published == 0


def test_a_damaged_header_is_named_and_a_fifo_is_not_waited_on(directory) -> None:
    RingWriter("broken", Geometry(1 << 20, 4)).close()
    with RingWriter("broken", Geometry(1 << 20, 4)) as writer:
        path = writer.segment.path
        with open(path, "r+b") as f:
            f.seek(L.HEADER_SLOT_COUNT)
            f.write(b"\x05")
        with pytest.raises(qds.CorruptChannel, match="channel broken: headerCrc"):
            qds.create_reader("broken")
    os.mkfifo(os.path.join(directory, "pipe.qds"))
    with pytest.raises(qds.CorruptChannel, match="regular file"):
        qds.create_reader("pipe")
    with pytest.raises(ValueError, match="name"):
        qds.create_reader("../pipe")


def test_locks_conflict_between_descriptors(directory) -> None:
    with RingWriter("locks", Geometry(1 << 20, 4)) as writer:
        segment = open_segment("locks", writer.segment.path, writes=False)
        assert not try_lock(segment.fd, L.WRITER_LOCK_POSITION)
        segment.close_file()
