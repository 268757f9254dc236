//! Reads inputs into one output, with filters, counts and threads. An error of one input never stops the others.
//!
//! ```text
//! inputs ──▶ readers ──▶ Worker (filters, counts, encoder) ──▶ chunks ──▶ writer
//! source/    xml/        one per thread                                   format/, in order
//! ```
//!
//! [`Pipeline`] is generic over the [`Format`] that it writes, so an encoder and a writer always match. What it reads is
//! a source of events ([`EventSource`]): an XML reader, a dataset, or any other. The files of the folder:
//!
//! - `stream` passes the events of one source to a `Worker`, and reports it as one input. With one thread its chunks are
//!   written immediately (`consumer`).
//! - With several threads, `jobs` reads small inputs in groups, and `large_input` divides large ones into batches of
//!   hosts, with the `steps` between them. Results come back in the order of the inputs
//!   ([`exec::Ordered`](crate::exec::Ordered)), so the output has the same bytes for any number of threads.
//! - `worker` applies the filters, counts, and calls the encoder. Each thread has its own; the main one absorbs the
//!   others in order. It alone decides which scans were read before (`scan_ids`), and it alone owns the [`Report`].
//! - `merge` is the second half of a merge. The first half is a pipeline into [`MergeInput`], whose scans
//!   [`Pipeline::merge_into`] and [`Pipeline::history_into`] then write in a second format.
//! - `memory_limit` counts the data of inputs and documents that is kept until the end.
//!
//! Invariants:
//!
//! - The result of a job depends only on its input. If one of its scans was read by an earlier job, or its output exceeds
//!   what a thread may hold, the main worker repeats the job when its turn comes.
//! - Errors of a source are recorded in the report and end that input; errors of the encoder or the writer, and lack of
//!   memory, end the pipeline.
//! - A pipeline that was stopped, or that read no scan, keeps an existing output.
//!
//! A new filter is a field of [`Filters`], applied in `worker` to read and to merged hosts. A new kind of input is an
//! implementation of [`EventSource`] for [`Pipeline::read_source`]; if it holds XML it is a case of `source` instead, and
//! nothing changes here. A new event for writers is a variant of [`DocumentEvent`](crate::format::DocumentEvent).

mod consumer;
mod filters;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod jobs;
mod large_input;
mod memory_limit;
mod merge;
mod record_batch_reader;
mod report;
mod scan_ids;
mod steps;
mod stream;
mod worker;

use std::io::{self, Cursor, Read};

use self::{
    consumer::{ChunkConsumer as _, DirectWriter, FlushPolicy},
    jobs::{InputTask, Job, Jobs, Next},
    memory_limit::MemoryLimit,
    steps::{OrderedStep, StepRunner},
    stream::{InputStream, ReadContext},
    worker::Worker,
};
pub use self::{
    filters::Filters,
    merge::{MergeChunk, MergeInput, MergeInputEncoder},
    record_batch_reader::RecordBatchReader,
    report::{
        Counts, FailedScan, FailedScans, FailureReport, InputReport, Outcome, Report, WarningReport,
    },
};
use crate::{
    error::{Error, Result},
    exec::{ThreadPool, cancel::CancellationToken},
    format::{Format, ScanEncoder as _},
    limits::Limits,
    model::EventSource,
    source::{ByteCounter, Follow, Input, Member, MemberData, PathFilter, ReadOptions},
    xml::{Decoder, Options, Reader},
};

/// Maximum length in bytes of an input that is read by a single thread when there are several.
const MAX_SINGLE_THREAD_BYTES: u64 = 4 << 20;

/// Reads inputs in order and writes their contents. The output has the same bytes for any number of threads.
///
/// ```
/// use scanmill::{
///     format::{CsvSink, SinkOptions},
///     ops::CancellationToken,
///     output::Output,
///     pipeline::{Filters, Pipeline},
///     source::{self, PathFilter},
///     table::Table,
///     xml::Options,
/// };
///
/// let folder = tempfile::tempdir()?;
/// let mut options = SinkOptions::default();
/// options.tables = vec![Table::Ports];
/// let csv = CsvSink::open(&Output::File(folder.path().join("ports.csv")), options)?;
/// let mut pipeline = Pipeline::new(Options::default(), Filters::default(), csv, CancellationToken::new());
/// for input in source::discover(&["fixtures/01-tcp-connect-default.xml".into()], &PathFilter::default()) {
///     pipeline.read(&input?, &PathFilter::default())?;
/// }
/// let report = pipeline.finish()?;
/// assert_eq!(report.rows["ports"], 7);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Pipeline<F: Format> {
    options: Options,
    /// Decoder of the previous input, for reuse.
    spare: Option<Box<Decoder>>,
    filters: Filters,
    worker: Worker<F::Encoder>,
    writer: F,
    jobs: Option<Jobs<F::Encoder>>,
    steps: StepRunner,
    meter: ByteCounter,
    stop: CancellationToken,
}

impl<F: Format> Pipeline<F> {
    /// Creates a pipeline to this format, on one thread. It stops between two events when `stop`, a token or
    /// the flag of a signal handler, is set.
    #[must_use]
    pub fn new(
        options: Options,
        filters: Filters,
        format: F,
        stop: impl Into<CancellationToken>,
    ) -> Self {
        let worker = Worker::main(&format, &filters, &options.limits);
        Self {
            options,
            spare: None,
            filters,
            worker,
            writer: format,
            jobs: None,
            steps: StepRunner::default(),
            meter: ByteCounter::default(),
            stop: stop.into(),
        }
    }

    /// Sets the number of threads; fewer are used if the system provides fewer. The output bytes are the same. Strict
    /// reading uses a single thread, because a scan that was read before ends its input.
    ///
    /// # Errors
    /// Never fails today: a pipeline without threads works on the calling thread.
    pub fn with_threads(mut self, threads: usize) -> Result<Self> {
        if threads > 1
            && !self.options.strict
            && let Ok(pool) = ThreadPool::new(threads).or_else(|_| ThreadPool::new(2))
        {
            self.writer.set_thread_pool(&pool);
            let best = self.preferred_input_bytes();
            self.jobs = Some(Jobs::new(pool, &self.options, &self.stop, best));
        }
        Ok(self)
    }

    fn preferred_input_bytes(&self) -> usize {
        self.worker.encoder.preferred_input_bytes()
    }

    /// Counts the bytes of inputs in `meter` as they are read.
    #[must_use]
    pub(crate) fn with_meter(mut self, meter: ByteCounter) -> Self {
        self.meter = meter;
        self
    }

    /// Sets the approximate memory, in bytes, for the data kept of inputs and documents until the end. Exceeding it is
    /// an error of the kind [`MemoryLimit`](crate::error::ErrorKind::MemoryLimit).
    #[must_use]
    pub(crate) fn with_room(mut self, bytes: usize) -> Self {
        self.worker.memory = MemoryLimit::new(bytes);
        self
    }

    /// Reads an input to its end, or its contents if it is compressed or an archive, as far as `pick` selects them. The
    /// report records everything that could not be read.
    ///
    /// # Errors
    /// Fails if the output cannot be written.
    pub fn read(&mut self, input: &Input, pick: &PathFilter) -> Result<()> {
        let limits = self.options.limits.clone();
        let manner = self.manner(&limits, pick);
        input.visit_as(&manner, &mut |member| match member {
            _ if self.is_stopped() => Ok(()),
            Ok(member) => self.read_member(member),
            Err(error) => self.refuse(error),
        })
    }

    /// Opens an input as [`read`](Self::read) does, and passes the events of each of its files to `read`, which reads
    /// them with [`read_source`](Self::read_source): on the calling thread, through any adapter.
    ///
    /// ```
    /// use scanmill::{
    ///     format::Discard,
    ///     model::{EventSource as _, ScanEvent},
    ///     ops::CancellationToken,
    ///     pipeline::{Filters, Pipeline},
    ///     source::{self, PathFilter},
    ///     xml::Options,
    /// };
    ///
    /// let mut scans = 0;
    /// let mut pipeline = Pipeline::new(Options::default(), Filters::default(), Discard, CancellationToken::new());
    /// for input in source::discover(&["fixtures".into()], &PathFilter::default()) {
    ///     pipeline.read_with(&input?, &PathFilter::default(), |pipeline, name, source| {
    ///         let mut source = source.inspect(|_, event| scans += u64::from(matches!(event, ScanEvent::ScanEnd(_))));
    ///         pipeline.read_source(name, &mut source)
    ///     })?;
    /// }
    /// assert!(scans > 50);
    /// # Ok::<(), scanmill::error::Error>(())
    /// ```
    ///
    /// # Errors
    /// Fails if the output cannot be written, and with the errors of `read`.
    pub fn read_with(
        &mut self,
        input: &Input,
        pick: &PathFilter,
        mut read: impl FnMut(&mut Self, &str, &mut dyn EventSource) -> Result<()>,
    ) -> Result<()> {
        let limits = self.options.limits.clone();
        let manner = self.manner(&limits, pick);
        input.visit_as(&manner, &mut |member| match member {
            _ if self.is_stopped() => Ok(()),
            Ok(Member { name, explicit, live, bytes, .. }) => {
                let reader = Reader::new(bytes.into_read(), self.options.clone());
                let mut source = reader.named(&name).with_live(live).with_found(!explicit);
                read(self, &name, &mut source)
            }
            Err(error) => self.refuse(error),
        })
    }

    /// Reads the events of a source to their end, on the calling thread, as one input of this name. To see the events,
    /// read a source that [inspects](EventSource::inspect) them. Output of a [live](EventSource::is_live) source is
    /// written and flushed before reading blocks.
    ///
    /// # Errors
    /// Fails if the output cannot be written.
    pub fn read_source(&mut self, name: &str, source: &mut dyn EventSource) -> Result<()> {
        self.write_jobs()?;
        let flush = self.flush_policy(source.is_live());
        let named = source.is_named();
        let read = (&self.options, &self.stop);
        let mut direct = DirectWriter { writer: &mut self.writer, flush };
        stream::read_events(&mut self.worker, (name, named), source, read, &mut direct)
    }

    /// Returns how XML is read.
    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    /// Reads a file that is still being written, as it grows. Each file that takes its name is an input; the first one
    /// that cannot be read ends the call.
    ///
    /// # Errors
    /// Fails if the output cannot be written.
    pub fn follow(&mut self, follow: &mut Follow) -> Result<()> {
        while !self.is_stopped()
            && let Some(next) = follow.next()
        {
            match next {
                Ok(member) => self.read_member(member)?,
                Err(error) => return self.refuse(error),
            }
        }
        Ok(())
    }

    fn flush_policy(&self, live: bool) -> FlushPolicy {
        match live {
            false => FlushPolicy::Seldom,
            // The time that an engine needs for the next host is a wait as well.
            true if self.filters.engine.is_some() => FlushPolicy::Always,
            true => FlushPolicy::BeforeWaits,
        }
    }

    fn manner<'m>(&self, limits: &'m Limits, pick: &'m PathFilter) -> ReadOptions<'m> {
        let (counter, prefetch) = (self.meter.clone(), self.jobs.is_some());
        ReadOptions { counter, prefetch, ..ReadOptions::new(limits, pick) }
    }

    /// Records in the report that an input could not be opened.
    ///
    /// # Errors
    /// Fails if the output cannot be written.
    pub fn refuse(&mut self, error: Error) -> Result<()> {
        self.record(InputTask::Refused(error))
    }

    /// Records in the report that an input need not be read, because all of its contents were loaded before.
    ///
    /// # Errors
    /// Fails if the output cannot be written.
    pub(crate) fn skip_known(&mut self, name: &str) -> Result<()> {
        self.record(InputTask::Known(name.to_owned()))
    }

    /// Passes `number` to a writer that receives [`DocumentEvent`](crate::format::DocumentEvent)s, after the events of
    /// everything read before.
    ///
    /// # Errors
    /// Fails if the output cannot be written.
    pub fn mark(&mut self, number: u64) -> Result<()> {
        self.record(InputTask::Mark(number))
    }

    fn record(&mut self, task: InputTask) -> Result<()> {
        if self.jobs.is_some() {
            return self.add(task);
        }
        task.record_unread(&mut self.worker);
        self.worker.send_document_events(&mut self.writer)
    }

    /// Returns true if the pipeline was asked to stop.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Completes the output. A pipeline that was stopped, or that could read nothing, leaves no file, and an existing
    /// output is kept. A pipeline that read no scan keeps an existing output that is not empty. Standard output has
    /// received everything that was complete.
    ///
    /// A merge has no output of its own, and this does not compile:
    ///
    /// ```compile_fail
    /// # use scanmill::{error::Result, merge::{MergePolicy, Merger}, pipeline::{Filters, MergeInput, Pipeline, Report}};
    /// fn lose(merge: Pipeline<MergeInput>) -> Result<Report> {
    ///     merge.finish()
    /// }
    /// # let input = MergeInput::new(Merger::new(MergePolicy::default()));
    /// # lose(Pipeline::new(Default::default(), Filters::default(), input, scanmill::ops::CancellationToken::new()));
    /// ```
    ///
    /// # Errors
    /// Fails if the output cannot be written.
    pub fn finish(mut self) -> Result<Report> {
        const { assert!(F::HAS_OUTPUT, "write a merge with merge_into, history_into or into_merger") }
        self.finish_reading()?;
        let mut report = self.report();
        if report.publishes(&self.writer) {
            self.writer.finish()?;
        }
        Ok(report)
    }

    /// Writes everything that was read.
    fn finish_reading(&mut self) -> Result<()> {
        self.write_jobs()?;
        let rest = self.worker.finish()?;
        DirectWriter::new(&mut self.writer).consume_all(rest)?;
        self.worker.send_document_events(&mut self.writer)?;
        self.writer.flush()
    }

    fn report(&mut self) -> Report {
        let mut report = std::mem::take(&mut self.worker.report);
        report.interrupted = self.is_stopped();
        report.set_written(&self.worker.written(), self.writer.tables());
        report
    }

    /// Reads a member. With threads, a small member becomes a job, and a large one is divided into batches of hosts.
    /// Without threads, or if its bytes arrive slowly, it is read on this thread.
    fn read_member(&mut self, member: Member<'_>) -> Result<()> {
        if self.jobs.is_none() || member.live {
            self.write_jobs()?;
            return self.read_here(member);
        }
        let Member { name, explicit: named, len, bytes, .. } = member;
        let mut rest = match bytes.into_held() {
            Ok(bytes) => return self.add(InputTask::Read { name, named, bytes }),
            Err(bytes) => bytes,
        };
        if len.is_some_and(|len| len > MAX_SINGLE_THREAD_BYTES) {
            self.submit_group();
            return self.read_split(name, named, rest);
        }
        let most = MAX_SINGLE_THREAD_BYTES.saturating_add(1);
        let room = len.map_or(0, |len| len.saturating_add(1).min(most));
        let mut bytes = Vec::with_capacity(usize::try_from(room).unwrap_or(0));
        let result = io::copy(&mut (&mut rest).take(most), &mut bytes);
        if matches!(result, Ok(len) if len <= MAX_SINGLE_THREAD_BYTES) {
            return self.add(InputTask::Read { name, named, bytes });
        }
        self.submit_group();
        let head = Cursor::new(bytes);
        match result {
            Ok(_) => self.read_split(name, named, head.chain(rest)),
            Err(error) => self.read_split(name, named, head.chain(Failed(Some(error)))),
        }
    }

    /// Reads a member on this thread.
    fn read_here(&mut self, member: Member<'_>) -> Result<()> {
        let Member { name, explicit: named, live, bytes, .. } = member;
        let (held, bytes) = match bytes.into_held() {
            Ok(held) => (held, MemberData::from_reader(io::empty())),
            Err(bytes) => (Vec::new(), bytes),
        };
        let stream = InputStream { name, named, head: &held, bytes: bytes.into_read() };
        let flush = self.flush_policy(live);
        let mut direct = DirectWriter { writer: &mut self.writer, flush };
        let mut reading =
            ReadContext { options: &self.options, stop: &self.stop, spare: &mut self.spare };
        stream::read(&mut self.worker, stream, &mut reading, &mut direct)
    }

    /// Adds a task to the group of small inputs.
    fn add(&mut self, task: InputTask) -> Result<()> {
        let jobs = self.jobs.as_mut().ok_or_else(no_threads)?;
        if jobs.add(task) {
            self.make_room()?;
            self.submit_group();
        }
        Ok(())
    }

    /// Submits the group of small inputs.
    fn submit_group(&mut self) {
        let worker = || Worker::new(&self.writer, &self.filters, &self.options.limits);
        if let Some(jobs) = &mut self.jobs {
            jobs.submit_group(worker);
        }
    }

    /// Submits a job.
    fn submit(&mut self, job: Job) -> Result<()> {
        self.make_room()?;
        let worker = || Worker::new(&self.writer, &self.filters, &self.options.limits);
        self.jobs.as_mut().ok_or_else(no_threads)?.submit(job, worker);
        Ok(())
    }

    /// Queues `step` to run after all earlier output has been written. `read_bytes` counts against the limit on work
    /// under way.
    fn then(&mut self, step: OrderedStep, read_bytes: usize) -> Result<()> {
        self.make_room()?;
        self.jobs.as_mut().ok_or_else(no_threads)?.push(step, read_bytes);
        Ok(())
    }

    fn make_room(&mut self) -> Result<()> {
        while self.jobs.as_ref().is_some_and(Jobs::is_full) {
            self.write_oldest()?;
        }
        Ok(())
    }

    /// Writes the results of all jobs, so that later output can be written directly.
    fn write_jobs(&mut self) -> Result<()> {
        self.submit_group();
        while self.write_oldest()? {}
        Ok(())
    }

    /// Writes the result of the oldest job, after the output encoded on this thread. Returns false if there is none.
    fn write_oldest(&mut self) -> Result<bool> {
        let Some(jobs) = &mut self.jobs else { return Ok(false) };
        let worker = &mut self.worker;
        let next = jobs.next(worker)?;
        let mut direct = DirectWriter::new(&mut self.writer);
        match next {
            None => return Ok(false),
            Some(Next::Step(step)) => self.steps.run(step, worker, &mut direct)?,
            Some(Next::Chunks(chunks, notes)) => {
                worker.check_memory()?;
                self.steps.add_diagnostics(notes.unwrap_or_default());
                direct.consume_all(worker.finish()?)?;
                direct.consume_all(chunks)?;
            }
            Some(Next::Repeat(job)) => {
                let (options, stop) = jobs.options();
                direct.consume_all(worker.finish()?)?;
                let notes = job.run(worker, (&options, &stop), &mut direct)?;
                self.steps.add_diagnostics(notes.unwrap_or_default());
                direct.consume_all(worker.finish()?)?;
            }
        }
        self.worker.send_document_events(&mut self.writer)?;
        Ok(true)
    }
}

fn no_threads() -> Error {
    Error::internal("work for threads in a pipeline without threads")
}

/// Reader that fails with this error.
struct Failed(Option<io::Error>);

impl Read for Failed {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}
