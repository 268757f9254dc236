//! Jobs as library calls: they give what the commands give, can be cancelled, and report their progress.

mod convert;
mod diff;
mod history;
mod merge;

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use assert_cmd::cargo::cargo_bin;
use scanmill::{
    ops::{
        CancellationToken, JobOptions, JobStatus, MemoryBudget, Progress, ProgressHandle,
        ProgressTotals,
    },
    pipeline::Report,
};
use serde_json::Value;

use crate::support;

/// Two scans of one network, the older first.
const DAYS: [&str; 2] =
    ["fixtures/41-merge-day1-versions-os.xml", "fixtures/44-merge-day2-changed.xml"];

/// Runs the command and returns its exit code.
fn command(args: &[&str]) -> i32 {
    let mut command = support::command(cargo_bin!("scanmill"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("SCANMILL_") {
            command.env_remove(name);
        }
    }
    command.args(args).arg("--quiet").output().unwrap().status.code().unwrap()
}

/// The exit code of the command for a report.
fn exit_code(report: &Report) -> i32 {
    match JobStatus::from(report) {
        JobStatus::Complete => 0,
        JobStatus::Partial => 1,
        JobStatus::NoInput => 3,
        JobStatus::ScannerFailed => 5,
        JobStatus::Cancelled => 130,
        other => panic!("{other:?}"),
    }
}

/// The contents of all files in and below a folder.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(inside) = folders.pop() {
        for entry in fs::read_dir(inside).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    assert!(!found.is_empty());
    found
}

/// A report as the command writes it to a file.
fn as_json(report: &Report) -> Value {
    serde_json::to_value(report).unwrap()
}

fn read_json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Options for some threads.
fn job(threads: usize) -> JobOptions {
    JobOptions::new(MemoryBudget::new(None, threads).unwrap())
}

/// Progress that a job reported while it ran.
#[derive(Default)]
struct Recorded {
    calls: Mutex<Vec<&'static str>>,
    totals: Mutex<ProgressTotals>,
    bytes: AtomicU64,
    inputs: AtomicU64,
    /// Cancelled when the first input is read.
    cancels: Option<CancellationToken>,
}

struct Recorder(Arc<Recorded>);

impl Progress for Recorder {
    fn begin(&self, totals: ProgressTotals) {
        *self.0.totals.lock().unwrap() = totals;
        self.0.calls.lock().unwrap().push("begin");
    }

    fn input(&self, _: &str) {
        self.0.inputs.fetch_add(1, Ordering::Relaxed);
        if let Some(token) = &self.0.cancels {
            token.cancel();
        }
    }

    fn bytes_read(&self, bytes: u64) {
        self.0.bytes.fetch_add(bytes, Ordering::Relaxed);
        assert!(self.0.calls.lock().unwrap().last() == Some(&"begin"), "bytes out of turn");
    }

    fn end(&self) {
        self.0.calls.lock().unwrap().push("end");
    }
}

/// A receiver of progress, and what it records.
fn recorder(cancels: Option<CancellationToken>) -> (ProgressHandle, Arc<Recorded>) {
    let recorded = Arc::new(Recorded { cancels, ..Recorded::default() });
    (ProgressHandle::new(Recorder(Arc::clone(&recorded))), recorded)
}
