//! The command as users run it: exit codes, data and messages.

mod config;
mod diff;
mod engine;
mod env;
mod exit;
mod follow;
mod foreign;
mod history;
mod inputs;
mod list;
mod live;
mod machine;
mod memory;
mod merge;
mod messages;
mod names;
mod odd;
mod output;
mod overlap;
mod pick;
mod progress;
mod query;
mod read;
mod replace;
mod scan;
mod tools;

use std::{fs, os::unix::fs::PermissionsExt, process::Command, str};

use assert_cmd::cargo::cargo_bin;
use serde_json::Value;

use crate::support;

/// Three hosts with seven ports each, complete.
const GOOD: &str = "08-tcp-udp-combined.xml";
/// One host, cut inside a tag.
const CUT: &str = "37-truncated-mid-attribute.xml";

/// Result of running the command.
struct Ran {
    stdout: String,
    stderr: String,
}

impl Ran {
    /// Parses standard output as JSON lines.
    fn json(&self) -> Vec<Value> {
        json_lines(&self.stdout)
    }

    /// Returns the lines of standard output.
    fn lines(&self) -> Vec<&str> {
        self.stdout.lines().collect()
    }
}

/// Returns the command, without the options that the environment of the tests sets.
fn program() -> Command {
    let mut command = support::command(cargo_bin!("scanmill"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("SCANMILL_") {
            command.env_remove(name);
        }
    }
    command
}

/// Runs the command with these arguments. It must end with exit code `code`.
fn ends(code: i32, args: &[&str]) -> Ran {
    let mut command = program();
    command.args(args);
    ends_as(code, command, b"")
}

/// Runs `command` with `stdin` as its standard input. It must end with exit code `code`.
fn ends_as(code: i32, command: Command, stdin: &[u8]) -> Ran {
    let assert = assert_cmd::Command::from_std(command).write_stdin(stdin).assert().code(code);
    let output = assert.get_output();
    let text = |bytes: &[u8]| str::from_utf8(bytes).unwrap().to_owned();
    Ran { stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

/// Runs the command in a folder as an unprivileged user. Returns `None` if the tests cannot change the user.
fn as_nobody(folder: &Folder, args: &[&str]) -> Option<(Option<i32>, String, String)> {
    as_nobody_with(folder, &[], args)
}

/// Like [`as_nobody`], with environment variables.
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

/// Runs the command, which must refuse these arguments with a message that contains all of `words`.
fn refuses(args: &[&str], words: &[&str]) {
    let ran = ends(2, args);
    assert_eq!(ran.stdout, "", "{args:?} wrote something");
    for word in words {
        assert!(ran.stderr.contains(word), "{args:?} does not say {word:?}: {}", ran.stderr);
    }
}

/// Returns the path of a fixture.
fn xml(name: &str) -> String {
    support::root().join("fixtures").join(name).to_str().unwrap().to_owned()
}

/// Parses each line of a text as JSON.
fn json_lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A folder that is removed with the test.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Returns the path of `name` in the folder, whether or not it exists.
    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    /// Writes a file and returns its path.
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

    /// Returns the sorted names in the folder, or in a folder inside it.
    fn names(&self, inside: &str) -> Vec<String> {
        let entries = fs::read_dir(self.0.path().join(inside)).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort_unstable();
        names
    }
}
