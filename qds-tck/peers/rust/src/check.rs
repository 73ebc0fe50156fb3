//! Structural checks of one batch, before any array is made of it (ARROW-CHECK-02).
//!
//! They walk the schema as arrow's decoder does, so that it finds what it takes for granted. Where arrow takes less
//! than the format allows (a null count of -1, children longer than a struct) the walk says what to change in the
//! private copy of the metadata.

use std::collections::HashSet;

use arrow_ipc::{Buffer, FieldNode, RecordBatch};
use arrow_schema::{DataType, Field, UnionMode};

/// Deepest nesting of fields.
pub const MAX_DEPTH: usize = 64;

type Result<T> = std::result::Result<T, String>;

/// A number of 8 bytes to be changed in the metadata.
#[derive(Debug, PartialEq, Eq)]
pub struct Patch {
    pub at: usize,
    pub value: i64,
}

/// Checks a batch of these fields, which all have `length` values.
pub fn check_batch<'a>(
    fields: impl Iterator<Item = &'a Field>,
    batch: RecordBatch<'_>,
    metadata: &[u8],
    body: &[u8],
    dictionaries: &HashSet<i64>,
) -> Result<Vec<Patch>> {
    let rows = count(batch.length(), "length of the batch")?;
    let nodes = batch.nodes().map(|nodes| nodes.iter().collect()).unwrap_or_default();
    let buffers = batch.buffers().map(|buffers| buffers.iter().collect()).unwrap_or_default();
    let variadic = batch.variadicBufferCounts().map(|counts| counts.iter().collect()).unwrap_or_default();
    let mut walk = Walk {
        metadata_start: metadata.as_ptr() as usize,
        nodes,
        buffers,
        variadic,
        next: (0, 0, 0),
        body,
        dictionaries,
        patches: Vec::new(),
    };
    for field in fields {
        walk.array(field, field.name(), rows, true, 0)?;
    }
    for (what, taken, found) in [
        ("field nodes", walk.next.0, walk.nodes.len()),
        ("buffers", walk.next.1, walk.buffers.len()),
        ("variadic buffer counts", walk.next.2, walk.variadic.len()),
    ] {
        if taken != found {
            return Err(format!("the batch has {found} {what}, its schema demands {taken}"));
        }
    }
    Ok(walk.patches)
}

/// A number of values that leaves room for arithmetic.
fn count(found: i64, what: &str) -> Result<usize> {
    const MOST: i64 = 1 << 47;
    if (0..=MOST).contains(&found) {
        Ok(found as usize)
    } else {
        Err(format!("{what} is {found}, allowed is 0 to 2^47"))
    }
}

struct Walk<'a> {
    metadata_start: usize,
    nodes: Vec<&'a FieldNode>,
    buffers: Vec<&'a Buffer>,
    variadic: Vec<i64>,
    /// How many nodes, buffers and variadic counts are taken.
    next: (usize, usize, usize),
    body: &'a [u8],
    dictionaries: &'a HashSet<i64>,
    patches: Vec<Patch>,
}

impl<'a> Walk<'a> {
    /// The next buffer, of at least so many bytes, cut to whole values of `width`.
    fn buffer(&mut self, path: &str, what: &str, least: usize, width: usize) -> Result<&'a [u8]> {
        let &buffer = self
            .buffers
            .get(self.next.1)
            .ok_or_else(|| format!("field '{path}': there is no buffer for its {what}"))?;
        self.next.1 += 1;
        let (offset, length) = (buffer.offset(), buffer.length());
        let inside = usize::try_from(offset).ok().zip(usize::try_from(length).ok());
        let bytes = inside.and_then(|(offset, length)| self.body.get(offset..offset.checked_add(length)?));
        let bytes = bytes.ok_or_else(|| {
            let body = self.body.len();
            format!("field '{path}': buffer of its {what} is {length} bytes at {offset}, the body has {body}")
        })?;
        if bytes.len() < least {
            let found = bytes.len();
            return Err(format!("field '{path}': buffer of its {what} has {found} bytes, its values need {least}"));
        }
        // Arrow takes fixed-width buffers as slices of whole values.
        let rest = bytes.len() % width;
        if rest != 0 {
            let at = std::ptr::from_ref(buffer) as usize - self.metadata_start;
            self.patches.push(Patch { at: at + 8, value: length - rest as i64 });
        }
        Ok(bytes)
    }

    /// The node of an array with at least `needed` values, exactly as many if its parent says so; with its validity.
    fn node(&mut self, path: &str, needed: usize, exact: bool, validity: bool) -> Result<(usize, i64)> {
        let &node = self.nodes.get(self.next.0).ok_or_else(|| format!("field '{path}': there is no field node"))?;
        self.next.0 += 1;
        let at = std::ptr::from_ref(node) as usize - self.metadata_start;
        let found = count(node.length(), &format!("field '{path}': length"))?;
        if found < needed {
            return Err(format!("field '{path}': length is {found}, its parent needs {needed}"));
        }
        let length = if exact { needed } else { found };
        if length != found {
            self.patches.push(Patch { at, value: length as i64 });
        }
        let nulls = node.null_count();
        if !(-1..=found as i64).contains(&nulls) {
            return Err(format!("field '{path}': null count is {nulls}, allowed is -1 to {found}"));
        }
        let mut counted = nulls;
        if validity {
            let bytes = self.buffer(path, "validity", if nulls > 0 { length.div_ceil(8) } else { 0 }, 1)?;
            if nulls == -1 || length != found && nulls > 0 {
                counted = if bytes.is_empty() { 0 } else { zeros(path, bytes, length)? };
            }
        } else if nulls == -1 {
            counted = 0;
        }
        if counted != nulls {
            self.patches.push(Patch { at: at + 8, value: counted });
        }
        Ok((length, counted))
    }

    fn array(&mut self, field: &Field, path: &str, needed: usize, exact: bool, depth: usize) -> Result<()> {
        if depth > MAX_DEPTH {
            return Err(format!("field '{path}': nesting is deeper than {MAX_DEPTH}"));
        }
        let data_type = field.data_type();
        let child = |child: &Field| format!("{path}.{}", child.name());
        match data_type {
            DataType::Null => {
                let (length, nulls) = self.node(path, needed, exact, false)?;
                if nulls != length as i64 {
                    // A null array consists of nulls; some writers say 0.
                    let node = self.nodes[self.next.0 - 1];
                    let at = std::ptr::from_ref(node) as usize - self.metadata_start;
                    self.patches.push(Patch { at: at + 8, value: length as i64 });
                }
            }
            DataType::Boolean => {
                let (length, _) = self.node(path, needed, exact, true)?;
                self.buffer(path, "values", length.div_ceil(8), 1)?;
            }
            DataType::Utf8 | DataType::Binary => self.bytes::<4>(path, needed, exact)?,
            DataType::LargeUtf8 | DataType::LargeBinary => self.bytes::<8>(path, needed, exact)?,
            DataType::Utf8View | DataType::BinaryView => {
                let (length, _) = self.node(path, needed, exact, true)?;
                self.buffer(path, "views", 16 * length, 16)?;
                let count = self.variadic.get(self.next.2).copied();
                let count = count.ok_or_else(|| format!("field '{path}': there is no variadic buffer count"))?;
                self.next.2 += 1;
                if !(0..=self.buffers.len() as i64).contains(&count) {
                    return Err(format!("field '{path}': variadic buffer count is {count}, which there are not"));
                }
                for _ in 0..count {
                    self.buffer(path, "data", 0, 1)?;
                }
            }
            DataType::FixedSizeBinary(width) => {
                let (length, _) = self.node(path, needed, exact, true)?;
                let width = usize::try_from(*width).map_err(|_| format!("field '{path}': width is {width}"))?;
                self.buffer(path, "values", product(path, length, width)?, width.max(1))?;
            }
            DataType::List(values) | DataType::Map(values, _) => {
                let last = self.offsets::<4>(path, needed, exact)?;
                self.array(values, &child(values), last, false, depth + 1)?;
            }
            DataType::LargeList(values) => {
                let last = self.offsets::<8>(path, needed, exact)?;
                self.array(values, &child(values), last, false, depth + 1)?;
            }
            DataType::ListView(values) | DataType::LargeListView(values) => {
                let width = if matches!(data_type, DataType::ListView(_)) { 4 } else { 8 };
                let (length, _) = self.node(path, needed, exact, true)?;
                self.buffer(path, "offsets", width * length, width)?;
                self.buffer(path, "sizes", width * length, width)?;
                self.array(values, &child(values), 0, false, depth + 1)?;
            }
            DataType::FixedSizeList(values, size) => {
                let (length, _) = self.node(path, needed, exact, true)?;
                let size = usize::try_from(*size).map_err(|_| format!("field '{path}': list size is {size}"))?;
                self.array(values, &child(values), product(path, length, size)?, true, depth + 1)?;
            }
            DataType::Struct(fields) => {
                let (length, _) = self.node(path, needed, exact, true)?;
                for field in fields {
                    self.array(field, &child(field), length, true, depth + 1)?;
                }
            }
            DataType::Union(fields, mode) => {
                let (length, _) = self.node(path, needed, exact, false)?;
                self.buffer(path, "type ids", length, 1)?;
                let sparse = *mode == UnionMode::Sparse;
                if !sparse {
                    self.buffer(path, "offsets", 4 * length, 4)?;
                }
                for (_, field) in fields.iter() {
                    self.array(field, &child(field), if sparse { length } else { 0 }, sparse, depth + 1)?;
                }
            }
            DataType::RunEndEncoded(ends, values) => {
                let (length, _) = self.node(path, needed, exact, false)?;
                self.run_ends(ends, &child(ends), length)?;
                let runs = self.nodes[self.next.0 - 1].length() as usize;
                self.array(values, &child(values), runs, true, depth + 1)?;
            }
            DataType::Dictionary(key, _) => {
                let (length, nulls) = self.node(path, needed, exact, true)?;
                let width = key.primitive_width().ok_or_else(|| format!("field '{path}': index type is {key}"))?;
                self.buffer(path, "indices", width * length, width)?;
                #[expect(deprecated, reason = "the wire knows dictionaries by their ids")]
                let id = field.dict_id().unwrap_or_default();
                if nulls < length as i64 && !self.dictionaries.contains(&id) {
                    return Err(format!("field '{path}': its dictionary {id} is not in the message"));
                }
            }
            primitive => {
                let width = primitive.primitive_width();
                let width =
                    width.ok_or_else(|| format!("field '{path}': type {primitive} is not known to this reader"))?;
                let (length, _) = self.node(path, needed, exact, true)?;
                self.buffer(path, "values", width * length, width)?;
            }
        }
        Ok(())
    }

    fn bytes<const WIDTH: usize>(&mut self, path: &str, needed: usize, exact: bool) -> Result<()> {
        let last = self.offsets::<WIDTH>(path, needed, exact)?;
        self.buffer(path, "data", last, 1).map(|_| ())
    }

    /// Node, validity and offsets; returns the last offset.
    fn offsets<const WIDTH: usize>(&mut self, path: &str, needed: usize, exact: bool) -> Result<usize> {
        let (length, _) = self.node(path, needed, exact, true)?;
        let bytes = self.buffer(path, "offsets", if length == 0 { 0 } else { WIDTH * (length + 1) }, WIDTH)?;
        if length == 0 {
            return Ok(0);
        }
        let (first, last) = (integer(&bytes[..WIDTH]), integer(&bytes[WIDTH * length..][..WIDTH]));
        if first < 0 || last < first {
            return Err(format!(
                "field '{path}': first offset is {first}, last offset {last}; allowed is 0 <= first <= last"
            ));
        }
        count(last, &format!("field '{path}': last offset"))
    }

    fn run_ends(&mut self, field: &Field, path: &str, length: usize) -> Result<()> {
        let width = field.data_type().primitive_width().filter(|_| field.data_type().is_signed_integer());
        let width = width.ok_or_else(|| format!("field '{path}': type of run ends is {}", field.data_type()))?;
        let (runs, _) = self.node(path, 0, false, true)?;
        let bytes = self.buffer(path, "run ends", width * runs, width)?;
        let last = if runs == 0 { 0 } else { integer(&bytes[width * (runs - 1)..][..width]) };
        if last < length as i64 {
            return Err(format!("field '{path}': last run ends at {last}, its parent has {length} values"));
        }
        Ok(())
    }
}

fn product(path: &str, length: usize, width: usize) -> Result<usize> {
    length.checked_mul(width).ok_or_else(|| format!("field '{path}': {length} values of {width} do not fit"))
}

fn integer(bytes: &[u8]) -> i64 {
    let sign = if bytes.last().is_some_and(|&byte| byte >= 0x80) { 0xFF } else { 0 };
    let mut wide = [sign; 8];
    wide[..bytes.len()].copy_from_slice(bytes);
    i64::from_le_bytes(wide)
}

/// Zeros among the first bits.
fn zeros(path: &str, bytes: &[u8], length: usize) -> Result<i64> {
    if bytes.len() < length.div_ceil(8) {
        return Err(format!("field '{path}': validity has {} bytes for {length} values", bytes.len()));
    }
    let whole: u32 = bytes[..length / 8].iter().map(|byte| byte.count_zeros()).sum();
    let rest = if length.is_multiple_of(8) { 0 } else { (!bytes[length / 8] & ((1 << (length % 8)) - 1)).count_ones() };
    Ok(i64::from(whole) + i64::from(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_little_endian_and_signed() {
        assert_eq!(integer(&[0xFE, 0xFF]), -2);
        assert_eq!(integer(&[1, 0, 0, 0x40]), 0x4000_0001);
    }

    #[test]
    fn zeros_behind_the_last_value_do_not_count() {
        assert_eq!(zeros("f", &[0b1111_0111, 0b0000_0001], 10).unwrap(), 2);
        assert!(zeros("f", &[0xFF], 9).is_err());
    }
}
