//! Options of `watch`.

use std::time::Duration;

use clap::{Args as ClapArgs, ValueEnum, ValueHint, builder::BoolishValueParser as Switch};

use super::{FeedArgs, LineArgs, OutputPath, ReadArgs, To, count, duration, size};

#[derive(Debug, ClapArgs)]
#[command(
    override_usage = "scanmill watch [OPTIONS] --out <FILE> <DIR>",
    mut_arg("inputs", |inputs| inputs
        .num_args(1)
        .value_name("DIR")
        .help("The folder whose files are read, and those of folders in it")
        .long_help(
            "The folder whose files are read, and those of folders in it, in byte order of their paths, except \
             hidden ones. Whatever convert reads is read",
        )),
    mut_arg("files_from", |list| list.hide(true))
)]
pub(in super::super) struct WatchArgs {
    #[command(flatten)]
    pub(in super::super) read: ReadArgs,
    /// Format of the feed: jsonl, ecs, ocsf or cim; with --changes jsonl or ecs [default: jsonl]
    #[arg(long, value_name = "FEED", env = "SCANMILL_TO", help_heading = "Feed")]
    pub(in super::super) to: Option<To>,
    /// File that the feed is appended to; it is made if there is none
    #[arg(
        short,
        long,
        value_name = "FILE",
        value_hint = ValueHint::FilePath,
        required = true,
        env = "SCANMILL_OUT",
        help_heading = "Feed"
    )]
    pub(in super::super) out: OutputPath,
    /// Write only what differs from the last known state of each host
    ///
    /// The state is the latest picture of all that was read since the state folder was new.
    #[arg(long, env = "SCANMILL_CHANGES", value_parser = Switch::new(), help_heading = "Feed")]
    pub(in super::super) changes: bool,
    /// With --changes: what the first look at a host gives, silent or events [default: silent]
    ///
    /// `silent` makes it the state against which later looks are compared; `events` reports the host and its
    /// open ports.
    #[arg(
        long,
        value_name = "WHAT",
        requires = "changes",
        env = "SCANMILL_BASELINE",
        help_heading = "Feed"
    )]
    pub(in super::super) baseline: Option<BaselineArg>,
    /// Go on in a new FILE before this one would grow beyond SIZE; the old one becomes FILE.1
    ///
    /// Older ones become FILE.2 and so on. The lines of one file that was read stay together.
    #[arg(long, value_name = "SIZE", value_parser = size, env = "SCANMILL_ROTATE_SIZE",
        help_heading = "Feed")]
    pub(in super::super) rotate_size: Option<usize>,
    /// Go on in a new FILE when this one is so old, such as 12h or 1d
    #[arg(long, value_name = "TIME", value_parser = duration, env = "SCANMILL_ROTATE_EVERY",
        help_heading = "Feed")]
    pub(in super::super) rotate_every: Option<Duration>,
    /// Old files to keep
    #[arg(long, value_name = "N", value_parser = count, default_value = "14",
        env = "SCANMILL_KEEP", help_heading = "Feed")]
    pub(in super::super) keep: usize,
    /// How long a file must have stayed as it is, if it does not end in </nmaprun>
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "2s",
        env = "SCANMILL_SETTLE", help_heading = "Watching")]
    pub(in super::super) settle: Duration,
    /// Where it is kept what was written [default: DIR/.scanmill]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, env = "SCANMILL_STATE_DIR",
        help_heading = "Watching")]
    pub(in super::super) state_dir: Option<OutputPath>,
    /// Read what is there, then end
    #[arg(long, env = "SCANMILL_ONCE", value_parser = Switch::new(), help_heading = "Watching")]
    pub(in super::super) once: bool,
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
