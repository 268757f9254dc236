//! Inputs, and the options for reading them.

use clap::{Args as ClapArgs, ValueHint, builder::BoolishValueParser as Switch};

use super::{InputPath, parse_count, parse_size};

/// Inputs, and the options for reading them.
#[derive(Debug, ClapArgs)]
pub(in super::super) struct ReadArgs {
    /// Files, folders, or - for standard input
    ///
    /// A folder stands for all files in it and its subfolders, in byte order of their paths, except
    /// hidden ones. Files compressed with gzip, bzip2, xz or zstd and tar and zip archives, also
    /// nested, are recognized by their first bytes. Files in a folder or archive that are not nmap
    /// XML are counted and left out; for a file that is named itself this is an error.
    #[arg(required_unless_present = "files_from", value_name = "INPUT",
        value_hint = ValueHint::AnyPath)]
    pub(in super::super) inputs: Vec<InputPath>,
    /// Read names of inputs from FILE, or - for standard input, one per line or each ended by a NUL
    /// byte
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, env = "SCANMILL_FILES_FROM",
        help_heading = "Reading")]
    pub(in super::super) files_from: Option<InputPath>,
    /// Read only matching files of folders and archives; may be given several times
    ///
    /// A pattern without / is compared with the last part of a path, any other with the whole path
    /// in the folder or archive; * matches within a part, ** across parts.
    #[arg(long, value_name = "GLOB", help_heading = "Reading")]
    pub(in super::super) include: Vec<String>,
    /// Leave out matching files of folders and archives; may be given several times
    #[arg(long, value_name = "GLOB", help_heading = "Reading")]
    pub(in super::super) exclude: Vec<String>,
    #[command(flatten)]
    pub(in super::super) xml: XmlArgs,
}

/// Options for reading XML from any source.
#[derive(Debug, ClapArgs)]
pub(in super::super) struct XmlArgs {
    /// End an input at its first warning; complete hosts before it are kept, and the exit code is 3
    #[arg(long, env = "SCANMILL_STRICT", value_parser = Switch::new(), help_heading = "Reading")]
    pub(in super::super) strict: bool,
    /// Keep UTF-8 that nmap wrote byte by byte as it is
    #[arg(
        long,
        env = "SCANMILL_NO_TEXT_REPAIR",
        value_parser = Switch::new(),
        help_heading = "Reading"
    )]
    pub(in super::super) no_text_repair: bool,
    /// Name of a sensor, to distinguish scans with the same command line and second
    ///
    /// It becomes part of the scan IDs.
    #[arg(
        long,
        value_name = "NAME",
        default_value = "",
        hide_default_value = true,
        env = "SCANMILL_SCAN_SALT",
        help_heading = "Reading"
    )]
    pub(in super::super) scan_salt: String,
    /// Memory that the run may use [default: a quarter of the machine's, at least 2G]
    ///
    /// A smaller limit means fewer threads, and lower defaults of --max-host, --max-items,
    /// --max-run, --max-pending, --max-tag, --max-value, --max-zip and --commit-size. The minimum
    /// is 128M.
    #[arg(long, value_name = "SIZE", value_parser = parse_size, env = "SCANMILL_MEMORY",
        help_heading = "Reading")]
    pub(in super::super) memory: Option<usize>,
    #[command(flatten)]
    pub(in super::super) limits: LimitArgs,
}

/// Limits on the memory that an input may take. Sizes accept the suffixes K, M and G.
#[derive(Debug, Clone, ClapArgs)]
#[command(next_help_heading = "Limits")]
#[expect(clippy::struct_field_names, reason = "fields have the names of the options")]
pub(in super::super) struct LimitArgs {
    /// Maximum size of a value [default: 8M]
    #[arg(long, value_name = "SIZE", value_parser = parse_size, hide_short_help = true)]
    pub(in super::super) max_value: Option<usize>,
    /// Maximum size of a tag [default: 16M]
    #[arg(long, value_name = "SIZE", value_parser = parse_size, hide_short_help = true)]
    pub(in super::super) max_tag: Option<usize>,
    /// Maximum size of a host's XML [default: 64M]
    #[arg(long, value_name = "SIZE", value_parser = parse_size, hide_short_help = true)]
    pub(in super::super) max_host: Option<usize>,
    /// Maximum size of a scan's own scripts and scaninfo [default: 64M]
    #[arg(long, value_name = "SIZE", value_parser = parse_size, hide_short_help = true)]
    pub(in super::super) max_run: Option<usize>,
    /// Maximum size of rows that wait for the first host of a scan without args [default: 16M]
    #[arg(long, value_name = "SIZE", value_parser = parse_size, hide_short_help = true)]
    pub(in super::super) max_pending: Option<usize>,
    /// Maximum nesting of elements [default: 256]
    #[arg(long, value_name = "N", value_parser = parse_count, hide_short_help = true)]
    pub(in super::super) max_depth: Option<usize>,
    /// Maximum number of attributes per tag [default: 256]
    #[arg(long, value_name = "N", value_parser = parse_count, hide_short_help = true)]
    pub(in super::super) max_attributes: Option<usize>,
    /// Maximum number of ports per host [default: 1000000]
    #[arg(long, value_name = "N", value_parser = parse_count, hide_short_help = true)]
    pub(in super::super) max_ports: Option<usize>,
    /// Maximum memory for all lists of a host: ports, services, script values, names, hops
    /// [default: 512M]
    #[arg(long, value_name = "SIZE", value_parser = parse_size, hide_short_help = true)]
    pub(in super::super) max_items: Option<usize>,
    /// Maximum nesting of compressed files and archives [default: 4]
    #[arg(long, value_name = "N", value_parser = parse_count, hide_short_help = true)]
    pub(in super::super) max_nesting: Option<usize>,
    /// Maximum number of members per archive [default: 1000000]
    #[arg(long, value_name = "N", value_parser = parse_count, hide_short_help = true)]
    pub(in super::super) max_members: Option<usize>,
    /// Maximum growth of a compressed file or member, as a multiple of its size [default: 1000]
    #[arg(long, value_name = "N", value_parser = parse_count, hide_short_help = true)]
    pub(in super::super) max_ratio: Option<usize>,
    /// Maximum decompressed size of a compressed file or member [default: none]
    #[arg(long, value_name = "SIZE", value_parser = parse_size, hide_short_help = true)]
    pub(in super::super) max_decompressed: Option<usize>,
    /// Maximum size of a zip archive in another container or from a pipe [default: 256M]
    #[arg(long, value_name = "SIZE", value_parser = parse_size, hide_short_help = true)]
    pub(in super::super) max_zip: Option<usize>,
}
