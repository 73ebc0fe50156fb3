//! Data frames of polars.
//!
//! Polars has arrays of its own: frames go through the Arrow stream format, written straight into the framing that the
//! channel demands, and decoded by polars from the message's bytes.

use std::io::Cursor;
use std::time::Duration;

use arrow_buffer::Buffer;
use polars::prelude::{CompatLevel, DataFrame, IpcStreamReader, IpcStreamWriter, PolarsError, SerReader, SerWriter};

use crate::arrow::decode;
use crate::error::{Error, ErrorKind, Result};
use crate::reader::{Message, Reader, Received, Validation};
use crate::writer::Writer;

/// Opens the two ends of a channel of data frames.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use polars::df;
/// use qds::SharedDataFrame;
/// # let name = format!("doc-polars-{}", std::process::id());
/// # let name = name.as_str();
/// let mut writer = SharedDataFrame::create_writer(name)?;
/// let reader = SharedDataFrame::create_reader(name)?;
/// let frame = df!("id" => [1i64, 2, 3], "name" => ["Alice", "Bob", "Charlie"])?;
/// writer.write(&frame)?;
/// let received = reader.read()?;
/// assert_eq!(received, frame);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct SharedDataFrame;

impl SharedDataFrame {
    /// Creates the channel, or takes it over.
    pub fn create_writer(name: &str) -> Result<SharedDataFrameWriter> {
        Ok(SharedDataFrameWriter { writer: Writer::builder(name).open()? })
    }

    /// Attaches a lossless reader to the channel.
    pub fn create_reader(name: &str) -> Result<SharedDataFrameReader> {
        Ok(SharedDataFrameReader { reader: Reader::builder(name).open()?.into() })
    }
}

fn polars_error(error: PolarsError) -> Error {
    Error::with(ErrorKind::Arrow, "the data frame cannot be carried", error)
}

/// Writes data frames.
#[derive(Debug)]
pub struct SharedDataFrameWriter {
    writer: Writer,
}

impl From<Writer> for SharedDataFrameWriter {
    fn from(writer: Writer) -> Self {
        Self { writer }
    }
}

impl SharedDataFrameWriter {
    /// Writes a frame as one message, and returns its sequence.
    pub fn write(&mut self, frame: &DataFrame) -> Result<i64> {
        let mut bytes = Vec::new();
        IpcStreamWriter::new(&mut bytes)
            .with_compat_level(CompatLevel::newest())
            .finish(&mut frame.clone())
            .map_err(polars_error)?;
        // The stream of polars pads less than the channel demands: its batches are framed anew.
        let batches = decode(&Buffer::from_vec(bytes), Validation::Structure).map_err(|refusal| {
            Error::new(refusal.kind, format!("the data frame cannot be carried: {}", refusal.text))
        })?;
        self.writer.write_arrow(batches.schema(), batches.batches())
    }
}

/// Reads data frames.
#[derive(Debug)]
pub struct SharedDataFrameReader {
    reader: std::sync::Mutex<Reader>,
}

impl From<Reader> for SharedDataFrameReader {
    fn from(reader: Reader) -> Self {
        Self { reader: reader.into() }
    }
}

impl SharedDataFrameReader {
    fn reader(&self) -> std::sync::MutexGuard<'_, Reader> {
        self.reader.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Waits for the next frame; the end of the channel is an error of the kind `Ended`.
    pub fn read(&self) -> Result<DataFrame> {
        let message = self.reader().read()?;
        frame(&message.ok_or_else(|| Error::new(ErrorKind::Ended, "the channel was closed and everything was read"))?)
    }

    /// Waits for the next frame as long as `timeout`; `None` if there is none in time.
    pub fn read_timeout(&self, timeout: Duration) -> Result<Option<DataFrame>> {
        match self.reader().read_timeout(timeout)? {
            Received::Message(message) => frame(&message).map(Some),
            Received::Nothing => Ok(None),
            Received::Closed => Err(Error::new(ErrorKind::Ended, "the channel was closed and everything was read")),
        }
    }
}

fn frame(message: &Message) -> Result<DataFrame> {
    // Checks what the reader was asked to check: polars trusts what it reads.
    message.batches()?;
    IpcStreamReader::new(Cursor::new(&message[..])).finish().map_err(polars_error)
}
