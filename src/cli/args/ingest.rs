//! Options of `ingest`.

use clap::{Args as ClapArgs, ValueHint};

use super::{OutputPath, ReadArgs, parse_count, parse_size};

/// Options that replace loading, so that no input is required.
const INSTEAD: [&str; 5] = ["files", "list", "status", "vacuum", "compact"];

#[derive(Debug, ClapArgs)]
#[command(mut_arg("inputs", |input| input.required_unless_present_any(INSTEAD)))]
pub(in super::super) struct IngestArgs {
    #[command(flatten)]
    pub(in super::super) read: ReadArgs,
    /// Folder of the dataset; it is created if it does not exist
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, env = "SCANMILL_INTO",
        help_heading = "Dataset")]
    pub(in super::super) into: OutputPath,
    #[command(flatten)]
    pub(in super::super) maintenance: MaintenanceArgs,
    /// With --files: print only the files of this table
    #[arg(long, value_name = "NAME", requires = "files", help_heading = "Dataset")]
    pub(in super::super) table: Option<String>,
    /// Size of the rows per commit, in bytes [default: 32M]
    ///
    /// A run that ends early keeps what it has committed. A larger size needs more memory and makes
    /// larger files.
    #[arg(long, value_name = "SIZE", value_parser = parse_size, env = "SCANMILL_COMMIT_SIZE",
        help_heading = "Dataset", hide_short_help = true)]
    pub(in super::super) commit_size: Option<usize>,
    /// Number of threads that read and write [default: one per processor]
    #[arg(short = 'j', long, value_name = "N", value_parser = parse_count, env = "SCANMILL_THREADS",
        help_heading = "Reading")]
    pub(in super::super) threads: Option<usize>,
    /// Write a JSON summary of the run to this file, or - for standard error
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, env = "SCANMILL_REPORT",
        help_heading = "Dataset")]
    pub(in super::super) report: Option<OutputPath>,
}

/// Tasks to run instead of loading.
#[derive(Debug, ClapArgs)]
#[group(multiple = false, conflicts_with_all = ["inputs", "files_from"])]
#[command(next_help_heading = "Instead of loading")]
pub(in super::super) struct MaintenanceArgs {
    /// Print the paths of the dataset's files, relative to DIR, one per line
    #[arg(long)]
    pub(in super::super) files: bool,
    /// Print the commits, oldest first
    #[arg(long)]
    pub(in super::super) list: bool,
    /// Print the content of the dataset, and the leftover files
    #[arg(long)]
    pub(in super::super) status: bool,
    /// Remove files that are not part of the dataset: those of killed runs, and those that were
    /// replaced
    ///
    /// Readers that still use an older list of files lose them.
    #[arg(long)]
    pub(in super::super) vacuum: bool,
    /// Merge small files of a table and date into larger ones
    #[arg(long)]
    pub(in super::super) compact: bool,
}
