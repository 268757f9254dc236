//! Ctrl-C, SIGTERM and SIGHUP: the run stops between two events, and no temporary file stays. For
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
#[cfg(all(unix, not(scanmill_portable)))]
use self::unix as system;

pub(super) use self::system::{
    hold_hangup, second_stop_flag, service, stop_flag, stop_flag_with, survive_file_limit,
    take_hangup_as_ever,
};

/// Requests of signals to a service.
#[derive(Default)]
pub(super) struct Service {
    /// Stop, after SIGINT or SIGTERM. The service may take its time; a second signal ends it at
    /// once.
    pub(super) stop: Arc<AtomicBool>,
    /// The signal was SIGTERM, the usual way to stop a service, so the run succeeded.
    pub(super) terminated: Arc<AtomicBool>,
    /// Open the files again, after SIGHUP.
    pub(super) reopen: Arc<AtomicBool>,
}
