//! Threads that share work with the one that hands it out.

use std::{
    collections::VecDeque,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, Receiver, TryRecvError},
    },
};

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::error::{Error, Result};

/// Threads that whoever reads and whoever writes share. A clone is the same threads.
///
/// The thread that gives them work counts as one of them: what it waits for, it helps with. So no more threads
/// run than there are processors for, and less of what they work on leaves the caches.
#[derive(Clone)]
pub struct Workers {
    pool: Arc<ThreadPool>,
    waiting: Arc<Waiting>,
}

/// Work that nobody has begun, the oldest first.
#[derive(Default)]
struct Waiting(Mutex<VecDeque<Work>>);

type Work = Box<dyn FnOnce() + Send>;

/// Work that was begun or will be.
pub struct Pending<T> {
    result: Receiver<T>,
    waiting: Arc<Waiting>,
}

impl Workers {
    /// So many threads, with the caller's.
    ///
    /// # Errors
    /// If the system gives no threads.
    pub fn new(threads: usize) -> Result<Self> {
        let others = threads.saturating_sub(1).max(1);
        let pool = ThreadPoolBuilder::new().num_threads(others).build();
        let pool = pool.map_err(|error| Error::usage(format!("no threads: {error}")))?;
        Ok(Self { pool: Arc::new(pool), waiting: Arc::default() })
    }

    /// How many threads they are, with the caller's.
    #[must_use]
    pub fn count(&self) -> usize {
        self.pool.current_num_threads().saturating_add(1)
    }

    /// Has a thread do something, behind what was asked for before.
    pub fn spawn(&self, work: impl FnOnce() + Send + 'static) {
        self.waiting.lock().push_back(Box::new(work));
        let waiting = Arc::clone(&self.waiting);
        // Somebody who helped may have done it meanwhile.
        self.pool.spawn(move || {
            waiting.do_oldest();
        });
    }

    /// The same, with what comes of it.
    pub fn start<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Pending<T> {
        let (sender, result) = mpsc::sync_channel(1);
        self.spawn(move || {
            // Perhaps nobody waits for it any more.
            let _ = sender.send(work());
        });
        Pending { result, waiting: Arc::clone(&self.waiting) }
    }

    /// Does the oldest work that nobody has begun; false if there is none.
    #[must_use]
    pub fn help(&self) -> bool {
        self.waiting.do_oldest()
    }
}

impl<T> Pending<T> {
    /// What comes of the work, when it is done. This thread helps with what is to be done until then.
    ///
    /// # Errors
    /// If the thread that did it ended early.
    pub fn wait(self) -> Result<T> {
        loop {
            match self.result.try_recv() {
                Ok(done) => return Ok(done),
                Err(TryRecvError::Empty) if self.waiting.do_oldest() => {}
                // Somebody is at it.
                Err(_) => {
                    let done = self.result.recv();
                    return done.map_err(|_| Error::usage("a thread ended early"));
                }
            }
        }
    }
}

impl fmt::Debug for Workers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workers").field("pool", &self.pool).finish_non_exhaustive()
    }
}

impl Waiting {
    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Work>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn do_oldest(&self) -> bool {
        let oldest = self.lock().pop_front();
        match oldest {
            Some(work) => {
                // A bug in it must not end this thread, be it one of the pool or the one that helps: whoever
                // waits is told.
                let _ = catch_unwind(AssertUnwindSafe(work));
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_waits_helps() {
        let workers = Workers::new(2).unwrap();
        assert_eq!(workers.count(), 2);
        // The only other thread waits for what it cannot do itself.
        let (sender, receiver) = mpsc::sync_channel(1);
        let blocked = workers.start(move || receiver.recv().unwrap());
        let tasks: Vec<_> = (0..100).map(|number| workers.start(move || number)).collect();
        let last = workers.start(move || sender.send(7).unwrap());
        let done: Vec<_> = tasks.into_iter().map(|task| task.wait().unwrap()).collect();
        assert_eq!(done, (0..100).collect::<Vec<_>>());
        last.wait().unwrap();
        assert_eq!(blocked.wait().unwrap(), 7);
        assert!(!workers.help());
    }

    #[test]
    fn whoever_waits_for_what_ended_early_is_told() {
        let workers = Workers::new(2).unwrap();
        let broken: Vec<_> = (0..9).map(|_| workers.start(|| panic!("on purpose"))).collect();
        let sound = workers.start(|| 5);
        assert!(broken.into_iter().all(|pending: Pending<()>| pending.wait().is_err()));
        assert_eq!(sound.wait().unwrap(), 5);
    }
}
