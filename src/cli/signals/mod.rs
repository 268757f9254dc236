//! Ctrl-C, SIGTERM and SIGHUP: the run stops between two events, and nothing temporary stays. For a service that
//! watches SIGTERM is a good end, and SIGHUP none.

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

/// What signals ask of a service.
#[derive(Default)]
pub(super) struct Service {
    /// It is to stop: SIGINT or SIGTERM. It may take its time for that; a second signal ends it at once.
    pub(super) stop: Arc<AtomicBool>,
    /// It was SIGTERM: the way services are stopped, so the end is a good one.
    pub(super) terminated: Arc<AtomicBool>,
    /// It is to open its files anew: SIGHUP.
    pub(super) reopen: Arc<AtomicBool>,
}
