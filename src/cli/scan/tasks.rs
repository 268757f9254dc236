//! Progress of nmap, shown on standard error.

use std::{
    sync::{Mutex, PoisonError},
    time::Instant,
};

use indicatif::{ProgressBar, ProgressStyle};

use super::super::{
    progress::{LINE, LOOK, Way},
    render::{number, plural},
    terminal::{self, Lines, escape},
};
use crate::model::{ScanActivity, ScanEvent, Task, TaskKind};

/// Progress display of nmap's processes. It shows nothing if progress is not wanted.
pub(super) struct Tasks(Option<Mutex<Shown>>);

struct Shown {
    /// `None` if lines are printed instead of a bar.
    bar: Option<ProgressBar>,
    printed: Instant,
    hosts: u64,
    /// Current task of each process, and its progress in percent.
    parts: Vec<(String, f64)>,
}

impl Tasks {
    /// Starts to show the progress of `parts` processes.
    pub(super) fn begin(way: Option<Way>, parts: usize) -> Self {
        Self(way.map(|way| {
            let bar = (way == Way::Bar).then(|| {
                let bar = ProgressBar::with_draw_target(Some(100), terminal::bars());
                let template = "{percent:>3}% [{bar:20}] {elapsed} {wide_msg}";
                if let Ok(style) = ProgressStyle::with_template(template) {
                    bar.set_style(style.progress_chars("=> "));
                }
                bar.enable_steady_tick(LOOK);
                bar
            });
            let parts = vec![(String::new(), 0.0); parts];
            Mutex::new(Shown { bar, printed: Instant::now(), hosts: 0, parts })
        }))
    }

    /// Updates the display from an event of a process.
    pub(super) fn see(&self, part: usize, event: &ScanEvent<'_>) {
        let Some(shown) = &self.0 else { return };
        let mut shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            ScanEvent::Host(_) => shown.hosts = shown.hosts.saturating_add(1),
            ScanEvent::Activity(ScanActivity::Task(task)) => {
                if let Some(doing) = shown.parts.get_mut(part) {
                    *doing = doing_now(task);
                }
            }
            ScanEvent::ScanEnd(_) => {
                if let Some(doing) = shown.parts.get_mut(part) {
                    *doing = (String::new(), 100.0);
                }
            }
            _ => return,
        }
        shown.show();
    }
}

impl Drop for Tasks {
    /// Clears the display, so that other messages can follow.
    fn drop(&mut self) {
        let Some(shown) = self.0.take() else { return };
        let shown = shown.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(bar) = &shown.bar {
            bar.finish_and_clear();
        }
    }
}

impl Shown {
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
        } else if self.printed.elapsed() >= LINE {
            self.printed = Instant::now();
            let mut lines = Lines::default();
            lines.labelled("progress", None, &format!("{:.0}%, {text}", self.percent()));
            terminal::say(&lines);
        }
    }

    /// Returns the mean progress of all processes, in percent.
    fn percent(&self) -> f64 {
        let sum: f64 = self.parts.iter().map(|(_, percent)| percent).sum();
        #[expect(clippy::cast_precision_loss, reason = "there are few")]
        let count = self.parts.len().max(1) as f64;
        sum / count
    }

    fn text(&self) -> String {
        let doing = self.parts.iter().map(|(doing, _)| doing).find(|doing| !doing.is_empty());
        let hosts = plural(self.hosts, "host");
        let doing = doing.map(|doing| format!(", {doing}")).unwrap_or_default();
        let several = self.parts.len() > 1;
        let parts = several.then(|| {
            format!("{} processes, ", number(u64::try_from(self.parts.len()).unwrap_or(0)))
        });
        format!("{}{hosts}{doing}", parts.unwrap_or_default())
    }
}

fn doing_now(task: &Task) -> (String, f64) {
    let name = task.task.as_deref().unwrap_or_default();
    let percent = match task.kind {
        TaskKind::End => 100.0,
        TaskKind::Begin | TaskKind::Progress => task.percent.unwrap_or_default(),
    };
    let left = task.remaining_s.map(|left| format!(", {left} s to go")).unwrap_or_default();
    (format!("{name}{left}"), percent)
}
