//! Standard input that comes slowly, readers that go, and signals.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    process::{Child, Command, Stdio},
};

use super::{err, folder, names, run};
use crate::support::fixture;

/// The command with pipes at both ends.
fn piped(args: &[&str]) -> Child {
    Command::new(assert_cmd::cargo::cargo_bin!("scanmill"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// A document cut behind its first host.
fn first_host() -> Vec<u8> {
    let bytes = fixture("04-").bytes;
    let end = b"</host>";
    let at = bytes.windows(end.len()).position(|window| window == end).unwrap();
    bytes[..at + end.len()].to_vec()
}

fn terminate(child: &Child, signal: &str) {
    let status = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

#[test]
fn a_host_comes_out_when_it_closes() {
    for args in [
        &["convert", "-"][..],
        &["convert", "-", "--shape", "flat"],
        &["convert", "-", "--table", "hosts", "--to", "csv", "--columns", "ip"],
    ] {
        let mut child = piped(args);
        let mut stdin = child.stdin.take().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdin.write_all(&first_host()).unwrap();
        stdin.flush().unwrap();
        // The input stays open: this would wait for ever if nothing came.
        let mut line = String::new();
        while !line.contains("192.0.2.") {
            line.clear();
            assert_ne!(stdout.read_line(&mut line).unwrap(), 0, "{args:?}");
        }
        drop(stdin);
        let mut rest = String::new();
        stdout.read_to_string(&mut rest).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    }
}

#[test]
fn input_in_pieces_gives_what_the_file_gives() {
    let whole = fixture("04-");
    let mut child = piped(&["convert", "-"]);
    let mut stdin = child.stdin.take().unwrap();
    let bytes = whole.bytes.clone();
    let feeder = std::thread::spawn(move || {
        for piece in bytes.chunks(700) {
            stdin.write_all(piece).unwrap();
            stdin.flush().unwrap();
        }
    });
    let output = child.wait_with_output().unwrap();
    feeder.join().unwrap();
    let file = run(["convert", whole.path.to_str().unwrap()], 0);
    let sourceless = |bytes: &[u8]| {
        let name = whole.path.to_str().unwrap();
        String::from_utf8_lossy(bytes).replace(name, "-")
    };
    assert_eq!(sourceless(&output.stdout), sourceless(&file.stdout));
}

#[test]
fn a_reader_that_goes_ends_the_run_quietly() {
    let mut child = piped(&["convert", super::fixtures().to_str().unwrap(), "--shape", "flat"]);
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    assert!(line.starts_with('{'));
    drop(stdout);
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), err(&output).as_str()), (Some(0), ""));
}

#[test]
fn a_signal_leaves_whole_lines_on_standard_output() {
    for signal in ["-INT", "-TERM"] {
        let mut child = piped(&["convert", "-"]);
        let mut stdin = child.stdin.take().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdin.write_all(&first_host()).unwrap();
        stdin.flush().unwrap();
        let mut text = String::new();
        stdout.read_line(&mut text).unwrap();
        terminate(&child, signal);
        stdout.read_to_string(&mut text).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130), "{}", err(&output));
        assert!(text.ends_with("}\n"), "{text}");
        drop(stdin);
    }
}

#[test]
fn a_signal_leaves_no_file_and_nothing_temporary() {
    let folder = folder();
    for out in ["hosts.jsonl", "tables"] {
        let target = folder.path().join(out);
        let mut child = piped(&["convert", "-", "-o", target.to_str().unwrap()]);
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(&first_host()).unwrap();
        stdin.flush().unwrap();
        // It has begun when its temporary name is there.
        while names(folder.path()).is_empty() {
            std::thread::yield_now();
        }
        terminate(&child, "-INT");
        let output = child.wait_with_output().unwrap();
        drop(stdin);
        assert_eq!(output.status.code(), Some(130), "{}", err(&output));
        assert!(names(folder.path()).is_empty(), "{:?}", names(folder.path()));
    }
}
