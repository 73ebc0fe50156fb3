//! A round trip of 64 bytes between two processes that spin, beside the machine's limit: a C program that sends one cache line
//! each way, run by turns with it. `ping_pong [ROUNDS]`; needs `cc`, and takes two processors by `taskset` where there is one.

use std::error::Error;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use qds::{Reader, Writer};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// What a process does at best; the benchmarks of this project measure by the same program. Looked up when it is needed: the
/// crate is built without the rest of the project, too.
const LIMITS: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../../qds-bench/src/main/resources/io/qadataswap/bench/limits.c");

const WARM_UP_COUNT: usize = 20_000;
const COUNT: usize = 200_000;

fn writer(directory: &str, name: &str) -> qds::Result<Writer> {
    Writer::builder(name).directory(directory).codec_id("bytes").arena_length(1 << 20).open()
}

fn reader(directory: &str, name: &str) -> qds::Result<Reader> {
    let patience = Duration::from_secs(10);
    Reader::builder(name).directory(directory).codec_id("bytes").open_timeout(patience).spin_count(1 << 20).open()
}

fn send(writer: &mut Writer, number: u64) -> qds::Result<()> {
    let mut claim = writer.claim(64)?;
    for (word, value) in claim.chunks_exact_mut(8).zip(number..) {
        word.copy_from_slice(&value.to_le_bytes());
    }
    claim.commit()?;
    Ok(())
}

fn receive(reader: &mut Reader, number: u64) -> Outcome<()> {
    let message = reader.read()?.ok_or("the other side ended")?;
    for (word, value) in message.chunks_exact(8).zip(number..) {
        if word != value.to_le_bytes() {
            return Err(format!("message {number} is another").into());
        }
    }
    Ok(())
}

/// Sends and waits for the answer; prints the median.
fn ping(directory: &str) -> Outcome<()> {
    let mut writer = writer(directory, "ping")?;
    let mut reader = reader(directory, "pong")?;
    let mut times = Vec::with_capacity(COUNT);
    for number in 0..(WARM_UP_COUNT + COUNT) as u64 {
        let started = Instant::now();
        send(&mut writer, number)?;
        receive(&mut reader, number)?;
        let time = started.elapsed().as_nanos();
        if number >= WARM_UP_COUNT as u64 {
            times.push(time);
        }
    }
    times.sort_unstable();
    println!("p50_ns={} p99_ns={}", times[COUNT / 2], times[COUNT * 99 / 100]);
    Ok(())
}

/// Answers what it gets.
fn pong(directory: &str) -> Outcome<()> {
    let mut writer = writer(directory, "pong")?;
    let mut reader = reader(directory, "ping")?;
    for number in 0..(WARM_UP_COUNT + COUNT) as u64 {
        receive(&mut reader, number)?;
        send(&mut writer, number)?;
    }
    println!("done");
    Ok(())
}

/// A process on a processor of its own.
struct Side {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Side {
    fn start(processor: usize, program: &Path, arguments: &[&str]) -> Outcome<Self> {
        let mut command = if Command::new("taskset").arg("--version").stdout(Stdio::null()).status().is_ok() {
            let mut pinned = Command::new("taskset");
            pinned.args(["-c", &processor.to_string()]).arg(program);
            pinned
        } else {
            Command::new(program)
        };
        let mut child = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let input = child.stdin.take().ok_or("no standard input")?;
        let output = BufReader::new(child.stdout.take().ok_or("no standard output")?);
        Ok(Self { child, input, output })
    }

    fn line(&mut self) -> Outcome<String> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        Ok(line)
    }

    fn ask(&mut self, request: &str) -> Outcome<()> {
        writeln!(self.input, "{request}")?;
        Ok(self.input.flush()?)
    }

    fn end(self) -> Outcome<()> {
        let Self { mut child, input, output: _ } = self;
        drop(input);
        child.wait()?;
        Ok(())
    }
}

/// The median in `p50_ns=...`.
fn median_of(line: &str) -> Outcome<f64> {
    let found = line.split_whitespace().find_map(|word| word.strip_prefix("p50_ns="));
    Ok(found.ok_or_else(|| format!("no median in {line:?}"))?.parse()?)
}

fn limit(program: &Path, directory: &Path) -> Outcome<f64> {
    let file = directory.join("limit");
    File::create(&file)?.set_len(1 << 16)?;
    let file = file.to_str().ok_or("the path is no text")?;
    let mut sides = Vec::new();
    for side in 0..2 {
        let mut started = Side::start(side, program, &["ping-pong", file, &side.to_string()])?;
        started.line()?;
        sides.push(started);
    }
    let mut median = 0.0;
    for count in [WARM_UP_COUNT, COUNT] {
        for side in &mut sides {
            side.ask(&format!("run {count}"))?;
        }
        let lines: Vec<_> = sides.iter_mut().map(Side::line).collect::<Outcome<_>>()?;
        median = median_of(&lines[0])?;
    }
    sides.into_iter().try_for_each(Side::end)?;
    Ok(median)
}

fn channels(program: &Path, directory: &Path) -> Outcome<f64> {
    let directory = directory.to_str().ok_or("the path is no text")?;
    let mut ping = Side::start(0, program, &["ping", directory])?;
    let mut pong = Side::start(1, program, &["pong", directory])?;
    let median = median_of(&ping.line()?)?;
    pong.line()?;
    [ping, pong].into_iter().try_for_each(Side::end)?;
    Ok(median)
}

fn middle(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

fn compare(rounds: usize) -> Outcome<()> {
    let memory = Path::new("/dev/shm");
    let parent = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    let directory = parent.join(format!("qds-ping-pong-{}", std::process::id()));
    fs::create_dir(&directory)?;
    let result = (|| -> Outcome<()> {
        let bare = directory.join("limits");
        if !Command::new("cc").arg("-O2").arg("-o").arg(&bare).arg(LIMITS).status()?.success() {
            return Err(format!("cc does not compile {LIMITS}, which comes with the project").into());
        }
        let own = std::env::current_exe()?;
        let (mut limits, mut times, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for round in 1..=rounds {
            let (limit, time) = (limit(&bare, &directory)?, channels(&own, &directory)?);
            println!("round {round}: C {limit} ns, qds {time} ns, {:.2} times", time / limit);
            limits.push(limit);
            times.push(time);
            ratios.push(time / limit);
        }
        let (limit, time, ratio) = (middle(&mut limits), middle(&mut times), middle(&mut ratios));
        println!("medians of {rounds}: C {limit} ns, qds {time} ns, {ratio:.2} times");
        Ok(())
    })();
    fs::remove_dir_all(&directory)?;
    result
}

fn main() -> Outcome<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["ping", directory] => ping(directory),
        ["pong", directory] => pong(directory),
        [] => compare(9),
        [rounds] => compare(rounds.parse()?),
        _ => Err("usage: ping_pong [ROUNDS]".into()),
    }
}
