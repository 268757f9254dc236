//! Threads: a pool, results in the order of submission, serial queues, and cancellation.
//!
//! Three types divide the work of a run, and nothing in them depends on hosts, formats or files:
//!
//! - [`ThreadPool`] is a fixed number of threads. The thread that submits work counts as one of them: while it waits for
//!   a result, it runs tasks that no thread has started. So `--threads 2` uses two threads, not three, and a task that
//!   waits for another task cannot deadlock.
//! - [`Ordered`] is the only queue of parallel work. Tasks are submitted with a cost in bytes, and results are returned
//!   in the order of submission, whichever task finishes first. Its owner takes the oldest result when the queue is
//!   full, which limits memory and keeps the output the same for any number of threads. The pipeline has one for
//!   inputs and hosts, and one for merged hosts.
//! - `SerialQueues` runs the items of one queue in order and different queues in parallel, on the same pool. Parquet
//!   has one queue per table, because the rows of a table must be written in order while the tables are independent.
//!
//! Invariants:
//!
//! - A panic in a task becomes an internal error for the thread that waits for its result; the pool continues.
//! - After the first error of a serial queue nothing more is processed, and the error is returned by a later `push` or
//!   by `finish`.
//! - Dropping serial queues discards the items that wait, and waits for those that are being processed.
//!
//! To run something new in parallel, submit it to an [`Ordered`] and write its results in order. A second pool would
//! start more threads than the user asked for: pass the existing one on, as `ChunkWriter::set_thread_pool` does.

pub(crate) mod cancel;
mod ordered;
mod pool;
mod queues;

pub(crate) use self::queues::{SerialQueues, SerialWorker};
pub use self::{
    ordered::Ordered,
    pool::{TaskHandle, ThreadPool},
};
