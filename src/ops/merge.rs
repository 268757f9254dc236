//! Several scans to one record per host.

use std::path::PathBuf;

use super::{
    Inputs, JobOptions, OutputOptions, ResolvedInputs,
    output::{FormatVisitor, OutputContent},
    paths::OutputPath,
};
use crate::{
    error::{Error, Result},
    filter::Filter,
    format::{Format, MergeEncoder},
    merge::{Hosts, MergePolicy, MergedRecord, MergedScan, Merger},
    output::StateSink,
    pipeline::{Filters, Report},
};

/// Options for [`merge`].
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct MergeOptions {
    /// Rules by which hosts merge.
    pub policy: MergePolicy,
    /// File of a saved state that the merge continues, and that the new state replaces together with the output. It
    /// need not exist yet.
    pub state: Option<PathBuf>,
    /// Which merged hosts and ports are written, and the engine that runs on them.
    pub filters: Filters,
    /// Options that all jobs share.
    pub job: JobOptions,
}

impl MergeOptions {
    /// Sets the rules by which hosts merge.
    #[must_use]
    pub fn with_policy(mut self, policy: MergePolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Sets the file of the saved state.
    #[must_use]
    pub fn with_state(mut self, path: impl Into<PathBuf>) -> Self {
        self.state = Some(path.into());
        self
    }

    /// Sets which merged hosts and ports are written.
    #[must_use]
    pub fn with_filters(mut self, filters: Filters) -> Self {
        self.filters = filters;
        self
    }

    /// Selects hosts and ports by an expression.
    #[must_use]
    pub fn with_filter(mut self, filter: Filter) -> Self {
        self.filters.expression = Some(filter);
        self
    }

    /// Sets the options that all jobs share.
    #[must_use]
    pub fn with_job(mut self, job: JobOptions) -> Self {
        self.job = job;
        self
    }
}

/// Merges the hosts of all inputs into one record per host, by the rules in docs/merge.md, and writes them.
///
/// Exceeding the memory budget creates temporary files, never an error. If no scan could be read, or if the job was
/// cancelled, an existing output and an existing state are kept.
///
/// ```
/// use scanmill::{
///     format::TableFormat,
///     merge::{MergePolicy, Precedence},
///     ops::{self, Inputs, MergeOptions, OutputOptions},
///     output::Output,
/// };
///
/// let folder = tempfile::tempdir()?;
/// let output = OutputOptions::tables(TableFormat::Parquet, Output::Dir(folder.path().join("merged")));
/// let days = ["fixtures/41-merge-day1-versions-os.xml", "fixtures/44-merge-day2-changed.xml"];
/// let options = MergeOptions::default().with_policy(MergePolicy::new(Precedence::Latest));
/// let report = ops::merge(&Inputs::new(days), output, &options)?;
/// assert_eq!((report.counts.scans, report.counts.hosts > report.rows["hosts"]), (2, true));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Returns the errors of [`convert`](super::convert()), and an error of the kind
/// [`State`](crate::error::ErrorKind::State) if the saved state cannot be read or has another policy.
pub fn merge(inputs: &Inputs, output: OutputOptions, options: &MergeOptions) -> Result<Report> {
    let name = options.job.reserved_paths.names.state;
    let state = OutputPath::file(name, options.state.as_deref());
    let found = options.job.resolve(inputs, &output.destination, state)?;
    let content = OutputContent::Merge { explain: options.policy.explain };
    let output = output.for_filters(&options.filters);
    output.open(content, &options.job.temporaries, Merging { options, found })
}

/// Merges the hosts of all inputs and writes them in a format of the caller; otherwise as [`merge`].
///
/// # Errors
/// Returns the errors of the format, and those of [`merge`] about inputs and the state.
pub fn merge_into<F: Format<Encoder: MergeEncoder>>(
    inputs: &Inputs,
    format: F,
    options: &MergeOptions,
) -> Result<Report> {
    Merging { options, found: inputs.resolve() }.visit(format)
}

/// Merges the hosts of all inputs and returns them one by one, in the order in which they were first seen. Filters and
/// a saved state do not apply.
///
/// ```
/// use scanmill::ops::{self, Inputs, MergeOptions};
///
/// let days = ["fixtures/41-merge-day1-versions-os.xml", "fixtures/44-merge-day2-changed.xml"];
/// let mut hosts = ops::merged_hosts(&Inputs::new(days), &MergeOptions::default())?;
/// let mut keys = Vec::new();
/// while let Some(record) = hosts.next_host()? {
///     keys.push(record.host().host_key.to_string());
/// }
/// assert!(keys.iter().all(|key| key.starts_with("ip:")));
/// assert_eq!(hosts.report().counts.scans, 2);
/// # Ok::<(), scanmill::error::Error>(())
/// ```
///
/// # Errors
/// Returns a usage error if a saved state is named, and the errors of [`merge`] about inputs.
pub fn merged_hosts(inputs: &Inputs, options: &MergeOptions) -> Result<MergedHosts> {
    if options.state.is_some() {
        return Err(Error::usage("a merge that continues a saved state needs an output"));
    }
    let merger = options.job.merger(options.policy);
    let (report, complete) = options.job.read_into(merger, inputs.resolve())?;
    let state = complete.finish()?;
    let scans = state.scans().to_vec();
    Ok(MergedHosts { report, scans, hosts: state.hosts()? })
}

/// Hosts of a merge; see [`merged_hosts`].
#[derive(Debug)]
pub struct MergedHosts {
    report: Report,
    scans: Vec<MergedScan>,
    hosts: Hosts,
}

impl MergedHosts {
    /// Returns the report on the inputs that were read.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Returns the scans that the provenance of hosts refers to by index.
    #[must_use]
    pub fn scans(&self) -> &[MergedScan] {
        &self.scans
    }

    /// Returns the next host; `None` after the last.
    ///
    /// # Errors
    /// Fails if a temporary file cannot be read.
    pub fn next_host(&mut self) -> Result<Option<MergedRecord>> {
        self.hosts.next()
    }
}

/// Creates the merger of a job. It continues from the saved state, if there is one.
fn merger(options: &MergeOptions, state: Option<&StateSink>) -> Result<Merger> {
    let mut merger = options.job.merger(options.policy);
    if let Some(state) = state {
        merger = merger.with_state();
        if let Some(old) = state.old()? {
            merger.load(old, state.name())?;
        }
    }
    Ok(merger)
}

/// State of a merge before its output is opened.
struct Merging<'m> {
    options: &'m MergeOptions,
    found: ResolvedInputs,
}

impl FormatVisitor for Merging<'_> {
    type Output = Report;

    fn visit<F: Format<Encoder: MergeEncoder>>(self, format: F) -> Result<Report> {
        let Self { options, found } = self;
        let job = &options.job;
        let state = options.state.as_deref();
        let state = state.map(|path| StateSink::open(path, &job.temporaries)).transpose()?;
        let merger = merger(options, state.as_ref())?;
        let pipeline = job.merge_pipeline(merger, options.filters.clone())?;
        // Progress ends when the output is complete.
        let (pipeline, _progress) = job.read(found, pipeline)?;
        pipeline.merge_into(format, state)
    }
}
