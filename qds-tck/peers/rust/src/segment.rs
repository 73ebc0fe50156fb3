//! A mapped segment: how it is found, opened, created and removed, who is attached, and who died.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, ErrorKind as IoErrorKind, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use std::sync::atomic::fence;
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Result};
use crate::header::{Header, OverflowPolicy, boot_id, padded, random, realtime_ns};
use crate::layout::*;
use crate::space;
use crate::sys::{self, Mapping};
use crate::writer::is_sound;

/// How long a busy lock is tried: probes hold a byte for a moment.
const LOCK_PATIENCE: Duration = Duration::from_millis(100);
/// How long a path that keeps changing is followed.
const OPEN_PATIENCE: Duration = Duration::from_secs(5);
/// How old an empty temporary file has to be to belong to nobody.
const FRESH: Duration = Duration::from_secs(5);
/// Longest sleep: a peer may die between its store and its wake.
pub(crate) const LONGEST_SLEEP: Duration = Duration::from_millis(100);
/// How often a wait looks whether its peers live.
pub(crate) const LIVENESS_INTERVAL: Duration = Duration::from_millis(100);

/// Name and file of a channel.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub name: Arc<str>,
    pub path: PathBuf,
    /// Whether a creator may create the directory: it is the general one, not one named for this channel.
    create_directory: bool,
}

impl Place {
    /// Checks the name, and finds the directory (QDS1-FILE-01, -02).
    pub fn new(name: &str, directory: Option<&Path>) -> Result<Self> {
        let valid = (1..=100).contains(&name.len())
            && name.as_bytes()[0].is_ascii_alphanumeric()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        if !valid {
            let text = format!("channel name {name:?}: allowed is [A-Za-z0-9][A-Za-z0-9._-]{{0,99}}");
            return Err(Error::new(ErrorKind::Misuse, text));
        }
        let default = || match std::env::var_os("QDS_DIR") {
            Some(directory) if !directory.is_empty() => PathBuf::from(directory),
            _ if Path::new("/dev/shm").is_dir() => PathBuf::from("/dev/shm"),
            _ => std::env::temp_dir().join("qds"),
        };
        let create_directory = directory.is_none();
        let directory = directory.map_or_else(default, Path::to_path_buf);
        Ok(Self { name: name.into(), path: directory.join(format!("{name}.qds")), create_directory })
    }

    pub fn directory(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("."))
    }

    pub fn error(&self, kind: ErrorKind, text: impl AsRef<str>) -> Error {
        Error::new(kind, format!("channel '{}' ({}): {}", self.name, self.path.display(), text.as_ref()))
    }

    pub fn io(&self, what: &str, error: io::Error) -> Error {
        let kind = match error.kind() {
            IoErrorKind::PermissionDenied | IoErrorKind::ReadOnlyFilesystem => ErrorKind::Permission,
            IoErrorKind::StorageFull | IoErrorKind::QuotaExceeded => ErrorKind::DirectoryFull,
            _ => ErrorKind::Io,
        };
        Error::with(kind, format!("channel '{}' ({}): {what}", self.name, self.path.display()), error)
    }

    fn not_found(&self) -> Error {
        self.error(ErrorKind::NoSuchChannel, "does not exist; start its writer, or wait for it with open_timeout")
    }

    /// Whether the path still leads to this file.
    fn leads_to(&self, file: &File) -> bool {
        match (std::fs::symlink_metadata(&self.path), file.metadata()) {
            (Ok(path), Ok(file)) => path.dev() == file.dev() && path.ino() == file.ino(),
            _ => false,
        }
    }

    /// Opens without following links or hanging on a FIFO (QDS1-OPEN-01); `None` if there is no such file.
    fn open_file(&self) -> Result<Option<File>> {
        let looked_at = match std::fs::symlink_metadata(&self.path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == IoErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.io("cannot be looked at", error)),
        };
        if !looked_at.is_file() {
            return Err(self.error(ErrorKind::Corrupt, "is no regular file; remove it"));
        }
        let opened = OpenOptions::new().read(true).write(true).custom_flags(libc::O_NOFOLLOW).open(&self.path);
        let file = match opened {
            Ok(file) => file,
            Err(error) if error.kind() == IoErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.io("cannot be opened for reading and writing", error)),
        };
        let opened = file.metadata().map_err(|error| self.io("cannot be looked at", error))?;
        let same = opened.dev() == looked_at.dev() && opened.ino() == looked_at.ino();
        Ok((same && opened.is_file()).then_some(file))
    }

    /// Reads and checks the header, and maps the file.
    fn map(&self, file: File, writer: bool) -> Result<Segment> {
        let metadata = file.metadata().map_err(|error| self.io("cannot be looked at", error))?;
        if metadata.len() < HEADER_LENGTH as u64 {
            let text = format!("file length is {}, allowed is at least {HEADER_LENGTH}; remove it", metadata.len());
            return Err(self.error(ErrorKind::Corrupt, text));
        }
        let mut block = [0; STATIC_LENGTH];
        file.read_exact_at(&mut block, 0).map_err(|error| self.io("cannot be read", error))?;
        let header = Header::decode(&self.name, &block, metadata.len(), writer)?;
        // The child of a fork inherits the mapping: it must not keep alive the description that carries the locks.
        let description = OpenOptions::new().read(true).write(true).open(format!("/proc/self/fd/{}", file.as_raw_fd()));
        let mapping = Mapping::new(description.as_ref().unwrap_or(&file), header.segment_length as usize)
            .map_err(|error| self.io("cannot be mapped", error))?;
        let foreign = metadata.uid() != sys::effective_user();
        Ok(Segment { place: self.clone(), header, mapping, file, foreign })
    }

    /// Opens an existing segment for a reader, or `NotFound`.
    pub fn open_for_reader(&self) -> Result<Segment> {
        let deadline = Instant::now() + OPEN_PATIENCE;
        loop {
            let file = self.open_file()?.ok_or_else(|| self.not_found())?;
            let segment = match self.map(file, false) {
                Err(_) if self.is_replaced_before(deadline) => continue,
                result => result?,
            };
            if !segment.is_of_this_boot_and_file() || segment.is_removed() {
                return Err(self.not_found());
            }
            return Ok(segment);
        }
    }

    /// A file that vanished while it was opened is not worth an error.
    fn is_replaced_before(&self, deadline: Instant) -> bool {
        !self.path.exists() && Instant::now() < deadline
    }

    /// Opens the segment as its writer, or creates it. The writer's lock is held, the record is not yet written for a
    /// segment that existed: the flag is true if it is new.
    pub fn open_for_writer(
        &self,
        plan: &Header,
        mode: u32,
        writer_label: &str,
    ) -> Result<(Segment, WriterRecord, bool)> {
        if self.create_directory {
            std::fs::create_dir_all(self.directory()).map_err(|error| self.io("directory cannot be created", error))?;
        }
        self.sweep();
        let deadline = Instant::now() + OPEN_PATIENCE;
        loop {
            if Instant::now() > deadline {
                return Err(self.error(ErrorKind::InUse, "changes all the time; who else creates or removes it?"));
            }
            let Some(file) = self.open_file()? else {
                if let Some((segment, record)) = self.create(plan.clone(), mode, writer_label)? {
                    return Ok((segment, record, true));
                }
                continue;
            };
            let segment = self.map(file, true)?;
            if !segment.is_of_this_boot_and_file() || segment.is_removed() {
                segment.discard()?;
                continue;
            }
            if !segment.lock_patiently(WRITER_LOCK, 1)? {
                return Err(segment.busy_writer());
            }
            if segment.is_removed() || !self.leads_to(&segment.file) {
                continue;
            }
            let record = WriterRecord::of_this_process(writer_label);
            return Ok((segment, record, false));
        }
    }

    /// Creates the file under a temporary name and links it; `None` if somebody else was first.
    fn create(&self, mut header: Header, mode: u32, label: &str) -> Result<Option<(Segment, WriterRecord)>> {
        space::require(self, header.segment_length)?;
        let digits = u64::from_le_bytes(random());
        let temporary = self.directory().join(format!(".{}.qds{digits:016x}.tmp", self.name));
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW)
            .open(&temporary)
            .map_err(|error| self.io("cannot be created", error))?;
        let created = self.fill_and_link(&file, &temporary, &mut header, mode, label);
        // Gone already if another creator swept it.
        let _ = std::fs::remove_file(&temporary);
        match created? {
            Some(record) => Ok(Some((self.map(file, true)?, record))),
            None => Ok(None),
        }
    }

    fn fill_and_link(
        &self,
        file: &File,
        temporary: &Path,
        header: &mut Header,
        mode: u32,
        label: &str,
    ) -> Result<Option<WriterRecord>> {
        let failed = |error| self.io("cannot be created", error);
        if !sys::try_lock(file, WRITER_LOCK, 1).map_err(failed)? {
            return Ok(None);
        }
        let metadata = file.metadata().map_err(failed)?;
        if metadata.nlink() == 0 {
            return Ok(None);
        }
        header.inode = metadata.ino();
        file.set_permissions(Permissions::from_mode(mode)).map_err(failed)?;
        file.set_len(header.segment_length).map_err(failed)?;
        let zeros = vec![0; 1 << 20];
        let mut output = file;
        let mut rest = header.segment_length as usize;
        while rest > 0 {
            let length = rest.min(zeros.len());
            let remedy = format!("has no space for {} bytes; make it smaller", header.segment_length);
            output.write_all(&zeros[..length]).map_err(|error| self.io(&remedy, error))?;
            rest -= length;
        }
        let record = WriterRecord::of_this_process(label);
        file.write_all_at(&record.encode(1), WRITER_STATE as u64).map_err(failed)?;
        file.write_all_at(&header.encode(), 0).map_err(failed)?;
        match std::fs::hard_link(temporary, &self.path) {
            Ok(()) => Ok(Some(record)),
            Err(error) if matches!(error.kind(), IoErrorKind::AlreadyExists | IoErrorKind::NotFound) => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    /// Removes temporary files that dead creators left (QDS1-NEW-06); passes over what it may not touch.
    fn sweep(&self) {
        let prefix = format!(".{}.qds", self.name);
        for entry in std::fs::read_dir(self.directory()).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let digits = name.to_str().and_then(|name| name.strip_prefix(&prefix)?.strip_suffix(".tmp"));
            if !digits.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit())) {
                continue;
            }
            let opened = OpenOptions::new()
                .read(true)
                .write(true)
                .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
                .open(entry.path());
            let Ok(file) = opened else { continue };
            let Ok(metadata) = file.metadata() else { continue };
            // Its creator may be about to lock it.
            let is_fresh = metadata.len() == 0
                && metadata.modified().is_ok_and(|time| time.elapsed().is_ok_and(|age| age < FRESH));
            if is_fresh {
                continue;
            }
            if metadata.nlink() > 1 || sys::is_locked(&file, WRITER_LOCK).is_ok_and(|locked| !locked) {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }

    /// Removes the channel although it may not be drained, but not while it is in use.
    pub fn remove(&self) -> Result<bool> {
        let Some(file) = self.open_file()? else { return Ok(false) };
        let segment = self.map(file, false)?;
        if segment.is_removed() || !segment.is_of_this_boot_and_file() {
            segment.discard()?;
            return Ok(true);
        }
        if !segment.lock_patiently(WRITER_LOCK, RANGE_LOCK_LENGTH)? || !segment.nobody_runs() {
            return Err(self.error(ErrorKind::InUse, "is in use; close its writer and readers first"));
        }
        segment.unlink()
    }
}

/// What the segment says of its writer.
#[derive(Clone, Debug)]
pub(crate) struct WriterRecord {
    pub token: i64,
    identity: Identity,
    label: [u8; LABEL_LENGTH],
}

impl WriterRecord {
    fn of_this_process(label: &str) -> Self {
        Self { token: random_token(), identity: Identity::of_this_process(), label: padded(label) }
    }

    /// The record of an ACTIVE writer, from `writerState` on.
    fn encode(&self, epoch: i64) -> Vec<u8> {
        let mut bytes = vec![0; WRITER_LABEL + LABEL_LENGTH - WRITER_STATE];
        let mut put = |offset: usize, value: i64| {
            bytes[offset - WRITER_STATE..offset - WRITER_STATE + 8].copy_from_slice(&value.to_le_bytes());
        };
        put(WRITER_STATE, i64::from(WRITER_ACTIVE) | 1 << 32);
        put(WRITER_EPOCH, epoch);
        put(WRITER_TOKEN, self.token);
        put(WRITER_PID, self.identity.pid);
        put(WRITER_START_TIME, self.identity.start_time);
        put(WRITER_PID_NAMESPACE, self.identity.namespace);
        put(WRITER_SINCE_NS, realtime_ns());
        bytes[WRITER_LABEL - WRITER_STATE..].copy_from_slice(&self.label);
        bytes
    }
}

/// A process, as the segment names it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Identity {
    pub pid: i64,
    pub start_time: i64,
    pub namespace: i64,
}

impl Identity {
    pub fn of_this_process() -> Self {
        let pid = i64::from(std::process::id());
        Self { pid, start_time: process_state(pid).map_or(0, |(_, start)| start), namespace: own_namespace() }
    }

    /// Whether the recorded process is known to run (QDS1-ID-03).
    fn runs(&self) -> bool {
        self.namespace != 0
            && self.namespace == own_namespace()
            && self.start_time != 0
            && process_state(self.pid).is_some_and(|(state, start)| start == self.start_time && !b"ZX".contains(&state))
    }
}

fn own_namespace() -> i64 {
    std::fs::metadata("/proc/self/ns/pid").map_or(0, |metadata| metadata.ino() as i64)
}

/// State and start time of a process: fields 3 and 22 of its stat. The second may hold anything, so count from its end.
fn process_state(pid: i64) -> Option<(u8, i64)> {
    let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    let after_name = stat.iter().rposition(|&byte| byte == b')')? + 1;
    let text = std::str::from_utf8(&stat[after_name..]).ok()?;
    let mut fields = text.split_ascii_whitespace();
    let state = *fields.next()?.as_bytes().first()?;
    Some((state, fields.nth(18)?.parse().ok()?))
}

/// A random token that is not 0.
pub(crate) fn random_token() -> i64 {
    i64::from_le_bytes(random()).max(1)
}

/// A mapped segment. The file's descriptor holds the locks of its one participant.
#[derive(Debug)]
pub(crate) struct Segment {
    pub place: Place,
    pub header: Header,
    pub mapping: Mapping,
    pub file: File,
    /// Whether the file belongs to another user.
    pub foreign: bool,
}

impl Drop for Segment {
    fn drop(&mut self) {
        // Closing is not enough: a child of a fork may have the descriptor still (QDS1-LOCK-03).
        self.unlock(WRITER_LOCK, RANGE_LOCK_LENGTH);
    }
}

impl Segment {
    /// Offset in the file of a field of a reader's entry.
    pub fn entry(&self, index: u32, field: usize) -> usize {
        self.header.reader_table_offset as usize + index as usize * ENTRY_LENGTH + field
    }

    /// Offset in the file of a field of a message's descriptor.
    pub fn slot(&self, sequence: i64, field: usize) -> usize {
        let slot = sequence as usize & (self.header.slot_count as usize - 1);
        self.header.descriptor_ring_offset as usize + slot * DESCRIPTOR_LENGTH + field
    }

    /// Offset in the file of an offset in the arena.
    pub fn arena(&self, offset: u64) -> usize {
        (self.header.arena_offset + offset) as usize
    }

    pub fn error(&self, kind: ErrorKind, text: impl AsRef<str>) -> Error {
        self.place.error(kind, text)
    }

    /// Loads floor and published, checked (QDS1-TAKE-03, QDS1-TRUST-03).
    pub fn counters(&self) -> Result<(i64, i64)> {
        // The floor first: it is never above what was published when it was stored.
        let floor = self.mapping.i64(FLOOR).load(Acquire);
        let published = self.mapping.i64(PUBLISHED).load(Acquire);
        if 0 <= floor && floor <= published && published <= MAX_SEQUENCE {
            return Ok((floor, published));
        }
        let text = format!("floor is {floor}, published is {published}; allowed is 0 <= floor <= published <= 2^62");
        Err(self.error(ErrorKind::Corrupt, text))
    }

    /// What a successor checks before it changes anything (QDS1-TAKE-03).
    pub fn check_inheritance(&self) -> Result<()> {
        let (floor, published) = self.counters()?;
        let slots = i64::from(self.header.slot_count);
        if floor < published - slots {
            let text = format!("floor is {floor}, published is {published}: allowed are {slots} messages; remove it");
            return Err(self.error(ErrorKind::Corrupt, text));
        }
        for sequence in floor..published {
            let (stamp, offset, length, sound) = self.inherited(sequence);
            if !sound {
                let text = format!(
                    "message {sequence}: stamp is {stamp}, offset {offset}, length {length}; allowed are stamp {} and a \
                     multiple of 64 inside {} bytes; read what can be read, then remove it",
                    sequence + 1,
                    self.header.arena_length
                );
                return Err(self.error(ErrorKind::Corrupt, text));
            }
        }
        Ok(())
    }

    /// Stamp, offset and length of a predecessor's message, and whether they are sound.
    pub fn inherited(&self, sequence: i64) -> (i64, i64, i64, bool) {
        let load = |field| self.mapping.i64(self.slot(sequence, field)).load(Acquire);
        let (stamp, offset, length) = (load(STAMP), load(OFFSET), load(LENGTH));
        (stamp, offset, length, stamp == sequence + 1 && is_sound(offset, length, self.header.arena_length))
    }

    fn is_of_this_boot_and_file(&self) -> bool {
        self.header.boot_id == boot_id() && self.file.metadata().is_ok_and(|file| file.ino() == self.header.inode)
    }

    /// Whether the file lost its name, or is about to.
    pub fn is_removed(&self) -> bool {
        self.mapping.i32(REMOVED).load(Acquire) != 0
    }

    /// Whether the path still leads to this file and nobody removed it (QDS1-OPEN-05).
    pub fn is_current(&self) -> bool {
        !self.is_removed() && self.place.leads_to(&self.file)
    }

    pub fn try_lock(&self, start: u64, length: u64) -> Result<bool> {
        sys::try_lock(&self.file, start, length).map_err(|error| self.place.io("cannot be locked", error))
    }

    pub fn lock_patiently(&self, start: u64, length: u64) -> Result<bool> {
        let deadline = Instant::now() + LOCK_PATIENCE;
        loop {
            if self.try_lock(start, length)? {
                return Ok(true);
            }
            if Instant::now() > deadline {
                return Ok(false);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    pub fn unlock(&self, start: u64, length: u64) {
        sys::unlock(&self.file, start, length);
    }

    fn writer_identity(&self) -> Identity {
        Identity {
            pid: self.mapping.i64(WRITER_PID).load(Relaxed),
            start_time: self.mapping.i64(WRITER_START_TIME).load(Relaxed),
            namespace: self.mapping.i64(WRITER_PID_NAMESPACE).load(Relaxed),
        }
    }

    fn entry_identity(&self, index: u32) -> Identity {
        let load = |field| self.mapping.i64(self.entry(index, field)).load(Relaxed);
        Identity { pid: load(PID), start_time: load(START_TIME), namespace: load(PID_NAMESPACE) }
    }

    /// A text of a peer, without control characters.
    fn text(&self, offset: usize) -> String {
        let mut bytes = [0; LABEL_LENGTH];
        self.mapping.copy_out(offset, &mut bytes);
        let length = bytes.iter().position(|&byte| byte == 0).unwrap_or(LABEL_LENGTH);
        String::from_utf8_lossy(&bytes[..length]).chars().filter(|c| !c.is_control()).collect()
    }

    pub fn writer_name(&self) -> String {
        format!("writer '{}' (process {})", self.text(WRITER_LABEL), self.writer_identity().pid)
    }

    pub fn reader_name(&self, index: u32) -> String {
        let label = self.text(self.entry(index, LABEL));
        format!("reader '{label}' (entry {index}, process {})", self.entry_identity(index).pid)
    }

    fn busy_writer(&self) -> Error {
        let since = self.mapping.i64(WRITER_SINCE_NS).load(Relaxed) / 1_000_000_000;
        let text =
            format!("has a {} since {since} (Unix time); a channel has one writer at a time", self.writer_name());
        self.error(ErrorKind::SecondWriter, text)
    }

    /// Refuses to follow a writer whose process runs without its lock; the caller holds the lock (QDS1-TAKE).
    pub fn check_predecessor(&self) -> Result<()> {
        let active = self.mapping.i32(WRITER_STATE).load(Acquire) == WRITER_ACTIVE;
        if active && self.writer_identity().runs() {
            let text = format!("its {} runs, but has lost its lock; end that process first", self.writer_name());
            return Err(self.error(ErrorKind::LockLost, text));
        }
        Ok(())
    }

    /// Writes the record of a successor, state last (chapter 15, step 2).
    pub fn store_writer(&self, record: &WriterRecord) {
        let store = |offset, value| self.mapping.i64(offset).store(value, Relaxed);
        store(WRITER_PID, record.identity.pid);
        store(WRITER_START_TIME, record.identity.start_time);
        store(WRITER_PID_NAMESPACE, record.identity.namespace);
        store(WRITER_SINCE_NS, realtime_ns());
        self.mapping.i32(WRITER_WAKES).store(1, Relaxed);
        self.mapping.copy_in(WRITER_LABEL, &record.label);
        let epoch = self.mapping.i64(WRITER_EPOCH).load(Relaxed);
        self.mapping.i64(WRITER_EPOCH).store(epoch.wrapping_add(1), Release);
        self.mapping.i64(WRITER_TOKEN).store(record.token, Release);
        self.mapping.i32(WRITER_STATE).store(WRITER_ACTIVE, Release);
    }

    /// Writes who owns an entry; the caller holds its lock and the state is FREE (chapter 11, step 1).
    pub fn store_reader(&self, index: u32, label: &str, token: i64) {
        let identity = Identity::of_this_process();
        let store = |field, value| self.mapping.i64(self.entry(index, field)).store(value, Relaxed);
        for pin in 0..PIN_COUNT {
            store(PINS + 8 * pin, 0);
        }
        store(WAITING_FOR, 0);
        self.mapping.i32(self.entry(index, WAKES)).store(1, Relaxed);
        store(PID, identity.pid);
        store(START_TIME, identity.start_time);
        store(PID_NAMESPACE, identity.namespace);
        store(SINCE_NS, realtime_ns());
        self.mapping.copy_in(self.entry(index, LABEL), &padded::<LABEL_LENGTH>(label));
        store(READ_COUNT, 0);
        store(READ_BYTES, 0);
        store(LOST_COUNT, 0);
        store(TOKEN, token);
    }

    /// Whether the writer is CLOSED, dead, or neither.
    pub fn writer_end(&self) -> WriterEnd {
        let state = self.mapping.i32(WRITER_STATE).load(Acquire);
        if state != WRITER_ACTIVE {
            return WriterEnd::Closed;
        }
        let token = self.mapping.i64(WRITER_TOKEN).load(Acquire);
        if sys::is_locked(&self.file, WRITER_LOCK).unwrap_or(true) || self.writer_identity().runs() {
            return WriterEnd::Alive;
        }
        // A successor may have come meanwhile (QDS1-END-04).
        let same = self.mapping.i32(WRITER_STATE).load(Acquire) == state
            && self.mapping.i64(WRITER_TOKEN).load(Acquire) == token;
        if same { WriterEnd::Died } else { WriterEnd::Alive }
    }

    /// The maximum of all `leftCursor` (QDS1-ENT-05).
    pub fn kept(&self) -> i64 {
        let left = |index| self.mapping.i64(self.entry(index, LEFT_CURSOR)).load(Acquire);
        (0..self.header.reader_entry_count).map(left).max().unwrap_or(0)
    }

    /// Raises an entry's `leftCursor`, but not above what was written (QDS1-LEAVE-02).
    pub fn raise_left_cursor(&self, index: u32, cursor: i64) {
        let published = self.mapping.i64(PUBLISHED).load(Acquire);
        let stamped = self.mapping.i64(self.slot(published, STAMP)).load(Acquire) == published.wrapping_add(1);
        let limit = published.saturating_add(stamped.into());
        let left = self.mapping.i64(self.entry(index, LEFT_CURSOR));
        if cursor.min(limit) > left.load(Relaxed) {
            left.store(cursor.min(limit), Release);
        }
    }

    /// Frees an entry whose lock the caller holds (chapter 14).
    pub fn free_entry(&self, index: u32) {
        let word = self.mapping.i32(self.entry(index, STATE)).load(Acquire);
        let counts = match self.header.policy {
            OverflowPolicy::Block => state_of(word) == ACTIVE && mode_of(word) == MODE_LOSSLESS,
            OverflowPolicy::DropOldest => !matches!(state_of(word), FREE | JOINING),
        };
        if counts {
            self.raise_left_cursor(index, self.mapping.i64(self.entry(index, CURSOR)).load(Acquire));
        }
        self.mapping.i64(self.entry(index, TOKEN)).store(0, Relaxed);
        // SYNC POINT: leave (leftCursor before the state)
        self.mapping.i32(self.entry(index, STATE)).store(state_word(FREE, MODE_LOSSLESS), Release);
        self.mapping.i64(self.entry(index, WAITING_FOR)).store(0, Relaxed);
        for pin in 0..PIN_COUNT {
            self.mapping.i64(self.entry(index, PINS + 8 * pin)).store(0, Release);
        }
        self.wake_writer();
    }

    /// Frees the entries of dead readers; `own` is the caller's entry.
    pub fn evict_dead(&self, own: Option<u32>) -> Result<()> {
        for index in (0..self.header.reader_entry_count).filter(|&index| Some(index) != own) {
            let byte = WRITER_LOCK + 1 + u64::from(index);
            let state = || state_of(self.mapping.i32(self.entry(index, STATE)).load(Acquire));
            let locked = || sys::is_locked(&self.file, byte).unwrap_or(true);
            if state() == FREE || locked() || !self.try_lock(byte, 1)? {
                continue;
            }
            if state() != FREE && !self.entry_identity(index).runs() {
                self.free_entry(index);
            }
            self.unlock(byte, 1);
        }
        Ok(())
    }

    /// After a release, a leave, an eviction or a cleared pin (chapter 13).
    pub fn wake_writer(&self) {
        // SYNC POINT: room
        fence(SeqCst);
        let waiting = self.mapping.i32(WRITER_WAITING);
        if waiting.load(Acquire) != 0 {
            waiting.store(0, Release);
            self.mapping.futex_wake(WRITER_WAITING);
        }
    }

    /// After publishing and closing (chapter 13); true if some reader waits.
    pub fn wake_readers(&self) -> bool {
        // SYNC POINT: message
        fence(SeqCst);
        let waiting = self.mapping.i32(READERS_WAITING);
        if waiting.load(Acquire) == 0 {
            return false;
        }
        waiting.store(0, Release);
        fence(SeqCst);
        let waits = |index| self.mapping.i64(self.entry(index, WAITING_FOR)).load(Acquire) != 0;
        let some = (0..self.header.reader_entry_count).any(waits);
        if some {
            waiting.store(1, Release);
            self.mapping.futex_wake(PUBLISHED);
        }
        some
    }

    /// Under the range lock: whether writer and readers are gone; evicts the dead.
    fn nobody_runs(&self) -> bool {
        let closed = self.mapping.i32(WRITER_STATE).load(Acquire) != WRITER_ACTIVE;
        if !closed && self.writer_identity().runs() {
            return false;
        }
        for index in 0..self.header.reader_entry_count {
            if state_of(self.mapping.i32(self.entry(index, STATE)).load(Acquire)) != FREE {
                if self.entry_identity(index).runs() {
                    return false;
                }
                self.free_entry(index);
            }
        }
        true
    }

    /// The last to leave removes a drained segment (QDS1-REM-01); the caller gave its own lock back.
    pub fn remove_if_last(&self) {
        if self.is_removed() || !self.try_lock(WRITER_LOCK, RANGE_LOCK_LENGTH).unwrap_or(false) {
            return;
        }
        let published = self.mapping.i64(PUBLISHED).load(Acquire);
        if self.nobody_runs() && self.kept() >= published {
            // Who may not unlink leaves the mark behind, and the next writer finishes it.
            let _ = self.unlink();
        }
        self.unlock(WRITER_LOCK, RANGE_LOCK_LENGTH);
    }

    /// Unlinks under the range lock (QDS1-REM-02); false if the path leads elsewhere.
    fn unlink(&self) -> Result<bool> {
        if !self.place.leads_to(&self.file) {
            return Ok(false);
        }
        self.mapping.i32(REMOVED).store(1, Release);
        std::fs::remove_file(&self.place.path).map_err(|error| self.place.io("cannot be removed", error))?;
        Ok(true)
    }

    /// Removes a file of another boot, a copy, or one whose removal was not finished.
    fn discard(&self) -> Result<()> {
        if !self.lock_patiently(WRITER_LOCK, RANGE_LOCK_LENGTH)? {
            let text = "is left over and has to be removed first, but somebody is attached; close all participants";
            return Err(self.error(ErrorKind::InUse, text));
        }
        self.unlink()?;
        Ok(())
    }
}

/// What became of the writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WriterEnd {
    Alive,
    Closed,
    Died,
}
