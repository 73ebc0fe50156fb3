//! The static block: what never changes of a segment, encoded and checked.

use std::io::Read;
use std::time::SystemTime;

use crate::crc::crc32c;
use crate::error::{Error, ErrorKind, Result};
use crate::layout::*;
use crate::sys;

/// What a writer does when a reader is in its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OverflowPolicy {
    /// Wait for lossless readers.
    Block,
    /// Never wait; only observers may attach.
    DropOldest,
}

/// The checked static block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub reader_table_offset: u64,
    pub descriptor_ring_offset: u64,
    pub arena_offset: u64,
    pub arena_length: u64,
    pub segment_length: u64,
    pub reader_entry_count: u32,
    pub slot_count: u32,
    pub policy: OverflowPolicy,
    pub retain_count: u32,
    pub max_message_length: u64,
    pub checksums: bool,
    pub codec_id: String,
    pub inode: u64,
    pub boot_id: [u8; 16],
}

impl Default for Header {
    /// What a writer gets that asks for nothing; sections are not laid out yet.
    fn default() -> Self {
        Self {
            reader_table_offset: 0,
            descriptor_ring_offset: 0,
            arena_offset: 0,
            arena_length: 64 << 20,
            segment_length: 0,
            reader_entry_count: 64,
            slot_count: 1024,
            policy: OverflowPolicy::Block,
            retain_count: 0,
            max_message_length: 0,
            checksums: false,
            codec_id: crate::ARROW_CODEC_ID.to_owned(),
            inode: 0,
            boot_id: boot_id(),
        }
    }
}

impl Header {
    /// Lays out the sections of a new segment with these counts and this arena.
    pub fn lay_out(mut self) -> Self {
        self.reader_table_offset = HEADER_LENGTH as u64;
        self.descriptor_ring_offset =
            self.reader_table_offset + u64::from(self.reader_entry_count) * ENTRY_LENGTH as u64;
        self.arena_offset = (self.descriptor_ring_offset + u64::from(self.slot_count) * DESCRIPTOR_LENGTH as u64)
            .next_multiple_of(SECTION_ALIGNMENT);
        self.segment_length = self.arena_offset + self.arena_length;
        if self.max_message_length == 0 {
            self.max_message_length = ((self.arena_length / 2).saturating_sub(64) / 64 * 64).max(64);
        }
        self
    }

    /// The bytes of the block, with the CRC.
    pub fn encode(&self) -> [u8; STATIC_LENGTH] {
        let mut block = [0; STATIC_LENGTH];
        let mut put = |offset: usize, bytes: &[u8]| block[offset..offset + bytes.len()].copy_from_slice(bytes);
        let features = if self.checksums { FEATURE_PAYLOAD_CHECKSUM } else { 0 };
        let policy = match self.policy {
            OverflowPolicy::Block => POLICY_BLOCK,
            OverflowPolicy::DropOldest => POLICY_DROP_OLDEST,
        };
        put(MAGIC_OFFSET, &MAGIC.to_le_bytes());
        put(BYTE_ORDER_OFFSET, &BYTE_ORDER.to_le_bytes());
        put(VERSION_MAJOR_OFFSET, &VERSION_MAJOR.to_le_bytes());
        put(VERSION_MINOR_OFFSET, &VERSION_MINOR.to_le_bytes());
        put(FEATURES_FOR_WRITERS, &features.to_le_bytes());
        put(FEATURES_INFORMATIVE, &features.to_le_bytes());
        put(HEADER_LENGTH_OFFSET, &(HEADER_LENGTH as u32).to_le_bytes());
        put(READER_ENTRY_LENGTH, &(ENTRY_LENGTH as u32).to_le_bytes());
        put(MESSAGE_DESCRIPTOR_LENGTH, &(DESCRIPTOR_LENGTH as u32).to_le_bytes());
        put(READER_ENTRY_COUNT, &self.reader_entry_count.to_le_bytes());
        put(READER_TABLE_OFFSET, &self.reader_table_offset.to_le_bytes());
        put(DESCRIPTOR_RING_OFFSET, &self.descriptor_ring_offset.to_le_bytes());
        put(ARENA_OFFSET, &self.arena_offset.to_le_bytes());
        put(ARENA_LENGTH, &self.arena_length.to_le_bytes());
        put(SEGMENT_LENGTH, &self.segment_length.to_le_bytes());
        put(SLOT_COUNT, &self.slot_count.to_le_bytes());
        put(OVERFLOW_POLICY, &policy.to_le_bytes());
        put(RETAIN_COUNT, &self.retain_count.to_le_bytes());
        put(PIN_COUNT_OFFSET, &(PIN_COUNT as u32).to_le_bytes());
        put(MAX_MESSAGE_LENGTH, &self.max_message_length.to_le_bytes());
        put(CREATION_REALTIME_NS, &realtime_ns().to_le_bytes());
        put(CREATION_MONOTONIC_NS, &sys::monotonic_ns().to_le_bytes());
        put(INODE, &self.inode.to_le_bytes());
        put(SEGMENT_UUID, &random_uuid());
        put(BOOT_ID, &self.boot_id);
        put(CODEC_ID, self.codec_id.as_bytes());
        put(CREATOR_LANGUAGE, b"rust");
        put(CREATOR_VERSION, &padded::<CREATOR_VERSION_LENGTH>(env!("CARGO_PKG_VERSION")));
        put(CREATOR_BACKEND, b"mmap");
        let crc = crc32c(&block[..HEADER_CRC]);
        block[HEADER_CRC..].copy_from_slice(&crc.to_le_bytes());
        block
    }

    /// Checks a private copy of the block, in the order which the specification demands (QDS1-HDR-03, -04).
    pub fn decode(channel: &str, block: &[u8; STATIC_LENGTH], file_length: u64, writer: bool) -> Result<Self> {
        let fail = |kind, field: &str, found: String, allowed: &str, remedy: &str| {
            let text = format!("channel '{channel}': {field} is {found}, allowed is {allowed}; {remedy}");
            Err(Error::new(kind, text))
        };
        let damaged = |field: &str, found: u64, allowed: &str| {
            fail(ErrorKind::Corrupt, field, found.to_string(), allowed, "the file is damaged: remove it")
        };
        let unsupported = |field: &str, found: u64, allowed: &str| {
            let remedy = "it was made by another version: update this program or the creator's";
            fail(ErrorKind::Unsupported, field, format!("{found:#x}"), allowed, remedy)
        };
        let u16 = |offset| u16::from_le_bytes(field(block, offset));
        let u32 = |offset| u32::from_le_bytes(field(block, offset));
        let u64 = |offset| u64::from_le_bytes(field(block, offset));

        if u64(MAGIC_OFFSET) != MAGIC {
            let remedy = "this is no qds1 segment";
            return fail(ErrorKind::Corrupt, "magic", format!("{:#x}", u64(MAGIC_OFFSET)), "0xa1a0a0d31534451", remedy);
        }
        if u32(BYTE_ORDER_OFFSET) != BYTE_ORDER {
            let found = u32(BYTE_ORDER_OFFSET);
            if found != BYTE_ORDER.swap_bytes() {
                return fail(ErrorKind::Corrupt, "byteOrder", format!("{found:#x}"), "0xa0b0c0d", "the file is damaged: remove it");
            }
            return unsupported("byteOrder", found.into(), "0xa0b0c0d");
        }
        if u16(VERSION_MAJOR_OFFSET) != VERSION_MAJOR {
            return unsupported("versionMajor", u16(VERSION_MAJOR_OFFSET).into(), "1");
        }
        let crc = crc32c(&block[..HEADER_CRC]);
        if u32(HEADER_CRC) != crc {
            return damaged("headerCrc", u32(HEADER_CRC).into(), &crc.to_string());
        }
        if u64(FEATURES_FOR_READERS) != 0 {
            return unsupported("featuresForReaders", u64(FEATURES_FOR_READERS), "0");
        }
        let features = u64(FEATURES_FOR_WRITERS);
        if writer && features & !FEATURE_PAYLOAD_CHECKSUM != 0 {
            return unsupported("featuresForWriters", features, "0 or 1");
        }
        if (features ^ u64(FEATURES_INFORMATIVE)) & FEATURE_PAYLOAD_CHECKSUM != 0 {
            return damaged("featuresInformative", u64(FEATURES_INFORMATIVE), "bit 0 as in featuresForWriters");
        }

        for (name, offset, expected) in [
            ("headerLength", HEADER_LENGTH_OFFSET, HEADER_LENGTH),
            ("readerEntryLength", READER_ENTRY_LENGTH, ENTRY_LENGTH),
            ("messageDescriptorLength", MESSAGE_DESCRIPTOR_LENGTH, DESCRIPTOR_LENGTH),
            ("pinCount", PIN_COUNT_OFFSET, PIN_COUNT),
        ] {
            if u32(offset) as usize != expected {
                return damaged(name, u32(offset).into(), &expected.to_string());
            }
        }
        let entries = u32(READER_ENTRY_COUNT);
        if !(1..=MAX_READER_ENTRY_COUNT).contains(&entries) {
            return damaged("readerEntryCount", entries.into(), "1 to 65536");
        }
        let slots = u32(SLOT_COUNT);
        if !(2..=MAX_SLOT_COUNT).contains(&slots) || !slots.is_power_of_two() {
            return damaged("slotCount", slots.into(), "a power of two, 2 to 16777216");
        }
        let table = u64(READER_TABLE_OFFSET);
        if !(HEADER_LENGTH as u64..=MAX_READER_TABLE_OFFSET).contains(&table) || !table.is_multiple_of(128) {
            return damaged("readerTableOffset", table, "a multiple of 128, 4096 to 1048576");
        }
        // None of these sums can overflow: table and counts are bounded, and ring and arena are compared before.
        let ring = u64(DESCRIPTOR_RING_OFFSET);
        let table_end = table + u64::from(entries) * ENTRY_LENGTH as u64;
        let segment_length = u64(SEGMENT_LENGTH);
        if segment_length != file_length || segment_length > i64::MAX as u64 {
            return damaged("segmentLength", segment_length, &format!("the length of the file, {file_length}"));
        }
        if ring < table_end || !ring.is_multiple_of(64) || ring > segment_length {
            return damaged("descriptorRingOffset", ring, &format!("a multiple of 64 from {table_end}"));
        }
        let ring_end = ring + u64::from(slots) * DESCRIPTOR_LENGTH as u64;
        let arena = u64(ARENA_OFFSET);
        if arena < ring_end || !arena.is_multiple_of(SECTION_ALIGNMENT) || arena > segment_length {
            return damaged("arenaOffset", arena, &format!("a multiple of 65536 from {ring_end}"));
        }
        let arena_length = u64(ARENA_LENGTH);
        if !(128..=MAX_ARENA_LENGTH).contains(&arena_length)
            || !arena_length.is_multiple_of(64)
            || arena_length > segment_length - arena
        {
            let allowed = format!("a multiple of 64, 128 to {}", MAX_ARENA_LENGTH.min(segment_length - arena));
            return damaged("arenaLength", arena_length, &allowed);
        }
        let policy = match u32(OVERFLOW_POLICY) as i32 {
            POLICY_BLOCK => OverflowPolicy::Block,
            POLICY_DROP_OLDEST => OverflowPolicy::DropOldest,
            other => return damaged("overflowPolicy", other as u32 as u64, "0 or 1"),
        };
        let retain_count = u32(RETAIN_COUNT);
        if retain_count > i32::MAX as u32 {
            return damaged("retainCount", retain_count.into(), "0 or more");
        }
        let max_message_length = u64(MAX_MESSAGE_LENGTH);
        if !(1..=arena_length).contains(&max_message_length) {
            return damaged("maxMessageLength", max_message_length, &format!("1 to {arena_length}"));
        }
        let codec: [u8; CODEC_ID_LENGTH] = field(block, CODEC_ID);
        let length = codec.iter().position(|&byte| byte == 0).unwrap_or(CODEC_ID_LENGTH);
        if length == 0
            || !codec[..length].iter().all(u8::is_ascii_graphic)
            || codec[length..].iter().any(|&byte| byte != 0)
        {
            let found = format!("{:?}", String::from_utf8_lossy(&codec));
            let allowed = "1 to 32 printable ASCII characters, then zeros";
            return fail(ErrorKind::Corrupt, "codecId", found, allowed, "the file is damaged: remove it");
        }
        Ok(Self {
            reader_table_offset: table,
            descriptor_ring_offset: ring,
            arena_offset: arena,
            arena_length,
            segment_length,
            reader_entry_count: entries,
            slot_count: slots,
            policy,
            retain_count,
            max_message_length,
            checksums: features & FEATURE_PAYLOAD_CHECKSUM != 0,
            codec_id: String::from_utf8_lossy(&codec[..length]).into_owned(),
            inode: u64(INODE),
            boot_id: field(block, BOOT_ID),
        })
    }
}

fn field<const N: usize>(block: &[u8; STATIC_LENGTH], offset: usize) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.copy_from_slice(&block[offset..offset + N]);
    bytes
}

/// A text cut at a character's boundary and padded with zeros.
pub(crate) fn padded<const N: usize>(text: &str) -> [u8; N] {
    let mut bytes = [0; N];
    let mut end = text.len().min(N);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    bytes[..end].copy_from_slice(&text.as_bytes()[..end]);
    bytes
}

/// The boot id of this machine, zeros where it has none.
pub(crate) fn boot_id() -> [u8; 16] {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let mut id = [0; 16];
    if digits.len() == 32 {
        for (byte, pair) in id.iter_mut().zip(digits.chunks(2)) {
            *byte = u8::from_str_radix(&String::from_utf8_lossy(pair), 16).unwrap_or(0);
        }
    }
    id
}

/// Random bytes from the kernel.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    std::fs::File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut bytes))
        .expect("/dev/urandom can be read");
    bytes
}

fn random_uuid() -> [u8; 16] {
    let mut uuid: [u8; 16] = random();
    uuid[6] = uuid[6] & 0x0F | 0x40;
    uuid[8] = uuid[8] & 0x3F | 0x80;
    uuid
}

/// Nanoseconds since 1970.
pub(crate) fn realtime_ns() -> i64 {
    SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_nanos() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound() -> ([u8; STATIC_LENGTH], u64) {
        let header = Header { arena_length: 1 << 20, ..Header::default() }.lay_out();
        (header.encode(), header.segment_length)
    }

    fn sealed(mut block: [u8; STATIC_LENGTH]) -> [u8; STATIC_LENGTH] {
        let crc = crc32c(&block[..HEADER_CRC]);
        block[HEADER_CRC..].copy_from_slice(&crc.to_le_bytes());
        block
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        let header = Header {
            arena_length: 128,
            reader_entry_count: 1,
            slot_count: 2,
            policy: OverflowPolicy::DropOldest,
            retain_count: 3,
            max_message_length: 100,
            checksums: true,
            inode: 77,
            ..Header::default()
        }
        .lay_out();
        let length = header.segment_length;
        assert_eq!(Header::decode("c", &header.encode(), length, true).unwrap(), header);
    }

    #[test]
    fn every_changed_byte_is_damage_or_another_version() {
        let (block, length) = sound();
        for at in 0..STATIC_LENGTH {
            let mut changed = block;
            changed[at] ^= 0x10;
            let kind = Header::decode("c", &changed, length, true).map(|_| ()).unwrap_err().kind();
            let unsupported = (12..14).contains(&at);
            assert_eq!(kind, if unsupported { ErrorKind::Unsupported } else { ErrorKind::Corrupt }, "byte {at}");
        }
    }

    #[test]
    fn extreme_values_under_a_right_crc_are_refused() {
        let (block, length) = sound();
        let wide = [56, 64, 72, 80, 88, 112];
        for (offset, width) in
            wide.map(|o| (o, 8)).into_iter().chain([40, 44, 48, 52, 96, 100, 104, 108].map(|o| (o, 4)))
        {
            for value in [u64::MAX, i64::MAX as u64, 1 << 63, 1 << 31] {
                let mut changed = block;
                changed[offset..offset + width].copy_from_slice(&value.to_le_bytes()[..width]);
                let unchanged = changed[offset..offset + width] == block[offset..offset + width];
                let zero_is_fine = offset == RETAIN_COUNT && value as u32 & i32::MAX as u32 == value as u32;
                if !unchanged && !zero_is_fine {
                    let error = Header::decode("c", &sealed(changed), length, true).unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::Corrupt, "offset {offset} value {value:#x}: {error}");
                }
            }
        }
    }

    #[test]
    fn an_unknown_feature_for_writers_stops_writers_only() {
        let (mut block, length) = sound();
        block[FEATURES_FOR_WRITERS] = 2;
        let block = sealed(block);
        assert!(Header::decode("c", &block, length, false).is_ok());
        assert_eq!(Header::decode("c", &block, length, true).unwrap_err().kind(), ErrorKind::Unsupported);
    }
}
