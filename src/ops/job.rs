//! Options that all jobs share.

use super::{
    CancellationToken, MemoryBudget, ProgressHandle, ReservedPaths, inputs::ResolvedInputs,
    progress::ProgressScope,
};
use crate::{
    error::Result,
    format::Format,
    output::Temporaries,
    pipeline::{Filters, Pipeline},
    xml,
};

/// Options that all jobs share: how XML is read, memory, threads, progress and cancellation.
///
/// ```
/// use scanmill::ops::{CancellationToken, JobOptions, MemoryBudget};
///
/// let cancellation = CancellationToken::new();
/// let options = JobOptions::new(MemoryBudget::new(Some(512 << 20), 2)?)
///     .with_cancellation(cancellation.clone());
/// // Another thread may now call `cancellation.cancel()`.
/// # Ok::<(), scanmill::error::Error>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct JobOptions {
    /// How XML is read: limits, strict reading, hashes. The limits follow from the budget unless they are set.
    pub xml: xml::Options,
    /// Memory of the job and number of its threads.
    pub budget: MemoryBudget,
    /// Receives the progress of the job; nothing by default.
    pub progress: ProgressHandle,
    /// Ends the job between two events when it is cancelled.
    pub cancellation: CancellationToken,
    /// Registry of temporary names, so that a signal handler can remove them.
    pub temporaries: Temporaries,
    /// Paths of the caller that no output may replace.
    pub reserved_paths: ReservedPaths,
}

impl Default for JobOptions {
    /// One thread per processor, and a quarter of the machine's memory.
    fn default() -> Self {
        Self::new(MemoryBudget::default())
    }
}

impl JobOptions {
    /// Creates options with this budget, and with the limits on input that follow from it.
    #[must_use]
    pub fn new(budget: MemoryBudget) -> Self {
        Self {
            xml: xml::Options::default().with_limits(budget.limits()),
            budget,
            progress: ProgressHandle::default(),
            cancellation: CancellationToken::default(),
            temporaries: Temporaries::default(),
            reserved_paths: ReservedPaths::default(),
        }
    }

    /// Sets how XML is read, including the limits on input.
    #[must_use]
    pub fn with_xml(mut self, xml: xml::Options) -> Self {
        self.xml = xml;
        self
    }

    /// Sets what receives the progress of the job.
    #[must_use]
    pub fn with_progress(mut self, progress: impl Into<ProgressHandle>) -> Self {
        self.progress = progress.into();
        self
    }

    /// Sets the token that ends the job.
    #[must_use]
    pub fn with_cancellation(mut self, token: CancellationToken) -> Self {
        self.cancellation = token;
        self
    }

    /// Sets the registry of temporary names.
    #[must_use]
    pub fn with_temporaries(mut self, temporaries: Temporaries) -> Self {
        self.temporaries = temporaries;
        self
    }

    /// Sets the paths of the caller that no output may replace.
    #[must_use]
    pub fn with_reserved_paths(mut self, paths: ReservedPaths) -> Self {
        self.reserved_paths = paths;
        self
    }

    /// Creates a pipeline to this format. `hash` requests the SHA-256 of documents even if the options do not.
    pub(crate) fn pipeline<F: Format>(
        &self,
        format: F,
        filters: Filters,
        hash: bool,
    ) -> Result<Pipeline<F>> {
        let xml = self.xml.clone().with_hash(self.xml.hash || hash);
        let pipeline = Pipeline::new(xml, filters, format, self.cancellation.clone());
        let pipeline = pipeline.with_threads(self.budget.threads())?;
        Ok(pipeline.with_room(self.budget.document_bytes()))
    }

    /// Reads inputs into a pipeline. Progress is reported until the returned scope is dropped.
    pub(crate) fn read<F: Format>(
        &self,
        inputs: ResolvedInputs,
        pipeline: Pipeline<F>,
    ) -> Result<(Pipeline<F>, ProgressScope)> {
        let progress = self.progress.begin(inputs.totals());
        let mut pipeline = pipeline.with_meter(progress.meter());
        inputs.read(&mut pipeline, &progress)?;
        Ok((pipeline, progress))
    }
}
