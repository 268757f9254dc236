//! Jobs on a dataset: its content, its rows, and its maintenance.
//!
//! [`ingest`](super::ingest()) loads a dataset. These functions open it, do one thing, and close it. A program that asks
//! several questions about one state of a dataset opens a [`Dataset`] itself.
//!
//! A dataset can be damaged in a way that the log does not show: files are missing or have another length. What only
//! counts ([`status`], [`commits`]) returns its answer together with the damage, since the answer is that of the log;
//! what would return fewer rows ([`files`], [`table`]) fails.

use std::path::Path;

use super::{JobOptions, ingest::now};
use crate::{
    dataset::{
        Commit, CompactReport, Dataset, LoadOptions, Status, TableBatches, TableOptions,
        VacuumReport,
    },
    error::{Error, Result},
    table::Table,
};

/// Answer from the log of a dataset.
#[derive(Debug)]
#[non_exhaustive]
pub struct Checked<T> {
    /// The answer.
    pub value: T,
    /// Error that names the first file of the dataset that is missing or has another length than the log says.
    pub damage: Option<Error>,
}

impl<T> Checked<T> {
    fn of(value: T, dataset: &Dataset) -> Self {
        Self { value, damage: dataset.check_files().err() }
    }

    /// Returns the answer if the dataset is not damaged.
    ///
    /// # Errors
    /// Returns the damage.
    pub fn into_result(self) -> Result<T> {
        self.damage.map_or(Ok(self.value), Err)
    }
}

/// Returns the number of commits, documents, files and rows of a dataset, and its leftover files.
///
/// ```
/// use scanmill::ops::{self, IngestOptions, Inputs};
///
/// let folder = tempfile::tempdir()?;
/// let inputs = Inputs::new(["fixtures/01-tcp-connect-default.xml"]);
/// ops::ingest(&inputs, folder.path(), &IngestOptions::default())?;
///
/// let status = ops::dataset::status(folder.path())?.into_result()?;
/// assert_eq!((status.documents, status.rows["ports"]), (1, 7));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Returns a usage error if the folder is not a dataset, and an input error if its log cannot be read or lost commits.
pub fn status(dir: impl AsRef<Path>) -> Result<Checked<Status>> {
    let dataset = Dataset::open(dir.as_ref())?;
    Ok(Checked::of(dataset.status()?, &dataset))
}

/// Returns the commits of a dataset, oldest first.
///
/// # Errors
/// Fails as [`status`] does.
pub fn commits(dir: impl AsRef<Path>) -> Result<Checked<Vec<Commit>>> {
    let dataset = Dataset::open(dir.as_ref())?;
    Ok(Checked::of(dataset.commits().collect::<Result<_>>()?, &dataset))
}

/// Returns the paths of the files of the newest commit, of one table or of all, relative to the folder and in byte order.
///
/// # Errors
/// Fails as [`status`] does, and if a file is missing or has another length than the log says, since a reader of an
/// incomplete list would get fewer rows without noticing.
pub fn files(dir: impl AsRef<Path>, table: Option<Table>) -> Result<Vec<String>> {
    let dataset = Dataset::open(dir.as_ref())?;
    dataset.check_files()?;
    Ok(dataset.files(table).map(str::to_owned).collect())
}

/// Returns the rows of a table as record batches: of all dates or some, all columns or some.
///
/// ```
/// use scanmill::{dataset::TableOptions, ops::{self, IngestOptions, Inputs}, table::Table};
///
/// let folder = tempfile::tempdir()?;
/// ops::ingest(&Inputs::new(["fixtures"]), folder.path(), &IngestOptions::default())?;
///
/// let options = TableOptions::default().with_since("2026-11-01").with_columns(["ip", "port"]);
/// for batch in ops::dataset::table(folder.path(), Table::Ports, &options)? {
///     assert_eq!(batch?.num_columns(), 2);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Fails as [`status`] and [`Dataset::table`] do. Errors of files are returned by the iterator.
pub fn table(dir: impl AsRef<Path>, table: Table, options: &TableOptions) -> Result<TableBatches> {
    Dataset::open(dir.as_ref())?.table(table, options)
}

/// Options of [`compact`].
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct CompactOptions {
    /// How the job runs. Its threads write files; nothing is read from XML.
    pub job: JobOptions,
}

impl CompactOptions {
    /// Sets how the job runs.
    #[must_use]
    pub fn with_job(mut self, job: JobOptions) -> Self {
        self.job = job;
        self
    }
}

/// Merges small files of a table and date into larger ones, with one commit per date. If the job is cancelled, the dates
/// that were merged stay merged.
///
/// # Errors
/// Returns a usage error if the folder is not a dataset, an output error if files cannot be written, and an input error
/// if one cannot be read, is missing or is damaged.
pub fn compact(dir: impl AsRef<Path>, options: &CompactOptions) -> Result<CompactReport> {
    let (dir, job) = (dir.as_ref(), &options.job);
    // `open` fails if the dataset does not exist; `open_or_create` would create it.
    drop(Dataset::open(dir)?);
    let mut dataset = Dataset::open_or_create(dir)?;
    dataset.compact(&load_options(job), &job.temporaries)
}

/// Removes the files that are not part of a dataset: those of killed runs, and those that were replaced.
///
/// # Errors
/// Returns a usage error if the folder is not a dataset or another run writes it, an output error if a file cannot be
/// removed, and an input error if a file of the dataset is missing or damaged.
pub fn vacuum(dir: impl AsRef<Path>) -> Result<VacuumReport> {
    Dataset::open_exclusive(dir.as_ref())?.vacuum()
}

/// Returns the options of a job that writes a dataset.
pub(super) fn load_options(job: &JobOptions) -> LoadOptions {
    let mut options = LoadOptions::new(now());
    options.threads = job.budget.threads();
    options.commit_bytes = job.budget.commit_bytes();
    options.stop = job.cancellation.flag();
    options
}
