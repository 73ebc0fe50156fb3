"""QDS: columnar data between the processes of one machine, through shared memory, without copies.

    import qds

    with qds.create_writer("quotes", size_mb=100) as writer:
        writer.write(df)                      # polars; write_arrow for pyarrow

    with qds.create_reader("quotes") as reader:
        for df in reader:                     # until the writer closes
            ...

What a reader hands out lies in the shared memory; it is given back when the last object that refers to it is gone.
"""

from .errors import (
    ChannelBusy,
    ChannelNotFound,
    ChannelRemoved,
    CodecDiffers,
    CorruptChannel,
    CorruptMessage,
    DirectoryFull,
    EndOfChannel,
    Evicted,
    GeometryDiffers,
    IncompatibleChannel,
    LockLost,
    MessageTooLarge,
    NoRoom,
    NotPermitted,
    QdsError,
    ReaderHoldsLoans,
    ReaderTableFull,
    Replaced,
    SecondWriter,
    SequenceGone,
    UnsupportedMessage,
    WriterDied,
)
from .frame import SharedDataFrame, create_reader, create_writer, get_version, has_arrow_support
from .segment import VERSION as __version__

__all__ = [
    "ChannelBusy",
    "ChannelNotFound",
    "ChannelRemoved",
    "CodecDiffers",
    "CorruptChannel",
    "CorruptMessage",
    "DirectoryFull",
    "EndOfChannel",
    "Evicted",
    "GeometryDiffers",
    "IncompatibleChannel",
    "LockLost",
    "MessageTooLarge",
    "NoRoom",
    "NotPermitted",
    "QdsError",
    "ReaderHoldsLoans",
    "ReaderTableFull",
    "Replaced",
    "SecondWriter",
    "SequenceGone",
    "SharedDataFrame",
    "UnsupportedMessage",
    "WriterDied",
    "__version__",
    "create_reader",
    "create_writer",
    "get_version",
    "has_arrow_support",
]
