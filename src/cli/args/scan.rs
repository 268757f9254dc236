//! Options of `scan`.

use clap::{Args as ClapArgs, ValueHint, builder::BoolishValueParser as Switch};

use super::{OutputPath, PickArgs, ProgramPath, WriteArgs, XmlArgs, parse_count};

#[derive(Debug, ClapArgs)]
#[command(mut_arg("dedup", |dedup| dedup.hide(true)))]
pub(in super::super) struct ScanArgs {
    #[command(flatten)]
    pub(in super::super) nmap: NmapArgs,
    #[command(flatten)]
    pub(in super::super) write: WriteArgs,
    #[command(flatten)]
    pub(in super::super) pick: PickArgs,
    #[command(flatten)]
    pub(in super::super) xml: XmlArgs,
    /// Number of threads that write and merge [default: one per processor]
    #[arg(short = 'j', long, value_name = "N", value_parser = parse_count, env = "SCANMILL_THREADS",
        help_heading = "Reading")]
    pub(in super::super) threads: Option<usize>,
    /// Store the SHA-256 of each document in the column `content_sha256`
    #[arg(long, env = "SCANMILL_HASH", value_parser = Switch::new(), help_heading = "Reading")]
    pub(in super::super) hash: bool,
    /// Folder for data that exceeds --memory, and with --parallel for nmap's XML [default: the
    /// system's]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, env = "SCANMILL_TEMP_DIR",
        help_heading = "Reading")]
    pub(in super::super) temp_dir: Option<OutputPath>,
    /// Run the programs in this TOML file on hosts and ports, as scripts
    ///
    /// Their output becomes scripts of the host or port, with the origin `engine`. docs/scan.md
    /// describes the format of the file.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Engine")]
    pub(in super::super) engine: Option<ProgramPath>,
    /// Write a JSON summary of the run to this file, or - for standard error
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, env = "SCANMILL_REPORT",
        help_heading = "Output")]
    pub(in super::super) report: Option<OutputPath>,
}

/// Request to nmap, and the way to start it.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Scan")]
pub(in super::super) struct NmapArgs {
    /// Addresses, networks, ranges, names and URLs; commas may separate them, too
    ///
    /// For example `192.0.2.7`, `192.0.2.0/28`, `192.0.2.1-192.0.2.9`, `192.0.2-3.1-20`,
    /// `2001:db8::/120` or `web.example`. Of an IPv4 network, the network and broadcast addresses
    /// are left out.
    #[arg(required = true, value_name = "TARGET", help_heading = "Arguments")]
    pub(in super::super) targets: Vec<String>,
    /// Ports to scan, such as 22,80-90 [default: nmap's]
    #[arg(short, long, value_name = "PORTS", allow_hyphen_values = true)]
    pub(in super::super) ports: Option<String>,
    /// Further arguments of nmap, split as a shell would split them, such as "-sV -T4"
    ///
    /// Targets, ports, output and verbosity are not accepted here: scanmill sets them.
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true,
        allow_hyphen_values = true
    )]
    pub(in super::super) args: String,
    /// Run nmap as root, with sudo
    #[arg(long)]
    pub(in super::super) sudo: bool,
    /// Path of nmap, or its name on PATH
    #[arg(long, value_name = "PATH", value_hint = ValueHint::CommandName, default_value = "nmap",
        env = "SCANMILL_NMAP")]
    pub(in super::super) nmap: ProgramPath,
    /// Also write nmap's XML to FILE, unchanged and while it runs
    ///
    /// With --parallel, one file per process: scan.xml becomes scan.1.xml, scan.2.xml and so on.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(in super::super) keep_xml: Option<OutputPath>,
    /// Name of the scan in the column `source`, in messages and in the report
    #[arg(long, value_name = "TEXT", default_value = "nmap", env = "SCANMILL_NAME")]
    pub(in super::super) name: String,
    /// Split the targets among N nmap processes, and merge their results
    ///
    /// Hosts are written when all processes have ended. They are merged as by `merge` and have its
    /// columns.
    #[arg(long, value_name = "N", value_parser = parse_count, default_value = "1",
        hide_default_value = true)]
    pub(in super::super) parallel: usize,
    /// Print the commands that would be run, one line per process, and run nothing
    #[arg(long)]
    pub(in super::super) dry_run: bool,
}
