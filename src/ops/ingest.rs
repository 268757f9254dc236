//! Loads inputs into a dataset, each document exactly once.

use std::{
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use serde::Serialize;

use super::{
    Inputs, JobOptions, JobStatus, ResolvedInput,
    dataset::load_options,
    inputs::ResolvedInputs,
    paths::{OutputKind, OutputPath},
    progress::ProgressScope,
};
use crate::{
    dataset::{Dataset, InputDigest, LoadHandle, LoadReport, Loader},
    error::Result,
    fs,
    model::Timestamp,
    output::follow,
    pipeline::{Filters, Pipeline, Report, WarningReport},
    source::{Input, PathFilter},
};

/// Options of [`ingest`].
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct IngestOptions {
    /// How the job runs.
    pub job: JobOptions,
    /// Size of the rows per commit, in bytes; the share of the [budget](super::MemoryBudget) by default.
    pub commit_bytes: Option<usize>,
    /// Time of the commits in the log; the current time by default.
    pub time: Option<Timestamp>,
}

impl IngestOptions {
    /// Sets how the job runs.
    #[must_use]
    pub fn with_job(mut self, job: JobOptions) -> Self {
        self.job = job;
        self
    }

    /// Sets the size of the rows per commit, in bytes.
    #[must_use]
    pub fn with_commit_bytes(mut self, bytes: usize) -> Self {
        self.commit_bytes = Some(bytes);
        self
    }

    /// Sets the time of the commits in the log.
    #[must_use]
    pub fn with_time(mut self, time: Timestamp) -> Self {
        self.time = Some(time);
        self
    }
}

/// Result of [`ingest`].
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct IngestReport {
    /// Report on what was read. Its rows are those that were loaded, and its warnings include those about copies of scans.
    #[serde(flatten)]
    pub report: Report,
    /// Report on what was loaded.
    #[serde(rename = "ingest")]
    pub loaded: LoadReport,
}

impl IngestReport {
    /// Returns the outcome.
    #[must_use]
    pub fn status(&self) -> JobStatus {
        JobStatus::from(&self.report)
    }
}

/// Loads documents into a dataset, and creates it if it does not exist.
///
/// A document whose bytes are known is not loaded again, and a better copy of a scan replaces a poorer one
/// (`docs/dataset.md`). An input whose bytes are known as a whole is not parsed. The dataset may lie in a folder that is
/// read; its own files are left out.
///
/// If the job is cancelled or fails, what was committed stays, and the next run loads the rest. If no input could be
/// read, a dataset that the job created is removed again.
///
/// ```
/// use scanmill::ops::{self, IngestOptions, Inputs, JobStatus};
///
/// let folder = tempfile::tempdir()?;
/// let inputs = Inputs::new(["fixtures/01-tcp-connect-default.xml"]);
/// let first = ops::ingest(&inputs, folder.path(), &IngestOptions::default())?;
/// assert_eq!((first.status(), first.loaded.loaded), (JobStatus::Complete, 1));
///
/// let second = ops::ingest(&inputs, folder.path(), &IngestOptions::default())?;
/// assert_eq!(second.loaded.loaded, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Returns a usage error if the folder contains anything but a dataset or is itself an input, an output error if it
/// cannot be written, and an input error if its log cannot be read or one of its files is missing.
pub fn ingest(
    inputs: &Inputs,
    dataset: impl AsRef<Path>,
    options: &IngestOptions,
) -> Result<IngestReport> {
    let (dir, job) = (dataset.as_ref(), &options.job);
    let mut resolved = inputs.resolve_files();
    check_paths(inputs, &resolved, dir, job)?;
    let mut load = load_options(job);
    load.commit_bytes = options.commit_bytes.unwrap_or(load.commit_bytes);
    if let Some(time) = options.time {
        load.time = time.to_string();
    }
    let target = follow(dir).unwrap_or_else(|_| dir.to_owned());
    let (created, is_new) = (missing_folders(&target), !Dataset::exists(&target));
    let (loader, handle) = Dataset::open_or_create(dir)?.load(&load, &job.temporaries)?;
    leave_out(dir, inputs, &mut resolved);
    let pipeline = job.pipeline(loader, Filters::default(), true)?;
    let mut report = read_all(pipeline, resolved, (inputs, &handle, job))?;
    let outcome = handle.report();
    // Dropping it releases the lock of the dataset.
    drop(handle);
    if is_new && !report.has_input() {
        Dataset::remove_unused(dir);
        for folder in created {
            // Fails if anything else was put into the folder, which then stays.
            let _ = fs::remove_dir(folder);
        }
    }
    add_loaded(&mut report, &outcome);
    Ok(IngestReport { report, loaded: outcome })
}

/// Checks the outputs. The dataset may lie in a folder that is read, but must not be an input itself.
fn check_paths(
    inputs: &Inputs,
    resolved: &ResolvedInputs,
    dir: &Path,
    job: &JobOptions,
) -> Result<()> {
    let reserved = &job.reserved_paths;
    let dataset = OutputPath::new(reserved.names.output, dir, OutputKind::State);
    job.check_paths(inputs, resolved, [dataset], false)
}

/// Returns the folders that do not exist on the path to this one, including itself, innermost first.
fn missing_folders(folder: &Path) -> Vec<&Path> {
    let above = folder.ancestors().take_while(|path| !path.as_os_str().is_empty());
    above.take_while(|path| !path.exists()).collect()
}

/// Removes the dataset's own files from the inputs, since the dataset may lie in a folder that is read.
fn leave_out(dataset: &Path, inputs: &Inputs, resolved: &mut ResolvedInputs) {
    let Ok(dataset) = dataset.canonicalize() else { return };
    let around = |path: &PathBuf| path.canonicalize().is_ok_and(|path| dataset.starts_with(path));
    if inputs.paths.iter().any(around) {
        let inside = |input: &ResolvedInput| {
            let ResolvedInput::Input(Ok(input)) = input else { return false };
            let path = input.path().filter(|_| !input.explicit).and_then(|p| p.canonicalize().ok());
            path.is_some_and(|path| path.starts_with(&dataset))
        };
        resolved.inputs.retain(|input| !inside(input));
    }
}

/// Reads all inputs in order, except those whose bytes were loaded before.
fn read_all(
    pipeline: Pipeline<Loader>,
    resolved: ResolvedInputs,
    (inputs, handle, job): (&Inputs, &LoadHandle, &JobOptions),
) -> Result<Report> {
    let progress = job.progress.begin(resolved.totals());
    let mut pipeline = pipeline.with_meter(progress.meter());
    for (number, input) in (0_u64..).zip(resolved.inputs) {
        if pipeline.is_stopped() {
            break;
        }
        match input {
            ResolvedInput::Input(Ok(input)) => {
                read(&mut pipeline, (number, &input), &inputs.pick, (handle, &progress))?;
            }
            ResolvedInput::Input(Err(error)) => pipeline.refuse(error)?,
            // `resolve_files` does not look for datasets.
            ResolvedInput::Dataset(_) => {}
        }
    }
    pipeline.finish()
}

/// Reads an input, unless its bytes were loaded before.
fn read(
    pipeline: &mut Pipeline<Loader>,
    (number, input): (u64, &Input),
    pick: &PathFilter,
    (handle, progress): (&LoadHandle, &ProgressScope),
) -> Result<()> {
    progress.input(&input.name);
    // An input that cannot be read is reported when it is read below.
    let digest = input.digest().ok().flatten();
    if let Some(digest) = &digest
        && handle.knows(&digest.sha256)
    {
        pipeline.skip_known(&input.name)?;
        progress.meter().skip(input.packed_len().unwrap_or(0));
        return Ok(());
    }
    pipeline.read(input, pick)?;
    // Records a digest only if it covers all that was read: patterns may leave out members of an archive, and a file may
    // have grown since it was hashed.
    if let Some(digest) = digest
        && pick.is_empty()
        && input.is_still(&digest)
    {
        handle.set_source(number, InputDigest::new(&*input.name, digest.sha256, digest.bytes));
    }
    pipeline.mark(number)
}

/// Replaces the counts of the report, which are those of reading, by those of loading.
fn add_loaded(report: &mut Report, loaded: &LoadReport) {
    for (table, rows) in &mut report.rows {
        *rows = loaded.rows.get(table).copied().unwrap_or_default();
    }
    for (code, (input, first)) in &loaded.warnings {
        let warning = WarningReport {
            count: first.count,
            input: input.clone(),
            line: first.position.line,
            byte: first.position.byte,
            detail: first.detail.clone(),
        };
        report.warn(code.as_str(), warning);
    }
}

/// Returns the current time, for the log of commits.
pub(super) fn now() -> String {
    #[expect(clippy::disallowed_methods, reason = "the log records the time of a commit")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let time = i64::try_from(now).ok().and_then(Timestamp::from_seconds);
    time.map(|time| time.to_string()).unwrap_or_default()
}
