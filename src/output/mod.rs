//! Outputs: files and folders that are complete or absent, and line-based files that grow.
//!
//! `target` creates a file or folder under a temporary name and renames it when it is complete, so that an output is
//! either complete or absent. `replace` and `marker` decide what may be replaced: files with `--overwrite`, and folders
//! only if their marker lists everything in them (docs/cli.md, "Outputs"). `attributes` carries mode and owner over from
//! the replaced file. `temporaries` lists the names that must be removed when the process is interrupted, and
//! `leftovers` removes those of processes that were killed. The
//! exceptions are line-based files that are read while they grow (`in_place`); they have their final name from the
//! start and are locked by their writer (`lock`).

mod attributes;
mod document;
mod in_place;
mod leftovers;
mod lock;
mod marker;
mod members;
mod partition;
mod replace;
mod saved_state;
mod stream;
mod target;
mod temporaries;

pub use self::{
    document::DocumentSink,
    partition::PartitionBy,
    saved_state::StateSink,
    target::Output,
    temporaries::{Halted, Leftover, Temporaries},
};
pub(crate) use self::{
    lock::{hold, is_at, lock, open_locked},
    marker::FolderLayout,
    members::Members,
    partition::{NO_VALUE, part_name},
    replace::{Replace, refuse_existing},
    stream::TextStream,
    target::{FolderOptions, Pending, follow, make_target},
};
