//! Ctrl-C, SIGTERM and SIGHUP: the run stops between two events, and nothing temporary stays.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};

use crate::{fs, sink::Temporaries, source::Running};

/// How long a run that was told to stop may take to do so by itself; it may wait for input.
const PATIENCE: Duration = Duration::from_millis(500);

/// A flag that becomes true when the process is told to stop. It may take its time for that; told again, it ends
/// at once.
pub(super) fn patient_stop_flag() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    handle(move || {
        if flag.swap(true, Ordering::Relaxed) {
            #[expect(clippy::disallowed_methods, reason = "nobody wants to wait any longer")]
            std::process::exit(130);
        }
    });
    stop
}

/// A flag that becomes true when the process is told to stop.
pub(super) fn stop_flag(temporaries: &Temporaries) -> Arc<AtomicBool> {
    stop_flag_with(temporaries, &Running::default())
}

/// The same; programs that run are told to end then.
pub(super) fn stop_flag_with(temporaries: &Temporaries, running: &Running) -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let last = Last { stop: Arc::clone(&stop), temporaries: temporaries.clone() };
    let running = running.clone();
    handle(move || {
        if !last.is_told() {
            running.stop();
            last.tell(&running);
        }
    });
    stop
}

/// Of a scan: the first signal ends its programs, and what they wrote is kept; the second one ends the run, and
/// makes the flag true.
pub(super) fn second_stop_flag(temporaries: &Temporaries, running: &Running) -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let last = Last { stop: Arc::clone(&stop), temporaries: temporaries.clone() };
    let running = running.clone();
    handle(move || {
        if !running.is_told() {
            running.stop();
        } else if !last.is_told() {
            last.tell(&running);
        }
    });
    stop
}

/// The last that a run is told.
struct Last {
    stop: Arc<AtomicBool>,
    temporaries: Temporaries,
}

impl Last {
    fn is_told(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn tell(&self, running: &Running) {
        self.stop.store(true, Ordering::Relaxed);
        let (temporaries, running) = (self.temporaries.clone(), running.clone());
        thread::spawn(move || {
            thread::sleep(PATIENCE);
            running.kill();
            let _halted = temporaries.remove_all();
            #[expect(clippy::disallowed_methods, reason = "the main thread waits for input")]
            std::process::exit(130);
        });
    }
}

fn handle(mut handler: impl FnMut() + Send + 'static) {
    let mut wanted = vec![SIGINT, SIGTERM];
    if !ignores(SIGHUP) {
        wanted.push(SIGHUP);
    }
    // Without a handler the process ends at once, as it would have anyway.
    if let Ok(mut signals) = Signals::new(wanted) {
        thread::spawn(move || signals.forever().for_each(|_| handler()));
    }
}

/// Whether whoever started this process had it ignore a signal, as `nohup` does. Only Linux tells.
fn ignores(signal: i32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    let place = u32::try_from(signal).unwrap_or(0).saturating_sub(1);
    mask.checked_shr(place).unwrap_or(0) & 1 == 1
}
