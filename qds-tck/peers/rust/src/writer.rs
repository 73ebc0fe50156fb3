//! The one writer of a channel.

use std::collections::{BTreeMap, VecDeque};
use std::ops::{Deref, DerefMut};
use std::path::PathBuf;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use std::sync::atomic::fence;
use std::time::{Duration, Instant};

use crate::crc::crc32c;
use crate::error::{Error, ErrorKind, Result};
use crate::header::{Header, OverflowPolicy};
use crate::layout::*;
use crate::segment::{LIVENESS_INTERVAL, LONGEST_SLEEP, Place, Segment};
use crate::sys;

/// Messages from this length on carry the time of their commit: asking for it takes a good part of a short one's.
const TIMED_LENGTH: usize = 4096;

/// How a channel is created or taken over. What is not set has a default, and is not compared with what exists.
#[derive(Clone, Debug)]
pub struct WriterBuilder {
    name: String,
    directory: Option<PathBuf>,
    codec_id: String,
    label: String,
    mode: u32,
    arena_length: Option<u64>,
    slot_count: Option<u32>,
    reader_entry_count: Option<u32>,
    policy: Option<OverflowPolicy>,
    retain_count: Option<u32>,
    max_message_length: Option<u64>,
    checksums: Option<bool>,
}

impl WriterBuilder {
    /// Directory of the channel; else that of `QDS_DIR`, else `/dev/shm`.
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// What the payloads are: 1 to 32 printable ASCII characters; `arrow-ipc` unless set.
    pub fn codec_id(mut self, codec_id: impl Into<String>) -> Self {
        self.codec_id = codec_id.into();
        self
    }

    /// Shown by tools and in errors of peers; up to 48 bytes.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Permission bits of a new file; 0o600 unless set.
    pub fn mode(mut self, mode: u32) -> Self {
        self.mode = mode;
        self
    }

    /// Bytes for payloads, rounded up to a multiple of 64; 64 MiB unless set.
    pub fn arena_length(mut self, bytes: u64) -> Self {
        self.arena_length = Some(bytes.clamp(128, MAX_ARENA_LENGTH).next_multiple_of(64));
        self
    }

    /// Most messages that are kept at a time, rounded up to a power of two; 1024 unless set.
    pub fn slot_count(mut self, count: u32) -> Self {
        self.slot_count = Some(count.clamp(2, MAX_SLOT_COUNT).next_power_of_two());
        self
    }

    /// Most readers at a time, 1 to 65536; 64 unless set.
    pub fn reader_entry_count(mut self, count: u32) -> Self {
        self.reader_entry_count = Some(count.clamp(1, MAX_READER_ENTRY_COUNT));
        self
    }

    /// What happens when a reader is in the way; [`OverflowPolicy::Block`] unless set.
    pub fn overflow_policy(mut self, policy: OverflowPolicy) -> Self {
        self.policy = Some(policy);
        self
    }

    /// Messages that all readers have passed and that are kept for late joiners as long as they are in nobody's way.
    pub fn retain_count(mut self, count: u32) -> Self {
        self.retain_count = Some(count.min(i32::MAX as u32));
        self
    }

    /// Longest message in bytes; half the arena less 64 unless set.
    pub fn max_message_length(mut self, bytes: u64) -> Self {
        self.max_message_length = Some(bytes);
        self
    }

    /// Whether each message carries a checksum, which each reader checks.
    pub fn checksums(mut self, checksums: bool) -> Self {
        self.checksums = Some(checksums);
        self
    }

    /// Creates the channel, or takes over one whose writer closed or died.
    ///
    /// # Errors
    /// `SecondWriter` if the channel has a writer, `GeometryDiffers` or `CodecDiffers` if it exists with other values
    /// than were set, `Unsupported`, `Corrupt` or `LockLost` if it cannot be taken over, `DirectoryFull` if there is no
    /// space.
    pub fn open(self) -> Result<Writer> {
        let place = Place::new(&self.name, self.directory.as_deref())?;
        if !(1..=CODEC_ID_LENGTH).contains(&self.codec_id.len()) || !self.codec_id.bytes().all(|b| b.is_ascii_graphic())
        {
            let text = format!("codec id {:?}: allowed are 1 to 32 printable ASCII characters", self.codec_id);
            return Err(Error::new(ErrorKind::Misuse, text));
        }
        let default = Header::default();
        let plan = Header {
            reader_entry_count: self.reader_entry_count.unwrap_or(default.reader_entry_count),
            slot_count: self.slot_count.unwrap_or(default.slot_count),
            arena_length: self.arena_length.unwrap_or(default.arena_length),
            policy: self.policy.unwrap_or(default.policy),
            retain_count: self.retain_count.unwrap_or(default.retain_count),
            max_message_length: self.max_message_length.unwrap_or(default.max_message_length),
            checksums: self.checksums.unwrap_or(default.checksums),
            codec_id: self.codec_id.clone(),
            ..default
        }
        .lay_out();
        if !(1..=plan.arena_length).contains(&plan.max_message_length) {
            let text = format!("maxMessageLength={}, allowed is 1 to {}", plan.max_message_length, plan.arena_length);
            return Err(Error::new(ErrorKind::Misuse, text));
        }
        let (segment, record, is_new) = place.open_for_writer(&plan, self.mode, &self.label)?;
        self.compare(&segment)?;
        let mut writer = Writer {
            token: record.token,
            next: 0,
            live: 0,
            gap: (0, 0),
            used: BTreeMap::new(),
            payloads: VecDeque::new(),
            indexed: 0,
            pins: Vec::new(),
            claim_count: 0,
            wait_mark: 0,
            last_eviction: Instant::now(),
            closed: false,
            segment,
        };
        if !is_new {
            writer.segment.check_predecessor()?;
            writer.segment.check_inheritance()?;
            writer.segment.store_writer(&record);
            if let Err(error) = writer.take_over() {
                writer.closed = true;
                return Err(error);
            }
        }
        Ok(writer)
    }

    fn compare(&self, segment: &Segment) -> Result<()> {
        let header = &segment.header;
        let differs = |name: &str, found: String, wanted: String| {
            let text = format!("{name} is {found}, asked for was {wanted}; ask for the same, or remove the channel");
            Err(segment.error(ErrorKind::GeometryDiffers, text))
        };
        if header.codec_id != self.codec_id {
            let text = format!("codecId is '{}', asked for was '{}'", header.codec_id, self.codec_id);
            return Err(segment.error(ErrorKind::CodecDiffers, text));
        }
        if let Some(policy) = self.policy.filter(|&policy| policy != header.policy) {
            return differs("overflowPolicy", format!("{:?}", header.policy), format!("{policy:?}"));
        }
        for (name, found, wanted) in [
            ("arenaLength", header.arena_length, self.arena_length),
            ("slotCount", header.slot_count.into(), self.slot_count.map(u64::from)),
            ("readerEntryCount", header.reader_entry_count.into(), self.reader_entry_count.map(u64::from)),
            ("retainCount", header.retain_count.into(), self.retain_count.map(u64::from)),
            ("maxMessageLength", header.max_message_length, self.max_message_length),
            ("payload checksums", header.checksums.into(), self.checksums.map(u64::from)),
        ] {
            if let Some(wanted) = wanted.filter(|&wanted| wanted != found) {
                return differs(name, found.to_string(), wanted.to_string());
            }
        }
        Ok(())
    }
}

/// Appends messages to a channel. Dropping it closes the channel: readers see the end after the last message.
///
/// ```
/// # fn main() -> qds::Result<()> {
/// # let directory = std::env::temp_dir();
/// # let name = format!("doc-writer-{}", std::process::id());
/// let mut writer = qds::Writer::builder(&name).directory(&directory).codec_id("raw").arena_length(1 << 20).open()?;
/// let mut reader = qds::Reader::builder(&name).directory(&directory).codec_id("raw").open()?;
/// let mut claim = writer.claim(5)?;
/// claim.copy_from_slice(b"hello");
/// claim.commit()?;
/// drop(writer);
/// assert_eq!(&reader.read()?.expect("one message")[..], b"hello");
/// assert!(reader.read()?.is_none(), "the channel was closed");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Writer {
    segment: Segment,
    token: i64,
    /// The next sequence.
    next: i64,
    /// No reader is below and none will be.
    live: i64,
    /// Free memory, where the next payload is looked for first.
    gap: (u64, u64),
    /// Start and end of each live payload, from `live` on; `None` where a predecessor had overwritten it.
    payloads: VecDeque<Option<(u64, u64)>>,
    /// The same by their start, but for messages from `indexed` on.
    used: BTreeMap<u64, u64>,
    indexed: i64,
    /// What pins held when memory was last reclaimed.
    pins: Vec<(u64, u64)>,
    /// Claims and commits so far: a suspended claim is good until the next.
    claim_count: u64,
    wait_mark: i32,
    last_eviction: Instant,
    closed: bool,
}

/// How long a claim waits for room.
#[derive(Clone, Copy)]
enum Patience {
    None,
    Until(Instant),
    Forever,
}

impl Writer {
    /// Starts to describe the writer of a channel.
    pub fn builder(name: impl Into<String>) -> WriterBuilder {
        WriterBuilder {
            name: name.into(),
            directory: None,
            codec_id: crate::ARROW_CODEC_ID.to_owned(),
            label: String::new(),
            mode: 0o600,
            arena_length: None,
            slot_count: None,
            reader_entry_count: None,
            policy: None,
            retain_count: None,
            max_message_length: None,
            checksums: None,
        }
    }

    /// Claims room for a message of up to `length` bytes, waiting for readers as long as it takes.
    ///
    /// # Errors
    /// `MessageTooLarge`, `Replaced` or `Removed` if the channel went to others; where waiting is in vain,
    /// `ReaderHoldsLoans` if a reader waits for this very message, `NoRoom` if pins hold the memory.
    pub fn claim(&mut self, length: usize) -> Result<Claim<'_>> {
        let place = self.make_place(length, Patience::Forever)?;
        let offset = place.ok_or_else(|| self.segment.error(ErrorKind::NoRoom, "has no room"))?;
        Ok(Claim { writer: self, offset, length, tag: 0 })
    }

    /// As [`claim`](Self::claim), but `None` at once if there is no room.
    pub fn try_claim(&mut self, length: usize) -> Result<Option<Claim<'_>>> {
        let place = self.make_place(length, Patience::None)?;
        Ok(place.map(|offset| Claim { writer: self, offset, length, tag: 0 }))
    }

    /// As [`claim`](Self::claim), but `None` if there is no room in time.
    pub fn claim_timeout(&mut self, length: usize, timeout: Duration) -> Result<Option<Claim<'_>>> {
        let place = self.make_place(length, Patience::Until(Instant::now() + timeout))?;
        Ok(place.map(|offset| Claim { writer: self, offset, length, tag: 0 }))
    }

    /// Copies one message into the channel, and returns its sequence.
    pub fn write(&mut self, payload: &[u8]) -> Result<i64> {
        let mut claim = self.claim(payload.len())?;
        claim.copy_from_slice(payload);
        claim.commit()
    }

    /// The next sequence: the number of messages since the channel's creation.
    pub fn next_sequence(&self) -> i64 {
        self.next
    }

    /// Closes the channel; as dropping does.
    pub fn close(self) {}

    /// Compares the token (QDS1-ID-05).
    fn check_token(&self) -> Result<()> {
        if self.segment.mapping.i64(WRITER_TOKEN).load(Acquire) == self.token {
            return Ok(());
        }
        Err(self.segment.error(ErrorKind::Replaced, "this writer was replaced by another; open the channel again"))
    }

    /// Goes on with a claim that was [suspended](Claim::suspend).
    ///
    /// # Errors
    /// `Misuse` if the writer claimed or committed something else meanwhile.
    pub fn resume(&mut self, claim: SuspendedClaim) -> Result<Claim<'_>> {
        if (claim.token, claim.number) != (self.token, self.claim_count) {
            let text = "this claim is void, another one was made since or it is of another writer; claim again";
            return Err(self.segment.error(ErrorKind::Misuse, text));
        }
        Ok(Claim { writer: self, offset: claim.offset, length: claim.length, tag: claim.tag })
    }

    fn make_place(&mut self, length: usize, patience: Patience) -> Result<Option<u64>> {
        self.claim_count += 1;
        self.check_token()?;
        if self.segment.is_removed() {
            return Err(self.segment.error(ErrorKind::Removed, "was removed; open it again to create a new one"));
        }
        let limit = self.segment.header.max_message_length;
        if length as u64 > limit {
            let text = format!("message length is {length}, allowed is up to {limit}; create it with a larger arena");
            return Err(self.segment.error(ErrorKind::MessageTooLarge, text));
        }
        let need = footprint(length as u64);
        if let Some(offset) = self.find(need) {
            return Ok(Some(offset));
        }
        match self.segment.header.policy {
            OverflowPolicy::DropOldest => self.drop_oldest(need),
            OverflowPolicy::Block => self.wait_for_room(need, patience),
        }
    }

    /// First place, from the last one on, that no live payload and no pin touches. A payload of up to half the arena
    /// does not cross its middle, so that one of that length always fits beside another (QDS1-PUB-09).
    fn find(&mut self, need: u64) -> Option<u64> {
        if self.next - self.live >= i64::from(self.segment.header.slot_count) {
            return None;
        }
        let arena = self.segment.header.arena_length;
        let half = arena / 2 / PAYLOAD_ALIGNMENT * PAYLOAD_ALIGNMENT;
        let crosses = |offset| need <= half && offset < half && offset + need > half;
        let (at, gap_end) = self.gap;
        if need <= gap_end - at && !crosses(at) {
            return Some(at);
        }
        self.index_payloads();
        for (from, to) in [(at, arena), (0, arena.min(at.saturating_add(need)))] {
            let mut offset = from;
            loop {
                if crosses(offset) {
                    offset = half;
                }
                if offset + need > to {
                    break;
                }
                match self.conflict(offset, offset + need) {
                    None => {
                        self.gap = (offset, self.next_obstacle(offset + need));
                        return Some(offset);
                    }
                    Some(end) => offset = end,
                }
            }
        }
        None
    }

    /// Enters the payloads that were committed since the last time. Most are gone before anybody has to know them.
    fn index_payloads(&mut self) {
        for payload in self.payloads.range((self.indexed - self.live) as usize..).flatten() {
            self.used.insert(payload.0, payload.1);
        }
        self.indexed = self.next;
    }

    /// Where the memory from `start` on, which is free there, ends.
    fn next_obstacle(&self, start: u64) -> u64 {
        let payload = self.used.range(start..).next().map(|(&start, _)| start);
        let pins = self.pins.iter().map(|pin| pin.0).filter(|&pin| pin >= start);
        payload.into_iter().chain(pins).min().unwrap_or(self.segment.header.arena_length)
    }

    /// End of something that is in the way between these bounds.
    fn conflict(&self, start: u64, end: u64) -> Option<u64> {
        let payload =
            self.used.range(..end).next_back().map(|(_, &used_end)| used_end).filter(|&used_end| used_end > start);
        payload.or_else(|| self.pins.iter().find(|pin| pin.0 < end && pin.1 > start).map(|pin| pin.1))
    }

    fn drop_oldest(&mut self, need: u64) -> Result<Option<u64>> {
        let slots = i64::from(self.segment.header.slot_count);
        let bytes = self.segment.header.arena_length / 16;
        while self.live < self.next {
            let most = (self.live + (slots / 16).max(1)).min(self.next);
            let mut floor = self.live;
            let mut freed = 0;
            while floor < most && (freed < bytes.max(need) || floor == self.live) {
                if let Some((start, end)) = self.payloads[(floor - self.live) as usize] {
                    freed += end - start;
                }
                floor += 1;
            }
            self.reclaim(floor)?;
            if let Some(offset) = self.find(need) {
                return Ok(Some(offset));
            }
        }
        // Pins alone are in the way now; those that are no more, or of the dead, go away with another scan.
        if self.last_eviction.elapsed() >= Duration::from_millis(10) {
            self.evict()?;
        }
        self.reclaim(self.live)?;
        match self.find(need) {
            Some(offset) => Ok(Some(offset)),
            None => Err(self.segment.error(
                ErrorKind::NoRoom,
                format!("no room for {need} bytes beside what observers hold: {}; release it", self.pin_holders()),
            )),
        }
    }

    fn pin_holders(&self) -> String {
        let segment = &self.segment;
        let holds = |&index: &u32| {
            (0..PIN_COUNT).any(|pin| segment.mapping.u64(segment.entry(index, PINS + 8 * pin)).load(Relaxed) != 0)
        };
        let names: Vec<_> =
            (0..segment.header.reader_entry_count).filter(holds).map(|index| segment.reader_name(index)).collect();
        names.join(", ")
    }

    /// Raises the floor as far as needed and readers allow: what is retained goes last, a sixteenth at a time.
    fn find_by_reclaiming(&mut self, need: u64) -> Result<Option<u64>> {
        let due = self.lowest_due();
        let retained = i64::from(self.segment.header.retain_count);
        let floor = self.segment.mapping.i64(FLOOR).load(Relaxed);
        let mut target = (due - retained).max(floor).min(self.next);
        loop {
            self.reclaim(target)?;
            let found = self.find(need);
            if found.is_some() || target >= due {
                return Ok(found);
            }
            target = (target + (retained / 16).max(1)).min(due);
        }
    }

    fn wait_for_room(&mut self, need: u64, patience: Patience) -> Result<Option<u64>> {
        if let Some(offset) = self.find_by_reclaiming(need)? {
            return Ok(Some(offset));
        }
        if matches!(patience, Patience::None) {
            if self.last_eviction.elapsed() >= LIVENESS_INTERVAL {
                self.evict()?;
                return self.find_by_reclaiming(need);
            }
            return Ok(None);
        }
        let started = Instant::now();
        let mut accused = None;
        let result = loop {
            self.wait_mark = if self.wait_mark == i32::MAX { 1 } else { self.wait_mark + 1 };
            self.segment.mapping.i32(WRITER_WAITING).store(self.wait_mark, Release);
            // SYNC POINT: room
            fence(SeqCst);
            match self.find_by_reclaiming(need) {
                Ok(None) => {}
                result => break result,
            }
            let now = Instant::now();
            let mut sleep = self.longest_sleep(now - started);
            if let Patience::Until(deadline) = patience {
                if now >= deadline {
                    break Ok(None);
                }
                sleep = sleep.min(deadline - now);
            }
            self.segment.mapping.futex_wait(WRITER_WAITING, self.wait_mark as u32, sleep);
            self.check_token()?;
            if self.segment.is_removed() {
                break Err(self.segment.error(ErrorKind::Removed, "was removed; open it again to create a new one"));
            }
            if self.last_eviction.elapsed() >= LIVENESS_INTERVAL {
                if let Err(error) = self.evict() {
                    break Err(error);
                }
                // Twice the same: another thread of that process had time to release what it holds.
                let blocked = self.blocked_by();
                if blocked.is_some() && blocked == accused {
                    let (index, cursor) = blocked.unwrap_or_default();
                    let name = self.segment.reader_name(index);
                    let text = format!(
                        "{name} waits for message {} while it holds message {cursor}, and there is no room for both; \
                         release messages before reading on, or create the channel with a larger arena",
                        self.next
                    );
                    break Err(self.segment.error(ErrorKind::ReaderHoldsLoans, text));
                }
                accused = blocked;
            }
        };
        self.segment.mapping.i32(WRITER_WAITING).store(0, Release);
        result
    }

    /// Longest sleep while some reader wakes nobody, or all do (QDS1-WAIT-03).
    fn longest_sleep(&self, waited: Duration) -> Duration {
        let segment = &self.segment;
        let silent = |index| {
            state_of(segment.mapping.i32(segment.entry(index, STATE)).load(Acquire)) != FREE
                && segment.mapping.i32(segment.entry(index, WAKES)).load(Relaxed) == 0
        };
        if !(0..segment.header.reader_entry_count).any(silent) {
            return LONGEST_SLEEP;
        }
        Duration::from_millis(if waited < Duration::from_secs(1) { 1 } else { 10 })
    }

    /// The reader that holds the writer back and itself waits for the next message (QDS1-PUB-08).
    fn blocked_by(&self) -> Option<(u32, i64)> {
        let segment = &self.segment;
        (0..segment.header.reader_entry_count).find_map(|index| {
            let word = segment.mapping.i32(segment.entry(index, STATE)).load(Acquire);
            let cursor = segment.mapping.i64(segment.entry(index, CURSOR)).load(Acquire);
            let waiting_for = segment.mapping.i64(segment.entry(index, WAITING_FOR)).load(Acquire);
            let blocks = holds_back(word) && cursor < self.next && waiting_for == self.next + 1 && cursor <= self.live;
            blocks.then_some((index, cursor))
        })
    }

    fn evict(&mut self) -> Result<()> {
        self.last_eviction = Instant::now();
        self.segment.evict_dead(None)
    }

    /// Cursors of the entries that hold the writer back, each loaded once, after its state.
    fn cursors(&self) -> impl Iterator<Item = i64> {
        let segment = &self.segment;
        (0..segment.header.reader_entry_count).filter_map(|index| {
            let word = segment.mapping.i32(segment.entry(index, STATE)).load(Acquire);
            // SYNC POINT: cursor
            holds_back(word).then(|| segment.mapping.i64(segment.entry(index, CURSOR)).load(Acquire))
        })
    }

    /// The lowest sequence due on a `BLOCK` channel (chapter 12).
    fn lowest_due(&self) -> i64 {
        let kept = self.segment.kept();
        self.cursors().min().unwrap_or(kept).min(self.next)
    }

    /// Reclaims up to this sequence (chapter 12).
    fn reclaim(&mut self, target: i64) -> Result<()> {
        self.check_token()?;
        let floor = self.segment.mapping.i64(FLOOR);
        if target > floor.load(Relaxed) {
            // SYNC POINT: floor
            floor.store(target, Release);
        }
        fence(SeqCst);
        self.scan();
        Ok(())
    }

    /// The second scan: what is below every reader and not pinned is free.
    fn scan(&mut self) {
        let floor = self.segment.mapping.i64(FLOOR).load(Relaxed).min(self.next);
        let live = match self.segment.header.policy {
            OverflowPolicy::Block => self.cursors().fold(floor, i64::min),
            OverflowPolicy::DropOldest => floor,
        };
        self.load_pins();
        while self.live < live {
            if let Some((start, _)) = self.payloads.pop_front().flatten()
                && self.live < self.indexed
            {
                self.used.remove(&start);
            }
            self.live += 1;
        }
        self.indexed = self.indexed.max(self.live);
    }

    fn load_pins(&mut self) {
        let segment = &self.segment;
        self.pins.clear();
        for index in 0..segment.header.reader_entry_count {
            if state_of(segment.mapping.i32(segment.entry(index, STATE)).load(Acquire)) == FREE {
                continue;
            }
            for pin in 0..PIN_COUNT {
                // SYNC POINT: pin
                let word = segment.mapping.u64(segment.entry(index, PINS + 8 * pin)).load(Acquire);
                if word != 0 {
                    self.pins.push(pinned(word));
                }
            }
        }
    }

    /// Chapter 15, from step 3 on.
    fn take_over(&mut self) -> Result<()> {
        let segment = &self.segment;
        let (_, mut next) = segment.counters()?;
        while next < MAX_SEQUENCE && segment.mapping.i64(segment.slot(next, STAMP)).load(Acquire) == next + 1 {
            next += 1;
            segment.mapping.i64(PUBLISHED).store(next, Release);
        }
        self.next = next;
        let floor = segment.mapping.i64(FLOOR).load(Acquire);
        fence(SeqCst);
        let lowest = match segment.header.policy {
            OverflowPolicy::Block => self.cursors().fold(floor, i64::min),
            OverflowPolicy::DropOldest => floor,
        };
        self.live = lowest.max(next - i64::from(segment.header.slot_count)).max(0).min(next);
        for sequence in (self.live..next).rev() {
            let (_, offset, length, sound) = segment.inherited(sequence);
            let start = offset as u64;
            let end = start.wrapping_add(footprint(length.max(0) as u64));
            let sound = sound && self.conflict(start, end).is_none();
            // Below the floor it may be gone: a reader that was just joining there has yet to move up.
            self.payloads.push_front(sound.then_some((start, end)));
            if sound {
                self.used.insert(start, end);
            }
            if sequence == next - 1 && sound {
                self.gap = (end, end);
            }
        }
        self.indexed = next;
        self.load_pins();
        Ok(())
    }

    /// Publishes what a claim filled (chapter 10).
    fn commit(&mut self, offset: u64, length: usize, tag: i64) -> Result<i64> {
        self.check_token()?;
        self.claim_count += 1;
        let segment = &self.segment;
        let sequence = self.next;
        let slot = |field| segment.slot(sequence, field);
        let checksum =
            if segment.header.checksums { crc32c(segment.mapping.slice(segment.arena(offset), length)) } else { 0 };
        let time_ns = if length >= TIMED_LENGTH { sys::monotonic_ns() } else { 0 };
        segment.mapping.i64(slot(STAMP)).store(0, Relaxed);
        // SYNC POINT: slot rewrite
        fence(Release);
        segment.mapping.i64(slot(OFFSET)).store(offset as i64, Relaxed);
        segment.mapping.i64(slot(LENGTH)).store(length as i64, Relaxed);
        segment.mapping.i64(slot(TIME_NS)).store(time_ns, Relaxed);
        segment.mapping.i64(slot(TAG)).store(tag, Relaxed);
        segment.mapping.i32(slot(FLAGS)).store(0, Relaxed);
        segment.mapping.i32(slot(CHECKSUM)).store(checksum as i32, Relaxed);
        // SYNC POINT: stamp
        segment.mapping.i64(slot(STAMP)).store(sequence + 1, Release);
        let bytes = segment.mapping.i64(PUBLISHED_BYTES);
        bytes.store(bytes.load(Relaxed).wrapping_add(length as i64), Relaxed);
        segment.mapping.i64(PUBLISHED).store(sequence + 1, Release);
        segment.wake_readers();
        let end = offset + footprint(length as u64);
        self.payloads.push_back(Some((offset, end)));
        self.gap.0 = end;
        self.next = sequence + 1;
        self.own_ahead();
        Ok(sequence)
    }

    /// Fetches the cache lines that the next message will be written to, while nobody waits for it: memory and slot are
    /// free (QDS1-PUB-02), and a reader has the lines since it last read there.
    fn own_ahead(&self) {
        let segment = &self.segment;
        let is_free = self.next - self.live < i64::from(segment.header.slot_count) && self.gap.0 < self.gap.1;
        if is_free && self.check_token().is_ok() {
            segment.mapping.i64(segment.slot(self.next, STAMP)).store(0, Relaxed);
            segment.mapping.i64(segment.arena(self.gap.0)).store(0, Relaxed);
        }
    }
}

/// Whether a payload lies in the arena (QDS1-TRUST-02).
pub(crate) fn is_sound(offset: i64, length: i64, arena_length: u64) -> bool {
    let arena = arena_length as i64;
    offset >= 0 && offset % PAYLOAD_ALIGNMENT as i64 == 0 && (0..=arena).contains(&length) && offset <= arena - length
}

impl Drop for Writer {
    fn drop(&mut self) {
        // A writer that failed to take over leaves the state of a dead one, which the next one looks at.
        if !self.closed && self.check_token().is_ok() {
            self.segment.mapping.i32(WRITER_STATE).store(WRITER_CLOSED, Release);
            // A reader that is just falling asleep misses a single wake-up (QDS1-WAIT-04).
            for _ in 0..3 {
                if !self.segment.wake_readers() {
                    break;
                }
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        self.segment.unlock(WRITER_LOCK, 1);
        self.segment.remove_if_last();
    }
}

/// Memory of the arena that the writer may fill. Dropping it publishes nothing.
///
/// What it holds before it is filled is undefined: often an earlier message. Fill all that is committed.
#[derive(Debug)]
pub struct Claim<'a> {
    writer: &'a mut Writer,
    offset: u64,
    length: usize,
    tag: i64,
}

impl Claim<'_> {
    /// Sets the user's number that goes with the message.
    pub fn tag(mut self, tag: i64) -> Self {
        self.tag = tag;
        self
    }

    /// Sets the claim aside, with what was filled so far, until [`Writer::resume`]; for who fills it in several steps.
    pub fn suspend(self) -> SuspendedClaim {
        let writer = &self.writer;
        SuspendedClaim {
            token: writer.token,
            number: writer.claim_count,
            offset: self.offset,
            length: self.length,
            tag: self.tag,
        }
    }

    /// Publishes the message, and returns its sequence.
    pub fn commit(self) -> Result<i64> {
        self.writer.commit(self.offset, self.length, self.tag)
    }

    /// Publishes the first `length` bytes.
    pub fn commit_length(self, length: usize) -> Result<i64> {
        if length > self.length {
            let text = format!("length={length} of a claim of {} bytes", self.length);
            return Err(self.writer.segment.error(ErrorKind::Misuse, text));
        }
        self.writer.commit(self.offset, length, self.tag)
    }
}

/// A claim that does not borrow its writer meanwhile. Dropping it publishes nothing; the next claim makes it void.
#[derive(Debug)]
pub struct SuspendedClaim {
    token: i64,
    number: u64,
    offset: u64,
    length: usize,
    tag: i64,
}

impl Deref for Claim<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.writer.segment.mapping.slice(self.writer.segment.arena(self.offset), self.length)
    }
}

impl DerefMut for Claim<'_> {
    fn deref_mut(&mut self) -> &mut [u8] {
        self.writer.segment.mapping.claimed(self.writer.segment.arena(self.offset), self.length)
    }
}
