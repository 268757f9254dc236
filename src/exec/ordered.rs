//! Results of parallel work in the order of submission.

use std::{collections::VecDeque, fmt};

use super::{TaskHandle, ThreadPool};
use crate::error::Result;

/// Runs tasks on a thread pool and returns their results in the order of submission.
///
/// The owner bounds it: when [`is_full`](Self::is_full) returns true, take the oldest result with
/// [`take_next`](Self::take_next) before submitting more.
///
/// ```
/// use scanmill::exec::{Ordered, ThreadPool};
///
/// let mut squares = Ordered::new(ThreadPool::new(2)?, 8, usize::MAX);
/// for number in 0..4_u32 {
///     squares.submit(1, move || number * number);
/// }
/// let mut results = Vec::new();
/// while let Some(square) = squares.take_next()? {
///     results.push(square);
/// }
/// assert_eq!(results, [0, 1, 4, 9]);
/// # Ok::<(), scanmill::error::Error>(())
/// ```
pub struct Ordered<T> {
    pool: ThreadPool,
    slots: VecDeque<Slot<T>>,
    max_tasks: usize,
    max_cost: usize,
    /// Number of slots that are tasks, and the cost of all slots.
    tasks: usize,
    cost: usize,
}

struct Slot<T> {
    result: Pending<T>,
    cost: usize,
}

enum Pending<T> {
    Task(TaskHandle<T>),
    Ready(T),
}

/// Maximum number of results that wait for earlier tasks.
const MAX_SLOTS: usize = 4096;

impl<T> fmt::Debug for Ordered<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slots = self.slots.len();
        f.debug_struct("Ordered")
            .field("slots", &slots)
            .field("cost", &self.cost)
            .finish_non_exhaustive()
    }
}

impl<T: Send + 'static> Ordered<T> {
    /// Creates an executor that is full at `max_tasks` tasks or a cost of `max_cost` bytes, whichever comes first.
    #[must_use]
    pub fn new(pool: ThreadPool, max_tasks: usize, max_cost: usize) -> Self {
        Self { pool, slots: VecDeque::new(), max_tasks, max_cost, tasks: 0, cost: 0 }
    }

    /// Returns the pool that the tasks run on.
    #[must_use]
    pub fn pool(&self) -> &ThreadPool {
        &self.pool
    }

    /// Queues a task after those submitted before. `cost` is the memory of the task and its result, in bytes.
    pub fn submit(&mut self, cost: usize, task: impl FnOnce() -> T + Send + 'static) {
        self.tasks = self.tasks.saturating_add(1);
        let result = Pending::Task(self.pool.submit(task));
        self.push_slot(Slot { result, cost });
    }

    /// Adds a finished result, which is returned after those of all tasks submitted before.
    pub fn push(&mut self, cost: usize, result: T) {
        self.push_slot(Slot { result: Pending::Ready(result), cost });
    }

    fn push_slot(&mut self, slot: Slot<T>) {
        self.cost = self.cost.saturating_add(slot.cost);
        self.slots.push_back(slot);
    }

    /// Returns true when the oldest result must be taken before anything is added.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.tasks >= self.max_tasks || self.cost >= self.max_cost || self.slots.len() >= MAX_SLOTS
    }

    /// Waits for the oldest result and returns it, or `None` if the queue is empty. This thread runs other tasks until
    /// then.
    ///
    /// # Errors
    /// Returns an internal error if the task panicked.
    pub fn take_next(&mut self) -> Result<Option<T>> {
        let Some(Slot { result, cost }) = self.slots.pop_front() else { return Ok(None) };
        self.cost = self.cost.saturating_sub(cost);
        match result {
            Pending::Ready(result) => Ok(Some(result)),
            Pending::Task(task) => {
                self.tasks = self.tasks.saturating_sub(1);
                task.wait().map(Some)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{thread, time::Duration};

    use super::*;

    #[test]
    fn results_come_in_the_order_of_submission() {
        let mut ordered = Ordered::new(ThreadPool::new(4).unwrap(), 16, usize::MAX);
        let mut results = Vec::new();
        for number in 0..200_u64 {
            if number % 7 == 0 {
                ordered.push(1, number);
            } else {
                ordered.submit(1, move || {
                    thread::sleep(Duration::from_micros(200 - number));
                    number
                });
            }
            while ordered.is_full() {
                results.extend(ordered.take_next().unwrap());
            }
        }
        while let Some(number) = ordered.take_next().unwrap() {
            results.push(number);
        }
        assert_eq!(results, (0..200).collect::<Vec<_>>());
    }

    #[test]
    fn it_is_full_by_tasks_by_cost_or_by_results_that_wait() {
        let pool = ThreadPool::new(2).unwrap();
        let mut by_tasks = Ordered::new(pool.clone(), 2, 100);
        by_tasks.submit(1, || ());
        assert!(!by_tasks.is_full());
        by_tasks.submit(1, || ());
        assert!(by_tasks.is_full());
        by_tasks.take_next().unwrap();
        assert!(!by_tasks.is_full());
        by_tasks.push(99, ());
        assert!(by_tasks.is_full());
        let mut by_slots = Ordered::new(pool, 2, 1);
        for _ in 0..MAX_SLOTS {
            assert!(!by_slots.is_full());
            by_slots.push(0, ());
        }
        assert!(by_slots.is_full());
    }

    #[test]
    fn a_panic_is_an_error_in_its_turn() {
        let mut ordered = Ordered::new(ThreadPool::new(2).unwrap(), 8, 8);
        ordered.submit(1, || 1);
        ordered.submit(1, || panic!("on purpose"));
        ordered.submit(1, || 3);
        assert_eq!(ordered.take_next().unwrap(), Some(1));
        assert!(ordered.take_next().is_err());
        assert_eq!(ordered.take_next().unwrap(), Some(3));
        assert_eq!(ordered.take_next().unwrap(), None);
    }
}
