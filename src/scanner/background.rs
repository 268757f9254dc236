//! Scans that run on a thread of their own.
//!
//! [`AsyncScanner::start`] moves the scanner to a thread named `scan`, which calls [`Scanner::run`]. The thread and the
//! [`ScanHandle`] share two values: a [`ScanControl`], which cancels the run and holds the last progress, and the
//! outcome, which is set exactly once: when the scan ends, when a callback panics, or when the thread cannot be started.
//! A scan is running as long as its outcome is not set.
//!
//! All methods of the handle except [`ScanHandle::into_parts`] and `into_scanner` take `&self` and may be called from
//! several threads. Errors stay in the outcome, so [`ScanHandle::wait`] may be called more than once. `into_parts` joins
//! the thread first, so that the handle is the only owner of the outcome and can move the scanner out.
//!
//! Dropping a handle ends nmap and waits for that, but not for the thread, which ends soon after its input does.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, OnceLock, PoisonError},
    thread::{self, JoinHandle},
};

use super::{ScanError, Scanner, control::ScanControl};
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
    control: Arc<ScanControl>,
    outcome: Arc<OnceLock<Outcome>>,
    thread: Option<JoinHandle<()>>,
    mute_errors: bool,
}

/// Scanner that has run, and its error.
type Outcome = (Scanner, Option<ScanError>);

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
        let control = Arc::clone(&scanner.control);
        let outcome = Arc::new(OnceLock::new());
        // A thread that the system does not start leaves the scanner here.
        let scanner = Arc::new(Mutex::new(scanner));
        let take = |scanner: &Mutex<Scanner>| {
            std::mem::take(&mut *scanner.lock().unwrap_or_else(PoisonError::into_inner))
        };
        let (moved, set) = (Arc::clone(&scanner), Arc::clone(&outcome));
        let run = move || {
            let mut scanner = take(&moved);
            let result = catch_unwind(AssertUnwindSafe(|| scanner.run())).unwrap_or_else(|_| {
                let error = Error::scan("a callback for hosts or progress panicked");
                Err(scanner.fail(error))
            });
            let _ = set.set((scanner, result.err()));
        };
        let thread = thread::Builder::new().name("scan".to_owned()).spawn(run);
        if let Err(error) = &thread {
            let error = Error::resource(format!("cannot start a thread for the scan: {error}"));
            let mut scanner = take(&scanner);
            let failed = scanner.fail(error);
            let _ = outcome.set((scanner, Some(failed)));
        }
        ScanHandle { control, outcome, thread: thread.ok(), mute_errors }
    }
}

impl ScanHandle {
    /// Returns true while the scan runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.outcome.get().is_none()
    }

    /// Waits for the end of the scan.
    ///
    /// # Errors
    /// Returns the errors of [`Scanner::run`], unless errors are muted.
    pub fn wait(&self) -> Result<(), ScanError> {
        match self.outcome.wait() {
            (_, Some(failed)) if !self.mute_errors => Err(failed.clone()),
            _ => Ok(()),
        }
    }

    /// Returns true if the scan has ended successfully; false while it runs.
    #[must_use]
    pub fn finished_successfully(&self) -> bool {
        matches!(self.outcome.get(), Some((_, None)))
    }

    /// Returns the errors that ended the scan if errors are muted, otherwise `None`.
    #[must_use]
    pub fn fatal_errors(&self) -> Option<Vec<Error>> {
        let errors = || {
            let (_, failed) = self.outcome.get()?;
            failed.as_ref().map(|failed| failed.error().clone())
        };
        self.mute_errors.then(|| errors().into_iter().collect())
    }

    /// Returns the progress that nmap reported last; see [`Scanner::with_progress`].
    #[must_use]
    pub fn progress(&self) -> Option<Task> {
        self.control.progress()
    }

    /// Cancels the scan: nmap is asked to end, and killed if it does not. Waiting for the scan then returns an error.
    pub fn cancel(&self) {
        self.control.cancel();
    }

    /// Returns the scanner, to look up results.
    ///
    /// # Errors
    /// Returns [`ErrorKind::Scan`](crate::error::ErrorKind::Scan) while the scan runs.
    pub fn scanner(&self) -> Result<&Scanner> {
        let outcome = self.outcome.get();
        let (scanner, _) = outcome.ok_or_else(|| Error::scan("the scan still runs"))?;
        Ok(scanner)
    }

    /// Waits for the end of the scan and returns the scanner.
    ///
    /// # Errors
    /// Returns the errors of [`Scanner::run`], even if errors are muted.
    pub fn into_scanner(self) -> Result<Scanner, ScanError> {
        match self.into_parts() {
            (scanner, None) => Ok(scanner),
            (_, Some(failed)) => Err(failed),
        }
    }

    /// Waits for the end of the scan and returns the scanner, which can run again, and the error if the scan failed.
    #[must_use]
    pub fn into_parts(mut self) -> (Scanner, Option<ScanError>) {
        if let Some(thread) = self.thread.take() {
            // Its result is in the outcome.
            let _ = thread.join();
        }
        let outcome = Arc::into_inner(std::mem::take(&mut self.outcome));
        outcome.and_then(OnceLock::into_inner).unwrap_or_else(|| {
            debug_assert!(false, "a thread that has ended has set the outcome");
            let mut scanner = Scanner::default();
            let failed = scanner.fail(Error::internal("the scan has no outcome"));
            (scanner, Some(failed))
        })
    }
}

impl Drop for ScanHandle {
    fn drop(&mut self) {
        if self.is_running() {
            self.control.finish();
        }
    }
}
