//! Merging: scans are read into a merger, and the result is written in a second format.
//!
//! [`MergeInput`] is the format of the first half: its encoders pack hosts on any thread, its writer adds them to the
//! [`Merger`]. The second half sorts the parts of the merger on the same threads and encodes the merged hosts, or their
//! histories, in batches whose results are written in order.

use std::{marker::PhantomData, mem, sync::Arc};

use super::{
    Filters, Pipeline,
    consumer::{BufferedChunks, ChunkConsumer, DirectWriter, OUTPUT_BYTES},
    memory_limit::{self, MemoryLimit},
    report::Report,
    worker::{Worker, warning},
};
use crate::{
    error::{Diagnostic, DiagnosticCode, Position, Result},
    exec::{Ordered, ThreadPool, cancel::CancellationToken},
    filter::Filter,
    format::{
        ChunkWriter, Emit, Format, MergeEncoder, RowEncoder, RowFormat, ScanEncoder, TableEncoder,
        Written,
    },
    history,
    limits::Limits,
    merge::{
        HistoryParts, Hosts, Merged, MergedPartition, MergedRecord, MergedScan, Merger, Partition,
        SharedMac, Stager, StateHosts, Summary,
    },
    model::{Host, ScanActivity, ScanHeader, ScanSummary},
    output::StateSink,
    table::{host_interval_row, port_interval_row},
};

/// Maximum number of queued batches per thread.
const MAX_BATCHES_PER_THREAD: usize = 3;

/// Size in bytes from which a host's history is written while it is encoded, so that no thread holds its rows.
const MIN_STREAMED_BYTES: usize = 8 << 20;

/// Format that passes all scans of a pipeline to a merger. Write the result with [`Pipeline::merge_into`] or
/// [`Pipeline::history_into`], or take the merger with [`Pipeline::into_merger`]; [`Pipeline::finish`] does not compile.
pub struct MergeInput {
    merger: Box<Merger>,
    /// Number of bytes kept for scans, and their limit.
    held: usize,
    memory: MemoryLimit,
}

impl MergeInput {
    /// Creates a format that passes scans to `merger`.
    #[must_use]
    pub fn new(merger: Merger) -> Self {
        Self { merger: Box::new(merger), held: 0, memory: MemoryLimit::default() }
    }

    /// Sets the approximate memory, in bytes, for the data kept of each scan in addition to its hosts. Exceeding it is
    /// an error of the kind [`MemoryLimit`](crate::error::ErrorKind::MemoryLimit).
    #[must_use]
    pub(crate) fn with_room(mut self, bytes: usize) -> Self {
        self.memory = MemoryLimit::new(bytes);
        self
    }
}

/// Packed hosts and activities of a scan, or its end.
pub struct MergeChunk(MergeItem);

enum MergeItem {
    Records(Vec<u8>),
    End { source: String, record: Box<ScanSummary> },
}

impl ChunkWriter for MergeInput {
    type Chunk = MergeChunk;

    fn write(&mut self, chunk: MergeChunk) -> Result<()> {
        match chunk.0 {
            MergeItem::Records(records) => self.merger.add(&records),
            MergeItem::End { source, record } => {
                self.held = self.held.saturating_add(memory_limit::of_scan(&source, &record));
                self.merger.end_scan(&source, *record);
                self.memory.check(self.held, "scans that are merged")
            }
        }
    }

    fn finish(self) -> Result<()> {
        Ok(())
    }
}

impl Format for MergeInput {
    type Encoder = MergeInputEncoder;

    const KEEPS_COPIES: bool = true;

    const HAS_OUTPUT: bool = false;

    fn encoder(&self) -> MergeInputEncoder {
        let stager = self.merger.stager();
        MergeInputEncoder { stager, records: Vec::new(), ready: Vec::new(), bytes: 0 }
    }
}

/// Packs hosts and activities for a merger.
pub struct MergeInputEncoder {
    stager: Stager,
    /// Records of the open scan that are not in `ready` yet.
    records: Vec<u8>,
    ready: Vec<MergeChunk>,
    /// Size of `ready` in bytes.
    bytes: usize,
}

impl MergeInputEncoder {
    fn finish_records(&mut self) {
        if !self.records.is_empty() {
            self.bytes = self.bytes.saturating_add(self.records.len());
            self.ready.push(MergeChunk(MergeItem::Records(mem::take(&mut self.records))));
        }
    }
}

impl ScanEncoder for MergeInputEncoder {
    type Chunk = MergeChunk;

    fn host(&mut self, _: &ScanHeader, host: &Host<'_>, _: Emit<'_, MergeChunk>) -> Result<()> {
        self.stager.host(host, &mut self.records);
        Ok(())
    }

    fn activity(&mut self, _: &ScanHeader, index: i32, activity: &ScanActivity) -> Result<()> {
        self.stager.event(index, activity, &mut self.records);
        Ok(())
    }

    fn scan_end(&mut self, source: &str, record: ScanSummary) -> Result<()> {
        self.finish_records();
        self.bytes = self.bytes.saturating_add(memory_limit::of_scan(source, &record));
        let (source, record) = (source.to_owned(), Box::new(record));
        self.ready.push(MergeChunk(MergeItem::End { source, record }));
        Ok(())
    }

    fn take_written(&mut self) -> Written {
        Written::default()
    }

    fn buffered_bytes(&self) -> usize {
        self.bytes.saturating_add(self.records.len())
    }

    fn take(&mut self) -> Vec<MergeChunk> {
        self.finish_records();
        self.bytes = 0;
        mem::take(&mut self.ready)
    }
}

impl Pipeline<MergeInput> {
    /// Merges everything that was read and writes the result. Filters on hosts and ports apply to the merged ones.
    /// `state` receives the state of the merge, completely or not at all, when the output is complete; the merger has
    /// to [keep one](Merger::with_state). A pipeline that was stopped, or that read no scan, leaves no file.
    ///
    /// # Errors
    /// Fails if the output or temporary files cannot be written.
    pub fn merge_into<F: Format<Encoder: MergeEncoder>>(
        self,
        format: F,
        state: Option<StateSink>,
    ) -> Result<Report> {
        self.write_merge::<F, MergedHosts>(format, state)
    }

    /// Writes the history of each host as intervals. Filters on ports apply to their intervals.
    ///
    /// # Errors
    /// Returns a usage error if the expression of the filters names a field that intervals do not have. Fails if the
    /// output or temporary files cannot be written.
    pub fn history_into<F: RowFormat>(self, format: F) -> Result<Report> {
        self.filters.expression.as_ref().map_or(Ok(()), Filter::check_history)?;
        self.write_merge::<F, Histories>(format, None)
    }

    /// Ends reading and returns the merger with everything that was read.
    ///
    /// # Errors
    /// Fails if temporary files cannot be written.
    pub fn into_merger(mut self) -> Result<(Report, Merger)> {
        self.finish_reading()?;
        let report = self.report();
        Ok((report, *self.writer.merger))
    }

    fn write_merge<F: Format, P: MergeProduct<F::Encoder>>(
        mut self,
        mut format: F,
        mut state: Option<StateSink>,
    ) -> Result<Report> {
        self.finish_reading()?;
        let pool = self.jobs.as_ref().map(|jobs| jobs.pool().clone());
        if let Some(pool) = &pool {
            format.set_thread_pool(pool);
        }
        let Self { options, filters, mut worker, writer: MergeInput { merger, .. }, stop, .. } =
            self;
        let report = mem::take(&mut worker.report);
        let mut worker = Worker::main(&format, &filters, &options.limits);
        worker.report = report;
        let mut output = MergeOutput::<F, P> {
            filters: &filters,
            limits: &options.limits,
            stop: &stop,
            pool,
            worker,
            writer: format,
            product: PhantomData,
        };
        // If nothing was usable, or the pipeline was stopped, an existing output is kept.
        if !output.is_stopped() && merger.has_scans() {
            output.write(*merger, state.as_mut())?;
        }
        let MergeOutput { mut worker, mut writer, .. } = output;
        writer.flush()?;
        let mut report = mem::take(&mut worker.report);
        report.interrupted = stop.is_cancelled();
        report.set_written(&worker.written(), writer.tables());
        if report.publishes(&writer) {
            // Everything that can fail precedes both renames. A state without its result would continue from scans that
            // are in no output; a result without its state is simply produced again.
            if let Some(state) = &mut state {
                state.sync()?;
            }
            writer.finish()?;
            state.map_or(Ok(()), StateSink::finish)?;
        }
        Ok(report)
    }
}

/// Output produced from the hosts of a merge.
trait MergeProduct<E: ScanEncoder>: Send + 'static {
    /// True if hosts can be large: a batch that one thread should not hold is then written while it is encoded.
    const STREAMS_LARGE: bool;

    /// Merges the hosts of a part.
    fn sort(part: Partition) -> Result<MergedPartition>;

    /// Encodes hosts.
    fn encode(
        worker: &mut Worker<E>,
        batch: &MergedBatch,
        consumer: &mut dyn ChunkConsumer<E>,
    ) -> Result<()>;
}

/// Product of a merge: the merged hosts.
struct MergedHosts;

impl<E: MergeEncoder> MergeProduct<E> for MergedHosts {
    const STREAMS_LARGE: bool = false;

    fn sort(part: Partition) -> Result<MergedPartition> {
        part.merge()
    }

    fn encode(
        worker: &mut Worker<E>,
        batch: &MergedBatch,
        consumer: &mut dyn ChunkConsumer<E>,
    ) -> Result<()> {
        let scans: Vec<&ScanHeader> = batch.scans.iter().collect();
        batch.hosts.iter().try_for_each(|host| worker.merged_host(host.host(), &scans, consumer))
    }
}

/// Product of a history: intervals of host and port states.
struct Histories;

impl<R: RowEncoder> MergeProduct<TableEncoder<R>> for Histories {
    const STREAMS_LARGE: bool = true;

    fn sort(part: Partition) -> Result<MergedPartition> {
        history::of_part(part)
    }

    fn encode(
        worker: &mut Worker<TableEncoder<R>>,
        batch: &MergedBatch,
        consumer: &mut dyn ChunkConsumer<TableEncoder<R>>,
    ) -> Result<()> {
        let ids: Vec<&str> = batch.scans.iter().map(|scan| scan.scan_id.as_str()).collect();
        // Everything that was packed as a history can be unpacked.
        let mut histories = batch.hosts.iter().filter_map(HistoryParts::of);
        histories.try_for_each(|history| worker.history(&history, &ids, consumer))
    }
}

impl<R: RowEncoder> Worker<TableEncoder<R>> {
    /// Encodes the intervals of a host, and of its ports that pass the filter on states.
    fn history(
        &mut self,
        history: &HistoryParts<'_>,
        scan_ids: &[&str],
        consumer: &mut dyn ChunkConsumer<TableEncoder<R>>,
    ) -> Result<()> {
        let host_key = history.host_key;
        let Some(intervals) = self.filters().selected_history(history) else { return Ok(()) };
        for interval in history.host() {
            let encoder = &mut self.encoder;
            host_interval_row(host_key, &interval, scan_ids, &mut |row| encoder.row(row))?;
        }
        for interval in history.ports() {
            if !self.filters().keeps_interval(&interval, &intervals) {
                continue;
            }
            let encoder = &mut self.encoder;
            port_interval_row(host_key, &interval, scan_ids, &mut |row| encoder.row(row))?;
            // A host may have any number of intervals.
            consumer.between_events(self, false)?;
        }
        Ok(())
    }
}

/// Hosts that are encoded together, and the scans that they refer to.
struct MergedBatch {
    hosts: Vec<MergedRecord>,
    scans: Arc<[ScanHeader]>,
    /// Size of the records in bytes.
    bytes: usize,
}

/// Batch with the result of a thread.
struct FinishedBatch<E: ScanEncoder> {
    batch: MergedBatch,
    worker: Worker<E>,
    buffered: BufferedChunks<E::Chunk>,
    result: Result<()>,
}

/// The second half of a merge.
struct MergeOutput<'m, F: Format, P> {
    filters: &'m Filters,
    limits: &'m Limits,
    stop: &'m CancellationToken,
    pool: Option<ThreadPool>,
    worker: Worker<F::Encoder>,
    writer: F,
    product: PhantomData<P>,
}

impl<F: Format, P: MergeProduct<F::Encoder>> MergeOutput<'_, F, P> {
    fn is_stopped(&self) -> bool {
        self.stop.is_cancelled()
    }

    fn write(&mut self, merger: Merger, state: Option<&mut StateSink>) -> Result<()> {
        let mut all = merger.finish()?;
        let headers: Arc<[ScanHeader]> =
            all.scans().iter().map(|scan| scan.record.header.clone()).collect();
        let (summary, kept) = self.write_hosts(&mut all, &headers)?;
        if self.is_stopped() {
            return Ok(());
        }
        if let Some(state) = state {
            all.save(kept, &mut |bytes| state.write(bytes))?;
        }
        self.worker.report.outdated = summary.outdated;
        self.write_scans(&mut all, &headers, &summary)
    }

    fn write_hosts(
        &mut self,
        merged: &mut Merged,
        scans: &Arc<[ScanHeader]>,
    ) -> Result<(Summary, StateHosts)> {
        let mut hosts = self.sort(merged.take_partitions())?;
        let (summary, kept) = (hosts.summary().clone(), hosts.take_state_hosts());
        let mut queue = self.pool.clone().map(|pool| {
            let max_tasks = pool.count().saturating_mul(MAX_BATCHES_PER_THREAD);
            Ordered::new(pool, max_tasks, usize::MAX)
        });
        let mut idle: Vec<Worker<F::Encoder>> = Vec::new();
        while let Some(batch) = next_batch(&mut hosts, scans)? {
            if self.is_stopped() {
                return Ok((summary, kept));
            }
            let is_large = P::STREAMS_LARGE && batch.bytes > MIN_STREAMED_BYTES;
            let Some(queue) = &mut queue else {
                self.encode(&batch)?;
                continue;
            };
            while queue.is_full() || is_large {
                let Some(done) = queue.take_next()? else { break };
                idle.extend(self.write_encoded(done)?);
            }
            if is_large {
                self.encode(&batch)?;
                continue;
            }
            let worker = idle.pop();
            let worker =
                worker.unwrap_or_else(|| Worker::new(&self.writer, self.filters, self.limits));
            queue.submit(batch.bytes, move || {
                let (mut worker, mut buffered) = (worker, BufferedChunks::new(batch.bytes));
                let result = P::encode(&mut worker, &batch, &mut buffered).and_then(|()| {
                    let rest = worker.finish()?;
                    ChunkConsumer::<F::Encoder>::consume_all(&mut buffered, rest)
                });
                FinishedBatch { batch, worker, buffered, result }
            });
        }
        while let Some(queue) = &mut queue
            && let Some(done) = queue.take_next()?
        {
            self.write_encoded(done)?;
        }
        Ok((summary, kept))
    }

    /// Encodes hosts on this thread and writes them.
    fn encode(&mut self, batch: &MergedBatch) -> Result<()> {
        let mut direct = DirectWriter::new(&mut self.writer);
        P::encode(&mut self.worker, batch, &mut direct)?;
        direct.consume_all(self.worker.take())
    }

    /// Writes what a thread encoded, and returns its worker. A batch that was too large is encoded again on this
    /// thread.
    fn write_encoded(
        &mut self,
        done: FinishedBatch<F::Encoder>,
    ) -> Result<Option<Worker<F::Encoder>>> {
        let FinishedBatch { batch, mut worker, buffered, result } = done;
        if buffered.overflowed {
            self.encode(&batch)?;
            return Ok(None);
        }
        result?;
        self.worker.absorb(&mut worker);
        worker.reset();
        DirectWriter::new(&mut self.writer).consume_all(buffered.chunks)?;
        Ok(Some(worker))
    }

    /// Merges the hosts of all parts.
    fn sort(&self, parts: Vec<Partition>) -> Result<Hosts> {
        let mut sorted = Vec::new();
        // Each task holds the hosts of its part, so there are at most as many tasks as threads.
        let mut queue =
            self.pool.clone().map(|pool| Ordered::new(pool.clone(), pool.count(), usize::MAX));
        for part in parts {
            if self.is_stopped() {
                // After a stop nothing is merged, and nothing is written.
                return Hosts::of(Vec::new());
            }
            let Some(queue) = &mut queue else {
                sorted.push(P::sort(part)?);
                continue;
            };
            while queue.is_full()
                && let Some(oldest) = queue.take_next()?
            {
                sorted.push(oldest?);
            }
            queue.submit(0, move || P::sort(part));
        }
        while let Some(queue) = &mut queue
            && let Some(oldest) = queue.take_next()?
        {
            sorted.push(oldest?);
        }
        Hosts::of(sorted)
    }

    /// Writes the activities and ends of all scans that are used, and the warnings of all scans.
    fn write_scans(
        &mut self,
        merged: &mut Merged,
        headers: &[ScanHeader],
        summary: &Summary,
    ) -> Result<()> {
        let (worker, mut direct) = (&mut self.worker, DirectWriter::new(&mut self.writer));
        if direct.writer.wants_activities() {
            merged.events(&mut |number, index, activity| {
                let header = usize::try_from(number).ok().and_then(|number| headers.get(number));
                if let Some(header) = header {
                    worker.activity(header, index, activity)?;
                }
                direct.between_events(worker, false)
            })?;
        }
        for (number, scan) in (0..).zip(merged.scans()) {
            // One at a time, because there may be very many.
            let (is_saved, of_state) = (scan.is_saved(), scan.shared_mac());
            let MergedScan { source, record, used, .. } = scan;
            let mut record = record.clone();
            if !used {
                // The copy that is used has the row; this one only reports its warnings.
                record = ScanSummary {
                    has_scan: false,
                    pre_scripts: Vec::new(),
                    post_scripts: Vec::new(),
                    ..record
                };
            }
            if let Some(shared) = summary.shared_macs.get(&number).or(of_state) {
                record.diagnostics.push(shared_mac(record.header.position, shared));
            }
            // Warnings of scans from a state were reported when they were merged.
            let of_merge = |found: &&Diagnostic| !is_saved && is_of_merge(found.code);
            for found in record.diagnostics.iter().filter(of_merge) {
                worker.report.warn(found.code.as_str(), warning(source, found));
            }
            worker.encoder.scan_end(source, record)?;
            direct.between_events(worker, false)?;
        }
        let rest = worker.finish()?;
        direct.consume_all(rest)
    }
}

/// Returns true for warnings that are found when all scans are known, not when one is read.
fn is_of_merge(code: DiagnosticCode) -> bool {
    matches!(
        code,
        DiagnosticCode::DupScan | DiagnosticCode::IdCollision | DiagnosticCode::SharedMac
    )
}

fn shared_mac(position: Position, shared: &SharedMac) -> Diagnostic {
    let detail = format!(
        "{} is at several IP addresses: its hosts are distinguished by both addresses",
        shared.mac
    );
    Diagnostic { code: DiagnosticCode::SharedMac, position, count: shared.count, detail }
}

/// Returns the next batch: hosts whose output is about one chunk.
fn next_batch(hosts: &mut Hosts, scans: &Arc<[ScanHeader]>) -> Result<Option<MergedBatch>> {
    let (mut batch, mut bytes) = (Vec::new(), 0_usize);
    while bytes < OUTPUT_BYTES
        && let Some(host) = hosts.next()?
    {
        bytes = bytes.saturating_add(host.size());
        batch.push(host);
    }
    Ok((!batch.is_empty()).then(|| MergedBatch { hosts: batch, scans: Arc::clone(scans), bytes }))
}
