//! Several scans to the history of each host.

use super::{Inputs, JobOptions, OutputOptions, ResolvedInputs, output::OutputContent};
use crate::{
    error::Result,
    filter::Filter,
    format::{RowFormat, RowFormatVisitor},
    merge::{MergePolicy, Precedence},
    model::Identity,
    pipeline::{Filters, Report},
};

/// Options for [`history`].
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct HistoryOptions {
    /// Property by which hosts are matched; the IP address by default.
    pub identity: Identity,
    /// Keep ports that a later scan covered and did not list.
    pub keep_covered: bool,
    /// Keep data on a host from before it had another MAC address.
    pub keep_identity: bool,
    /// Filters; only those on port states apply.
    pub filters: Filters,
    /// Options that all jobs share.
    pub job: JobOptions,
}

impl HistoryOptions {
    /// Sets the property by which hosts are matched.
    #[must_use]
    pub fn with_identity(mut self, identity: Identity) -> Self {
        self.identity = identity;
        self
    }

    /// Keeps ports that a later scan covered and did not list.
    #[must_use]
    pub fn with_keep_covered(mut self, on: bool) -> Self {
        self.keep_covered = on;
        self
    }

    /// Keeps data on a host from before it had another MAC address.
    #[must_use]
    pub fn with_keep_identity(mut self, on: bool) -> Self {
        self.keep_identity = on;
        self
    }

    /// Sets the filters.
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

/// Writes the history of each host and port as intervals of equal state, by the rules in docs/history.md.
///
/// ```
/// use scanmill::{
///     format::TableFormat,
///     ops::{self, HistoryOptions, Inputs, OutputOptions},
///     output::Output,
/// };
///
/// let folder = tempfile::tempdir()?;
/// let output = OutputOptions::tables(TableFormat::Csv, Output::Dir(folder.path().join("history")));
/// let days = ["fixtures/41-merge-day1-versions-os.xml", "fixtures/44-merge-day2-changed.xml"];
/// let report = ops::history(&Inputs::new(days), output, &HistoryOptions::default())?;
/// assert!(report.rows["port_history"] > report.rows["host_history"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Returns the errors of [`convert`](super::convert()), and a usage error if the output is a feed.
pub fn history(inputs: &Inputs, output: OutputOptions, options: &HistoryOptions) -> Result<Report> {
    let found = options.job.resolve(inputs, &output.destination, None)?;
    let temporaries = &options.job.temporaries;
    output.open_tables(OutputContent::History, temporaries, Intervals { options, found })
}

/// Writes the history of each host and port in a format of the caller; otherwise as [`history`].
///
/// # Errors
/// Returns the errors of the format, and those of [`history`] about inputs.
pub fn history_into<F: RowFormat>(
    inputs: &Inputs,
    format: F,
    options: &HistoryOptions,
) -> Result<Report> {
    Intervals { options, found: inputs.resolve() }.write(format)
}

/// State of a history before its output is opened.
struct Intervals<'i> {
    options: &'i HistoryOptions,
    found: ResolvedInputs,
}

impl Intervals<'_> {
    fn write<F: RowFormat>(self, format: F) -> Result<Report> {
        let Self { options, found } = self;
        let job = &options.job;
        let policy = MergePolicy::new(Precedence::Latest)
            .with_identity(options.identity)
            .with_keep_covered(options.keep_covered)
            .with_keep_identity(options.keep_identity);
        let pipeline = job.merge_pipeline(job.merger(policy), options.filters.clone())?;
        // Progress ends when the output is complete.
        let (pipeline, _progress) = job.read(found, pipeline)?;
        pipeline.history_into(format)
    }
}

impl RowFormatVisitor for Intervals<'_> {
    type Output = Report;

    fn visit<F: RowFormat + 'static>(self, format: F) -> Result<Report> {
        self.write(format)
    }
}
