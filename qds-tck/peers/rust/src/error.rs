//! The one error of this crate.

use std::fmt;

/// What went wrong, for programs; the text of the [`Error`] is for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// There is no such channel (any more).
    NotFound,
    /// The channel is of a version, byte order or feature that this crate does not know, or of another codec.
    Unsupported,
    /// The channel, or one message of it, is damaged.
    Damaged,
    /// Another writer is attached, or no entry is free for another reader.
    Busy,
    /// A participant's lock is lost while its process runs: nobody may replace it.
    LockLost,
    /// This participant was taken for dead and replaced.
    Replaced,
    /// The channel was removed.
    Removed,
    /// The writer died without closing the channel.
    WriterDied,
    /// Memory is held by pins, or by a reader that itself waits for the next message.
    NoRoom,
    /// A sequence that is not, or no longer, in the channel.
    Gone,
    /// The caller asked for what cannot be.
    Misuse,
    /// The operating system refused.
    Io,
    /// A message is no Arrow stream, or its values cannot be written as one.
    Arrow,
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
