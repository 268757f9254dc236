//! Definitions of the command line: options and their help texts, without logic.

mod convert;
mod diff;
mod feed;
mod history;
mod ingest;
mod list;
mod merge;
mod paths;
mod query;
mod read;
mod scan;
mod watch;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{
    Args as ClapArgs, Parser, Subcommand, ValueEnum, ValueHint,
    builder::BoolishValueParser as Switch,
};

#[cfg(test)]
pub(super) use self::paths::PathRole;
#[cfg(feature = "full")]
pub(super) use self::query::QueryFormatArg;
pub(super) use self::{
    convert::{ConvertArgs, PartitionArg, PickArgs, STATES, WriteArgs},
    diff::{DiffArgs, DiffFormatArg},
    feed::{EventKindArg, FeedArgs, LineArgs, OcsfVersion},
    history::HistoryArgs,
    ingest::{IngestArgs, MaintenanceArgs},
    list::ListArgs,
    merge::{IdentityArg, MergeArgs, MergeRuleArgs, is_state_list},
    paths::{InputPath, OutputPath, ProgramPath, path_role, refuse_url},
    query::QueryArgs,
    read::{LimitArgs, ReadArgs, XmlArgs},
    scan::{NmapArgs, ScanArgs},
    watch::{BaselineArg, StatusForm, WatchArgs},
};

/// Turns nmap XML into normalized tables: JSONL, CSV and Parquet.
#[derive(Debug, Parser)]
#[command(name = "scanmill", version, max_term_width = 100, propagate_version = true)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) messages: MessageArgs,
    /// File that sets options, such as `threads = 2` or `[convert] to = "csv"`
    ///
    /// Default: scanmill.toml in the working directory, or else in the folder scanmill of the
    /// user's configuration folder. Options on the command line and environment variables take
    /// precedence over it.
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath,
        env = "SCANMILL_CONFIG")]
    pub(super) config: Option<InputPath>,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Read nmap XML and write tables or a feed; hosts are never merged
    Convert(Box<ConvertArgs>),
    /// Merge what several scans saw into one record per host, by a given precedence
    Merge(Box<MergeArgs>),
    /// Show what changed between two states, each of one or more scans
    ///
    /// Ends with 0 if nothing changed and 1 if something did.
    Diff(Box<DiffArgs>),
    /// Show from when to when hosts and ports were in which state
    ///
    /// Writes two tables of intervals from any number of scans, by the rules of merge --policy
    /// latest. docs/history.md has the rules.
    History(Box<HistoryArgs>),
    /// Run nmap and write its results while it runs
    ///
    /// Starts the installed nmap, without a shell. Scan only what you are permitted to scan.
    Scan(Box<ScanArgs>),
    /// Load nmap XML into a partitioned Parquet dataset, each document exactly once
    Ingest(Box<IngestArgs>),
    /// Append the scans that come into a folder to a feed, each document once
    ///
    /// Runs until it is stopped by Ctrl-C or SIGTERM. However it ends, even killed, the next run
    /// continues where it stopped.
    Watch(Box<WatchArgs>),
    /// Print hosts, URLs, ports or targets, one per line, for other programs
    ///
    /// Items are sorted and unique. Only open ports and hosts that are up are listed, unless --state
    /// or --where says otherwise. Inputs are not merged: an item is listed if any scan has it.
    List(Box<ListArgs>),
    /// Answer a question in SQL about the tables of the inputs
    ///
    /// Needs a build with the feature `full`. A query only reads: the inputs, and a temporary database
    /// that has the tables that it names.
    Query(Box<QueryArgs>),
    /// Show a summary of the inputs on one screen
    Inspect(Box<InspectArgs>),
    /// Print the schema of the tables
    Schema(SchemaArgs),
    /// Print the completion script of a shell
    Completions {
        /// Shell to print the script for
        shell: clap_complete::Shell,
    },
    /// Print the man page
    Man,
}

/// Messages on standard error: which are printed, and in which form.
#[derive(Debug, Clone, Default, ClapArgs)]
pub(super) struct MessageArgs {
    /// Print only errors
    #[arg(
        short,
        long,
        global = true,
        conflicts_with = "verbose",
        env = "SCANMILL_QUIET",
        value_parser = Switch::new()
    )]
    pub(super) quiet: bool,
    /// Print the summary even if standard error is not a terminal; twice, also one line per input
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(super) verbose: u8,
    /// Format of messages on standard error
    ///
    /// `json` writes one object per message: level, message, and for warnings their code, input,
    /// line, byte and count.
    #[arg(
        long,
        global = true,
        value_name = "FORMAT",
        default_value = "text",
        env = "SCANMILL_LOG_FORMAT"
    )]
    pub(super) log_format: LogFormat,
    /// When to use colour on standard error
    ///
    /// `auto` uses it on a terminal unless `NO_COLOR` is set.
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        env = "SCANMILL_COLOR"
    )]
    pub(super) color: ColorChoice,
    /// When to show progress
    ///
    /// `auto` draws a bar if standard error is a terminal and standard output does not print data
    /// to one, unless --quiet or --log-format json is given. `always` shows progress in any case;
    /// without a terminal it prints a line every two seconds.
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        env = "SCANMILL_PROGRESS"
    )]
    pub(super) progress: ProgressChoice,
    /// Configuration file in use, named by `--config` or found.
    #[arg(skip)]
    pub(super) config_file: Option<PathBuf>,
}

impl MessageArgs {
    /// Returns the configuration file in use, named by `--config` or found.
    pub(super) fn config_file(&self) -> Option<&Path> {
        self.config_file.as_deref()
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormat {
    #[default]
    Text,
    Json,
}

/// Use of colour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum ColorChoice {
    #[default]
    Auto,
    Always,
    Never,
}

/// Display of progress.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum ProgressChoice {
    #[default]
    Auto,
    Always,
    Never,
}

/// Output format of `convert`, `merge`, `scan`, `history` and `watch`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum FormatArg {
    Jsonl,
    Json,
    Csv,
    Parquet,
    /// Arrow: a file, or a stream on standard output
    Arrow,
    /// nmap's XML
    Xml,
    /// Workbook of a spreadsheet, one sheet per table
    Xlsx,
    /// SQLite database with all tables
    Sqlite,
    /// nmap's grepable lines
    Gnmap,
    /// A section per host, or tables
    Markdown,
    /// A block per host, for people
    Text,
    /// Elastic Common Schema
    Ecs,
    /// Open Cybersecurity Schema Framework
    Ocsf,
    /// Splunk's Common Information Model
    Cim,
}

impl FormatArg {
    /// Returns the name of the format as `--to` accepts it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
            Self::Arrow => "arrow",
            Self::Xml => "xml",
            Self::Xlsx => "xlsx",
            Self::Sqlite => "sqlite",
            Self::Gnmap => "gnmap",
            Self::Markdown => "markdown",
            Self::Text => "text",
            Self::Ecs => "ecs",
            Self::Ocsf => "ocsf",
            Self::Cim => "cim",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Shape {
    /// One line per host, and one per scan
    Nested,
    /// One line per row
    Flat,
}

#[derive(Debug, ClapArgs)]
pub(super) struct InspectArgs {
    #[command(flatten)]
    pub(super) read: ReadArgs,
    /// Print JSON
    #[arg(long, help_heading = "Output")]
    pub(super) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(super) struct SchemaArgs {
    /// Tables to print [default: all]
    #[arg(value_name = "TABLE")]
    pub(super) tables: Vec<String>,
    /// Format; `ddl` is for the database duckdb
    #[arg(long, value_name = "FORMAT", default_value = "md")]
    pub(super) format: SchemaFormat,
    /// Print the schema of the results of merge, diff and history, which have more columns and
    /// tables
    #[arg(long, conflicts_with_all = ["write", "check"])]
    pub(super) merged: bool,
    /// Write all formats of all tables to this folder
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath,
        conflicts_with_all = ["tables", "check"])]
    pub(super) write: Option<OutputPath>,
    /// Compare this folder with the files that --write would write; exit code 1 if they differ
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, conflicts_with = "tables")]
    pub(super) check: Option<InputPath>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum SchemaFormat {
    Arrow,
    JsonSchema,
    Ddl,
    SparkDdl,
    Views,
    SqliteViews,
    SparkViews,
    Md,
}

/// Parses a count of at least one.
fn parse_count(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|count| *count > 0)
        .ok_or_else(|| format!("{text:?} is not a number above 0"))
}

/// Parses a size such as `64K`, `8M` or `1G`, in bytes.
fn parse_size(text: &str) -> Result<usize, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = text.get(digits.len()..).unwrap_or_default().to_ascii_lowercase();
    let factor: usize = match unit.as_str() {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        _ => return Err(format!("unknown unit {unit:?}: K, M or G")),
    };
    let number: usize = digits.trim().parse().map_err(|_| format!("{text:?} is not a size"))?;
    number
        .checked_mul(factor)
        .filter(|size| *size > 0)
        .ok_or_else(|| format!("{text:?} is not a size"))
}

/// Parses a duration such as `500ms`, `2s`, `10m`, `1h` or `1d`.
fn parse_duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit: u64 = match text.get(digits.len()..).unwrap_or_default() {
        "ms" => 1,
        "s" => 1000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "w" => 7 * 86_400_000,
        "" => return Err(format!("{text:?} has no unit: ms, s, m, h or d")),
        unit => return Err(format!("unknown unit {unit:?}: ms, s, m, h or d")),
    };
    let number: u64 = digits.parse().map_err(|_| format!("{text:?} is not a time"))?;
    let millis = number.checked_mul(unit).ok_or_else(|| format!("{text:?} is too long"))?;
    Ok(Duration::from_millis(millis))
}

/// Formats a size, in bytes, as options accept it.
pub(super) fn format_size(size: usize) -> String {
    match size {
        size if size.is_multiple_of(1 << 30) => format!("{}G", size >> 30),
        size if size.is_multiple_of(1 << 20) => format!("{}M", size >> 20),
        size if size.is_multiple_of(1 << 10) => format!("{}K", size >> 10),
        size => size.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn sizes_and_times_have_units() {
        assert_eq!(parse_size("64K"), Ok(64 << 10));
        assert_eq!(parse_size("8MiB"), Ok(8 << 20));
        assert_eq!(parse_size("12"), Ok(12));
        assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse_duration("1d"), Ok(Duration::from_hours(24)));
        assert!(
            parse_duration("1").is_err()
                && parse_duration("d").is_err()
                && parse_duration("1y").is_err()
        );
        assert!(parse_size("0").is_err() && parse_size("x").is_err() && parse_size("1T").is_err());
    }
}
