//! The files of the peer protocol for the codec `raw1` (PEER-18): batches as lines of text.

use std::fmt::Write;

use qds::{RawBatch, RawColumn, RawField, RawType};

use crate::{Failure, failed};

/// The batch of a file.
pub fn parse(text: &str) -> Result<RawBatch, Failure> {
    let wrong = || failed("the file is no batch");
    let mut lines = text.lines();
    let rows = lines.next().and_then(|line| line.strip_prefix("rows ")?.parse().ok()).ok_or_else(wrong)?;
    let mut columns = Vec::new();
    while let Some(line) = lines.next() {
        let words: Vec<_> = line.split(' ').collect();
        let [_, kind, width, nulls, name] = words[..] else { return Err(wrong()) };
        let width = width.parse().map_err(|_| wrong())?;
        let data_type = RawType::of_name(kind, width).ok_or_else(wrong)?;
        let name = String::from_utf8(from_hex(name).ok_or_else(wrong)?).map_err(|_| wrong())?;
        let field = RawField { name, data_type, nullable: nulls == "null" };
        let mut values = Vec::new();
        for _ in 0..rows {
            let value = lines.next().ok_or_else(wrong)?;
            values.push(value.strip_prefix('=').map(|digits| from_hex(digits).ok_or_else(wrong)).transpose()?);
        }
        columns.push(if data_type.width() == 0 {
            RawColumn::variable(field, &values)?
        } else {
            let valid: Vec<_> = values.iter().map(Option::is_some).collect();
            let null = vec![0; data_type.width()];
            let bytes = values.iter().flat_map(|value| value.as_ref().unwrap_or(&null)).copied();
            RawColumn::fixed(field, bytes.collect::<Vec<u8>>().into(), Some(&valid))?
        });
    }
    Ok(RawBatch::new(rows, columns)?)
}

/// The text of a batch.
pub fn text(batch: &RawBatch) -> Result<String, Failure> {
    let mut text = format!("rows {}\n", batch.row_count());
    for column in batch.columns() {
        let RawField { name, data_type, nullable } = column.field();
        let nulls = if *nullable { "null" } else { "-" };
        let name = to_hex(name.as_bytes());
        text += &format!("column {} {} {nulls} {name}\n", data_type.name(), data_type.width());
        for row in 0..batch.row_count() {
            if column.is_null(row) {
                text += "-\n";
            } else {
                text += &format!("={}\n", to_hex(column.bytes(row)?));
            }
        }
    }
    Ok(text)
}

fn from_hex(digits: &str) -> Option<Vec<u8>> {
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()).collect()
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
