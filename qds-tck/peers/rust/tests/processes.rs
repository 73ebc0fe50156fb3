//! Two real processes, and what is left when one of them is killed.
//!
//! The other process is this test program, started again with the ignored test `child` and its role in the environment.

use std::io::{BufRead, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use qds::{ErrorKind, Reader, Received, Writer};

fn writer(directory: &Path) -> qds::WriterBuilder {
    Writer::builder("c").directory(directory).arena_length(1 << 18)
}

fn reader(directory: &Path) -> qds::ReaderBuilder {
    Reader::builder("c").directory(directory).open_timeout(Duration::from_secs(60))
}

fn batch(i: i64) -> RecordBatch {
    let rows = i % 100;
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(i..i + rows));
    let texts: ArrayRef = Arc::new(StringArray::from_iter_values((0..rows).map(|row| format!("row {row} of {i}"))));
    RecordBatch::try_from_iter([("number", numbers), ("text", texts)]).unwrap()
}

struct Other {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Other {
    fn start(role: &str, directory: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child", "--ignored", "--nocapture"])
            .env("QDS_TEST_ROLE", role)
            .env("QDS_TEST_DIRECTORY", directory)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    fn await_line(&mut self, text: &str) {
        let found = self.lines.by_ref().any(|line| line.unwrap().contains(text));
        assert!(found, "the other process never said {text:?}");
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn finish(mut self) {
        self.lines.by_ref().for_each(drop);
        assert!(self.child.wait().unwrap().success());
    }
}

#[test]
#[ignore = "what the other process does"]
fn child() {
    let Ok(role) = std::env::var("QDS_TEST_ROLE") else { return };
    let directory = PathBuf::from(std::env::var_os("QDS_TEST_DIRECTORY").unwrap());
    match role.as_str() {
        "write 5000" => {
            let mut writer = writer(&directory).open().unwrap();
            (0..5000).for_each(|i| assert_eq!(writer.write_batch(&batch(i)).unwrap(), i));
        }
        "write for ever" => {
            let mut writer = writer(&directory).open().unwrap();
            for i in writer.next_sequence().. {
                writer.write_batch(&batch(i)).unwrap();
                println!("wrote");
            }
        }
        "hold the first" => {
            let mut reader = reader(&directory).open().unwrap();
            let message = reader.read().unwrap();
            println!("\nholding");
            std::thread::sleep(Duration::from_secs(600));
            drop(message);
        }
        other => panic!("role {other}"),
    }
}

fn directory(name: &str) -> PathBuf {
    let directory = std::env::temp_dir().join(format!("qds-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    directory
}

#[test]
fn batches_go_from_process_to_process() {
    let directory = directory("flow");
    let other = Other::start("write 5000", &directory);
    let mut reader = reader(&directory).open().unwrap();
    for i in 0..5000 {
        assert_eq!(reader.read().unwrap().unwrap().batches().unwrap().batches(), [batch(i)]);
    }
    assert!(reader.read().unwrap().is_none());
    other.finish();
    drop(reader);
    assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 0, "nothing is left");
    std::fs::remove_dir(directory).unwrap();
}

#[test]
fn a_killed_writer_is_reported_after_its_last_message_and_can_be_followed() {
    let directory = directory("killed-writer");
    let mut reader: Option<Reader> = None;
    let mut next = 0;
    for round in 0..5 {
        let mut other = Other::start("write for ever", &directory);
        other.await_line("wrote");
        let reader = reader.get_or_insert_with(|| self::reader(&directory).open().unwrap());
        while next < 500 * (round + 1) {
            assert_eq!(reader.read().unwrap().unwrap().batches().unwrap().batches(), [batch(next)]);
            next += 1;
        }
        other.kill();
        let error = loop {
            match reader.read() {
                Ok(message) => {
                    assert_eq!(message.unwrap().batches().unwrap().batches(), [batch(next)]);
                    next += 1;
                }
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::WriterDied, "{error}");
    }
    let mut writer = writer(&directory).open().unwrap();
    assert_eq!(writer.write_batch(&batch(0)).unwrap(), next);
    assert_eq!(reader.as_mut().unwrap().read().unwrap().unwrap().sequence(), next);
    drop((writer, reader));
    std::fs::remove_dir(directory).unwrap();
}

#[test]
fn a_killed_reader_does_not_block_the_writer_for_ever() {
    let directory = directory("killed-reader");
    let mut writer = writer(&directory).reader_entry_count(1).open().unwrap();
    writer.write_batch(&batch(50)).unwrap();
    let mut other = Other::start("hold the first", &directory);
    other.await_line("holding");
    while let Some(mut claim) = writer.try_claim(10_000).unwrap() {
        claim.fill(0);
        claim.commit().unwrap();
    }
    other.kill();
    // Waits for the dead reader to be found, then fails for a reader that nobody is: what was not read stays.
    let kept = writer.claim_timeout(100_000, Duration::from_millis(500)).unwrap().is_none();
    assert!(kept, "only the first message may go with the dead reader");
    let mut reader = reader(&directory).open().unwrap();
    while let Received::Message(message) = reader.try_read().unwrap() {
        assert!(message.len() > 100);
    }
    writer.claim(100_000).unwrap().commit().unwrap();
    drop((writer, reader));
    let _ = qds::remove("c", Some(&directory));
    std::fs::remove_dir(directory).unwrap();
}
