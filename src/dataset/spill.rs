//! Document that is too large to wait in memory. Its rows are written to files of its own before
//! the decision about the document is known.

use super::{
    commit::FileEntry,
    data_file::{DataFile, DataFileWriter},
    decode::TableFile,
    pending_rows::Slice,
    plan::{Disposition, Plan},
    rows::{self, Batches},
    transaction::{Store, WriteContext},
};
use crate::{error::Result, format::DocumentInfo, table::Table};

const TABLES: usize = Table::ALL.len();

/// Files of an open document.
#[derive(Default)]
pub(super) struct Spill {
    writers: [Option<DataFileWriter>; TABLES],
    rows: [u64; TABLES],
}

/// Files of a completed document.
pub(super) struct SpilledDocument {
    document: [DocumentInfo; 1],
    files: Vec<(Table, SpillFile)>,
}

/// File before or after its publication.
enum SpillFile {
    Staged(DataFile),
    Published(FileEntry, std::path::PathBuf),
}

impl Spill {
    /// Adds rows of each table.
    pub(super) fn push(
        &mut self,
        rows: [Vec<Slice>; TABLES],
        context: &WriteContext,
    ) -> Result<()> {
        for (sum, slices) in self.rows.iter_mut().zip(&rows) {
            let count = slices.iter().map(|(batch, _)| batch.num_rows()).sum::<usize>();
            *sum = sum.saturating_add(u64::try_from(count).unwrap_or(0));
        }
        let tables = self.writers.iter_mut().zip(rows).zip(Table::ALL);
        let tables: Vec<_> = tables.filter(|((_, slices), _)| !slices.is_empty()).collect();
        let push =
            |((writer, slices), table): ((&mut Option<DataFileWriter>, Vec<Slice>), Table)| {
                let writer = match writer {
                    Some(writer) => writer,
                    none => none.insert(context.writer(table)?),
                };
                slices.into_iter().try_for_each(|(batch, bytes)| writer.push(batch, bytes))
            };
        context.each(tables, push).map(drop)
    }

    /// Returns the number of rows per table that have not arrived yet.
    pub(super) fn missing(&self, document: &DocumentInfo) -> [u64; TABLES] {
        let mut missing = document.rows;
        for (rows, here) in missing.iter_mut().zip(self.rows) {
            *rows = rows.saturating_sub(here);
        }
        missing
    }

    /// Completes the files when the document has ended.
    pub(super) fn finish(self, document: DocumentInfo) -> Result<SpilledDocument> {
        let mut files = Vec::new();
        for (writer, table) in self.writers.into_iter().zip(Table::ALL) {
            if let Some(writer) = writer {
                files.push((table, SpillFile::Staged(writer.finish()?)));
            }
        }
        Ok(SpilledDocument { document: [document], files })
    }
}

impl SpillFile {
    fn path(&self) -> &std::path::Path {
        match self {
            Self::Staged(part) => part.path(),
            Self::Published(_, path) => path,
        }
    }
}

impl Store for SpilledDocument {
    fn documents(&self) -> &[DocumentInfo] {
        &self.document
    }

    fn rows(&self, _: usize, table: Table) -> Result<Batches<'static>> {
        match self.files.iter().find(|(found, _)| *found == table) {
            Some((_, kept)) => rows::all(&TableFile::made(kept.path(), table)),
            None => Ok(Box::new(std::iter::empty())),
        }
    }

    fn write(&mut self, plan: &Plan, context: &WriteContext) -> Result<Vec<FileEntry>> {
        let [document] = &self.document;
        let Some(Disposition::Load { scan_id, .. }) = plan.dispositions.first() else {
            return Ok(Vec::new());
        };
        let date = &document.scan_date;
        if let (Some(own), Some(new)) = (&document.scan_id, scan_id)
            && own != new
        {
            let mut parts = Vec::new();
            for (table, kept) in &self.files {
                let mut writer = context.writer(*table)?;
                for batch in rows::all(&TableFile::made(kept.path(), *table))? {
                    let batch = rows::rename(&batch?, own, new)?;
                    let bytes = batch.get_array_memory_size();
                    writer.push(batch, bytes)?;
                }
                parts.push((writer.finish()?, date.clone()));
            }
            return DataFile::publish_all(&context.dir, parts);
        }
        let mut entries = Vec::new();
        for (table, kept) in std::mem::take(&mut self.files) {
            let published = match kept {
                SpillFile::Published(entry, path) => (entry, path),
                SpillFile::Staged(part) => {
                    let made = DataFile::publish_all(&context.dir, vec![(part, date.clone())])?;
                    debug_assert_eq!(made.len(), 1, "each published file has an entry");
                    let Some(entry) = made.into_iter().next() else { continue };
                    let path = context.dir.join(&entry.path);
                    (entry, path)
                }
            };
            entries.push(published.0.clone());
            self.files.push((table, SpillFile::Published(published.0, published.1)));
        }
        Ok(entries)
    }
}
