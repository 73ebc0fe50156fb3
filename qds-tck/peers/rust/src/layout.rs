//! Offsets and constants of the layout `qds1`, version 1.0. No other module contains a layout number.

/// Declares the offset of each field, and for the tests a table of names as the specification writes them.
macro_rules! fields {
    ($table:ident { $($name:ident $spec:literal $offset:literal $width:literal;)* }) => {
        $(pub const $name: usize = $offset;)*
        #[cfg(test)]
        pub const $table: &[(&str, usize, usize)] = &[$(($spec, $offset, $width)),*];
    };
}

fields!(HEADER_FIELDS {
    MAGIC_OFFSET "magic" 0 8;
    BYTE_ORDER_OFFSET "byteOrder" 8 4;
    VERSION_MAJOR_OFFSET "versionMajor" 12 2;
    VERSION_MINOR_OFFSET "versionMinor" 14 2;
    FEATURES_FOR_READERS "featuresForReaders" 16 8;
    FEATURES_FOR_WRITERS "featuresForWriters" 24 8;
    FEATURES_INFORMATIVE "featuresInformative" 32 8;
    HEADER_LENGTH_OFFSET "headerLength" 40 4;
    READER_ENTRY_LENGTH "readerEntryLength" 44 4;
    MESSAGE_DESCRIPTOR_LENGTH "messageDescriptorLength" 48 4;
    READER_ENTRY_COUNT "readerEntryCount" 52 4;
    READER_TABLE_OFFSET "readerTableOffset" 56 8;
    DESCRIPTOR_RING_OFFSET "descriptorRingOffset" 64 8;
    ARENA_OFFSET "arenaOffset" 72 8;
    ARENA_LENGTH "arenaLength" 80 8;
    SEGMENT_LENGTH "segmentLength" 88 8;
    SLOT_COUNT "slotCount" 96 4;
    OVERFLOW_POLICY "overflowPolicy" 100 4;
    RETAIN_COUNT "retainCount" 104 4;
    PIN_COUNT_OFFSET "pinCount" 108 4;
    MAX_MESSAGE_LENGTH "maxMessageLength" 112 8;
    CREATION_REALTIME_NS "creationRealtimeNs" 120 8;
    CREATION_MONOTONIC_NS "creationMonotonicNs" 128 8;
    INODE "inode" 136 8;
    SEGMENT_UUID "segmentUuid" 144 16;
    BOOT_ID "bootId" 160 16;
    CODEC_ID "codecId" 176 32;
    CREATOR_LANGUAGE "creatorLanguage" 208 16;
    CREATOR_VERSION "creatorVersion" 224 32;
    CREATOR_BACKEND "creatorBackend" 256 16;
    HEADER_CRC "headerCrc" 508 4;
    FLOOR "floor" 1024 8;
    PUBLISHED "published" 1152 8;
    PUBLISHED_BYTES "publishedBytes" 1160 8;
    READERS_WAITING "readersWaiting" 1280 4;
    WRITER_WAITING "writerWaiting" 1408 4;
    REMOVED "removed" 1536 4;
    WRITER_STATE "writerState" 2048 4;
    WRITER_WAKES "writerWakes" 2052 4;
    WRITER_EPOCH "writerEpoch" 2056 8;
    WRITER_TOKEN "writerToken" 2064 8;
    WRITER_PID "writerPid" 2072 8;
    WRITER_START_TIME "writerStartTime" 2080 8;
    WRITER_PID_NAMESPACE "writerPidNamespace" 2088 8;
    WRITER_SINCE_NS "writerSinceNs" 2096 8;
    WRITER_LABEL "writerLabel" 2104 48;
});

fields!(ENTRY_FIELDS {
    CURSOR "cursor" 0 8;
    WAITING_FOR "waitingFor" 8 8;
    PINS "pins" 16 96;
    LEFT_CURSOR "leftCursor" 112 8;
    STATE "state" 128 4;
    WAKES "wakes" 132 4;
    TOKEN "token" 136 8;
    PID "pid" 144 8;
    START_TIME "startTime" 152 8;
    PID_NAMESPACE "pidNamespace" 160 8;
    SINCE_NS "sinceNs" 168 8;
    READ_COUNT "readCount" 176 8;
    READ_BYTES "readBytes" 184 8;
    LOST_COUNT "lostCount" 192 8;
    LABEL "label" 200 48;
});

fields!(DESCRIPTOR_FIELDS {
    STAMP "stamp" 0 8;
    OFFSET "offset" 8 8;
    LENGTH "length" 16 8;
    TIME_NS "timeNs" 24 8;
    TAG "tag" 32 8;
    FLAGS "flags" 40 4;
    CHECKSUM "checksum" 44 4;
});

pub const MAGIC: u64 = 0x0A1A_0A0D_3153_4451;
pub const BYTE_ORDER: u32 = 0x0A0B_0C0D;
pub const VERSION_MAJOR: u16 = 1;
pub const VERSION_MINOR: u16 = 0;
pub const FEATURE_PAYLOAD_CHECKSUM: u64 = 1;

pub const HEADER_LENGTH: usize = 4096;
pub const STATIC_LENGTH: usize = 512;
pub const ENTRY_LENGTH: usize = 256;
pub const DESCRIPTOR_LENGTH: usize = 64;
pub const PIN_COUNT: usize = 12;
pub const LABEL_LENGTH: usize = 48;
pub const CODEC_ID_LENGTH: usize = 32;
#[cfg(test)]
pub const CREATOR_LANGUAGE_LENGTH: usize = 16;
pub const CREATOR_VERSION_LENGTH: usize = 32;
#[cfg(test)]
pub const CREATOR_BACKEND_LENGTH: usize = 16;

pub const PAYLOAD_ALIGNMENT: u64 = 64;
pub const SECTION_ALIGNMENT: u64 = 65536;
pub const MAX_ARENA_LENGTH: u64 = 274_877_906_880;
pub const MAX_SLOT_COUNT: u32 = 16_777_216;
pub const MAX_READER_ENTRY_COUNT: u32 = 65536;
pub const MAX_READER_TABLE_OFFSET: u64 = 1_048_576;
pub const MAX_SEQUENCE: i64 = 1 << 62;

pub const POLICY_BLOCK: i32 = 0;
pub const POLICY_DROP_OLDEST: i32 = 1;

#[cfg(test)]
pub const WRITER_NEVER: i32 = 0;
pub const WRITER_ACTIVE: i32 = 1;
pub const WRITER_CLOSED: i32 = 2;

/// Byte of the file whose lock the writer holds; reader entry i has the byte `+ 1 + i`.
pub const WRITER_LOCK: u64 = 1 << 62;
/// Bytes from [`WRITER_LOCK`] that the range lock covers.
pub const RANGE_LOCK_LENGTH: u64 = 65537;

pub const FREE: i32 = 0;
pub const JOINING: i32 = 1;
pub const ACTIVE: i32 = 2;
pub const LINGERING: i32 = 3;
pub const MODE_LOSSLESS: i32 = 0;
pub const MODE_OBSERVER: i32 = 1;

/// State and mode as the one word of an entry.
pub const fn state_word(state: i32, mode: i32) -> i32 {
    state | mode << 8
}

/// State of an entry's word.
pub const fn state_of(word: i32) -> i32 {
    word & 0xFF
}

/// Mode of an entry's word.
pub const fn mode_of(word: i32) -> i32 {
    word >> 8 & 0xFF
}

/// Whether an entry with this word holds the writer back.
pub const fn holds_back(word: i32) -> bool {
    matches!(state_of(word), JOINING | ACTIVE) && mode_of(word) == MODE_LOSSLESS
}

/// Bytes of the arena that a payload takes.
pub const fn footprint(length: u64) -> u64 {
    if length == 0 { PAYLOAD_ALIGNMENT } else { length.next_multiple_of(PAYLOAD_ALIGNMENT) }
}

/// The pin of a payload; never 0.
pub const fn pin(offset: u64, length: u64) -> u64 {
    ((offset / PAYLOAD_ALIGNMENT) << 32) | (footprint(length) / PAYLOAD_ALIGNMENT)
}

/// Start and end in the arena of what a pin holds.
pub const fn pinned(pin: u64) -> (u64, u64) {
    let start = (pin >> 32) * PAYLOAD_ALIGNMENT;
    (start, start + (pin & 0xFFFF_FFFF) * PAYLOAD_ALIGNMENT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{HashMap, HashSet};

    const OFFSETS: &str = include_str!("../../../spec/qds1-offsets.tsv");

    #[test]
    fn fields_are_those_of_the_specification() {
        let mut specified = HashSet::new();
        for line in OFFSETS.lines().filter(|line| line.starts_with("field\t")) {
            let cells: Vec<_> = line.split('\t').collect();
            specified.insert((cells[1], cells[2], cells[3].parse().unwrap(), cells[4].parse().unwrap()));
        }
        let ours: HashSet<(&str, &str, usize, usize)> =
            [("header", HEADER_FIELDS), ("readerEntry", ENTRY_FIELDS), ("messageDescriptor", DESCRIPTOR_FIELDS)]
                .into_iter()
                .flat_map(|(section, table)| table.iter().map(move |&(name, at, width)| (section, name, at, width)))
                .collect();
        assert_eq!(ours, specified);
    }

    #[test]
    fn constants_are_those_of_the_specification() {
        let specified: HashMap<_, _> = OFFSETS
            .lines()
            .filter(|line| line.starts_with("constant\t") || line.starts_with("section\t"))
            .filter(|line| !line.contains("\tname\t"))
            .map(|line| {
                let cells: Vec<_> = line.split('\t').collect();
                let value = match cells[3].strip_prefix("0x") {
                    Some(hexadecimal) => u64::from_str_radix(hexadecimal, 16).unwrap(),
                    None => cells[3].parse().unwrap(),
                };
                ((cells[0], cells[2]), value)
            })
            .collect();
        let ours: HashMap<_, u64> = [
            (("section", "header"), HEADER_LENGTH as u64),
            (("section", "readerEntry"), ENTRY_LENGTH as u64),
            (("section", "messageDescriptor"), DESCRIPTOR_LENGTH as u64),
            (("constant", "magic"), MAGIC),
            (("constant", "byteOrder"), BYTE_ORDER.into()),
            (("constant", "versionMajor"), VERSION_MAJOR.into()),
            (("constant", "versionMinor"), VERSION_MINOR.into()),
            (("constant", "featurePayloadChecksum"), FEATURE_PAYLOAD_CHECKSUM),
            (("constant", "codecIdLength"), CODEC_ID_LENGTH as u64),
            (("constant", "creatorLanguageLength"), CREATOR_LANGUAGE_LENGTH as u64),
            (("constant", "creatorVersionLength"), CREATOR_VERSION_LENGTH as u64),
            (("constant", "creatorBackendLength"), CREATOR_BACKEND_LENGTH as u64),
            (("constant", "policyBlock"), POLICY_BLOCK as u64),
            (("constant", "policyDropOldest"), POLICY_DROP_OLDEST as u64),
            (("constant", "writerNever"), WRITER_NEVER as u64),
            (("constant", "writerActive"), WRITER_ACTIVE as u64),
            (("constant", "writerClosed"), WRITER_CLOSED as u64),
            (("constant", "writerLockPosition"), WRITER_LOCK),
            (("constant", "pinCount"), PIN_COUNT as u64),
            (("constant", "labelLength"), LABEL_LENGTH as u64),
            (("constant", "free"), FREE as u64),
            (("constant", "joining"), JOINING as u64),
            (("constant", "active"), ACTIVE as u64),
            (("constant", "lingering"), LINGERING as u64),
            (("constant", "modeLossless"), MODE_LOSSLESS as u64),
            (("constant", "modeObserver"), MODE_OBSERVER as u64),
            (("constant", "payloadAlignment"), PAYLOAD_ALIGNMENT),
            (("constant", "sectionAlignment"), SECTION_ALIGNMENT),
            (("constant", "maxArenaLength"), MAX_ARENA_LENGTH),
            (("constant", "maxSlotCount"), MAX_SLOT_COUNT.into()),
            (("constant", "maxReaderEntryCount"), MAX_READER_ENTRY_COUNT.into()),
        ]
        .into();
        assert_eq!(ours, specified);
    }

    #[test]
    fn a_pin_is_never_zero_and_names_the_footprint() {
        assert_eq!(pin(0, 0), 1);
        assert_eq!(pinned(pin(128, 65)), (128, 256));
        let last = MAX_ARENA_LENGTH - 64;
        assert_eq!(pinned(pin(last, 64)), (last, MAX_ARENA_LENGTH));
    }
}
