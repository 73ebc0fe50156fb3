//! Shows a channel's tables to people.

use std::error::Error;
use std::time::Duration;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Float64Type};
use arrow_cast::cast;
use arrow_cast::pretty::pretty_format_batches;
use arrow_schema::{ArrowError, DataType};
use qds::Reader;

const ROWS_SHOWN: usize = 10;

/// Prints the first rows of each table, the number of its rows, and the sums of its numeric columns, until the channel
/// ends.
pub fn show(directory: &str, channel: &str) -> Result<(), Box<dyn Error>> {
    let open_timeout = Duration::from_secs(30);
    let mut reader = Reader::builder(channel).directory(directory).label("demo").open_timeout(open_timeout).open()?;
    while let Some(message) = reader.read()? {
        let table = message.batches()?;
        let mut missing = ROWS_SHOWN;
        let mut first = Vec::new();
        for batch in table.batches() {
            let shown = batch.slice(0, missing.min(batch.num_rows()));
            missing -= shown.num_rows();
            first.push(shown);
        }
        if first.is_empty() {
            first.push(RecordBatch::new_empty(table.schema().clone()));
        }
        println!("{}", pretty_format_batches(&first)?);
        println!("message {}: {} rows", message.sequence(), table.row_count());
        for (column, field) in table.schema().fields().iter().enumerate() {
            if let Some(sum) = sum(table.batches(), column, field.data_type())? {
                println!("  sum of {}: {sum}", field.name());
            }
        }
    }
    Ok(())
}

/// Sum of a numeric column.
fn sum(batches: &[RecordBatch], column: usize, data_type: &DataType) -> Result<Option<String>, ArrowError> {
    let columns = batches.iter().map(|batch| batch.column(column));
    if data_type.is_integer() {
        let mut sum = 0;
        for column in columns {
            let numbers = cast(column, &DataType::Decimal128(38, 0))?;
            sum += numbers.as_primitive::<Decimal128Type>().iter().flatten().sum::<i128>();
        }
        return Ok(Some(sum.to_string()));
    }
    if data_type.is_floating() {
        let mut sum = 0.0;
        for column in columns {
            let numbers = cast(column, &DataType::Float64)?;
            sum += numbers.as_primitive::<Float64Type>().iter().flatten().sum::<f64>();
        }
        return Ok(Some(sum.to_string()));
    }
    Ok(None)
}
