//! From rows and a plan to a commit, again if another run was first.

use std::{collections::BTreeSet, path::PathBuf};

use rayon::{
    ThreadPool, ThreadPoolBuilder,
    iter::{IndexedParallelIterator as _, IntoParallelIterator as _, ParallelIterator as _},
};

use super::{
    Lake,
    decode::Source,
    log::{Commit, DocumentEntry, FileEntry, Operation, SkippedEntry, SourceEntry},
    part::{Part, PartWriter},
    plan::{Against, Fate, Plan, all_rows, found_rows},
    rows::{self, Batches},
    state::{File, digest},
};
use crate::{
    error::Result,
    sink::{DocumentInfo, Temporaries},
    table::Table,
};

/// What is needed to make files.
pub(super) struct Workshop {
    pub(super) dir: PathBuf,
    pub(super) staging: PathBuf,
    pub(super) temporaries: Temporaries,
    /// `None` where the system gives no threads: that of the caller does all then.
    pool: Option<ThreadPool>,
}

impl Workshop {
    /// Creates a context that writes files of a dataset on `threads` threads.
    pub(super) fn new(lake: &Lake, threads: usize, temporaries: &Temporaries) -> Self {
        Self {
            dir: lake.dir.clone(),
            staging: lake.log.staging(),
            temporaries: temporaries.clone(),
            pool: ThreadPoolBuilder::new().num_threads(threads.max(1)).build().ok(),
        }
    }

    /// Does something with each of some things, at the same time as threads allow; what comes of it is in their
    /// order.
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

    /// A new file of a table.
    pub(super) fn part(&self, table: Table) -> Result<PartWriter> {
        PartWriter::new(table, &self.staging, &self.temporaries)
    }
}

/// Documents that have ended, with their rows.
pub(super) trait Store {
    fn documents(&self) -> &[DocumentInfo];

    /// The rows of a document.
    fn rows(&self, document: usize, table: Table) -> Result<Batches<'static>>;

    /// Writes what the plan says, all files or none.
    fn write(&mut self, plan: &Plan, workshop: &Workshop) -> Result<Vec<FileEntry>>;
}

/// A commit that was made, and what became of the documents.
pub(super) struct Committed {
    pub(super) plan: Plan,
    /// `None` if there was nothing to say.
    pub(super) commit: Option<Commit>,
}

impl Lake {
    /// Commits documents and sources. If another run was first, what to do is decided again.
    pub(super) fn commit(
        &mut self,
        store: &mut dyn Store,
        sources: &[SourceEntry],
        (workshop, time): (&Workshop, &str),
    ) -> Result<Committed> {
        let mut written: Option<(Plan, Vec<FileEntry>)> = None;
        loop {
            let plan = self.plan(store)?;
            let files = match written.take() {
                Some((before, files)) if before == plan => files,
                _ => store.write(&plan, workshop)?,
            };
            let mut commit = Commit::new(Operation::Ingest, time);
            self.replace(&plan, &mut commit, workshop)?;
            commit.files.extend(files.iter().cloned());
            enter(&mut commit, &plan, store.documents());
            self.enter_sources(&mut commit, sources);
            if commit.is_empty() {
                return Ok(Committed { plan, commit: None });
            }
            let number = self.state.number.saturating_add(1);
            if self.log.add(number, &commit, &workshop.temporaries)? {
                self.state.apply(&commit);
                debug_assert!(self.state.mismatch().is_none(), "files have the rows of documents");
                return Ok(Committed { plan, commit: Some(commit) });
            }
            // What was written stays: another run may be about to commit files of the same bytes and names.
            written = Some((plan, files));
            self.log.catch_up(&mut self.state)?;
        }
    }

    fn plan(&self, store: &dyn Store) -> Result<Plan> {
        let same = |document: usize, against: Against<'_>| {
            let mine = |table| store.rows(document, table);
            match against {
                Against::Here(other) => rows::same_hosts(mine, |table| store.rows(other, table)),
                Against::Committed { scan_id, scan_date } => rows::same_hosts(mine, |table| {
                    let files = self.sources(table, scan_date)?;
                    Ok(rows::of_scan(files, scan_id.to_owned()))
                }),
            }
        };
        Plan::of(&self.state, store.documents(), &same)
    }

    /// Files of a table in a partition, in the order of their rows.
    fn sources(&self, table: Table, scan_date: Option<&str>) -> Result<Vec<Source>> {
        let mut files: Vec<_> = self
            .state
            .files
            .values()
            .filter(|file| file.entry.scan_date.as_deref() == scan_date)
            .filter(|file| table.name() == file.entry.table)
            .collect();
        files.sort_by_key(|file| file.order);
        files.into_iter().map(|file| Source::of(&self.dir, file)).collect()
    }

    /// Files with rows of copies that go are written again without them.
    fn replace(&self, plan: &Plan, commit: &mut Commit, workshop: &Workshop) -> Result<()> {
        for (date, ids) in plan.removals() {
            let files = self.state.files.values();
            let of_date: Vec<_> = files.filter(|file| file.entry.scan_date == date).collect();
            let made = workshop.each(of_date.clone(), |file| self.without(file, &ids, workshop))?;
            let mut parts = Vec::new();
            for (file, made) in of_date.iter().zip(made) {
                let Some(part) = made else { continue };
                commit.removed.push(file.entry.path.clone());
                if part.rows > 0 {
                    parts.push((part, date.clone()));
                }
            }
            commit.files.extend(Part::publish_all(&workshop.dir, parts)?);
        }
        Ok(())
    }

    /// A file without the rows of some scans; `None` if it has none of them.
    fn without(
        &self,
        file: &File,
        ids: &BTreeSet<String>,
        workshop: &Workshop,
    ) -> Result<Option<Part>> {
        let source = Source::of(&self.dir, file)?;
        if !rows::holds(&source, ids)? {
            return Ok(None);
        }
        let mut writer = workshop.part(source.table)?;
        rows::copy_without(&source, ids, &mut writer)?;
        writer.finish().map(Some)
    }

    /// Sources that are not known yet, by themselves or as a document that is the whole of them.
    fn enter_sources(&self, commit: &mut Commit, sources: &[SourceEntry]) {
        let documents = commit.documents.iter().map(|document| &document.sha256);
        let skipped = commit.skipped.iter().map(|document| &document.sha256);
        let mut here: BTreeSet<String> = documents.chain(skipped).cloned().collect();
        for source in sources {
            let known = digest(&source.sha256).is_none_or(|hash| self.state.known.contains(&hash));
            if !known && here.insert(source.sha256.clone()) {
                commit.sources.push(source.clone());
            }
        }
    }
}

/// Enters what became of documents.
fn enter(commit: &mut Commit, plan: &Plan, documents: &[DocumentInfo]) {
    let mut loaded = Vec::new();
    for (document, fate) in documents.iter().zip(&plan.fates) {
        let sha256 = document.sha256.clone().unwrap_or_default();
        let DocumentInfo { source, doc_index, .. } = document.clone();
        match fate {
            Fate::Load { scan_id, replaces, place, .. } => loaded.push((
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
            Fate::NoBetter(_) => {
                let scan_id = document.scan_id.clone();
                commit.skipped.push(SkippedEntry { scan_id, sha256, source, doc_index });
            }
            Fate::Known | Fate::Cut => {}
        }
    }
    // A better copy stands where the first one did: that is the order in which they are read again.
    loaded.sort_by_key(|(place, _)| *place);
    commit.documents.extend(loaded.into_iter().map(|(_, document)| document));
}
