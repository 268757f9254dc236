//! The command line's flags, without logic.

use std::path::PathBuf;

use clap::{
    Args as ClapArgs, Parser, Subcommand, ValueEnum, builder::BoolishValueParser as Switch,
};

use crate::sink::Compression;

/// Turns nmap XML into normalized tables: JSONL, CSV and Parquet.
#[derive(Debug, Parser)]
#[command(name = "scanmill", version, max_term_width = 100, propagate_version = true)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) talk: TalkArgs,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Read nmap XML and write tables or a feed; hosts are never merged
    Convert(Box<ConvertArgs>),
    /// Show what is in the inputs, on one screen
    Inspect(Box<InspectArgs>),
    /// Print the tables' schema
    Schema(SchemaArgs),
    /// Print a shell's completion script
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the man page
    Man,
}

/// What is said on standard error, and how.
#[derive(Debug, ClapArgs)]
pub(super) struct TalkArgs {
    /// Say nothing but errors
    #[arg(
        short,
        long,
        global = true,
        conflicts_with = "verbose",
        env = "SCANMILL_QUIET",
        value_parser = Switch::new()
    )]
    pub(super) quiet: bool,
    /// Print the summary even if standard error is no terminal; twice, a line for each input too
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(super) verbose: u8,
    /// Form of messages on standard error
    ///
    /// `json` writes one object a message: level, message, and for warnings their code, input, line, byte
    /// and count.
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
    pub(super) color: When,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormat {
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum When {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum To {
    Jsonl,
    Csv,
    Parquet,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Shape {
    /// A line a host, a line a scan
    Nested,
    /// A line a row
    Flat,
}

/// How inputs are read.
#[derive(Debug, ClapArgs)]
pub(super) struct ReadArgs {
    /// Files, folders, or - for standard input
    ///
    /// A folder stands for all files in it and below, in byte order of their paths, except hidden ones. Files
    /// compressed by gzip, bzip2, xz or zstd and tar and zip archives, in one another too, are told by their
    /// first bytes. What is not nmap XML in a folder or archive is counted and left out; a file that is named
    /// itself is an error then.
    #[arg(required_unless_present = "files_from", value_name = "INPUT")]
    pub(super) inputs: Vec<PathBuf>,
    /// Read names of inputs from FILE, - for standard input, one a line or each ended by a NUL byte
    #[arg(long, value_name = "FILE", env = "SCANMILL_FILES_FROM", help_heading = "Reading")]
    pub(super) files_from: Option<PathBuf>,
    /// Of folders and archives read only what matches; may be given several times
    ///
    /// A pattern without / is held against the last part of a path, any other against the whole path in the
    /// folder or archive; * stays within a part, ** does not.
    #[arg(long, value_name = "GLOB", help_heading = "Reading")]
    pub(super) include: Vec<String>,
    /// Of folders and archives leave out what matches; may be given several times
    #[arg(long, value_name = "GLOB", help_heading = "Reading")]
    pub(super) exclude: Vec<String>,
    /// End an input at its first warning; whole hosts before it stay, and the exit code is 3
    #[arg(long, env = "SCANMILL_STRICT", value_parser = Switch::new(), help_heading = "Reading")]
    pub(super) strict: bool,
    /// Keep text as it is, even UTF-8 that nmap wrote one reference a byte
    #[arg(
        long,
        env = "SCANMILL_NO_TEXT_REPAIR",
        value_parser = Switch::new(),
        help_heading = "Reading"
    )]
    pub(super) no_text_repair: bool,
    /// Name of a sensor, to tell apart scans of one command line and second
    ///
    /// It becomes part of the scan ids.
    #[arg(
        long,
        value_name = "NAME",
        default_value = "",
        hide_default_value = true,
        env = "SCANMILL_SCAN_SALT",
        help_heading = "Reading"
    )]
    pub(super) scan_salt: String,
    #[command(flatten)]
    pub(super) limits: LimitArgs,
}

/// Caps on what is held of an input; sizes take K, M and G.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Limits")]
#[expect(clippy::struct_field_names, reason = "they are named as the options are")]
pub(super) struct LimitArgs {
    /// Bytes of a value [default: 8M]
    #[arg(long, value_name = "SIZE", value_parser = size, hide_short_help = true)]
    pub(super) max_value: Option<usize>,
    /// Bytes of a tag [default: 16M]
    #[arg(long, value_name = "SIZE", value_parser = size, hide_short_help = true)]
    pub(super) max_tag: Option<usize>,
    /// Bytes of a host's XML [default: 64M]
    #[arg(long, value_name = "SIZE", value_parser = size, hide_short_help = true)]
    pub(super) max_host: Option<usize>,
    /// Bytes of a scan's own scripts and scaninfo [default: 64M]
    #[arg(long, value_name = "SIZE", value_parser = size, hide_short_help = true)]
    pub(super) max_run: Option<usize>,
    /// Bytes that wait for the first host of a scan without args [default: 16M]
    #[arg(long, value_name = "SIZE", value_parser = size, hide_short_help = true)]
    pub(super) max_pending: Option<usize>,
    /// Open elements, one in another [default: 256]
    #[arg(long, value_name = "N", value_parser = count, hide_short_help = true)]
    pub(super) max_depth: Option<usize>,
    /// Attributes of a tag [default: 256]
    #[arg(long, value_name = "N", value_parser = count, hide_short_help = true)]
    pub(super) max_attributes: Option<usize>,
    /// Ports of a host [default: 1000000]
    #[arg(long, value_name = "N", value_parser = count, hide_short_help = true)]
    pub(super) max_ports: Option<usize>,
    /// Containers in one another: compressed files and archives [default: 4]
    #[arg(long, value_name = "N", value_parser = count, hide_short_help = true)]
    pub(super) max_nesting: Option<usize>,
    /// Members of an archive [default: 1000000]
    #[arg(long, value_name = "N", value_parser = count, hide_short_help = true)]
    pub(super) max_members: Option<usize>,
    /// How many times its size a compressed file or member may grow [default: 1000]
    #[arg(long, value_name = "N", value_parser = count, hide_short_help = true)]
    pub(super) max_ratio: Option<usize>,
    /// Bytes that may come out of a compressed file or member [default: any number]
    #[arg(long, value_name = "SIZE", value_parser = size, hide_short_help = true)]
    pub(super) max_decompressed: Option<usize>,
    /// Bytes of a zip archive that has to be held, in another container or from a pipe [default: 256M]
    #[arg(long, value_name = "SIZE", value_parser = size, hide_short_help = true)]
    pub(super) max_zip: Option<usize>,
}

#[derive(Debug, ClapArgs)]
pub(super) struct ConvertArgs {
    #[command(flatten)]
    pub(super) read: ReadArgs,
    #[command(flatten)]
    pub(super) write: WriteArgs,
    #[command(flatten)]
    pub(super) pick: PickArgs,
    /// Threads that read [default: one for each processor]
    ///
    /// The output has the same bytes for any number.
    #[arg(short = 'j', long, value_name = "N", value_parser = count, env = "SCANMILL_THREADS",
        help_heading = "Reading")]
    pub(super) threads: Option<usize>,
    /// Take the SHA-256 of each document (column `content_sha256`)
    #[arg(long, env = "SCANMILL_HASH", value_parser = Switch::new(), help_heading = "Reading")]
    pub(super) hash: bool,
    /// Write a JSON summary of the run to this file, - for standard error
    #[arg(long, value_name = "FILE", env = "SCANMILL_REPORT", help_heading = "Output")]
    pub(super) report: Option<PathBuf>,
}

/// Where output goes, and in which form.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Output")]
pub(super) struct WriteArgs {
    /// Format
    ///
    /// Without it the ending of OUT tells (.jsonl, .ndjson, .csv, .parquet), else it is parquet; without OUT
    /// it is jsonl.
    #[arg(long, value_name = "FORMAT", env = "SCANMILL_TO")]
    pub(super) to: Option<To>,
    /// A folder for several tables, a file for a feed or a single table, - for standard output
    ///
    /// A text output whose name ends in .gz or .zst is compressed. Output is written under a temporary name
    /// and gets its own when it is complete.
    #[arg(short, long, value_name = "OUT", env = "SCANMILL_OUT")]
    pub(super) out: Option<PathBuf>,
    /// Replace OUT if it exists; a folder is replaced as a whole
    #[arg(long, env = "SCANMILL_OVERWRITE", value_parser = Switch::new())]
    pub(super) overwrite: bool,
    /// Tables to write [default: all]
    #[arg(long, value_name = "NAME,...", value_delimiter = ',', env = "SCANMILL_TABLE")]
    pub(super) table: Vec<String>,
    /// Columns to write, in this order; needs a single --table
    #[arg(long, value_name = "NAME,...", value_delimiter = ',', env = "SCANMILL_COLUMNS")]
    pub(super) columns: Vec<String>,
    /// Shape of JSONL: a line a host, or a line a row [default: nested, with --table flat]
    #[arg(long, value_name = "SHAPE", env = "SCANMILL_SHAPE")]
    pub(super) shape: Option<Shape>,
    /// CSV: join lists of texts by SEP instead of writing JSON
    #[arg(long, value_name = "SEP", env = "SCANMILL_CSV_JOIN")]
    pub(super) csv_join: Option<String>,
    /// CSV: put ' before text that a spreadsheet would take for a formula
    #[arg(long, env = "SCANMILL_CSV_SAFE", value_parser = Switch::new())]
    pub(super) csv_safe: bool,
    /// Parquet: zstd(1) to zstd(22), snappy, lz4 or none [default: zstd(1)]
    #[arg(long, value_name = "CODEC", env = "SCANMILL_COMPRESSION", hide_short_help = true)]
    pub(super) compression: Option<Compression>,
    /// Parquet: rows of a row group at most [default: 1048576]
    #[arg(long, value_name = "N", env = "SCANMILL_ROW_GROUP_ROWS", value_parser = count,
        hide_short_help = true)]
    pub(super) row_group_rows: Option<usize>,
    /// Parquet: rows of a file at most; tables become folders of part-N.parquet
    #[arg(long, value_name = "N", env = "SCANMILL_ROWS_PER_FILE", value_parser = count,
        hide_short_help = true)]
    pub(super) rows_per_file: Option<usize>,
}

/// States of ports: nmap's, and what masscan says of one that answered ARP.
const STATES: [&str; 7] =
    ["open", "closed", "filtered", "unfiltered", "open|filtered", "closed|filtered", "up"];

/// What is written of what was read.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Selection")]
pub(super) struct PickArgs {
    /// States of ports to keep, such as open or open|filtered
    #[arg(
        long,
        value_name = "STATE,...",
        value_delimiter = ',',
        value_parser = STATES,
        env = "SCANMILL_STATE"
    )]
    pub(super) state: Vec<String>,
    /// Keep only hosts that are up
    #[arg(long, env = "SCANMILL_UP", value_parser = Switch::new())]
    pub(super) up: bool,
    /// Nested JSONL: lines for tasks, hints at hosts and skipped targets too
    #[arg(long, env = "SCANMILL_EVENTS", value_parser = Switch::new())]
    pub(super) events: bool,
    /// Make a port of each number in the lists of ports that nmap does not list singly
    #[arg(long, env = "SCANMILL_EXPAND_EXTRAPORTS", value_parser = Switch::new())]
    pub(super) expand_extraports: bool,
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
    /// Write all formats of all tables to this folder
    #[arg(long, value_name = "DIR", conflicts_with_all = ["tables", "check"])]
    pub(super) write: Option<PathBuf>,
    /// Compare this folder with what --write would write; exit code 1 if they differ
    #[arg(long, value_name = "DIR", conflicts_with = "tables")]
    pub(super) check: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum SchemaFormat {
    Arrow,
    JsonSchema,
    Ddl,
    SparkDdl,
    Md,
}

/// A number of things, at least one.
fn count(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|count| *count > 0)
        .ok_or_else(|| format!("{text:?} is no number above 0"))
}

/// A size such as `64K`, `8M` or `1G`.
fn size(text: &str) -> Result<usize, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = text.get(digits.len()..).unwrap_or_default().to_ascii_lowercase();
    let factor: usize = match unit.as_str() {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        _ => return Err(format!("unknown unit {unit:?}: K, M or G")),
    };
    let number: usize = digits.trim().parse().map_err(|_| format!("{text:?} is no size"))?;
    number
        .checked_mul(factor)
        .filter(|size| *size > 0)
        .ok_or_else(|| format!("{text:?} is no size"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!(size("64K"), Ok(64 << 10));
        assert_eq!(size("8MiB"), Ok(8 << 20));
        assert_eq!(size("12"), Ok(12));
        assert!(size("0").is_err() && size("x").is_err() && size("1T").is_err());
    }
}
