//! Ctrl-C and SIGTERM: the run stops between two events, and nothing temporary stays.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use crate::sink::Temporaries;

/// How long a run that was told to stop may take to do so by itself; it may wait for input.
const PATIENCE: Duration = Duration::from_millis(500);

/// A flag that becomes true when the process is told to stop. It may take its time for that; told again, it ends
/// at once.
pub(super) fn patient_stop_flag() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    let handler = move || {
        if flag.swap(true, Ordering::Relaxed) {
            #[expect(clippy::disallowed_methods, reason = "nobody wants to wait any longer")]
            std::process::exit(130);
        }
    };
    let _ = ctrlc::set_handler(handler);
    stop
}

/// A flag that becomes true when the process is told to stop.
pub(super) fn stop_flag(temporaries: &Temporaries) -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let (flag, temporaries) = (Arc::clone(&stop), temporaries.clone());
    let handler = move || {
        if flag.swap(true, Ordering::Relaxed) {
            return;
        }
        let temporaries = temporaries.clone();
        thread::spawn(move || {
            thread::sleep(PATIENCE);
            temporaries.remove_all();
            #[expect(clippy::disallowed_methods, reason = "the main thread waits for input")]
            std::process::exit(130);
        });
    };
    // Without a handler the process ends at once, as it would have anyway.
    let _ = ctrlc::set_handler(handler);
    stop
}
