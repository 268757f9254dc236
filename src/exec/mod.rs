//! Threads: a pool, results in the order of submission, and serial queues.
//!
//! Three types share the work of a run:
//!
//! - [`ThreadPool`] is a fixed number of threads. The thread that submits work counts as one of them: while it waits for
//!   a result, it runs tasks that no thread has begun. So two threads are two, never three, and a thread of the pool that
//!   waits for a result cannot deadlock.
//! - [`Ordered`] is the only queue of parallel work: tasks go in with a cost in bytes, results come out in the order
//!   of submission, whatever thread was first. It reports when it is full, and its owner takes the oldest result then.
//!   That bounds memory, and keeps the output the same for any number of threads.
//! - `SerialQueues` runs items of one queue in order and different queues in parallel. Parquet has one queue per table.
//!
//! A panic in a task is an error of the one who waits for its result; the pool goes on. Nothing here knows about hosts,
//! formats or files: to run something new in parallel, submit it to an [`Ordered`] and write its results in order.

mod ordered;
mod pool;
mod queues;

pub(crate) use self::queues::{SerialQueues, SerialWorker};
pub use self::{
    ordered::Ordered,
    pool::{TaskHandle, ThreadPool},
};
