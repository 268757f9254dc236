//! Progress of a run, shown on standard error.
//!
//! [`Progress::begin`] decides between a bar, a line every two seconds, and nothing. If anything is
//! shown, a thread named `progress` shows it: it wakes every [`LOOK`], reads the counter of bytes
//! and the name of the current input, and draws. The threads that read only add to the counter
//! ([`Meter`]) and set the name ([`Progress::input`]), so they never wait for the terminal.
//!
//! Dropping [`Progress`] ends the thread and clears the bar. Drop it before anything else is
//! written to standard error, because a message in the middle of a bar would be overwritten.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

use super::{
    args::{LogFormat, TalkArgs, When},
    render::{bytes, number, rate},
    terminal::{self, Lines, escape},
};
use crate::source::Meter;

/// Interval between two updates of a bar, and between two lines without a terminal.
pub(super) const LOOK: Duration = Duration::from_millis(100);
pub(super) const LINE: Duration = Duration::from_secs(2);

/// Form in which progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Bar,
    Lines,
}

/// Progress display of a run. It shows nothing if progress is not wanted.
pub(super) struct Progress {
    meter: Meter,
    shown: Option<Shown>,
}

struct Shown {
    state: Arc<State>,
    thread: JoinHandle<()>,
}

struct State {
    over: AtomicBool,
    current: Mutex<Current>,
    /// Number of inputs, and their size in bytes unless the size of one is unknown.
    files: u64,
    total: Option<u64>,
    meter: Meter,
}

#[derive(Default)]
struct Current {
    name: String,
    done: u64,
}

impl Progress {
    /// Starts to show progress. `inputs` are the sizes of the inputs in bytes. `data_on_stdout` is
    /// true if standard output gets lines that a person may be reading.
    pub(super) fn begin(
        args: &TalkArgs,
        inputs: impl ExactSizeIterator<Item = Option<u64>>,
        data_on_stdout: bool,
    ) -> Self {
        let meter = Meter::default();
        let Some(way) = way(args, data_on_stdout) else { return Self { meter, shown: None } };
        let files = u64::try_from(inputs.len()).unwrap_or(u64::MAX);
        let add =
            |total: Option<u64>, len| total.zip(len).map(|(sum, len)| sum.saturating_add(len));
        let total = inputs.fold(Some(0), add);
        let state = Arc::new(State {
            over: AtomicBool::new(false),
            current: Mutex::default(),
            files,
            total,
            meter: meter.clone(),
        });
        let seen = Arc::clone(&state);
        let show = move || match way {
            Way::Bar => seen.draw(),
            Way::Lines => seen.print(),
        };
        // A run must not fail because its progress cannot be shown.
        let thread = thread::Builder::new().name("progress".to_owned()).spawn(show).ok();
        Self { meter, shown: thread.map(|thread| Shown { state, thread }) }
    }

    /// Returns the counter of bytes that were read from inputs.
    pub(super) fn meter(&self) -> Meter {
        self.meter.clone()
    }

    /// Sets the name of the input that is being read.
    pub(super) fn input(&self, name: &str) {
        if let Some(Shown { state, .. }) = &self.shown {
            let mut current = state.current.lock().unwrap_or_else(PoisonError::into_inner);
            if !current.name.is_empty() {
                current.done = current.done.saturating_add(1);
            }
            name.clone_into(&mut current.name);
        }
    }
}

impl Drop for Progress {
    /// Clears the display, so that other messages can follow.
    fn drop(&mut self) {
        if let Some(Shown { state, thread }) = self.shown.take() {
            state.over.store(true, Ordering::Relaxed);
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

/// Returns the form in which progress is shown, or `None` if it is not.
pub(super) fn way(args: &TalkArgs, data_on_stdout: bool) -> Option<Way> {
    let is_terminal = terminal::is_stderr_terminal();
    let way = if is_terminal { Way::Bar } else { Way::Lines };
    match args.progress {
        When::Always => Some(way),
        When::Never => None,
        When::Auto => {
            let in_the_way = data_on_stdout && terminal::is_stdout_terminal();
            let silent = args.quiet || args.log_format == LogFormat::Json;
            (is_terminal && !silent && !in_the_way).then_some(way)
        }
    }
}

impl State {
    fn current(&self) -> (String, u64) {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        (current.name.clone(), current.done)
    }

    /// Draws a bar until the run is over, then clears it.
    fn draw(&self) {
        let bar = ProgressBar::with_draw_target(self.total, terminal::bars());
        let template = if self.total.is_some() {
            "{percent:>3}% [{bar:20}] {bytes}/{total_bytes} {bytes_per_sec} ETA {eta} {prefix} {wide_msg}"
        } else {
            "{spinner} {bytes} {bytes_per_sec} {elapsed} {prefix} {wide_msg}"
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        while !self.over.load(Ordering::Relaxed) {
            let (name, done) = self.current();
            bar.set_prefix(format!("{}/{} files", number(done), number(self.files)));
            bar.set_message(escape(&name));
            bar.set_position(self.meter.bytes());
            bar.tick();
            thread::park_timeout(LOOK);
        }
        bar.finish_and_clear();
    }

    /// Prints a line every [`LINE`] until the run is over.
    fn print(&self) {
        let begun = Instant::now();
        let mut next = LINE;
        while !self.over.load(Ordering::Relaxed) {
            thread::park_timeout(LOOK);
            let elapsed = begun.elapsed();
            if elapsed >= next {
                next = elapsed.saturating_add(LINE);
                let mut lines = Lines::default();
                lines.labelled("progress", None, &self.line(elapsed));
                terminal::say(&lines);
            }
        }
    }

    fn line(&self, elapsed: Duration) -> String {
        let (name, done) = self.current();
        let read = self.meter.bytes();
        let of = self.total.map(|total| format!(" of {}", bytes(total))).unwrap_or_default();
        let (done, files) = (number(done), number(self.files));
        let rate = rate(read, elapsed.as_secs_f64());
        format!("{}{of}{rate}, {done} of {files} files, {name}", bytes(read))
    }
}
