//! Progress of nmap, shown on standard error: a bar, or a line every two seconds.
//!
//! Events come from the threads that read the XML of the processes. The display changes with them, so no thread of its
//! own is needed.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use indicatif::{ProgressBar, ProgressStyle};

use super::super::{
    console::{number, plural},
    progress::{DRAW_INTERVAL, LINE_INTERVAL, ProgressMode},
    terminal::{self, Lines, escape},
};
use crate::{
    model::{ScanActivity, ScanEvent, Task, TaskKind},
    ops::{Progress, ProgressHandle, ProgressTotals},
};

/// Creates what shows the progress of nmap's processes: nothing, if progress is not wanted.
pub(super) fn scan_progress(mode: Option<ProgressMode>) -> ProgressHandle {
    match mode {
        Some(mode) => ProgressHandle::new(TaskDisplay { mode, shown: Mutex::default() }),
        None => ProgressHandle::default(),
    }
}

/// Display of the tasks of nmap.
struct TaskDisplay {
    mode: ProgressMode,
    /// Exists while the job runs.
    shown: Mutex<Option<TaskStatus>>,
}

struct TaskStatus {
    /// `None` if lines are printed instead of a bar.
    bar: Option<ProgressBar>,
    printed: Instant,
    hosts: u64,
    /// Current task of each process, and its progress in percent.
    tasks: Vec<(String, f64)>,
}

impl TaskDisplay {
    fn shown(&self) -> MutexGuard<'_, Option<TaskStatus>> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress for TaskDisplay {
    fn begin(&self, totals: ProgressTotals) {
        let bar = (self.mode == ProgressMode::Bar).then(|| {
            let bar = ProgressBar::with_draw_target(Some(100), terminal::bar_target());
            let template = "{percent:>3}% [{bar:20}] {elapsed} {wide_msg}";
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style.progress_chars("=> "));
            }
            bar.enable_steady_tick(DRAW_INTERVAL);
            bar
        });
        let processes = usize::try_from(totals.inputs).unwrap_or_default();
        let tasks = vec![(String::new(), 0.0); processes];
        *self.shown() = Some(TaskStatus { bar, printed: Instant::now(), hosts: 0, tasks });
    }

    fn scan_event(&self, process: usize, event: &ScanEvent<'_>) {
        let mut shown = self.shown();
        let Some(shown) = shown.as_mut() else { return };
        match event {
            ScanEvent::Host(_) => shown.hosts = shown.hosts.saturating_add(1),
            ScanEvent::Activity(ScanActivity::Task(task)) => {
                if let Some(current) = shown.tasks.get_mut(process) {
                    *current = task_status(task);
                }
            }
            ScanEvent::ScanEnd(_) => {
                if let Some(current) = shown.tasks.get_mut(process) {
                    *current = (String::new(), 100.0);
                }
            }
            _ => return,
        }
        shown.show();
    }

    /// Clears the display, so that other messages can follow.
    fn end(&self) {
        if let Some(TaskStatus { bar: Some(bar), .. }) = self.shown().take() {
            bar.finish_and_clear();
        }
    }
}

impl TaskStatus {
    fn show(&mut self) {
        let text = self.text();
        if let Some(bar) = &self.bar {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "clamped to 0 to 100"
            )]
            bar.set_position(self.percent().clamp(0.0, 100.0) as u64);
            bar.set_message(escape(&text));
        } else if self.printed.elapsed() >= LINE_INTERVAL {
            self.printed = Instant::now();
            let mut lines = Lines::default();
            lines.labelled("progress", None, &format!("{:.0}%, {text}", self.percent()));
            terminal::eprint_lines(&lines);
        }
    }

    /// Returns the mean progress of all processes, in percent.
    fn percent(&self) -> f64 {
        let sum: f64 = self.tasks.iter().map(|(_, percent)| percent).sum();
        #[expect(clippy::cast_precision_loss, reason = "there are few")]
        let count = self.tasks.len().max(1) as f64;
        sum / count
    }

    fn text(&self) -> String {
        let task = self.tasks.iter().map(|(task, _)| task).find(|task| !task.is_empty());
        let hosts = plural(self.hosts, "host");
        let task = task.map(|task| format!(", {task}")).unwrap_or_default();
        let several = self.tasks.len() > 1;
        let parts = several.then(|| {
            format!("{} processes, ", number(u64::try_from(self.tasks.len()).unwrap_or(0)))
        });
        format!("{}{hosts}{task}", parts.unwrap_or_default())
    }
}

fn task_status(task: &Task) -> (String, f64) {
    let name = task.task.as_deref().unwrap_or_default();
    let percent = match task.kind {
        TaskKind::End => 100.0,
        TaskKind::Begin | TaskKind::Progress => task.percent.unwrap_or_default(),
    };
    let left = task.remaining_s.map(|left| format!(", {left} s to go")).unwrap_or_default();
    (format!("{name}{left}"), percent)
}
