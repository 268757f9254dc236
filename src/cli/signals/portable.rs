//! Ctrl-C on systems other than Unix. The first one sets a flag, the second one ends the process at
//! once and leaves temporary files behind. No thread waits for signals, and there are neither
//! SIGHUP nor programs to end.

use std::{
    ffi::OsString,
    sync::{Arc, atomic::AtomicBool},
};

use signal_hook::{
    consts::{SIGINT, SIGTERM},
    flag,
};

use super::{ServiceSignals, StopPolicy};
use crate::{ops::CancellationToken, output::Temporaries};

pub(in super::super) fn install_service_handler() -> ServiceSignals {
    let service = ServiceSignals::default();
    set_on_signal(&service.stop);
    let _ = flag::register(SIGTERM, Arc::clone(&service.terminated));
    service
}

pub(in super::super) fn defer_sighup(_: &[OsString]) {}

pub(in super::super) fn restore_sighup() {}

pub(in super::super) fn ignore_file_size_limit() {}

/// Returns a token that the first signal cancels. No system but Unix starts programs, so all
/// policies are alike.
pub(in super::super) fn install_stop_handler(
    _: &Temporaries,
    policy: StopPolicy<'_>,
) -> CancellationToken {
    debug_assert!(!policy.programs().is_stopped(), "no program was started");
    let stop = Arc::default();
    set_on_signal(&stop);
    stop.into()
}

/// Makes the first signal set the flag, and the second one end the process.
fn set_on_signal(flag: &Arc<AtomicBool>) {
    for signal in [SIGINT, SIGTERM] {
        let _ = flag::register_conditional_shutdown(signal, 130, Arc::clone(flag));
        let _ = flag::register(signal, Arc::clone(flag));
    }
}
