//! How `diff` compares.

use clap::{Args as ClapArgs, ValueEnum, ValueHint, builder::BoolishValueParser as Switch};

use super::{By, LineArgs, OutputPath, ReadArgs, count};

/// Form of differences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in super::super) enum DiffTo {
    Text,
    Jsonl,
    Csv,
    Parquet,
    /// Events of Elastic Common Schema
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
    pub(in super::super) to: Option<DiffTo>,
    /// File to write, - for standard output
    #[arg(short, long, value_name = "OUT", value_hint = ValueHint::FilePath, help_heading = "Output")]
    pub(in super::super) out: Option<OutputPath>,
    /// Replace OUT if it exists
    #[arg(long, env = "SCANMILL_OVERWRITE", value_parser = Switch::new(), help_heading = "Output")]
    pub(in super::super) overwrite: bool,
    #[command(flatten)]
    pub(in super::super) line: LineArgs,
    /// What makes two hosts the same
    #[arg(long, value_name = "WHAT", default_value = "ip", env = "SCANMILL_IDENTITY")]
    pub(in super::super) identity: By,
    /// Folder for what does not fit into --memory [default: the system's]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, env = "SCANMILL_TEMP_DIR")]
    pub(in super::super) temp_dir: Option<OutputPath>,
    /// Threads that read [default: one for each processor]
    #[arg(short = 'j', long, value_name = "N", value_parser = count, env = "SCANMILL_THREADS",
        help_heading = "Reading")]
    pub(in super::super) threads: Option<usize>,
}
