//! Passes the cancellation of a job on to its processes.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use crate::{
    error::{Error, Result},
    ops::{CancellationToken, ProcessGroup},
};

/// Time between two checks of the token of the caller, which cannot wake a thread.
const CHECK_INTERVAL: Duration = Duration::from_millis(20);

/// Thread that kills the processes of a job when its token is cancelled. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct CancellationWatch {
    token: CancellationToken,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl CancellationWatch {
    /// Starts to watch the token of the caller.
    ///
    /// # Errors
    /// Fails if the system cannot start a thread.
    pub(super) fn start(callers: &CancellationToken, processes: &ProcessGroup) -> Result<Self> {
        let (token, is_over) = (CancellationToken::new(), Arc::new(AtomicBool::new(false)));
        let (callers, processes) = (callers.clone(), processes.clone());
        let (own, over) = (token.clone(), Arc::clone(&is_over));
        let watch = move || {
            while !over.load(Ordering::Relaxed) {
                if callers.is_cancelled() {
                    own.cancel();
                    return processes.kill();
                }
                thread::park_timeout(CHECK_INTERVAL);
            }
        };
        let thread = thread::Builder::new().name("cancellation".to_owned()).spawn(watch);
        let thread = thread.map_err(|error| Error::resource(format!("no thread: {error}")))?;
        Ok(Self { token, is_over, thread: Some(thread) })
    }

    /// Returns a token that is cancelled when that of the caller is, and that the job may cancel itself.
    pub(super) fn token(&self) -> CancellationToken {
        self.token.clone()
    }
}

impl Drop for CancellationWatch {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}
