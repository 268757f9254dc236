//! File system calls that fail on purpose, for tests of the state that is left on the disk.
//!
//! A plan is the text of the variable `SCANMILL_FAULTS`, which the command reads only in builds with
//! debug assertions: in a release build [`next`] is `None` at compile time, so no environment can
//! make a call fail there. The plan is a list of `KEY=VALUE`, separated by spaces:
//!
//! - `at=K`: the number of the call, starting at 1. Calls of all threads are numbered together, in
//!   the order in which they start.
//! - `fault=WAY`: the fault at that call.
//!   - `before`: the call fails and is not made. `from`: all later calls fail as well, as on a disk
//!     that stays full.
//!   - `after`: the call is made and still fails, like a rename over NFS whose reply was lost. A call
//!     that creates a name is not made: POSIX guarantees that it creates nothing if it fails.
//!   - `short`: half of the bytes are written, as on a disk that fills up. Of a folder, one entry is
//!     removed, and the call fails.
//!   - `die`: the call is made, and the process is killed. `tear`: half of the call is made, and the
//!     process is killed.
//! - `errno=NAME`: the error of the call, `EIO` by default.
//! - `only=CALL,CALL`: only these calls are numbered. Their names are those of [`Call::name`].
//! - `trace=PATH`: appends one line per numbered call to this file: its number, its name and its
//!   target.

#![cfg_attr(not(feature = "cli"), expect(dead_code, reason = "the command alone takes a plan"))]

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use super::system::{die, error_number, path_of};

/// Kind of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    Open,
    Create,
    Read,
    Write,
    Sync,
    SetLen,
    Allocate,
    Lock,
    Stat,
    SetStat,
    List,
    MakeDir,
    Rename,
    Link,
    Remove,
}

impl Call {
    const ALL: [Self; 15] = [
        Self::Open,
        Self::Create,
        Self::Read,
        Self::Write,
        Self::Sync,
        Self::SetLen,
        Self::Allocate,
        Self::Lock,
        Self::Stat,
        Self::SetStat,
        Self::List,
        Self::MakeDir,
        Self::Rename,
        Self::Link,
        Self::Remove,
    ];

    /// Returns the name in a plan and in a trace.
    fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Create => "create",
            Self::Read => "read",
            Self::Write => "write",
            Self::Sync => "sync",
            Self::SetLen => "set-len",
            Self::Allocate => "allocate",
            Self::Lock => "lock",
            Self::Stat => "stat",
            Self::SetStat => "set-stat",
            Self::List => "list",
            Self::MakeDir => "make-dir",
            Self::Rename => "rename",
            Self::Link => "link",
            Self::Remove => "remove",
        }
    }

    /// Returns true if the call creates a name, which it has not created if it fails.
    fn makes_a_name(self) -> bool {
        matches!(self, Self::Create | Self::MakeDir)
    }
}

/// Fault at a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Before,
    From,
    After,
    Short,
    Die,
    Tear,
}

impl Way {
    fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "before" => Self::Before,
            "from" => Self::From,
            "after" => Self::After,
            "short" => Self::Short,
            "die" => Self::Die,
            "tear" => Self::Tear,
            _ => return None,
        })
    }
}

/// Faults of this process.
#[derive(Debug)]
struct Plan {
    /// Number of the call that fails, and its fault.
    fault: Option<(u64, Way)>,
    error: Error,
    only: Option<Vec<Call>>,
    trace: Option<std::fs::File>,
    /// Number of calls so far.
    calls: AtomicU64,
}

static PLAN: OnceLock<Plan> = OnceLock::new();

/// Installs a plan for the rest of the process.
///
/// # Errors
/// Returns a message if the text is not a valid plan, or if a plan is already installed.
pub(crate) fn install(text: &str) -> Result<(), String> {
    let plan = Plan::parse(text)?;
    PLAN.set(plan).map_err(|_| "there is a plan already".to_owned())
}

impl Plan {
    fn parse(text: &str) -> Result<Self, String> {
        let calls = AtomicU64::new(0);
        let error = Error(error_number("EIO"));
        let mut plan = Self { fault: None, error, only: None, trace: None, calls };
        let (mut at, mut way) = (None, None);
        for word in text.split_whitespace() {
            let wrong = || format!("{word:?} is not understood");
            let (key, value) = word.split_once('=').ok_or_else(wrong)?;
            match key {
                "at" => at = Some(value.parse().map_err(|_| wrong())?),
                "fault" => way = Some(Way::from_name(value).ok_or_else(wrong)?),
                "errno" => {
                    plan.error = Error(Some(error_number(value).ok_or_else(wrong)?));
                }
                "only" => {
                    let named = |name| Call::ALL.into_iter().find(|call| call.name() == name);
                    let only = value.split(',').map(named).collect::<Option<Vec<_>>>();
                    plan.only = Some(only.ok_or_else(wrong)?);
                }
                "trace" => {
                    let file = std::fs::File::options().append(true).create(true).open(value);
                    plan.trace = Some(file.map_err(|error| format!("{value}: {error}"))?);
                }
                _ => return Err(wrong()),
            }
        }
        plan.fault = match (at, way) {
            (None, None) => None,
            (Some(at), Some(way)) => Some((at, way)),
            _ => return Err("`at` and `fault` belong together".to_owned()),
        };
        Ok(plan)
    }
}

/// The number of an error of this system, if it has one.
#[derive(Debug, Clone, Copy)]
struct Error(Option<i32>);

impl From<Error> for io::Error {
    fn from(Error(number): Error) -> Self {
        number.map_or_else(|| io::ErrorKind::Other.into(), Self::from_raw_os_error)
    }
}

/// Object that a call is made on, for the trace.
pub(super) trait Target {
    fn path(&self) -> PathBuf;
}

impl Target for Path {
    fn path(&self) -> PathBuf {
        self.to_owned()
    }
}

impl Target for std::fs::File {
    fn path(&self) -> PathBuf {
        path_of(self)
    }
}

/// Fault of one call.
#[derive(Debug)]
pub(super) struct Fault {
    way: Way,
    error: Error,
}

/// Makes a call, unless the plan has a fault for it.
#[inline]
pub(super) fn call<T>(
    call: Call,
    target: &(impl Target + ?Sized),
    run: impl FnOnce() -> io::Result<T>,
) -> io::Result<T> {
    match next(call, target) {
        Some(fault) => fault.around(run),
        None => run(),
    }
}

/// Makes a call that can be interrupted in the middle, unless the plan has a fault for it. `part`
/// makes half of the call.
#[inline]
pub(super) fn call_in_parts<T>(
    call: Call,
    target: &(impl Target + ?Sized),
    part: impl FnOnce(),
    run: impl FnOnce() -> io::Result<T>,
) -> io::Result<T> {
    match next(call, target) {
        Some(fault) if matches!(fault.way, Way::Short | Way::Tear) => {
            part();
            if fault.way == Way::Tear {
                die();
            }
            Err(fault.error.into())
        }
        Some(fault) => fault.around(run),
        None => run(),
    }
}

/// Numbers a call, and returns its fault. Always returns `None` in a release build.
#[inline]
pub(super) fn next(call: Call, target: &(impl Target + ?Sized)) -> Option<Fault> {
    if !cfg!(debug_assertions) {
        return None;
    }
    PLAN.get()?.next(call, target)
}

impl Plan {
    fn next(&self, call: Call, target: &(impl Target + ?Sized)) -> Option<Fault> {
        if self.only.as_ref().is_some_and(|only| !only.contains(&call)) {
            return None;
        }
        let number = self.calls.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        if let Some(mut trace) = self.trace.as_ref() {
            let line = format!("{number} {} {}\n", call.name(), target.path().display());
            // A single write appends the whole line, whatever other threads do.
            let _ = trace.write_all(line.as_bytes());
        }
        let (at, way) = self.fault?;
        let fits = number == at || (way == Way::From && number > at);
        let way = if way == Way::After && call.makes_a_name() { Way::Before } else { way };
        fits.then_some(Fault { way, error: self.error })
    }
}

impl Fault {
    fn around<T>(self, run: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        match self.way {
            Way::Before | Way::From => Err(self.error.into()),
            Way::After => run().and_then(|_| Err(self.error.into())),
            Way::Short => run(),
            Way::Die | Way::Tear => {
                let _made = run();
                die()
            }
        }
    }

    /// Writes the bytes, or the part of them that the fault allows.
    pub(super) fn write(
        self,
        bytes: &[u8],
        write: impl FnOnce(&[u8]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let half = bytes.get(..bytes.len().div_ceil(2)).unwrap_or_default();
        let part = if matches!(self.way, Way::Short | Way::Tear) { half } else { bytes };
        self.around(|| write(part))
    }
}

/// Removes one entry of a folder, as if its removal had just started.
pub(super) fn remove_one(folder: &Path) {
    let first = std::fs::read_dir(folder).ok().and_then(|mut entries| entries.next());
    if let Some(Ok(entry)) = first {
        let path = entry.path();
        let _ =
            if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(text: &str) -> Plan {
        Plan::parse(text).unwrap()
    }

    #[test]
    fn calls_are_numbered_and_fail_where_the_plan_says() {
        let path = Path::new("x");
        let plan = plan("at=2 fault=before errno=ENOSPC only=write,sync");
        assert!(plan.next(Call::Write, path).is_none());
        assert!(plan.next(Call::Rename, path).is_none());
        let fault = plan.next(Call::Sync, path).unwrap();
        let error = fault.around(|| -> io::Result<()> { panic!("made") }).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert!(plan.next(Call::Write, path).is_none());
    }

    #[test]
    fn a_persistent_fault_keeps_failing() {
        let plan = plan("at=2 fault=from");
        let failed = [(); 4].map(|()| plan.next(Call::Write, Path::new("x")).is_some());
        assert_eq!(failed, [false, true, true, true]);
    }

    #[test]
    fn a_call_that_fails_afterwards_creates_no_name() {
        let of = |call| plan("at=1 fault=after").next(call, Path::new("x")).unwrap();
        for (call, made) in [(Call::Rename, true), (Call::Create, false), (Call::MakeDir, false)] {
            let mut was = false;
            let result = of(call).around(|| {
                was = true;
                Ok(())
            });
            assert_eq!((was, result.is_err()), (made, true), "{call:?}");
        }
    }

    #[test]
    fn a_short_write_writes_half_and_returns_its_length() {
        let short = || plan("at=1 fault=short").next(Call::Write, Path::new("x")).unwrap();
        for (text, half) in [("abcde", "abc"), ("a", "a"), ("", "")] {
            let mut written = Vec::new();
            let len = short().write(text.as_bytes(), |bytes| {
                written.extend_from_slice(bytes);
                Ok(bytes.len())
            });
            assert_eq!((len.unwrap(), written.as_slice()), (half.len(), half.as_bytes()));
        }
    }

    #[test]
    fn an_invalid_plan_is_refused() {
        for text in
            ["at=1", "fault=die", "at=x fault=die", "at=1 fault=odd", "x", "errno=E", "only=y"]
        {
            assert!(Plan::parse(text).is_err(), "{text}");
        }
        assert!(plan("").fault.is_none());
    }
}
