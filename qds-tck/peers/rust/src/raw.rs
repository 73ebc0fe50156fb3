//! Batches of columns of the codec `raw1`: buffers at multiples of 64, read and handed on without a copy.

use std::collections::HashSet;

use arrow_buffer::{ArrowNativeType, Buffer, ScalarBuffer};

use crate::error::{Error, ErrorKind, Result};
use crate::reader::{Message, Validation};
use crate::writer::Writer;

const ALIGNMENT: usize = 64;
const MAGIC: u32 = 0x5741_5251;
const HEADER_LENGTH: usize = 64;
const FIELD_LENGTH: usize = 16;
const BUFFERS_LENGTH: usize = 32;
const MAX_COLUMNS: usize = 1 << 20;
const MAX_SCHEMA_LENGTH: usize = 1 << 26;
const MAX_NAME_LENGTH: usize = 65535;
const MAX_WIDTH: usize = 1 << 20;
const MAX_I31: usize = i32::MAX as usize;

/// A buffer, and where it lies in the payload.
type Placed<'a> = (usize, &'a [u8]);

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names say it")]
pub enum RawType {
    Int8,
    Int16,
    Int32,
    Int64,
    UInt8,
    UInt16,
    UInt32,
    UInt64,
    Float32,
    Float64,
    /// A byte each, 0 or 1. It is never a `bool`: who wants one compares it with 0.
    Bool,
    /// Nanoseconds since 1970-01-01T00:00Z.
    Timestamp,
    /// Bytes, as many in each row.
    Fixed(u32),
    Utf8,
    Binary,
}

impl RawType {
    const ALL: [Self; 15] = [
        Self::Int8,
        Self::Int16,
        Self::Int32,
        Self::Int64,
        Self::UInt8,
        Self::UInt16,
        Self::UInt32,
        Self::UInt64,
        Self::Float32,
        Self::Float64,
        Self::Bool,
        Self::Timestamp,
        Self::Fixed(0),
        Self::Utf8,
        Self::Binary,
    ];

    fn code(self) -> u8 {
        let same = |other: &Self| std::mem::discriminant(other) == std::mem::discriminant(&self);
        Self::ALL.iter().position(same).map_or(0, |at| at as u8 + 1)
    }

    fn of(code: u8, width: usize) -> Option<Self> {
        let found = *Self::ALL.get(usize::from(code).checked_sub(1)?)?;
        Some(if let Self::Fixed(_) = found { Self::Fixed(u32::try_from(width).ok()?) } else { found })
    }

    /// Bytes of a value, 0 where they vary.
    pub fn width(self) -> usize {
        match self {
            Self::Int8 | Self::UInt8 | Self::Bool => 1,
            Self::Int16 | Self::UInt16 => 2,
            Self::Int32 | Self::UInt32 | Self::Float32 => 4,
            Self::Int64 | Self::UInt64 | Self::Float64 | Self::Timestamp => 8,
            Self::Fixed(width) => width as usize,
            Self::Utf8 | Self::Binary => 0,
        }
    }

    /// Its name in the specification.
    pub fn name(self) -> &'static str {
        const NAMES: [&str; 15] = [
            "int8",
            "int16",
            "int32",
            "int64",
            "uint8",
            "uint16",
            "uint32",
            "uint64",
            "float32",
            "float64",
            "bool",
            "timestamp",
            "fixed",
            "utf8",
            "binary",
        ];
        NAMES[usize::from(self.code()) - 1]
    }

    /// The type of a name, which has that width if it is `fixed`.
    pub fn of_name(name: &str, width: u32) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|found| found.name() == name)
            .map(|found| if let Self::Fixed(_) = found { Self::Fixed(width) } else { found })
    }
}

/// What a column is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawField {
    /// 1 to 65535 bytes.
    pub name: String,
    /// Of the values.
    pub data_type: RawType,
    /// Whether values may be null.
    pub nullable: bool,
}

impl RawField {
    /// A column without nulls.
    pub fn new(name: impl Into<String>, data_type: RawType) -> Self {
        Self { name: name.into(), data_type, nullable: false }
    }

    /// The same with nulls.
    #[must_use]
    pub fn or_null(self) -> Self {
        Self { nullable: true, ..self }
    }
}

/// A column: buffers of any memory, to be written, or views of a message, which keep its loan.
#[derive(Clone, Debug)]
pub struct RawColumn {
    field: RawField,
    row_count: usize,
    validity: Option<Buffer>,
    values: Buffer,
    data: Buffer,
}

fn misuse(text: impl Into<String>) -> Error {
    Error::new(ErrorKind::Misuse, text)
}

fn padded(length: usize) -> usize {
    length.next_multiple_of(ALIGNMENT)
}

fn i32_at(bytes: &[u8], at: usize) -> Option<i32> {
    Some(i32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn i64_at(bytes: &[u8], at: usize) -> Option<i64> {
    Some(i64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

impl RawColumn {
    /// Values of fixed width, whose number makes the rows. `valid` says which are not null, and needs a nullable field.
    ///
    /// # Errors
    /// `Misuse` if the lengths do not fit one another.
    pub fn fixed(field: RawField, values: Buffer, valid: Option<&[bool]>) -> Result<Self> {
        let width = field.data_type.width();
        if width == 0 || !values.len().is_multiple_of(width) {
            return Err(misuse(format!("column '{}' cannot have {} bytes of values", field.name, values.len())));
        }
        let row_count = values.len() / width;
        let validity = Self::validity(&field, row_count, valid)?;
        Ok(Self { field, row_count, validity, values, data: Buffer::default() })
    }

    /// Texts or bytes. `None` is a null, and needs a nullable field.
    ///
    /// # Errors
    /// `Misuse` if the type is another, or the values are longer than 2^31 - 1 bytes.
    pub fn variable<T: AsRef<[u8]>>(field: RawField, values: &[Option<T>]) -> Result<Self> {
        if field.data_type.width() != 0 {
            return Err(misuse(format!("column '{}' has values of fixed width", field.name)));
        }
        let (mut offsets, mut data) = (vec![0i32], Vec::new());
        for value in values {
            data.extend_from_slice(value.as_ref().map_or(&[][..], AsRef::as_ref));
            let end = i32::try_from(data.len());
            offsets.push(end.map_err(|_| misuse(format!("column '{}' has over 2^31 - 1 bytes", field.name)))?);
        }
        let valid: Vec<_> = values.iter().map(Option::is_some).collect();
        let validity = Self::validity(&field, values.len(), valid.contains(&false).then_some(&valid[..]))?;
        let values_buffer = Buffer::from_vec(offsets);
        Ok(Self { field, row_count: values.len(), validity, values: values_buffer, data: Buffer::from_vec(data) })
    }

    fn validity(field: &RawField, row_count: usize, valid: Option<&[bool]>) -> Result<Option<Buffer>> {
        let Some(valid) = valid.filter(|valid| valid.contains(&false)) else { return Ok(None) };
        if !field.nullable || valid.len() != row_count {
            let text = format!("column '{}' of {row_count} rows, {} validities", field.name, valid.len());
            return Err(misuse(format!("{text}: has nulls and is not nullable, or has another number of rows")));
        }
        let bits = valid.chunks(8).map(|byte| byte.iter().rev().fold(0u8, |bits, &bit| bits << 1 | u8::from(bit)));
        Ok(Some(Buffer::from_vec(bits.collect::<Vec<_>>())))
    }

    /// What the column is.
    pub fn field(&self) -> &RawField {
        &self.field
    }

    /// The number of rows.
    pub fn row_count(&self) -> usize {
        self.row_count
    }

    /// Whether a value is null.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn is_null(&self, row: usize) -> bool {
        assert!(row < self.row_count, "row {row} of {}", self.row_count);
        self.validity.as_ref().is_some_and(|bits| bits[row / 8] >> (row % 8) & 1 == 0)
    }

    /// Values of fixed width as a typed view of the same memory, which it keeps.
    ///
    /// # Errors
    /// `Misuse` if the width is another, or the memory (of who made the column) does not lie as the type needs it.
    pub fn values<T: ArrowNativeType>(&self) -> Result<ScalarBuffer<T>> {
        let lies_well = self.values.as_ptr().align_offset(align_of::<T>()) == 0;
        if size_of::<T>() != self.field.data_type.width() || !lies_well {
            return Err(misuse(format!("column '{}' is {}", self.field.name, self.field.data_type.name())));
        }
        Ok(ScalarBuffer::new(self.values.clone(), 0, self.row_count))
    }

    /// A value of any type as its bytes.
    ///
    /// # Errors
    /// `Corrupt` if the offsets of the row are wild.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn bytes(&self, row: usize) -> Result<&[u8]> {
        assert!(row < self.row_count, "row {row} of {}", self.row_count);
        let width = self.field.data_type.width();
        if width != 0 {
            return Ok(&self.values[row * width..(row + 1) * width]);
        }
        // Each is loaded once, and checked here: the writer may change it.
        let offset = |row: usize| i32_at(&self.values, row * 4).and_then(|offset| usize::try_from(offset).ok());
        let value = offset(row).zip(offset(row + 1)).and_then(|(begin, end)| self.data.get(begin..end));
        value.ok_or_else(|| {
            let text = format!("column '{}': the offsets of row {row} are not in its data", self.field.name);
            Error::new(ErrorKind::Corrupt, format!("{text} of {} bytes; the message is damaged", self.data.len()))
        })
    }

    /// A text.
    ///
    /// # Errors
    /// `Corrupt` if the offsets are wild, or the text is not UTF-8.
    pub fn text(&self, row: usize) -> Result<&str> {
        let bytes = self.bytes(row)?;
        std::str::from_utf8(bytes).map_err(|error| {
            Error::with(ErrorKind::Corrupt, format!("column '{}': row {row} is no UTF-8", self.field.name), error)
        })
    }

    fn check_values(&self) -> Result<()> {
        for row in 0..self.row_count {
            match self.field.data_type {
                RawType::Utf8 => drop(self.text(row)?),
                RawType::Binary => drop(self.bytes(row)?),
                RawType::Bool if self.values[row] > 1 => {
                    let text = format!("column '{}': row {row} is no boolean", self.field.name);
                    return Err(Error::new(ErrorKind::Corrupt, text));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Columns of equally many rows.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use qds::{RAW_CODEC_ID, RawBatch, RawColumn, RawField, RawType};
/// # let directory = std::env::temp_dir();
/// # let name = format!("doc-raw-{}", std::process::id());
/// let ids = RawColumn::fixed(RawField::new("id", RawType::Int64), vec![1i64, 2].into(), None)?;
/// let names = RawColumn::variable(RawField::new("name", RawType::Utf8), &[Some("Alice"), Some("Bob")])?;
/// let mut writer =
///     qds::Writer::builder(&name).directory(&directory).codec_id(RAW_CODEC_ID).arena_length(1 << 20).open()?;
/// let mut reader = qds::Reader::builder(&name).directory(&directory).codec_id(RAW_CODEC_ID).open()?;
/// writer.write_raw(&RawBatch::new(2, vec![ids, names])?)?;
///
/// let batch = reader.read()?.expect("a message").raw_batch()?;
/// assert_eq!(batch.column("id").expect("a column").values::<i64>()?[1], 2); // a view of the shared memory
/// assert_eq!(batch.column("name").expect("a column").text(1)?, "Bob");
/// # drop((batch, writer, reader));
/// # qds::remove(&name, Some(&directory)).ok();
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct RawBatch {
    row_count: usize,
    columns: Vec<RawColumn>,
}

impl RawBatch {
    /// Puts columns together.
    ///
    /// # Errors
    /// `Misuse` if they have different numbers of rows, the same name, or names and widths that are not allowed.
    pub fn new(row_count: usize, columns: Vec<RawColumn>) -> Result<Self> {
        let mut names = HashSet::new();
        for RawColumn { field, row_count: rows, .. } in &columns {
            let named = (1..=MAX_NAME_LENGTH).contains(&field.name.len()) && names.insert(field.name.as_str());
            let width = field.data_type.width();
            if *rows != row_count || !named || width > MAX_WIDTH || field.data_type == RawType::Fixed(0) {
                let text =
                    format!("column '{}' of {rows} rows and width {width} in a batch of {row_count}", field.name);
                return Err(misuse(format!("{text}: another number of rows, name or width is needed")));
            }
        }
        let schema_length = columns.len() * FIELD_LENGTH + names.iter().map(|name| name.len()).sum::<usize>();
        if row_count > MAX_I31 || columns.len() > MAX_COLUMNS || padded(schema_length) > MAX_SCHEMA_LENGTH {
            return Err(misuse("a batch has up to 2^31 - 1 rows, 2^20 columns and 2^26 bytes of names"));
        }
        Ok(Self { row_count, columns })
    }

    /// The number of rows.
    pub fn row_count(&self) -> usize {
        self.row_count
    }

    /// The columns, in order.
    pub fn columns(&self) -> &[RawColumn] {
        &self.columns
    }

    /// The column of a name.
    pub fn column(&self, name: &str) -> Option<&RawColumn> {
        self.columns.iter().find(|column| column.field.name == name)
    }

    /// Header, schema and buffer table; and the buffers, each with its place.
    fn layout(&self) -> (Vec<u8>, Vec<Placed<'_>>, usize) {
        let mut fields = Vec::new();
        let mut names = Vec::new();
        for RawColumn { field, .. } in &self.columns {
            let name_at = self.columns.len() * FIELD_LENGTH + names.len();
            fields.extend([field.data_type.code(), u8::from(field.nullable), 0, 0]);
            for number in [field.data_type.width(), name_at, field.name.len()] {
                fields.extend((number as u32).to_le_bytes());
            }
            names.extend_from_slice(field.name.as_bytes());
        }
        fields.append(&mut names);
        fields.resize(padded(fields.len()), 0);
        let mut end = padded(HEADER_LENGTH + fields.len() + self.columns.len() * BUFFERS_LENGTH);
        let mut buffers = Vec::new();
        let mut table = Vec::new();
        for column in &self.columns {
            let mut place = |bytes| {
                let at = end;
                buffers.push((at, bytes));
                end += padded(<[u8]>::len(bytes));
                at
            };
            let validity = column.validity.as_ref().map_or(0, |bits| place(bits.as_slice()));
            let values = place(column.values.as_slice());
            let is_variable = column.field.data_type.width() == 0;
            let data = if is_variable { place(column.data.as_slice()) } else { 0 };
            for number in [validity, values, data, if is_variable { column.data.len() } else { 0 }] {
                table.extend((number as u64).to_le_bytes());
            }
        }
        let mut head = Vec::new();
        head.extend(MAGIC.to_le_bytes());
        head.extend([1, 0, 0, 0]);
        for number in [self.row_count, self.columns.len(), fields.len(), 0] {
            head.extend((number as u32).to_le_bytes());
        }
        head.extend((end as u64).to_le_bytes());
        head.resize(HEADER_LENGTH, 0);
        head.append(&mut fields);
        head.append(&mut table);
        (head, buffers, end)
    }

    /// Bytes of the message.
    pub fn message_length(&self) -> usize {
        self.layout().2
    }

    /// Copies the message to the beginning of a claim, which is at least as long.
    pub fn copy_to(&self, target: &mut [u8]) {
        let (head, buffers, _) = self.layout();
        target[..head.len()].copy_from_slice(&head);
        for (at, bytes) in buffers {
            target[at..at + bytes.len()].copy_from_slice(bytes);
        }
    }

    /// Reads a message as views of `payload`, after a check of what describes it in a private copy.
    pub(crate) fn decode(payload: &Buffer, validation: Validation) -> Result<Self> {
        let corrupt = |text: String| Error::new(ErrorKind::Corrupt, text);
        let unsupported =
            |text: String| Error::new(ErrorKind::Unsupported, format!("{text}; use the same version on both sides"));
        let number = |what: &str, found: Option<i64>, least: usize, most: usize| {
            let fits = found.and_then(|found| usize::try_from(found).ok()).filter(|n| (least..=most).contains(n));
            fits.ok_or_else(|| corrupt(format!("{what} is {found:?}, allowed is {least} to {most}")))
        };
        let aligned = |what: &str, found: usize| {
            if found.is_multiple_of(ALIGNMENT) { Ok(()) } else { Err(corrupt(format!("{what} is {found}, no multiple of 64"))) }
        };
        let head = payload.get(..HEADER_LENGTH).map(<[u8]>::to_vec);
        let head = head.ok_or_else(|| corrupt(format!("it has {} bytes, allowed are 64 or more", payload.len())))?;
        let int = |at| i32_at(&head, at).map(i64::from);
        if head[..4] != MAGIC.to_le_bytes() {
            return Err(corrupt(format!("it begins with {:?}, allowed is QRAW", &head[..4])));
        }
        if head[4..6] != [1, 0] {
            return Err(unsupported(format!("its version is {:?}, known is 1", &head[4..6])));
        }
        let row_count = number("rowCount", int(8), 0, MAX_I31)?;
        let count = number("columnCount", int(12), 0, MAX_COLUMNS)?;
        let schema_length = number("schemaLength", int(16), count * FIELD_LENGTH, MAX_SCHEMA_LENGTH)?;
        aligned("schemaLength", schema_length)?;
        let table_end = HEADER_LENGTH + schema_length + count * BUFFERS_LENGTH;
        let least = padded(table_end);
        let length = number("messageLength", i64_at(&head, 24), least, payload.len())?;
        aligned("messageLength", length)?;
        let metadata = payload[HEADER_LENGTH..table_end].to_vec();
        let (schema, table) = metadata.split_at(schema_length);

        let mut columns = Vec::with_capacity(count);
        let mut names = HashSet::new();
        let names_at = count * FIELD_LENGTH;
        let mut unused = schema_length - names_at; // names that share bytes would take much more memory than the message
        for (i, (entry, buffers)) in
            schema.chunks_exact(FIELD_LENGTH).zip(table.chunks_exact(BUFFERS_LENGTH)).enumerate()
        {
            let int = |at| i32_at(entry, at).map(i64::from);
            let width = number(&format!("width of column {i}"), int(4), 0, MAX_WIDTH)?;
            let data_type = RawType::of(entry[0], width).filter(|_| entry[1] <= 1);
            let data_type = data_type
                .ok_or_else(|| unsupported(format!("column {i} has type {} and flags {}", entry[0], entry[1])))?;
            if data_type.width() != width || data_type == RawType::Fixed(0) {
                return Err(corrupt(format!("column {i} is {} of width {width}", data_type.name())));
            }
            let name_length = number(&format!("nameLength of column {i}"), int(12), 1, MAX_NAME_LENGTH.min(unused))?;
            unused -= name_length;
            let name_at = number(&format!("nameOffset of column {i}"), int(8), names_at, schema_length - name_length)?;
            let name = std::str::from_utf8(&schema[name_at..name_at + name_length]);
            let name = name.map_err(|error| corrupt(format!("the name of column {i}: {error}")))?;
            if !names.insert(name) {
                return Err(corrupt(format!("two columns have the name '{name}'")));
            }
            let nullable = entry[1] == 1;
            let long = |at| i64_at(buffers, at);
            let place = |part: &str, at: usize, used: usize| {
                let what = format!("offset of {part} of column '{name}'");
                let room = padded(used);
                let most = length.saturating_sub(room);
                let offset = number(&what, long(at), least, most)?;
                aligned(&what, offset)?;
                Ok::<_, Error>(payload.slice_with_length(offset, used))
            };
            let validity = match long(0) {
                Some(0) => None,
                _ if nullable => Some(place("validity", 0, row_count.div_ceil(8))?),
                other => return Err(corrupt(format!("validity of column '{name}' is {other:?}, allowed is 0"))),
            };
            let values_length = if width == 0 { (row_count + 1) * 4 } else { row_count * width };
            let values = place("values", 8, values_length)?;
            let most = if width == 0 { MAX_I31 } else { 0 };
            let data_length = number(&format!("dataLength of column '{name}'"), long(24), 0, most)?;
            let data = if width == 0 {
                let data = place("data", 16, data_length)?;
                number(&format!("first offset of column '{name}'"), i32_at(&values, 0).map(i64::from), 0, 0)?;
                let last = i32_at(&values, row_count * 4).map(i64::from);
                number(&format!("last offset of column '{name}'"), last, 0, data_length)?;
                data
            } else {
                number(&format!("data of column '{name}'"), long(16), 0, 0)?;
                Buffer::default()
            };
            let field = RawField { name: name.to_owned(), data_type, nullable };
            let column = RawColumn { field, row_count, validity, values, data };
            if validation == Validation::Full {
                column.check_values()?;
            }
            columns.push(column);
        }
        Ok(Self { row_count, columns })
    }
}

impl Message {
    /// The columns of a `raw1` message. They are views of the payload and keep the loan.
    ///
    /// # Errors
    /// `Corrupt` if the message is no sound batch, `Unsupported` if it is one of a later version. The next message is not
    /// affected.
    pub fn raw_batch(&self) -> Result<RawBatch> {
        RawBatch::decode(&self.buffer(), self.validation()).map_err(|error| {
            Error::new(error.kind(), format!("channel '{}', message {}: {error}", self.channel(), self.sequence()))
        })
    }
}

impl Writer {
    /// Writes a batch as one message, copying each byte once, and returns its sequence.
    ///
    /// # Errors
    /// As [`claim`](Self::claim).
    pub fn write_raw(&mut self, batch: &RawBatch) -> Result<i64> {
        let mut claim = self.claim(batch.message_length())?;
        batch.copy_to(&mut claim);
        claim.commit()
    }
}
