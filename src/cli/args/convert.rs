//! Options of `convert`.

use clap::{Args as ClapArgs, ValueEnum, ValueHint, builder::BoolishValueParser as Switch};

use super::{FeedArgs, FormatArg, LineArgs, OutputPath, ProgramPath, ReadArgs, Shape, parse_count};
use crate::{filter::Filter, format::Compression, output::PartitionBy};

#[derive(Debug, ClapArgs)]
pub(in super::super) struct ConvertArgs {
    #[command(flatten)]
    pub(in super::super) read: ReadArgs,
    #[command(flatten)]
    pub(in super::super) write: WriteArgs,
    #[command(flatten)]
    pub(in super::super) pick: PickArgs,
    /// Number of threads that read [default: one per processor]
    ///
    /// The output has the same bytes for any number.
    #[arg(short = 'j', long, value_name = "N", value_parser = parse_count, env = "SCANMILL_THREADS",
        help_heading = "Reading")]
    pub(in super::super) threads: Option<usize>,
    /// Read a file that nmap is still writing, as it grows
    ///
    /// Writes each host as soon as it is complete. Ends with the document, or with Ctrl-C. Waits
    /// for a file that does not exist yet. A feed that is written to a file has its final name from
    /// the start, and keeps the complete hosts.
    #[arg(long, env = "SCANMILL_FOLLOW", value_parser = Switch::new(),
        conflicts_with = "files_from", help_heading = "Reading")]
    pub(in super::super) follow: bool,
    /// Store the SHA-256 of each document in the column `content_sha256`
    #[arg(long, env = "SCANMILL_HASH", value_parser = Switch::new(), help_heading = "Reading")]
    pub(in super::super) hash: bool,
    /// Run the programs in this TOML file on hosts and ports, as scripts
    ///
    /// Their output becomes scripts of the host or port, with the origin `engine`. docs/scan.md
    /// describes the format of the file.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Engine")]
    pub(in super::super) engine: Option<ProgramPath>,
    /// Write a JSON summary of the run to this file, or - for standard error
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, env = "SCANMILL_REPORT",
        help_heading = "Output")]
    pub(in super::super) report: Option<OutputPath>,
}

/// Output: its destination, format and layout.
#[derive(Debug, Default, ClapArgs)]
#[command(next_help_heading = "Output")]
pub(in super::super) struct WriteArgs {
    /// Format
    ///
    /// Without it, the ending of OUT selects it: .jsonl, .ndjson, .json, .csv, .parquet, .arrow,
    /// .arrows, .xlsx, .sqlite, .sqlite3, .db, .xml, .gnmap, .md or .txt. An OUT without an ending
    /// is a folder of parquet; without OUT it is text on a terminal, and else jsonl. sqlite needs a
    /// build with the feature `full`.
    #[arg(long, value_name = "FORMAT", env = "SCANMILL_TO")]
    pub(in super::super) to: Option<FormatArg>,
    /// Destination: a folder for several tables, a file for a feed or a single table, or - for
    /// standard output
    ///
    /// Text output is compressed if the name ends in .gz or .zst. Output is written under a
    /// temporary name, and gets its own when it is complete.
    #[arg(short, long, value_name = "OUT", value_hint = ValueHint::AnyPath, env = "SCANMILL_OUT")]
    pub(in super::super) out: Option<OutputPath>,
    /// Replace OUT if it exists; a folder only if scanmill wrote everything in it
    #[arg(long, env = "SCANMILL_OVERWRITE", value_parser = Switch::new())]
    pub(in super::super) overwrite: bool,
    #[arg(
        long,
        help = "Tables to write [default: all; for csv in one file or on standard output, open_services]",
        value_name = "NAME,...",
        value_delimiter = ',',
        env = "SCANMILL_TABLE"
    )]
    pub(in super::super) table: Vec<String>,
    /// Columns to write, in this order; needs a single table
    #[arg(long, value_name = "NAME,...", value_delimiter = ',', env = "SCANMILL_COLUMNS")]
    pub(in super::super) columns: Vec<String>,
    /// Shape of JSONL and JSON: one line per host, or one line per row [default: nested; with --table flat]
    #[arg(long, value_name = "SHAPE", env = "SCANMILL_SHAPE")]
    pub(in super::super) shape: Option<Shape>,
    /// CSV: join lists of strings with SEP instead of writing them as JSON
    #[arg(long, value_name = "SEP", env = "SCANMILL_CSV_JOIN")]
    pub(in super::super) csv_join: Option<String>,
    /// CSV: write ' before text that a spreadsheet would interpret as a formula
    #[arg(long, env = "SCANMILL_CSV_SAFE", value_parser = Switch::new())]
    pub(in super::super) csv_safe: bool,
    /// Parquet: zstd(1) to zstd(22), snappy, lz4 or none [default: zstd(1)]
    #[arg(long, value_name = "CODEC", env = "SCANMILL_COMPRESSION", hide_short_help = true)]
    pub(in super::super) compression: Option<Compression>,
    /// Parquet: maximum number of rows per row group [default: 1048576]
    #[arg(long, value_name = "N", env = "SCANMILL_ROW_GROUP_ROWS", value_parser = parse_count,
        hide_short_help = true)]
    pub(in super::super) row_group_rows: Option<usize>,
    /// Parquet: maximum number of rows per file; tables become folders of part-N.parquet
    #[arg(long, value_name = "N", env = "SCANMILL_ROWS_PER_FILE", value_parser = parse_count,
        hide_short_help = true)]
    pub(in super::super) rows_per_file: Option<usize>,
    /// Parquet: write one folder per day or scanner, with files part-N.parquet
    ///
    /// Each table becomes a folder with folders such as `scan_date=2024-01-31`, the UTC date on
    /// which the scan started, or else ended. The files do not contain the column that the folder
    /// names hold: readers of Hive partitions add it. Not for merges.
    #[arg(long, value_name = "BY", env = "SCANMILL_PARTITION_BY", hide_short_help = true)]
    pub(in super::super) partition_by: Option<PartitionArg>,
    #[command(flatten)]
    pub(in super::super) feed: FeedArgs,
    #[command(flatten)]
    pub(in super::super) line: LineArgs,
}

/// Partition key of a scan's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in super::super) enum PartitionArg {
    /// UTC date on which the scan started, or else ended
    #[value(name = "scan_date")]
    ScanDate,
    /// Program that wrote the XML, such as nmap
    Scanner,
}

impl PartitionArg {
    pub(in super::super) const fn by(self) -> PartitionBy {
        match self {
            Self::ScanDate => PartitionBy::ScanDate,
            Self::Scanner => PartitionBy::Scanner,
        }
    }
}

/// Port states that `--state` accepts: those of nmap, and `up`, which masscan reports for a port
/// that answered ARP.
pub(in super::super) const STATES: [&str; 7] =
    ["open", "closed", "filtered", "unfiltered", "open|filtered", "closed|filtered", "up"];

/// Selection of the rows to write.
#[derive(Debug, Default, ClapArgs)]
#[command(next_help_heading = "Selection")]
pub(in super::super) struct PickArgs {
    /// Port states to keep, such as open or open|filtered
    #[arg(
        long,
        value_name = "STATE,...",
        value_delimiter = ',',
        value_parser = STATES,
        env = "SCANMILL_STATE"
    )]
    pub(in super::super) state: Vec<String>,
    /// Keep what an expression selects, such as 'port in 1-1024 and service ~ http*'
    ///
    /// An expression about ports selects ports, and hosts with such a port; one about hosts selects
    /// whole hosts. docs/filters.md has the fields and operators.
    #[arg(long = "where", value_name = "EXPR", env = "SCANMILL_WHERE")]
    pub(in super::super) filter: Option<Filter>,
    /// Keep only hosts that are up
    #[arg(long, env = "SCANMILL_UP", value_parser = Switch::new())]
    pub(in super::super) up: bool,
    /// Leave out documents of a scan that was read completely before
    #[arg(long, env = "SCANMILL_DEDUP", value_parser = Switch::new())]
    pub(in super::super) dedup: bool,
    /// Nested JSONL: also write lines for tasks, host hints and skipped targets
    #[arg(long, env = "SCANMILL_EVENTS", value_parser = Switch::new())]
    pub(in super::super) events: bool,
    /// Write one port per number in the lists of ports that nmap summarizes by state
    #[arg(long, env = "SCANMILL_EXPAND_EXTRAPORTS", value_parser = Switch::new())]
    pub(in super::super) expand_extraports: bool,
}
