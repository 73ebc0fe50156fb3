//! The peer as the kit sees it: lines in, lines out.

use std::io::{BufRead, BufReader, Lines, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

struct Peer {
    child: Child,
    input: Option<ChildStdin>,
    output: Lines<BufReader<ChildStdout>>,
    directory: PathBuf,
}

impl Peer {
    fn start(name: &str) -> Self {
        let directory = std::env::temp_dir().join(format!("qds-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_qds-tck-peer"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { input: child.stdin.take(), output, child, directory }
    }

    fn send(&mut self, line: &str) {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
    }

    fn ask(&mut self, mut request: Value) -> Value {
        request["directory"] = self.directory.to_str().unwrap().into();
        request["channel"] = "c".into();
        self.send(&request.to_string());
        serde_json::from_str(&self.output.next().unwrap().unwrap()).unwrap()
    }

    fn fails(&mut self, request: Value, kind: &str) {
        let answer = self.ask(request.clone());
        assert_eq!(answer["error"], kind, "{request} was answered by {answer}");
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

#[test]
fn messages_go_through_and_mistakes_are_answered() {
    let mut peer = Peer::start("exchange");
    let hello = peer.ask(json!({"op": "hello", "surprise": 1}));
    assert_eq!((&hello["protocol"], &hello["pid"]), (&json!(1), &json!(peer.child.id())));
    assert!(hello["libraries"]["arrow"].as_str().unwrap().starts_with("60."), "{hello}");
    peer.fails(json!({"op": "dance"}), "UNSUPPORTED");
    peer.send("no JSON");
    assert!(peer.output.next().unwrap().unwrap().contains("FAILED"));
    peer.fails(json!({"op": "attach", "reader": "r"}), "NO_SUCH_CHANNEL");
    assert_eq!(peer.ask(json!({"op": "create", "writer": "w", "slotCount": 16})), json!({"sequence": 0}));
    peer.fails(json!({"op": "create", "writer": "v"}), "SECOND_WRITER");
    assert_eq!(peer.ask(json!({"op": "attach", "reader": "r"})), json!({"sequence": 0}));
    let write = json!({"op": "write", "writer": "w", "length": 100, "seed": u64::MAX, "tag": i64::MIN});
    assert_eq!(peer.ask(write), json!({"sequence": 0}));
    let expected = json!({"sequence": 0, "length": 100, "tag": i64::MIN, "lost": 0});
    assert_eq!(peer.ask(json!({"op": "hold", "reader": "r", "message": "m", "seed": -1})), expected);
    peer.fails(json!({"op": "check", "message": "m", "seed": 1}), "CONTENT");
    assert_eq!(peer.ask(json!({"op": "read", "reader": "r", "timeoutMs": 0})), json!({"timeout": true}));

    assert_eq!(peer.ask(json!({"op": "claim", "writer": "w", "length": 9, "seed": 2})), json!({}));
    peer.fails(json!({"op": "write", "writer": "w", "length": 1, "seed": 1}), "FAILED");
    assert_eq!(peer.ask(json!({"op": "abort", "writer": "w"})), json!({}));
    assert_eq!(peer.ask(json!({"op": "claim", "writer": "w", "length": 9, "seed": 2})), json!({}));
    assert_eq!(peer.ask(json!({"op": "commit", "writer": "w"})), json!({"sequence": 1}));
    let send = json!({"op": "send", "writer": "w", "count": 14, "seed": 2, "minLength": 0, "maxLength": 5000});
    assert_eq!(peer.ask(send), json!({"count": 14, "sequence": 15}));
    let full =
        json!({"op": "send", "writer": "w", "count": 1, "seed": 2, "minLength": 0, "maxLength": 0, "timeoutMs": 0});
    assert_eq!(peer.ask(full), json!({"timeout": true, "count": 0, "sequence": -1}));

    assert_eq!(peer.ask(json!({"op": "close", "writer": "w"})), json!({}));
    let drained = json!({"count": 15, "lost": 0, "first": 1, "last": 15, "end": "CLOSED"});
    assert_eq!(peer.ask(json!({"op": "drain", "reader": "r", "seed": 2})), drained);
    assert_eq!(peer.ask(json!({"op": "close", "reader": "r"})), json!({}));
    assert_eq!(peer.ask(json!({"op": "check", "message": "m", "seed": -1})), json!({}));
    drop(peer.input.take());
    assert!(peer.child.wait().unwrap().success());
    assert_eq!(std::fs::read_dir(&peer.directory).unwrap().count(), 0, "the end closes all");
}

#[test]
fn death_leaves_all_open() {
    let mut peer = Peer::start("death");
    peer.ask(json!({"op": "create", "writer": "w"}));
    peer.ask(json!({"op": "attach", "reader": "r"}));
    peer.send(&json!({"op": "die"}).to_string());
    assert!(peer.output.next().is_none());
    assert!(!peer.child.wait().unwrap().success());
    let mut other = Peer::start("other");
    std::mem::swap(&mut other.directory, &mut peer.directory);
    assert_eq!(other.ask(json!({"op": "attach", "reader": "r"})), json!({"sequence": 0}));
    other.fails(json!({"op": "read", "reader": "r"}), "WRITER_DIED");
    other.fails(json!({"op": "create", "writer": "w", "slotCount": 8}), "GEOMETRY_DIFFERS");
    assert_eq!(other.ask(json!({"op": "create", "writer": "w"})), json!({"sequence": 0}));
}
