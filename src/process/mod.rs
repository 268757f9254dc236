//! Child processes: nmap and the programs of an engine.
//!
//! ```text
//! CommandSpec ──▶ ChildProcess ──▶ ChildStdoutReader   read by the caller, while the program runs
//!                   │    │    └──▶ standard error      kept by a thread: its beginning and its end
//!                   │    └───────▶ supervisor thread   waits for the end, then records the exit status
//!                   ▼
//!               StopHandle (clones on any thread) ──▶ ProcessGroup: everything that one signal ends
//! ```
//!
//! [`ChildProcess::start`] starts a program directly, never through a shell, as the leader of a process group of the
//! operating system: a signal that a terminal sends to scanmill does not reach the program, and one signal to the group
//! reaches everything that the program started. One thread per process, the supervisor, waits for its end and records
//! the exit status in the state that all its [`StopHandle`]s share.
//!
//! A program ends in one of three ways: by itself; because a [`StopHandle`] asked it to, first by SIGTERM and after a
//! grace period by SIGKILL; or because its [`ChildProcess`] was dropped. In each case its remaining processes are killed
//! with it. Those that left its process group (`setsid`, daemons) are found by `orphans`, on Linux and if
//! [`adopt_orphans`] was called.
//!
//! Invariants:
//! - Signals are sent under the lock of the shared state and only while no exit status is recorded, so a process ID that
//!   the system reused is never signalled.
//! - Output is read until the program has ended, not until the pipe closes: a process that outlives the program may hold
//!   the pipe open (`pipe`).
//! - A program never waits for scanmill to read its standard error.
//!
//! This is the only module that starts programs (`tests/it/layering.rs`). Other systems than Unix have neither process
//! groups nor signals; there, `child_portable.rs` has the same types, and starting a program fails with a message.

#[cfg(all(unix, not(scanmill_portable)))]
mod child;
#[cfg(any(not(unix), scanmill_portable))]
#[path = "child_portable.rs"]
mod child;
mod command;
mod group;
#[cfg(all(unix, not(scanmill_portable)))]
mod orphans;
mod output;
#[cfg(all(unix, not(scanmill_portable)))]
mod pipe;

#[cfg(feature = "cli")]
pub(crate) use self::child::adopt_orphans;
pub use self::group::ProcessGroup;
pub(crate) use self::{
    child::{ChildProcess, ChildStdoutReader},
    command::{CommandSpec, ExitCause, ExitInfo},
    output::{OutputLimits, ProcessOutput},
};
