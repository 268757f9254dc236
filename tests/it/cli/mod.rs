//! The command as a user runs it: exit codes, data and messages.

mod config;
mod diff;
mod engine;
mod env;
mod exit;
mod follow;
mod foreign;
mod history;
mod inputs;
mod live;
mod machine;
mod memory;
mod merge;
mod names;
mod odd;
mod output;
mod overlap;
mod pick;
mod progress;
mod read;
mod replace;
mod scan;
mod talk;
mod tools;

use std::{fs, os::unix::fs::PermissionsExt, process::Command, str};

use assert_cmd::cargo::cargo_bin;
use serde_json::Value;

use crate::support;

/// Three hosts with seven ports each, complete.
const GOOD: &str = "08-tcp-udp-combined.xml";
/// One host, cut inside a tag.
const CUT: &str = "37-truncated-mid-attribute.xml";

/// What a run of the command gave.
struct Ran {
    stdout: String,
    stderr: String,
}

impl Ran {
    /// Standard output as JSON lines.
    fn json(&self) -> Vec<Value> {
        json_lines(&self.stdout)
    }

    /// Lines of standard output.
    fn lines(&self) -> Vec<&str> {
        self.stdout.lines().collect()
    }
}

/// The command, deaf to options in the environment of the tests.
fn program() -> Command {
    let mut command = support::command(cargo_bin!("scanmill"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("SCANMILL_") {
            command.env_remove(name);
        }
    }
    command
}

/// Runs the command with these arguments; it must end with this code.
fn ends(code: i32, args: &[&str]) -> Ran {
    let mut command = program();
    command.args(args);
    ends_as(code, command, b"")
}

/// Runs a command with this on standard input; it must end with this code.
fn ends_as(code: i32, command: Command, stdin: &[u8]) -> Ran {
    let assert = assert_cmd::Command::from_std(command).write_stdin(stdin).assert().code(code);
    let output = assert.get_output();
    let text = |bytes: &[u8]| str::from_utf8(bytes).unwrap().to_owned();
    Ran { stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

/// Runs the command in a folder as a user without rights; `None` if that cannot be had.
fn as_nobody(folder: &Folder, args: &[&str]) -> Option<(Option<i32>, String, String)> {
    as_nobody_with(folder, &[], args)
}

/// The same with these variables.
fn as_nobody_with(
    folder: &Folder,
    variables: &[(&str, &str)],
    args: &[&str],
) -> Option<(Option<i32>, String, String)> {
    let copy =
        tempfile::Builder::new().permissions(PermissionsExt::from_mode(0o755)).tempdir().unwrap();
    let copied = copy.path().join("scanmill");
    fs::copy(cargo_bin!("scanmill"), &copied).unwrap();
    let mut command = support::command("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&copied);
    command.envs(variables.iter().copied());
    let output = command.args(args).current_dir(folder.path("")).output().ok()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    (!stderr.starts_with("setpriv:")).then_some((output.status.code(), stdout, stderr))
}

/// Runs the command, which must refuse these arguments and say why with all of these words.
fn refuses(args: &[&str], words: &[&str]) {
    let ran = ends(2, args);
    assert_eq!(ran.stdout, "", "{args:?} wrote something");
    for word in words {
        assert!(ran.stderr.contains(word), "{args:?} does not say {word:?}: {}", ran.stderr);
    }
}

/// The path of a fixture.
fn xml(name: &str) -> String {
    support::root().join("fixtures").join(name).to_str().unwrap().to_owned()
}

/// Text as JSON, line by line.
fn json_lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A folder that goes with the test.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// The path of what has, or will have, this name in the folder.
    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    /// Writes a file and gives its path.
    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    /// The names in the folder, or in one of its folders, in order.
    fn names(&self, inside: &str) -> Vec<String> {
        let entries = fs::read_dir(self.0.path().join(inside)).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort_unstable();
        names
    }
}
