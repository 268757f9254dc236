//! Options of `history`.

use clap::{
    Args as ClapArgs, ValueEnum as _, ValueHint,
    builder::{BoolishValueParser as Switch, PossibleValuesParser, TypedValueParser},
};

use super::{
    FormatArg, IdentityArg, OutputPath, PickArgs, ReadArgs, STATES, WriteArgs, parse_count,
};
use crate::{filter::Filter, format::Compression};

#[derive(Debug, ClapArgs)]
#[command(
    override_usage = "scanmill history [OPTIONS] <INPUT>...",
    mut_arg("inputs", |input| input
        .help("Scans: files, folders, datasets, or - for standard input")
        .long_help(
            "Scans: files, folders, datasets, or - for standard input\n\n\
             Their order matters only if looks at one host have the same time: then the later argument \
             counts as later. All inputs of convert are accepted",
        ))
)]
pub(in super::super) struct HistoryArgs {
    #[command(flatten)]
    pub(in super::super) read: ReadArgs,
    /// Number of threads [default: one per processor]
    ///
    /// The output has the same bytes for any number.
    #[arg(short = 'j', long, value_name = "N", value_parser = parse_count, env = "SCANMILL_THREADS",
        help_heading = "Reading")]
    pub(in super::super) threads: Option<usize>,
    #[command(flatten)]
    pub(in super::super) table: HistoryTableArgs,
    #[command(flatten)]
    pub(in super::super) series: HistoryRuleArgs,
    /// Port states to keep, such as open or open|filtered
    #[arg(long, value_name = "STATE,...", value_delimiter = ',', value_parser = STATES,
        env = "SCANMILL_STATE", help_heading = "Selection")]
    pub(in super::super) state: Vec<String>,
    /// Keep what an expression selects, such as 'port in 1-1024 and service ~ http*'
    ///
    /// An expression about ports selects ports, and hosts with such a port; one about hosts selects
    /// whole hosts. docs/filters.md has the fields and operators.
    #[arg(long = "where", value_name = "EXPR", env = "SCANMILL_WHERE", help_heading = "Selection")]
    pub(in super::super) filter: Option<Filter>,
    /// Write a JSON summary of the run to this file, or - for standard error
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, env = "SCANMILL_REPORT",
        help_heading = "Output")]
    pub(in super::super) report: Option<OutputPath>,
}

/// Output of the tables: its destination, format and layout.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Output")]
pub(in super::super) struct HistoryTableArgs {
    /// Format: jsonl, csv or parquet
    ///
    /// Without it, the ending of OUT selects it: .jsonl, .ndjson, .csv or .parquet. An OUT without an ending is a folder
    /// of parquet; without OUT it is jsonl, one line per row.
    #[arg(long, value_name = "FORMAT", env = "SCANMILL_HISTORY_TO", value_parser = format())]
    to: Option<FormatArg>,
    /// Destination: a folder for both tables, a file for one or for jsonl, or - for standard output
    ///
    /// Text output is compressed if the name ends in .gz or .zst. Output is written under a
    /// temporary name, and gets its own when it is complete.
    #[arg(short, long, value_name = "OUT", value_hint = ValueHint::AnyPath, env = "SCANMILL_OUT")]
    out: Option<OutputPath>,
    /// Replace OUT if it exists; a folder only if scanmill wrote everything in it
    #[arg(long, env = "SCANMILL_OVERWRITE", value_parser = Switch::new())]
    overwrite: bool,
    /// Tables to write: `host_history`, `port_history` [default: both]
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    table: Vec<String>,
    /// Columns to write, in this order; needs a single --table
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    columns: Vec<String>,
    /// CSV: join lists of strings with SEP instead of writing them as JSON
    #[arg(long, value_name = "SEP", env = "SCANMILL_CSV_JOIN")]
    csv_join: Option<String>,
    /// CSV: write ' before text that a spreadsheet would interpret as a formula
    #[arg(long, env = "SCANMILL_CSV_SAFE", value_parser = Switch::new())]
    csv_safe: bool,
    /// Parquet: zstd(1) to zstd(22), snappy, lz4 or none [default: zstd(1)]
    #[arg(long, value_name = "CODEC", env = "SCANMILL_COMPRESSION", hide_short_help = true)]
    compression: Option<Compression>,
    /// Parquet: maximum number of rows per row group [default: 1048576]
    #[arg(long, value_name = "N", env = "SCANMILL_ROW_GROUP_ROWS", value_parser = parse_count,
        hide_short_help = true)]
    row_group_rows: Option<usize>,
    /// Parquet: maximum number of rows per file; tables become folders of part-N.parquet
    #[arg(long, value_name = "N", env = "SCANMILL_ROWS_PER_FILE", value_parser = parse_count,
        hide_short_help = true)]
    rows_per_file: Option<usize>,
}

/// Rules that assign looks to hosts, and that end their intervals.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Merging")]
pub(in super::super) struct HistoryRuleArgs {
    /// Property by which hosts are matched
    #[arg(long, value_name = "WHAT", default_value = "ip", env = "SCANMILL_IDENTITY")]
    pub(in super::super) identity: IdentityArg,
    /// Keep ports that a later scan covered and did not list
    #[arg(long, env = "SCANMILL_KEEP_COVERED", value_parser = Switch::new())]
    pub(in super::super) keep_covered: bool,
    /// Do not end intervals of ports when the host has another MAC address
    #[arg(long, env = "SCANMILL_KEEP_IDENTITY", value_parser = Switch::new())]
    pub(in super::super) keep_identity: bool,
    /// Folder for data that exceeds --memory [default: the system's]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, env = "SCANMILL_TEMP_DIR")]
    pub(in super::super) temp_dir: Option<OutputPath>,
}

/// Parses a format of tables. A history has neither nested lines nor feeds.
fn format() -> impl TypedValueParser<Value = FormatArg> {
    let formats = [
        FormatArg::Jsonl,
        FormatArg::Json,
        FormatArg::Csv,
        FormatArg::Markdown,
        FormatArg::Parquet,
        FormatArg::Arrow,
        FormatArg::Xlsx,
        FormatArg::Sqlite,
    ];
    PossibleValuesParser::new(formats.map(FormatArg::name))
        .try_map(|name| FormatArg::from_str(&name, false))
}

impl HistoryArgs {
    /// Returns the output options in the form that `convert` has.
    pub(in super::super) fn write(&self) -> WriteArgs {
        let args = &self.table;
        WriteArgs {
            to: args.to,
            out: args.out.clone(),
            overwrite: args.overwrite,
            table: args.table.clone(),
            columns: args.columns.clone(),
            csv_join: args.csv_join.clone(),
            csv_safe: args.csv_safe,
            compression: args.compression,
            row_group_rows: args.row_group_rows,
            rows_per_file: args.rows_per_file,
            ..WriteArgs::default()
        }
    }

    /// Returns the selection in the form that `convert` has.
    pub(in super::super) fn pick(&self) -> PickArgs {
        PickArgs { state: self.state.clone(), filter: self.filter.clone(), ..PickArgs::default() }
    }
}
