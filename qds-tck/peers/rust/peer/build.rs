//! Finds out which Arrow is built in, for the answer to `hello`.

use std::path::Path;

fn main() {
    let manifest = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let lock = Path::new(&manifest).with_file_name("Cargo.lock");
    let text = std::fs::read_to_string(&lock).unwrap_or_default();
    let version = text
        .split_once("name = \"arrow-ipc\"\nversion = \"")
        .and_then(|(_, rest)| rest.split('"').next())
        .unwrap_or("unknown");
    println!("cargo::rustc-env=ARROW_VERSION={version}");
    println!("cargo::rerun-if-changed={}", lock.display());
}
