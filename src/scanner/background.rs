//! Scans that run on a thread of their own.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, OnceLock},
    thread,
};

use super::{ScanFailed, Scanner, State, found::Found, live::Control};
use crate::{
    error::{Error, Result},
    model::Task,
};

/// A scan that is to run in the background, on a thread of its own.
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

/// A scan that runs in the background, or has ended. When it is dropped, nmap and all that it started end.
#[derive(Debug)]
pub struct ScanHandle {
    shared: Arc<Shared>,
    mute_errors: bool,
}

#[derive(Debug, Default)]
struct Shared {
    control: Control,
    outcome: OnceLock<(Scanner, Option<ScanFailed>)>,
}

impl AsyncScanner {
    /// This scan; its errors are raised when it is waited for.
    #[must_use]
    pub fn new(scanner: Scanner) -> Self {
        Self { scanner, mute_errors: false }
    }

    /// The same, whose errors are raised or muted. Muted ones are told by [`ScanHandle::fatal_errors`].
    #[must_use]
    pub fn with_mute_errors(self, mute_errors: bool) -> Self {
        Self { mute_errors, ..self }
    }

    /// Starts it, and comes back at once.
    #[must_use]
    pub fn start(self) -> ScanHandle {
        let Self { scanner, mute_errors } = self;
        let shared = Arc::new(Shared::default());
        let handle = ScanHandle { shared: Arc::clone(&shared), mute_errors };
        let thread = thread::Builder::new().name("scan".to_owned());
        let run = {
            let shared = Arc::clone(&shared);
            move || {
                let mut scanner = scanner;
                let run = || scanner.run_under(&shared.control, None);
                let outcome = catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| {
                    Err(failed(Error::scan("what was told of hosts or progress panicked")))
                });
                let _ = shared.outcome.set((scanner, outcome.err()));
            }
        };
        if let Err(error) = thread.spawn(run) {
            let error = Error::scan(format!("no thread for the scan: {error}"));
            let scanner = Scanner {
                state: State::Failed(error.clone(), Box::default()),
                ..Scanner::default()
            };
            let _ = shared.outcome.set((scanner, Some(failed(error))));
        }
        handle
    }
}

fn failed(error: Error) -> ScanFailed {
    ScanFailed::new(error, Found::default())
}

impl ScanHandle {
    /// Whether it still runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.shared.outcome.get().is_none()
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// Those of [`Scanner::run`], unless errors are muted.
    pub fn wait(&self) -> Result<(), ScanFailed> {
        match self.shared.outcome.wait() {
            (_, Some(failed)) if !self.mute_errors => Err(failed.clone()),
            _ => Ok(()),
        }
    }

    /// Whether it has ended well; false while it runs.
    #[must_use]
    pub fn finished_successfully(&self) -> bool {
        matches!(self.shared.outcome.get(), Some((_, None)))
    }

    /// The errors that ended it, if they are muted; else `None`.
    #[must_use]
    pub fn fatal_errors(&self) -> Option<Vec<Error>> {
        let errors = || {
            let (_, failed) = self.shared.outcome.get()?;
            failed.as_ref().map(|failed| failed.error().clone())
        };
        self.mute_errors.then(|| errors().into_iter().collect())
    }

    /// What nmap told last of how far it is: see [`Scanner::with_progress`].
    #[must_use]
    pub fn progress(&self) -> Option<Task> {
        self.shared.control.progress()
    }

    /// Ends the scan: nmap is told to end, and ended by force if it does not. Waiting for it is an error then.
    pub fn cancel(&self) {
        self.shared.control.cancel();
    }

    /// The scanner, to look up what it found.
    ///
    /// # Errors
    /// [`ErrorKind::Scan`](crate::error::ErrorKind::Scan) while it runs.
    pub fn scanner(&self) -> Result<&Scanner> {
        let outcome = self.shared.outcome.get();
        let (scanner, _) = outcome.ok_or_else(|| Error::scan("the scan still runs"))?;
        Ok(scanner)
    }
}

impl Drop for ScanHandle {
    fn drop(&mut self) {
        if self.is_running() {
            self.shared.control.end();
        }
    }
}
