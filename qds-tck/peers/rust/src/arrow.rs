//! Arrow streams in messages: written with every buffer at a multiple of 64, read without a copy.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_buffer::{Buffer, MutableBuffer};
use arrow_data::ArrayData;
use arrow_ipc::reader::{RecordBatchDecoder, read_dictionary_impl};
use arrow_ipc::writer::{IpcWriteOptions, StreamEncoder};
use arrow_ipc::{Endianness, Message, MessageHeader, MetadataVersion, root_as_message};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use arrow_select::concat::concat_batches;

use crate::check::{Patch, check_batch};
use crate::error::{Error, ErrorKind, Result};
use crate::reader::Validation;
use crate::sys;
use crate::writer::Writer;

const CONTINUATION: u32 = 0xFFFF_FFFF;
const MAX_METADATA_LENGTH: usize = 1 << 28;

/// What one message holds: batches of one schema, or none.
#[derive(Clone, Debug)]
pub struct Batches {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
}

impl Batches {
    /// The schema, which a message without rows has, too.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The batches. How rows are cut into batches has no meaning.
    pub fn batches(&self) -> &[RecordBatch] {
        &self.batches
    }

    /// The batches themselves.
    pub fn into_batches(self) -> Vec<RecordBatch> {
        self.batches
    }

    /// Rows of all batches.
    pub fn row_count(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }
}

fn arrow_error(error: ArrowError) -> Error {
    Error::with(ErrorKind::Arrow, "the batches cannot be written as an Arrow stream", error)
}

/// Batches of one schema as the bytes of a message, in pieces which refer to the arrays' memory.
///
/// For who wants to claim memory in an own way (with a tag, or a limit of time); else see
/// [`write_arrow`](Writer::write_arrow).
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use std::{sync::Arc, time::Duration};
/// # use arrow_array::{ArrayRef, Int32Array, RecordBatch};
/// # let directory = std::env::temp_dir();
/// # let name = format!("doc-encoded-{}", std::process::id());
/// # let numbers: ArrayRef = Arc::new(Int32Array::from(vec![1, 2, 3]));
/// # let batch = RecordBatch::try_from_iter([("n", numbers)])?;
/// # let mut writer = qds::Writer::builder(&name).directory(&directory).arena_length(1 << 20).open()?;
/// let message = qds::Encoded::new(&batch.schema(), &[batch])?;
/// if let Some(mut claim) = writer.claim_timeout(message.length(), Duration::from_secs(1))? {
///     message.copy_to(&mut claim);
///     claim.tag(42).commit()?;
/// }
/// # qds::remove(&name, Some(&directory)).unwrap_err();
/// # drop(writer);
/// # qds::remove(&name, Some(&directory))?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Encoded {
    pieces: Vec<Buffer>,
}

impl Encoded {
    /// Encodes batches, or none.
    ///
    /// # Errors
    /// `Misuse` if a batch has another schema.
    pub fn new(schema: &Schema, batches: &[RecordBatch]) -> Result<Self> {
        if let Some(batch) = batches.iter().find(|batch| batch.schema_ref().fields() != schema.fields()) {
            let text = format!("a message has one schema: {} is not {schema}", batch.schema_ref());
            return Err(Error::new(ErrorKind::Misuse, text));
        }
        // A dictionary cannot change within a message, and how rows are cut into batches has no meaning.
        let joined = match batches {
            [first, rest @ ..] if rest.iter().any(|batch| dictionaries(batch) != dictionaries(first)) => {
                Some(concat_batches(first.schema_ref(), batches).map_err(arrow_error)?)
            }
            _ => None,
        };
        let batches = joined.as_ref().map_or(batches, std::slice::from_ref);
        let options = IpcWriteOptions::try_new(64, false, MetadataVersion::V5).map_err(arrow_error)?;
        let mut encoder = StreamEncoder::try_new_with_options(schema, options).map_err(arrow_error)?;
        let mut pieces = Vec::new();
        for batch in batches {
            pieces.extend(encoder.encode(batch).map_err(arrow_error)?);
        }
        pieces.extend(encoder.finish().map_err(arrow_error)?);
        Ok(Self { pieces })
    }

    /// Bytes of the message.
    pub fn length(&self) -> usize {
        self.pieces.iter().map(Buffer::len).sum()
    }

    /// Copies the message to the beginning of a claim, which is at least as long.
    pub fn copy_to(&self, target: &mut [u8]) {
        let mut at = 0;
        for piece in &self.pieces {
            target[at..at + piece.len()].copy_from_slice(piece);
            at += piece.len();
        }
    }
}

/// All dictionaries of a batch.
fn dictionaries(batch: &RecordBatch) -> Vec<ArrayData> {
    fn collect(data: &ArrayData, found: &mut Vec<ArrayData>) {
        if matches!(data.data_type(), DataType::Dictionary(..)) {
            found.extend_from_slice(data.child_data());
        }
        data.child_data().iter().for_each(|child| collect(child, found));
    }
    let mut found = Vec::new();
    for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        if has(field, &|data_type| matches!(data_type, DataType::Dictionary(..))) {
            collect(&column.to_data(), &mut found);
        }
    }
    found
}

impl Writer {
    /// Writes batches of one schema as one message, copying each byte once, and returns its sequence.
    ///
    /// # Errors
    /// As [`claim`](Self::claim); `Misuse` if a batch has another schema.
    pub fn write_arrow(&mut self, schema: &Schema, batches: &[RecordBatch]) -> Result<i64> {
        let message = Encoded::new(schema, batches)?;
        let mut claim = self.claim(message.length())?;
        message.copy_to(&mut claim);
        claim.commit()
    }

    /// Writes one batch as a message, and returns its sequence.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::sync::Arc;
    /// use arrow_array::{ArrayRef, Int32Array, RecordBatch};
    /// # let directory = std::env::temp_dir();
    /// # let name = format!("doc-arrow-{}", std::process::id());
    /// let numbers: ArrayRef = Arc::new(Int32Array::from(vec![1, 2, 3]));
    /// let batch = RecordBatch::try_from_iter([("n", numbers)])?;
    /// let mut writer = qds::Writer::builder(&name).directory(&directory).arena_length(1 << 20).open()?;
    /// let mut reader = qds::Reader::builder(&name).directory(&directory).open()?;
    /// writer.write_batch(&batch)?;
    /// let message = reader.read()?.expect("one message");
    /// assert_eq!(message.batches()?.batches(), [batch]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn write_batch(&mut self, batch: &RecordBatch) -> Result<i64> {
        self.write_arrow(batch.schema_ref(), std::slice::from_ref(batch))
    }
}

/// Why a message is not read: damage, or what this reader has no arrays for.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub kind: ErrorKind,
    pub text: String,
}

impl Refusal {
    fn unsupported(text: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Unsupported, text: text.into() }
    }
}

impl<T: Into<String>> From<T> for Refusal {
    fn from(text: T) -> Self {
        Self { kind: ErrorKind::Corrupt, text: text.into() }
    }
}

/// Reads a stream. The arrays are views of `payload` and share its ownership.
pub(crate) fn decode(payload: &Buffer, validation: Validation) -> std::result::Result<Batches, Refusal> {
    let mut frames = Frames { payload, at: 0 };
    let mut schema: Option<SchemaRef> = None;
    let mut types = HashMap::new();
    let mut dictionaries: HashMap<i64, ArrayRef> = HashMap::new();
    let mut batches = Vec::new();
    let skip = sys::skip_validation(validation == Validation::Structure);
    while let Some(mut frame) = frames.next()? {
        let header = frame.message()?.header_type();
        match (&schema, header) {
            (None, MessageHeader::Schema) => {
                let message = frame.message()?;
                let encoded = message.header_as_schema().ok_or("the schema is missing")?;
                if encoded.endianness() != Endianness::Little {
                    return Err(Refusal::unsupported("the data is big-endian; write it little-endian"));
                }
                let decoded = arrow_ipc::convert::try_fb_to_schema(encoded).map_err(|error| error.to_string())?;
                decoded.fields().iter().for_each(|field| collect_dictionaries(field, &mut types));
                schema = Some(Arc::new(decoded));
            }
            (Some(schema), MessageHeader::DictionaryBatch) => {
                let message = frame.message()?;
                let dictionary = message.header_as_dictionary_batch().ok_or("the dictionary is missing")?;
                let id = dictionary.id();
                if !batches.is_empty() {
                    let text = format!("dictionary {id} comes after a batch; write all dictionaries first");
                    return Err(Refusal::unsupported(text));
                }
                let data = dictionary.data().ok_or_else(|| format!("dictionary {id} has no data"))?;
                refuse_compression(&data)?;
                let field = types.get(&id).ok_or_else(|| format!("dictionary {id} is of no field"))?;
                let known = dictionaries.keys().copied().collect();
                let patches = check_batch([field].into_iter(), data, &frame.metadata, &frame.body, &known)?;
                frame.patch(&patches);
                let message = frame.message()?;
                let dictionary = message.header_as_dictionary_batch().ok_or("the dictionary is missing")?;
                let version = message.version();
                read_dictionary_impl(&frame.body, dictionary, schema, &mut dictionaries, &version, false, skip.clone())
                    .map_err(|error| format!("dictionary {id}: {error}"))?;
            }
            (Some(schema), MessageHeader::RecordBatch) => {
                let known: HashSet<_> = dictionaries.keys().copied().collect();
                let message = frame.message()?;
                let is_union = |data_type: &DataType| matches!(data_type, DataType::Union(..));
                if message.version() < MetadataVersion::V5 && schema.fields().iter().any(|field| has(field, &is_union))
                {
                    return Err(Refusal::unsupported("a union of metadata version 4 is not read; write version 5"));
                }
                let batch = message.header_as_record_batch().ok_or("the batch is missing")?;
                refuse_compression(&batch)?;
                let fields = schema.fields().iter().map(AsRef::as_ref);
                let patches = check_batch(fields, batch, &frame.metadata, &frame.body, &known)?;
                frame.patch(&patches);
                let message = frame.message()?;
                let batch = message.header_as_record_batch().ok_or("the batch is missing")?;
                let version = message.version();
                let decoded =
                    RecordBatchDecoder::try_new(&frame.body, batch, Arc::clone(schema), &dictionaries, &version)
                        .and_then(|decoder| decoder.with_skip_validation(skip.clone()).read_record_batch());
                batches.push(decoded.map_err(|error| format!("batch {}: {error}", batches.len()))?);
            }
            (None, MessageHeader::DictionaryBatch | MessageHeader::RecordBatch) => {
                return Err(format!("it begins with a {header:?}, allowed is a schema").into());
            }
            (Some(_), MessageHeader::Schema) => return Err("it has a second schema".into()),
            (_, header) => {
                let text = format!("it has a {header:?}, allowed are a schema, dictionaries and batches");
                return Err(Refusal::unsupported(text));
            }
        }
    }
    let schema = schema.ok_or("it is empty, allowed is a stream with a schema")?;
    Ok(Batches { schema, batches })
}

fn refuse_compression(batch: &arrow_ipc::RecordBatch<'_>) -> std::result::Result<(), Refusal> {
    if batch.compression().is_none() {
        return Ok(());
    }
    Err(Refusal::unsupported("the body is compressed, which this reader does not decode; write it uncompressed"))
}

/// Type of each dictionary's values, as a field.
fn collect_dictionaries(field: &Field, types: &mut HashMap<i64, Field>) {
    match field.data_type() {
        DataType::Dictionary(_, values) => {
            #[expect(deprecated, reason = "the wire knows dictionaries by their ids")]
            let id = field.dict_id().unwrap_or_default();
            let values = Field::new(field.name(), values.as_ref().clone(), true);
            collect_dictionaries(&values, types);
            types.insert(id, values);
        }
        nested => children(nested).for_each(|child| collect_dictionaries(child, types)),
    }
}

/// Whether a field, or one nested in it, is of such a type.
fn has(field: &Field, wanted: &dyn Fn(&DataType) -> bool) -> bool {
    wanted(field.data_type()) || children(field.data_type()).any(|child| has(child, wanted))
}

fn children(data_type: &DataType) -> Box<dyn Iterator<Item = &Field> + '_> {
    match data_type {
        DataType::List(child)
        | DataType::LargeList(child)
        | DataType::ListView(child)
        | DataType::LargeListView(child)
        | DataType::FixedSizeList(child, _)
        | DataType::Map(child, _) => Box::new(std::iter::once(child.as_ref())),
        DataType::RunEndEncoded(ends, values) => Box::new([ends.as_ref(), values.as_ref()].into_iter()),
        DataType::Struct(fields) => Box::new(fields.iter().map(AsRef::as_ref)),
        DataType::Union(fields, _) => Box::new(fields.iter().map(|(_, field)| field.as_ref())),
        _ => Box::new(std::iter::empty()),
    }
}

/// One frame: a private copy of its metadata, and a view of its body.
struct Frame {
    metadata: MutableBuffer,
    body: Buffer,
}

impl Frame {
    /// The verified metadata: every reference in it lies inside it.
    fn message(&self) -> std::result::Result<Message<'_>, String> {
        root_as_message(&self.metadata).map_err(|error| format!("damaged metadata: {error}"))
    }

    fn patch(&mut self, patches: &[Patch]) {
        for patch in patches {
            self.metadata.as_slice_mut()[patch.at..patch.at + 8].copy_from_slice(&patch.value.to_le_bytes());
        }
    }
}

struct Frames<'a> {
    payload: &'a Buffer,
    at: usize,
}

impl Frames<'_> {
    fn rest(&self) -> &[u8] {
        &self.payload[self.at..]
    }

    /// The next number, `None` at the end of the payload.
    fn number(&mut self) -> Option<u32> {
        let number = u32::from_le_bytes(self.rest().get(..4)?.try_into().ok()?);
        self.at += 4;
        Some(number)
    }

    /// The next frame, `None` at the end marker or at the end of the payload.
    fn next(&mut self) -> std::result::Result<Option<Frame>, String> {
        let start = self.at;
        if self.rest().is_empty() {
            return Ok(None);
        }
        let cut = || format!("it is cut in the frame at {start}");
        let mut length = self.number().ok_or_else(cut)?;
        if length == CONTINUATION {
            length = self.number().ok_or_else(cut)?;
        }
        let length = length as usize;
        if length == 0 {
            return Ok(None);
        }
        if length > MAX_METADATA_LENGTH || length > self.rest().len() {
            let most = MAX_METADATA_LENGTH.min(self.rest().len());
            return Err(format!("length of the metadata at {start} is {length}, allowed is up to {most}"));
        }
        let mut metadata = MutableBuffer::new(length);
        metadata.extend_from_slice(&self.rest()[..length]);
        self.at += length;
        let mut frame = Frame { metadata, body: Buffer::default() };
        let body_length = frame.message()?.bodyLength();
        let left = self.rest().len();
        let body = usize::try_from(body_length).ok().filter(|&length| length <= left);
        let body =
            body.ok_or_else(|| format!("body of the frame at {start} has {body_length} bytes, there are {left}"))?;
        frame.body = self.payload.slice_with_length(self.at, body);
        self.at += body;
        Ok(Some(frame))
    }
}
