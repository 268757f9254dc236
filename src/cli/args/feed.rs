//! Options of feeds for SIEMs.

use clap::{Args as ClapArgs, ValueEnum, builder::BoolishValueParser as Switch};

use super::parse_size;
use crate::feed::MIN_LINE_BYTES;

/// Value of `event.kind`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in super::super) enum EventKindArg {
    State,
    Asset,
}

/// Versions of OCSF.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in super::super) enum OcsfVersion {
    #[value(name = "1.6.0")]
    V1_6,
    #[value(name = "1.7.0")]
    V1_7,
    #[value(name = "1.8.0")]
    V1_8,
}

/// Selection of events for hosts and scans.
#[derive(Debug, Default, ClapArgs)]
#[command(next_help_heading = "Feeds")]
#[expect(clippy::struct_excessive_bools, reason = "each is an option")]
pub(in super::super) struct FeedArgs {
    /// ecs: write events for ports in any state, not only for open ones
    #[arg(long, env = "SCANMILL_ALL_PORTS", value_parser = Switch::new(), hide_short_help = true)]
    pub(in super::super) all_ports: bool,
    /// ocsf: write events for all hosts, not only for those that are up
    #[arg(long, env = "SCANMILL_ALL_HOSTS", value_parser = Switch::new(), hide_short_help = true)]
    pub(in super::super) all_hosts: bool,
    /// ecs: write one event per script result
    #[arg(long, env = "SCANMILL_SCRIPT_EVENTS", value_parser = Switch::new(), hide_short_help = true)]
    pub(in super::super) script_events: bool,
    /// ocsf: write one event per product on an open port
    #[arg(long, env = "SCANMILL_SOFTWARE_EVENTS", value_parser = Switch::new(),
        hide_short_help = true)]
    pub(in super::super) software_events: bool,
    /// Minimum accuracy of a match that names the operating system, in percent [default: 85]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(0..=100),
        env = "SCANMILL_OS_MIN", hide_short_help = true)]
    pub(in super::super) os_min: Option<i32>,
    /// ecs: kind of the events of hosts, ports and scripts [default: state]
    #[arg(long, value_name = "KIND", env = "SCANMILL_EVENT_KIND", hide_short_help = true)]
    pub(in super::super) event_kind: Option<EventKindArg>,
    /// ocsf: version of the schema [default: 1.8.0]
    #[arg(long, value_name = "VERSION", env = "SCANMILL_OCSF_VERSION", hide_short_help = true)]
    pub(in super::super) ocsf_version: Option<OcsfVersion>,
    /// cim: wrap each event for the HTTP Event Collector
    #[arg(long, env = "SCANMILL_HEC", value_parser = Switch::new(), hide_short_help = true)]
    pub(in super::super) hec: bool,
}

/// Fields that all events of a feed share, and the limit on the length of their lines.
#[derive(Debug, Default, ClapArgs)]
#[command(next_help_heading = "Feeds")]
pub(in super::super) struct LineArgs {
    /// ecs: name of the sensor (observer.name); cim with --hec: the host of each event
    #[arg(long, value_name = "NAME", env = "SCANMILL_SENSOR", value_parser = sensor,
        hide_short_help = true)]
    pub(in super::super) sensor: Option<String>,
    /// ecs: namespace of the data stream [default: default]
    #[arg(long, value_name = "NAME", env = "SCANMILL_NAMESPACE", value_parser = namespace,
        hide_short_help = true)]
    pub(in super::super) namespace: Option<String>,
    /// ecs, ocsf: write requests for the bulk API, which create documents in this index by their
    /// IDs
    #[arg(long, value_name = "INDEX", env = "SCANMILL_BULK", value_parser = index,
        hide_short_help = true)]
    pub(in super::super) bulk: Option<String>,
    /// Maximum length of a line of ecs, ocsf and cim, in bytes [default: 32K]
    ///
    /// Longer lines are shortened and marked: first values and output of scripts, then
    /// fingerprints, banners, lists of ports and routes, but never IDs and times.
    #[arg(long, value_name = "SIZE", env = "SCANMILL_MAX_LINE", value_parser = line,
        hide_short_help = true)]
    pub(in super::super) max_line: Option<usize>,
}

/// Maximum length of a name, in bytes: the limit of Elasticsearch for the name of an index.
const NAME: usize = 255;

fn sensor(text: &str) -> Result<String, String> {
    let fits = !text.is_empty() && text.len() <= NAME && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned()).ok_or_else(|| "a name of 1 to 255 bytes is needed".to_owned())
}

fn namespace(text: &str) -> Result<String, String> {
    let fits = name(text) && text.len() <= 100 && !text.contains('-');
    fits.then(|| text.to_owned()).ok_or_else(|| {
        "a namespace has up to 100 bytes, without capitals, blanks and any of \\/*?\"<>|,#:-"
            .to_owned()
    })
}

fn index(text: &str) -> Result<String, String> {
    let fits = name(text) && text.len() <= NAME && !text.starts_with(['-', '_', '+', '.']);
    fits.then(|| text.to_owned()).ok_or_else(|| {
        "an index has up to 255 bytes, without capitals, blanks and any of \\/*?\"<>|,#:".to_owned()
    })
}

/// Returns true if Elasticsearch accepts an index with this name.
fn name(text: &str) -> bool {
    let odd = |c: char| {
        c.is_uppercase() || c.is_whitespace() || c.is_control() || "\\/*?\"<>|,#:".contains(c)
    };
    !text.is_empty() && !text.contains(odd)
}

fn line(text: &str) -> Result<usize, String> {
    let bytes = parse_size(text)?;
    if bytes < MIN_LINE_BYTES {
        return Err(format!("a line needs {} at least", super::format_size(MIN_LINE_BYTES)));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_valid_for_an_index() {
        assert!(namespace("default").is_ok() && index("nmap-2024").is_ok());
        for odd in ["", "A", "a b", "a/b", "a\"b", "a:b", "a\n"] {
            assert!(namespace(odd).is_err() && index(odd).is_err(), "{odd:?}");
        }
        assert!(namespace("a-b").is_err() && index("_a").is_err());
        assert!(sensor("Büro 1").is_ok() && sensor("").is_err() && sensor("a\nb").is_err());
    }

    #[test]
    fn a_line_has_room_for_what_is_never_truncated() {
        assert_eq!(line("8K"), Ok(8192));
        assert!(line("8191").is_err() && line("x").is_err());
    }
}
