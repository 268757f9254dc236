//! Scans that run on a thread of their own.
//!
//! [`AsyncScanner::start`] moves the scanner to a thread named `scan`, which runs it like [`Scanner::run`]. The
//! thread and the [`ScanHandle`] share two values: a [`ScanControl`], which cancels the run and holds the last progress,
//! and the outcome, which is set exactly once: when the scan ends, when a callback panics, or when the thread cannot
//! be started. A scan is running as long as its outcome is not set.
//!
//! All methods of the handle except [`ScanHandle::into_scanner`] take `&self` and may be called from several threads.
//! Errors stay in the outcome, so [`ScanHandle::wait`] may be called more than once. `into_scanner` joins the thread
//! first, so that the handle is the only owner of the shared values and can move the scanner out.
//!
//! Dropping a handle ends nmap and waits for that, but not for the thread, which ends soon after its input does.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, OnceLock},
    thread::{self, JoinHandle},
};

use super::{ScanFailed, Scanner, State, control::ScanControl, found::Found};
use crate::{
    error::{Error, Result},
    model::Task,
};

/// Scan to run in the background, on a thread of its own.
///
/// ```no_run
/// use scanmill::scanner::{AsyncScanner, Scanner};
///
/// let scanner = Scanner::new("127.0.0.1")?.with_arguments("-sV")?;
/// let running = AsyncScanner::new(scanner).start();
/// while running.is_running() {
///     std::thread::sleep(std::time::Duration::from_millis(100));
/// }
/// running.wait()?;
/// println!("{:?}", running.scanner()?.scanned_hosts()?);
/// # Ok::<(), scanmill::error::Error>(())
/// ```
#[derive(Debug)]
pub struct AsyncScanner {
    scanner: Scanner,
    mute_errors: bool,
}

/// Scan that runs in the background, or has ended. Dropping the handle ends nmap and all its child processes.
#[derive(Debug)]
pub struct ScanHandle {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    mute_errors: bool,
}

#[derive(Debug, Default)]
struct Shared {
    control: ScanControl,
    outcome: OnceLock<(Scanner, Option<ScanFailed>)>,
}

impl AsyncScanner {
    /// Creates a background scan. [`ScanHandle::wait`] returns its errors.
    #[must_use]
    pub fn new(scanner: Scanner) -> Self {
        Self { scanner, mute_errors: false }
    }

    /// Sets whether [`ScanHandle::wait`] returns errors. Muted errors are available from
    /// [`ScanHandle::fatal_errors`].
    #[must_use]
    pub fn with_mute_errors(self, mute_errors: bool) -> Self {
        Self { mute_errors, ..self }
    }

    /// Starts the scan and returns immediately.
    #[must_use]
    pub fn start(self) -> ScanHandle {
        let Self { scanner, mute_errors } = self;
        let shared = Arc::new(Shared::default());
        let builder = thread::Builder::new().name("scan".to_owned());
        let run = {
            let shared = Arc::clone(&shared);
            move || {
                let mut scanner = scanner;
                let run = || scanner.run_under(&shared.control, None);
                let outcome = catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| {
                    Err(failed(Error::scan("a callback for hosts or progress panicked")))
                });
                let _ = shared.outcome.set((scanner, outcome.err()));
            }
        };
        let thread = builder.spawn(run);
        if let Err(error) = &thread {
            let error = Error::scan(format!("cannot start a thread for the scan: {error}"));
            let scanner = Scanner {
                state: State::Failed(error.clone(), Box::default()),
                ..Scanner::default()
            };
            let _ = shared.outcome.set((scanner, Some(failed(error))));
        }
        ScanHandle { shared, thread: thread.ok(), mute_errors }
    }
}

fn failed(error: Error) -> ScanFailed {
    ScanFailed::new(error, Found::default())
}

impl ScanHandle {
    /// Returns true while the scan runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.shared.outcome.get().is_none()
    }

    /// Waits for the end of the scan.
    ///
    /// # Errors
    /// Returns the errors of [`Scanner::run`], unless errors are muted.
    pub fn wait(&self) -> Result<(), ScanFailed> {
        match self.shared.outcome.wait() {
            (_, Some(failed)) if !self.mute_errors => Err(failed.clone()),
            _ => Ok(()),
        }
    }

    /// Returns true if the scan has ended successfully; false while it runs.
    #[must_use]
    pub fn finished_successfully(&self) -> bool {
        matches!(self.shared.outcome.get(), Some((_, None)))
    }

    /// Returns the errors that ended the scan if errors are muted, otherwise `None`.
    #[must_use]
    pub fn fatal_errors(&self) -> Option<Vec<Error>> {
        let errors = || {
            let (_, failed) = self.shared.outcome.get()?;
            failed.as_ref().map(|failed| failed.error().clone())
        };
        self.mute_errors.then(|| errors().into_iter().collect())
    }

    /// Returns the progress that nmap reported last; see [`Scanner::with_progress`].
    #[must_use]
    pub fn progress(&self) -> Option<Task> {
        self.shared.control.progress()
    }

    /// Cancels the scan: nmap is asked to end, and killed if it does not. Waiting for the scan then returns an error.
    pub fn cancel(&self) {
        self.shared.control.cancel();
    }

    /// Returns the scanner, to look up results.
    ///
    /// # Errors
    /// Returns [`ErrorKind::Scan`](crate::error::ErrorKind::Scan) while the scan runs.
    pub fn scanner(&self) -> Result<&Scanner> {
        let outcome = self.shared.outcome.get();
        let (scanner, _) = outcome.ok_or_else(|| Error::scan("the scan still runs"))?;
        Ok(scanner)
    }

    /// Waits for the end of the scan and returns the scanner.
    ///
    /// # Errors
    /// Returns the errors of [`Scanner::run`], even if errors are muted.
    pub fn into_scanner(mut self) -> Result<Scanner, ScanFailed> {
        if let Some(thread) = self.thread.take() {
            // Its result is in the outcome.
            let _ = thread.join();
        }
        let shared = Arc::into_inner(std::mem::take(&mut self.shared));
        match shared.and_then(|shared| shared.outcome.into_inner()) {
            Some((scanner, None)) => Ok(scanner),
            Some((_, Some(failed))) => Err(failed),
            None => Err(failed(Error::scan("the scan has no outcome"))),
        }
    }
}

impl Drop for ScanHandle {
    fn drop(&mut self) {
        if self.is_running() {
            self.shared.control.finish();
        }
    }
}
