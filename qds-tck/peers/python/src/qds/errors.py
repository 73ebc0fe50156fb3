"""What can go wrong. Every message names the channel, what was found, what is allowed, and what to do."""


class QdsError(Exception):
    """The root of all errors of this package."""


class ChannelNotFound(QdsError):
    """There is no channel of this name; the writer may not have created it yet."""


class ChannelBusy(QdsError):
    """Somebody else has the place that was asked for: another writer, or all reader entries are taken."""


class IncompatibleChannel(QdsError):
    """The channel is sound, but not what this program can use or asked for."""


class CorruptChannel(QdsError):
    """A header, descriptor or counter holds what it must not."""


class CorruptMessage(QdsError):
    """One message is damaged. It was passed over; the next read goes on behind it."""


class MessageTooLarge(QdsError):
    """A message is longer than the channel's `maxMessageLength`."""


class NoRoom(QdsError):
    """There will be no room, however long the writer waits; the message names who holds it."""


class EndOfChannel(QdsError, EOFError):
    """The writer has closed and everything was read."""


class WriterDied(QdsError):
    """The writer died without closing; everything it had published was read."""


class ChannelRemoved(QdsError):
    """The channel's file was removed."""


class Replaced(QdsError):
    """This participant was taken for dead and another has its place."""


class MessageLost(QdsError):
    """What was asked for is no longer there."""


class LockLost(QdsError):
    """A process runs but its lock is gone; nobody may take its place while it runs."""
