//! Progress of a run, shown on standard error.
//!
//! [`progress`] decides between a bar, a line every two seconds, and nothing. If anything is shown, a thread named
//! `progress` shows it from [`Progress::begin`] to [`Progress::end`]: it wakes every [`DRAW_INTERVAL`], reads the counter of
//! bytes and the name of the current input, and draws. The threads that read only add to the counter and set the name,
//! so they never wait for the terminal.
//!
//! A job ends the thread, which clears the bar, before it returns, so that messages after it are not overwritten.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

use super::{
    args::{LogFormat, MessageArgs, ProgressChoice},
    console::{bytes, number, rate},
    terminal::{self, Lines, escape},
};
use crate::ops::{Progress, ProgressHandle, ProgressTotals};

/// Interval between two updates of a bar, and between two lines without a terminal.
pub(super) const DRAW_INTERVAL: Duration = Duration::from_millis(100);
pub(super) const LINE_INTERVAL: Duration = Duration::from_secs(2);

/// Form in which progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProgressMode {
    Bar,
    Lines,
}

/// Creates what shows the progress of a run that reads inputs: nothing, if progress is not wanted. `data_on_stdout` is
/// true if standard output gets lines that a person may be reading.
pub(super) fn progress(args: &MessageArgs, data_on_stdout: bool) -> ProgressHandle {
    match progress_mode(args, data_on_stdout) {
        Some(mode) => ProgressHandle::new(InputDisplay {
            mode,
            state: Arc::default(),
            thread: Mutex::default(),
        }),
        None => ProgressHandle::default(),
    }
}

/// Display of the progress through inputs.
struct InputDisplay {
    mode: ProgressMode,
    state: Arc<ProgressState>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct ProgressState {
    ended: AtomicBool,
    current: Mutex<CurrentInput>,
    /// Bytes that were read from inputs.
    bytes: AtomicU64,
}

#[derive(Default)]
struct CurrentInput {
    name: String,
    done: u64,
}

impl Progress for InputDisplay {
    /// Shows the progress from its start: `diff` has one for each of its states.
    fn begin(&self, totals: ProgressTotals) {
        self.state.reset();
        let (mode, state) = (self.mode, Arc::clone(&self.state));
        let show = move || match mode {
            ProgressMode::Bar => state.draw(totals),
            ProgressMode::Lines => state.print(totals),
        };
        // A run must not fail because its progress cannot be shown.
        let thread = thread::Builder::new().name("progress".to_owned()).spawn(show).ok();
        *self.thread() = thread;
    }

    fn input(&self, name: &str) {
        let mut current = self.state.current.lock().unwrap_or_else(PoisonError::into_inner);
        if !current.name.is_empty() {
            current.done = current.done.saturating_add(1);
        }
        name.clone_into(&mut current.name);
    }

    fn bytes_read(&self, bytes: u64) {
        self.state.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Clears the display, so that other messages can follow.
    fn end(&self) {
        self.state.ended.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread().take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

impl InputDisplay {
    fn thread(&self) -> MutexGuard<'_, Option<JoinHandle<()>>> {
        self.thread.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the form in which progress is shown, or `None` if it is not.
pub(super) fn progress_mode(args: &MessageArgs, data_on_stdout: bool) -> Option<ProgressMode> {
    let is_terminal = terminal::is_stderr_terminal();
    let mode = if is_terminal { ProgressMode::Bar } else { ProgressMode::Lines };
    match args.progress {
        ProgressChoice::Always => Some(mode),
        ProgressChoice::Never => None,
        ProgressChoice::Auto => {
            let in_the_way = data_on_stdout && terminal::is_stdout_terminal();
            let silent = args.quiet || args.log_format == LogFormat::Json;
            (is_terminal && !silent && !in_the_way).then_some(mode)
        }
    }
}

impl ProgressState {
    /// Begins anew. No thread shows the state at that time.
    fn reset(&self) {
        self.ended.store(false, Ordering::Relaxed);
        self.bytes.store(0, Ordering::Relaxed);
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = CurrentInput::default();
    }

    fn current(&self) -> (String, u64) {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        (current.name.clone(), current.done)
    }

    /// Draws a bar until the run is over, then clears it.
    fn draw(&self, totals: ProgressTotals) {
        let bar = ProgressBar::with_draw_target(totals.bytes, terminal::bar_target());
        let template = if totals.bytes.is_some() {
            "{percent:>3}% [{bar:20}] {bytes}/{total_bytes} {bytes_per_sec} ETA {eta} {prefix} {wide_msg}"
        } else {
            "{spinner} {bytes} {bytes_per_sec} {elapsed} {prefix} {wide_msg}"
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        while !self.ended.load(Ordering::Relaxed) {
            let (name, done) = self.current();
            bar.set_prefix(format!("{}/{} files", number(done), number(totals.inputs)));
            bar.set_message(escape(&name));
            bar.set_position(self.bytes.load(Ordering::Relaxed));
            bar.tick();
            thread::park_timeout(DRAW_INTERVAL);
        }
        bar.finish_and_clear();
    }

    /// Prints a line every [`LINE_INTERVAL`] until the run is over.
    fn print(&self, totals: ProgressTotals) {
        let started = Instant::now();
        let mut next = LINE_INTERVAL;
        while !self.ended.load(Ordering::Relaxed) {
            thread::park_timeout(DRAW_INTERVAL);
            let elapsed = started.elapsed();
            if elapsed >= next {
                next = elapsed.saturating_add(LINE_INTERVAL);
                let mut lines = Lines::default();
                lines.labelled("progress", None, &self.line(totals, elapsed));
                terminal::eprint_lines(&lines);
            }
        }
    }

    fn line(&self, totals: ProgressTotals, elapsed: Duration) -> String {
        let (name, done) = self.current();
        let read = self.bytes.load(Ordering::Relaxed);
        let of = totals.bytes.map(|total| format!(" of {}", bytes(total))).unwrap_or_default();
        let (done, files) = (number(done), number(totals.inputs));
        let rate = rate(read, elapsed.as_secs_f64());
        format!("{}{of}{rate}, {done} of {files} files, {name}", bytes(read))
    }
}
