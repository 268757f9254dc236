//! Ctrl-C, SIGTERM and SIGHUP: the run stops between two events, and no temporary file stays.
//!
//! A thread named `signals` waits for signals and calls one handler per command, so handlers may
//! lock, allocate and start threads, which code inside a signal handler must not do. A handler sets
//! a flag that the run polls between two events. A run may be blocked in a read and never poll it,
//! so the handlers of all commands but `watch` also start a thread, which removes the temporary files
//! and ends the process after [`PATIENCE`].
//!
//! Commands that write once use [`stop_flag`], or [`stop_flag_with`] if they start programs. A scan
//! uses [`second_stop_flag`]: the first signal ends nmap only. `watch` uses [`service`]: SIGTERM is
//! its normal end, with exit code 0, and SIGHUP makes it open its files again. Until the arguments
//! are parsed, SIGHUP is held for a process that may be a `watch` ([`hold_hangup`]).
//!
//! Call these functions once per process, before the first temporary file or program is created: a
//! signal cleans up only what is registered in the [`Temporaries`] and [`ProcessGroup`] that they are
//! given.

use std::{
    ffi::OsString,
    sync::{
        Arc, LazyLock, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use signal_hook::{
    SigId,
    consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ},
    flag,
    iterator::Signals,
    low_level,
};

use super::Service;
use crate::{fs, output::Temporaries, process::ProcessGroup};

/// Time for a stopped run to end on its own. After that it is ended, since it may be waiting for
/// input.
const PATIENCE: Duration = Duration::from_millis(500);

/// Installs handlers for a service, and returns the flags that they set.
pub(in super::super) fn service() -> Service {
    let service = Service::default();
    let Service { stop, terminated, reopen } = &service;
    let flags = Flags { stop: Arc::clone(stop), reopen: Some(Arc::clone(reopen)) };
    let terminated = Arc::clone(terminated);
    let (stop, reopen) = (Arc::clone(stop), Arc::clone(reopen));
    handle(&flags, move |signal| {
        if signal == SIGHUP {
            return reopen.store(true, Ordering::Relaxed);
        }
        // Set before `stop`, because the service reads it once `stop` is set.
        terminated.fetch_or(signal == SIGTERM, Ordering::SeqCst);
        if stop.swap(true, Ordering::SeqCst) {
            #[expect(clippy::disallowed_methods, reason = "a second signal ends the run at once")]
            std::process::exit(130);
        }
    });
    // SIGHUP may have arrived before this handler was installed.
    service.reopen.fetch_or(HAS_HUNG_UP.load(Ordering::SeqCst), Ordering::SeqCst);
    service
}

/// Action of SIGHUP until the command is known: it sets [`HAS_HUNG_UP`], or ends the process as by
/// default.
static HANGUP: Mutex<Option<SigId>> = Mutex::new(None);
static HAS_HUNG_UP: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// Prevents SIGHUP from ending a process that may be a `watch`, from its first moment. `logrotate`
/// may send the signal to a service at any time, and without a handler it would end the service.
pub(in super::super) fn hold_hangup(args: &[OsString]) {
    if args.iter().skip(1).any(|arg| arg == "watch") && !ignores(SIGHUP) {
        set_hangup(flag::register(SIGHUP, Arc::clone(&HAS_HUNG_UP)).ok());
    }
}

/// Restores the default action of SIGHUP for a command that is not `watch`, until [`handle`]
/// installs another.
pub(in super::super) fn take_hangup_as_ever() {
    if is_hangup_held() {
        let ends = Arc::new(AtomicBool::new(true));
        set_hangup(flag::register_conditional_default(SIGHUP, ends).ok());
        if HAS_HUNG_UP.load(Ordering::SeqCst) {
            let _ = low_level::emulate_default_handler(SIGHUP);
        }
    }
}

fn is_hangup_held() -> bool {
    HANGUP.lock().unwrap_or_else(PoisonError::into_inner).is_some()
}

/// Replaces the action of SIGHUP that was set here before.
fn set_hangup(action: Option<SigId>) {
    let before = {
        let mut now = HANGUP.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *now, action)
    };
    if let Some(before) = before {
        low_level::unregister(before);
    }
}

/// Makes a write that exceeds the file size limit fail, like a write to a full disk, instead of
/// ending the process. Programs that are started are not affected, because a handler is reset when
/// a program starts.
pub(in super::super) fn survive_file_limit() {
    let _ = flag::register(SIGXFSZ, Arc::default());
}

/// Returns a flag that becomes true when a signal stops the process.
pub(in super::super) fn stop_flag(temporaries: &Temporaries) -> Arc<AtomicBool> {
    stop_flag_with(temporaries, &ProcessGroup::default())
}

/// Returns a flag that becomes true when a signal stops the process. The signal also ends the
/// programs in `running`.
pub(in super::super) fn stop_flag_with(
    temporaries: &Temporaries,
    running: &ProcessGroup,
) -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let last = Last { stop: Arc::clone(&stop), temporaries: temporaries.clone() };
    let running = running.clone();
    let flags = Flags { stop: Arc::clone(&stop), reopen: None };
    handle(&flags, move |_| {
        if !last.is_told() {
            running.stop();
            last.tell(&running);
        }
    });
    stop
}

/// Returns a flag that becomes true with the second signal, for a scan. The first signal ends the
/// programs in `running`, whose output is kept; the second one ends the run.
pub(in super::super) fn second_stop_flag(
    temporaries: &Temporaries,
    running: &ProcessGroup,
) -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let last = Last { stop: Arc::clone(&stop), temporaries: temporaries.clone() };
    let running = running.clone();
    let flags = Flags { stop: Arc::clone(&stop), reopen: None };
    handle(&flags, move |_| {
        if !running.is_stopped() {
            running.stop();
        } else if !last.is_told() {
            last.tell(&running);
        }
    });
    stop
}

/// Last step of stopping a run: sets the flag, and ends the process if the run does not.
struct Last {
    stop: Arc<AtomicBool>,
    temporaries: Temporaries,
}

impl Last {
    fn is_told(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn tell(&self, running: &ProcessGroup) {
        self.stop.store(true, Ordering::Relaxed);
        let (temporaries, running) = (self.temporaries.clone(), running.clone());
        let end = move || {
            running.kill();
            let _halted = temporaries.remove_all();
            #[expect(clippy::disallowed_methods, reason = "the main thread waits for input")]
            std::process::exit(130);
        };
        let later = end.clone();
        let patient = thread::Builder::new().name("stop".to_owned()).spawn(move || {
            thread::sleep(PATIENCE);
            later();
        });
        // Without a waiting thread, end the process at once.
        if patient.is_err() {
            end();
        }
    }
}

/// Flags that are set even if the thread for signals cannot be started.
struct Flags {
    stop: Arc<AtomicBool>,
    /// Flag of SIGHUP, if the signal does not stop the run.
    reopen: Option<Arc<AtomicBool>>,
}

/// Calls `handler` for each signal, on a thread of its own. If the thread cannot be started, the
/// first signal sets the flag, and the second one ends the process.
fn handle(flags: &Flags, mut handler: impl FnMut(i32) + Send + 'static) {
    let mut wanted = vec![SIGINT, SIGTERM];
    if !ignores(SIGHUP) {
        wanted.push(SIGHUP);
    }
    let (sender, signals) = mpsc::channel::<Signals>();
    let thread = thread::Builder::new().name("signals".to_owned()).spawn(move || {
        if let Ok(mut signals) = signals.recv() {
            signals.forever().for_each(&mut handler);
        }
    });
    if thread.is_ok() {
        // Without a handler a signal ends the process at once, which is its default action.
        if let Ok(signals) = Signals::new(wanted) {
            let _ = sender.send(signals);
        }
        set_hangup(None);
        return;
    }
    for signal in wanted {
        let flag = flags.reopen.as_ref().filter(|_| signal == SIGHUP).unwrap_or(&flags.stop);
        if signal != SIGHUP || flags.reopen.is_none() {
            let _ = flag::register_conditional_shutdown(signal, 130, Arc::clone(flag));
        }
        let _ = flag::register(signal, Arc::clone(flag));
    }
    set_hangup(None);
}

/// Returns true if the process was started with a signal ignored, as by `nohup`. Always false
/// except on Linux.
fn ignores(signal: i32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    let place = u32::try_from(signal).unwrap_or(0).saturating_sub(1);
    mask.checked_shr(place).unwrap_or(0) & 1 == 1
}
