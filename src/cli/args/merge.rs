//! Options of `merge`.

use std::{path::Path, time::Duration};

use clap::{Args as ClapArgs, ValueEnum, ValueHint, builder::BoolishValueParser as Switch};

use super::{ConvertArgs, OutputPath, STATES, parse_duration, refuse_url};
use crate::merge::Precedence;

#[derive(Debug, ClapArgs)]
#[command(
    override_usage = "scanmill merge [OPTIONS] <CALLER> [OTHER]...",
    mut_arg("inputs", |input| input
        .value_names(["CALLER", "OTHER"])
        .help("The caller's scan, then others: files, folders, or - for standard input")
        .long_help(
            "The caller's scan, then others: files, folders, or - for standard input\n\n\
             The arguments are in order of precedence; a folder stands for its files in byte order of \
             their paths. All inputs of convert are accepted",
        )),
    mut_arg("state", |state| state
        .value_name("FILE|STATE,...")
        .value_delimiter(None)
        .value_parser(state_or_file)
        .help_heading("Merging")
        .help("Continue from the state in FILE, if it exists, and save the new one there; or STATE,...: ports to keep")
        .long_help(
            "Continue from the state in FILE, if it exists, and save the new one there\n\n\
             The result equals merging all scans so far in one run. The file belongs to one --policy, --identity \
             and set of flags, and is replaced together with the output.\n\n\
             A list of port states, such as open or open|filtered, selects the ports to keep, as in convert. Both may be given",
        )),
    mut_arg("hash", |hash| hash.hide(true)),
    mut_arg("follow", |follow| follow.hide(true)),
    // Merging always uses the best copy of a scan, so the option has no effect.
    mut_arg("dedup", |dedup| dedup.hide(true)),
    mut_arg("expand_extraports", |expand| expand.hide(true))
)]
pub(in super::super) struct MergeArgs {
    #[command(flatten)]
    pub(in super::super) convert: ConvertArgs,
    #[command(flatten)]
    pub(in super::super) merge: MergeRuleArgs,
}

/// Returns true if a value of `--state` lists port states; otherwise it names a file.
pub(in super::super) fn is_state_list(value: &str) -> bool {
    value.split(',').all(|state| STATES.contains(&state))
}

/// Checks a value of `--state`: a list of port states, or a file. Refuses a name that may be a
/// mistyped state.
fn state_or_file(value: &str) -> Result<String, String> {
    if is_state_list(value) {
        return Ok(value.to_owned());
    }
    refuse_url(Path::new(value))?;
    let is_path = value.contains(['/', '.']);
    let begins_alike = |state: &&'static str| {
        let begin = state.get(..2).unwrap_or(state);
        value.get(..begin.len()).is_some_and(|own| own.eq_ignore_ascii_case(begin))
    };
    let is_doubtful = !is_path && (value.contains(',') || STATES.iter().any(begins_alike));
    if value.is_empty() || value == "-" || is_doubtful {
        return Err(format!(
            "neither a list of states ({}) nor clearly a file: write ./{value} for a file",
            STATES.join(", ")
        ));
    }
    Ok(value.to_owned())
}

/// Key by which hosts of several scans are matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in super::super) enum IdentityArg {
    /// IP address, or else MAC address, or else name
    Ip,
    /// MAC address, or else as with ip
    Mac,
    /// Name, or else as with ip
    Hostname,
}

#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Merging")]
#[expect(clippy::struct_excessive_bools, reason = "each is an option")]
pub(in super::super) struct MergeRuleArgs {
    /// Which record of a port or host wins: caller, first, latest or best [default: caller]
    ///
    /// caller and first: the record of the first input, with gaps filled from the others. latest:
    /// the current state; ports that a later scan covered and did not list are gone, and a quick
    /// scan does not hide versions. best: the record with the most data on the service.
    /// docs/merge.md has the rules.
    #[arg(long, value_name = "POLICY", env = "SCANMILL_POLICY")]
    pub(in super::super) policy: Option<Precedence>,
    /// Property by which hosts are matched
    #[arg(long, value_name = "WHAT", default_value = "ip", env = "SCANMILL_IDENTITY")]
    pub(in super::super) identity: IdentityArg,
    /// Also write the table conflicts: each value that lost, to which value, and by which rule
    ///
    /// In nested JSONL they are part of their host's line.
    #[arg(long, env = "SCANMILL_EXPLAIN", value_parser = Switch::new())]
    pub(in super::super) explain: bool,
    /// With latest: keep ports that a later scan covered and did not list
    #[arg(long, env = "SCANMILL_KEEP_COVERED", value_parser = Switch::new())]
    pub(in super::super) keep_covered: bool,
    /// With latest: keep data on a host from before it had another MAC address
    #[arg(long, env = "SCANMILL_KEEP_IDENTITY", value_parser = Switch::new())]
    pub(in super::super) keep_identity: bool,
    /// Leave out hosts and ports not seen for this long, such as 30d, counted back from the newest scan of a host
    #[arg(long, value_name = "TIME", value_parser = parse_duration, env = "SCANMILL_MAX_AGE")]
    pub(in super::super) max_age: Option<Duration>,
    /// Folder for data that exceeds --memory [default: the system's]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, env = "SCANMILL_TEMP_DIR")]
    pub(in super::super) temp_dir: Option<OutputPath>,
    /// Take no TCP ports from scans other than the first
    #[arg(long, hide_short_help = true)]
    pub(in super::super) no_tcp: bool,
    /// Take no UDP ports
    #[arg(long, hide_short_help = true)]
    pub(in super::super) no_udp: bool,
    /// Take no SCTP ports
    #[arg(long, hide_short_help = true)]
    pub(in super::super) no_sctp: bool,
    /// Take no IP protocols
    #[arg(long, hide_short_help = true)]
    pub(in super::super) no_ip: bool,
    /// Take no host scripts; port scripts follow their port
    #[arg(long, hide_short_help = true)]
    pub(in super::super) no_scripts: bool,
    /// Take no routes
    #[arg(long, hide_short_help = true)]
    pub(in super::super) no_trace: bool,
    /// Take no data of operating system detection
    #[arg(long, hide_short_help = true)]
    pub(in super::super) no_os: bool,
    /// Accepted, without effect: no table lists targets that were not scanned
    #[arg(long, hide_short_help = true)]
    pub(in super::super) no_non_scanned: bool,
    /// Take no host names and addresses for known hosts
    #[arg(long, hide_short_help = true)]
    pub(in super::super) no_names: bool,
    /// Take no uptimes, distances, sequences and comments
    #[arg(long, hide_short_help = true)]
    pub(in super::super) no_details: bool,
}
