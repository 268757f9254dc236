//! Inputs to a file, a folder or standard output.

use super::{
    Inputs, JobOptions, OutputFormat, OutputOptions, ResolvedInputs,
    output::{FormatVisitor, OutputContent},
};
use crate::{
    error::{Error, Result},
    filter::Filter,
    format::{FeedSink, Format, MergeEncoder},
    output::{DocumentSink, Output},
    pipeline::{Filters, Report},
    source::Follow,
    watch::ENDING,
};

/// Options for [`convert`].
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ConvertOptions {
    /// Which hosts and ports are written, and the engine that runs on them.
    pub filters: Filters,
    /// Read the only input, a file, while it grows, and write everything as soon as it is complete. A feed in a file
    /// then has its final name from the start. The job ends with the document in the file, or when it is cancelled.
    pub follow: bool,
    /// Options that all jobs share.
    pub job: JobOptions,
}

impl ConvertOptions {
    /// Sets which hosts and ports are written.
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

    /// Reads the only input while it grows.
    #[must_use]
    pub fn with_follow(mut self, on: bool) -> Self {
        self.follow = on;
        self
    }

    /// Sets the options that all jobs share.
    #[must_use]
    pub fn with_job(mut self, job: JobOptions) -> Self {
        self.job = job;
        self
    }

    /// Finds the inputs; a file that grows need not exist yet.
    fn resolve(&self, inputs: &Inputs) -> ResolvedInputs {
        if self.follow { ResolvedInputs::default() } else { inputs.resolve() }
    }
}

/// Reads inputs and writes their contents to one output. The output has the same bytes for any number of threads.
///
/// An input that cannot be read does not end the others; the report has its error. If no scan could be read, or if the
/// job was cancelled, an existing output is kept and no file is left.
///
/// ```
/// use scanmill::{
///     format::TableFormat,
///     ops::{self, ConvertOptions, Inputs, JobStatus, OutputOptions},
///     output::Output,
///     table::Table,
/// };
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("ports.csv");
/// let output = OutputOptions::tables(TableFormat::Csv, Output::File(path.clone()))
///     .with_tables([Table::Ports]);
/// let inputs = Inputs::new(["fixtures/01-tcp-connect-default.xml"]);
/// let report = ops::convert(&inputs, output, &ConvertOptions::default())?;
/// assert_eq!((report.rows["ports"], JobStatus::from(&report)), (7, JobStatus::Complete));
/// assert_eq!(std::fs::read_to_string(path)?.lines().count(), 8);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Returns a usage error if the options contradict each other or if the output would replace an input, an error of the
/// kind [`Sink`](crate::error::ErrorKind::Sink) if the output cannot be written, and one of the kind
/// [`Resource`](crate::error::ErrorKind::Resource) if the memory budget does not suffice.
pub fn convert(inputs: &Inputs, output: OutputOptions, options: &ConvertOptions) -> Result<Report> {
    let job = &options.job;
    let found = options.resolve(inputs);
    let written = job.reserved_paths.output(&output.destination);
    job.check_paths(inputs, &found, written, output.is_on_stdout())?;
    let temporaries = &job.temporaries;
    let conversion = Conversion::new(inputs, found, options)?;
    match (&output.format, &output.destination) {
        (OutputFormat::Feed(feed), Output::File(path)) if conversion.follow.is_some() => {
            let sink = DocumentSink::open_live(path, output.overwrite, temporaries)?;
            conversion.write(FeedSink::new(sink, feed.clone()))
        }
        _ => {
            let output = output.for_filters(&options.filters);
            output.open(OutputContent::Convert, temporaries, conversion)
        }
    }
}

/// Reads inputs and writes their contents in a format of the caller, such as one that is implemented outside this
/// crate; otherwise as [`convert`].
///
/// # Errors
/// Returns the errors of the format, and those of [`convert`] about inputs and memory.
pub fn convert_into<F: Format>(
    inputs: &Inputs,
    format: F,
    options: &ConvertOptions,
) -> Result<Report> {
    Conversion::new(inputs, options.resolve(inputs), options)?.write(format)
}

/// State of a conversion before its output is opened.
struct Conversion<'c> {
    options: &'c ConvertOptions,
    found: ResolvedInputs,
    follow: Option<Follow>,
}

impl<'c> Conversion<'c> {
    fn new(inputs: &Inputs, found: ResolvedInputs, options: &'c ConvertOptions) -> Result<Self> {
        let follow = options.follow.then(|| growing(inputs, &options.job)).transpose()?;
        Ok(Self { options, found, follow })
    }

    fn write<F: Format>(self, format: F) -> Result<Report> {
        let Self { options, found, follow } = self;
        let job = &options.job;
        let mut pipeline = job.pipeline(format, options.filters.clone(), false)?;
        if let Some(mut follow) = follow {
            pipeline.follow(&mut follow)?;
            return pipeline.finish();
        }
        // Progress ends when the output is complete.
        let (pipeline, _progress) = job.read(found, pipeline)?;
        pipeline.finish()
    }
}

impl FormatVisitor for Conversion<'_> {
    type Output = Report;

    fn visit<F: Format<Encoder: MergeEncoder>>(self, format: F) -> Result<Report> {
        self.write(format)
    }
}

/// Returns the only input, which is read while it grows.
fn growing(inputs: &Inputs, job: &JobOptions) -> Result<Follow> {
    let [path] = inputs.paths.as_slice() else {
        return Err(Error::usage("only a single file can be read while it grows"));
    };
    let follow = Follow::new(path, ENDING, job.cancellation.flag())?;
    if !follow.exists() {
        job.progress.waiting(path);
    }
    Ok(follow)
}
