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

use super::Service;
use crate::{output::Temporaries, process::ProcessGroup};

pub(in super::super) fn service() -> Service {
    let service = Service::default();
    stop_by(&service.stop);
    let _ = flag::register(SIGTERM, Arc::clone(&service.terminated));
    service
}

pub(in super::super) fn hold_hangup(_: &[OsString]) {}

pub(in super::super) fn take_hangup_as_ever() {}

pub(in super::super) fn survive_file_limit() {}

pub(in super::super) fn stop_flag(_: &Temporaries) -> Arc<AtomicBool> {
    let stop = Arc::default();
    stop_by(&stop);
    stop
}

pub(in super::super) fn stop_flag_with(
    temporaries: &Temporaries,
    _: &ProcessGroup,
) -> Arc<AtomicBool> {
    stop_flag(temporaries)
}

pub(in super::super) fn second_stop_flag(
    temporaries: &Temporaries,
    _: &ProcessGroup,
) -> Arc<AtomicBool> {
    stop_flag(temporaries)
}

/// Makes the first signal set the flag, and the second one end the process.
fn stop_by(stop: &Arc<AtomicBool>) {
    for signal in [SIGINT, SIGTERM] {
        let _ = flag::register_conditional_shutdown(signal, 130, Arc::clone(stop));
        let _ = flag::register(signal, Arc::clone(stop));
    }
}
