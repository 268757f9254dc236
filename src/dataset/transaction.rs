//! Commits: writes rows according to a plan, and plans again if another run commits first.
//!
//! [`Dataset::commit`] is the only way that documents enter a dataset. It decides about each document
//! ([`Plan`]), writes the files of the rows to load, rewrites files that lose the rows of replaced
//! copies, and adds a commit to the log. Adding fails if another run added a commit with the same
//! number. Then the new commit is applied to the snapshot, and the loop starts again: copies may be
//! known by now, so the plan may differ. If it does not, the files that were written are used
//! again.
//!
//! Until the log has the commit, readers do not see any of its files. A run that is killed before
//! that leaves files that no commit names, which [`Dataset::vacuum`] removes.

use std::{collections::BTreeSet, path::PathBuf};

use rayon::{
    ThreadPool, ThreadPoolBuilder,
    iter::{IndexedParallelIterator as _, IntoParallelIterator as _, ParallelIterator as _},
};

use super::{
    commit::{Commit, DocumentEntry, FileEntry, Operation, SkippedEntry, SourceEntry},
    data_file::{DataFile, DataFileWriter},
    decode::TableFile,
    handle::Dataset,
    plan::{CopyRef, Disposition, Plan, all_rows, found_rows},
    rows::{self, Batches},
    snapshot::{CurrentFile, digest},
};
use crate::{error::Result, format::DocumentInfo, output::Temporaries, table::Table};

/// Resources for writing files of a dataset.
pub(super) struct WriteContext {
    pub(super) dir: PathBuf,
    pub(super) staging: PathBuf,
    pub(super) temporaries: Temporaries,
    /// `None` if threads cannot be started; the thread of the caller then does all work.
    pool: Option<ThreadPool>,
}

impl WriteContext {
    /// Creates the resources for writing files of a dataset on `threads` threads.
    pub(super) fn new(dataset: &Dataset, threads: usize, temporaries: &Temporaries) -> Self {
        Self {
            dir: dataset.dir.clone(),
            staging: dataset.log.staging(),
            temporaries: temporaries.clone(),
            pool: ThreadPoolBuilder::new().num_threads(threads.max(1)).build().ok(),
        }
    }

    /// Calls `make` for each of `things`, in parallel. Returns the results in the order of
    /// `things`.
    pub(super) fn each<T: Send, M: Send>(
        &self,
        things: Vec<T>,
        make: impl Fn(T) -> Result<M> + Sync + Send,
    ) -> Result<Vec<M>> {
        match &self.pool {
            Some(pool) => {
                pool.install(|| things.into_par_iter().with_max_len(1).map(make).collect())
            }
            None => things.into_iter().map(make).collect(),
        }
    }

    /// Creates a file for rows of a table.
    pub(super) fn writer(&self, table: Table) -> Result<DataFileWriter> {
        DataFileWriter::new(table, &self.staging, &self.temporaries)
    }
}

/// Completed documents with their rows.
pub(super) trait Store {
    fn documents(&self) -> &[DocumentInfo];

    /// Returns the rows of a document in a table.
    fn rows(&self, document: usize, table: Table) -> Result<Batches<'static>>;

    /// Writes the rows that the plan loads. Publishes all files or none.
    fn write(&mut self, plan: &Plan, context: &WriteContext) -> Result<Vec<FileEntry>>;
}

/// Commit, and the plan that it carries out.
pub(super) struct CommitOutcome {
    pub(super) plan: Plan,
    /// `None` if there was nothing to commit.
    pub(super) commit: Option<Commit>,
}

impl Dataset {
    /// Commits documents and sources. If another run commits first, plans again.
    pub(super) fn commit(
        &mut self,
        store: &mut dyn Store,
        sources: &[SourceEntry],
        (context, time): (&WriteContext, &str),
    ) -> Result<CommitOutcome> {
        let mut written: Option<(Plan, Vec<FileEntry>)> = None;
        loop {
            let plan = self.plan(store)?;
            let files = match written.take() {
                Some((before, files)) if before == plan => files,
                _ => store.write(&plan, context)?,
            };
            let mut commit = Commit::new(Operation::Ingest, time);
            self.replace(&plan, &mut commit, context)?;
            commit.files.extend(files.iter().cloned());
            enter(&mut commit, &plan, store.documents());
            self.enter_sources(&mut commit, sources);
            if commit.is_empty() {
                return Ok(CommitOutcome { plan, commit: None });
            }
            let number = self.snapshot.number.saturating_add(1);
            if self.log.add(number, &commit, &context.temporaries)? {
                self.snapshot.apply(&commit);
                debug_assert!(
                    self.snapshot.mismatch().is_none(),
                    "files have the rows of documents"
                );
                return Ok(CommitOutcome { plan, commit: Some(commit) });
            }
            // Keeps the files: another run may be about to commit files with the same bytes and
            // names.
            written = Some((plan, files));
            self.log.catch_up(&mut self.snapshot)?;
        }
    }

    fn plan(&self, store: &dyn Store) -> Result<Plan> {
        let same = |document: usize, copy: CopyRef<'_>| {
            let mine = |table| store.rows(document, table);
            match copy {
                CopyRef::Here(other) => rows::same_hosts(mine, |table| store.rows(other, table)),
                CopyRef::Committed { scan_id, scan_date } => rows::same_hosts(mine, |table| {
                    let files = self.sources(table, scan_date)?;
                    Ok(rows::of_scan(files, scan_id.to_owned()))
                }),
            }
        };
        Plan::of(&self.snapshot, store.documents(), &same)
    }

    /// Returns the files of a table in a partition, in the order of their rows.
    fn sources(&self, table: Table, scan_date: Option<&str>) -> Result<Vec<TableFile>> {
        let files = self.snapshot.files_in_order(|entry| {
            entry.table == table.name() && entry.scan_date.as_deref() == scan_date
        });
        files.into_iter().map(|file| file.table_file(&self.dir)).collect()
    }

    /// Rewrites the files that contain rows of replaced copies, without these rows.
    fn replace(&self, plan: &Plan, commit: &mut Commit, context: &WriteContext) -> Result<()> {
        for (date, ids) in plan.removals() {
            let files = self.snapshot.files.values();
            let of_date: Vec<_> = files.filter(|file| file.entry.scan_date == date).collect();
            let made = context.each(of_date.clone(), |file| self.without(file, &ids, context))?;
            let mut parts = Vec::new();
            for (file, made) in of_date.iter().zip(made) {
                let Some(part) = made else { continue };
                commit.removed.push(file.entry.path.clone());
                if part.rows > 0 {
                    parts.push((part, date.clone()));
                }
            }
            commit.files.extend(DataFile::publish_all(&context.dir, parts)?);
        }
        Ok(())
    }

    /// Writes a file without the rows of some scans. Returns `None` if it contains no such rows.
    fn without(
        &self,
        file: &CurrentFile,
        ids: &BTreeSet<String>,
        context: &WriteContext,
    ) -> Result<Option<DataFile>> {
        let source = file.table_file(&self.dir)?;
        if !rows::holds(&source, ids)? {
            return Ok(None);
        }
        let mut writer = context.writer(source.table)?;
        rows::copy_without(&source, ids, &mut writer)?;
        writer.finish().map(Some)
    }

    /// Adds the sources that are not known yet, neither by themselves nor as a document that spans
    /// the whole source.
    fn enter_sources(&self, commit: &mut Commit, sources: &[SourceEntry]) {
        let documents = commit.documents.iter().map(|document| &document.sha256);
        let skipped = commit.skipped.iter().map(|document| &document.sha256);
        let mut here: BTreeSet<String> = documents.chain(skipped).cloned().collect();
        for source in sources {
            let known =
                digest(&source.sha256).is_none_or(|hash| self.snapshot.known.contains(&hash));
            if !known && here.insert(source.sha256.clone()) {
                commit.sources.push(source.clone());
            }
        }
    }
}

/// Adds the outcome of each document to the commit.
fn enter(commit: &mut Commit, plan: &Plan, documents: &[DocumentInfo]) {
    let mut loaded = Vec::new();
    for (document, disposition) in documents.iter().zip(&plan.dispositions) {
        debug_assert!(
            document.sha256.is_some() || *disposition == Disposition::Cut,
            "only documents that were read to their end are loaded"
        );
        let sha256 = document.sha256.clone().unwrap_or_default();
        let DocumentInfo { source, doc_index, .. } = document.clone();
        match disposition {
            Disposition::Load { scan_id, replaces, place, .. } => loaded.push((
                *place,
                DocumentEntry {
                    scan_id: scan_id.clone(),
                    sha256,
                    source,
                    doc_index,
                    scan_date: document.scan_date.clone(),
                    finished: document.finished,
                    truncated: document.truncated,
                    whole_hosts: document.whole_hosts,
                    rows: all_rows(document),
                    found_rows: Some(found_rows(document)),
                    replaces: replaces.as_ref().map(|gone| gone.scan_id.clone()),
                },
            )),
            Disposition::NoBetter(_) => {
                let scan_id = document.scan_id.clone();
                commit.skipped.push(SkippedEntry { scan_id, sha256, source, doc_index });
            }
            Disposition::Known | Disposition::Cut => {}
        }
    }
    // A better copy takes the position of the first one, since documents are read back in this
    // order.
    loaded.sort_by_key(|(place, _)| *place);
    commit.documents.extend(loaded.into_iter().map(|(_, document)| document));
}
