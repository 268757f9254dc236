//! Partitioned Parquet dataset that many runs can write, with each document loaded exactly once
//! (`docs/dataset.md`).
//!
//! A dataset is a folder with Parquet files, `<table>/scan_date=YYYY-MM-DD/part-<content
//! hash>.parquet`, and a log of commits, `_scanmill/<n>.json`. The log defines the content: a file
//! that no commit names is not part of the dataset. Files are never changed. A commit names the
//! files that are added and removed, and it takes effect when a complete file gets its name in the
//! log, which only one of several runs can do.
//!
//! ```text
//! chunks of rows ─▶ loader ─▶ pending_rows ─┐                 ┌─▶ data_file ─▶ staging ─▶ part-….parquet
//! document events ─▶   │      or spill ─────┴─▶ transaction ──┤
//!                      └─ LoadHandle            plan          └─▶ log ─▶ <n>.json ─▶ newest
//! <n>.json ─▶ log ─▶ snapshot ─▶ decode ─▶ replay (events), table_reader (batches), rows (copies)
//! ```
//!
//! Writing: `Dataset::load` returns an output format (`loader`), which collects rows (`pending_rows`, and `spill`
//! for large documents). `transaction` decides about each document (`plan`, based on `snapshot`), writes files under
//! temporary names in `_scanmill/staging` (`data_file`), moves them to their final names, and adds the [`Commit`]
//! (`log`). `Dataset::compact` (`maintenance`) takes the same path with rows of existing files.
//! [`ops::ingest`](crate::ops::ingest()) decides which inputs are read at all.
//!
//! Reading: `snapshot` is the sum of all commits. `replay` returns the documents as events, so that a
//! dataset is an input like any other, and `table_reader` the rows of one table. All Parquet bytes
//! pass through `decode`, which checks them against the log.
//!
//! Invariants, in the order in which a crash could break them:
//!
//! 1. A file has its final name and is on the disk before a commit names it.
//! 2. A commit is complete and on the disk before it gets its name, and its name never changes owner.
//! 3. The number of a commit is recorded in `newest` only after the commit has its name.
//! 4. The rows in the files of a snapshot are those of its documents (`Snapshot::mismatch`).
//! 5. A digest is known only if all rows of its document are committed, or were left out by a plan.
//!
//! Locks: runs that write share a lock, and `Dataset::vacuum` takes it exclusively, since the files
//! of a commit in progress look like leftovers. Readers take no lock; if a file is missing, they
//! check if a newer commit removed it. Two writers are kept apart by the names in the log, not
//! by the lock, so datasets also work on file systems without locks.
//!
//! When something is added:
//!
//! - A field of a commit needs a serde default, so that older logs can be read. If older programs must
//!   not ignore it, raise the version of the log (`log`).
//! - A table needs its rows in `replay`; `Table::ALL` covers the rest.
//! - An operation that writes goes through `Log::add` and catches up if it loses the race, as
//!   `transaction` and `maintenance` do.
//! - `tests/it/faults` lets each call of the file system fail once; add a trial for a new operation.

mod chunk_reader;
mod commit;
mod data_file;
mod decode;
mod folder;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod handle;
mod loader;
mod lock;
mod log;
mod maintenance;
mod newest;
mod options;
mod pending_rows;
mod plan;
mod replay;
mod rows;
mod snapshot;
mod spill;
mod staged_file;
mod table_reader;
mod transaction;

#[cfg(feature = "cli")]
pub(crate) use self::decode::is_decoding;
pub use self::{
    commit::{Commit, DocumentEntry, FileEntry, Operation, SkippedEntry, SourceEntry},
    handle::Dataset,
    loader::LoadReport,
    maintenance::{CompactReport, Orphan, Status, VacuumReport},
    replay::Replay,
    table_reader::{TableBatches, TableOptions},
};
pub(crate) use self::{
    loader::{InputDigest, LoadHandle, Loader},
    options::LoadOptions,
};
