//! Raw batches through channels: what is written is what is read, in place; lies are refused.

use std::path::PathBuf;
use std::time::Duration;

use qds::{ErrorKind, RAW_CODEC_ID, RawBatch, RawColumn, RawField, RawType, Reader, Received, Validation, Writer};

struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("qds-raw-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn writer(&self) -> Writer {
        let builder = Writer::builder("c").directory(&self.0).codec_id(RAW_CODEC_ID);
        builder.arena_length(1 << 20).open().unwrap()
    }

    fn reader(&self, validation: Validation) -> Reader {
        Reader::builder("c").directory(&self.0).codec_id(RAW_CODEC_ID).validation(validation).open().unwrap()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

fn prices(rows: usize) -> RawBatch {
    let ids: Vec<_> = (0..rows as i64).map(|row| row * 3).collect();
    let values: Vec<_> = (0..rows).map(|row| row as f64 / 4.0).collect();
    let valid: Vec<_> = (0..rows).map(|row| row % 3 != 0).collect();
    let names: Vec<_> = (0..rows).map(|row| (row % 5 != 0).then(|| format!("größer {row}"))).collect();
    let flags: Vec<_> = (0..rows).map(|row| (row % 2) as u8).collect();
    let columns = vec![
        RawColumn::fixed(RawField::new("id", RawType::Int64), ids.into(), None).unwrap(),
        RawColumn::fixed(RawField::new("price", RawType::Float64).or_null(), values.into(), Some(&valid)).unwrap(),
        RawColumn::variable(RawField::new("name", RawType::Utf8).or_null(), &names).unwrap(),
        RawColumn::fixed(RawField::new("flag", RawType::Bool), flags.into(), None).unwrap(),
    ];
    RawBatch::new(rows, columns).unwrap()
}

fn assert_same(found: &RawBatch, expected: &RawBatch) {
    assert_eq!(found.row_count(), expected.row_count());
    for (found, expected) in found.columns().iter().zip(expected.columns()) {
        assert_eq!(found.field(), expected.field());
        for row in 0..expected.row_count() {
            assert_eq!(found.is_null(row), expected.is_null(row));
            if !found.is_null(row) {
                assert_eq!(found.bytes(row).unwrap(), expected.bytes(row).unwrap());
            }
        }
    }
}

#[test]
fn what_is_written_is_what_is_read() {
    let directory = Directory::new("round");
    let (mut writer, mut reader) = (directory.writer(), directory.reader(Validation::Full));
    for rows in [0, 1, 8, 9, 100] {
        writer.write_raw(&prices(rows)).unwrap();
        let message = reader.read().unwrap().unwrap();
        let batch = message.raw_batch().unwrap();
        assert_same(&batch, &prices(rows));
        let ids = batch.column("id").unwrap().values::<i64>().unwrap();
        let payload = message.as_ptr_range();
        assert!(rows == 0 || payload.contains(&ids.inner().as_ptr()), "a view of the message");
        assert!(batch.column("id").unwrap().values::<i32>().is_err());
    }
}

#[test]
fn a_view_holds_its_message() {
    let directory = Directory::new("hold");
    let (mut writer, mut reader) = (directory.writer(), directory.reader(Validation::Structure));
    let mut other = directory.reader(Validation::Structure);
    writer.write_raw(&prices(1000)).unwrap();
    let ids = reader.read().unwrap().unwrap().raw_batch().unwrap().column("id").unwrap().values::<i64>().unwrap();
    drop(reader); // it holds the one message, not those that follow
    for _ in 0..50 {
        writer.write_raw(&prices(2000)).unwrap();
        other.read().unwrap().unwrap();
    }
    assert!(ids.iter().enumerate().all(|(row, &id)| id == row as i64 * 3));
}

#[test]
fn misuse_is_refused() {
    let field = |name: &str| RawField::new(name, RawType::Int64);
    let id = RawColumn::fixed(field("id"), vec![1i64].into(), None).unwrap();
    let kinds = [
        RawColumn::fixed(field("id"), vec![1u8].into(), None).map(drop),
        RawColumn::fixed(field("id"), vec![1i64].into(), Some(&[false])).map(drop),
        RawColumn::variable(field("id"), &[Some("x")]).map(drop),
        RawColumn::variable(RawField::new("id", RawType::Utf8), &[None::<&str>]).map(drop),
        RawBatch::new(2, vec![id.clone()]).map(drop),
        RawBatch::new(1, vec![id.clone(), id]).map(drop),
        RawColumn::fixed(field(""), vec![1i64].into(), None).and_then(|c| RawBatch::new(1, vec![c])).map(drop),
    ];
    assert!(kinds.into_iter().all(|result| result.unwrap_err().kind() == ErrorKind::Misuse));
}

#[test]
fn lies_are_refused_and_the_next_message_is_read() {
    let directory = Directory::new("lies");
    let mut writer = directory.writer();
    let mut readers = [directory.reader(Validation::Structure), directory.reader(Validation::Full)];
    let good = prices(20);
    let mut bytes = vec![0; good.message_length()];
    good.copy_to(&mut bytes);
    let wild = [0, 1, -1, 63, 64, 1 << 31, i64::from(i32::MAX), i64::MAX, i64::MIN, i64::MAX - 63];
    let mut seed = 1u64;
    let mut random = |below: usize| {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (seed >> 33) as usize % below
    };
    let (mut read, mut refused) = (0, 0);
    let mut take = |data: &[u8]| {
        writer.write(data).unwrap();
        for reader in &mut readers {
            let Received::Message(message) = reader.read_timeout(Duration::from_secs(5)).unwrap() else { panic!() };
            let all = message.raw_batch().and_then(|batch| {
                for column in batch.columns() {
                    for row in 0..batch.row_count().min(100) {
                        column.is_null(row);
                        column.bytes(row)?;
                    }
                }
                Ok(())
            });
            match all {
                Ok(()) => read += 1,
                Err(error) => {
                    assert!(matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Unsupported), "{error}");
                    refused += 1;
                }
            }
        }
        (read, refused)
    };
    for _ in 0..3000 {
        let mut data = bytes.clone();
        let range = if random(2) == 0 { 256 } else { data.len() - 8 };
        let at = random(range);
        if random(2) == 0 {
            data[at / 8 * 8..][..8].copy_from_slice(&wild[random(wild.len())].to_le_bytes());
        } else {
            data[at] = random(256) as u8;
        }
        take(&data);
    }
    let (before, _) = take(&bytes);
    for length in (0..bytes.len()).step_by(5) {
        take(&bytes[..length]);
    }
    let (read, refused) = take(&bytes);
    assert_eq!(read, before + 2);
    assert!(read > 300 && refused > 300, "{read} {refused}");
}
