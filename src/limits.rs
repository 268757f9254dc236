//! Limits on untrusted input (DATA_MODEL rule R10), each with its default and its reason.

/// Maximum length in bytes of a block of a saved state after decompression. A reader holds one block in
/// memory.
pub(crate) const MAX_SNAPSHOT_BLOCK: usize = 1 << 20;

/// Maximum ratio of the decompressed length of a block of a saved state to its stored length.
pub(crate) const MAX_SNAPSHOT_RATIO: usize = 1000;

/// Maximum length in bytes of one file of a dataset's log, about three million documents. A reader holds one file in
/// memory.
pub(crate) const MAX_COMMIT_BYTES: u64 = 1 << 30;

/// Limits on buffers for an input, and on the output of containers. Above a limit of the first kind the value
/// is truncated, the element is dropped or the rest of the host is skipped, with `W_LIMIT`. Above a limit of
/// the second kind the input ends with `E_DECOMPRESS`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Maximum length in bytes of one attribute value or of the text of one element, before references are
    /// resolved.
    pub max_value_bytes: usize,
    /// Maximum length in bytes of one tag from `<` to `>`, including all its attributes.
    pub max_tag_bytes: usize,
    /// Maximum length in bytes of the raw XML of one host, which is held in memory as a whole.
    pub max_host_bytes: usize,
    /// Maximum length in bytes of the prescripts, postscripts and scaninfo of a scan together. They are held
    /// until the scan ends.
    pub max_scan_metadata_bytes: usize,
    /// Maximum nesting depth of elements.
    pub max_element_depth: usize,
    /// Maximum number of attributes per tag.
    pub max_attributes: usize,
    /// Maximum number of ports per host.
    pub max_ports: usize,
    /// Maximum memory in bytes of the entries of all lists of one host together: ports, services, scripts and
    /// their contents, addresses, names, hops and all other lists. Each entry takes far more memory than its
    /// XML.
    pub max_host_list_bytes: usize,
    /// Maximum length in bytes of the data that waits for the first host of a scan without `args`, because
    /// the ID of the scan depends on that host.
    pub max_pending_bytes: usize,
    /// Maximum length in bytes of a comment, processing instruction, CDATA section or DOCTYPE (rule R8).
    pub max_markup_bytes: usize,
    /// Maximum number of names of unknown elements that are remembered, so that each is reported once.
    pub max_unknown_names: usize,
    /// Maximum output in bytes of one compressed file or member; unlimited if `None`.
    pub max_decompressed_bytes: Option<u64>,
    /// Maximum ratio of the output of a file or member to its compressed size. It applies to output above 1
    /// MiB.
    pub max_compression_ratio: u64,
    /// Maximum nesting depth of compressed files and archives.
    pub max_archive_depth: usize,
    /// Maximum number of members per archive.
    pub max_archive_members: u64,
    /// Maximum length in bytes of a zip archive that is not seekable, because it is inside another container
    /// or comes from a pipe. It is held in memory.
    pub max_buffered_zip_bytes: usize,
    /// Maximum output in bytes of a program that runs as a script of a host or port.
    pub max_script_output_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: usize = 1 << 20;
        Self {
            max_value_bytes: 8 * MIB,
            max_tag_bytes: 16 * MIB,
            max_host_bytes: 64 * MIB,
            max_scan_metadata_bytes: 64 * MIB,
            max_element_depth: 256,
            max_attributes: 256,
            max_ports: 1_000_000,
            max_host_list_bytes: 512 * MIB,
            max_pending_bytes: 16 * MIB,
            max_markup_bytes: MIB,
            max_unknown_names: 1024,
            max_decompressed_bytes: None,
            max_compression_ratio: 1000,
            max_archive_depth: 4,
            max_archive_members: 1_000_000,
            max_buffered_zip_bytes: 256 * MIB,
            max_script_output_bytes: 8 * MIB,
        }
    }
}

macro_rules! with {
    ($($(#[$doc:meta])* $method:ident => $field:ident: $type:ty;)*) => {
        impl Limits {$(
            $(#[$doc])*
            #[must_use]
            pub fn $method(mut self, cap: $type) -> Self {
                self.$field = cap.into();
                self
            }
        )*}
    };
}

with! {
    /// Limits the length of a value, in bytes.
    with_max_value_bytes => max_value_bytes: usize;
    /// Limits the length of a tag, in bytes.
    with_max_tag_bytes => max_tag_bytes: usize;
    /// Limits the length of a host's raw XML, in bytes.
    with_max_host_bytes => max_host_bytes: usize;
    /// Limits the elements of a scan that are held until its end, in bytes.
    with_max_scan_metadata_bytes => max_scan_metadata_bytes: usize;
    /// Limits the nesting depth of elements.
    with_max_element_depth => max_element_depth: usize;
    /// Limits the number of attributes per tag.
    with_max_attributes => max_attributes: usize;
    /// Limits the number of ports per host.
    with_max_ports => max_ports: usize;
    /// Limits the memory of the lists of a host, in bytes.
    with_max_host_list_bytes => max_host_list_bytes: usize;
    /// Limits the data that waits for the first host of a scan without `args`, in bytes.
    with_max_pending_bytes => max_pending_bytes: usize;
    /// Limits the output of one compressed file or member, in bytes.
    with_max_decompressed_bytes => max_decompressed_bytes: u64;
    /// Limits the ratio of the output of a compressed file or member to its size.
    with_max_compression_ratio => max_compression_ratio: u64;
    /// Limits the nesting depth of containers.
    with_max_archive_depth => max_archive_depth: usize;
    /// Limits the number of members per archive.
    with_max_archive_members => max_archive_members: u64;
    /// Limits the length of a zip archive that is held in memory, in bytes.
    with_max_buffered_zip_bytes => max_buffered_zip_bytes: usize;
    /// Limits the output of a program that runs as a script, in bytes.
    with_max_script_output_bytes => max_script_output_bytes: usize;
}
