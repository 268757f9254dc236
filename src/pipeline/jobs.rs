//! Work for several threads: small inputs in groups, large ones in batches of hosts. The results are written in the
//! order of the inputs.
//!
//! A job depends only on its input and on the scan IDs that its worker knows, which are none. If, when its turn comes,
//! one of its scans turns out to have been read by an earlier job, the main worker, which knows all IDs, repeats the
//! job. The same happens if its output exceeds what a thread may hold.

use std::sync::Arc;

use super::{
    consumer::{BufferedChunks, ChunkConsumer},
    steps::{OrderedStep, StepRunner},
    stream::{self, InputStream, ReadContext},
    worker::Worker,
};
use crate::{
    error::{Error, Result},
    exec::{Ordered, ThreadPool, cancel::CancellationToken},
    format::{DocumentEvent, ScanEncoder},
    model::ScanHeader,
    xml::{HostDiagnostics, Options, RawHostBatch},
};

/// Maximum number of queued jobs per thread: enough to keep it busy while the oldest is written.
const MAX_JOBS_PER_THREAD: usize = 4;
/// Maximum number of bytes of queued work: the largest hosts wait for each other.
const MAX_QUEUED_BYTES: usize = 16 << 20;
/// Maximum number of bytes of queued small inputs, per thread: a document of two MiB takes ten times that until its
/// rows are written.
const MAX_INPUT_BYTES_PER_THREAD: usize = 3 << 20;
/// Number of bytes of a small input that are passed to a decoder at once.
const FIRST_BYTES: usize = 64 << 10;
/// Approximate maximum memory per byte of XML that was read, in bytes.
const MEMORY_PER_BYTE: usize = 8;

/// Input for a thread to read, or an entry of the report in its place.
pub(super) enum InputTask {
    Read { name: String, named: bool, bytes: Vec<u8> },
    Refused(Error),
    Known(String),
    Mark(u64),
}

/// Unit of work for a thread.
pub(super) enum Job {
    Inputs(Vec<InputTask>),
    Hosts(Arc<ScanHeader>, RawHostBatch),
    /// Complete documents of an input, and their total length in bytes.
    Documents(Vec<OrderedStep>, usize),
}

/// Next result in the order of the inputs.
pub(super) enum Next<C> {
    /// Chunks from a thread, and the diagnostics of its hosts.
    Chunks(Vec<C>, Option<HostDiagnostics>),
    /// Job that the main worker must repeat.
    Repeat(Job),
    /// Step that was queued after jobs.
    Step(OrderedStep),
}

/// Finished job or step.
enum Completed<E: ScanEncoder> {
    Job(Box<FinishedJob<E>>),
    Step(Box<OrderedStep>),
}

/// Job with its result.
struct FinishedJob<E: ScanEncoder> {
    job: Job,
    worker: Worker<E>,
    buffered: BufferedChunks<E::Chunk>,
    result: Result<Option<HostDiagnostics>>,
}

/// Jobs in progress.
pub(super) struct Jobs<E: ScanEncoder> {
    queue: Ordered<Completed<E>>,
    options: Arc<Options>,
    stop: CancellationToken,
    /// Inputs that are read together. The boundaries of groups depend on the inputs alone.
    group: Vec<InputTask>,
    group_bytes: usize,
    /// Number of bytes at which a group is submitted.
    full_group_bytes: usize,
    idle: Vec<Worker<E>>,
}

impl<E: ScanEncoder> Jobs<E> {
    /// Creates a queue of jobs on `pool`, in groups of about `full_group_bytes` bytes.
    pub(super) fn new(
        pool: ThreadPool,
        options: &Options,
        stop: &CancellationToken,
        full_group_bytes: usize,
    ) -> Self {
        let max_tasks = pool.count().saturating_mul(MAX_JOBS_PER_THREAD);
        Self {
            queue: Ordered::new(pool, max_tasks, MAX_QUEUED_BYTES),
            options: Arc::new(options.clone()),
            stop: stop.clone(),
            group: Vec::new(),
            group_bytes: 0,
            full_group_bytes,
            idle: Vec::new(),
        }
    }

    /// Returns the thread pool.
    pub(super) fn pool(&self) -> &ThreadPool {
        self.queue.pool()
    }

    /// Adds a task to the group; returns true when the group should be sent.
    pub(super) fn add(&mut self, task: InputTask) -> bool {
        // Every input has a cost, however small it is.
        self.group_bytes = self.group_bytes.saturating_add(4096);
        if let InputTask::Read { bytes, .. } = &task {
            self.group_bytes = self.group_bytes.saturating_add(bytes.len());
        }
        self.group.push(task);
        self.group_bytes >= self.full_group_bytes
    }

    /// Submits the group.
    pub(super) fn submit_group(&mut self, worker: impl FnOnce() -> Worker<E>) {
        if !self.group.is_empty() {
            self.group_bytes = 0;
            let tasks = std::mem::take(&mut self.group);
            self.submit(Job::Inputs(tasks), worker);
        }
    }

    /// Submits a job.
    pub(super) fn submit(&mut self, job: Job, worker: impl FnOnce() -> Worker<E>) {
        let cost = match &job {
            Job::Hosts(_, batch) => batch.size(),
            Job::Inputs(_) | Job::Documents(..) => {
                let most = self.pool().count().saturating_mul(MAX_INPUT_BYTES_PER_THREAD).max(1);
                job.bytes().saturating_mul(MAX_QUEUED_BYTES) / most
            }
        };
        let buffered = BufferedChunks::new(job.bytes());
        let worker = self.idle.pop().unwrap_or_else(worker);
        let (options, stop) = (Arc::clone(&self.options), self.stop.clone());
        self.queue.submit(cost, move || {
            let (mut worker, mut buffered) = (worker, buffered);
            let result = job.run(&mut worker, (&options, &stop), &mut buffered);
            let result = result.and_then(|notes| {
                let rest = worker.finish()?;
                ChunkConsumer::<E>::consume_all(&mut buffered, rest)?;
                Ok(notes)
            });
            Completed::Job(Box::new(FinishedJob { job, worker, buffered, result }))
        });
    }

    /// Queues `step` to run after all jobs submitted before. It was read from `read_bytes` bytes.
    pub(super) fn push(&mut self, step: OrderedStep, read_bytes: usize) {
        self.queue
            .push(read_bytes.saturating_mul(MEMORY_PER_BYTE), Completed::Step(Box::new(step)));
    }

    /// Returns true if the oldest job must be taken before another one is submitted.
    pub(super) fn is_full(&self) -> bool {
        self.queue.is_full()
    }

    /// Waits for the oldest job or step. Returns `None` if there is none.
    ///
    /// # Errors
    /// Fails if output could not be encoded.
    pub(super) fn next(&mut self, main: &mut Worker<E>) -> Result<Option<Next<E::Chunk>>> {
        let done = match self.queue.take_next()? {
            None => return Ok(None),
            Some(Completed::Step(step)) => return Ok(Some(Next::Step(*step))),
            Some(Completed::Job(done)) => done,
        };
        let FinishedJob { job, mut worker, buffered, result } = *done;
        if buffered.overflowed || worker.seen.iter().any(|(id, _)| main.known.get(id).is_some()) {
            return Ok(Some(Next::Repeat(job)));
        }
        let notes = result?;
        main.absorb(&mut worker);
        worker.reset();
        self.idle.push(worker);
        Ok(Some(Next::Chunks(buffered.chunks, notes)))
    }

    /// Returns the reading options and the stop flag.
    pub(super) fn options(&self) -> (Arc<Options>, CancellationToken) {
        (Arc::clone(&self.options), self.stop.clone())
    }
}

impl Job {
    /// Returns the number of bytes that it reads.
    fn bytes(&self) -> usize {
        match self {
            Self::Inputs(tasks) => tasks.iter().fold(0, |sum, task| match task {
                InputTask::Read { bytes, .. } => sum.saturating_add(bytes.len()),
                InputTask::Refused(_) | InputTask::Known(_) | InputTask::Mark(_) => sum,
            }),
            Self::Hosts(_, batch) => batch.size(),
            Self::Documents(_, bytes) => *bytes,
        }
    }

    /// Runs the job and returns the diagnostics of its hosts. The result depends only on the job and on the scans that
    /// the worker knows.
    ///
    /// # Errors
    /// Fails if output cannot be encoded, or if the consumer does not take it.
    pub(super) fn run<E: ScanEncoder>(
        &self,
        worker: &mut Worker<E>,
        (options, stop): (&Options, &CancellationToken),
        consumer: &mut dyn ChunkConsumer<E>,
    ) -> Result<Option<HostDiagnostics>> {
        match self {
            Self::Inputs(tasks) => {
                let mut reading = ReadContext { options, stop, spare: &mut None };
                tasks.iter().try_for_each(|task| task.run(worker, &mut reading, consumer))?;
                Ok(None)
            }
            Self::Hosts(scan, batch) => {
                batch.read(&mut |host| worker.host(scan, host, consumer)).map(Some)
            }
            Self::Documents(steps, _) => {
                StepRunner::run_documents(steps, worker, consumer).map(|()| None)
            }
        }
    }
}

impl InputTask {
    fn run<E: ScanEncoder>(
        &self,
        worker: &mut Worker<E>,
        reading: &mut ReadContext<'_>,
        consumer: &mut dyn ChunkConsumer<E>,
    ) -> Result<()> {
        match self {
            Self::Read { name, named, bytes } => {
                let (head, bytes) = bytes.split_at(bytes.len().min(FIRST_BYTES));
                let (name, named, bytes) = (name.clone(), *named, Box::new(bytes));
                let stream = InputStream { name, named, head, bytes };
                stream::read(worker, stream, reading, consumer)
            }
            unread => {
                unread.record_unread(worker);
                Ok(())
            }
        }
    }

    /// Records in the report an input that is not read.
    pub(super) fn record_unread<E: ScanEncoder>(&self, worker: &mut Worker<E>) {
        match self {
            Self::Read { .. } => {}
            Self::Refused(error) => {
                worker.report.refuse(error);
                worker.push_event(DocumentEvent::InputRefused);
            }
            Self::Known(name) => worker.report.known(name),
            Self::Mark(number) => worker.push_event(DocumentEvent::Mark(*number)),
        }
    }
}
