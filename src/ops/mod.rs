//! Whole jobs as function calls: the work of each command of scanmill, without arguments, terminal or exit codes.
//!
//! Each job is a function that takes an option struct and returns a typed report. [`read`](read()) turns inputs into
//! Arrow record batches of any set of tables, in one pass; it is what a program that embeds scanmill, or a binding to
//! another language, starts with. [`convert`](convert()), [`merge`](merge()) and [`history`](history()) write files,
//! folders and streams ([`OutputOptions`]); their variants with `_into` write in any [`Format`](crate::format::Format).
//! [`diff`](diff()) writes the differences between two states, and [`changes`](changes()) returns them.
//!
//! [`list`](list()) returns hosts, URLs or ports as sorted lines, for other programs.
//!
//! All jobs share a frame:
//!
//! - [`Inputs`] describes the inputs: paths, patterns, lists ([`read_list`]), datasets. Finding the files is a separate
//!   step, because outputs are compared with them before anything is read.
//! - [`JobOptions`] holds how a job runs: XML options, a [`MemoryBudget`], a [`Progress`] receiver, a
//!   [`CancellationToken`], temporary names, and [`ReservedPaths`] of the caller.
//! - A job that could do its work returns `Ok` with a report, even if some inputs were refused: errors of inputs are in
//!   the report, sorted by input, and [`JobStatus`] sums it up. `Err` means that the job as a whole failed, such as by
//!   wrong options or a full disk.
//! - Outputs are complete or absent. Before a job reads or creates anything, it compares all paths (`paths`), so that no
//!   output replaces an input.
//!
//! `cli` translates arguments into these structs, implements [`Progress`] on the terminal, cancels on signals, and maps
//! [`JobStatus`] and errors to exit codes. To add a job, add a file here with its options, its report and its function,
//! then a command in `cli` that only translates.

mod background;
mod convert;
pub mod dataset;
mod diff;
mod engine_programs;
mod feed;
mod history;
mod ingest;
mod inputs;
mod inspect;
mod job;
mod list;
mod machine;
mod memory;
mod merge;
mod output;
mod paths;
mod progress;
#[cfg(feature = "full")]
mod query;
mod read;
mod scan;
mod status;
mod watch;

pub use crate::exec::cancel::CancellationToken;

#[cfg(feature = "full")]
pub use self::query::{QueryOptions, QueryReport, QueryRows, QueryValue, query};
pub use self::{
    convert::{ConvertOptions, convert, convert_into},
    dataset::{Checked, CompactOptions},
    diff::{
        Changes, ChangesWriter, DiffOptions, DiffOutcome, DiffReport, changes, diff, diff_into,
    },
    engine_programs::EnginePrograms,
    feed::{FeedLines, FeedOptions, feed},
    history::{HistoryOptions, history, history_into},
    ingest::{IngestOptions, IngestReport, ingest},
    inputs::{Inputs, ResolvedInput, ResolvedInputs, read_list, read_list_file},
    inspect::{InputSummary, InspectOptions, Inspection, ScanOverview, SharedText, inspect},
    job::JobOptions,
    list::{ListKind, ListOptions, ListOutput, ListReport, Listing, list, write_list},
    memory::MemoryBudget,
    merge::{MergeOptions, MergedHosts, merge, merge_into, merged_hosts},
    output::{OutputFormat, OutputOptions, TableLayout},
    paths::{PathNames, ReservedPaths},
    progress::{Progress, ProgressHandle, ProgressTotals},
    read::{ReadBatches, ReadOptions, TableBatch, read},
    scan::{ScanOptions, ScanProcess, ScanReport, scan, scan_into},
    status::JobStatus,
    watch::{WatchControl, WatchReport, watch, watch_status},
};
#[cfg(feature = "cli")]
pub(crate) use self::{
    diff::{diff_reporting, diff_with},
    memory::available_threads,
    output::OutputContent,
    paths::is_special,
    scan::authorize_sudo,
};
pub use crate::process::ProcessGroup;
