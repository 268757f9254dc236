//! Differences between two states.

use super::{
    CancellationToken, Inputs, JobOptions, OutputFormat, OutputOptions, ResolvedInputs,
    output::OutputContent,
};
use crate::{
    diff::{ChangeSelection, Differences, differences_with},
    error::{Error, ErrorKind, NotNmap, Result},
    feed::{
        Feed,
        ecs::{Ecs, change_line},
    },
    filter::Filter,
    format::{RowEncoder as _, RowFormat, RowFormatVisitor},
    merge::{MergePolicy, Merger, Precedence},
    model::{ComparedScans, HostChanges, Identity},
    output::{DocumentSink, Output},
    pipeline::{Outcome, Report},
    table::change_row,
};

/// Number of bytes of output gathered before they are written.
const OUTPUT_BYTES: usize = 256 << 10;

/// Options for [`diff`].
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct DiffOptions {
    /// Which differences are returned; all of them by default.
    pub selection: ChangeSelection,
    /// Property by which hosts are matched; the IP address by default.
    pub identity: Identity,
    /// Options that all jobs share. Progress begins and ends once per state.
    pub job: JobOptions,
}

impl DiffOptions {
    /// Sets which differences are returned.
    #[must_use]
    pub fn with_selection(mut self, selection: ChangeSelection) -> Self {
        self.selection = selection;
        self
    }

    /// Returns only differences of hosts and ports that an expression selects in the older or the newer state.
    #[must_use]
    pub fn with_filter(mut self, filter: Filter) -> Self {
        self.selection = self.selection.matching(filter);
        self
    }

    /// Sets the property by which hosts are matched.
    #[must_use]
    pub fn with_identity(mut self, identity: Identity) -> Self {
        self.identity = identity;
        self
    }

    /// Sets the options that all jobs share.
    #[must_use]
    pub fn with_job(mut self, job: JobOptions) -> Self {
        self.job = job;
        self
    }
}

/// Report of [`diff`].
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct DiffReport {
    /// Report on the inputs of the older state.
    pub old: Report,
    /// Report on the inputs of the newer state; `None` if the older one could not be used.
    pub new: Option<Report>,
    /// Outcome of the comparison.
    pub outcome: DiffOutcome,
    /// Number of hosts with differences.
    pub hosts: u64,
    /// Number of differences that are changes.
    pub changes: u64,
    /// Number of differences that only one state looked for.
    pub not_scanned: u64,
    /// Warnings about the output, such as texts that were cut.
    pub output_warnings: Vec<String>,
}

/// Outcome of [`diff`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum DiffOutcome {
    /// The states were compared, and the output is complete.
    #[default]
    Compared,
    /// An input of the last state that was read was refused, and nothing was compared: an incomplete state would produce
    /// wrong differences.
    Refused,
    /// The last state that was read has no scan, and nothing was compared.
    NoScan,
    /// The job was cancelled.
    Cancelled,
}

impl DiffReport {
    fn add(&mut self, host: &HostChanges) {
        self.hosts = self.hosts.saturating_add(1);
        for change in &host.changes {
            let count =
                if change.kind.is_change() { &mut self.changes } else { &mut self.not_scanned };
            *count = count.saturating_add(1);
        }
    }
}

/// Writes differences in one format.
pub trait ChangesWriter {
    /// Writes the differences of a host. `scans` are the scans of both states.
    ///
    /// # Errors
    /// Fails if the output cannot be written.
    fn host(&mut self, host: &HostChanges, scans: &ComparedScans) -> Result<()>;

    /// Writes what is buffered, and returns warnings about what the output cannot hold. Called once, after the last host.
    ///
    /// # Errors
    /// Fails if the output cannot be written.
    fn flush(&mut self) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    /// Completes the output. Not called if the job is cancelled.
    ///
    /// # Errors
    /// Fails if the output cannot be written.
    fn finish(self) -> Result<()>;
}

/// Compares two states, each of one or more scans, and writes the differences by the rules in docs/merge.md, "Diff": rows
/// of the table `changes`, or ECS events.
///
/// An input that cannot be read ends the comparison, because an incomplete state would produce wrong differences; see
/// [`DiffReport::outcome`].
///
/// ```
/// use scanmill::{
///     format::TableFormat,
///     ops::{self, DiffOptions, DiffOutcome, Inputs, OutputOptions},
///     output::Output,
/// };
///
/// let folder = tempfile::tempdir()?;
/// let output = OutputOptions::tables(TableFormat::Csv, Output::File(folder.path().join("changes.csv")));
/// let old = Inputs::new(["fixtures/41-merge-day1-versions-os.xml"]);
/// let new = Inputs::new(["fixtures/44-merge-day2-changed.xml"]);
/// let report = ops::diff(&old, &new, output, &DiffOptions::default())?;
/// assert_eq!(report.outcome, DiffOutcome::Compared);
/// assert!(report.changes > 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Returns a usage error for a feed other than ECS or if the output would replace an input, and an error of the kind
/// [`Sink`](crate::error::ErrorKind::Sink) if the output or temporary files cannot be written.
pub fn diff(
    old: &Inputs,
    new: &Inputs,
    output: OutputOptions,
    options: &DiffOptions,
) -> Result<DiffReport> {
    diff_reporting((old, new), output, options, &mut |_| {})
}

/// Compares two states and writes the differences with a writer of the caller; otherwise as [`diff`].
///
/// # Errors
/// Returns the errors of the writer, and those of [`diff`] about inputs.
pub fn diff_into<W: ChangesWriter>(
    old: &Inputs,
    new: &Inputs,
    writer: W,
    options: &DiffOptions,
) -> Result<DiffReport> {
    let states = (old.resolve(), new.resolve());
    Comparison { options, states, on_read: &mut |_| {} }.write(writer)
}

/// Compares two states and returns the differences, one host at a time.
///
/// ```
/// use scanmill::ops::{self, DiffOptions, Inputs};
///
/// let old = Inputs::new(["fixtures/41-merge-day1-versions-os.xml"]);
/// let new = Inputs::new(["fixtures/44-merge-day2-changed.xml"]);
/// for host in ops::changes(&old, &new, &DiffOptions::default())? {
///     for change in &host?.changes {
///         println!("{} {} {}", change.host_key, change.column, change.kind.as_str());
///     }
/// }
/// # Ok::<(), scanmill::error::Error>(())
/// ```
///
/// # Errors
/// Returns an error of the kind [`Cancelled`](ErrorKind::Cancelled) if the job was cancelled, the first error of an input
/// that was refused, an error of the kind [`NotNmap`](ErrorKind::NotNmap) if a state has no scan, and the errors of
/// temporary files.
pub fn changes(old: &Inputs, new: &Inputs, options: &DiffOptions) -> Result<Changes> {
    let states = (old.resolve(), new.resolve());
    let cancellation = options.job.cancellation.clone();
    let comparison = Comparison { options, states, on_read: &mut |_| {} };
    let mut report = DiffReport::default();
    if let Some(differences) = comparison.read(&mut report)? {
        return Ok(Changes { report, differences, cancellation });
    }
    let (last, inputs) = match report.new {
        Some(report) => (report, new),
        None => (report.old, old),
    };
    Err(match report.outcome {
        DiffOutcome::Cancelled => {
            Error::new(ErrorKind::Cancelled("the comparison was cancelled".to_owned()))
        }
        DiffOutcome::NoScan => no_scan(inputs),
        DiffOutcome::Refused | DiffOutcome::Compared => {
            debug_assert!(!last.errors.is_empty(), "an input that is refused has an error");
            last.errors.into_iter().next().unwrap_or_else(|| no_scan(inputs))
        }
    })
}

/// Returns the error for a state without a scan.
fn no_scan(inputs: &Inputs) -> Error {
    let names: Vec<_> = inputs.paths.iter().map(|path| path.display().to_string()).collect();
    Error::new(ErrorKind::NotNmap(NotNmap::NoScan)).with_input(names.join(", "))
}

/// Differences between two states, one host at a time; see [`changes`]. It ends early if the job is cancelled.
#[derive(Debug)]
pub struct Changes {
    report: DiffReport,
    differences: Differences,
    cancellation: CancellationToken,
}

impl Changes {
    /// Returns the report, with the counts of the differences returned so far.
    #[must_use]
    pub fn report(&self) -> &DiffReport {
        &self.report
    }
}

impl Iterator for Changes {
    type Item = Result<HostChanges>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.cancellation.is_cancelled() {
            self.report.outcome = DiffOutcome::Cancelled;
            return None;
        }
        let host = self.differences.next()?;
        if let Ok(host) = &host {
            self.report.add(host);
        }
        Some(host)
    }
}

/// Compares two states as [`diff`] does, and passes the report on each state to `on_read` when it has been read.
pub(crate) fn diff_reporting(
    states: (&Inputs, &Inputs),
    output: OutputOptions,
    options: &DiffOptions,
    on_read: &mut dyn FnMut(&Report),
) -> Result<DiffReport> {
    let temporaries = &options.job.temporaries;
    let comparison = Comparison::checked(states, &output.destination, options, on_read)?;
    match output.format {
        OutputFormat::Tables(_) => output.open_tables(OutputContent::Diff, temporaries, comparison),
        OutputFormat::Feed(Feed::Ecs(ecs)) => {
            let sink = DocumentSink::open(&output.destination, output.overwrite, temporaries)?;
            comparison.write(EcsChanges { sink, ecs, lines: Vec::new() })
        }
        OutputFormat::Feed(_) | OutputFormat::Hosts(_) => {
            Err(Error::usage("differences are rows or ECS events"))
        }
    }
}

/// Compares two states as [`diff_reporting`] does. `open` opens the output once its path has been checked.
#[cfg(feature = "cli")]
pub(crate) fn diff_with<W: ChangesWriter>(
    states: (&Inputs, &Inputs),
    (destination, open): (&Output, impl FnOnce() -> Result<W>),
    options: &DiffOptions,
    on_read: &mut dyn FnMut(&Report),
) -> Result<DiffReport> {
    let comparison = Comparison::checked(states, destination, options, on_read)?;
    comparison.write(open()?)
}

/// State of a comparison before its output is opened.
struct Comparison<'r> {
    options: &'r DiffOptions,
    /// Files of the older and the newer state.
    states: (ResolvedInputs, ResolvedInputs),
    on_read: &'r mut dyn FnMut(&Report),
}

impl<'r> Comparison<'r> {
    /// Finds the inputs, and refuses an output that would replace one of them.
    fn checked(
        (old, new): (&Inputs, &Inputs),
        destination: &Output,
        options: &'r DiffOptions,
        on_read: &'r mut dyn FnMut(&Report),
    ) -> Result<Self> {
        let resolve = |inputs: &Inputs| options.job.resolve(inputs, destination, None);
        let states = (resolve(old)?, resolve(new)?);
        Ok(Self { options, states, on_read })
    }

    /// Reads both states and writes their differences.
    fn write(self, mut writer: impl ChangesWriter) -> Result<DiffReport> {
        let cancellation = self.options.job.cancellation.clone();
        let mut report = DiffReport::default();
        let Some(differences) = self.read(&mut report)? else { return Ok(report) };
        let scans = differences.scans();
        for host in differences {
            if cancellation.is_cancelled() {
                break;
            }
            let host = host?;
            report.add(&host);
            writer.host(&host, &scans)?;
        }
        if cancellation.is_cancelled() {
            report.outcome = DiffOutcome::Cancelled;
            return Ok(report);
        }
        report.output_warnings = writer.flush()?;
        writer.finish()?;
        Ok(report)
    }

    /// Reads both states. Returns `None` if they cannot be compared.
    fn read(self, report: &mut DiffReport) -> Result<Option<Differences>> {
        let Self { options, states, on_read } = self;
        let (of_old, old) = read_state(states.0, options)?;
        on_read(&of_old);
        report.outcome = outcome(&of_old, &old);
        report.old = of_old;
        if report.outcome != DiffOutcome::Compared {
            return Ok(None);
        }
        let (of_new, new) = read_state(states.1, options)?;
        on_read(&of_new);
        report.outcome = outcome(&of_new, &new);
        report.new = Some(of_new);
        if report.outcome != DiffOutcome::Compared {
            return Ok(None);
        }
        differences_with(old, new, &options.selection).map(Some)
    }
}

impl RowFormatVisitor for Comparison<'_> {
    type Output = DiffReport;

    fn visit<F: RowFormat + 'static>(self, format: F) -> Result<DiffReport> {
        let rows = format.row_encoder();
        self.write(RowChanges { writer: format, rows })
    }
}

/// Reads one of the two states.
fn read_state(found: ResolvedInputs, options: &DiffOptions) -> Result<(Report, Merger)> {
    let policy = MergePolicy::new(Precedence::Latest).with_identity(options.identity);
    let mut job = options.job.clone();
    job.budget = job.budget.half();
    job.read_into(job.merger(policy), found)
}

/// Returns the outcome of reading a state, `Compared` if it can be compared.
fn outcome(report: &Report, merger: &Merger) -> DiffOutcome {
    if report.interrupted {
        DiffOutcome::Cancelled
    } else if report.count(Outcome::Refused) > 0 {
        DiffOutcome::Refused
    } else if merger.has_scans() {
        DiffOutcome::Compared
    } else {
        DiffOutcome::NoScan
    }
}

/// ECS events, one per line.
struct EcsChanges {
    sink: DocumentSink,
    ecs: Box<Ecs>,
    lines: Vec<u8>,
}

impl ChangesWriter for EcsChanges {
    fn host(&mut self, host: &HostChanges, scans: &ComparedScans) -> Result<()> {
        for change in &host.changes {
            change_line(&self.ecs, (host, change), scans, &mut self.lines);
            if self.lines.len() >= OUTPUT_BYTES {
                self.sink.write(&self.lines)?;
                self.lines.clear();
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<()> {
        self.sink.write(&self.lines)?;
        self.sink.finish()
    }
}

/// Rows of the table `changes`.
struct RowChanges<F: RowFormat> {
    writer: F,
    rows: F::Rows,
}

impl<F: RowFormat> ChangesWriter for RowChanges<F> {
    fn host(&mut self, host: &HostChanges, _: &ComparedScans) -> Result<()> {
        for change in &host.changes {
            change_row(change, &mut |row| self.rows.row(row))?;
        }
        if self.rows.buffered_bytes() >= OUTPUT_BYTES {
            self.rows.take().into_iter().try_for_each(|chunk| self.writer.write(chunk))?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<Vec<String>> {
        self.rows.finish()?.into_iter().try_for_each(|chunk| self.writer.write(chunk))?;
        self.writer.flush()?;
        Ok(self.writer.warnings())
    }

    fn finish(self) -> Result<()> {
        self.writer.finish()
    }
}
