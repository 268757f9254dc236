//! Options of `watch`.

use std::time::Duration;

use clap::{Args as ClapArgs, ValueEnum, ValueHint, builder::BoolishValueParser as Switch};

use super::{
    FeedArgs, FormatArg, LineArgs, OutputPath, ReadArgs, parse_count, parse_duration, parse_size,
};
use crate::filter::Filter;

#[derive(Debug, ClapArgs)]
#[command(
    override_usage = "scanmill watch [OPTIONS] --out <FILE> <DIR>\n       scanmill watch --status[=json] <DIR>",
    mut_arg("inputs", |inputs| inputs
        .num_args(1)
        .value_name("DIR")
        .help("The folder whose files are read, including its subfolders")
        .long_help(
            "The folder whose files are read, including its subfolders, in byte order of their paths, except \
             hidden ones. All inputs of convert are accepted",
        )),
    mut_arg("files_from", |list| list.hide(true))
)]
pub(in super::super) struct WatchArgs {
    #[command(flatten)]
    pub(in super::super) read: ReadArgs,
    /// Format of the feed: jsonl, ecs, ocsf or cim; with --changes jsonl or ecs [default: jsonl]
    #[arg(long, value_name = "FEED", env = "SCANMILL_TO", help_heading = "Feed")]
    pub(in super::super) to: Option<FormatArg>,
    /// File that the feed is appended to; it is created if it does not exist
    #[arg(
        short,
        long,
        value_name = "FILE",
        value_hint = ValueHint::FilePath,
        required_unless_present = "status",
        env = "SCANMILL_OUT",
        help_heading = "Feed"
    )]
    pub(in super::super) out: Option<OutputPath>,
    /// Write only differences from the last known state of each host
    ///
    /// The state is merged from everything that was read since the state folder was created.
    #[arg(long, env = "SCANMILL_CHANGES", value_parser = Switch::new(), help_heading = "Feed")]
    pub(in super::super) changes: bool,
    /// With --changes: output for the first look at a host, silent or events [default: silent]
    ///
    /// `silent` only records it as the state that later looks are compared with; `events` reports
    /// the host and its open ports.
    #[arg(
        long,
        value_name = "WHAT",
        requires = "changes",
        env = "SCANMILL_BASELINE",
        help_heading = "Feed"
    )]
    pub(in super::super) baseline: Option<BaselineArg>,
    /// Continue in a new FILE before this one exceeds SIZE; the old one becomes FILE.1
    ///
    /// Older ones become FILE.2 and so on. The lines of one input file stay together.
    #[arg(long, value_name = "SIZE", value_parser = parse_size, env = "SCANMILL_ROTATE_SIZE",
        help_heading = "Feed")]
    pub(in super::super) rotate_size: Option<usize>,
    /// Continue in a new FILE when this one has reached this age, such as 12h or 1d
    #[arg(long, value_name = "TIME", value_parser = parse_duration, env = "SCANMILL_ROTATE_EVERY",
        help_heading = "Feed")]
    pub(in super::super) rotate_every: Option<Duration>,
    /// Number of old files to keep
    #[arg(long, value_name = "N", value_parser = parse_count, default_value = "14",
        env = "SCANMILL_KEEP", help_heading = "Feed")]
    pub(in super::super) keep: usize,
    /// Write what an expression selects, such as 'port in 1-1024 and service ~ http*'
    ///
    /// An expression about ports selects ports, and hosts with such a port; one about hosts selects
    /// whole hosts. docs/filters.md has the fields and operators.
    #[arg(long = "where", value_name = "EXPR", env = "SCANMILL_WHERE", help_heading = "Feed")]
    pub(in super::super) filter: Option<Filter>,
    /// Time that a file must stay unchanged before it is read, if it does not end in </nmaprun>
    #[arg(long, value_name = "TIME", value_parser = parse_duration, default_value = "2s",
        env = "SCANMILL_SETTLE", help_heading = "Watching")]
    pub(in super::super) settle: Duration,
    /// Folder that records what was written [default: DIR/.scanmill]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, env = "SCANMILL_STATE_DIR",
        help_heading = "Watching")]
    pub(in super::super) state_dir: Option<OutputPath>,
    /// Keep metrics in FILE, in the text format of Prometheus, for the textfile collector of `node_exporter`
    ///
    /// FILE is replaced as a whole whenever they change. An existing FILE must be one that watch has
    /// written.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, env = "SCANMILL_METRICS",
        help_heading = "Watching")]
    pub(in super::super) metrics: Option<OutputPath>,
    /// ecs: write an event that shows that the watch runs when nothing was written for this time
    #[arg(long, value_name = "TIME", value_parser = parse_duration, conflicts_with = "once",
        env = "SCANMILL_HEARTBEAT", help_heading = "Watching")]
    pub(in super::super) heartbeat: Option<Duration>,
    /// Read the existing files, then end
    #[arg(long, env = "SCANMILL_ONCE", value_parser = Switch::new(), help_heading = "Watching")]
    pub(in super::super) once: bool,
    /// Print what was read, what is waiting and what failed, as text or as a line of JSON, and end
    ///
    /// The watch may be running. Add the options of the watch: of them, --state-dir, --out,
    /// --include and --exclude matter.
    #[arg(long, value_name = "FORM", num_args = 0..=1, require_equals = true,
        default_missing_value = "text", conflicts_with = "once", help_heading = "Watching")]
    pub(in super::super) status: Option<StatusForm>,
    #[command(flatten)]
    pub(in super::super) feed: FeedArgs,
    #[command(flatten)]
    pub(in super::super) line: LineArgs,
}

/// Events for the first look at a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in super::super) enum BaselineArg {
    Silent,
    Events,
}

/// Form of the status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in super::super) enum StatusForm {
    Text,
    Json,
}
