//! Ctrl-C, SIGTERM and SIGHUP: the run stops between two events, and nothing temporary stays. For a service that
//! watches SIGTERM is a good end, and SIGHUP none.

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

use crate::{fs, sink::Temporaries, source::Running};

/// How long a run that was told to stop may take to do so by itself; it may wait for input.
const PATIENCE: Duration = Duration::from_millis(500);

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

/// Flags that become true as signals come.
pub(super) fn service() -> Service {
    let service = Service::default();
    let Service { stop, terminated, reopen } = &service;
    let flags = Flags { stop: Arc::clone(stop), reopen: Some(Arc::clone(reopen)) };
    let terminated = Arc::clone(terminated);
    let (stop, reopen) = (Arc::clone(stop), Arc::clone(reopen));
    handle(&flags, move |signal| {
        if signal == SIGHUP {
            return reopen.store(true, Ordering::Relaxed);
        }
        // Before the flag that is waited for.
        terminated.fetch_or(signal == SIGTERM, Ordering::SeqCst);
        if stop.swap(true, Ordering::SeqCst) {
            #[expect(clippy::disallowed_methods, reason = "nobody wants to wait any longer")]
            std::process::exit(130);
        }
    });
    // It may have come before there was a feed that could be opened anew.
    service.reopen.fetch_or(HAS_HUNG_UP.load(Ordering::SeqCst), Ordering::SeqCst);
    service
}

/// What SIGHUP does while the command does not know what it is: it has come, or it ends the process as ever.
static HANGUP: Mutex<Option<SigId>> = Mutex::new(None);
static HAS_HUNG_UP: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// Has SIGHUP end nothing from the first moment of a process that may be a `watch`: `logrotate` sends it to a service
/// whenever it likes, and without a handler it would end that.
pub(super) fn hold_hangup(args: &[OsString]) {
    if args.iter().skip(1).any(|arg| arg == "watch") && !ignores(SIGHUP) {
        set_hangup(flag::register(SIGHUP, Arc::clone(&HAS_HUNG_UP)).ok());
    }
}

/// The command is no `watch`: SIGHUP ends it, until [`handle`] has better to do.
pub(super) fn take_hangup_as_ever() {
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

/// Has SIGHUP do this, and nothing else that was set here before.
fn set_hangup(action: Option<SigId>) {
    let before = {
        let mut now = HANGUP.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *now, action)
    };
    if let Some(before) = before {
        low_level::unregister(before);
    }
}

/// Has a write beyond the limit on the size of files fail, as one to a full disk does, instead of ending the
/// process. Programs that are started are not concerned: a handler does not outlive the start of another one.
pub(super) fn survive_file_limit() {
    let _ = flag::register(SIGXFSZ, Arc::default());
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
    let flags = Flags { stop: Arc::clone(&stop), reopen: None };
    handle(&flags, move |_| {
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
    let flags = Flags { stop: Arc::clone(&stop), reopen: None };
    handle(&flags, move |_| {
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
        // Without a thread that waits there is no patience.
        if patient.is_err() {
            end();
        }
    }
}

/// What becomes true even if there is no thread that could do more.
struct Flags {
    stop: Arc<AtomicBool>,
    /// Of SIGHUP, if that is not one that stops.
    reopen: Option<Arc<AtomicBool>>,
}

/// Calls `handler` for each signal, on a thread of its own. Where the system gives none, the first signal sets
/// the flag, and the second one ends the process.
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
        // Without a handler the process ends at once, as it would have anyway.
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

/// Whether whoever started this process had it ignore a signal, as `nohup` does. Only Linux tells.
fn ignores(signal: i32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    let place = u32::try_from(signal).unwrap_or(0).saturating_sub(1);
    mask.checked_shr(place).unwrap_or(0) & 1 == 1
}
