//! The command as its users run it.

#![expect(clippy::disallowed_methods, reason = "tests start programs")]

mod inputs;
mod live;
mod output;
mod shows;
mod usage;

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Output,
};

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{fixture, root};

/// The command, without what the environment of the tests may set.
fn scanmill() -> Command {
    let mut command = assert_cmd::cargo::cargo_bin_cmd!("scanmill");
    for (name, _) in std::env::vars_os() {
        if name.as_encoded_bytes().starts_with(b"SCANMILL_") {
            command.env_remove(name);
        }
    }
    command
}

/// Runs it to the end, and checks the exit code.
#[track_caller]
fn run<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>, code: i32) -> Output {
    let output = scanmill().args(args).output().unwrap();
    assert_eq!(output.status.code(), Some(code), "{}", err(&output));
    output
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The path of a fixture by the start of its name.
fn path(start: &str) -> String {
    fixture(start).path.to_str().unwrap().to_owned()
}

fn fixtures() -> PathBuf {
    root().join("fixtures")
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// Names in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
