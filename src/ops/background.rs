//! A job on a thread of its own, whose results a consumer takes from a bounded channel.
//!
//! The channel is short, so a slow consumer slows the job down and memory stays bounded. A consumer that leaves drops
//! its end of the channel first and then waits for the thread, which notices that at its next result or event: the
//! thread never outlives the [`Background`].

use std::{
    sync::mpsc::{self, Receiver, SyncSender},
    thread::{self, JoinHandle},
};

use crate::{
    error::{Error, Result},
    exec::cancel::CancellationToken,
    pipeline::Report,
};

/// Maximum number of results that wait for their consumer.
const WAITING: usize = 4;

/// Running job, and the results that it has sent so far. Dropping it cancels the job.
#[derive(Debug)]
pub(super) struct Background<T> {
    receiver: Option<Receiver<T>>,
    state: State,
    cancellation: CancellationToken,
}

#[derive(Debug)]
enum State {
    Running(JoinHandle<Result<Report>>),
    Ended(Box<Report>),
    /// The error that ended the job was returned.
    Failed,
}

/// End of the channel that the job sends its results to.
pub(super) struct Results<T> {
    sender: SyncSender<T>,
    cancellation: CancellationToken,
}

impl<T> Results<T> {
    /// Sends a result. Cancels the job if its consumer is gone.
    pub(super) fn send(&self, result: T) {
        if self.sender.send(result).is_err() {
            self.cancellation.cancel();
        }
    }
}

impl<T: Send + 'static> Background<T> {
    /// Starts a job on a thread of this name. It gets a token of its own, which is cancelled with that of the caller, or
    /// alone if the consumer leaves.
    ///
    /// # Errors
    /// Returns an error of the kind [`Resource`](crate::error::ErrorKind::Resource) if the system starts no thread.
    pub(super) fn start(
        name: &str,
        caller: &CancellationToken,
        job: impl FnOnce(Results<T>, CancellationToken) -> Result<Report> + Send + 'static,
    ) -> Result<Self> {
        let (sender, receiver) = mpsc::sync_channel(WAITING);
        let cancellation = caller.child();
        let results = Results { sender, cancellation: cancellation.clone() };
        let token = cancellation.clone();
        let thread =
            thread::Builder::new().name(name.to_owned()).spawn(move || job(results, token));
        let thread =
            thread.map_err(|error| Error::resource(format!("no thread to read: {error}")))?;
        Ok(Self { receiver: Some(receiver), state: State::Running(thread), cancellation })
    }
}

impl<T> Background<T> {
    /// Returns the token that ends the job.
    pub(super) fn cancellation(&self) -> CancellationToken {
        self.cancellation.clone()
    }

    /// Waits for the next result. Returns the error that ended the job once, at the end.
    pub(super) fn next(&mut self) -> Option<Result<T>> {
        if let Ok(result) = self.receiver.as_ref()?.recv() {
            return Some(Ok(result));
        }
        self.receiver = None;
        self.wait().err().map(Err)
    }

    /// Cancels the job if it has not ended, and returns its report.
    ///
    /// # Errors
    /// Returns the error that ended the job, unless [`next`](Self::next) returned it.
    pub(super) fn finish(mut self) -> Result<Report> {
        self.end()?;
        match std::mem::replace(&mut self.state, State::Failed) {
            State::Ended(report) => Ok(*report),
            State::Running(_) | State::Failed => Ok(Report::default()),
        }
    }

    fn end(&mut self) -> Result<()> {
        if matches!(self.state, State::Running(_)) {
            self.cancellation.cancel();
        }
        // A job that waits for room in the channel continues.
        self.receiver = None;
        self.wait()
    }

    fn wait(&mut self) -> Result<()> {
        self.state = match std::mem::replace(&mut self.state, State::Failed) {
            State::Running(thread) => {
                let report = thread.join().map_err(|_| Error::internal("a job panicked"));
                State::Ended(Box::new(report.flatten()?))
            }
            ended => ended,
        };
        Ok(())
    }
}

impl<T> Drop for Background<T> {
    fn drop(&mut self) {
        // Drop cannot return the error.
        let _ = self.end();
    }
}
