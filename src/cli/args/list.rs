//! Options of `list`.

use clap::{Args as ClapArgs, ValueEnum, ValueHint, builder::BoolishValueParser as Switch};

use super::{OutputPath, ReadArgs, STATES, parse_count};
use crate::{filter::Filter, ops::ListKind};

/// Items to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in super::super) enum ListKindArg {
    /// Addresses of hosts; the name of a host without an address
    Hosts,
    /// Hosts as targets for nmap's -iL, one line per IPv4 /24: 192.0.2.1-6,9
    Targets,
    /// Host names
    Names,
    /// Networks of the addresses: 192.0.2.0/24
    Subnets,
    /// All ports on one line, for nmap's -p: T:22,80,U:53
    Ports,
    #[value(help = "Addresses with ports: 192.0.2.7:80, [2001:db8::7]:80")]
    HostPorts,
    /// Hosts with their ports as arguments of nmap: 192.0.2.7 -p 22,80
    HostPortGroups,
    #[value(help = "Addresses of web servers: https://192.0.2.7:8443")]
    Urls,
    /// Names of services: ssh, ssl/http
    Services,
}

impl ListKindArg {
    /// Returns the kind.
    pub(in super::super) const fn kind(self) -> ListKind {
        match self {
            Self::Hosts => ListKind::Hosts,
            Self::Targets => ListKind::Targets,
            Self::Names => ListKind::Names,
            Self::Subnets => ListKind::Subnets,
            Self::Ports => ListKind::Ports,
            Self::HostPorts => ListKind::HostPorts,
            Self::HostPortGroups => ListKind::HostPortGroups,
            Self::Urls => ListKind::Urls,
            Self::Services => ListKind::Services,
        }
    }
}

/// Examples at the end of the help, one per kind.
const EXAMPLES: &str = "\
Examples:
  scanmill list hosts scans/ > hosts.txt
  scanmill list targets scans/ --where 'port = 22' | nmap -sV -p 22 -iL -
  scanmill list names scans/ -o names.txt
  scanmill list subnets scans/ --prefix-v4 16
  nmap -sU -sS -p \"$(scanmill list ports old.xml)\" 192.0.2.0/24
  scanmill list host-ports scans/ --where 'service = ssh'
  scanmill list host-port-groups scans/ | xargs -L 1 nmap -sV
  scanmill list urls scans/ --names --certificates
  scanmill list services scans/ --where 'ip in 10.0.0.0/8'";

#[derive(Debug, ClapArgs)]
#[command(
    override_usage = "scanmill list [OPTIONS] <KIND> <INPUT>...",
    after_help = EXAMPLES
)]
pub(in super::super) struct ListArgs {
    /// Items to list
    #[arg(value_name = "KIND")]
    pub(in super::super) kind: ListKindArg,
    #[command(flatten)]
    pub(in super::super) read: ReadArgs,
    /// List what an expression selects, such as 'port in 1-1024 and service ~ http*'
    ///
    /// docs/filters.md has the fields and operators.
    #[arg(long = "where", value_name = "EXPR", env = "SCANMILL_WHERE", help_heading = "Selection")]
    pub(in super::super) filter: Option<Filter>,
    /// Port states to list, such as open or open|filtered [default: open]
    ///
    /// Hosts, targets, names and subnets then need a port in one of these states.
    #[arg(long, value_name = "STATE,...", value_delimiter = ',', value_parser = STATES,
        env = "SCANMILL_STATE", help_heading = "Selection")]
    pub(in super::super) state: Vec<String>,
    /// List hosts by their names, as far as they have any
    #[arg(long, env = "SCANMILL_NAMES", value_parser = Switch::new(), help_heading = "Selection")]
    pub(in super::super) names: bool,
    /// names, urls: also list names in certificates that the script ssl-cert read
    #[arg(long, env = "SCANMILL_CERTIFICATES", value_parser = Switch::new(),
        help_heading = "Selection")]
    pub(in super::super) certificates: bool,
    /// subnets: length of the prefix of IPv4 networks
    #[arg(long, value_name = "BITS", default_value = "24", env = "SCANMILL_PREFIX_V4",
        value_parser = clap::value_parser!(u8).range(0..=32), help_heading = "Selection")]
    pub(in super::super) prefix_v4: u8,
    /// subnets: length of the prefix of IPv6 networks
    #[arg(long, value_name = "BITS", default_value = "64", env = "SCANMILL_PREFIX_V6",
        value_parser = clap::value_parser!(u8).range(0..=128), help_heading = "Selection")]
    pub(in super::super) prefix_v6: u8,
    /// File to write, or - for standard output
    #[arg(short, long, value_name = "OUT", value_hint = ValueHint::FilePath, env = "SCANMILL_OUT",
        help_heading = "Output")]
    pub(in super::super) out: Option<OutputPath>,
    /// Replace OUT if it exists
    #[arg(long, env = "SCANMILL_OVERWRITE", value_parser = Switch::new(), help_heading = "Output")]
    pub(in super::super) overwrite: bool,
    /// End each item with a NUL byte instead of a line break, for xargs -0
    #[arg(short = '0', long, env = "SCANMILL_NULL", value_parser = Switch::new(),
        help_heading = "Output")]
    pub(in super::super) null: bool,
    /// Number of threads that read [default: one per processor]
    #[arg(short = 'j', long, value_name = "N", value_parser = parse_count, env = "SCANMILL_THREADS",
        help_heading = "Reading")]
    pub(in super::super) threads: Option<usize>,
}
