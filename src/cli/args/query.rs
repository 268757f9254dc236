//! Options of `query`.

use clap::{Args as ClapArgs, ValueEnum, ValueHint, builder::BoolishValueParser as Switch};

use super::{OutputPath, PickArgs, ReadArgs, parse_count};

/// Format of the result of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in super::super) enum QueryFormatArg {
    /// Aligned columns, for people
    Table,
    Csv,
    /// One object per row
    Jsonl,
}

#[cfg(feature = "full")]
impl QueryFormatArg {
    /// Returns the name of the format as `--to` accepts it.
    pub(in super::super) const fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
        }
    }
}

#[derive(Debug, ClapArgs)]
#[command(
    override_usage = "scanmill query [OPTIONS] <INPUT>... <SQL>",
    mut_arg("inputs", |inputs| inputs
        .help("Scans, as for convert, and one SELECT statement as the last argument")
        .long_help(
            "Scans, as for convert, and one SELECT statement in the SQL of SQLite as the last argument\n\n\
             The tables are those of `scanmill schema`. Only those that the statement names are loaded",
        ))
)]
pub(in super::super) struct QueryArgs {
    #[command(flatten)]
    pub(in super::super) read: ReadArgs,
    /// Format [default: by the ending of OUT, else table on a terminal, else csv]
    #[arg(long, value_name = "FORMAT", env = "SCANMILL_QUERY_TO", help_heading = "Output")]
    pub(in super::super) to: Option<QueryFormatArg>,
    /// File to write, or - for standard output
    #[arg(short, long, value_name = "OUT", value_hint = ValueHint::FilePath, help_heading = "Output")]
    pub(in super::super) out: Option<OutputPath>,
    /// Replace OUT if it exists
    #[arg(long, env = "SCANMILL_OVERWRITE", value_parser = Switch::new(), help_heading = "Output")]
    pub(in super::super) overwrite: bool,
    #[command(flatten)]
    pub(in super::super) pick: PickArgs,
    /// Number of threads that read [default: one per processor]
    ///
    /// The result is the same for any number.
    #[arg(short = 'j', long, value_name = "N", value_parser = parse_count, env = "SCANMILL_THREADS",
        help_heading = "Reading")]
    pub(in super::super) threads: Option<usize>,
}
