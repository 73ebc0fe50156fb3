"""What can go wrong. Every message names the channel, what was found, what is allowed, and what to do."""


class QdsError(Exception):
    """The root of all errors of this package. `reason` is the kind of failure, as all implementations of QDS name it."""

    reason = "FAILED"


class ChannelNotFound(QdsError):
    """There is no channel of this name; the writer may not have created it yet."""

    reason = "NO_SUCH_CHANNEL"


class ChannelBusy(QdsError):
    """Somebody else has what was asked for."""

    reason = "IN_USE"


class SecondWriter(ChannelBusy):
    """The channel has a writer."""

    reason = "SECOND_WRITER"


class ReaderTableFull(ChannelBusy):
    """All reader entries are taken."""

    reason = "READER_TABLE_FULL"


class IncompatibleChannel(QdsError):
    """The channel is sound, but not what this program can use or asked for."""

    reason = "UNSUPPORTED"


class GeometryDiffers(IncompatibleChannel):
    """The existing channel has another size or policy than was asked for."""

    reason = "GEOMETRY_DIFFERS"


class CodecDiffers(IncompatibleChannel):
    """The channel's messages are of another codec."""

    reason = "CODEC_DIFFERS"


class CorruptChannel(QdsError):
    """A header, descriptor or counter holds what it must not."""

    reason = "CORRUPT"


class CorruptMessage(QdsError):
    """One message is damaged. It was passed over; the next read goes on behind it."""

    reason = "CORRUPT"


class UnsupportedMessage(QdsError):
    """One message holds what this package, or pyarrow, does not read. It was passed over; the next read goes on behind it."""

    reason = "UNSUPPORTED"


class MessageTooLarge(QdsError):
    """A message is longer than the channel's `maxMessageLength`."""

    reason = "MESSAGE_TOO_LARGE"


class NoRoom(QdsError):
    """There will be no room, however long the writer waits; the message names who holds it."""

    reason = "NO_ROOM"


class ReaderHoldsLoans(NoRoom):
    """A reader waits for a message that has no room because of those it holds."""

    reason = "READER_HOLDS_LOANS"


class EndOfChannel(QdsError, EOFError):
    """The writer has closed and everything was read."""

    reason = "CLOSED"


class WriterDied(QdsError):
    """The writer died without closing; everything it had published was read."""

    reason = "WRITER_DIED"


class ChannelRemoved(QdsError):
    """The channel's file was removed."""

    reason = "REMOVED"


class Replaced(QdsError):
    """This end was taken for dead and another has its place."""

    reason = "REPLACED"


class Evicted(Replaced):
    """This reader was taken for dead and its entry was freed."""

    reason = "EVICTED"


class SequenceGone(QdsError):
    """The message to begin with is no longer there, or not yet."""

    reason = "SEQUENCE_GONE"


class LockLost(QdsError):
    """A process runs but its lock is gone; nobody may take its place while it runs."""

    reason = "LOCK_LOST"


class DirectoryFull(QdsError):
    """The channel's directory has no room for it."""

    reason = "DIRECTORY_FULL"


class NotPermitted(QdsError):
    """The operating system does not allow it."""

    reason = "PERMISSION"
