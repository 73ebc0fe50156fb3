//! Writes a data frame of polars into a channel and leaves it there: `polars_case DIRECTORY CHANNEL`.
//!
//! Its texts are views as polars makes them: short ones inside the view, long ones in a buffer, a null and an empty one,
//! in two batches.

use std::error::Error;

use polars::df;
use qds::{SharedDataFrameWriter, Writer};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [directory, channel] = arguments.as_slice() else {
        return Err("usage: polars_case DIRECTORY CHANNEL".into());
    };
    let mut frame = df!(
        "id" => [1i64, 2, 3],
        "name" => [Some("Alice"), None, Some("a text of more than twelve bytes")],
        "value" => [Some(10.5), Some(-0.0), None],
        "flag" => [Some(true), None, Some(false)],
    )?;
    frame.vstack_mut(&df!(
        "id" => [i64::MIN, i64::MAX],
        "name" => ["", "Grüße aus Zürich, 東京, 🚀"],
        "value" => [f64::MAX, f64::NEG_INFINITY],
        "flag" => [true, true],
    )?)?;
    let writer = Writer::builder(channel).directory(directory).arena_length(1 << 16).open()?;
    SharedDataFrameWriter::from(writer).write(&frame)?;
    println!("{frame}");
    Ok(())
}
