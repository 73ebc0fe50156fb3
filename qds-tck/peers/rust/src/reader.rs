//! Readers: lossless ones, which the writer waits for, and observers, which it may lap.

use std::collections::VecDeque;
use std::hint::spin_loop;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use std::sync::atomic::fence;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use arrow_buffer::Buffer;

use crate::arrow::{Batches, decode};
use crate::crc::crc32c;
use crate::error::{Error, ErrorKind, Result};
use crate::header::OverflowPolicy;
use crate::layout::*;
use crate::segment::{LIVENESS_INTERVAL, LONGEST_SLEEP, Place, Segment, WriterEnd, random_token};
use crate::writer::is_sound;

/// Looks at the stamp before a wait announces itself, unless set: a message that is about to come needs no sleep.
const SPIN_COUNT: u32 = 2000;
/// As many of them are without a pause of the processor, which takes as long as a message from core to core.
const HOT_SPIN_COUNT: u32 = 500;

/// Whether the writer waits for a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The writer keeps what this reader has not released.
    Lossless,
    /// The writer may lap this reader, which then skips forward and counts what it lost. What it holds stays intact.
    Observer,
}

/// The first message that a reader wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// The oldest that is guaranteed to be there.
    Oldest,
    /// The next one to be published.
    Latest,
    /// This one; `SequenceGone` if it is not there (any more).
    At(i64),
    /// This one, or the oldest if it is gone.
    AtOrAfter(i64),
}

/// How much of an Arrow message is checked before it is handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validation {
    /// What arrays need to lie inside the message. A writer that is broken or lies about values may crash the reader.
    Structure,
    /// Also every offset, view, index and text, which reads all of the message.
    Full,
}

/// How a reader attaches.
#[derive(Clone, Debug)]
pub struct ReaderBuilder {
    name: String,
    directory: Option<PathBuf>,
    codec_id: String,
    label: String,
    mode: Mode,
    start: Start,
    open_timeout: Duration,
    validation: Option<Validation>,
    private_copies: Option<bool>,
    spin_count: u32,
    wait_for_successor: bool,
}

impl ReaderBuilder {
    /// Directory of the channel; else that of `QDS_DIR`, else `/dev/shm`.
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// What the payloads have to be; `arrow-ipc` unless set.
    pub fn codec_id(mut self, codec_id: impl Into<String>) -> Self {
        self.codec_id = codec_id.into();
        self
    }

    /// Shown by tools and in errors of peers; up to 48 bytes.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Lossless unless set.
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// Oldest unless set.
    pub fn start(mut self, start: Start) -> Self {
        self.start = start;
        self
    }

    /// How long to wait for a channel that does not exist yet; not at all unless set.
    pub fn open_timeout(mut self, timeout: Duration) -> Self {
        self.open_timeout = timeout;
        self
    }

    /// How much is checked; unless set, the structure, and all of a segment that belongs to another user.
    pub fn validation(mut self, validation: Validation) -> Self {
        self.validation = Some(validation);
        self
    }

    /// Whether each message is copied before it is looked at, which a writer that changes what it published cannot
    /// harm; unless set, for a segment that belongs to another user.
    pub fn private_copies(mut self, private_copies: bool) -> Self {
        self.private_copies = Some(private_copies);
        self
    }

    /// How often a wait looks for the message before it sleeps; 2000 unless set, some microseconds.
    pub fn spin_count(mut self, count: u32) -> Self {
        self.spin_count = count;
        self
    }

    /// Whether a dead writer is waited out until a successor comes, instead of an error.
    pub fn wait_for_successor(mut self, wait: bool) -> Self {
        self.wait_for_successor = wait;
        self
    }

    /// Attaches to the channel.
    ///
    /// # Errors
    /// `NoSuchChannel` if there is none in time, `ReaderTableFull`, `Unsupported` for a lossless reader on a channel
    /// that drops, `CodecDiffers`, `SequenceGone` and `Corrupt` as they say.
    pub fn open(self) -> Result<Reader> {
        let place = Place::new(&self.name, self.directory.as_deref())?;
        let deadline = Instant::now() + self.open_timeout;
        loop {
            match self.try_open(&place) {
                Err(error) if error.kind() == ErrorKind::NoSuchChannel && Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(5));
                }
                result => return result,
            }
        }
    }

    fn try_open(&self, place: &Place) -> Result<Reader> {
        let segment = place.open_for_reader()?;
        if segment.header.codec_id != self.codec_id {
            let text = format!("codecId is '{}', asked for was '{}'", segment.header.codec_id, self.codec_id);
            return Err(segment.error(ErrorKind::CodecDiffers, text));
        }
        if self.mode == Mode::Lossless && segment.header.policy == OverflowPolicy::DropOldest {
            return Err(segment.error(ErrorKind::Unsupported, "drops the oldest messages: attach as Mode::Observer"));
        }
        let index = lock_entry(&segment)?;
        // From here on dropping the segment gives the lock back.
        if !segment.is_current() {
            return Err(segment.error(ErrorKind::NoSuchChannel, "was removed while it was opened; open it again"));
        }
        let token = random_token();
        segment.store_reader(index, &self.label, token);
        let cursor = self.join(&segment, index)?;
        let foreign = segment.foreign;
        let core = Core {
            index,
            token,
            mode: self.mode,
            validation: self.validation.unwrap_or(if foreign { Validation::Full } else { Validation::Structure }),
            private_copies: self.private_copies.unwrap_or(foreign),
            loans: Mutex::new(Loans { cursor, ..Loans::default() }),
            segment,
        };
        Ok(Reader {
            core: Arc::new(core),
            next: cursor,
            lost: 0,
            counts: (0, 0),
            spin_count: self.spin_count,
            wait_for_successor: self.wait_for_successor,
        })
    }

    /// Chapter 11, steps 2 to 6.
    fn join(&self, segment: &Segment, index: u32) -> Result<i64> {
        let (floor, published) = segment.counters()?;
        let gone = |wanted: i64, floor: i64| {
            let text = format!("sequence {wanted} was asked for, there are {floor} to {published}");
            segment.error(ErrorKind::SequenceGone, text)
        };
        let (first, gaps) = match self.start {
            Start::Oldest => (floor, true),
            Start::Latest => (published, true),
            Start::At(sequence) => (sequence, false),
            Start::AtOrAfter(sequence) => (sequence.max(floor), true),
        };
        if first < floor || first > published {
            return Err(gone(first, floor));
        }
        let mode = match self.mode {
            Mode::Lossless => MODE_LOSSLESS,
            Mode::Observer => MODE_OBSERVER,
        };
        let mut cursor = first;
        loop {
            segment.mapping.i64(segment.entry(index, CURSOR)).store(cursor, Release);
            segment.mapping.i32(segment.entry(index, STATE)).store(state_word(JOINING, mode), Release);
            // SYNC POINT: floor
            fence(SeqCst);
            let floor = segment.mapping.i64(FLOOR).load(Acquire);
            if floor <= cursor {
                break;
            }
            if !gaps {
                segment.free_entry(index);
                return Err(gone(first, floor));
            }
            cursor = floor;
        }
        segment.mapping.i32(segment.entry(index, STATE)).store(state_word(ACTIVE, mode), Release);
        segment.wake_writer();
        Ok(cursor)
    }
}

/// Takes the lock of a free entry, evicting dead readers if there is none (QDS1-JOIN-03, QDS1-LOCK-04).
fn lock_entry(segment: &Segment) -> Result<u32> {
    let started = Instant::now();
    loop {
        let mut passing = false;
        for index in 0..segment.header.reader_entry_count {
            let byte = WRITER_LOCK + 1 + u64::from(index);
            let free = || state_of(segment.mapping.i32(segment.entry(index, STATE)).load(Acquire)) == FREE;
            if !free() {
                continue;
            }
            if segment.try_lock(byte, 1)? {
                if free() {
                    return Ok(index);
                }
                segment.unlock(byte, 1);
            }
            passing = true;
        }
        segment.evict_dead(None)?;
        let patience = if passing { Duration::from_secs(5) } else { LIVENESS_INTERVAL };
        if started.elapsed() > patience {
            let count = segment.header.reader_entry_count;
            let text = format!("all {count} reader entries are taken; close a reader, or create it with more entries");
            return Err(segment.error(ErrorKind::ReaderTableFull, text));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// What a read found.
#[derive(Debug)]
pub enum Received {
    /// The next message.
    Message(Message),
    /// Nothing yet.
    Nothing,
    /// The writer closed the channel, and everything was read. A successor may go on.
    Closed,
}

/// Reads a channel. Dropping it detaches; messages on loan stay valid.
///
/// See [`Writer`](crate::Writer) for an example.
#[derive(Debug)]
pub struct Reader {
    core: Arc<Core>,
    /// The next sequence due.
    next: i64,
    lost: i64,
    /// Messages and bytes read.
    counts: (i64, i64),
    spin_count: u32,
    wait_for_successor: bool,
}

/// What a reader and its loans share: the last of them gives the entry back.
#[derive(Debug)]
struct Core {
    segment: Segment,
    index: u32,
    token: i64,
    mode: Mode,
    validation: Validation,
    private_copies: bool,
    loans: Mutex<Loans>,
}

/// What is on loan.
#[derive(Debug, Default)]
struct Loans {
    /// The oldest sequence not released, of a lossless reader.
    cursor: i64,
    /// From the cursor on: the payload's pin word, or 0 once the message is released.
    open: VecDeque<u64>,
    /// Pins in use, one bit each, and of which sequence when the reader is closed.
    pins: [Option<i64>; PIN_COUNT],
    /// Set when the reader is closed: its next sequence.
    closed_at: Option<i64>,
    lingering: bool,
}

impl Core {
    fn word(&self, field: usize) -> usize {
        self.segment.entry(self.index, field)
    }

    fn loans(&self) -> MutexGuard<'_, Loans> {
        self.loans.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Compares the token (QDS1-ID-05).
    fn is_own(&self) -> bool {
        self.segment.mapping.i64(self.word(TOKEN)).load(Acquire) == self.token
    }

    fn check_token(&self) -> Result<()> {
        if self.is_own() {
            return Ok(());
        }
        let text = "this reader was taken for dead and evicted; open the channel again";
        Err(self.segment.error(ErrorKind::Evicted, text))
    }

    fn store_cursor(&self, cursor: i64) {
        // SYNC POINT: cursor
        self.segment.mapping.i64(self.word(CURSOR)).store(cursor, Release);
    }

    fn store_pin(&self, pin: usize, value: u64) {
        // SYNC POINT: pin
        self.segment.mapping.u64(self.word(PINS + 8 * pin)).store(value, Release);
    }

    /// Ends a loan.
    fn end(&self, kind: LoanKind) {
        match kind {
            LoanKind::Cursor(sequence) => self.release(sequence),
            LoanKind::Pin(pin) => self.unpin(pin),
        }
    }

    /// Gives back a message of a lossless reader, in any order and from any thread.
    fn release(&self, sequence: i64) {
        let mut loans = self.loans();
        if !self.is_own() {
            return;
        }
        if loans.lingering {
            if let Some(pin) = loans.pins.iter().position(|&held| held == Some(sequence)) {
                loans.pins[pin] = None;
                self.store_pin(pin, 0);
                self.segment.wake_writer();
            }
            return;
        }
        let at = (sequence - loans.cursor) as usize;
        if let Some(pin) = loans.open.get_mut(at) {
            *pin = 0;
        }
        let before = loans.cursor;
        while loans.open.front() == Some(&0) {
            loans.open.pop_front();
            loans.cursor += 1;
        }
        if loans.cursor != before {
            self.store_cursor(loans.cursor);
            self.segment.wake_writer();
        }
        self.linger(&mut loans);
    }

    /// Once the reader is closed and few enough messages are on loan, only their pins count (QDS1-LEAVE-05).
    fn linger(&self, loans: &mut Loans) {
        let Some(next) = loans.closed_at else { return };
        let open: Vec<_> =
            (loans.cursor..).zip(&loans.open).filter(|(_, pin)| **pin != 0).map(|(s, &p)| (s, p)).collect();
        if open.is_empty() || open.len() > PIN_COUNT {
            return;
        }
        for (pin, &(sequence, value)) in open.iter().enumerate() {
            self.store_pin(pin, value);
            loans.pins[pin] = Some(sequence);
        }
        self.segment.raise_left_cursor(self.index, next);
        let word = state_word(LINGERING, MODE_LOSSLESS);
        self.segment.mapping.i32(self.word(STATE)).store(word, Release);
        loans.lingering = true;
        self.segment.wake_writer();
    }

    /// As [`linger`](Self::linger), of an observer: its pins are there already.
    fn linger_as_observer(&self, loans: &mut Loans, next: i64) {
        if loans.pins.iter().all(Option::is_none) {
            return;
        }
        if self.segment.header.policy == OverflowPolicy::DropOldest {
            self.segment.raise_left_cursor(self.index, next);
        }
        let word = state_word(LINGERING, MODE_OBSERVER);
        self.segment.mapping.i32(self.word(STATE)).store(word, Release);
        loans.lingering = true;
        self.segment.wake_writer();
    }

    /// Gives back a pinned message of an observer.
    fn unpin(&self, pin: usize) {
        let mut loans = self.loans();
        loans.pins[pin] = None;
        if self.is_own() {
            self.store_pin(pin, 0);
            self.segment.wake_writer();
        }
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        if self.is_own() {
            self.segment.free_entry(self.index);
        }
        self.segment.unlock(WRITER_LOCK + 1 + u64::from(self.index), 1);
        self.segment.remove_if_last();
    }
}

/// A private copy of a descriptor.
struct Descriptor {
    offset: i64,
    length: i64,
    time_ns: i64,
    tag: i64,
    checksum: u32,
}

impl Reader {
    /// Starts to describe a reader of a channel.
    pub fn builder(name: impl Into<String>) -> ReaderBuilder {
        ReaderBuilder {
            name: name.into(),
            directory: None,
            codec_id: crate::ARROW_CODEC_ID.to_owned(),
            label: String::new(),
            mode: Mode::Lossless,
            start: Start::Oldest,
            open_timeout: Duration::ZERO,
            validation: None,
            private_copies: None,
            spin_count: SPIN_COUNT,
            wait_for_successor: false,
        }
    }

    /// Waits for the next message; `None` after the last message of a channel that was closed.
    ///
    /// # Errors
    /// `WriterDied` and `Removed` after the last message, `Evicted` if this reader was taken for dead, `Corrupt` for one
    /// message: the next read goes on behind it.
    pub fn read(&mut self) -> Result<Option<Message>> {
        loop {
            match self.wait(None)? {
                Received::Message(message) => return Ok(Some(message)),
                Received::Closed => return Ok(None),
                Received::Nothing => {}
            }
        }
    }

    /// Waits for the next message as long as `timeout`; errors as [`read`](Self::read).
    pub fn read_timeout(&mut self, timeout: Duration) -> Result<Received> {
        self.wait(Some(Instant::now() + timeout))
    }

    /// The next message if it is there; errors as [`read`](Self::read).
    pub fn try_read(&mut self) -> Result<Received> {
        match self.poll()? {
            Some(message) => Ok(Received::Message(message)),
            None => self.end(),
        }
    }

    /// The next sequence due.
    pub fn next_sequence(&self) -> i64 {
        self.next
    }

    /// Messages that an observer was too slow for.
    pub fn lost_count(&self) -> i64 {
        self.lost
    }

    fn segment(&self) -> &Segment {
        &self.core.segment
    }

    fn is_stamped(&self) -> bool {
        // SYNC POINT: stamp
        self.segment().mapping.i64(self.segment().slot(self.next, STAMP)).load(Acquire) == self.next + 1
    }

    fn load_descriptor(&self) -> Descriptor {
        let segment = self.segment();
        let load = |field| segment.mapping.i64(segment.slot(self.next, field)).load(Relaxed);
        Descriptor {
            offset: load(OFFSET),
            length: load(LENGTH),
            time_ns: load(TIME_NS),
            tag: load(TAG),
            checksum: segment.mapping.i32(segment.slot(self.next, CHECKSUM)).load(Relaxed) as u32,
        }
    }

    fn damaged(&self, text: impl AsRef<str>) -> Error {
        self.segment().error(ErrorKind::Corrupt, format!("message {}: {}", self.next, text.as_ref()))
    }

    fn poll(&mut self) -> Result<Option<Message>> {
        match self.core.mode {
            Mode::Lossless => self.poll_lossless(),
            Mode::Observer => self.poll_observer(),
        }
    }

    fn poll_lossless(&mut self) -> Result<Option<Message>> {
        if !self.is_stamped() {
            return self.check_absence().map(|()| None);
        }
        self.core.check_token()?;
        let descriptor = self.load_descriptor();
        let arena_length = self.segment().header.arena_length;
        let sound = is_sound(descriptor.offset, descriptor.length, arena_length);
        // The loan is open before anything can fail: dropping it moves the cursor past a damaged message, too.
        let word = if sound { pin(descriptor.offset as u64, descriptor.length as u64) } else { 1 };
        self.core.loans().open.push_back(word);
        let lent = self.lent(LoanKind::Cursor(self.next), &descriptor);
        if !sound {
            let error = self.unsound(&descriptor);
            self.next += 1;
            return Err(error);
        }
        let body = if self.core.private_copies { self.copied(&descriptor) } else { Body::Lent(lent) };
        self.lend(&descriptor, body).map(Some)
    }

    fn unsound(&self, descriptor: &Descriptor) -> Error {
        let arena = self.segment().header.arena_length;
        self.damaged(format!(
            "offset is {}, length {}; allowed is a multiple of 64 and an end up to {arena}; it is passed over",
            descriptor.offset, descriptor.length
        ))
    }

    fn lent(&self, kind: LoanKind, descriptor: &Descriptor) -> Lent {
        Lent {
            core: Arc::clone(&self.core),
            kind,
            shared: OnceLock::new(),
            offset: descriptor.offset as u64,
            length: descriptor.length as usize,
        }
    }

    fn copied(&self, descriptor: &Descriptor) -> Body {
        let mut bytes = vec![0; descriptor.length as usize];
        self.segment().mapping.copy_out(self.segment().arena(descriptor.offset as u64), &mut bytes);
        Body::Copied(Buffer::from_vec(bytes), Arc::clone(&self.segment().place.name))
    }

    /// Counts the message, and checks what can only be checked once its memory is safe.
    fn lend(&mut self, descriptor: &Descriptor, body: Body) -> Result<Message> {
        let sequence = self.next;
        let segment = &self.core.segment;
        let message = Message {
            body,
            sequence,
            tag: descriptor.tag,
            time_ns: descriptor.time_ns,
            validation: self.core.validation,
        };
        let found = if segment.header.checksums { crc32c(&message) } else { descriptor.checksum };
        let result = if found == descriptor.checksum {
            self.counts = (self.counts.0 + 1, self.counts.1.wrapping_add(descriptor.length));
            segment.mapping.i64(self.core.word(READ_COUNT)).store(self.counts.0, Relaxed);
            segment.mapping.i64(self.core.word(READ_BYTES)).store(self.counts.1, Relaxed);
            Ok(message)
        } else {
            let text = format!("checksum is {found:#x}, allowed is {:#x}; it is passed over", descriptor.checksum);
            Err(self.damaged(text))
        };
        self.next = sequence + 1;
        if self.core.mode == Mode::Observer {
            self.core.store_cursor(self.next);
        }
        result
    }

    fn poll_observer(&mut self) -> Result<Option<Message>> {
        loop {
            if !self.is_stamped() {
                if self.segment().mapping.i64(FLOOR).load(Acquire) > self.next {
                    self.skip()?;
                    continue;
                }
                return self.check_absence().map(|()| None);
            }
            self.core.check_token()?;
            let descriptor = self.load_descriptor();
            if !is_sound(descriptor.offset, descriptor.length, self.segment().header.arena_length) {
                fence(Acquire);
                if self.segment().mapping.i64(FLOOR).load(Acquire) > self.next {
                    self.skip()?;
                    continue;
                }
                let error = self.unsound(&descriptor);
                self.next += 1;
                self.core.store_cursor(self.next);
                return Err(error);
            }
            let free =
                if self.core.private_copies { None } else { self.core.loans().pins.iter().position(Option::is_none) };
            let body = match free {
                Some(free) => {
                    let lent = self.lent(LoanKind::Pin(free), &descriptor);
                    self.core.loans().pins[free] = Some(self.next);
                    self.core.store_pin(free, pin(descriptor.offset as u64, descriptor.length as u64));
                    // SYNC POINT: floor (and slot rewrite: the descriptor was copied before)
                    fence(SeqCst);
                    Body::Lent(lent)
                }
                None => {
                    let copied = self.copied(&descriptor);
                    fence(SeqCst);
                    copied
                }
            };
            if self.segment().mapping.i64(FLOOR).load(Acquire) > self.next {
                drop(body);
                self.skip()?;
                continue;
            }
            return self.lend(&descriptor, body).map(Some);
        }
    }

    /// Skips forward to where it is not lapped again at once (QDS1-READ-02).
    fn skip(&mut self) -> Result<()> {
        let (floor, published) = self.segment().counters()?;
        let to = floor + (published - floor) / 4;
        if to > self.next {
            self.lost += to - self.next;
            self.next = to;
            self.core.check_token()?;
            self.core.store_cursor(to);
            self.segment().mapping.i64(self.core.word(LOST_COUNT)).store(self.lost, Relaxed);
        }
        Ok(())
    }

    /// A message that was published, has no stamp and cannot have been overwritten is damage (QDS1-TRUST-04).
    fn check_absence(&mut self) -> Result<()> {
        let segment = self.segment();
        let published = segment.mapping.i64(PUBLISHED).load(Acquire);
        if published <= self.next || self.is_stamped() {
            return Ok(());
        }
        fence(Acquire);
        // What a lossless reader is due stays, even below the floor.
        if self.core.mode == Mode::Observer && segment.mapping.i64(FLOOR).load(Acquire) > self.next {
            return Ok(());
        }
        let error = self.damaged(format!("published is {published}, but there is no stamp; it is passed over"));
        self.core.check_token()?;
        if self.core.mode == Mode::Lossless {
            self.core.loans().open.push_back(1);
            self.core.release(self.next);
        }
        self.next += 1;
        if self.core.mode == Mode::Observer {
            self.core.store_cursor(self.next);
        }
        Err(error)
    }

    /// Whether there will be nothing more (QDS1-END-02): the evidence first, then the stamp once more.
    fn end(&mut self) -> Result<Received> {
        // SYNC POINT: end
        let end = self.segment().writer_end();
        let removed = self.segment().is_removed();
        if end == WriterEnd::Alive && !removed {
            return self.core.check_token().map(|()| Received::Nothing);
        }
        if let Some(message) = self.poll()? {
            return Ok(Received::Message(message));
        }
        if self.segment().mapping.i64(PUBLISHED).load(Acquire) > self.next {
            return Ok(Received::Nothing);
        }
        match end {
            WriterEnd::Closed if !self.wait_for_successor => Ok(Received::Closed),
            WriterEnd::Died if !self.wait_for_successor => {
                let text = format!("{} died; everything it wrote was read", self.segment().writer_name());
                Err(self.segment().error(ErrorKind::WriterDied, text))
            }
            _ if removed => Err(self.segment().error(ErrorKind::Removed, "was removed, and everything was read")),
            _ => Ok(Received::Nothing),
        }
    }

    fn wait(&mut self, deadline: Option<Instant>) -> Result<Received> {
        for spin in 0..self.spin_count {
            if self.is_stamped() {
                break;
            }
            if spin >= HOT_SPIN_COUNT {
                spin_loop();
            }
        }
        if let Some(message) = self.poll()? {
            return Ok(Received::Message(message));
        }
        let started = Instant::now();
        let mut looked = started - LIVENESS_INTERVAL;
        let result = loop {
            self.core.check_token()?;
            let awaited = self.next;
            let waiting_for = self.segment().mapping.i64(self.core.word(WAITING_FOR));
            waiting_for.store(awaited + 1, Release);
            fence(SeqCst);
            self.segment().mapping.i32(READERS_WAITING).store(1, Release);
            // SYNC POINT: message
            fence(SeqCst);
            let now = Instant::now();
            let closed = self.segment().mapping.i32(WRITER_STATE).load(Acquire) != WRITER_ACTIVE;
            if closed && !self.wait_for_successor || now - looked >= LIVENESS_INTERVAL {
                looked = now;
                match self.end() {
                    Ok(Received::Nothing) => {}
                    result => break result,
                }
            }
            match self.poll() {
                Ok(None) => {}
                Ok(Some(message)) => break Ok(Received::Message(message)),
                Err(error) => break Err(error),
            }
            if deadline.is_some_and(|deadline| now >= deadline) {
                break Ok(Received::Nothing);
            }
            // An observer that skipped forward announces what it waits for now.
            if self.next != awaited {
                continue;
            }
            let mut sleep = LONGEST_SLEEP;
            if self.segment().mapping.i32(WRITER_WAKES).load(Relaxed) == 0 {
                sleep = Duration::from_millis(if now - started < Duration::from_secs(1) { 1 } else { 10 });
            }
            if let Some(deadline) = deadline {
                sleep = sleep.min(deadline - now);
            }
            // Who saw the stamp before `published` was raised waits for that first.
            let expected = self.segment().mapping.i64(PUBLISHED).load(Acquire).min(awaited);
            self.segment().mapping.futex_wait(PUBLISHED, expected as u32, sleep);
        };
        if self.core.is_own() {
            self.segment().mapping.i64(self.core.word(WAITING_FOR)).store(0, Release);
        }
        result
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut loans = self.core.loans();
        loans.closed_at = Some(self.next);
        if self.core.is_own() {
            match self.core.mode {
                Mode::Lossless => self.core.linger(&mut loans),
                Mode::Observer => self.core.linger_as_observer(&mut loans, self.next),
            }
        }
    }
}

/// Where a message's bytes are.
#[derive(Clone, Debug)]
enum Body {
    Lent(Lent),
    /// With the channel's name.
    Copied(Buffer, Arc<str>),
}

/// What a message has on loan. Only what is shared with buffers or other messages takes memory of its own.
#[derive(Debug)]
struct Lent {
    core: Arc<Core>,
    kind: LoanKind,
    /// The loan once it is shared: the last who shares it ends it.
    shared: OnceLock<Arc<Loan>>,
    offset: u64,
    length: usize,
}

impl Lent {
    fn share(&self) -> Arc<Loan> {
        let new = || Arc::new(Loan { core: Arc::clone(&self.core), kind: self.kind });
        Arc::clone(self.shared.get_or_init(new))
    }

    fn bytes(&self) -> &[u8] {
        let segment = &self.core.segment;
        segment.mapping.slice(segment.arena(self.offset), self.length)
    }
}

impl Clone for Lent {
    fn clone(&self) -> Self {
        let shared = OnceLock::from(self.share());
        Self { core: Arc::clone(&self.core), kind: self.kind, shared, offset: self.offset, length: self.length }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if self.shared.get().is_none() {
            self.core.end(self.kind);
        }
    }
}

/// Memory that the writer leaves alone until this is dropped.
#[derive(Debug)]
struct Loan {
    core: Arc<Core>,
    kind: LoanKind,
}

#[derive(Clone, Copy, Debug)]
enum LoanKind {
    /// Of a lossless reader: this sequence.
    Cursor(i64),
    /// Of an observer: this pin.
    Pin(usize),
}

impl Drop for Loan {
    fn drop(&mut self) {
        self.core.end(self.kind);
    }
}

/// A message on loan. The writer leaves its memory alone until this, and every buffer and array made of it, is dropped.
///
/// A zero-copy reader trusts the writer not to change what it has published; see
/// [`private_copies`](ReaderBuilder::private_copies).
#[derive(Clone, Debug)]
pub struct Message {
    body: Body,
    sequence: i64,
    tag: i64,
    time_ns: i64,
    validation: Validation,
}

impl Message {
    /// Name of the channel.
    pub fn channel(&self) -> &str {
        match &self.body {
            Body::Lent(lent) => &lent.core.segment.place.name,
            Body::Copied(_, channel) => channel,
        }
    }

    /// Number of the message since the channel's creation.
    pub fn sequence(&self) -> i64 {
        self.sequence
    }

    /// The number that its writer gave it.
    pub fn tag(&self) -> i64 {
        self.tag
    }

    /// Nanoseconds of `CLOCK_MONOTONIC` at its commit; 0 if that was not taken.
    pub fn time_ns(&self) -> i64 {
        self.time_ns
    }

    /// The payload as a buffer that keeps the loan.
    pub fn buffer(&self) -> Buffer {
        match &self.body {
            Body::Lent(lent) => {
                let segment = &lent.core.segment;
                segment.mapping.buffer(segment.arena(lent.offset), lent.length, lent.share())
            }
            Body::Copied(buffer, _) => buffer.clone(),
        }
    }

    pub(crate) fn validation(&self) -> Validation {
        self.validation
    }

    /// The record batches of an `arrow-ipc` message. Their arrays are views of the payload and keep the loan.
    ///
    /// # Errors
    /// `Corrupt` if the message is no sound Arrow stream, `Unsupported` if it is one that this crate has no arrays for.
    /// The next message is not affected.
    pub fn batches(&self) -> Result<Batches> {
        decode(&self.buffer(), self.validation).map_err(|refusal| {
            let text = format!("channel '{}', message {}: {}", self.channel(), self.sequence, refusal.text);
            Error::new(refusal.kind, text)
        })
    }
}

impl Deref for Message {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.body {
            Body::Lent(lent) => lent.bytes(),
            Body::Copied(buffer, _) => buffer,
        }
    }
}
