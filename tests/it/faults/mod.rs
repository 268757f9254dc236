//! Commands of which a call of the file system fails, or after which they are killed, at each of their calls in turn.
//!
//! Each case runs the real command on a fresh copy of the same folder, with a plan for `src/fs/faults.rs`. After it
//! every output must be the old one or the new one, the exit code must say which, and the same command run again
//! without faults must end with the same bytes as if nothing had failed.

mod datasets;
mod full;
mod outputs;
mod spill;
mod watch;

use std::{
    collections::BTreeMap,
    fs,
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
};

use assert_cmd::cargo::cargo_bin;

use crate::support;

/// Calls that write, or make room for writing.
const WRITING: &str = "create,make-dir,write,allocate,set-len,sync,rename,link";

/// Every kind of fault, with the kinds of calls it applies to.
const EVERY_FAULT: [(&str, &str); 7] = [
    ("before", ""),
    ("after", ""),
    ("from errno=ENOSPC", WRITING),
    ("before errno=EINTR", "write"),
    ("short", "write"),
    ("die", ""),
    ("tear", "write,remove"),
];

/// Bytes of each file below a folder; `None` for a folder.
type Tree = BTreeMap<PathBuf, Option<Vec<u8>>>;

/// Creates a folder for one case, in memory if the system has such a folder. A killed process leaves the same
/// files there as on a disk, and no call waits for a disk.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// Returns the tree below a path.
fn tree(root: &Path) -> Tree {
    let mut found = Tree::new();
    let mut open = vec![root.to_owned()];
    while let Some(path) = open.pop() {
        let name = path.strip_prefix(root).unwrap().to_owned();
        if path.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            found.insert(name, None);
        } else if path.exists() {
            found.insert(name, Some(fs::read(&path).unwrap()));
        }
    }
    found
}

/// Creates a tree on disk.
fn plant(tree: &Tree, root: &Path) {
    for (name, bytes) in tree {
        match bytes {
            None => fs::create_dir_all(root.join(name)).unwrap(),
            Some(bytes) => fs::write(root.join(name), bytes).unwrap(),
        }
    }
}

/// Result of a command.
#[derive(Debug)]
struct Ended {
    /// `None` if the command was killed.
    code: Option<i32>,
    said: String,
}

/// Returns true if a call was made on an input below `in`, and not on an output or on the state of `watch`
/// there.
fn is_on_input((name, path): &(String, String)) -> bool {
    let reads = matches!(&**name, "open" | "read" | "stat" | "list");
    reads && (path == "in" || (path.starts_with("in/") && !path.starts_with("in/.scanmill")))
}

/// A command, run in a folder.
#[derive(Clone, Copy)]
struct Trial<'t> {
    name: &'t str,
    args: &'t [&'t str],
    /// The content of the folder beforehand.
    before: &'t Tree,
    /// Every `stride`-th call is tried.
    stride: usize,
}

/// One fault of one trial.
struct Case {
    folder: tempfile::TempDir,
    /// The trial, the plan and the call, for messages.
    what: String,
    /// The call that was hit: its name, and its path in the folder.
    call: (String, String),
    ended: Ended,
}

impl Case {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn tree(&self, name: &str) -> Tree {
        tree(&self.path(name))
    }

    /// Checks the exit code: 0 if the fault had no consequence; 4 with a message if an output failed; 3 if a
    /// dataset or state cannot be read, or an input cannot be distinguished from an output; none if the
    /// command was killed.
    fn check_code(&self, deadly: bool) {
        let Ended { code, said } = &self.ended;
        let (call, path) = (&*self.call.0, &*self.call.1);
        let reads = matches!(call, "open" | "read" | "stat" | "list");
        let fine = match code {
            None => deadly,
            Some(0) => !said.contains("error:"),
            Some(3) if path == "s.state" => reads && said.contains("s.state"),
            Some(3) if path.contains(".scanmill/") => reads && said.contains(path),
            Some(3) if call == "stat" && !path.starts_with("dataset/") => said.contains("E_IO"),
            Some(3) => {
                reads
                    && path.starts_with("dataset/")
                    && said.contains("E_IO")
                    && said.contains(path)
            }
            Some(4) => said.contains("error:"),
            Some(_) => false,
        };
        assert!(fine, "{}: {code:?}, {said}", self.what);
    }
}

impl Trial<'_> {
    /// Runs the command in a folder.
    fn run(&self, folder: &Path, plan: &str) -> Ended {
        let mut command = support::command(cargo_bin!("scanmill"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("SCANMILL_") {
                command.env_remove(name);
            }
        }
        if !plan.is_empty() {
            command.env("SCANMILL_FAULTS", plan);
        }
        let output = command.current_dir(folder).args(self.args).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!said.contains("panicked"), "{}, {plan}: {said}", self.name);
        let killed = output.status.signal() == Some(9);
        assert!(killed || output.status.code().is_some(), "{}, {plan}: {output:?}", self.name);
        Ended { code: output.status.code(), said }
    }

    /// Creates a folder with the content `before`.
    fn prepare(&self) -> tempfile::TempDir {
        let folder = folder();
        plant(self.before, folder.path());
        folder
    }

    /// Returns the result of a run without faults, and its calls, restricted to the kinds in `only`.
    fn clean(&self, only: &str) -> (Tree, Vec<(String, String)>) {
        let folder = self.prepare();
        let trace = tempfile::NamedTempFile::new().unwrap();
        let ended = self.run(folder.path(), &format!("{only} trace={}", trace.path().display()));
        assert_eq!(ended.code, Some(0), "{}: {}", self.name, ended.said);
        let trace = fs::read_to_string(trace.path()).unwrap();
        let root = folder.path().to_string_lossy().into_owned();
        let calls = trace.lines().map(|line| {
            let (_, call) = line.split_once(' ').unwrap();
            let (name, path) = call.split_once(' ').unwrap();
            let path = path.strip_prefix(&root).unwrap_or(path).trim_start_matches('/');
            (name.to_owned(), path.to_owned())
        });
        (tree(folder.path()), calls.collect())
    }

    /// Runs the command once per call that it makes on an output, with `fault` at that call. `only` restricts
    /// the kinds of calls.
    fn each(&self, fault: &str, only: &str, check: impl FnMut(Case)) {
        self.each_of(fault, only, |call| !is_on_input(call), check);
    }

    fn each_of(
        &self,
        fault: &str,
        only: &str,
        of: impl Fn(&(String, String)) -> bool,
        mut check: impl FnMut(Case),
    ) {
        let only = if only.is_empty() { String::new() } else { format!("only={only}") };
        let (_, calls) = self.clean(&only);
        let calls: Vec<_> = calls.iter().enumerate().filter(|(_, call)| of(call)).collect();
        assert!(!calls.is_empty(), "{}: no calls with {fault}", self.name);
        // All of them take some ten minutes more.
        let all = std::env::var_os("SCANMILL_ALL_FAULTS").is_some();
        let stride = if all { 1 } else { self.stride };
        let first = fault.len() % stride.min(calls.len());
        // Each fault starts at another call: together they cover more calls.
        for (number, call) in calls.into_iter().skip(first).step_by(stride) {
            let folder = self.prepare();
            let plan = format!("at={} fault={fault} {only}", number + 1);
            let ended = self.run(folder.path(), &plan);
            let what = format!("{}: {plan}, {} {}", self.name, call.0, call.1);
            check(Case { folder, what, call: call.clone(), ended });
        }
    }

    /// Calls [`Self::each`] with each kind of fault.
    fn every(&self, check: impl FnMut(Case)) {
        self.every_of(&EVERY_FAULT, check);
    }

    /// Calls [`Self::each`] with these faults, each with the kinds of calls it applies to.
    fn every_of(&self, faults: &[(&str, &str)], mut check: impl FnMut(Case)) {
        for &(fault, only) in faults {
            let deadly = matches!(fault, "die" | "tear");
            self.each(fault, only, |case| {
                case.check_code(deadly);
                check(case);
            });
        }
    }
}
