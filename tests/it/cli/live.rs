//! Slow input, slow readers, and signals. Nothing here depends on time.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    process::{Child, ChildStdin, ChildStdout, Stdio},
};

use super::{Folder, GOOD, ends, json_lines, program, xml};
use crate::support;

/// A command that reads from a pipe which is still open.
pub(super) struct Live {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Live {
    pub(super) fn start(args: &[&str]) -> Self {
        let mut command = program();
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdin = child.stdin.take().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Self { child, stdin, stdout }
    }

    fn write(&mut self, text: &str) {
        self.stdin.write_all(text.as_bytes()).unwrap();
    }

    /// Waits for the next line of standard output and returns it.
    pub(super) fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line
    }

    pub(super) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        support::output_of(support::command("sh").args(["-c", &kill]));
    }

    /// Interrupts the command, with standard input still open. Returns the rest of standard output and the
    /// exit code.
    pub(super) fn interrupted(mut self) -> (String, Option<i32>) {
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        let code = self.child.wait().unwrap().code();
        drop(self.stdin);
        (rest, code)
    }

    /// Closes the input. Returns the rest of standard output and the exit code.
    pub(super) fn finished(mut self) -> (String, Option<i32>) {
        drop(self.stdin);
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        (rest, self.child.wait().unwrap().code())
    }
}

/// Returns a document cut after each host: the first piece ends with the first host.
pub(super) fn pieces() -> Vec<String> {
    let bytes = support::fixture("08-").bytes;
    let text = String::from_utf8(bytes).unwrap();
    text.split_inclusive("</host>").map(str::to_owned).collect()
}

#[test]
fn hosts_are_written_while_standard_input_is_open() {
    let mut live = Live::start(&["convert", "-"]);
    let mut all = String::new();
    let pieces = pieces();
    for piece in &pieces[..3] {
        live.write(piece);
        all += &live.line();
    }
    live.write(&pieces[3]);
    let (rest, code) = live.finished();
    all += &rest;
    let whole = ends(0, &["convert", &xml(GOOD)]).stdout.replace(&xml(GOOD), "-");
    assert_eq!((all, code), (whole, Some(0)));
}

#[test]
fn rows_are_written_while_standard_input_is_open() {
    let mut live = Live::start(&["convert", "-", "--to", "csv", "--table", "hosts"]);
    live.write(&pieces()[0]);
    assert!(live.line().starts_with("host_id,"));
    assert!(live.line().contains(",192.0.2.30,"));
    let (_, code) = live.finished();
    assert_eq!(code, Some(0), "a truncated document is a warning");
}

#[test]
fn a_named_pipe_is_read_as_it_is_written() {
    let folder = Folder::new();
    let pipe = folder.path("pipe");
    support::output_of(support::command("mkfifo").arg(&pipe));
    let mut live = Live::start(&["convert", &pipe]);
    let mut writer = std::fs::File::options().write(true).open(&pipe).unwrap();
    writer.write_all(pieces()[0].as_bytes()).unwrap();
    assert_eq!(json_lines(&live.line())[0]["ip"], "192.0.2.30");
    drop(writer);
    assert_eq!(live.finished().1, Some(0));
}

#[test]
fn a_reader_that_leaves_after_a_line_ends_the_command_quietly() {
    let fixtures = support::root().join("fixtures");
    let fixtures = fixtures.to_str().unwrap();
    // Far more than a pipe holds, so the command cannot end before its reader has gone.
    let mut live = Live::start(&["convert", fixtures, fixtures, fixtures]);
    assert!(live.line().starts_with("{\"_type\":"));
    drop(live.stdout);
    let ended = live.child.wait_with_output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!((ended.status.code(), &*said), (Some(0), ""));
}

#[test]
fn an_interrupted_run_has_written_the_hosts_it_read() {
    for name in ["INT", "TERM"] {
        let mut live = Live::start(&["convert", "-"]);
        let pieces = pieces();
        live.write(&pieces[0]);
        live.write(&pieces[1]);
        let half = pieces[2].len() / 2;
        live.write(&pieces[2][..half]);
        let mut all = live.line() + &live.line();
        live.signal(name);
        let (rest, code) = live.interrupted();
        all += &rest;
        let ips: Vec<_> = json_lines(&all).iter().map(|line| line["ip"].clone()).collect();
        assert_eq!((ips, code), (vec!["192.0.2.30".into(), "192.0.2.40".into()], Some(130)));
    }
}

#[test]
fn an_interrupted_run_leaves_no_file_and_nothing_temporary() {
    for (out, options) in [
        ("out.jsonl", &[][..]),
        ("ports.parquet", &["--table", "ports"]),
        ("tables", &["--to", "csv"]),
    ] {
        let folder = Folder::new();
        let mut live = Live::start(&[&["convert", "-", "-o", &folder.path(out)], options].concat());
        live.write(&pieces()[0]);
        // More than a pipe holds: once this is written, the command is reading.
        live.write(&" ".repeat(1 << 20));
        assert_eq!(folder.names("").len(), 1, "a temporary name");
        live.signal("INT");
        assert_eq!(live.interrupted(), (String::new(), Some(130)));
        assert!(folder.names("").is_empty(), "{:?}", folder.names(""));
    }
}

#[test]
fn an_interrupted_run_leaves_the_old_output_as_it_was() {
    let folder = Folder::new();
    let out = folder.write("out.jsonl", "old");
    let mut live = Live::start(&["convert", "-", "-o", &out, "--overwrite"]);
    live.write(&pieces()[0]);
    live.write(&" ".repeat(1 << 20));
    live.signal("INT");
    assert_eq!(live.interrupted().1, Some(130));
    assert_eq!(
        (folder.names(""), folder.read("out.jsonl")),
        (vec!["out.jsonl".into()], "old".into())
    );
}
