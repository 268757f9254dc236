//! Inputs, and the options for reading them.

use clap::{Args as ClapArgs, ValueHint, builder::BoolishValueParser as Switch};

use super::{InputPath, count, size};

/// Inputs, and the options for reading them.
#[derive(Debug, ClapArgs)]
pub(in super::super) struct ReadArgs {
    /// Files, folders, or - for standard input
    ///
    /// A folder stands for all files in it and below, in byte order of their paths, except hidden ones. Files
    /// compressed by gzip, bzip2, xz or zstd and tar and zip archives, in one another too, are told by their
    /// first bytes. What is not nmap XML in a folder or archive is counted and left out; a file that is named
    /// itself is an error then.
    #[arg(required_unless_present = "files_from", value_name = "INPUT",
        value_hint = ValueHint::AnyPath)]
    pub(in super::super) inputs: Vec<InputPath>,
    /// Read names of inputs from FILE, - for standard input, one a line or each ended by a NUL byte
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, env = "SCANMILL_FILES_FROM",
        help_heading = "Reading")]
    pub(in super::super) files_from: Option<InputPath>,
    /// Of folders and archives read only what matches; may be given several times
    ///
    /// A pattern without / is held against the last part of a path, any other against the whole path in the
    /// folder or archive; * stays within a part, ** does not.
    #[arg(long, value_name = "GLOB", help_heading = "Reading")]
    pub(in super::super) include: Vec<String>,
    /// Of folders and archives leave out what matches; may be given several times
    #[arg(long, value_name = "GLOB", help_heading = "Reading")]
    pub(in super::super) exclude: Vec<String>,
    #[command(flatten)]
    pub(in super::super) how: HowArgs,
}

/// Options for reading XML from any source.
#[derive(Debug, ClapArgs)]
pub(in super::super) struct HowArgs {
    /// End an input at its first warning; whole hosts before it stay, and the exit code is 3
    #[arg(long, env = "SCANMILL_STRICT", value_parser = Switch::new(), help_heading = "Reading")]
    pub(in super::super) strict: bool,
    /// Keep text as it is, even UTF-8 that nmap wrote one reference a byte
    #[arg(
        long,
        env = "SCANMILL_NO_TEXT_REPAIR",
        value_parser = Switch::new(),
        help_heading = "Reading"
    )]
    pub(in super::super) no_text_repair: bool,
    /// Name of a sensor, to tell apart scans of one command line and second
    ///
    /// It becomes part of the scan ids.
    #[arg(
        long,
        value_name = "NAME",
        default_value = "",
        hide_default_value = true,
        env = "SCANMILL_SCAN_SALT",
        help_heading = "Reading"
    )]
    pub(in super::super) scan_salt: String,
    /// Memory that the run may take [default: a quarter of the machine's, at least 2G]
    ///
    /// A smaller cap means fewer threads, and lower defaults of --max-host, --max-items, --max-run,
    /// --max-pending, --max-tag, --max-value, --max-zip and --commit-size. It is at least 128M.
    #[arg(long, value_name = "SIZE", value_parser = size, env = "SCANMILL_MEMORY",
        help_heading = "Reading")]
    pub(in super::super) memory: Option<usize>,
    #[command(flatten)]
    pub(in super::super) limits: LimitArgs,
}

/// Limits on the memory that an input may take. Sizes accept the suffixes K, M and G.
#[derive(Debug, Clone, ClapArgs)]
#[command(next_help_heading = "Limits")]
#[expect(clippy::struct_field_names, reason = "they are named as the options are")]
pub(in super::super) struct LimitArgs {
    /// Bytes of a value [default: 8M]
    #[arg(long, value_name = "SIZE", value_parser = size, hide_short_help = true)]
    pub(in super::super) max_value: Option<usize>,
    /// Bytes of a tag [default: 16M]
    #[arg(long, value_name = "SIZE", value_parser = size, hide_short_help = true)]
    pub(in super::super) max_tag: Option<usize>,
    /// Bytes of a host's XML [default: 64M]
    #[arg(long, value_name = "SIZE", value_parser = size, hide_short_help = true)]
    pub(in super::super) max_host: Option<usize>,
    /// Bytes of a scan's own scripts and scaninfo [default: 64M]
    #[arg(long, value_name = "SIZE", value_parser = size, hide_short_help = true)]
    pub(in super::super) max_run: Option<usize>,
    /// Bytes that wait for the first host of a scan without args [default: 16M]
    #[arg(long, value_name = "SIZE", value_parser = size, hide_short_help = true)]
    pub(in super::super) max_pending: Option<usize>,
    /// Open elements, one in another [default: 256]
    #[arg(long, value_name = "N", value_parser = count, hide_short_help = true)]
    pub(in super::super) max_depth: Option<usize>,
    /// Attributes of a tag [default: 256]
    #[arg(long, value_name = "N", value_parser = count, hide_short_help = true)]
    pub(in super::super) max_attributes: Option<usize>,
    /// Ports of a host [default: 1000000]
    #[arg(long, value_name = "N", value_parser = count, hide_short_help = true)]
    pub(in super::super) max_ports: Option<usize>,
    /// Memory for all that a host lists: ports, services, script values, names, hops [default: 512M]
    #[arg(long, value_name = "SIZE", value_parser = size, hide_short_help = true)]
    pub(in super::super) max_items: Option<usize>,
    /// Containers in one another: compressed files and archives [default: 4]
    #[arg(long, value_name = "N", value_parser = count, hide_short_help = true)]
    pub(in super::super) max_nesting: Option<usize>,
    /// Members of an archive [default: 1000000]
    #[arg(long, value_name = "N", value_parser = count, hide_short_help = true)]
    pub(in super::super) max_members: Option<usize>,
    /// How many times its size a compressed file or member may grow [default: 1000]
    #[arg(long, value_name = "N", value_parser = count, hide_short_help = true)]
    pub(in super::super) max_ratio: Option<usize>,
    /// Bytes that may come out of a compressed file or member [default: any number]
    #[arg(long, value_name = "SIZE", value_parser = size, hide_short_help = true)]
    pub(in super::super) max_decompressed: Option<usize>,
    /// Bytes of a zip archive that has to be held, in another container or from a pipe [default: 256M]
    #[arg(long, value_name = "SIZE", value_parser = size, hide_short_help = true)]
    pub(in super::super) max_zip: Option<usize>,
}
