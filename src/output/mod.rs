//! Outputs: files and folders that are complete or absent, and line-based files that grow.
//!
//! A format opens its output here, writes bytes, and finishes; this module decides where the bytes are until then and
//! what they may replace. It knows paths and bytes only: a format that writes folders passes the names of the files
//! that may be in them (`FolderLayout`, `FolderOptions`).
//!
//! - `staged_output` creates a file or folder under a temporary name next to its target and renames it when it is
//!   complete. Every output of tables, every report and every saved state is one.
//! - `in_place` is the exception: a line-based file that is read while it grows has its final name from the start. It
//!   stays unchanged until the first bytes arrive, and is locked by its writer (`lock`).
//! - `stream` writes text to either of them, to standard output or to a writer of the caller, and compresses files
//!   according to their name. [`DocumentSink`] is its public form. `saved_state` is the state of a merge, which is read before it is replaced.
//! - `replace_policy` and `marker` decide what may be replaced (docs/cli.md, "Outputs"): files with `--overwrite`, and
//!   folders only if their marker lists everything in them. `folder_files` and `attributes` carry mode and owner over
//!   from the replaced file or folder.
//! - `temp_files` is the registry of temporary names, which a signal handler removes. Its lock is held while an output
//!   is renamed, so a process never removes an output that already has its final name. `leftovers` removes the
//!   temporaries of processes that were killed.
//! - `partition` names the folders and files of partitions.
//!
//! Invariants: at any time, even if the process ends, the target is the old output or the complete new one; nothing is
//! removed that scanmill did not write; and a usage error is returned before anything is changed.
//!
//! A new kind of output that appears as a whole uses `StagedOutput`. A new file in output folders needs its name in
//! the format's `FolderLayout`; otherwise the folder cannot be replaced.

mod attributes;
mod document;
mod folder_files;
mod in_place;
mod leftovers;
mod lock;
mod marker;
mod partition;
mod replace_policy;
mod saved_state;
mod staged_output;
mod stream;
mod target;
mod temp_files;

pub use self::{
    document::DocumentSink,
    partition::PartitionBy,
    saved_state::StateSink,
    target::{Output, OutputWriter},
    temp_files::{Halted, Leftover, Temporaries},
};
pub(crate) use self::{
    folder_files::FolderFiles,
    lock::{hold, is_at, lock, open_locked},
    marker::FolderLayout,
    partition::{NO_VALUE, UNRESOLVED, part_name},
    replace_policy::{Replace, refuse_existing},
    staged_output::{FolderOptions, StagedOutput},
    stream::TextStream,
    target::{follow, make_target},
};
