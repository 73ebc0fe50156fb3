//! What users of one process notice.

use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use arrow_array::builder::{ListBuilder, StringViewBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::*;
use arrow_schema::Schema;
use qds::{
    ErrorKind, Message, Mode, OverflowPolicy, Reader, ReaderBuilder, Received, Start, Validation, Writer, WriterBuilder,
};

/// A channel of its own for a test, gone afterwards.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let directory = std::env::temp_dir().join(format!("qds-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        Self(directory)
    }

    fn writer(&self) -> WriterBuilder {
        Writer::builder("c").directory(&self.0).codec_id("raw").arena_length(1 << 16).slot_count(16)
    }

    fn reader(&self) -> ReaderBuilder {
        Reader::builder("c").directory(&self.0).codec_id("raw")
    }

    fn file(&self) -> PathBuf {
        self.0.join("c.qds")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn message(received: Received) -> Message {
    match received {
        Received::Message(message) => message,
        other => panic!("{other:?} instead of a message"),
    }
}

#[test]
fn every_message_arrives_once_and_in_order_although_the_ring_wraps() {
    let place = Place::new("order");
    let mut writer = place.writer().checksums(true).open().unwrap();
    let mut reader = place.reader().open().unwrap();
    let sender = thread::spawn(move || {
        for i in 0..20_000u64 {
            let mut claim = writer.claim(8 + (i * 37 % 9000) as usize).unwrap().tag(i as i64);
            claim.fill(i as u8);
            claim[..8].copy_from_slice(&i.to_le_bytes());
            assert_eq!(claim.commit().unwrap(), i as i64);
        }
    });
    for i in 0..20_000u64 {
        let message = reader.read().unwrap().unwrap();
        assert_eq!(
            (message.sequence(), message.tag(), message.len()),
            (i as i64, i as i64, 8 + (i * 37 % 9000) as usize)
        );
        assert_eq!(message[..8], i.to_le_bytes());
        assert!(message[8..].iter().all(|&byte| byte == i as u8));
    }
    sender.join().unwrap();
    assert!(reader.read().unwrap().is_none());
    drop(reader);
    assert!(!place.file().exists(), "the last to leave removes a drained channel");
}

#[test]
fn what_was_written_before_the_first_reader_is_not_lost() {
    let place = Place::new("early");
    let mut writer = place.writer().open().unwrap();
    for i in 0..16u8 {
        writer.write(&[i]).unwrap();
    }
    assert!(writer.try_claim(1).unwrap().is_none(), "16 slots are full");
    drop(writer);
    assert!(place.file().exists(), "unread messages stay");
    let mut reader = place.reader().open().unwrap();
    for i in 0..16u8 {
        assert_eq!(reader.read().unwrap().unwrap()[..], [i]);
    }
    assert!(reader.read().unwrap().is_none());
}

#[test]
fn loans_are_released_in_any_order_and_outlive_their_reader() {
    let place = Place::new("loans");
    let mut writer = place.writer().open().unwrap();
    let mut reader = place.reader().open().unwrap();
    let mut held = Vec::new();
    for i in 0..14u8 {
        writer.write(&[i; 100]).unwrap();
        held.push(reader.read().unwrap().unwrap());
    }
    held.remove(3);
    held.remove(7);
    drop(reader);
    for i in 100..140u8 {
        if let Some(mut claim) = writer.try_claim(3000).unwrap() {
            claim.fill(i);
            claim.commit().unwrap();
        }
    }
    for message in &held {
        assert_eq!(message[..], [message.sequence() as u8; 100]);
    }
    drop(held);
    let mut reader = place.reader().start(Start::Latest).open().unwrap();
    let next = writer.write(b"last").unwrap();
    assert_eq!(reader.read().unwrap().unwrap().sequence(), next);
}

#[test]
fn an_observer_is_lapped_but_what_it_holds_stays() {
    let place = Place::new("observer");
    let mut writer = place.writer().overflow_policy(OverflowPolicy::DropOldest).open().unwrap();
    assert_eq!(place.reader().open().unwrap_err().kind(), ErrorKind::Unsupported);
    let mut reader = place.reader().mode(Mode::Observer).open().unwrap();
    writer.write(&[7; 1000]).unwrap();
    let held = message(reader.try_read().unwrap());
    for i in 0..1000u32 {
        writer.write(&i.to_le_bytes().repeat(500)).unwrap();
    }
    assert_eq!(held[..], [7; 1000]);
    let mut read = 1;
    let mut last = 0;
    while let Received::Message(message) = reader.try_read().unwrap() {
        let expected = (message.sequence() - 1) as u32;
        assert_eq!(message[..], expected.to_le_bytes().repeat(500));
        last = message.sequence();
        read += 1;
    }
    assert_eq!((last, read + reader.lost_count()), (1000, 1001));
    assert!(reader.lost_count() > 900);
}

#[test]
fn observers_see_only_whole_messages_while_they_are_lapped() {
    let place = Place::new("race");
    let mut writer = place.writer().overflow_policy(OverflowPolicy::DropOldest).open().unwrap();
    let builder = place.reader().mode(Mode::Observer);
    let readers: Vec<_> = (0..2)
        .map(|i| {
            let mut reader = builder.clone().private_copies(i == 1).open().unwrap();
            thread::spawn(move || {
                let mut seen = 0;
                while let Some(message) = reader.read().unwrap() {
                    let word = &message[..8];
                    assert!(message.chunks(8).all(|chunk| chunk == word), "message {} is torn", message.sequence());
                    seen += 1;
                }
                assert_eq!(seen + reader.lost_count(), 50_000);
            })
        })
        .collect();
    for i in 0..50_000u64 {
        writer.write(&i.to_le_bytes().repeat(1 + i as usize % 600)).unwrap();
    }
    drop(writer);
    readers.into_iter().for_each(|reader| reader.join().unwrap());
}

#[test]
fn a_reader_that_holds_and_waits_is_named_instead_of_waited_for() {
    let place = Place::new("blocked");
    let mut writer = place.writer().open().unwrap();
    let mut reader = place.reader().label("greedy").open().unwrap();
    let max = (1 << 15) - 64;
    writer.write(&vec![1; max]).unwrap();
    let first = reader.read().unwrap().unwrap();
    writer.write(&vec![2; max]).unwrap();
    let second = reader.read().unwrap().unwrap();
    let waiting = thread::spawn(move || reader.read_timeout(Duration::from_secs(60)).map(|_| ()));
    let error = writer.claim(max).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReaderHoldsLoans);
    assert!(error.to_string().contains("greedy"), "{error}");
    drop((first, second));
    writer.write(&[3]).unwrap();
    waiting.join().unwrap().unwrap();
}

#[test]
fn one_writer_at_a_time_and_a_successor_goes_on() {
    let place = Place::new("successor");
    let mut writer = place.writer().open().unwrap();
    assert_eq!(place.writer().open().unwrap_err().kind(), ErrorKind::SecondWriter);
    let mut reader = place.reader().wait_for_successor(true).open().unwrap();
    writer.write(b"a").unwrap();
    drop(writer);
    assert_eq!(place.writer().codec_id("other").open().unwrap_err().kind(), ErrorKind::CodecDiffers);
    let mut writer = place.writer().open().unwrap();
    assert_eq!(writer.write(b"b").unwrap(), 1);
    assert_eq!(reader.read().unwrap().unwrap()[..], *b"a");
    assert_eq!(reader.read().unwrap().unwrap()[..], *b"b");
    assert!(matches!(reader.read_timeout(Duration::from_millis(1)).unwrap(), Received::Nothing));
}

#[test]
fn a_successor_copes_with_a_reader_that_died_joining_below_the_floor() {
    let place = Place::new("joining");
    let mut writer = place.writer().open().unwrap();
    let mut reader = place.reader().open().unwrap();
    for i in 0..100u8 {
        writer.write(&vec![i; 20_000]).unwrap();
        reader.read().unwrap();
    }
    writer.write(&[100; 30_000]).unwrap();
    drop((writer, reader));
    // Entry 3, as it stands once state and cursor are stored and the floor is not yet looked at.
    let file = std::fs::OpenOptions::new().write(true).open(place.file()).unwrap();
    let entry = 4096 + 3 * 256;
    file.write_all_at(&90u64.to_le_bytes(), entry).unwrap();
    file.write_all_at(&1u32.to_le_bytes(), entry + 128).unwrap();
    let mut writer = place.writer().open().unwrap();
    let mut reader = place.reader().open().unwrap();
    for i in 101..200u8 {
        writer.write(&vec![i; 10_000]).unwrap();
        let message = reader.read().unwrap().unwrap();
        assert_eq!(message.sequence(), i64::from(i) - 1);
        assert!(message.iter().all(|&byte| byte == i - 1));
    }
}

#[test]
fn a_full_reader_table_is_busy_and_a_left_entry_is_free() {
    let place = Place::new("table");
    let _writer = place.writer().reader_entry_count(2).open().unwrap();
    let first = place.reader().open().unwrap();
    let _second = place.reader().open().unwrap();
    assert_eq!(place.reader().open().unwrap_err().kind(), ErrorKind::ReaderTableFull);
    drop(first);
    place.reader().open().unwrap();
}

#[test]
fn names_sequences_and_sizes_that_cannot_be_are_refused() {
    let place = Place::new("misuse");
    assert_eq!(Writer::builder("../x").open().unwrap_err().kind(), ErrorKind::Misuse);
    assert_eq!(place.reader().open().unwrap_err().kind(), ErrorKind::NoSuchChannel);
    let mut writer = place.writer().open().unwrap();
    assert_eq!(writer.claim(1 << 16).unwrap_err().kind(), ErrorKind::MessageTooLarge);
    assert_eq!(writer.claim(1).unwrap().commit_length(2).unwrap_err().kind(), ErrorKind::Misuse);
    assert_eq!(place.reader().start(Start::At(1)).open().unwrap_err().kind(), ErrorKind::SequenceGone);
    assert_eq!(Reader::builder("c").directory(&place.0).open().unwrap_err().kind(), ErrorKind::CodecDiffers);
    assert_eq!(qds::remove("c", Some(&place.0)).unwrap_err().kind(), ErrorKind::InUse);
    writer.write(b"unread").unwrap();
    drop(writer);
    assert!(qds::remove("c", Some(&place.0)).unwrap());
    assert!(!qds::remove("c", Some(&place.0)).unwrap());
}

fn of_many_types() -> RecordBatch {
    let mut lists = ListBuilder::new(StringViewBuilder::new());
    lists.append_value([Some("short"), None, Some("longer than twelve bytes")]);
    lists.append_null();
    lists.append_value([Some("another one that is long")]);
    lists.append_value(std::iter::empty::<Option<&str>>());
    let strings: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None, Some("ccc"), Some("")]));
    let structs = StructArray::try_from(vec![
        ("s", strings.clone()),
        ("b", Arc::new(BooleanArray::from(vec![true, false, true, true])) as ArrayRef),
    ]);
    let runs =
        RunArray::<Int32Type>::try_new(&Int32Array::from(vec![1, 4]), &Float64Array::from(vec![0.5, 1.5])).unwrap();
    RecordBatch::try_from_iter_with_nullable([
        ("int", Arc::new(Int64Array::from(vec![Some(1), None, Some(3), Some(4)])) as ArrayRef, true),
        ("string", strings, true),
        ("large", Arc::new(LargeStringArray::from(vec!["w", "x", "y", "z"])), false),
        ("views", Arc::new(lists.finish()), true),
        ("struct", Arc::new(structs.unwrap()), true),
        (
            "dictionary",
            Arc::new(vec![Some("u"), None, Some("v"), Some("u")].into_iter().collect::<DictionaryArray<Int32Type>>()),
            true,
        ),
        ("runs", Arc::new(runs), true),
        ("null", Arc::new(NullArray::new(4)), true),
        ("decimal", Arc::new(Decimal128Array::from(vec![1, 2, 3, -4]).with_precision_and_scale(20, 2).unwrap()), true),
        ("zoned", Arc::new(TimestampMicrosecondArray::from(vec![1, 2, 3, 4]).with_timezone("Europe/Berlin")), true),
        (
            "fixed",
            Arc::new(FixedSizeBinaryArray::try_from_iter([[1u8; 3], [2; 3], [3; 3], [4; 3]].iter()).unwrap()),
            true,
        ),
    ])
    .unwrap()
}

fn arrow_channel(name: &str) -> (Place, Writer) {
    let place = Place::new(name);
    let writer = Writer::builder("c").directory(&place.0).arena_length(1 << 20).open().unwrap();
    (place, writer)
}

#[test]
fn batches_of_many_types_arrive_as_they_were_and_without_a_copy() {
    let (place, mut writer) = arrow_channel("types");
    let batch = of_many_types();
    let slice = batch.slice(1, 2);
    for validation in [Validation::Structure, Validation::Full] {
        let reader = Reader::builder("c").directory(&place.0).validation(validation).start(Start::Latest);
        let mut reader = reader.open().unwrap();
        writer.write_arrow(&batch.schema(), &[batch.clone(), batch.slice(0, 0)]).unwrap();
        writer.write_batch(&slice).unwrap();
        writer.write_arrow(&batch.schema(), &[]).unwrap();
        let first = reader.read().unwrap().unwrap();
        let batches = first.batches().unwrap();
        assert_eq!(batches.batches(), [batch.clone(), batch.slice(0, 0)]);
        let payload = first.as_ptr_range();
        for column in batches.batches()[0].columns() {
            for buffer in column.to_data().buffers() {
                assert!(payload.contains(&buffer.as_ptr()), "{} was copied", column.data_type());
                assert_eq!(buffer.as_ptr().align_offset(64), 0, "{}", column.data_type());
            }
        }
        assert_eq!(reader.read().unwrap().unwrap().batches().unwrap().into_batches(), vec![slice.clone()]);
        let empty = reader.read().unwrap().unwrap().batches().unwrap();
        assert_eq!((empty.schema(), empty.row_count()), (&batch.schema(), 0));
    }
}

#[test]
fn arrays_keep_the_loan() {
    let (place, mut writer) = arrow_channel("arrays");
    let mut reader = Reader::builder("c").directory(&place.0).open().unwrap();
    let batch = of_many_types();
    writer.write_batch(&batch).unwrap();
    let column = reader.read().unwrap().unwrap().batches().unwrap().into_batches()[0].column(1).clone();
    drop(reader);
    for _ in 0..1000 {
        let other = batch.slice(0, 1);
        let reader = Reader::builder("c").directory(&place.0).start(Start::Latest).open().unwrap();
        writer.write_batch(&other).unwrap();
        drop(reader);
    }
    assert_eq!(&column, batch.column(1));
}

#[test]
fn no_changed_byte_of_a_message_does_worse_than_an_error() {
    let (place, mut writer) = arrow_channel("hostile");
    let reader = Reader::builder("c").directory(&place.0).private_copies(true);
    let mut full = reader.clone().validation(Validation::Full).open().unwrap();
    let mut structure = reader.open().unwrap();
    writer.write_batch(&of_many_types()).unwrap();
    let sound = full.read().unwrap().unwrap().to_vec();
    structure.read().unwrap();
    for at in 0..sound.len() {
        for flip in [0x01, 0xC0] {
            let mut changed = sound.clone();
            changed[at] ^= flip;
            writer.write(&changed).unwrap();
            let _ = structure.read().unwrap().unwrap().batches().map(|batches| batches.row_count());
            if let Ok(batches) = full.read().unwrap().unwrap().batches() {
                // What passed can be used.
                let _ = format!("{:?}", batches.batches());
            }
        }
    }
    for end in (0..sound.len()).step_by(8) {
        writer.write(&sound[..end]).unwrap();
        let _ = structure.read().unwrap().unwrap().batches();
        let _ = full.read().unwrap().unwrap().batches();
    }
    writer.write_batch(&RecordBatch::new_empty(Arc::new(Schema::empty()))).unwrap();
    assert_eq!(full.read().unwrap().unwrap().batches().unwrap().row_count(), 0);
}

#[test]
fn a_suspended_claim_is_good_until_another_is_made() {
    let place = Place::new("suspended");
    let mut writer = place.writer().open().unwrap();
    let mut claim = writer.claim(6).unwrap().tag(7);
    claim[..3].copy_from_slice(b"abc");
    let claim = claim.suspend();
    assert_eq!(writer.next_sequence(), 0);
    let mut claim = writer.resume(claim).unwrap();
    claim[3..].copy_from_slice(b"def");
    claim.commit().unwrap();
    let mut reader = place.reader().open().unwrap();
    let message = reader.read().unwrap().unwrap();
    assert_eq!((&message[..], message.tag()), (&b"abcdef"[..], 7));
    let void = writer.claim(1).unwrap().suspend();
    writer.write(b"another").unwrap();
    assert_eq!(writer.resume(void).unwrap_err().kind(), ErrorKind::Misuse);
    assert_eq!(reader.read().unwrap().unwrap()[..], *b"another");
    assert!(matches!(reader.try_read().unwrap(), Received::Nothing));
}

#[test]
fn a_message_stays_when_its_observer_is_closed() {
    let place = Place::new("lingering");
    let mut writer = place.writer().overflow_policy(OverflowPolicy::DropOldest).open().unwrap();
    let mut reader = place.reader().mode(Mode::Observer).open().unwrap();
    writer.write(&[7; 1000]).unwrap();
    let held = message(reader.try_read().unwrap());
    drop(reader);
    let state = || {
        let mut word = [0; 4];
        std::fs::File::open(place.file()).unwrap().read_exact_at(&mut word, 4096 + 128).unwrap();
        word
    };
    assert_eq!(state(), [3, 1, 0, 0], "LINGERING, OBSERVER");
    for i in 0..1000u32 {
        writer.write(&i.to_le_bytes().repeat(500)).unwrap();
    }
    assert_eq!(held[..], [7; 1000]);
    drop(held);
    assert_eq!(state()[0], 0, "FREE");
}

#[test]
fn a_message_without_its_stamp_is_damage_and_passed_over() {
    let place = Place::new("stamp");
    let mut writer = place.writer().open().unwrap();
    writer.write(b"lost").unwrap();
    writer.write(b"found").unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(place.file()).unwrap();
    file.write_all_at(&[0; 8], 4096 + 64 * 256).unwrap();
    for mode in [Mode::Lossless, Mode::Observer] {
        let mut reader = place.reader().mode(mode).open().unwrap();
        assert_eq!(reader.read().unwrap_err().kind(), ErrorKind::Corrupt);
        assert_eq!(reader.read().unwrap().unwrap()[..], *b"found");
    }
}

/// In a process that may write no longer file than 1 MiB: were the channel made after all, that would end it by a signal,
/// before it filled the memory of the machine.
#[test]
fn a_channel_that_has_no_room_is_refused_before_it_is_made() {
    let status = Command::new("sh")
        .args(["-c", "ulimit -f 2048; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "room", "--ignored"])
        .status()
        .unwrap();
    assert!(status.success(), "{status}");
}

#[test]
#[ignore = "what the other process does"]
fn room() {
    let name = format!("qds-{}-room", std::process::id());
    let error = Writer::builder(&name).directory("/dev/shm").arena_length(u64::MAX).open().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DirectoryFull, "{error}");
    assert!(error.to_string().contains("needs 2748"), "the figures: {error}");
    let error = Writer::builder(&name).directory("/dev/shm").arena_length(2 << 20).open().unwrap_err();
    assert!(error.to_string().contains("the file-size limit of this process is 1048576"), "{error}");
    let left = std::fs::read_dir("/dev/shm").unwrap().any(|entry| {
        let entry = entry.unwrap().file_name();
        entry.to_string_lossy().contains(&name)
    });
    assert!(!left);
}

#[test]
fn batches_whose_dictionaries_differ_arrive_as_one() {
    let (place, mut writer) = arrow_channel("dictionaries");
    let mut reader = Reader::builder("c").directory(&place.0).open().unwrap();
    let batch = |texts: [&str; 2]| {
        let dictionary: DictionaryArray<Int32Type> = texts.into_iter().collect();
        let nested = StructArray::try_from(vec![("d", Arc::new(dictionary) as ArrayRef)]).unwrap();
        RecordBatch::try_from_iter([("s", Arc::new(nested) as ArrayRef)]).unwrap()
    };
    let (first, second) = (batch(["a", "b"]), batch(["c", "a"]));
    writer.write_arrow(&first.schema(), &[first.clone(), first.clone()]).unwrap();
    writer.write_arrow(&first.schema(), &[first.clone(), second]).unwrap();
    assert_eq!(reader.read().unwrap().unwrap().batches().unwrap().batches(), [first.clone(), first]);
    let joined = reader.read().unwrap().unwrap().batches().unwrap().into_batches();
    let texts: Vec<_> = joined
        .iter()
        .flat_map(|batch| {
            let dictionary = batch.column(0).as_struct().column(0).as_dictionary::<Int32Type>().clone();
            let texts = dictionary.downcast_dict::<StringArray>().unwrap();
            texts.into_iter().map(|text| text.unwrap().to_owned()).collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(texts, ["a", "b", "c", "a"]);
}
