//! A peer of the compatibility kit: does the requests of the peer protocol (`qds-tck/spec/peer-protocol.md`), one JSON
//! object a line, by the crate `qds`.
#![forbid(unsafe_code)]

mod demo;
mod pattern;
mod raw;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::error::Error;
use std::fs::File;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, BufRead, BufWriter, Write};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;
use qds::{
    ARROW_CODEC_ID, Claim, Encoded, ErrorKind, Message, Mode, OverflowPolicy, RAW_CODEC_ID, Reader, Received, Start,
    SuspendedClaim, Validation, Writer,
};
use serde_json::{Map, Value, json};

const CAPABILITIES: [&str; 12] = [
    "write",
    "read",
    "observe",
    "claim",
    "hold",
    "checksums",
    "drop-oldest",
    "arrow-ipc",
    "raw1",
    "validate",
    "futex",
    "ping",
];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    if let [command, directory, channel] = arguments.as_slice()
        && command == "demo"
    {
        return demo::show(directory, channel);
    }
    let mut peer = Peer::default();
    let mut output = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let answer = peer.answer(&line?).unwrap_or_else(|failure| {
            eprintln!("{}: {}", failure.kind, failure.message);
            json!({"error": failure.kind, "message": failure.message})
        });
        writeln!(output, "{answer}")?;
        output.flush()?;
    }
    Ok(())
}

/// Why a request was not done.
struct Failure {
    kind: &'static str,
    message: String,
}

type Answer = Result<Value, Failure>;

fn failed(message: impl Into<String>) -> Failure {
    Failure { kind: "FAILED", message: message.into() }
}

impl From<qds::Error> for Failure {
    fn from(error: qds::Error) -> Self {
        let kind = match error.kind() {
            ErrorKind::NoSuchChannel => "NO_SUCH_CHANNEL",
            ErrorKind::GeometryDiffers => "GEOMETRY_DIFFERS",
            ErrorKind::CodecDiffers => "CODEC_DIFFERS",
            ErrorKind::Unsupported => "UNSUPPORTED",
            ErrorKind::SecondWriter => "SECOND_WRITER",
            ErrorKind::ReaderTableFull => "READER_TABLE_FULL",
            ErrorKind::InUse => "IN_USE",
            ErrorKind::MessageTooLarge => "MESSAGE_TOO_LARGE",
            ErrorKind::NoRoom => "NO_ROOM",
            ErrorKind::ReaderHoldsLoans => "READER_HOLDS_LOANS",
            ErrorKind::SequenceGone => "SEQUENCE_GONE",
            ErrorKind::WriterDied => "WRITER_DIED",
            ErrorKind::Replaced => "REPLACED",
            ErrorKind::Evicted => "EVICTED",
            ErrorKind::LockLost => "LOCK_LOST",
            ErrorKind::Removed => "REMOVED",
            ErrorKind::Corrupt => "CORRUPT",
            ErrorKind::DirectoryFull => "DIRECTORY_FULL",
            ErrorKind::Permission => "PERMISSION",
            _ => "FAILED",
        };
        Self { kind, message: error.to_string() }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        failed(error.to_string())
    }
}

impl From<arrow_schema::ArrowError> for Failure {
    fn from(error: arrow_schema::ArrowError) -> Self {
        failed(error.to_string())
    }
}

/// The members of a request.
struct Request(Map<String, Value>);

impl Request {
    fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    fn optional_text(&self, name: &str) -> Result<Option<&str>, Failure> {
        let wrong = || failed(format!("'{name}' is no text"));
        self.get(name).map(|value| value.as_str().ok_or_else(wrong)).transpose()
    }

    fn text(&self, name: &str) -> Result<&str, Failure> {
        self.optional_text(name)?.ok_or_else(|| failed(format!("'{name}' is missing")))
    }

    fn optional_number(&self, name: &str) -> Result<Option<i64>, Failure> {
        let wrong = || failed(format!("'{name}' is no integer of 64 bits"));
        // Seeds use all 64 bits: numbers of either sign.
        let number = |value: &Value| value.as_i64().or_else(|| value.as_u64().map(u64::cast_signed)).ok_or_else(wrong);
        self.get(name).map(number).transpose()
    }

    fn number(&self, name: &str) -> Result<i64, Failure> {
        self.optional_number(name)?.ok_or_else(|| failed(format!("'{name}' is missing")))
    }

    fn size<T: TryFrom<i64>>(&self, name: &str, default: T) -> Result<T, Failure> {
        let Some(number) = self.optional_number(name)? else { return Ok(default) };
        T::try_from(number).map_err(|_| failed(format!("'{name}' is {number}")))
    }

    fn required_size<T: TryFrom<i64>>(&self, name: &str) -> Result<T, Failure> {
        let number = self.number(name)?;
        T::try_from(number).map_err(|_| failed(format!("'{name}' is {number}")))
    }

    fn flag(&self, name: &str) -> Result<bool, Failure> {
        let wrong = || failed(format!("'{name}' is neither true nor false"));
        self.get(name).map_or(Ok(false), |value| value.as_bool().ok_or_else(wrong))
    }

    fn optional_seed(&self) -> Result<Option<u64>, Failure> {
        Ok(self.optional_number("seed")?.map(i64::cast_unsigned))
    }

    fn seed(&self) -> Result<u64, Failure> {
        self.number("seed").map(i64::cast_unsigned)
    }

    fn patience(&self, default_ms: i64) -> Result<Patience, Failure> {
        Ok(match self.optional_number("timeoutMs")?.unwrap_or(default_ms) {
            0 => Patience::None,
            ms => u64::try_from(ms).map_or(Patience::Forever, |ms| Patience::Until(Duration::from_millis(ms))),
        })
    }
}

/// How long to wait.
#[derive(Clone, Copy)]
enum Patience {
    None,
    Until(Duration),
    Forever,
}

impl Patience {
    fn claim(self, writer: &mut Writer, length: usize) -> qds::Result<Option<Claim<'_>>> {
        match self {
            Self::None => writer.try_claim(length),
            Self::Until(timeout) => writer.claim_timeout(length, timeout),
            Self::Forever => writer.claim(length).map(Some),
        }
    }

    fn read(self, reader: &mut Reader) -> qds::Result<Received> {
        match self {
            Self::None => reader.try_read(),
            Self::Until(timeout) => reader.read_timeout(timeout),
            Self::Forever => Ok(reader.read()?.map_or(Received::Closed, Received::Message)),
        }
    }
}

/// What messages are taken for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Content {
    Bytes,
    Arrow,
    Raw,
}

impl Content {
    fn of(codec: &str) -> Self {
        match codec {
            ARROW_CODEC_ID => Self::Arrow,
            RAW_CODEC_ID => Self::Raw,
            _ => Self::Bytes,
        }
    }
}

struct Output {
    writer: Writer,
    content: Content,
    claim: Option<SuspendedClaim>,
}

struct Input {
    reader: Reader,
    content: Content,
    /// What the reader had lost at the last message.
    lost: i64,
}

struct Held {
    message: Message,
    content: Content,
}

#[derive(Default)]
struct Peer {
    writers: HashMap<String, Output>,
    readers: HashMap<String, Input>,
    messages: HashMap<String, Held>,
}

fn timeout() -> Value {
    json!({"timeout": true})
}

impl Peer {
    fn answer(&mut self, line: &str) -> Answer {
        let request = match serde_json::from_str(line) {
            Ok(Value::Object(members)) => Request(members),
            _ => return Err(failed(format!("no JSON object: {line}"))),
        };
        match request.text("op")? {
            "hello" => Ok(hello()),
            "create" => self.create(&request),
            "attach" => self.attach(&request),
            "write" => self.write(&request),
            "claim" => self.claim(&request),
            "commit" => self.commit(&request),
            "abort" => self.abort(&request),
            "read" => self.read(&request),
            "hold" => self.hold(&request),
            "check" => self.check(&request),
            "release" => self.release(&request),
            "send" => self.send(&request),
            "drain" => self.drain(&request),
            "ping" => self.ping(&request),
            "pong" => self.pong(&request),
            "close" => self.close(&request),
            "die" => die(),
            other => Err(Failure { kind: "UNSUPPORTED", message: format!("unknown request '{other}'") }),
        }
    }

    fn writer(&mut self, request: &Request) -> Result<&mut Output, Failure> {
        let name = request.text("writer")?;
        self.writers.get_mut(name).ok_or_else(|| failed(format!("there is no writer '{name}'")))
    }

    /// A writer without an open claim.
    fn free_writer(&mut self, request: &Request) -> Result<&mut Output, Failure> {
        let output = self.writer(request)?;
        if output.claim.is_some() {
            return Err(failed("this writer has an open claim: commit or abort it first"));
        }
        Ok(output)
    }

    fn reader(&mut self, request: &Request) -> Result<&mut Input, Failure> {
        let name = request.text("reader")?;
        self.readers.get_mut(name).ok_or_else(|| failed(format!("there is no reader '{name}'")))
    }

    fn create(&mut self, request: &Request) -> Answer {
        let entry = vacant(&mut self.writers, request.text("writer")?)?;
        let codec = request.optional_text("codec")?.unwrap_or("bytes");
        let policy = match request.optional_text("overflowPolicy")? {
            None | Some("BLOCK") => OverflowPolicy::Block,
            Some("DROP_OLDEST") => OverflowPolicy::DropOldest,
            Some(other) => return Err(failed(format!("'overflowPolicy' is '{other}'"))),
        };
        let asked = |name| request.get(name).is_some();
        let builder = Writer::builder(request.text("channel")?)
            .directory(request.text("directory")?)
            .codec_id(codec)
            .label(request.optional_text("label")?.unwrap_or_default());
        let build = |all: bool| -> Result<_, Failure> {
            let mut builder = builder.clone();
            if all || asked("slotCount") {
                builder = builder.slot_count(request.size("slotCount", 64)?);
            }
            if all || asked("arenaLength") {
                builder = builder.arena_length(request.size("arenaLength", 1 << 20)?);
            }
            if all || asked("readerEntryCount") {
                builder = builder.reader_entry_count(request.size("readerEntryCount", 8)?);
            }
            if all || asked("overflowPolicy") {
                builder = builder.overflow_policy(policy);
            }
            if all || asked("retainCount") {
                builder = builder.retain_count(request.size("retainCount", 0)?);
            }
            if all || asked("checksums") {
                builder = builder.checksums(request.flag("checksums")?);
            }
            Ok(builder)
        };
        let writer = match build(true)?.open() {
            // It exists: what was not asked for explicitly may be as it is.
            Err(error) if error.kind() == ErrorKind::GeometryDiffers => build(false)?.open()?,
            result => result?,
        };
        let sequence = writer.next_sequence();
        entry.insert_entry(Output { writer, content: Content::of(codec), claim: None });
        Ok(json!({"sequence": sequence}))
    }

    fn attach(&mut self, request: &Request) -> Answer {
        let entry = vacant(&mut self.readers, request.text("reader")?)?;
        let codec = request.optional_text("codec")?.unwrap_or("bytes");
        let mode = match request.optional_text("mode")? {
            None | Some("LOSSLESS") => Mode::Lossless,
            Some("OBSERVER") => Mode::Observer,
            Some(other) => return Err(failed(format!("'mode' is '{other}'"))),
        };
        let start = match request.get("start") {
            None => Start::Oldest,
            Some(Value::String(text)) if text == "oldest" => Start::Oldest,
            Some(Value::String(text)) if text == "latest" => Start::Latest,
            Some(other) => Start::At(other.as_i64().ok_or_else(|| failed(format!("'start' is {other}")))?),
        };
        let patience = match request.patience(0)? {
            Patience::None => Duration::ZERO,
            Patience::Until(timeout) => timeout,
            Patience::Forever => Duration::from_secs(1 << 32),
        };
        let mut builder = Reader::builder(request.text("channel")?)
            .directory(request.text("directory")?)
            .codec_id(codec)
            .label(request.optional_text("label")?.unwrap_or_default())
            .mode(mode)
            .start(start)
            .wait_for_successor(request.flag("waitForSuccessor")?)
            .open_timeout(patience);
        if request.flag("validate")? {
            builder = builder.validation(Validation::Full);
        }
        let reader = builder.open()?;
        let sequence = reader.next_sequence();
        entry.insert_entry(Input { reader, content: Content::of(codec), lost: 0 });
        Ok(json!({"sequence": sequence}))
    }

    fn write(&mut self, request: &Request) -> Answer {
        let (patience, tag) = (request.patience(10_000)?, request.size("tag", 0)?);
        let output = self.free_writer(request)?;
        let sequence = if let Some(path) = request.optional_text("file")? {
            if output.content == Content::Raw {
                let batch = raw::parse(&std::fs::read_to_string(path)?)?;
                let Some(mut claim) = patience.claim(&mut output.writer, batch.message_length())? else {
                    return Ok(timeout());
                };
                batch.copy_to(&mut claim);
                claim.tag(tag).commit()?
            } else if output.content == Content::Arrow {
                let stream = StreamReader::try_new_buffered(File::open(path)?, None)?;
                let schema = stream.schema();
                let batches = stream.collect::<Result<Vec<_>, _>>()?;
                let message = Encoded::new(&schema, &batches)?;
                let Some(mut claim) = patience.claim(&mut output.writer, message.length())? else {
                    return Ok(timeout());
                };
                message.copy_to(&mut claim);
                claim.tag(tag).commit()?
            } else {
                let bytes = std::fs::read(path)?;
                let Some(mut claim) = patience.claim(&mut output.writer, bytes.len())? else { return Ok(timeout()) };
                claim.copy_from_slice(&bytes);
                claim.tag(tag).commit()?
            }
        } else {
            let (length, seed) = (request.required_size("length")?, request.seed()?);
            let sequence = output.writer.next_sequence();
            let Some(mut claim) = patience.claim(&mut output.writer, length)? else { return Ok(timeout()) };
            pattern::fill(&mut claim, seed, sequence);
            claim.tag(tag).commit()?
        };
        Ok(json!({"sequence": sequence}))
    }

    fn claim(&mut self, request: &Request) -> Answer {
        let (patience, length, seed) = (request.patience(10_000)?, request.required_size("length")?, request.seed()?);
        let output = self.free_writer(request)?;
        let sequence = output.writer.next_sequence();
        let Some(mut claim) = patience.claim(&mut output.writer, length)? else { return Ok(timeout()) };
        pattern::fill(&mut claim, seed, sequence);
        let claim = claim.suspend();
        output.claim = Some(claim);
        Ok(json!({}))
    }

    fn commit(&mut self, request: &Request) -> Answer {
        let tag = request.size("tag", 0)?;
        let output = self.writer(request)?;
        let claim = output.claim.take().ok_or_else(|| failed("this writer has no open claim"))?;
        Ok(json!({"sequence": output.writer.resume(claim)?.tag(tag).commit()?}))
    }

    fn abort(&mut self, request: &Request) -> Answer {
        self.writer(request)?.claim.take().ok_or_else(|| failed("this writer has no open claim"))?;
        Ok(json!({}))
    }

    fn read(&mut self, request: &Request) -> Answer {
        let (patience, seed) = (request.patience(10_000)?, request.optional_seed()?);
        let input = self.reader(request)?;
        match patience.read(&mut input.reader)? {
            Received::Message(message) => {
                let answer = input.describe(&message);
                let path = request.optional_text("file")?;
                if let Some(seed) = seed {
                    check_pattern(&message, seed)?;
                }
                if let Some(path) = path {
                    save(&message, input.content, path)?;
                } else if seed.is_none() {
                    look(&message, input.content)?;
                }
                Ok(answer)
            }
            Received::Nothing => Ok(timeout()),
            Received::Closed => Ok(json!({"end": "CLOSED"})),
        }
    }

    fn hold(&mut self, request: &Request) -> Answer {
        let (patience, seed, name) = (request.patience(10_000)?, request.optional_seed()?, request.text("message")?);
        if self.messages.contains_key(name) {
            return Err(failed(format!("'{name}' is taken")));
        }
        let input = self.reader(request)?;
        match patience.read(&mut input.reader)? {
            Received::Message(message) => {
                let answer = input.describe(&message);
                match seed {
                    Some(seed) => check_pattern(&message, seed)?,
                    None => look(&message, input.content)?,
                }
                let held = Held { message, content: input.content };
                self.messages.insert(name.to_owned(), held);
                Ok(answer)
            }
            Received::Nothing => Ok(timeout()),
            Received::Closed => Ok(json!({"end": "CLOSED"})),
        }
    }

    fn check(&mut self, request: &Request) -> Answer {
        let name = request.text("message")?;
        let held = self.messages.get(name).ok_or_else(|| failed(format!("there is no message '{name}'")))?;
        match request.optional_text("file")? {
            Some(path) => save(&held.message, held.content, path)?,
            None => check_pattern(&held.message, request.seed()?)?,
        }
        Ok(json!({}))
    }

    fn release(&mut self, request: &Request) -> Answer {
        let name = request.text("message")?;
        self.messages.remove(name).ok_or_else(|| failed(format!("there is no message '{name}'")))?;
        Ok(json!({}))
    }

    fn send(&mut self, request: &Request) -> Answer {
        let (patience, seed, count) =
            (request.patience(10_000)?, request.seed()?, request.required_size::<u64>("count")?);
        let (least, most): (u64, u64) = (request.required_size("minLength")?, request.required_size("maxLength")?);
        if least > most {
            return Err(failed(format!("'minLength' is {least}, 'maxLength' {most}")));
        }
        let writer = &mut self.free_writer(request)?.writer;
        let mut last = -1;
        for done in 0..count {
            let sequence = writer.next_sequence();
            let length = pattern::length(seed, sequence, least, most);
            let Some(mut claim) = patience.claim(writer, length)? else {
                return Ok(json!({"timeout": true, "count": done, "sequence": last}));
            };
            pattern::fill(&mut claim, seed, sequence);
            last = claim.commit()?;
        }
        Ok(json!({"count": count, "sequence": last}))
    }

    fn drain(&mut self, request: &Request) -> Answer {
        let (patience, seed, most) = (request.patience(10_000)?, request.seed()?, request.size("count", u64::MAX)?);
        let input = self.reader(request)?;
        let mut due = input.reader.next_sequence();
        let (mut count, mut lost, mut first, mut last) = (0, 0, -1, -1);
        let mut end = None;
        while count < most {
            let message = match patience.read(&mut input.reader) {
                Ok(Received::Message(message)) => message,
                Ok(Received::Nothing) => break,
                Ok(Received::Closed) => {
                    end = Some("CLOSED");
                    break;
                }
                Err(error) => {
                    let failure = Failure::from(error);
                    if !["WRITER_DIED", "REMOVED", "EVICTED"].contains(&failure.kind) {
                        return Err(failure);
                    }
                    end = Some(failure.kind);
                    break;
                }
            };
            let sequence = message.sequence();
            let missing = input.lost();
            check_pattern(&message, seed)?;
            if sequence != due + missing {
                let channel = message.channel();
                let text =
                    format!("channel '{channel}': message {sequence} came where {due} was due and {missing} were lost");
                return Err(Failure { kind: "CONTENT", message: text });
            }
            due = sequence + 1;
            lost += missing;
            count += 1;
            first = if count == 1 { sequence } else { first };
            last = sequence;
        }
        let mut answer = json!({"count": count, "lost": lost, "first": first, "last": last});
        if let Some(end) = end {
            answer["end"] = end.into();
        }
        Ok(answer)
    }

    fn both(&mut self, request: &Request) -> Result<(&mut Writer, &mut Reader), Failure> {
        self.free_writer(request)?;
        self.reader(request)?;
        match (self.writers.get_mut(request.text("writer")?), self.readers.get_mut(request.text("reader")?)) {
            (Some(output), Some(input)) => Ok((&mut output.writer, &mut input.reader)),
            _ => Err(failed("there is no such pair")),
        }
    }

    fn ping(&mut self, request: &Request) -> Answer {
        let (patience, seed, count) = (request.patience(10_000)?, request.seed()?, request.required_size("count")?);
        let pause = request.size("maxPauseUs", 0)?;
        let (writer, reader) = self.both(request)?;
        let mut times = Vec::new();
        for _ in 0..count {
            sleep_up_to(pause);
            let started = Instant::now();
            write_64(writer, patience, seed)?;
            read_64(reader, patience, seed)?;
            times.push(started.elapsed().as_nanos() as u64);
        }
        times.sort_unstable();
        Ok(json!({"count": count, "medianNs": times.get(count / 2)}))
    }

    fn pong(&mut self, request: &Request) -> Answer {
        let (patience, seed, count) =
            (request.patience(10_000)?, request.seed()?, request.required_size::<u64>("count")?);
        let pause = request.size("maxPauseUs", 0)?;
        let (writer, reader) = self.both(request)?;
        for _ in 0..count {
            read_64(reader, patience, seed)?;
            sleep_up_to(pause);
            write_64(writer, patience, seed)?;
        }
        Ok(json!({"count": count}))
    }

    fn close(&mut self, request: &Request) -> Answer {
        if request.get("writer").is_some() {
            self.writer(request)?;
            self.writers.remove(request.text("writer")?);
        } else {
            self.reader(request)?;
            self.readers.remove(request.text("reader")?);
        }
        Ok(json!({}))
    }
}

impl Input {
    /// Messages lost since this was asked last.
    fn lost(&mut self) -> i64 {
        let before = std::mem::replace(&mut self.lost, self.reader.lost_count());
        self.lost - before
    }

    fn describe(&mut self, message: &Message) -> Value {
        json!({
            "sequence": message.sequence(),
            "length": message.len(),
            "tag": message.tag(),
            "lost": self.lost(),
        })
    }
}

fn vacant<'a, T>(names: &'a mut HashMap<String, T>, name: &str) -> Result<Entry<'a, String, T>, Failure> {
    match names.entry(name.to_owned()) {
        Entry::Occupied(_) => Err(failed(format!("'{name}' is taken"))),
        vacant => Ok(vacant),
    }
}

fn hello() -> Value {
    json!({
        "protocol": 1,
        "language": "rust",
        "implementation": concat!("qds ", env!("CARGO_PKG_VERSION")),
        "libraries": {"arrow": env!("ARROW_VERSION")},
        "pid": std::process::id(),
        "capabilities": CAPABILITIES,
    })
}

fn check_pattern(message: &Message, seed: u64) -> Result<(), Failure> {
    let sequence = message.sequence();
    match pattern::first_difference(message, seed, sequence) {
        None => Ok(()),
        Some(at) => {
            let (channel, length) = (message.channel(), message.len());
            let text = format!(
                "channel '{channel}': message {sequence} of {length} bytes is not as written, from byte {at} on"
            );
            Err(Failure { kind: "CONTENT", message: text })
        }
    }
}

/// Takes a message as its users would: tables are read.
fn look(message: &Message, content: Content) -> Result<(), Failure> {
    match content {
        Content::Bytes => {}
        Content::Arrow => drop(message.batches()?),
        Content::Raw => drop(message.raw_batch()?),
    }
    Ok(())
}

/// Writes what users of the message get: its bytes, or its batches as a stream by Arrow's own writer.
fn save(message: &Message, content: Content, path: &str) -> Result<(), Failure> {
    match content {
        Content::Bytes => return Ok(std::fs::write(path, &message[..])?),
        Content::Raw => return Ok(std::fs::write(path, raw::text(&message.raw_batch()?)?)?),
        Content::Arrow => {}
    }
    let batches = message.batches()?;
    let mut stream = StreamWriter::try_new(BufWriter::new(File::create(path)?), batches.schema())?;
    for batch in batches.batches() {
        stream.write(batch)?;
    }
    stream.finish()?;
    Ok(stream.into_inner()?.flush()?)
}

/// Sleeps for a random time.
fn sleep_up_to(most_us: u64) {
    if most_us > 0 {
        let random = RandomState::new().build_hasher().finish();
        thread::sleep(Duration::from_micros(random % (most_us + 1)));
    }
}

fn write_64(writer: &mut Writer, patience: Patience, seed: u64) -> Result<(), Failure> {
    let sequence = writer.next_sequence();
    let mut claim = patience.claim(writer, 64)?.ok_or_else(|| failed("there was no room in time"))?;
    pattern::fill(&mut claim, seed, sequence);
    claim.commit()?;
    Ok(())
}

fn read_64(reader: &mut Reader, patience: Patience, seed: u64) -> Result<(), Failure> {
    match patience.read(reader)? {
        Received::Message(message) => check_pattern(&message, seed),
        Received::Nothing => Err(failed("no message came in time")),
        Received::Closed => Err(failed("the channel was closed")),
    }
}

/// Kills this process by SIGKILL, with everything open.
fn die() -> Answer {
    // The shell has no part of what is open here: descriptors are closed as it starts, and mappings are not inherited.
    Command::new("sh").args(["-c", "kill -KILL $PPID"]).stdin(Stdio::null()).stdout(Stdio::null()).spawn()?.wait()?;
    Err(failed("it lives"))
}
