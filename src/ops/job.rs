//! Options that all jobs share, and the steps that several jobs consist of.

use std::path::PathBuf;

use super::{
    CancellationToken, Inputs, MemoryBudget, ProgressHandle, ReservedPaths,
    inputs::ResolvedInputs,
    paths::{self, OutputPath},
    progress::ProgressScope,
};
use crate::{
    error::Result,
    format::Format,
    merge::{MergePolicy, Merger},
    output::{Output, Temporaries},
    pipeline::{Filters, MergeInput, Pipeline, Report},
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
    /// Folder for data that exceeds the memory budget; that of the system by default.
    pub temp_dir: Option<PathBuf>,
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
            temp_dir: None,
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

    /// Sets the folder for data that exceeds the memory budget.
    #[must_use]
    pub fn with_temp_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.temp_dir = Some(folder.into());
        self
    }

    /// Sets the paths of the caller that no output may replace.
    #[must_use]
    pub fn with_reserved_paths(mut self, paths: ReservedPaths) -> Self {
        self.reserved_paths = paths;
        self
    }

    /// Finds the inputs, and refuses `output` and `others` if they would replace an input, a path of the caller, or each
    /// other.
    pub(crate) fn resolve(
        &self,
        inputs: &Inputs,
        output: &Output,
        others: impl IntoIterator<Item = OutputPath>,
    ) -> Result<ResolvedInputs> {
        let found = inputs.resolve();
        let outputs = self.reserved_paths.output(output).into_iter().chain(others);
        self.check_paths(inputs, &found, outputs, *output == Output::Stdout)?;
        Ok(found)
    }

    /// Refuses outputs that would replace an input, a path of the caller, or each other.
    pub(crate) fn check_paths(
        &self,
        inputs: &Inputs,
        found: &ResolvedInputs,
        outputs: impl IntoIterator<Item = OutputPath>,
        on_stdout: bool,
    ) -> Result<()> {
        let reserved = &self.reserved_paths;
        let outputs = outputs.into_iter().chain(reserved.written());
        paths::check(outputs, &found.paths(inputs, reserved), on_stdout)
    }

    /// Creates a merger with the memory of the job.
    pub(crate) fn merger(&self, policy: MergePolicy) -> Merger {
        Merger::with_memory(policy, self.budget.merge_bytes(), self.temp_dir.as_deref())
    }

    /// Creates a pipeline into a merger. Documents are hashed, because finished scans that share an ID and differ are
    /// distinguished by their bytes.
    pub(crate) fn merge_pipeline(
        &self,
        merger: Merger,
        filters: Filters,
    ) -> Result<Pipeline<MergeInput>> {
        let input = MergeInput::new(merger).with_room(self.budget.document_bytes());
        self.pipeline(input, filters, true)
    }

    /// Reads inputs into a merger.
    pub(crate) fn read_into(
        &self,
        merger: Merger,
        found: ResolvedInputs,
    ) -> Result<(Report, Merger)> {
        let pipeline = self.merge_pipeline(merger, Filters::default())?;
        let (pipeline, _progress) = self.read(found, pipeline)?;
        pipeline.into_merger()
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
