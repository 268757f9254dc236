//! Ctrl-C, SIGTERM and SIGHUP: the job stops between two events, and no temporary file stays. For
//! `watch`, SIGTERM is a normal end, and SIGHUP does not end it.
//!
//! `unix` describes which command calls which function, and the thread that waits for signals;
//! `portable` has the same functions for other systems.

#[cfg(any(not(unix), scanmill_portable))]
mod portable;
#[cfg(all(unix, not(scanmill_portable)))]
mod unix;

use std::sync::{Arc, atomic::AtomicBool};

#[cfg(any(not(unix), scanmill_portable))]
use self::portable as system;
pub(super) use self::system::{
    defer_sighup, ignore_file_size_limit, install_service_handler, install_stop_handler,
    restore_sighup,
};
#[cfg(all(unix, not(scanmill_portable)))]
use self::unix as system;
use crate::process::ProcessGroup;

/// Effect of the first signal on a job and the programs that it runs. A signal that stops the job
/// always ends the programs, too.
#[derive(Clone, Copy)]
pub(super) enum StopPolicy<'p> {
    /// The first signal stops the job, which runs no programs.
    Job,
    /// The first signal stops the job and ends the programs.
    JobAndPrograms(&'p ProcessGroup),
    /// The first signal ends only the programs, so that their output so far is kept. The second
    /// one stops the job.
    ProgramsFirst(&'p ProcessGroup),
}

impl StopPolicy<'_> {
    /// Returns the programs that signals end.
    fn programs(self) -> ProcessGroup {
        match self {
            Self::Job => ProcessGroup::default(),
            Self::JobAndPrograms(programs) | Self::ProgramsFirst(programs) => programs.clone(),
        }
    }
}

/// Flags that the signals of a service set.
#[derive(Default)]
pub(super) struct ServiceSignals {
    /// Stop, after SIGINT or SIGTERM. The service may take its time; a second signal ends it at
    /// once.
    pub(super) stop: Arc<AtomicBool>,
    /// The signal was SIGTERM, the usual way to stop a service, so the run succeeded.
    pub(super) terminated: Arc<AtomicBool>,
    /// Open the files again, after SIGHUP.
    pub(super) reopen: Arc<AtomicBool>,
}
