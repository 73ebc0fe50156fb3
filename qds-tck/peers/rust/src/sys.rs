//! Everything unsafe: the mapping, its atomic words, buffers that own a loan, and the calls of the kernel.
//!
//! Soundness of the mapping rests on two facts. Every access is checked against the mapped length, which is the
//! file's length when it was mapped; nobody changes that length (QDS1-FILE-05). Whoever cuts the file all the same
//! makes the next access fault with `SIGBUS`, which ends the process. And slices over payloads are only made of memory
//! that the protocol gives to their holder: to the writer by a claim, to a reader by a loan.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicI64, AtomicU64};
use std::time::Duration;

use arrow_buffer::Buffer;
use arrow_buffer::alloc::Allocation;
use arrow_data::UnsafeFlag;

/// A whole file, mapped for reading and writing, shared with other processes.
#[derive(Debug)]
pub struct Mapping {
    start: NonNull<u8>,
    length: usize,
}

// SAFETY: the memory is shared between processes anyway; words are accessed as atomics, payloads by who owns them.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps the first `length` bytes of the file, which has at least as many.
    pub fn new(file: &File, length: usize) -> io::Result<Self> {
        // SAFETY: a new mapping at an address of the kernel's choice touches no memory of ours.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                length,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                file.as_raw_fd(),
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or_else(|| io::Error::other("mapped at address 0"))?;
        Ok(Self { start, length })
    }

    /// Address of `length` bytes at an offset that is a multiple of `alignment`.
    fn at(&self, offset: usize, length: usize, alignment: usize) -> NonNull<u8> {
        let end = offset.checked_add(length);
        assert!(
            end.is_some_and(|end| end <= self.length) && offset.is_multiple_of(alignment),
            "offset={offset} length={length} of a mapping of {} bytes",
            self.length
        );
        // SAFETY: inside the mapping, as just checked.
        unsafe { self.start.add(offset) }
    }

    /// The word of 8 bytes at this offset.
    pub fn i64(&self, offset: usize) -> &AtomicI64 {
        // SAFETY: inside the mapping and aligned; it lives as long as self.
        unsafe { self.at(offset, 8, 8).cast().as_ref() }
    }

    /// The unsigned word of 8 bytes at this offset.
    pub fn u64(&self, offset: usize) -> &AtomicU64 {
        // SAFETY: inside the mapping and aligned; it lives as long as self.
        unsafe { self.at(offset, 8, 8).cast().as_ref() }
    }

    /// The word of 4 bytes at this offset.
    pub fn i32(&self, offset: usize) -> &AtomicI32 {
        // SAFETY: inside the mapping and aligned; it lives as long as self.
        unsafe { self.at(offset, 4, 4).cast().as_ref() }
    }

    /// Copies bytes that another process may be changing; what comes out may be torn.
    pub fn copy_out(&self, offset: usize, target: &mut [u8]) {
        let source = self.at(offset, target.len(), 1);
        // SAFETY: both are valid for the length and do not overlap: the target is private memory.
        unsafe { std::ptr::copy_nonoverlapping(source.as_ptr(), target.as_mut_ptr(), target.len()) };
    }

    /// Copies bytes into memory that the protocol gives to the caller.
    pub fn copy_in(&self, offset: usize, source: &[u8]) {
        let target = self.at(offset, source.len(), 1);
        // SAFETY: both are valid for the length and do not overlap: the source is private memory.
        unsafe { std::ptr::copy_nonoverlapping(source.as_ptr(), target.as_ptr(), source.len()) };
    }

    /// Bytes which the holder of `owner` has on loan, or a claim's. They stay valid as long as self is mapped.
    pub fn slice(&self, offset: usize, length: usize) -> &[u8] {
        // SAFETY: inside the mapping; nobody writes to what is on loan (the reader trusts the writer in this).
        unsafe { std::slice::from_raw_parts(self.at(offset, length, 1).as_ptr(), length) }
    }

    /// A claimed region, which the one writer may fill. The writer makes one such slice at a time: the claim borrows
    /// it exclusively.
    #[allow(clippy::mut_from_ref)]
    pub fn claimed(&self, offset: usize, length: usize) -> &mut [u8] {
        // SAFETY: inside the mapping; the claim gives this memory to the writer alone.
        unsafe { std::slice::from_raw_parts_mut(self.at(offset, length, 1).as_ptr(), length) }
    }

    /// A buffer over bytes on loan. The owner keeps this mapping and the loan until the last buffer is gone.
    pub fn buffer(&self, offset: usize, length: usize, owner: Arc<dyn Allocation>) -> Buffer {
        // SAFETY: inside the mapping, which the owner keeps.
        unsafe { Buffer::from_custom_allocation(self.at(offset, length, 1), length, owner) }
    }

    /// Sleeps until woken, until the low half of the word at this offset is not `expected`, or for `timeout`.
    pub fn futex_wait(&self, offset: usize, expected: u32, timeout: Duration) {
        let time = libc::timespec { tv_sec: timeout.as_secs() as libc::time_t, tv_nsec: timeout.subsec_nanos().into() };
        let word = self.at(offset, 4, 4);
        // SAFETY: the word is inside the mapping. Why it returns does not matter: the caller looks again.
        unsafe {
            libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAIT, expected, &raw const time);
        }
    }

    /// Wakes all that sleep on the word at this offset.
    pub fn futex_wake(&self, offset: usize) {
        let word = self.at(offset, 4, 4);
        // SAFETY: the word is inside the mapping.
        unsafe {
            libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, i32::MAX);
        }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: mapped by new, and no reference into it outlives self.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.length) };
    }
}

/// Says to arrow that what the caller checked need not be validated in full.
pub fn skip_validation(skip: bool) -> UnsafeFlag {
    let mut flag = UnsafeFlag::new();
    // SAFETY: the caller checked the structure, and trusts the writer for the values as the reader's options say.
    unsafe { flag.set(skip) };
    flag
}

/// Nanoseconds of the clock that all processes of the machine share.
pub fn monotonic_ns() -> i64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the target is valid.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}

/// What the file system of a directory has: bytes that are free and in all, and whether they are memory.
pub fn file_system(directory: &Path) -> io::Result<(u64, u64, bool)> {
    const TMPFS_MAGIC: i64 = 0x0102_1994;
    let path = CString::new(directory.as_os_str().as_bytes())?;
    // SAFETY: all zeros is a valid value of this plain structure.
    let mut found: libc::statfs = unsafe { std::mem::zeroed() };
    // SAFETY: path and target are valid for the call.
    if unsafe { libc::statfs(path.as_ptr(), &raw mut found) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let bytes = |blocks: u64| blocks.saturating_mul(found.f_bsize as u64);
    Ok((bytes(found.f_bavail), bytes(found.f_blocks), found.f_type == TMPFS_MAGIC))
}

/// Longest file that this process may write; longer ones end it with `SIGXFSZ`.
pub fn file_size_limit() -> u64 {
    let mut limit = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: the target is valid.
    unsafe { libc::getrlimit(libc::RLIMIT_FSIZE, &raw mut limit) };
    limit.rlim_cur
}

/// User whose rights this process has.
pub fn effective_user() -> u32 {
    // SAFETY: always succeeds.
    unsafe { libc::geteuid() }
}

fn record(kind: libc::c_int, start: u64, length: u64) -> libc::flock {
    // SAFETY: all zeros is a valid value of this plain structure.
    let mut record: libc::flock = unsafe { std::mem::zeroed() };
    record.l_type = kind as libc::c_short;
    record.l_whence = libc::SEEK_SET as libc::c_short;
    record.l_start = start as libc::off_t;
    record.l_len = length as libc::off_t;
    record
}

/// Tries to take an open file description lock, exclusively; false if somebody else has it.
pub fn try_lock(file: &File, start: u64, length: u64) -> io::Result<bool> {
    let record = record(libc::F_WRLCK, start, length);
    // SAFETY: the structure is valid for the call.
    if unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_SETLK, &raw const record) } == 0 {
        return Ok(true);
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        Some(libc::EAGAIN | libc::EACCES) => Ok(false),
        _ => Err(error),
    }
}

/// Gives locks back.
pub fn unlock(file: &File, start: u64, length: u64) {
    let record = record(libc::F_UNLCK, start, length);
    // SAFETY: the structure is valid for the call.
    unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_SETLK, &raw const record) };
}

/// Whether somebody else, in this process or another, holds the lock of this byte. Disturbs nobody.
pub fn is_locked(file: &File, start: u64) -> io::Result<bool> {
    let mut record = record(libc::F_WRLCK, start, 1);
    // SAFETY: the structure is valid for the call.
    if unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_GETLK, &raw mut record) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(record.l_type != libc::F_UNLCK as libc::c_short)
}
