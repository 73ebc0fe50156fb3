//! The one error of this crate.

use std::fmt;

/// What went wrong, for programs; the text of the [`Error`] is for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// There is no such channel (any more).
    NoSuchChannel,
    /// The channel exists with another geometry, policy or feature than was asked for.
    GeometryDiffers,
    /// The channel carries messages of another codec.
    CodecDiffers,
    /// A version, byte order or feature that this crate does not know, or a mode that the channel does not allow.
    Unsupported,
    /// Another writer is attached.
    SecondWriter,
    /// No entry is free for another reader.
    ReaderTableFull,
    /// The channel cannot be removed while somebody is attached.
    InUse,
    /// A message is longer than the channel allows.
    MessageTooLarge,
    /// What observers hold leaves no room.
    NoRoom,
    /// A reader holds messages while it waits for one that has no room because of them.
    ReaderHoldsLoans,
    /// A sequence that is not, or no longer, in the channel.
    SequenceGone,
    /// The writer died without closing the channel.
    WriterDied,
    /// This writer was taken for dead and replaced.
    Replaced,
    /// This reader was taken for dead and evicted.
    Evicted,
    /// A participant's lock is lost while its process runs: nobody may replace it.
    LockLost,
    /// The channel was removed while this end was attached.
    Removed,
    /// The channel was closed by its writer, and everything was read.
    Ended,
    /// The channel, or one message of it, is damaged.
    Corrupt,
    /// The file system, or the memory limit of the control group, has no room for the channel.
    DirectoryFull,
    /// The file or its directory belongs to another user.
    Permission,
    /// The caller asked for what cannot be.
    Misuse,
    /// Values cannot be written as a message.
    Arrow,
    /// The operating system refused.
    Io,
}

/// An error which names the channel, what was found and what to do.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    text: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// Shorthand for results of this crate.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(crate) fn new(kind: ErrorKind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into(), source: None }
    }

    pub(crate) fn with(
        kind: ErrorKind,
        text: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { kind, text: text.into(), source: Some(source.into()) }
    }

    /// What went wrong, for programs.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Some(source) => write!(f, "{}: {source}", self.text),
            None => f.write_str(&self.text),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
