//! Maintenance of a dataset: status, removal of leftover files, and compaction of small ones.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use parquet::file::metadata::ParquetMetaDataReader;

use super::{
    chunk_reader::ChunkedFile,
    commit::{Commit, FileEntry, Operation},
    data_file::DataFile,
    folder::{LOG, STAGING, entries, failed, is_file, is_part_name, name, staged},
    handle::Dataset,
    options::LoadOptions,
    rows,
    transaction::WriteContext,
};
use crate::{
    error::Result,
    format::parquet::SCHEMA_VERSION_KEY,
    fs::{self, File},
    output::Temporaries,
    table::Table,
};

/// Minimum size of a file that is not merged with others, and maximum size of merged files, in
/// bytes.
const SMALL: u64 = 64 << 20;
const TARGET: u64 = 128 << 20;

/// Content of a dataset.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// Number of commits.
    pub commits: u64,
    /// Number of documents.
    pub documents: u64,
    /// Number of files.
    pub files: u64,
    /// Size of these files, in bytes.
    pub bytes: u64,
    /// Number of rows per table.
    pub rows: BTreeMap<&'static str, u64>,
    /// Files that no commit names, or that a later commit removed, by their paths.
    pub orphans: Vec<Orphan>,
}

/// File that is not part of the dataset.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Orphan {
    /// Path of the file.
    pub path: PathBuf,
    /// Size of the file, in bytes.
    pub bytes: u64,
}

/// Result of [`ops::dataset::vacuum`](crate::ops::dataset::vacuum).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct VacuumReport {
    /// Number of files removed.
    pub files: u64,
    /// Size of these files, in bytes.
    pub bytes: u64,
}

/// Result of [`ops::dataset::compact`](crate::ops::dataset::compact).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CompactReport {
    /// Number of files removed.
    pub removed: u64,
    /// Number of files that replaced them.
    pub made: u64,
    /// Number of commits.
    pub commits: u64,
}

impl Dataset {
    /// Returns the content of the dataset, and the leftover files.
    ///
    /// # Errors
    /// Returns an output error if a folder cannot be read.
    pub fn status(&self) -> Result<Status> {
        let mut status = Status {
            commits: self.snapshot.number,
            documents: self.snapshot.documents,
            orphans: self.orphans()?,
            ..Status::default()
        };
        for table in Table::ALL {
            status.rows.insert(table.name(), 0);
        }
        for file in self.snapshot.files.values() {
            status.files = status.files.saturating_add(1);
            status.bytes = status.bytes.saturating_add(file.entry.bytes);
            let name = Table::from_name(&file.entry.table)?.name();
            let rows = status.rows.entry(name).or_default();
            *rows = rows.saturating_add(file.entry.rows);
        }
        Ok(status)
    }

    /// Returns the files that are not part of the dataset: unfinished, never committed, or removed.
    /// A file is listed only if both its name and its footer are those that scanmill writes. Links
    /// are not followed.
    fn orphans(&self) -> Result<Vec<Orphan>> {
        let mut found = Vec::new();
        for table in Table::ALL {
            let partitions = entries(&self.dir.join(table.name()))?.into_iter();
            for partition in partitions.filter(|path| name(path).starts_with("scan_date=")) {
                for path in entries(&partition)? {
                    let inside = path.strip_prefix(&self.dir).ok().and_then(Path::to_str);
                    let live = inside.is_some_and(|path| self.snapshot.files.contains_key(path));
                    if !live && is_part_name(name(&path)) && is_file(&path) && has_footer(&path) {
                        found.push(orphan(path)?);
                    }
                }
            }
        }
        for path in staged(&self.dir.join(LOG)) {
            found.push(orphan(path)?);
        }
        found.sort();
        Ok(found)
    }

    /// Removes the files that are not part of the dataset, which must have been opened by
    /// [`Self::open_exclusive`].
    ///
    /// # Errors
    /// Returns an output error if a file cannot be removed, and an input error if a file of the
    /// dataset is missing or damaged ([`Self::check_files`]): the leftover files may be what
    /// remains of it.
    pub(crate) fn vacuum(&self) -> Result<VacuumReport> {
        self.check_files()?;
        let mut done = VacuumReport::default();
        for Orphan { path, bytes } in self.orphans()? {
            fs::remove_file(&path).map_err(|error| failed(&path, error))?;
            if let Some(partition) = path.parent().filter(|parent| !parent.ends_with(STAGING)) {
                // Succeeds only if the folder is empty.
                let _ = fs::remove_dir(partition);
            }
            done.files = done.files.saturating_add(1);
            done.bytes = done.bytes.saturating_add(bytes);
        }
        Ok(done)
    }

    /// Merges small files of a table and date to larger ones, with one commit per date.
    ///
    /// # Errors
    /// Returns an output error if files cannot be written, and an input error if one cannot be
    /// read, is missing or is damaged.
    pub(crate) fn compact(
        &mut self,
        options: &LoadOptions,
        temporaries: &Temporaries,
    ) -> Result<CompactReport> {
        self.check_files()?;
        let context = WriteContext::new(self, options.threads, temporaries);
        let files = self.snapshot.files.values();
        let mut dates: Vec<_> = files.map(|file| file.entry.scan_date.clone()).collect();
        dates.sort_unstable();
        dates.dedup();
        let mut done = CompactReport::default();
        for date in dates {
            if options.stop.load(std::sync::atomic::Ordering::Relaxed) {
                break;
            }
            while let Some(commit) = self.joined(date.as_deref(), options, &context)? {
                let number = self.snapshot.number.saturating_add(1);
                if !self.log.add(number, &commit, temporaries)? {
                    // Another run committed: the files to merge may be gone, so select them again.
                    self.log.catch_up(&mut self.snapshot)?;
                    continue;
                }
                self.snapshot.apply(&commit);
                let count = |files: usize| u64::try_from(files).unwrap_or(u64::MAX);
                done.removed = done.removed.saturating_add(count(commit.removed.len()));
                done.made = done.made.saturating_add(count(commit.files.len()));
                done.commits = done.commits.saturating_add(1);
                break;
            }
        }
        Ok(done)
    }

    /// Returns a commit that merges the small files of a date, or `None` if there is nothing to
    /// merge.
    fn joined(
        &self,
        date: Option<&str>,
        options: &LoadOptions,
        context: &WriteContext,
    ) -> Result<Option<Commit>> {
        let groups: Vec<_> =
            Table::ALL.iter().flat_map(|table| self.groups(*table, date)).collect();
        if groups.is_empty() {
            return Ok(None);
        }
        let join = |(table, group): &(Table, Vec<FileEntry>)| {
            let mut writer = context.writer(*table)?;
            for entry in group {
                let Some(file) = self.snapshot.files.get(&entry.path) else { continue };
                for batch in rows::all(&file.table_file(&self.dir)?)? {
                    let batch = batch?;
                    let bytes = batch.get_array_memory_size();
                    writer.push(batch, bytes)?;
                }
            }
            Ok((writer.finish()?, date.map(str::to_owned)))
        };
        let parts = context.each(groups.iter().collect(), join)?;
        let mut commit = Commit::new(Operation::Compact, &options.time);
        commit.files = DataFile::publish_all(&self.dir, parts)?;
        let gone = groups.iter().flat_map(|(_, group)| group).map(|entry| entry.path.clone());
        commit.removed = gone.collect();
        Ok(Some(commit))
    }

    /// Returns the groups of small files of a table and date that become one file each, in the
    /// order of their rows.
    fn groups(&self, table: Table, date: Option<&str>) -> Vec<(Table, Vec<FileEntry>)> {
        let of_date = |entry: &FileEntry| {
            entry.table == table.name() && entry.scan_date.as_deref() == date && entry.bytes < SMALL
        };
        let files = self.snapshot.files_in_order(of_date);
        let mut groups: Vec<(u64, Vec<FileEntry>)> = Vec::new();
        for file in files {
            let bytes = file.entry.bytes;
            match groups.last_mut() {
                Some((sum, group)) if sum.saturating_add(bytes) <= TARGET => {
                    *sum = sum.saturating_add(bytes);
                    group.push(file.entry.clone());
                }
                _ => groups.push((bytes, vec![file.entry.clone()])),
            }
        }
        let more_than_one = groups.into_iter().filter(|(_, group)| group.len() > 1);
        more_than_one.map(|(_, group)| (table, group)).collect()
    }
}

/// Returns true if the footer of a Parquet file shows that scanmill wrote it.
fn has_footer(path: &Path) -> bool {
    let read = |file: ChunkedFile| ParquetMetaDataReader::new().parse_and_finish(&file);
    let Ok(Ok(metadata)) = File::open(path).and_then(ChunkedFile::new).map(read) else {
        return false;
    };
    let file = metadata.file_metadata();
    let pairs = file.key_value_metadata().into_iter().flatten();
    file.created_by().is_some_and(|by| by.starts_with("scanmill "))
        && pairs.into_iter().any(|pair| pair.key == SCHEMA_VERSION_KEY)
}

fn orphan(path: PathBuf) -> Result<Orphan> {
    let bytes = fs::symlink_metadata(&path).map_err(|error| failed(&path, error))?.len();
    Ok(Orphan { path, bytes })
}
