"""Rules of the specification that only stale, torn or hostile words show."""

import gc
import os
import threading
import time

import pyarrow as pa
import pytest

import qds
from qds import layout as L
from qds import reader as reader_module
from qds.reader import RingReader
from qds.segment import Geometry
from qds.writer import RingWriter


def abandon(writer: RingWriter) -> None:
    """As if its process had died."""
    writer.segment.words.put64(L.HEADER_WRITER_PID, 0)
    writer.segment.words.put64(L.HEADER_WRITER_START_TIME, 0)
    writer.segment.close_file()
    writer.is_closed = True


def test_the_end_is_reported_before_the_removal(directory: str) -> None:
    """QDS1-END-03."""
    writer = RingWriter("end", Geometry(1 << 20, 4))
    writer.write(b"last")
    reader, patient = RingReader("end"), RingReader("end", wait_for_successor=True)
    writer.segment.words.put32(L.HEADER_REMOVED, 1)
    abandon(writer)
    for each in (reader, patient):
        assert each.read().length == 4
    with pytest.raises(qds.WriterDied, match="channel end"):
        reader.read()
    with pytest.raises(qds.ChannelRemoved, match="channel end"):
        patient.read()
    reader.close()
    patient.close()


def test_a_lossless_reader_finds_a_missing_stamp_also_below_the_floor(directory: str) -> None:
    """QDS1-TRUST-04."""
    with RingWriter("gone", Geometry(1 << 20, 4)) as writer, RingReader("gone") as reader:
        for _ in range(3):
            writer.write(b"x")
        words = writer.segment.words
        words.put64(writer.segment.descriptor(0), 0)
        words.put64(L.HEADER_FLOOR, 2)
        with pytest.raises(qds.CorruptMessage, match="message 0 has no stamp"):
            reader.read(1)
        assert reader.read(1).sequence == 1


@pytest.mark.parametrize(("floor", "published"), [(0, 5), (-1, 2), (3, 2), (0, 1 << 63), (1 << 62, (1 << 62) + 1)])
def test_a_successor_refuses_counters_that_cannot_be(directory: str, floor: int, published: int) -> None:
    """QDS1-TAKE-03."""
    writer = RingWriter("counters", Geometry(1 << 20, 4))
    words = writer.segment.words
    words.put64(L.HEADER_FLOOR, floor)
    words.put64(L.HEADER_PUBLISHED, published if published < 1 << 63 else published - (1 << 64))
    abandon(writer)
    with pytest.raises(qds.CorruptChannel, match="channel counters: floor is"):
        RingWriter("counters", Geometry(1 << 20, 4))


def test_a_successor_passes_over_what_is_gone_and_refuses_damage(directory: str) -> None:
    """QDS1-TAKE-02, -03: below the floor a descriptor may be overwritten already."""
    for floor in (1, 0):
        writer = RingWriter("take", Geometry(1 << 20, 4))
        for _ in range(3):
            writer.write(b"x" * 100)
        reader = RingReader("take")  # lossless, at 0
        words = writer.segment.words
        words.put64(L.HEADER_FLOOR, floor)
        words.put64(writer.segment.descriptor(0) + L.DESCRIPTOR_OFFSET, 1)
        abandon(writer)
        if floor:
            with RingWriter("take", Geometry(1 << 20, 4)) as successor:
                assert successor.write(b"y")
        else:
            with pytest.raises(qds.CorruptChannel, match="channel take: the descriptor of message 0"):
                RingWriter("take", Geometry(1 << 20, 4))
        reader.close()
        os.unlink(writer.segment.path)


def test_who_waits_ahead_of_the_counter_sleeps(directory: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader may be one ahead of `published`; the word it sleeps on is not what it waits for."""
    sleeps = 0
    sleep_on = reader_module.sleep_on

    def counted(address: int, expected: int, seconds: float) -> None:
        nonlocal sleeps
        sleeps += 1
        sleep_on(address, expected, seconds)

    monkeypatch.setattr(reader_module, "sleep_on", counted)
    with RingWriter("ahead", Geometry(1 << 20, 4)) as writer, RingReader("ahead") as reader:
        writer.write(b"x")
        assert reader.read().length == 1
        writer.segment.words.put64(L.HEADER_PUBLISHED, 0)  # as if it were about to raise it
        assert reader.read(0.3) is None
        assert 0 < sleeps < 30
        writer.segment.words.put64(L.HEADER_PUBLISHED, 1)


def test_the_longest_message_is_a_multiple_of_64(directory: str) -> None:
    """QDS1-HDR-07."""
    for extra in (0, 64):
        header = Geometry(arena_length=65536 + extra, slot_count=4).header("n", "bytes", 0)
        assert header.max_message_length == 32768 - 64


def test_a_view_outlives_message_reader_and_file(directory: str) -> None:
    writer, reader = RingWriter("v", Geometry(1 << 20, 4)), RingReader("v")
    writer.write(b"still mapped")
    message = reader.read()
    view = message.view()
    assert view.readonly and bytes(view) == b"still mapped"
    message.release()
    reader.close()
    writer.close()
    del message, reader, writer
    gc.collect()
    assert len(bytes(view)) == 12


def test_loans_of_known_schemas_end_at_once(directory: str) -> None:
    with qds.create_writer("k", 1, 8) as writer, qds.create_reader("k") as reader:
        for i in range(4):
            writer.write_arrow(pa.table({"x": [i]}))
        for _ in range(4):
            table = reader.read_arrow()
            assert reader.get_stats()["open_loans"] == 1
            del table
            assert reader.get_stats()["open_loans"] == 0


def test_a_writer_that_waits_is_woken_by_a_release(directory: str) -> None:
    """The writer sleeps until the reader gives back, long before its look at the clock."""
    with RingWriter("room", Geometry(1 << 20, 2)) as writer, RingReader("room") as reader:
        writer.write(b"a")
        writer.write(b"b")
        messages = [reader.read(), reader.read()]
        done = threading.Event()
        writing = threading.Thread(target=lambda: (writer.write(b"c", 30), done.set()))
        writing.start()
        while not writer.segment.words.load32(L.HEADER_WRITER_WAITING):
            time.sleep(0.001)
        assert not done.is_set()
        for message in messages:
            message.release()
        assert done.wait(30)
        writing.join()


def test_a_reader_that_was_evicted_says_so_and_writes_nothing(directory: str) -> None:
    """QDS1-ID-05."""
    with RingWriter("id", Geometry(1 << 20, 4)) as writer:
        reader = RingReader("id")
        writer.write(b"a")
        writer.write(b"b")
        message = reader.read()
        words, entry = writer.segment.words, writer.segment.entry(reader.index)
        words.put64(entry + L.ENTRY_TOKEN, reader._token + 1)
        with pytest.raises(qds.Evicted, match="channel id"):
            reader.read()
        message.release()
        reader.close()
        assert words.plain64(entry + L.ENTRY_CURSOR) == 0
        assert words.plain32(entry + L.ENTRY_STATE) & 0xFF == L.ACTIVE
