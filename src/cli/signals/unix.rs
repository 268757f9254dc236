//! Ctrl-C, SIGTERM and SIGHUP: the job stops between two events, and no temporary file stays.
//!
//! A thread named `signals` waits for signals and calls one handler per command, so handlers may
//! lock, allocate and start threads, which code inside a signal handler must not do. A handler sets
//! a flag that the job polls between two events. A job may be blocked in a read and never poll it,
//! so the handlers of all commands but `watch` also start a thread, which removes the temporary files
//! and ends the process after [`PATIENCE`].
//!
//! Commands that write once use [`install_stop_handler`]; its [`StopPolicy`] decides if the first
//! signal of a scan ends only nmap. `watch` uses [`install_service_handler`]: SIGTERM is its normal
//! end, with exit code 0, and SIGHUP makes it open its files again. Until the arguments are parsed,
//! SIGHUP is deferred for a process that may be a `watch` ([`defer_sighup`]).
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

use super::{ServiceSignals, StopPolicy};
use crate::{fs, ops::CancellationToken, output::Temporaries, process::ProcessGroup};

/// Time for a stopped job to end on its own. After that it is completion, since it may be waiting for
/// input.
const PATIENCE: Duration = Duration::from_millis(500);

/// Installs handlers for a service, and returns the flags that they set.
pub(in super::super) fn install_service_handler() -> ServiceSignals {
    let service = ServiceSignals::default();
    let ServiceSignals { stop, terminated, reopen } = &service;
    let flags = StopFlags { stop: Arc::clone(stop), reopen: Some(Arc::clone(reopen)) };
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
    service.reopen.fetch_or(SIGHUP_RECEIVED.load(Ordering::SeqCst), Ordering::SeqCst);
    service
}

/// Action of SIGHUP until the command is known: it sets [`SIGHUP_RECEIVED`], or ends the process as by
/// default.
static SIGHUP_ACTION: Mutex<Option<SigId>> = Mutex::new(None);
static SIGHUP_RECEIVED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// Prevents SIGHUP from ending a process that may be a `watch`, from its first moment. `logrotate`
/// may send the signal to a service at any time, and without a handler it would end the service.
pub(in super::super) fn defer_sighup(args: &[OsString]) {
    if args.iter().skip(1).any(|arg| arg == "watch") && !ignores(SIGHUP) {
        set_sighup_action(flag::register(SIGHUP, Arc::clone(&SIGHUP_RECEIVED)).ok());
    }
}

/// Restores the default action of SIGHUP for a command that is not `watch`, until [`handle`]
/// installs another.
pub(in super::super) fn restore_sighup() {
    if is_sighup_deferred() {
        let ends = Arc::new(AtomicBool::new(true));
        set_sighup_action(flag::register_conditional_default(SIGHUP, ends).ok());
        if SIGHUP_RECEIVED.load(Ordering::SeqCst) {
            let _ = low_level::emulate_default_handler(SIGHUP);
        }
    }
}

fn is_sighup_deferred() -> bool {
    SIGHUP_ACTION.lock().unwrap_or_else(PoisonError::into_inner).is_some()
}

/// Replaces the action of SIGHUP that was set here before.
fn set_sighup_action(action: Option<SigId>) {
    let before = {
        let mut now = SIGHUP_ACTION.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *now, action)
    };
    if let Some(before) = before {
        low_level::unregister(before);
    }
}

/// Makes a write that exceeds the file size limit fail, like a write to a full disk, instead of
/// ending the process. Programs that are started are not affected, because a handler is reset when
/// a program starts.
pub(in super::super) fn ignore_file_size_limit() {
    let _ = flag::register(SIGXFSZ, Arc::default());
}

/// Installs a handler that follows the policy, and returns the token that it cancels.
pub(in super::super) fn install_stop_handler(
    temporaries: &Temporaries,
    policy: StopPolicy<'_>,
) -> CancellationToken {
    let stop = CancellationToken::new();
    let flags = StopFlags { stop: stop.flag(), reopen: None };
    let (temporaries, programs) = (temporaries.clone(), policy.programs());
    let ends_programs_first = matches!(policy, StopPolicy::ProgramsFirst(_));
    let shutdown = Shutdown { stop: stop.clone(), temporaries, programs };
    handle(&flags, move |_| {
        let were_stopped = shutdown.programs.is_stopped();
        shutdown.programs.stop();
        if !shutdown.stop.is_cancelled() && (were_stopped || !ends_programs_first) {
            shutdown.begin();
        }
    });
    stop
}

/// End of a job that a signal stops.
struct Shutdown {
    stop: CancellationToken,
    temporaries: Temporaries,
    programs: ProcessGroup,
}

impl Shutdown {
    /// Cancels the job, and ends the process after [`PATIENCE`] if the job does not end.
    fn begin(&self) {
        self.stop.cancel();
        let (temporaries, programs) = (self.temporaries.clone(), self.programs.clone());
        let end = move || {
            programs.kill();
            let _halted = temporaries.remove_all();
            #[expect(clippy::disallowed_methods, reason = "the main thread waits for input")]
            std::process::exit(130);
        };
        let later = end.clone();
        let thread = thread::Builder::new().name("stop".to_owned()).spawn(move || {
            thread::sleep(PATIENCE);
            later();
        });
        // Without a thread that waits, end the process at once.
        if thread.is_err() {
            end();
        }
    }
}

/// Flags that are set even if the thread for signals cannot be started.
struct StopFlags {
    stop: Arc<AtomicBool>,
    /// Flag of SIGHUP, if the signal does not stop the run.
    reopen: Option<Arc<AtomicBool>>,
}

/// Calls `handler` for each signal, on a thread of its own. If the thread cannot be started, the
/// first signal sets the flag, and the second one ends the process.
fn handle(flags: &StopFlags, mut handler: impl FnMut(i32) + Send + 'static) {
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
        set_sighup_action(None);
        return;
    }
    for signal in wanted {
        let flag = flags.reopen.as_ref().filter(|_| signal == SIGHUP).unwrap_or(&flags.stop);
        if signal != SIGHUP || flags.reopen.is_none() {
            let _ = flag::register_conditional_shutdown(signal, 130, Arc::clone(flag));
        }
        let _ = flag::register(signal, Arc::clone(flag));
    }
    set_sighup_action(None);
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
