//! A pool of threads in which the thread that submits work is one of them.

use std::{
    collections::VecDeque,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, Receiver, TryRecvError},
    },
};

use rayon::ThreadPoolBuilder;

use crate::error::{Error, Result};

/// Fixed number of threads that reading and writing share. A clone is a handle to the same threads.
///
/// The thread that submits work counts as one of them: while it waits for a result, it runs tasks. So exactly the
/// requested number of threads runs, and their data stays in the processor's caches. This type wraps rayon's pool because
/// a caller of rayon only waits, so `--threads 2` would be three threads on two processors.
#[derive(Clone)]
pub struct ThreadPool {
    pool: Arc<rayon::ThreadPool>,
    queue: Arc<TaskQueue>,
}

/// Tasks that no thread has started, oldest first.
#[derive(Default)]
struct TaskQueue(Mutex<VecDeque<Task>>);

type Task = Box<dyn FnOnce() + Send>;

/// Handle to the result of a task.
pub struct TaskHandle<T> {
    result: Receiver<T>,
    queue: Arc<TaskQueue>,
}

impl ThreadPool {
    /// Creates a pool of `threads` threads, including the caller's. At least one thread is started.
    ///
    /// # Errors
    /// Returns a resource error if the system provides no threads.
    pub fn new(threads: usize) -> Result<Self> {
        let others = threads.saturating_sub(1).max(1);
        let pool = ThreadPoolBuilder::new().num_threads(others).build();
        let pool = pool.map_err(|error| Error::resource(format!("no threads: {error}")))?;
        Ok(Self { pool: Arc::new(pool), queue: Arc::default() })
    }

    /// Returns the number of threads, including the caller's.
    #[must_use]
    pub fn count(&self) -> usize {
        self.pool.current_num_threads().saturating_add(1)
    }

    /// Queues a task after those submitted before.
    pub fn spawn(&self, work: impl FnOnce() + Send + 'static) {
        self.queue.lock().push_back(Box::new(work));
        let queue = Arc::clone(&self.queue);
        // A waiting thread may have run it in the meantime.
        self.pool.spawn(move || {
            queue.run_oldest();
        });
    }

    /// Queues a task after those submitted before, and returns a handle to its result.
    pub fn submit<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> TaskHandle<T> {
        let (sender, result) = mpsc::sync_channel(1);
        self.spawn(move || {
            // The handle may have been dropped.
            let _ = sender.send(work());
        });
        TaskHandle { result, queue: Arc::clone(&self.queue) }
    }

    /// Runs the oldest task that no thread has started, on this thread. Returns false if there is none.
    #[must_use]
    pub(crate) fn run_one(&self) -> bool {
        self.queue.run_oldest()
    }
}

impl<T> TaskHandle<T> {
    /// Waits for the result. This thread runs other tasks until then.
    ///
    /// # Errors
    /// Returns an internal error if the task panicked.
    pub fn wait(self) -> Result<T> {
        loop {
            match self.result.try_recv() {
                Ok(done) => return Ok(done),
                Err(TryRecvError::Empty) if self.queue.run_oldest() => {}
                // Another thread is running it.
                Err(_) => {
                    let done = self.result.recv();
                    return done.map_err(|_| Error::internal("a task panicked"));
                }
            }
        }
    }
}

impl fmt::Debug for ThreadPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadPool").field("pool", &self.pool).finish_non_exhaustive()
    }
}

impl TaskQueue {
    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Task>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run_oldest(&self) -> bool {
        let oldest = self.lock().pop_front();
        match oldest {
            Some(task) => {
                // A panic must not end this thread, which may be one of the pool or a waiting one. The handle of the
                // task reports it.
                let _ = catch_unwind(AssertUnwindSafe(task));
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
    fn a_thread_that_waits_runs_tasks() {
        let pool = ThreadPool::new(2).unwrap();
        assert_eq!(pool.count(), 2);
        // The only other thread waits for a task that this thread runs.
        let (sender, receiver) = mpsc::sync_channel(1);
        let blocked = pool.submit(move || receiver.recv().unwrap());
        let tasks: Vec<_> = (0..100).map(|number| pool.submit(move || number)).collect();
        let last = pool.submit(move || sender.send(7).unwrap());
        let done: Vec<_> = tasks.into_iter().map(|task| task.wait().unwrap()).collect();
        assert_eq!(done, (0..100).collect::<Vec<_>>());
        last.wait().unwrap();
        assert_eq!(blocked.wait().unwrap(), 7);
        assert!(!pool.run_one());
    }

    #[test]
    fn a_panic_is_an_error_of_the_handle() {
        let pool = ThreadPool::new(2).unwrap();
        let broken: Vec<_> = (0..9).map(|_| pool.submit(|| panic!("on purpose"))).collect();
        let sound = pool.submit(|| 5);
        assert!(broken.into_iter().all(|pending: TaskHandle<()>| pending.wait().is_err()));
        assert_eq!(sound.wait().unwrap(), 5);
    }
}
