//! Options of `diff`.

use clap::{
    Args as ClapArgs, ValueEnum, ValueHint,
    builder::{BoolishValueParser as Switch, PossibleValuesParser, TypedValueParser},
};

use super::{IdentityArg, LineArgs, OutputPath, ReadArgs, parse_count};
use crate::{diff::Sort, filter::Filter};

/// Port states that `--ignore-state` accepts.
const STATES: [&str; 6] =
    ["open", "closed", "filtered", "unfiltered", "open|filtered", "closed|filtered"];

/// Format of differences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in super::super) enum DiffFormatArg {
    Text,
    Jsonl,
    Csv,
    Parquet,
    /// Workbook of a spreadsheet
    Xlsx,
    /// SQLite database
    Sqlite,
    /// Events of the Elastic Common Schema
    Ecs,
}

#[derive(Debug, ClapArgs)]
#[command(
    override_usage = "scanmill diff [OPTIONS] <OLD> <NEW>",
    mut_arg("inputs", |inputs| inputs
        .num_args(2)
        .value_names(["OLD", "NEW"])
        .help("The older and the newer state: each a file or folder of one or more scans")
        .long_help(
            "The older and the newer state: each a file or folder of one or more scans, which are merged \
             first, the latest record of each port winning",
        )),
    mut_arg("files_from", |list| list.hide(true))
)]
pub(in super::super) struct DiffArgs {
    #[command(flatten)]
    pub(in super::super) read: ReadArgs,
    /// Format [default: by the ending of OUT, else text on a terminal, else jsonl]
    #[arg(long, value_name = "FORMAT", env = "SCANMILL_DIFF_TO", help_heading = "Output")]
    pub(in super::super) to: Option<DiffFormatArg>,
    /// File to write, or - for standard output
    #[arg(short, long, value_name = "OUT", value_hint = ValueHint::FilePath, help_heading = "Output")]
    pub(in super::super) out: Option<OutputPath>,
    /// Replace OUT if it exists
    #[arg(long, env = "SCANMILL_OVERWRITE", value_parser = Switch::new(), help_heading = "Output")]
    pub(in super::super) overwrite: bool,
    #[command(flatten)]
    pub(in super::super) line: LineArgs,
    /// Also show differences that occur at every scan: times and uptimes in the output of scripts
    #[arg(long, env = "SCANMILL_DIFF_ALL", value_parser = Switch::new(), help_heading = "Differences")]
    pub(in super::super) all: bool,
    /// Leave out categories of differences, such as `not_scanned` or `script`
    ///
    /// By type of change: `appeared`, `first_seen`, `gone`, `changed`, `moved`, `not_scanned`. By
    /// subject: `host`, `port`, `service`, `script`, `os`, `name`, `address`, `route`.
    #[arg(long, value_name = "KIND", value_delimiter = ',', value_parser = sort(),
        hide_possible_values = true, env = "SCANMILL_DIFF_IGNORE", help_heading = "Differences")]
    pub(in super::super) ignore: Vec<Sort>,
    /// Leave out all other categories of differences
    #[arg(long, value_name = "KIND", value_delimiter = ',', value_parser = sort(),
        hide_possible_values = true, env = "SCANMILL_DIFF_ONLY", help_heading = "Differences")]
    pub(in super::super) only: Vec<Sort>,
    /// Leave out scripts whose names match GLOB; may be given several times
    #[arg(
        long,
        value_name = "GLOB",
        env = "SCANMILL_DIFF_IGNORE_SCRIPT",
        help_heading = "Differences"
    )]
    pub(in super::super) ignore_script: Vec<String>,
    /// Leave out ports that are or were in STATE, unless they are or were open; may be given several times
    #[arg(long, value_name = "STATE", value_delimiter = ',', value_parser = STATES,
        env = "SCANMILL_DIFF_IGNORE_STATE", help_heading = "Differences")]
    pub(in super::super) ignore_state: Vec<String>,
    /// Report only what an expression selects in OLD or NEW, such as 'port in 1-1024'
    ///
    /// A difference of a port needs the port to be selected, any other difference its host.
    /// docs/filters.md has the fields and operators.
    #[arg(
        long = "where",
        value_name = "EXPR",
        env = "SCANMILL_WHERE",
        help_heading = "Differences"
    )]
    pub(in super::super) filter: Option<Filter>,
    /// Also end with 1 if one side did not look for something that the other side found
    #[arg(long, env = "SCANMILL_STRICT_COVERAGE", value_parser = Switch::new(),
        help_heading = "Differences")]
    pub(in super::super) strict_coverage: bool,
    /// Property by which hosts are matched
    #[arg(long, value_name = "WHAT", default_value = "ip", env = "SCANMILL_IDENTITY")]
    pub(in super::super) identity: IdentityArg,
    /// Folder for data that exceeds --memory [default: the system's]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, env = "SCANMILL_TEMP_DIR")]
    pub(in super::super) temp_dir: Option<OutputPath>,
    /// Number of threads that read [default: one per processor]
    #[arg(short = 'j', long, value_name = "N", value_parser = parse_count, env = "SCANMILL_THREADS",
        help_heading = "Reading")]
    pub(in super::super) threads: Option<usize>,
}

/// Parses the name of a category of differences.
fn sort() -> impl TypedValueParser<Value = Sort> {
    PossibleValuesParser::new(Sort::all().map(Sort::as_str)).try_map(|name| name.parse::<Sort>())
}
