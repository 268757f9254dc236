//! Output format that loads documents into a dataset.
//!
//! [`Loader`] receives chunks of rows from the pipeline, in the order of the inputs, and events
//! that report the end of documents and inputs. Rows wait in [`PendingRows`]. An event waits until all
//! rows of its document have arrived; then the document claims its rows. When the claimed rows
//! reach [`LoadOptions::commit_bytes`], or [`DOCUMENTS`] documents wait, they are committed.
//!
//! A document that exceeds this size before it ends is written to files of its own ([`Spill`]), in
//! steps of [`STEP`] bytes, and gets a commit of its own. Memory is therefore bounded by the size
//! of a commit, whatever the size of a document.
//!
//! [`LoadHandle`] is the handle of the caller. It shares the dataset and the counts with the loader
//! in a mutex, so the caller can ask at any time if an input is known. The caller must
//! name the source of an input ([`LoadHandle::set_source`]) before it marks the end of that input in the
//! pipeline.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering},
};

use serde::Serialize;

use super::{
    commit::SourceEntry,
    handle::Dataset,
    options::LoadOptions,
    pending_rows::PendingRows,
    plan::{BetterCopy, Disposition},
    snapshot::digest,
    spill::Spill,
    transaction::{CommitOutcome, Store, WriteContext},
};
use crate::{
    error::{Diagnostic, DiagnosticCode, Result},
    format::{
        ChunkWriter, DocumentEvent, DocumentInfo, Format, ParquetChunk, ParquetRows, SinkOptions,
        TableEncoder,
    },
    output::Temporaries,
    table::{DerivedTables, Table},
};

/// Maximum number of documents per commit. Small documents need memory in addition to their rows.
const DOCUMENTS: usize = 50_000;

/// Size of the rows that are written at once for a document with files of its own, in bytes.
const STEP: usize = 8 << 20;

/// Input, as it is recorded in the log. A later run recognizes it by its bytes and does not read it
/// again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InputDigest {
    /// Name of the input, as given.
    pub(crate) name: String,
    /// SHA-256 of the bytes of the input before decompression, in hexadecimal.
    pub(crate) sha256: String,
    /// Number of these bytes.
    pub(crate) bytes: u64,
}

impl InputDigest {
    /// Creates a source from the name, digest and length of an input.
    pub(crate) fn new(name: impl Into<String>, sha256: impl Into<String>, bytes: u64) -> Self {
        Self { name: name.into(), sha256: sha256.into(), bytes }
    }
}

/// Counts of what was loaded so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LoadReport {
    /// Number of loaded documents, including those that replaced a worse copy.
    pub loaded: u64,
    /// Number of loaded documents that replaced a worse copy from an earlier commit.
    pub replaced: u64,
    /// Number of documents whose bytes were known.
    pub known: u64,
    /// Number of documents that were left out because the dataset has a copy that is at least as
    /// good.
    pub no_better: u64,
    /// Numbers of the commits.
    pub commits: Vec<u64>,
    /// Number of files written.
    pub files: u64,
    /// Number of rows loaded, per table.
    #[serde(skip)]
    pub rows: BTreeMap<&'static str, u64>,
    /// First document of each warning, by its name, and the number of documents with that warning.
    #[serde(skip)]
    pub warnings: BTreeMap<DiagnosticCode, (String, Diagnostic)>,
}

/// Handle of a running load: names the sources of inputs, and returns the counts.
#[derive(Clone)]
pub(crate) struct LoadHandle(Arc<Mutex<LoadState>>);

struct LoadState {
    dataset: Dataset,
    sources: HashMap<u64, InputDigest>,
    report: LoadReport,
}

impl LoadHandle {
    fn lock(&self) -> MutexGuard<'_, LoadState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns true if the dataset contains all documents of an input with this digest.
    pub(crate) fn knows(&self, sha256: &str) -> bool {
        digest(sha256).is_some_and(|digest| self.lock().dataset.snapshot.known.contains(&digest))
    }

    /// Sets the source of the input that ends with [`DocumentEvent::Mark`] and this number.
    pub(crate) fn set_source(&self, number: u64, source: InputDigest) {
        self.lock().sources.insert(number, source);
    }

    /// Returns the counts of what was loaded so far.
    pub(crate) fn report(&self) -> LoadReport {
        self.lock().report.clone()
    }
}

/// Loads documents into a dataset; see [`Dataset::load`].
pub(crate) struct Loader {
    handle: LoadHandle,
    context: WriteContext,
    options: LoadOptions,
    sink: SinkOptions,
    pending: PendingRows,
    spill: Option<Spill>,
    events: VecDeque<DocumentEvent>,
    /// Inputs that were read to their end. All their documents wait or are committed.
    sources: Vec<SourceEntry>,
    /// True if the current input was refused.
    refused: bool,
}

impl Dataset {
    /// Returns a format that loads scans into the dataset, and a handle that names their inputs and
    /// reports what was loaded.
    ///
    /// # Errors
    /// Returns an input error if a file of the dataset is missing or damaged
    /// ([`Self::check_files`]): its documents are known, so they would not be loaded again.
    pub(crate) fn load(
        self,
        options: &LoadOptions,
        temporaries: &Temporaries,
    ) -> Result<(Loader, LoadHandle)> {
        self.check_files()?;
        let context = WriteContext::new(&self, options.threads, temporaries);
        let state =
            LoadState { dataset: self, sources: HashMap::new(), report: LoadReport::default() };
        let handle = LoadHandle(Arc::new(Mutex::new(state)));
        let loader = Loader {
            handle: handle.clone(),
            context,
            options: options.clone(),
            sink: SinkOptions::default(),
            pending: PendingRows::default(),
            spill: None,
            events: VecDeque::new(),
            sources: Vec::new(),
            refused: false,
        };
        Ok((loader, handle))
    }
}

impl Loader {
    /// Handles the events whose rows have arrived, and commits if there are enough rows.
    fn process_events(&mut self) -> Result<()> {
        while let Some(event) = self.events.pop_front() {
            match event {
                DocumentEvent::InputRefused => self.refused = true,
                DocumentEvent::Mark(number) => {
                    let source = self.handle.lock().sources.remove(&number);
                    let whole = !std::mem::take(&mut self.refused);
                    self.sources.extend(source.filter(|_| whole).map(entry));
                }
                DocumentEvent::End(document) if self.is_here(&document) => self.take(*document)?,
                waits @ DocumentEvent::End(_) => {
                    self.events.push_front(waits);
                    break;
                }
            }
        }
        let (claimed, open) = self.pending.bytes();
        if claimed >= self.options.commit_bytes || self.pending.documents().len() >= DOCUMENTS {
            self.commit_pending()?;
        }
        // If no event waits, all unclaimed rows belong to the one open document.
        let most = if self.spill.is_some() { STEP } else { usize::MAX };
        if self.events.is_empty() && open >= self.options.commit_bytes.min(most) {
            self.commit_pending()?;
            let rows = self.pending.take(None);
            self.spill.get_or_insert_default().push(rows, &self.context)?;
        }
        Ok(())
    }

    /// Returns true if all rows of a document have arrived.
    fn is_here(&self, document: &DocumentInfo) -> bool {
        match &self.spill {
            Some(spill) => self.pending.has(&spill.missing(document)),
            None => self.pending.has(&document.rows),
        }
    }

    /// Takes a document whose rows have arrived.
    fn take(&mut self, document: DocumentInfo) -> Result<()> {
        let Some(mut spill) = self.spill.take() else {
            self.pending.claim(document);
            return Ok(());
        };
        let rest = self.pending.take(Some(&spill.missing(&document)));
        spill.push(rest, &self.context)?;
        let mut spilled = spill.finish(document)?;
        self.commit(&mut spilled)
    }

    fn commit_pending(&mut self) -> Result<()> {
        let mut pending = std::mem::take(&mut self.pending);
        let result = self.commit(&mut pending);
        pending.clear();
        self.pending = pending;
        result
    }

    fn commit(&mut self, store: &mut dyn Store) -> Result<()> {
        let sources = std::mem::take(&mut self.sources);
        if store.documents().is_empty() && sources.is_empty() {
            return Ok(());
        }
        let mut shared = self.handle.lock();
        let LoadState { dataset, report, .. } = &mut *shared;
        let committed = dataset.commit(store, &sources, (&self.context, &self.options.time))?;
        let source_of = |id: &str| dataset.source_of(id).ok().flatten();
        report.add(&committed, (store.documents(), dataset.snapshot.number), &source_of);
        Ok(())
    }
}

fn entry(source: InputDigest) -> SourceEntry {
    let InputDigest { name, sha256, bytes } = source;
    SourceEntry { name, sha256, bytes }
}

impl LoadReport {
    /// Adds the result of a commit. `committed_source` returns the input of a copy from an earlier
    /// commit.
    fn add(
        &mut self,
        committed: &CommitOutcome,
        (documents, number): (&[DocumentInfo], u64),
        committed_source: &dyn Fn(&str) -> Option<String>,
    ) {
        for (document, disposition) in documents.iter().zip(&committed.plan.dispositions) {
            let count = match disposition {
                Disposition::Load { .. } => &mut self.loaded,
                Disposition::Known => &mut self.known,
                Disposition::NoBetter(_) => &mut self.no_better,
                Disposition::Cut => continue,
            };
            *count = count.saturating_add(1);
            if let Disposition::Load { replaces, .. } = disposition {
                self.replaced = self.replaced.saturating_add(u64::from(replaces.is_some()));
                for (table, rows) in Table::ALL.iter().zip(document.rows) {
                    let sum = self.rows.entry(table.name()).or_default();
                    *sum = sum.saturating_add(rows);
                }
            }
            self.warn(document, disposition, &|better| match committed.plan.used(better) {
                BetterCopy::Here(place) => documents.get(*place).map(|used| used.source.clone()),
                BetterCopy::Committed(id) => committed_source(id),
            });
        }
        if let Some(commit) = &committed.commit {
            self.commits.push(number);
            let files = u64::try_from(commit.files.len()).unwrap_or(u64::MAX);
            self.files = self.files.saturating_add(files);
        }
    }

    /// Counts the warning about a document, if there is one. `source_of` returns the input of the
    /// copy that is used.
    fn warn(
        &mut self,
        document: &DocumentInfo,
        disposition: &Disposition,
        source_of: &dyn Fn(&BetterCopy) -> Option<String>,
    ) {
        let id = document.scan_id.as_deref().unwrap_or_default();
        let code = match disposition {
            Disposition::NoBetter(_) => DiagnosticCode::DupScan,
            Disposition::Load { collides: true, .. } => DiagnosticCode::IdCollision,
            Disposition::Load { .. } | Disposition::Known | Disposition::Cut => return,
        };
        // Only the first one is reported, so the detail is formatted only once.
        let (_, first) = self.warnings.entry(code).or_insert_with(|| {
            let detail = match disposition {
                Disposition::NoBetter(better) => {
                    let used = source_of(better).unwrap_or_else(|| "the dataset".to_owned());
                    format!("a copy of scan {id}: the one in {used} is used")
                }
                Disposition::Load { scan_id, .. } => {
                    let new = scan_id.as_deref().unwrap_or_default();
                    format!("another scan has the id {id}: this one is loaded as {new}")
                }
                Disposition::Known | Disposition::Cut => String::new(),
            };
            let found = Diagnostic { code, position: document.position, count: 0, detail };
            (document.source.clone(), found)
        });
        first.count = first.count.saturating_add(1);
    }
}

impl Format for Loader {
    type Encoder = TableEncoder<ParquetRows>;

    const KEEPS_COPIES: bool = true;
    const DOCUMENT_EVENTS: bool = true;

    fn encoder(&self) -> Self::Encoder {
        TableEncoder::new(ParquetRows::new(&self.sink), DerivedTables::default())
    }
}

impl ChunkWriter for Loader {
    type Chunk = ParquetChunk;

    fn tables(&self) -> &[Table] {
        &self.sink.tables
    }

    fn write(&mut self, chunk: ParquetChunk) -> Result<()> {
        let (table, batch, sizes) = chunk.into_rows()?;
        self.pending.push(table, batch, sizes);
        Ok(())
    }

    fn document_events(&mut self, events: Vec<DocumentEvent>) -> Result<()> {
        // When the run was stopped, the open document must not be mistaken for a truncated one.
        if self.options.stop.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.events.extend(events);
        self.process_events()
    }

    fn finish(mut self) -> Result<()> {
        self.process_events()?;
        self.commit_pending()
    }
}
