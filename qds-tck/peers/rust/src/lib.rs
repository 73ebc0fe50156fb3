#![doc = include_str!("../README.md")]
#![deny(unsafe_code, missing_docs)]
#![warn(clippy::all)]

mod arrow;
mod check;
mod crc;
mod error;
mod header;
mod layout;
#[cfg(feature = "polars")]
mod polars;
mod raw;
mod reader;
mod segment;
mod space;
mod sys;
mod writer;

pub use arrow::{Batches, Encoded};
pub use error::{Error, ErrorKind, Result};
pub use header::OverflowPolicy;
#[cfg(feature = "polars")]
pub use polars::{SharedDataFrame, SharedDataFrameReader, SharedDataFrameWriter};
pub use raw::{RawBatch, RawColumn, RawField, RawType};
pub use reader::{Message, Mode, Reader, ReaderBuilder, Received, Start, Validation};
pub use writer::{Claim, SuspendedClaim, Writer, WriterBuilder};

/// The codec id of messages that are Arrow streams.
pub const ARROW_CODEC_ID: &str = "arrow-ipc";

/// The codec id of messages that are batches of raw columns.
pub const RAW_CODEC_ID: &str = "raw1";

/// Removes a channel although it may hold unread messages, but not while it is in use; false if there is none.
pub fn remove(name: &str, directory: Option<&std::path::Path>) -> Result<bool> {
    segment::Place::new(name, directory)?.remove()
}

#[cfg(target_endian = "big")]
compile_error!("qds1 segments are little-endian");
