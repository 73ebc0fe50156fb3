//! Median time of a round trip of 64 bytes between two processes: `ping_pong [COUNT]`.

use std::error::Error;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use qds::{Reader, Writer};

fn writer(name: &str) -> qds::Result<Writer> {
    Writer::builder(name).codec_id("bytes").arena_length(1 << 20).open()
}

fn reader(name: &str) -> qds::Result<Reader> {
    Reader::builder(name).codec_id("bytes").open_timeout(Duration::from_secs(10)).spin_count(1 << 20).open()
}

fn send(writer: &mut Writer, number: u64) -> qds::Result<()> {
    let mut claim = writer.claim(64)?;
    for (word, value) in claim.chunks_exact_mut(8).zip(number..) {
        word.copy_from_slice(&value.to_le_bytes());
    }
    claim.commit()?;
    Ok(())
}

fn receive(reader: &mut Reader, number: u64) -> Result<(), Box<dyn Error>> {
    let message = reader.read()?.ok_or("the other side ended")?;
    for (word, value) in message.chunks_exact(8).zip(number..) {
        if word != value.to_le_bytes() {
            return Err(format!("message {number} is another").into());
        }
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().collect();
    if let [_, role, ping, pong, count] = arguments.as_slice()
        && role == "pong"
    {
        let (mut reader, mut writer) = (reader(ping)?, writer(pong)?);
        for number in 0..count.parse()? {
            receive(&mut reader, number)?;
            send(&mut writer, number)?;
        }
        return Ok(());
    }
    let count: usize = arguments.get(1).map_or(Ok(500_000), |count| count.parse())?;
    let [ping, pong] = ["ping", "pong"].map(|name| format!("{name}-{}", std::process::id()));
    let mut writer = writer(&ping)?;
    let mut other = Command::new(std::env::current_exe()?)
        .args(["pong", &ping, &pong, &count.to_string()])
        .stdin(Stdio::null())
        .spawn()?;
    let mut reader = reader(&pong)?;
    let mut times = Vec::with_capacity(count);
    for number in 0..count as u64 {
        let started = Instant::now();
        send(&mut writer, number)?;
        receive(&mut reader, number)?;
        times.push(started.elapsed().as_nanos());
    }
    other.wait()?;
    times.sort_unstable();
    println!("{count} round trips of 64 bytes: p50 {} ns, p99 {} ns", times[count / 2], times[count * 99 / 100]);
    Ok(())
}
