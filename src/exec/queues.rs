//! Serial queues on a shared thread pool. Items of one queue run in order; different queues run in parallel.

use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

use super::ThreadPool;
use crate::error::{Error, Result};

/// Maximum number of items that wait in all queues together. [`SerialQueues::push`] waits for space.
const MAX_WAITING: usize = 24;

/// Processes the items of one queue, in order.
pub(crate) trait SerialWorker<I>: Send + 'static {
    /// Processes an item.
    fn process(&mut self, item: I) -> Result<()>;

    /// Completes the work after the last item.
    fn finish(self) -> Result<()>;
}

/// Queues of items, each with its worker. Without a thread pool, items are processed on the caller's thread.
pub(crate) struct SerialQueues<L, I> {
    shared: Arc<Shared<L, I>>,
    pool: Option<ThreadPool>,
}

struct Shared<L, I> {
    queues: Mutex<State<L, I>>,
    changed: Condvar,
}

struct State<L, I> {
    queues: Vec<Slot<L, I>>,
    waiting: usize,
    /// First error. After it no item is processed.
    failed: Option<Error>,
}

struct Slot<L, I> {
    /// `None` while a thread has it, and after that thread panicked.
    worker: Option<L>,
    lost: bool,
    items: VecDeque<I>,
}

impl<L, I> State<L, I> {
    /// Returns true if no thread has a worker.
    fn is_idle(&self) -> bool {
        self.queues.iter().all(|slot| slot.worker.is_some() || slot.lost)
    }
}

fn no_queue(queue: usize) -> Error {
    Error::internal(format!("there is no queue {queue} of serial work"))
}

impl<L: SerialWorker<I>, I: Send + 'static> SerialQueues<L, I> {
    pub(crate) fn new(workers: Vec<L>) -> Self {
        let slot = |worker| Slot { worker: Some(worker), lost: false, items: VecDeque::new() };
        let queues = workers.into_iter().map(slot).collect();
        let state = State { queues, waiting: 0, failed: None };
        let shared = Shared { queues: Mutex::new(state), changed: Condvar::new() };
        Self { shared: Arc::new(shared), pool: None }
    }

    /// Processes the items that follow on this pool.
    pub(crate) fn set_thread_pool(&mut self, pool: &ThreadPool) {
        self.pool = Some(pool.clone());
    }

    /// Adds an item to a queue.
    ///
    /// # Errors
    /// Returns the first error of the queues, which may be that of an earlier item.
    pub(crate) fn push(&self, queue: usize, item: I) -> Result<()> {
        let Some(pool) = &self.pool else {
            let mut state = self.shared.lock();
            let Some(Slot { worker: Some(worker), .. }) = state.queues.get_mut(queue) else {
                return Err(no_queue(queue));
            };
            return worker.process(item);
        };
        let has_room = |state: &State<L, I>| state.waiting < MAX_WAITING || state.failed.is_some();
        let mut state = self.shared.wait(pool, has_room);
        if let Some(error) = &state.failed {
            return Err(error.clone());
        }
        state.waiting = state.waiting.saturating_add(1);
        let slot = state.queues.get_mut(queue).ok_or_else(|| no_queue(queue))?;
        slot.items.push_back(item);
        if let Some(worker) = slot.worker.take() {
            let shared = Arc::clone(&self.shared);
            pool.spawn(move || shared.run(queue, worker));
        }
        Ok(())
    }

    /// Waits for all items, and then finishes the workers in parallel.
    ///
    /// # Errors
    /// Returns the first error of an item; without one, that of the first worker that could not be finished.
    pub(crate) fn finish(self) -> Result<()> {
        let workers = self.take_workers()?;
        let Some(pool) = &self.pool else {
            return workers.into_iter().try_for_each(L::finish);
        };
        let start = |worker: L| pool.submit(move || worker.finish());
        let tasks: Vec<_> = workers.into_iter().map(start).collect();
        let results = tasks.into_iter().map(|task| task.wait().flatten());
        // All of them are waited for.
        results.fold(Ok(()), Result::and)
    }

    /// Waits for all items and takes the workers.
    fn take_workers(&self) -> Result<Vec<L>> {
        let mut state = match &self.pool {
            Some(pool) => self.shared.wait(pool, State::is_idle),
            None => self.shared.lock(),
        };
        if let Some(error) = state.failed.take() {
            return Err(error);
        }
        let queues = std::mem::take(&mut state.queues);
        Ok(queues.into_iter().filter_map(|slot| slot.worker).collect())
    }
}

impl<L, I> Drop for SerialQueues<L, I> {
    /// Waits for the items that are being processed: their workers have files open that the caller may want to remove.
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        for slot in &mut state.queues {
            slot.items.clear();
        }
        while self.pool.is_some() && !state.is_idle() {
            state = self.shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        // A thread that has just put its worker back may still have a handle to the shared state.
        let queues = std::mem::take(&mut state.queues);
        drop(state);
        drop(queues);
    }
}

impl<L, I> Shared<L, I> {
    fn lock(&self) -> MutexGuard<'_, State<L, I>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `is_so` returns true for the state of the queues. This thread runs tasks until then.
    fn wait(
        &self,
        pool: &ThreadPool,
        is_so: impl Fn(&State<L, I>) -> bool,
    ) -> MutexGuard<'_, State<L, I>> {
        loop {
            let state = self.lock();
            if is_so(&state) {
                return state;
            }
            drop(state);
            if pool.run_one() {
                continue;
            }
            // All tasks have started: the threads that run them signal when an item is processed.
            let state = self.lock();
            let waits = |state: &mut State<L, I>| !is_so(state);
            return self.changed.wait_while(state, waits).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl<L: SerialWorker<I>, I> Shared<L, I> {
    /// Processes the items that wait in a queue, and then puts the worker back.
    fn run(&self, number: usize, mut worker: L) {
        let guard = WorkerGuard { shared: self, number };
        let mut state = self.lock();
        loop {
            let failed = state.failed.is_some();
            let slot = state.queues.get_mut(number);
            let item = slot.and_then(|slot| slot.items.pop_front());
            let Some(item) = item else { break };
            state.waiting = state.waiting.saturating_sub(1);
            if failed {
                continue;
            }
            drop(state);
            self.changed.notify_all();
            let result = worker.process(item);
            state = self.lock();
            if let Err(error) = result {
                state.failed.get_or_insert(error);
            }
        }
        if let Some(slot) = state.queues.get_mut(number) {
            slot.worker = Some(worker);
        }
        drop(state);
        drop(guard);
    }
}

/// Guard that signals that a thread no longer uses a worker, even if it panics.
struct WorkerGuard<'s, L, I> {
    shared: &'s Shared<L, I>,
    number: usize,
}

impl<L, I> Drop for WorkerGuard<'_, L, I> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        // A worker that panicked cannot be used again. Otherwise another thread may already have it.
        if thread::panicking()
            && let Some(slot) = state.queues.get_mut(self.number)
        {
            slot.lost = true;
            state.failed.get_or_insert_with(|| Error::internal("a task panicked"));
        }
        drop(state);
        self.shared.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Collects items and shows them at the end. Refuses 13, to finish after 14 and 15, and panics at 16.
    #[derive(Default)]
    struct Kept(Vec<u32>, Shown);

    type Shown = Arc<Mutex<Vec<Vec<u32>>>>;

    impl SerialWorker<u32> for Kept {
        fn process(&mut self, item: u32) -> Result<()> {
            if item == 13 {
                return Err(Error::usage("13"));
            }
            assert_ne!(item, 16, "on purpose");
            self.0.push(item);
            Ok(())
        }

        fn finish(self) -> Result<()> {
            if let Some(last @ (14 | 15)) = self.0.last() {
                return Err(Error::usage(last.to_string()));
            }
            self.1.lock().unwrap().push(self.0);
            Ok(())
        }
    }

    /// Returns three queues, and the items that they show at the end.
    fn queues(pool: Option<&ThreadPool>) -> (SerialQueues<Kept, u32>, Shown) {
        let shown = Shown::default();
        let worker = || Kept(Vec::new(), Arc::clone(&shown));
        let mut queues = SerialQueues::new(vec![worker(), worker(), worker()]);
        if let Some(pool) = pool {
            queues.set_thread_pool(pool);
        }
        (queues, shown)
    }

    #[test]
    fn items_of_one_queue_are_processed_in_order() {
        let pool = ThreadPool::new(4).unwrap();
        for pool in [None, Some(&pool)] {
            let (queues, shown) = queues(pool);
            for n in 99..999 {
                queues.push(usize::try_from(n % 3).unwrap(), n).unwrap();
            }
            queues.finish().unwrap();
            let mut shown = std::mem::take(&mut *shown.lock().unwrap());
            shown.sort_unstable();
            for (worker, kept) in (0_u32..3).zip(shown) {
                assert!(kept.iter().all(|n| n % 3 == worker) && kept.is_sorted());
                assert_eq!(kept.len(), 300);
            }
        }
    }

    #[test]
    fn an_error_is_returned_and_nothing_is_processed_after_it() {
        let pool = ThreadPool::new(2).unwrap();
        for pool in [None, Some(&pool)] {
            let (queues, _) = queues(pool);
            let early = (10..2000).any(|n| queues.push(1, n).is_err());
            let late = queues.finish();
            assert!(early && (pool.is_none() || late.is_err()));
        }
        // Dropping the queues waits for the current items only.
        let (queues, _) = queues(Some(&pool));
        (20..40).for_each(|n| queues.push(0, n).unwrap());
        drop(queues);
    }

    #[test]
    fn a_worker_that_panics_is_an_error_on_any_thread() {
        for threads in [2, 4] {
            let pool = ThreadPool::new(threads).unwrap();
            let (kept, _) = queues(Some(&pool));
            let early = (10..2000).any(|n| kept.push(1, n).is_err());
            assert!(early || kept.finish().is_err());
            let (dropped, _) = queues(Some(&pool));
            let _ = dropped.push(0, 16);
        }
    }

    #[test]
    fn the_error_of_the_first_worker_that_cannot_be_finished_is_returned() {
        let pool = ThreadPool::new(2).unwrap();
        for pool in [None, Some(&pool)] {
            let (queues, _) = queues(pool);
            queues.push(2, 14).unwrap();
            queues.push(1, 15).unwrap();
            assert_eq!(queues.finish().unwrap_err().to_string(), Error::usage("15").to_string());
        }
    }
}
