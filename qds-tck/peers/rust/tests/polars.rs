//! Data frames, by the lines that users type.
#![cfg(feature = "polars")]

use std::error::Error;
use std::process::Command;

use polars::prelude::DataFrame;
use qds::SharedDataFrame;

/// The lines of the documentation that this crate follows, but for the `use` line.
fn read_as_documented() -> Result<DataFrame, Box<dyn Error>> {
    let reader = SharedDataFrame::create_reader("python_to_rust")?;
    let df = reader.read()?; // Returns polars::DataFrame
    Ok(df)
}

/// Names no directory: runs in a process of its own, whose environment does.
#[test]
#[ignore = "what the other process does"]
fn child() {
    let mut writer = SharedDataFrame::create_writer("python_to_rust").unwrap();
    let frame = polars::df!(
        "id" => [1i64, 2, 3, 4, 5],
        "name" => [Some("Alice"), Some("Bob"), None, Some("David, whose name is longer"), Some("Eve")],
        "value" => [10.5, 20.3, 30.1, 40.8, 50.2],
    )
    .unwrap();
    let mut frames = frame.clone();
    frames.vstack_mut(&frame).unwrap();
    writer.write(&frames).unwrap();
    assert!(read_as_documented().unwrap().equals_missing(&frames));
}

#[test]
fn the_documented_lines_read_a_data_frame() {
    let directory = std::env::temp_dir().join(format!("qds-{}-polars", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--ignored"])
        .env("QDS_DIR", &directory)
        .status()
        .unwrap();
    assert!(status.success());
    assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 0, "nothing is left");
    std::fs::remove_dir(directory).unwrap();
}
