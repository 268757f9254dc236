//! All inputs were read: what came of them is merged and written.

use std::{collections::VecDeque, mem, sync::Arc};

use super::{
    OUTPUT, Pipeline, coder as new_coder,
    coder::Coder,
    outlet::{Gives, Outlet},
    output::{Gathering, Taker, Writing},
    report::WarningReport,
};
use crate::{
    error::{Code, Diagnostic, Position, Result},
    history,
    merge::{
        HistoryParts, Hosts, Kept, Merged, MergedRecord, MergedScan, Part, SharedMac, Summary,
    },
    model::{RunHeader, RunRecord},
    sink::{Pending, StateSink, Workers},
};

/// Pieces of work a thread that are under way.
const AHEAD: usize = 3;

/// Bytes of a host's history whose rows are written as they are made: no thread holds them.
const LARGE: usize = 8 << 20;

/// Hosts that are encoded together, and what of their scans that needs.
struct Batch {
    hosts: Vec<MergedRecord>,
    gives: Gives,
    scans: Arc<[RunHeader]>,
    /// Bytes of the records.
    size: usize,
}

/// What a thread made of them.
struct Done {
    batch: Batch,
    coder: Coder,
    gathered: Gathering,
    result: Result<()>,
}

impl Pipeline {
    /// The same, which saves the state of its merge there, complete or not at all, when the output is complete. The
    /// merger has to [keep one](crate::merge::Merger::with_state).
    #[must_use]
    pub fn with_state(mut self, state: Option<StateSink>) -> Self {
        self.state = state;
        self
    }

    /// Gives the output its name, and then the state.
    pub(super) fn publish(mut self) -> Result<()> {
        // What may fail comes before either gets its name. A state without its result would go on from scans that
        // nobody saw; a result without its state is made again.
        if let Some(state) = &mut self.state {
            state.sync()?;
        }
        self.outlet.finish()?;
        self.state.map_or(Ok(()), StateSink::finish)
    }

    /// Merges all that was read, if that is what is done with it, and writes it.
    pub(super) fn merge(&mut self) -> Result<()> {
        let (merger, then, gives) = match mem::replace(&mut self.outlet, Outlet::Nothing) {
            Outlet::Merge { merger, then, gives, .. } => (merger, then, gives),
            other => {
                self.outlet = other;
                return Ok(());
            }
        };
        self.outlet = *then;
        // Nothing was usable, or it is to stop: what there is of an output stays empty.
        if self.is_stopped() || !merger.has_scans() {
            return Ok(());
        }
        let report = mem::take(&mut self.coder.report);
        self.coder = new_coder(&self.outlet, &self.filters, &self.options);
        self.coder.report = report;
        let mut all = merger.finish()?;
        let headers: Arc<[RunHeader]> =
            all.scans().iter().map(|scan| scan.record.header.clone()).collect();
        let (summary, kept) = self.write_hosts(&mut all, gives, &headers)?;
        if self.is_stopped() {
            return Ok(());
        }
        if let Some(state) = &mut self.state {
            all.save(kept, &mut |bytes| state.write(bytes))?;
        }
        self.coder.report.outdated = summary.outdated;
        self.write_scans(&mut all, &headers, &summary)
    }

    fn write_hosts(
        &mut self,
        merged: &mut Merged,
        gives: Gives,
        scans: &Arc<[RunHeader]>,
    ) -> Result<(Summary, Kept)> {
        let mut hosts = self.sorted(merged.take_parts(), gives)?;
        let (summary, kept) = (hosts.summary().clone(), hosts.take_kept());
        let workers = self.workers();
        let mut waiting: VecDeque<Pending<Done>> = VecDeque::new();
        let mut idle: Vec<Coder> = Vec::new();
        while let Some(batch) = next_batch(&mut hosts, gives, scans)? {
            if self.is_stopped() {
                return Ok((summary, kept));
            }
            let is_large = gives == Gives::Histories && batch.size > LARGE;
            let Some(workers) = workers.as_ref().filter(|_| !is_large) else {
                for oldest in std::mem::take(&mut waiting) {
                    idle.extend(self.write_encoded(oldest.wait()?)?);
                }
                self.encode(&batch)?;
                continue;
            };
            if waiting.len() >= workers.count().saturating_mul(AHEAD)
                && let Some(oldest) = waiting.pop_front()
            {
                idle.extend(self.write_encoded(oldest.wait()?)?);
            }
            let coder = idle.pop();
            let coder =
                coder.unwrap_or_else(|| new_coder(&self.outlet, &self.filters, &self.options));
            waiting.push_back(workers.start(move || {
                let (mut coder, mut gathered) = (coder, Gathering::of(batch.size));
                let result = encode(&mut coder, &batch, &mut gathered);
                let result = result.and_then(|()| gathered.take(coder.take_all()?));
                Done { batch, coder, gathered, result }
            }));
        }
        for oldest in waiting {
            self.write_encoded(oldest.wait()?)?;
        }
        Ok((summary, kept))
    }

    /// Encodes hosts here and writes them.
    fn encode(&mut self, batch: &Batch) -> Result<()> {
        let mut writing = Writing::new(&mut self.outlet);
        encode(&mut self.coder, batch, &mut writing)?;
        writing.take(self.coder.take())
    }

    /// Writes what a thread encoded, and gives its coder back. Of what was too much it is done again.
    fn write_encoded(&mut self, done: Done) -> Result<Option<Coder>> {
        let Done { batch, mut coder, gathered, result } = done;
        if gathered.is_too_much {
            self.encode(&batch)?;
            return Ok(None);
        }
        result?;
        self.coder.absorb(&mut coder);
        coder.forget();
        for output in gathered.outputs {
            self.outlet.write(output)?;
        }
        Ok(Some(coder))
    }

    /// Merges the hosts of all parts.
    fn sorted(&self, parts: Vec<Part>, gives: Gives) -> Result<Hosts> {
        let of_part = match gives {
            Gives::Hosts => Part::merge,
            Gives::Histories => history::of_part,
        };
        let (mut sorted, mut waiting) = (Vec::new(), VecDeque::<Pending<_>>::new());
        let workers = self.workers();
        for part in parts {
            if self.is_stopped() {
                // What is not merged is not written either.
                return Hosts::of(Vec::new());
            }
            let Some(workers) = &workers else {
                sorted.push(of_part(part)?);
                continue;
            };
            // Each holds the hosts of its part: no more at once than threads.
            if waiting.len() >= workers.count()
                && let Some(oldest) = waiting.pop_front()
            {
                sorted.push(oldest.wait()??);
            }
            waiting.push_back(workers.start(move || of_part(part)));
        }
        for oldest in waiting {
            sorted.push(oldest.wait()??);
        }
        Hosts::of(sorted)
    }

    /// Writes events and ends of all scans that are used, and warnings of all.
    fn write_scans(
        &mut self,
        merged: &mut Merged,
        headers: &[RunHeader],
        summary: &Summary,
    ) -> Result<()> {
        let (coder, outlet) = (&mut self.coder, &mut self.outlet);
        if outlet.takes_events() {
            merged.events(&mut |number, index, event| {
                let header = usize::try_from(number).ok().and_then(|number| headers.get(number));
                if let Some(header) = header {
                    coder.event(header, index, event)?;
                }
                if coder.ready() >= OUTPUT {
                    let output = coder.take();
                    outlet.write(output)?;
                }
                Ok(())
            })?;
        }
        for (number, scan) in (0..).zip(merged.scans()) {
            // One at a time: there may be very many.
            let (is_saved, of_state) = (scan.is_saved(), scan.shared_mac());
            let MergedScan { source, record, used, .. } = scan;
            let mut record = record.clone();
            if !used {
                // The copy that is used has the row; of this one its warnings are told.
                record = RunRecord {
                    exists: false,
                    pre_scripts: Vec::new(),
                    post_scripts: Vec::new(),
                    ..record
                };
            }
            if let Some(shared) = summary.shared_macs.get(&number).or(of_state) {
                record.diagnostics.push(shared_mac(record.header.position, shared));
            }
            // What was reported of scans in a state is not news.
            let of_merge = |found: &&Diagnostic| !is_saved && is_of_merge(found.code);
            for found in record.diagnostics.iter().filter(of_merge) {
                let Position { byte, line } = found.position;
                let detail = found.detail.clone();
                let warning =
                    WarningReport { count: found.count, input: source.clone(), line, byte, detail };
                self.coder.report.warn(found.code.as_str(), warning);
            }
            self.coder.run_rows(source, &record)?;
            if self.coder.ready() >= OUTPUT {
                let output = self.coder.take();
                self.outlet.write(output)?;
            }
        }
        let rest = self.coder.take_all()?;
        self.outlet.write(rest)
    }

    fn workers(&self) -> Option<Workers> {
        self.crew.as_ref().map(|crew| crew.workers().clone())
    }
}

/// Whether a warning is found when all scans have come, not when one is read.
fn is_of_merge(code: Code) -> bool {
    matches!(code, Code::DupScan | Code::IdCollision | Code::SharedMac)
}

fn shared_mac(position: Position, shared: &SharedMac) -> Diagnostic {
    let detail = format!("{} is at several IP addresses: hosts are told apart by both", shared.mac);
    Diagnostic { code: Code::SharedMac, position, count: shared.count, detail }
}

/// Hosts whose output is about a piece.
fn next_batch(hosts: &mut Hosts, gives: Gives, scans: &Arc<[RunHeader]>) -> Result<Option<Batch>> {
    let (mut batch, mut size) = (Vec::new(), 0_usize);
    while size < OUTPUT
        && let Some(host) = hosts.next()?
    {
        size = size.saturating_add(host.size());
        batch.push(host);
    }
    Ok((!batch.is_empty()).then(|| Batch { hosts: batch, gives, scans: Arc::clone(scans), size }))
}

fn encode(coder: &mut Coder, batch: &Batch, taker: &mut dyn Taker) -> Result<()> {
    let runs: Vec<&RunHeader> = batch.scans.iter().collect();
    match batch.gives {
        Gives::Hosts => {
            batch.hosts.iter().try_for_each(|host| coder.merged(host.host(), &runs, taker))
        }
        Gives::Histories => {
            let ids: Vec<&str> = runs.iter().map(|run| run.scan_id.as_str()).collect();
            // What was written can be read.
            let mut histories = batch.hosts.iter().filter_map(HistoryParts::of);
            histories.try_for_each(|history| coder.history(&history, &ids, taker))
        }
    }
}
